//! The queue's directory, behind a trait so that tests can lose syncs and fill disks.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;
use concierge_identity::create_private_directory;
use uuid::Uuid;

use super::{QueueError, lock};

/// How log files are named: `NUMBER.log`, sixteen hexadecimal digits.
const LOG: &str = "log";
/// How files are named that were log files, and wait for the next: `NUMBER.spare`.
const SPARE: &str = "spare";
/// How messages' own files are named: `ID.eml`.
const OWN: &str = "eml";

/// Files that wait for the next log.
const SPARES_MAX: usize = 4;
/// What a log file grows by.
static GROWTH: [u8; 1 << 20] = [0; 1 << 20];

/// A log file that is appended to.
pub trait LogFile: Send {
    /// Appends some bytes; after an error it is not known how many.
    ///
    /// # Errors
    /// Those of the file system.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was appended durable.
    ///
    /// # Errors
    /// Those of the file system; what was appended may be there or not.
    fn sync(&mut self) -> io::Result<()>;
    /// Takes off what is behind so many octets, durably.
    ///
    /// # Errors
    /// Those of the file system.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// Where a queue is. All of it waits for the disk.
pub trait Disk: Send + Sync {
    /// The numbers of the log files, ascending.
    fn logs(&self) -> io::Result<Vec<u64>>;
    /// The highest number that a log file has had of which octets may be left.
    fn last(&self) -> io::Result<Option<u64>>;
    /// Makes a log file, with a number above [`Self::last`]. Octets of older ones may be in it, to be written over. Its name is
    /// durable when this answers.
    fn create(&self, log: u64) -> io::Result<Box<dyn LogFile>>;
    /// All of a log file.
    fn read_all(&self, log: u64) -> io::Result<Bytes>;
    /// A piece of a log file.
    fn read(&self, log: u64, at: u64, length: u64) -> io::Result<Bytes>;
    /// Deletes a log file, or keeps it for the next one.
    fn remove(&self, log: u64) -> io::Result<()>;
    /// Writes a message's own file, durably.
    fn write_own(&self, id: Uuid, octets: &[u8]) -> io::Result<()>;
    /// Reads it.
    fn read_own(&self, id: Uuid) -> io::Result<Vec<u8>>;
    /// Deletes it, if it is there.
    fn remove_own(&self, id: Uuid) -> io::Result<()>;
    /// The ids of the messages with own files.
    fn owns(&self) -> io::Result<Vec<Uuid>>;
    /// What is free.
    fn free_octets(&self) -> io::Result<u64>;
    /// Lets others open it.
    fn release(&self);
}

/// A directory, which one process has.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Locked while it is held.
    lock: Mutex<Option<File>>,
    files: Mutex<Files>,
}

/// Files that a later log is written over.
#[derive(Debug, Default)]
struct Files {
    /// Log files that were begun since it was opened: no others, whose records need not know their place.
    begun: HashSet<u64>,
    /// Those that were given up.
    spares: Vec<u64>,
}

impl Directory {
    /// Takes a directory, which is made if need be.
    ///
    /// # Errors
    /// [`QueueError::Closed`] where somebody else has it; those of the file system.
    pub fn open(path: &Path) -> Result<Self, QueueError> {
        create_private_directory(path)?;
        let held = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let who = format!("{} is in use", path.display());
                return Err(QueueError::Closed(who));
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let directory = Self {
            path: path.to_owned(),
            lock: Mutex::new(Some(held)),
            files: Mutex::default(),
        };
        lock(&directory.files).spares = directory.numbers(SPARE)?;
        Ok(directory)
    }

    fn log(&self, log: u64) -> PathBuf {
        self.path.join(format!("{log:016x}.{LOG}"))
    }

    fn spare(&self, log: u64) -> PathBuf {
        self.path.join(format!("{log:016x}.{SPARE}"))
    }

