//! The change feed.

use http::StatusCode;
use serde::Serialize;

use crate::api::call::{Call, Outcome};
use crate::api::json::Time;
use crate::api::json_reply;
use crate::bindings::concierge::booking::changes::Kind;
use crate::host::Host;

/// Changes on a page where no number is named.
const LIMIT: u32 = 100;
/// Changes on a page (`wit/booking`).
const LIMIT_MAX: u32 = 1_000;

#[derive(Serialize)]
struct Page {
    changes: Vec<Change>,
    next: String,
}

#[derive(Serialize)]
struct Change {
    hotel: String,
    kind: &'static str,
    subject: String,
    at: Time,
}

/// What changed after a position.
pub async fn read<H: Host>(call: Call<'_, H>) -> Outcome {
    let query = call.query();
    let after = query.text("after").unwrap_or_default();
    let max = query.number("limit", 1..=LIMIT_MAX).unwrap_or(LIMIT);
    query.finish()?;
    let caller = call.account().await?;
    let page = call.host.read_changes(caller, after, max).await?;
    let changes = page.changes.into_iter().map(|change| Change {
        hotel: change.hotel,
        kind: kind(change.kind),
        subject: change.subject,
        at: Time(change.at_us),
    });
    json_reply(
        StatusCode::OK,
        &Page {
            changes: changes.collect(),
            next: page.next,
        },
    )
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::ReservationCreated => "reservation_created",
        Kind::ReservationChanged => "reservation_changed",
        Kind::ReservationCancelled => "reservation_cancelled",
        Kind::CatalogueChanged => "catalogue_changed",
    }
}
