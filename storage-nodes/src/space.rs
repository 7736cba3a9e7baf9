//! How much disk space the node may still take.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{error::NodeError, files::VolumeFiles};

/// What space is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// New data: refused at the limit and at the reserve.
    Data,
    /// Tombstones and compaction, which give space back in the end: may go beyond both.
    Reclaim,
}

/// The account of disk space.
#[derive(Debug)]
pub(crate) struct Space {
    files: Arc<dyn VolumeFiles>,
    used_bytes: Mutex<u64>,
    limit_bytes: Option<u64>,
    reserve_bytes: u64,
}

impl Space {
    pub fn new(files: Arc<dyn VolumeFiles>, limit_bytes: Option<u64>, reserve_bytes: u64) -> Self {
        Self {
            files,
            used_bytes: Mutex::new(0),
            limit_bytes,
            reserve_bytes,
        }
    }

    /// Takes bytes from the account, or says that the node is full.
    pub fn take(&self, bytes: u64, purpose: Purpose) -> Result<(), NodeError> {
        let available = self
            .files
            .available_bytes()
            .map_err(|error| NodeError::from_io(&error))?;
        let reserve = if purpose == Purpose::Data {
            self.reserve_bytes
        } else {
            0
        };
        if available < bytes.saturating_add(reserve) {
            return Err(NodeError::Full);
        }
        let mut used = self
            .used_bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let after = used.saturating_add(bytes);
        if purpose == Purpose::Data && self.limit_bytes.is_some_and(|limit| after > limit) {
            return Err(NodeError::Full);
        }
        *used = after;
        Ok(())
    }

    /// Counts bytes that are in use already.
    pub fn count(&self, bytes: u64) {
        *self
            .used_bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner) += bytes;
    }

    pub fn give_back(&self, bytes: u64) {
        let mut used = self
            .used_bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *used = used.saturating_sub(bytes);
    }

    pub fn used_bytes(&self) -> u64 {
        *self
            .used_bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What new data may still take.
    pub fn free_bytes(&self) -> u64 {
        let on_disk = self
            .files
            .available_bytes()
            .unwrap_or(0)
            .saturating_sub(self.reserve_bytes);
        let in_limit = self
            .limit_bytes
            .map_or(u64::MAX, |limit| limit.saturating_sub(self.used_bytes()));
        on_disk.min(in_limit)
    }
}
