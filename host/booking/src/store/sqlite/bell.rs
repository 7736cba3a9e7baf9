//! The bell of the feed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// How long is waited for the bell at most: who listens beside another listener, who heard it first, looks by itself
/// after this.
const MOMENT: Duration = Duration::from_secs(1);

/// Rung after each commit that has told something.
#[derive(Debug)]
pub(super) struct Bell {
    rung: watch::Sender<u64>,
    heard: AtomicU64,
}

impl Bell {
    pub(super) fn new() -> Self {
        Self {
            rung: watch::Sender::new(0),
            heard: AtomicU64::new(0),
        }
    }

    pub(super) fn ring(&self) {
        self.rung.send_modify(|rung| *rung += 1);
    }

    /// Waits until it was rung after the last time that it was heard, or a moment.
    pub(super) async fn hear(&self) {
        let heard = self.heard.load(Ordering::Acquire);
        let mut listener = self.rung.subscribe();
        let rung = listener.wait_for(|rung| *rung > heard);
        // The bell is there as long as the one who holds it; a moment that is over is no failure.
        if let Ok(Ok(rung)) = tokio::time::timeout(MOMENT, rung).await {
            self.heard.fetch_max(*rung, Ordering::AcqRel);
        }
    }
}
