//! Trees of `.eml` files: a message a file.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::folders::to_file_name;
use super::tree::{Directories, Directory};
use super::{LineBreaks, ReadError, Stored, below, read_message, set_time};

/// Reads all `.eml` files in a folder and those below it, where other files are passed over; or one file. The folders of a message are
/// those that its file lies in. Received times and keywords are not in such files.
#[derive(Debug)]
pub struct EmlReader {
    directories: Directories,
    directory: Vec<String>,
    files: VecDeque<PathBuf>,
}

impl EmlReader {
    /// A reader of what is in the folder `root` and below, or of the file `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        let (directories, files) = match root.is_file() {
            true => (Directories::none(), VecDeque::from([root.to_owned()])),
            false => (Directories::below(root), VecDeque::new()),
        };
        Self {
            directories,
            directory: Vec::new(),
            files,
        }
    }

    fn enter(&mut self, directory: Directory) -> Result<(), ReadError> {
        self.files = self.directories.enter(&directory, |_| true)?;
        self.files.retain(|path| is_eml(path));
        self.directory = directory.names;
        Ok(())
    }
}

fn is_eml(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    extension.eq_ignore_ascii_case("eml")
}

impl Iterator for EmlReader {
    type Item = Result<Stored, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(path) = self.files.pop_front() {
                return Some(read_message(&path).map(|bytes| Stored {
                    folder: self.directory.clone(),
                    bytes,
                    ..Stored::default()
                }));
            }
            let directory = self.directories.next()?;
            if let Err(error) = self.enter(directory) {
                return Some(Err(error));
            }
        }
    }
}

/// Writes messages as files `000001.eml` and on, in folders named as theirs. The time of a file is when its message
/// was received.
#[derive(Debug)]
pub struct EmlWriter {
    root: PathBuf,
    line_breaks: LineBreaks,
    /// Messages written, by folder.
    counts: HashMap<Vec<String>, u64>,
}

impl EmlWriter {
    /// A writer into the folder `root`, which is made if it is not there.
    #[must_use]
    pub fn new(root: &Path, line_breaks: LineBreaks) -> Self {
        Self {
            root: root.to_owned(),
            line_breaks,
            counts: HashMap::new(),
        }
    }

    /// Writes a message; gives the path of its file.
    ///
    /// # Errors
    /// Those of the file system; a file that is there already is one, and stays as it was.
    pub fn write(&mut self, message: &Stored) -> io::Result<PathBuf> {
        let directory = below(
            &self.root,
            message.folder.iter().map(|name| to_file_name(name)),
        );
        fs::create_dir_all(&directory)?;
        let count = self.counts.entry(message.folder.clone()).or_default();
        *count += 1;
        let path = directory.join(format!("{count:06}.eml"));
        let mut file = File::create_new(&path)?;
        file.write_all(&self.line_breaks.of(&message.bytes))?;
        set_time(&file, message.received_us)?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("out");
        let message = |folder: &[&str], text: &str| Stored {
            folder: folder.iter().map(|name| (*name).to_owned()).collect(),
            bytes: format!("Subject: {text}\r\n\r\n{text}").into_bytes(),
            ..Stored::default()
        };
        let messages = [
            message(&[], "one"),
            message(&[], "two\r\n"),
            message(&["A", "B ü"], "three"),
            message(&["C"], "four"),
        ];
        let mut writer = EmlWriter::new(&root, LineBreaks::Unix);
        for message in &messages {
            writer.write(message).unwrap();
        }
        fs::write(root.join("notes.txt"), "no").unwrap();
        let read: Result<Vec<_>, _> = EmlReader::new(&root).collect();
        assert_eq!(read.unwrap(), messages);
        let mut again = EmlWriter::new(&root, LineBreaks::Unix);
        let error = again.write(&messages[0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn folders_do_not_lead_out() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("a/b");
        let message = Stored {
            folder: vec!["..".to_owned(), "/etc".to_owned()],
            bytes: b"A: 1\r\n\r\n".to_vec(),
            ..Stored::default()
        };
        let path = EmlWriter::new(&root, LineBreaks::AsStored)
            .write(&message)
            .unwrap();
        assert_eq!(path, root.join("%2E./%2Fetc/000001.eml"));
    }

    #[test]
    fn a_damaged_file_does_not_end_the_reading() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("1.eml"), b"").unwrap();
        fs::write(directory.path().join("2.eml"), b"\xff\xfe\x00").unwrap();
        fs::write(directory.path().join("3.EML"), b"A: 1\n\nx\n").unwrap();
        let read: Vec<_> = EmlReader::new(directory.path()).collect();
        assert!(matches!(read[0], Err(ReadError::NotAMessage { .. })));
        assert!(matches!(read[1], Err(ReadError::NotAMessage { .. })));
        assert_eq!(read[2].as_ref().unwrap().bytes, b"A: 1\r\n\r\nx\r\n");
        let missing: Vec<_> = EmlReader::new(&directory.path().join("none")).collect();
        assert!(matches!(missing[..], [Err(ReadError::Io { .. })]));
    }

    #[test]
    fn a_file_can_be_read_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("one");
        fs::write(&path, "Subject: alone\n\nhello\n").unwrap();
        let read: Vec<_> = EmlReader::new(&path).map(Result::unwrap).collect();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].bytes, b"Subject: alone\r\n\r\nhello\r\n");
        assert!(read[0].folder.is_empty());
    }
}
