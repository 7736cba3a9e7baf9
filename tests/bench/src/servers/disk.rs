//! What the disk itself gives, with no server before it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Bytes of one write.
const WRITE_BYTES: usize = 4096;
/// The file is laid out beforehand and written over in a ring, so that a sync
/// carries data alone and no new size or blocks.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// A file to measure single synced writes with.
pub struct SyncedWrites {
    file: File,
    at: u64,
}

impl SyncedWrites {
    /// Lays a file out in `dir`, which holds it until it is dropped with it.
    pub fn prepare(dir: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(dir)?;
        file.write_all_at(&vec![0xa5; FILE_BYTES as usize], 0)?;
        file.sync_all()?;
        Ok(Self { file, at: 0 })
    }

    /// Writes 4 KiB and syncs it (fdatasync), again and again for `time`: how
    /// many a second.
    pub fn measure(&mut self, time: Duration) -> Result<f64> {
        let block = [0x5a; WRITE_BYTES];
        let begun = Instant::now();
        let mut writes = 0_u64;
        while begun.elapsed() < time {
            self.file.write_all_at(&block, self.at)?;
            self.file.sync_data()?;
            self.at = (self.at + WRITE_BYTES as u64) % FILE_BYTES;
            writes += 1;
        }
        Ok(writes as f64 / begun.elapsed().as_secs_f64())
    }
}
