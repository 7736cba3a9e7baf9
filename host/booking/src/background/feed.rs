//! The change feed, read for the caches and those who wait for news.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::PAUSE;
use crate::error::Error;
use crate::service::Booking;
use crate::store::{ChangeKind, FeedEntry};
use crate::types::HotelCode;

/// Changes read at once.
const PAGE: usize = 1_000;

pub(super) async fn run(booking: Arc<Booking>, mut position: String) {
    loop {
        if let Err(error) = read(&booking, &mut position).await {
            tracing::warn!(%error, "the change feed");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Reads a page, or waits for one.
async fn read(booking: &Booking, position: &mut String) -> Result<(), Error> {
    let page = booking.store.feed(position, PAGE).await?;
    *position = page.next;
    if page.entries.is_empty() {
        return booking.store.feed_bell().await;
    }
    // First all that is stale: what is read again below must not be taken from before.
    for entry in &page.entries {
        booking.cache.changed(&entry.hotel, entry.kind);
    }
    booking.bells.webhooks.notify_one();
    booking.bells.mails.notify_one();
    booking.bells.due.notify_one();
    for hotel in hotels(&page.entries, |kind| kind != ChangeKind::ReservationCreated) {
        booking.bells.waiting.add(hotel);
    }
    for hotel in hotels(&page.entries, |kind| kind == ChangeKind::CatalogueChanged) {
        // A search has it from now on.
        booking.cache.reread(&hotel).await?;
    }
    Ok(())
}

fn hotels(entries: &[FeedEntry], wanted: impl Fn(ChangeKind) -> bool) -> BTreeSet<HotelCode> {
    let entries = entries.iter().filter(|entry| wanted(entry.kind));
    entries.map(|entry| entry.hotel.clone()).collect()
}
