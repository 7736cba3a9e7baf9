//! The queue's directory, behind a trait so that tests can lose syncs and fill disks.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;
use uuid::Uuid;

use super::{QueueError, lock};

/// How log files are named: `NUMBER.log`, sixteen hexadecimal digits.
const LOG: &str = "log";
/// How messages' own files are named: `ID.eml`.
const OWN: &str = "eml";

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
    /// Makes a log file. Its name is durable when this answers.
    fn create(&self, log: u64) -> io::Result<Box<dyn LogFile>>;
    /// All of a log file.
    fn read_all(&self, log: u64) -> io::Result<Bytes>;
    /// A piece of a log file.
    fn read(&self, log: u64, at: u64, length: u64) -> io::Result<Bytes>;
    /// Deletes a log file.
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
}

impl Directory {
    /// Takes a directory, which is made if need be.
    ///
    /// # Errors
    /// [`QueueError::Closed`] where somebody else has it; those of the file system.
    pub fn open(path: &Path) -> Result<Self, QueueError> {
        fs::create_dir_all(path)?;
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
        Ok(Self {
            path: path.to_owned(),
            lock: Mutex::new(Some(held)),
        })
    }

    fn log(&self, log: u64) -> PathBuf {
        self.path.join(format!("{log:016x}.{LOG}"))
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

struct Appending(File);

impl LogFile for Appending {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)?;
        self.0.sync_all()
    }
}

impl Disk for Directory {
    fn logs(&self) -> io::Result<Vec<u64>> {
        let stems = self.stems(LOG)?;
        let numbers = stems.iter().map(|stem| u64::from_str_radix(stem, 16));
        let mut numbers: Vec<_> = numbers.filter_map(Result::ok).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn create(&self, log: u64) -> io::Result<Box<dyn LogFile>> {
        let options = OpenOptions::new().create_new(true).append(true).clone();
        let file = options.open(self.log(log))?;
        self.sync_names()?;
        Ok(Box::new(Appending(file)))
    }

    fn read_all(&self, log: u64) -> io::Result<Bytes> {
        fs::read(self.log(log)).map(Bytes::from)
    }

    fn read(&self, log: u64, at: u64, length: u64) -> io::Result<Bytes> {
        let mut file = File::open(self.log(log))?;
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }

    fn remove(&self, log: u64) -> io::Result<()> {
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
