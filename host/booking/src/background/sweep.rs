//! Forgetting what is over its time, and finding hotels that the feed did not tell of.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::service::Booking;

/// How often.
const EVERY: Duration = Duration::from_secs(60);
/// Rows that go in one transaction: others wait for it.
const BATCH: usize = 1_000;

pub(super) async fn run(booking: Arc<Booking>) {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Err(error) = sweep(&booking).await {
            tracing::warn!(%error, "sweeping");
        }
    }
}

async fn sweep(booking: &Booking) -> Result<(), Error> {
    while booking.store.sweep(booking.now_us(), BATCH).await? >= BATCH {
        tokio::task::yield_now().await;
    }
    // Bytes are far below where a float loses them.
    metrics::gauge!("concierge_booking_cache_bytes").set(booking.cache.kept_bytes() as f64);
    booking.cache.read_new_hotels().await
}
