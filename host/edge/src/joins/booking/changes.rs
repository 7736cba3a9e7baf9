//! `concierge:booking/changes`, answered by the domain crate in this process.

use crate::joins::Services;
use crate::joins::bindings::booking::changes::{Caller, Change, Error, Kind, Page};
use concierge_booking::store::{ChangeKind, FeedEntry, FeedPage};

pub(in crate::joins) async fn read(
    services: &Services,
    caller: Caller,
    after: String,
    max: u32,
) -> Result<Page, Error> {
    let caller = services.booking_caller(caller)?;
    let booking = services.booking()?;
    Ok(booking.read_changes(&caller, &after, max).await?.into())
}

impl From<FeedPage> for Page {
    fn from(page: FeedPage) -> Self {
        Self {
            changes: page.entries.into_iter().map(Into::into).collect(),
            next: page.next,
        }
    }
}

impl From<FeedEntry> for Change {
    fn from(entry: FeedEntry) -> Self {
        Self {
            hotel: entry.hotel.into(),
            kind: match entry.kind {
                ChangeKind::ReservationCreated => Kind::ReservationCreated,
                ChangeKind::ReservationChanged => Kind::ReservationChanged,
                ChangeKind::ReservationCancelled => Kind::ReservationCancelled,
                ChangeKind::CatalogueChanged => Kind::CatalogueChanged,
            },
            subject: entry.subject,
            at_us: entry.at_us,
        }
    }
}
