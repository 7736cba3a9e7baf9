//! What lies on the disk under a data directory: to find stored bytes, to
//! damage them, and to see that they are gone.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use memchr::memmem;

/// A place on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Bytes from its start.
    pub offset: u64,
}

/// All regular files under `directory`.
pub fn files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        // A file may be gone between being listed and being looked at.
        let Ok(entries) = std::fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Where `needle` lies in files under `directory`, databases left out: objects
/// lie in volumes as they are.
pub fn find(directory: &Path, needle: &[u8]) -> anyhow::Result<Vec<Place>> {
    ensure!(
        needle.len() >= 16,
        "a needle of {} bytes could be found by chance",
        needle.len()
    );
    let mut places = Vec::new();
    for file in files(directory)? {
        let name = file
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if name.contains(".db") || name.contains(".sqlite") {
            continue;
        }
        let Ok(bytes) = std::fs::read(&file) else {
            continue;
        };
        places.extend(memmem::find_iter(&bytes, needle).map(|offset| Place {
            file: file.clone(),
            offset: offset as u64,
        }));
    }
    Ok(places)
}

/// Flips one bit of the byte at `place`.
pub fn flip(place: &Place) -> anyhow::Result<()> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&place.file)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, place.offset)?;
    byte[0] ^= 0x10;
    file.write_all_at(&byte, place.offset)?;
    Ok(file.sync_all()?)
}

/// Bytes that the files under `directory` take on the disk.
pub fn used_bytes(directory: &Path) -> anyhow::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    // stat(2) counts in blocks of 512 bytes.
    Ok(files(directory)?
        .iter()
        .filter_map(|file| std::fs::metadata(file).ok())
        .map(|data| data.blocks() * 512)
        .sum())
}

/// How long a background task may take before a test fails; only a task that
/// does not run reaches it.
pub const BACKGROUND_LIMIT: Duration = Duration::from_secs(120);

/// Asks `condition` again and again until it holds; fails with `what` when it
/// does not within [`BACKGROUND_LIMIT`].
pub async fn eventually<F, Fut>(what: &str, mut condition: F) -> anyhow::Result<()>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = anyhow::Result<bool>>,
{
    let began = Instant::now();
    while !condition().await.with_context(|| what.to_owned())? {
        ensure!(
            began.elapsed() < BACKGROUND_LIMIT,
            "not within {BACKGROUND_LIMIT:?}: {what}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
