//! Maildir (<https://cr.yp.to/proto/maildir.html>) with folders as Maildir++ has them: `.A.B` for B in A, names in
//! modified UTF-7. Folders that lie in each other as directories are read too.

use std::collections::{HashSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::folders::{from_modified_utf7, to_modified_utf7};
use super::tree::{Directories, Directory, entries};
use super::{LineBreaks, ReadError, Stored, read_message, set_time, time_us};

/// Flags in names of files, and JMAP's keywords (RFC 8621 §4.1.1).
const FLAGS: [(char, &str); 5] = [
    ('D', "$draft"),
    ('F', "$flagged"),
    ('P', "$forwarded"),
    ('R', "$answered"),
    ('S', "$seen"),
];

/// What is marked to be deleted.
const TRASHED: char = 'T';

/// Reads a Maildir and its folders: what is in `cur` and `new`. The time of a file is when its message was received.
#[derive(Debug)]
pub struct MaildirReader {
    directories: Directories,
    folder: Vec<String>,
    files: VecDeque<PathBuf>,
    errors: VecDeque<ReadError>,
}

impl MaildirReader {
    /// A reader of the Maildir at `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            directories: Directories::below(root),
            folder: Vec::new(),
            files: VecDeque::new(),
            errors: VecDeque::new(),
        }
    }

    fn enter(&mut self, directory: &Directory) {
        let is_folder = |name: &str| !matches!(name, "cur" | "new" | "tmp");
        if let Err(error) = self.directories.enter(directory, is_folder) {
            self.errors.push_back(error);
        }
        self.folder = directory
            .names
            .iter()
            .flat_map(|name| folder(name))
            .collect();
        for part in ["cur", "new"] {
            let path = directory.path.join(part);
            if !path.is_dir() {
                continue;
            }
            match entries(&path) {
                Ok(entries) => self.files.extend(
                    entries
                        .into_iter()
                        .filter(|(_, is_folder)| !is_folder)
                        .map(|(path, _)| path),
                ),
                Err(error) => self.errors.push_back(error),
            }
        }
    }

    fn read(&self, path: &Path) -> Result<Stored, ReadError> {
        let bytes = read_message(path)?;
        let modified = fs::metadata(path).and_then(|data| data.modified());
        let modified = modified.map_err(|error| ReadError::io(path, error))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let flags = flags(&name);
        let known = FLAGS.iter().filter(|(flag, _)| flags.contains(*flag));
        Ok(Stored {
            folder: self.folder.clone(),
            keywords: known.map(|(_, keyword)| (*keyword).to_owned()).collect(),
            is_deleted: flags.contains(TRASHED),
            received_us: time_us(modified),
            bytes,
        })
    }
}

/// The names that the name of a directory stands for.
fn folder(name: &str) -> Vec<String> {
    match name.strip_prefix('.') {
        Some(names) => names.split('.').map(from_modified_utf7).collect(),
        None => vec![name.to_owned()],
    }
}

/// What follows `:2,`, or what takes the place of the colon where a file system has none in names.
fn flags(name: &str) -> &str {
    let found = [":2,", ";2,", "!2,"]
        .iter()
        .find_map(|mark| name.rsplit_once(mark));
    found.map_or("", |(_, flags)| flags)
}

impl Iterator for MaildirReader {
    type Item = Result<Stored, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(error) = self.errors.pop_front() {
                return Some(Err(error));
            }
            if let Some(path) = self.files.pop_front() {
                return Some(self.read(&path));
            }
            let directory = self.directories.next()?;
            self.enter(&directory);
        }
    }
}

/// Writes messages into a Maildir, each first in `tmp`. Keywords that have no flag are not written.
#[derive(Debug)]
pub struct MaildirWriter {
    root: PathBuf,
    line_breaks: LineBreaks,
    count: u64,
    /// Directories that are there.
    made: HashSet<PathBuf>,
}

impl MaildirWriter {
    /// A writer into the Maildir at `root`, which is made if it is not there.
    #[must_use]
    pub fn new(root: &Path, line_breaks: LineBreaks) -> Self {
        Self {
            root: root.to_owned(),
            line_breaks,
            count: 0,
            made: HashSet::new(),
        }
    }

