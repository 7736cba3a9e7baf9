//! The file layer under a node: a small trait, and the engine on real files.
//!
//! All methods block; callers keep them off async threads, except [`VolumeFile::pread_cached`].

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, IoSlice, IoSliceMut},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::BytesMut;
use rustix::{
    fs::{FallocateFlags, FlockOperation},
    io::{Errno, ReadWriteFlags},
};

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// It must exist.
    Existing,
    /// It is made empty, whether it exists or not.
    Create,
}

/// The directory of a node.
pub trait VolumeFiles: Send + Sync + fmt::Debug {
    /// Takes the directory for this process alone, until this value is dropped. False: another has it.
    ///
    /// # Errors
    /// Whatever the system says.
    fn lock(&self) -> io::Result<bool>;
    /// Opens a file for reading and writing. A new name is durable after [`VolumeFiles::sync_dir`].
    ///
    /// # Errors
    /// Whatever the system says.
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn VolumeFile>>;
    /// Gives a file a new name, replacing what had it. Durable after [`VolumeFiles::sync_dir`].
    ///
    /// # Errors
    /// Whatever the system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a name. Open files stay readable. Durable after [`VolumeFiles::sync_dir`].
    ///
    /// # Errors
    /// Whatever the system says.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// The names of all files, in no order.
    ///
    /// # Errors
    /// Whatever the system says.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes names durable.
    ///
    /// # Errors
    /// Whatever the system says.
    fn sync_dir(&self) -> io::Result<()>;
    /// Bytes that the file system can still take.
    ///
    /// # Errors
    /// Whatever the system says.
    fn available_bytes(&self) -> io::Result<u64>;
}

/// One open file.
pub trait VolumeFile: Send + Sync + fmt::Debug {
    /// Reads at `offset` until `buf` is full or the file ends; says how many bytes were read.
    ///
    /// # Errors
    /// Whatever the system says.
    fn pread(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// The same, but only from memory: `None` when it would have to wait for the device.
    ///
    /// # Errors
    /// Whatever the system says.
    fn pread_cached(&self, buf: &mut [u8], offset: u64) -> io::Result<Option<usize>>;
    /// Reads `length` bytes, or fewer where the file ends.
    ///
    /// # Errors
    /// Whatever the system says.
    fn read_vec(&self, length: usize, offset: u64) -> io::Result<Vec<u8>> {
        let mut buf = vec![0; length];
        let read = self.pread(&mut buf, offset)?;
        buf.truncate(read);
        Ok(buf)
    }
    /// Writes all the parts, one after the other, at `offset`.
    ///
    /// # Errors
    /// Whatever the system says; any of the bytes may have been written then.
    fn pwritev(&self, parts: &mut [IoSlice<'_>], offset: u64) -> io::Result<()>;
    /// Reserves disk space for a range, which reads as zeros until it is written, and makes the file that long.
    ///
    /// # Errors
    /// Whatever the system says.
    fn allocate(&self, offset: u64, length: u64) -> io::Result<()>;
    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// Whatever the system says. The state of the unsynced bytes is unknown then, whatever a later call says.
    fn fdatasync(&self) -> io::Result<()>;
    /// Cuts the file to this length.
    ///
    /// # Errors
    /// Whatever the system says.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// The length in bytes.
    ///
    /// # Errors
    /// Whatever the system says.
    fn length(&self) -> io::Result<u64>;
}

/// Writes a small file so that after a crash it is there whole or, as before, not at all.
pub(crate) fn write_atomically(
    files: &dyn VolumeFiles,
    name: &str,
    content: &[u8],
) -> io::Result<()> {
    let temporary = format!("{name}{TEMPORARY_SUFFIX}");
    let file = files.open(&temporary, OpenMode::Create)?;
    file.pwritev(&mut [IoSlice::new(content)], 0)?;
    file.fdatasync()?;
    files.rename(&temporary, name)?;
    files.sync_dir()
}

/// Ends the names of files that a crash may leave unfinished; they are removed at the next start.
pub(crate) const TEMPORARY_SUFFIX: &str = ".tmp";

/// The lock file's name.
pub(crate) const LOCK_NAME: &str = "lock";

/// The system takes at most this many parts in one call (POSIX IOV_MAX on Linux).
const MAX_PARTS: usize = 1024;

/// Real files in one directory.
#[derive(Debug)]
pub struct DiskFiles {
    path: PathBuf,
    directory: File,
    lock: File,
}

impl DiskFiles {
    /// Opens the directory, making it (and its parents) when it is not there.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn new(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        if let Some(parent) = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            File::open(parent)?.sync_all()?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK_NAME))?;
        Ok(Self {
            path: path.to_owned(),
            directory: File::open(path)?,
            lock,
        })
    }
}

impl VolumeFiles for DiskFiles {
    fn lock(&self) -> io::Result<bool> {
        match rustix::fs::flock(&self.lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn VolumeFile>> {
        let create = mode == OpenMode::Create;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(create)
            .open(self.path.join(name))?;
        Ok(Arc::new(DiskFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let entries = std::fs::read_dir(&self.path)?;
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.directory.sync_all()
    }

    fn available_bytes(&self) -> io::Result<u64> {
        let status = rustix::fs::fstatvfs(&self.directory)?;
        Ok(status.f_bavail.saturating_mul(status.f_frsize))
    }
}

#[derive(Debug)]
struct DiskFile(File);

impl VolumeFile for DiskFile {
    fn pread(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match rustix::io::pread(&self.0, rest, offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(done)
    }

    #[cfg(target_os = "linux")]
    fn pread_cached(&self, buf: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        let wanted = buf.len();
        match rustix::io::preadv2(
            &self.0,
            &mut [IoSliceMut::new(buf)],
            offset,
            ReadWriteFlags::NOWAIT,
        ) {
            Ok(read) if read == wanted => Ok(Some(read)),
            // Short: part of it is not in memory, or the file ends there. The blocking read finds out.
            Ok(_) | Err(Errno::AGAIN | Errno::INTR | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn pread_cached(&self, _buf: &mut [u8], _offset: u64) -> io::Result<Option<usize>> {
        Ok(None)
    }

    fn read_vec(&self, length: usize, offset: u64) -> io::Result<Vec<u8>> {
        let mut buf = Vec::with_capacity(length);
        while buf.len() < length {
            // Into the capacity: zeroing it first would cost as much as a copy.
            let at = offset + buf.len() as u64;
            match rustix::io::pread(&self.0, rustix::buffer::spare_capacity(&mut buf), at) {
                Ok(0) => break,
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        buf.truncate(length);
        Ok(buf)
    }

    fn pwritev(&self, parts: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        let mut rest = parts;
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let head = rest.get(..MAX_PARTS).unwrap_or(rest);
            match rustix::io::pwritev(&self.0, head, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn allocate(&self, offset: u64, length: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.0, FallocateFlags::empty(), offset, length) {
            // A file system that cannot reserve finds out at the write.
            Ok(()) | Err(Errno::OPNOTSUPP) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn fdatasync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

/// Room for a read of this many bytes, without leaving them uninitialised.
pub(crate) fn zeroed(length: usize) -> BytesMut {
    BytesMut::zeroed(length)
}
