//! The work behind: garbage, orphans, missing and bad copies, moving.
//!
//! Each kind of work is a pass that can be run by itself ([`ObjectStore::
//! run_background_once`](crate::ObjectStore::run_background_once) runs each
//! once), and a task that repeats it with pauses. A pass that cannot reach a
//! node leaves what it could not do for the next.

mod copies;
mod garbage;
mod moving;
mod orphans;
mod progress;

pub use progress::{Progress, ProgressCounts};

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::data::BadCopy;
use crate::error::Error;
use crate::store::Inner;

/// Pause between looks for garbage. What is deleted is invisible at once; this
/// is how soon its bytes go.
const GARBAGE_PAUSE: Duration = Duration::from_secs(1);

/// Pause between passes over all records of all nodes. Orphans come from
/// crashes, so the pass at the start finds most of them.
const ORPHANS_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// Pause between looks for copies that nodes lack, and for what the nodes'
/// scrubs have found.
const COPIES_PAUSE: Duration = Duration::from_secs(10);

/// Pause between attempts to finish moving.
const MOVING_PAUSE: Duration = Duration::from_secs(30);

/// Bytes a second that copying in the background may read, so that it leaves
/// disks and network to clients.
const COPY_BYTES_PER_SECOND: u64 = 64 << 20;

/// Records a second that passes over everything may look at.
const SCAN_RECORDS_PER_SECOND: u64 = 20_000;

/// Blobs a second that the collector may delete: several times what clients
/// are likely to delete for long, and each one is only a tombstone.
const DELETED_BLOBS_PER_SECOND: u64 = 10_000;

/// Waits as long as work of a size may take; does nothing when not paced.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    paced: bool,
}

impl Pace {
    /// As the background does it.
    const SLOW: Self = Self { paced: true };
    /// As fast as it goes.
    pub(crate) const FAST: Self = Self { paced: false };

    async fn copied(self, bytes: u64) {
        self.wait(bytes, COPY_BYTES_PER_SECOND).await;
    }

    async fn scanned(self, records: usize) {
        self.wait(records as u64, SCAN_RECORDS_PER_SECOND).await;
    }

    async fn deleted(self, blobs: usize) {
        self.wait(blobs as u64, DELETED_BLOBS_PER_SECOND).await;
    }

    async fn wait(self, work: u64, per_second: u64) {
        if self.paced {
            let micros = work.saturating_mul(1_000_000) / per_second;
            tokio::time::sleep(Duration::from_micros(micros)).await;
        }
    }
}

/// The running tasks.
pub(crate) struct Background {
    tasks: JoinSet<()>,
}

impl Background {
    /// Starts all tasks on this runtime.
    pub(crate) fn start(inner: &Arc<Inner>, repairs: mpsc::Receiver<BadCopy>) -> Self {
        let mut background = Self {
            tasks: JoinSet::new(),
        };
        background.repeat(inner, "garbage", GARBAGE_PAUSE, |inner| async move {
            inner.collect_garbage(Pace::SLOW).await
        });
        background.repeat(inner, "orphans", ORPHANS_PAUSE, |inner| async move {
            inner.collect_orphans(Pace::SLOW).await
        });
        background.repeat(inner, "copies", COPIES_PAUSE, |inner| async move {
            inner.complete_copies(Pace::SLOW).await?;
            inner.repair_damaged(Pace::SLOW).await
        });
        background.repeat(inner, "moving", MOVING_PAUSE, |inner| async move {
            inner.move_data(Pace::SLOW).await
        });
        let inner = Arc::clone(inner);
        background
            .tasks
            .spawn(async move { inner.repair_reported(repairs).await });
        background
    }

    fn repeat<F, R>(&mut self, inner: &Arc<Inner>, name: &'static str, pause: Duration, pass: F)
    where
        F: Fn(Arc<Inner>) -> R + Send + 'static,
        R: Future<Output = Result<(), Error>> + Send,
    {
        let inner = Arc::clone(inner);
        self.tasks.spawn(async move {
            loop {
                if let Err(error) = pass(Arc::clone(&inner)).await {
                    inner.progress.failed_passes.add(1);
                    tracing::warn!(pass = name, %error, "a background pass failed");
                }
                tokio::time::sleep(pause).await;
            }
        });
    }

    /// Stops the tasks. A pass is safe to break off anywhere.
    pub(crate) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}