    /// Writes a message; gives the path of its file.
    ///
    /// # Errors
    /// Those of the file system; a file that is there already is one, and stays as it was.
    pub fn write(&mut self, message: &Stored) -> io::Result<PathBuf> {
        let directory = self.directory(&message.folder)?;
        self.count += 1;
        let seconds = message.received_us.unwrap_or(0) / 1_000_000;
        let name = format!("{seconds}.M{}.concierge", self.count);
        let temporary = directory.join("tmp").join(&name);
        let mut file = File::create_new(&temporary)?;
        file.write_all(&self.line_breaks.of(&message.bytes))?;
        set_time(&file, message.received_us)?;
        drop(file);
        let known = FLAGS.iter().filter(|(_, keyword)| {
            let mut keywords = message.keywords.iter();
            keywords.any(|has| has == keyword)
        });
        let mut flags: String = known.map(|(flag, _)| *flag).collect();
        if message.is_deleted {
            flags.push(TRASHED);
        }
        let path = directory.join("cur").join(format!("{name}:2,{flags}"));
        if path.exists() {
            fs::remove_file(&temporary)?;
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(&temporary, &path)?;
        Ok(path)
    }

    fn directory(&mut self, folder: &[String]) -> io::Result<PathBuf> {
        let mut path = self.root.clone();
        if !folder.is_empty() {
            let names: Vec<_> = folder.iter().map(|name| to_modified_utf7(name)).collect();
            path.push(format!(".{}", names.join(".")));
        }
        if self.made.insert(path.clone()) {
            for part in ["cur", "new", "tmp"] {
                fs::create_dir_all(path.join(part))?;
            }
            if !folder.is_empty() {
                // It tells delivery agents that this is a folder.
                File::create(path.join("maildirfolder"))?;
            }
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(folder: &[&str], keywords: &[&str], seconds: u64) -> Stored {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Stored {
            folder: own(folder),
            keywords: own(keywords),
            is_deleted: seconds == 3,
            received_us: Some(seconds * 1_000_000),
            bytes: format!("Subject: {seconds}\r\n\r\nx").into_bytes(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("Maildir");
        let messages = [
            message(&[], &["$flagged", "$seen"], 1),
            message(&[], &[], 2),
            message(&["A.b", "Entwürfe"], &["$draft"], 3),
            message(&["Z"], &["$forwarded", "$answered"], 4),
        ];
        let mut writer = MaildirWriter::new(&root, LineBreaks::Unix);
        for message in &messages {
            writer.write(message).unwrap();
        }
        let read: Result<Vec<_>, _> = MaildirReader::new(&root).collect();
        let mut read = read.unwrap();
        read.sort_by_key(|message| message.received_us);
        assert_eq!(read, messages);
        assert!(
            MaildirWriter::new(&root, LineBreaks::Unix)
                .write(&messages[0])
                .is_err()
        );
        let left = fs::read_dir(root.join("tmp")).unwrap().count();
        assert_eq!(left, 0);
    }

    #[test]
    fn other_layouts_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for (path, name) in [
            ("new", "1.a"),
            ("cur", "2.b;2,S"),
            ("Work/Old/cur", "3.c:2,a"),
            ("tmp", "4.d"),
        ] {
            fs::create_dir_all(root.join(path)).unwrap();
            fs::write(root.join(path).join(name), format!("A: {name}\n\n")).unwrap();
        }
        fs::write(root.join("cur/broken"), "").unwrap();
        let (read, errors): (Vec<_>, Vec<_>) = MaildirReader::new(root).partition(Result::is_ok);
        let read: Vec<_> = read.into_iter().map(Result::unwrap).collect();
        let told: Vec<_> = read
            .iter()
            .map(|message| (message.folder.join("/"), message.keywords.join(" ")))
            .collect();
        let own = |folder: &str, keywords: &str| (folder.to_owned(), keywords.to_owned());
        assert_eq!(told, [own("", "$seen"), own("", ""), own("Work/Old", "")]);
        assert_eq!(errors.len(), 1);
    }
}