    /// The numbers of the files with an extension, ascending.
    fn numbers(&self, extension: &str) -> io::Result<Vec<u64>> {
        let stems = self.stems(extension)?;
        let numbers = stems.iter().map(|stem| u64::from_str_radix(stem, 16));
        let mut numbers: Vec<_> = numbers.filter_map(Result::ok).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn own(&self, id: Uuid) -> PathBuf {
        self.path.join(format!("{}.{OWN}", id.simple()))
    }

    /// Makes names durable.
    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    /// The stems of the files with an extension.
    fn stems(&self, extension: &str) -> io::Result<Vec<String>> {
        let mut stems = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let is_one = path.extension().is_some_and(|found| found == extension);
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            stems.extend(stem.filter(|_| is_one).map(str::to_owned));
        }
        Ok(stems)
    }
}

/// A log file, and its end: what an older log has left lies behind, or zeros.
struct Appending {
    file: File,
    end: u64,
    /// Of the file: to write within it is quicker to sync than to make it longer.
    length: u64,
}

impl Appending {
    /// Makes the file longer than it has to be, if there is room.
    fn grow(&mut self) {
        let length = self.end.next_multiple_of(GROWTH.len() as u64);
        let zeros = usize::try_from(length - self.end).ok();
        let zeros = zeros.and_then(|zeros| GROWTH.get(..zeros));
        let grown = self.file.write_all_at(zeros.unwrap_or_default(), self.end);
        self.length = if grown.is_ok() { length } else { self.end };
    }
}

impl LogFile for Appending {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.end)?;
        self.end += bytes.len() as u64;
        if self.end > self.length {
            self.grow();
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.end = length;
        self.length = length;
        self.file.set_len(length)?;
        self.file.sync_all()
    }
}

impl Disk for Directory {
    fn logs(&self) -> io::Result<Vec<u64>> {
        self.numbers(LOG)
    }

    fn last(&self) -> io::Result<Option<u64>> {
        let numbers = [self.numbers(LOG)?, self.numbers(SPARE)?];
        Ok(numbers
            .iter()
            .filter_map(|numbers| numbers.last())
            .max()
            .copied())
    }

    fn create(&self, log: u64) -> io::Result<Box<dyn LogFile>> {
        let path = self.log(log);
        let mut files = lock(&self.files);
        let mut options = OpenOptions::new();
        options.write(true);
        match files.spares.pop() {
            Some(spare) => fs::rename(self.spare(spare), &path)?,
            None => {
                options.create_new(true);
            }
        }
        let file = options.open(path)?;
        self.sync_names()?;
        files.begun.insert(log);
        let length = file.metadata()?.len();
        Ok(Box::new(Appending {
            file,
            end: 0,
            length,
        }))
    }

    fn read_all(&self, log: u64) -> io::Result<Bytes> {
        fs::read(self.log(log)).map(Bytes::from)
    }

    fn read(&self, log: u64, at: u64, length: u64) -> io::Result<Bytes> {
        let file = File::open(self.log(log))?;
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, at)?;
        Ok(bytes.into())
    }

    fn remove(&self, log: u64) -> io::Result<()> {
        let mut files = lock(&self.files);
        if files.begun.remove(&log) && files.spares.len() < SPARES_MAX {
            fs::rename(self.log(log), self.spare(log))?;
            files.spares.push(log);
            return Ok(());
        }
        fs::remove_file(self.log(log))
    }

    fn write_own(&self, id: Uuid, octets: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(self.own(id))?;
        let written = file.write_all(octets).and_then(|()| file.sync_all());
        match written.and_then(|()| self.sync_names()) {
            Ok(()) => Ok(()),
            Err(error) => {
                // Room for others.
                let _ = self.remove_own(id);
                Err(error)
            }
        }
    }

    fn read_own(&self, id: Uuid) -> io::Result<Vec<u8>> {
        fs::read(self.own(id))
    }

    fn remove_own(&self, id: Uuid) -> io::Result<()> {
        match fs::remove_file(self.own(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn owns(&self) -> io::Result<Vec<Uuid>> {
        let stems = self.stems(OWN)?;
        Ok(stems.iter().filter_map(|stem| stem.parse().ok()).collect())
    }

    fn free_octets(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.path)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    fn release(&self) {
        // Closing the file unlocks it.
        lock(&self.lock).take();
    }
}
