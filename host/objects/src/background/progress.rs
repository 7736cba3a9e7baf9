//! What the background has done since the start.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// A number that grows, here and in the metrics.
#[derive(Debug)]
pub struct Count {
    metric: &'static str,
    value: AtomicU64,
}

impl Count {
    const fn new(metric: &'static str) -> Self {
        Self {
            metric,
            value: AtomicU64::new(0),
        }
    }

    pub(crate) fn add(&self, count: u64) {
        if count > 0 {
            self.value.fetch_add(count, Ordering::Relaxed);
            metrics::counter!(self.metric).increment(count);
        }
    }

    fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}

/// Counters of the background.
#[derive(Debug)]
pub struct Progress {
    pub(crate) blobs_collected: Count,
    pub(crate) orphans_collected: Count,
    pub(crate) copies_completed: Count,
    pub(crate) copies_repaired: Count,
    pub(crate) copies_beyond_repair: Count,
    pub(crate) blobs_moved: Count,
    pub(crate) failed_passes: Count,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            blobs_collected: Count::new("concierge_objects_blobs_collected_total"),
            orphans_collected: Count::new("concierge_objects_orphans_collected_total"),
            copies_completed: Count::new("concierge_objects_copies_completed_total"),
            copies_repaired: Count::new("concierge_objects_copies_repaired_total"),
            copies_beyond_repair: Count::new("concierge_objects_copies_beyond_repair_total"),
            blobs_moved: Count::new("concierge_objects_blobs_moved_total"),
            failed_passes: Count::new("concierge_objects_failed_passes_total"),
        }
    }
}

/// What the background has done since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ProgressCounts {
    /// Blobs that were deleted because nothing names them any more.
    pub blobs_collected: u64,
    /// Records that a crash had left without a name.
    pub orphans_collected: u64,
    /// Copies that were missing at the acknowledgement and are there now.
    pub copies_completed: u64,
    /// Bad copies of records that were written anew from good ones.
    pub copies_repaired: u64,
    /// Bad copies of which no good one was found; counted at each attempt.
    pub copies_beyond_repair: u64,
    /// Blobs that went to another place.
    pub blobs_moved: u64,
    /// Passes that could not be finished, because a node or the catalogue
    /// could not be used.
    pub failed_passes: u64,
}

impl Progress {
    /// The numbers now.
    #[must_use]
    pub fn counts(&self) -> ProgressCounts {
        ProgressCounts {
            blobs_collected: self.blobs_collected.get(),
            orphans_collected: self.orphans_collected.get(),
            copies_completed: self.copies_completed.get(),
            copies_repaired: self.copies_repaired.get(),
            copies_beyond_repair: self.copies_beyond_repair.get(),
            blobs_moved: self.blobs_moved.get(),
            failed_passes: self.failed_passes.get(),
        }
    }
}
