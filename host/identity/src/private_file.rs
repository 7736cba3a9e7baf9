//! Small files that only their owner may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Read and write for the owner alone.
const FILE_MODE: u32 = 0o600;
/// The same for a directory.
const DIRECTORY_MODE: u32 = 0o700;

/// Writes a file that only its owner may read (mode 0600), durably and whole:
/// after a crash there is the old file or the new one.
///
/// The file is written beside `path` and renamed over it; a leftover of an
/// earlier crash is replaced.
pub fn write_private_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not the path of a file",
        ));
    };
    let mut beside = name.to_owned();
    beside.push(".new");
    let beside = directory.join(beside);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // `create_new`: the mode applies to a file that is made, never to one that
    // is there already.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_directory(directory)
}

/// Makes a file that only its owner may read unless there is one, and gives
/// whether it was made. The file is empty and its name durable.
pub(crate) fn create_private_file(path: &Path) -> io::Result<bool> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
    {
        Ok(file) => {
            file.sync_all()?;
            path.parent().map_or(Ok(()), sync_directory)?;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a directory that only its owner may enter (mode 0700), and those above it, where they are missing. Its name is
/// durable then, also where a crash came before whoever made it had synced it.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    let missing = path.ancestors().take_while(|above| !above.is_dir()).count();
    fs::DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(path)?;
    let mut parents = path.ancestors().skip(1).take(missing.max(1));
    parents.try_for_each(sync_directory)
}

/// Makes the names in a directory durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn replaces_and_keeps_the_mode() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, "open to all").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        // A leftover of a crash, with a mode of its own.
        let beside = directory.path().join("secret.new");
        fs::write(&beside, "half").unwrap();
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o666)).unwrap();

        write_private_file(&path, b"closed").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"closed");
        assert_eq!(mode(&path), 0o600);
        assert!(!beside.exists());
    }

    #[test]
    fn creates_once() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("a/b");
        create_private_directory(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
        let path = inner.join("file");
        assert!(create_private_file(&path).unwrap());
        assert!(!create_private_file(&path).unwrap());
        assert_eq!(mode(&path), 0o600);
    }
}
