//! How to open a node.

use std::sync::Arc;

use crate::{
    error::OpenError,
    files::VolumeFiles,
    format::{MAX_RECORD_BYTES, VOLUME_HEADER_BYTES, VolumeKind},
};

/// The most payload bytes for which a put is packed with others. One block, so a record has one checksum and one
/// `pread` fetches it whole.
pub const PACKED_LIMIT_BYTES: u64 = 64 * 1024;
const _: () = assert!(PACKED_LIMIT_BYTES <= crate::format::BLOCK_BYTES);

/// The smallest volume that makes sense: a few of the largest packed records.
const MIN_VOLUME_BYTES: u64 = 4 * PACKED_LIMIT_BYTES;
/// The largest: the index keeps offsets in 32 bits, in units of 64 bytes.
const MAX_VOLUME_BYTES: u64 = 64 * 1024 * 1024 * 1024;
const _: () = assert!(
    MAX_VOLUME_BYTES + VolumeKind::Extents.region_bytes(MAX_RECORD_BYTES)
        <= u32::MAX as u64 * VolumeKind::Packed.alignment_bytes()
);

/// How a node is opened. `NodeOptions::default()` suits a disk of its own.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The file layer; `None` is the real file system. Tests put a faulty one here.
    pub files: Option<Arc<dyn VolumeFiles>>,
    /// A volume takes no more records when it has this many bytes. Larger volumes mean fewer files, smaller ones
    /// that compaction has less to copy at a time.
    pub volume_size_bytes: u64,
    /// The most disk space that volumes may take, or `None` for the whole disk less the reserve.
    pub capacity_limit_bytes: Option<u64>,
    /// New data is refused when the file system has less than this left, so that deletes and compaction, and
    /// whatever else lives on the disk, can still work.
    pub free_space_reserve_bytes: u64,
    /// How fast the scrub reads, in bytes a second; 0 switches it off.
    pub scrub_bytes_per_second: u64,
    /// A sealed volume is rewritten when this share of it, in percent, is dead.
    pub compact_at_dead_percent: u8,
    /// How fast compaction copies, in bytes a second, so that it leaves the disk to clients.
    pub compact_bytes_per_second: u64,
    /// Whether to read everything from the volumes although there is an index checkpoint.
    pub rebuild_index: bool,
    /// Whether sealing, compaction, checkpoints and scrub run by themselves. Tests switch this off and call them.
    pub background: bool,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            files: None,
            volume_size_bytes: 1024 * 1024 * 1024,
            capacity_limit_bytes: None,
            free_space_reserve_bytes: 512 * 1024 * 1024,
            scrub_bytes_per_second: 8 * 1024 * 1024,
            compact_at_dead_percent: 50,
            compact_bytes_per_second: 64 * 1024 * 1024,
            rebuild_index: false,
            background: true,
        }
    }
}

impl NodeOptions {
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let bad = |option, reason: String| Err(OpenError::BadOption { option, reason });
        if !(MIN_VOLUME_BYTES..=MAX_VOLUME_BYTES).contains(&self.volume_size_bytes) {
            let reason = format!("it must be from {MIN_VOLUME_BYTES} to {MAX_VOLUME_BYTES}");
            return bad("volume_size_bytes", reason);
        }
        if self
            .capacity_limit_bytes
            .is_some_and(|limit| limit < MIN_VOLUME_BYTES + VOLUME_HEADER_BYTES)
        {
            return bad(
                "capacity_limit_bytes",
                format!("it must be more than {MIN_VOLUME_BYTES}"),
            );
        }
        if !(1..=100).contains(&self.compact_at_dead_percent) {
            return bad(
                "compact_at_dead_percent",
                "it must be from 1 to 100".to_owned(),
            );
        }
        if self.compact_bytes_per_second == 0 {
            return bad(
                "compact_bytes_per_second",
                "it must be at least 1".to_owned(),
            );
        }
        Ok(())
    }

    /// Disk space is reserved in steps of this many bytes: large enough that reserving is rare, small enough
    /// that what is reserved and unused does not matter.
    pub(crate) fn allocation_step_bytes(&self) -> u64 {
        const LARGEST_STEP_BYTES: u64 = 16 * 1024 * 1024;
        (self.volume_size_bytes / 16).clamp(4096, LARGEST_STEP_BYTES)
    }
}
