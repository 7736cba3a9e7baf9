//! The directory of the files.

use std::fs::File;
use std::path::{Path, PathBuf};

/// Why a directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// It cannot be made or used.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Makes a directory where there is none, and keeps other processes out of it as long as the file is open.
///
/// # Errors
/// [`LockError`].
pub fn lock_directory(dir: &Path) -> Result<File, LockError> {
    let io = |source| LockError::Io {
        path: dir.to_owned(),
        source,
    };
    create(dir).map_err(io)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(dir.join("lock"))
        .map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(LockError::InUse(dir.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(io(source)),
    }
}

/// Makes a directory whose name survives a power cut. (The names of the files in it are synced by SQLite with its first
/// commit to each.)
fn create(dir: &Path) -> std::io::Result<()> {
    let missing = dir.ancestors().take_while(|above| !above.is_dir()).count();
    std::fs::create_dir_all(dir)?;
    // At least the nearest: a crash may have come before whoever made the directory had synced its name.
    for parent in dir.ancestors().skip(1).take(missing.max(1)) {
        let is_here = parent.as_os_str().is_empty();
        File::open(if is_here { Path::new(".") } else { parent })?.sync_all()?;
    }
    Ok(())
}
