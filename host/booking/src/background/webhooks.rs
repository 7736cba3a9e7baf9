//! Telling webhooks what happened to reservations: at least once, each webhook in order.
//!
//! A delivery is a POST of JSON, signed with the webhook's secret:
//!
//! ```text
//! Concierge-Signature: t=1785000000,v1=<hex of HMAC-SHA256(secret, "1785000000." + body)>
//!
//! {"id": "…", "type": "reservation.created", "created": "2026-07-25T17:20:00Z", "hotel": "grand", "reservation": {…}}
//! ```
//!
//! The `id` is the same for each try, and the reservation is as it is when it is told.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use serde::Serialize;

use super::{LONGEST_WAIT, PAUSE, WebhookSender};
use crate::authorize::hmac_sha256;
use crate::error::Error;
use crate::service::Booking;
use crate::store::{ChangeKind, WebhookDelivery};
use crate::types::{Date, Money, Payment, Reservation, Room, TimeUs, US_PER_S, rfc3339};

/// The header of the signature.
pub(crate) const SIGNATURE_HEADER: &str = "Concierge-Signature";
/// Deliveries read at once, one a webhook.
const BATCH: usize = 64;
/// Of those, at once.
const AT_ONCE: usize = 16;
/// How long an answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long after the first try is tried again; doubled with each.
const RETRY_FIRST_US: TimeUs = 5 * US_PER_S;
/// The longest wait between two tries.
const RETRY_MAX_US: TimeUs = 3_600 * US_PER_S;
/// How long a change is tried to be told: three days, over a weekend.
const GIVE_UP_AFTER_US: TimeUs = 3 * 24 * 3_600 * US_PER_S;
/// Longest word kept of why a delivery failed, characters.
const FAILURE_MAX_CHARS: usize = 200;

#[derive(Serialize)]
struct Event<'a> {
    id: String,
    r#type: &'static str,
    created: String,
    hotel: &'a str,
    reservation: Told<'a>,
}

/// A reservation as webhooks are told of it: what it is about, without who.
#[derive(Serialize)]
struct Told<'a> {
    id: String,
    code: &'a str,
    state: &'static str,
    version: u64,
    arrival: String,
    departure: String,
    rooms: &'a [Room],
    total: Amount<'a>,
    payment: &'static str,
    changed: String,
}

#[derive(Serialize)]
struct Amount<'a> {
    amount: Money,
    currency: &'a str,
}

pub(super) async fn run(booking: Arc<Booking>, sender: Arc<dyn WebhookSender>) {
    let mut retry_us = TimeUs::MAX;
    loop {
        let rings = booking.bells.webhooks.notified();
        let told = tell(&booking, sender.as_ref()).await;
        let wait = match told {
            Ok(None) => {
                let until = Duration::from_micros(retry_us.saturating_sub(booking.now_us()));
                retry_us = TimeUs::MAX;
                until.min(LONGEST_WAIT)
            }
            Ok(Some(failed)) => {
                retry_us = retry_us.min(failed);
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "webhooks");
                PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = rings => {}
        }
    }
}

/// Tells what is due; the earliest time of another try, or `TimeUs::MAX`. `None`: nothing was due.
async fn tell(booking: &Booking, sender: &dyn WebhookSender) -> Result<Option<TimeUs>, Error> {
    let now_us = booking.now_us();
    let due = booking.store.webhook_deliveries(now_us, BATCH).await?;
    if due.is_empty() {
        return Ok(None);
    }
    let mut told = stream::iter(due)
        .map(|delivery| deliver(booking, sender, delivery))
        .buffer_unordered(AT_ONCE);
    let mut earliest_us = TimeUs::MAX;
    while let Some(retry_us) = told.next().await {
        earliest_us = earliest_us.min(retry_us?);
    }
    Ok(Some(earliest_us))
}

/// Tells one webhook one thing; when it is tried again, or `TimeUs::MAX`.
async fn deliver(
    booking: &Booking,
    sender: &dyn WebhookSender,
    delivery: WebhookDelivery,
) -> Result<TimeUs, Error> {
    let now_us = booking.now_us();
    let body = body(&delivery)?;
    let headers = vec![
        ("Content-Type", "application/json".to_owned()),
        (
            SIGNATURE_HEADER,
            signature(&delivery.webhook.secret, now_us, &body),
        ),
    ];
    let post = sender.post(&delivery.webhook.url, headers, body);
    let posted = tokio::time::timeout(ANSWER_WITHIN, post).await;
    let failure = posted
        .unwrap_or_else(|_| Err("it did not answer in time".to_owned()))
        .err()
        .map(|why| why.chars().take(FAILURE_MAX_CHARS).collect::<String>());
    let outcome = match failure {
        None => "done",
        Some(_) => "failed",
    };
    metrics::counter!("concierge_booking_webhooks_total", "outcome" => outcome).increment(1);
    let retry_us = retry_us(&delivery, booking.now_us());
    let next_us = match failure {
        None => TimeUs::MAX,
        Some(_) => retry_us.unwrap_or(TimeUs::MAX),
    };
    let failure = failure.map(|why| (why, retry_us));
    let (hotel, webhook) = (delivery.hotel, delivery.webhook.id);
    booking
        .store
        .webhook_delivered(hotel, webhook, delivery.delivery, failure)
        .await?;
    Ok(next_us)
}

fn retry_us(delivery: &WebhookDelivery, now_us: TimeUs) -> Option<TimeUs> {
    let tried_for_us = now_us.saturating_sub(delivery.at_us);
    let doubled = 1_u64 << delivery.tries.min(16);
    let wait_us = RETRY_FIRST_US.saturating_mul(doubled).min(RETRY_MAX_US);
    (tried_for_us < GIVE_UP_AFTER_US).then(|| now_us.saturating_add(wait_us))
}

fn body(delivery: &WebhookDelivery) -> Result<String, Error> {
    let kind = match delivery.kind {
        ChangeKind::ReservationCreated => "reservation.created",
        ChangeKind::ReservationChanged => "reservation.changed",
        ChangeKind::ReservationCancelled => "reservation.cancelled",
        ChangeKind::CatalogueChanged => "catalogue.changed",
    };
    let event = Event {
        id: format!("{}-{}", delivery.webhook.id, delivery.delivery),
        r#type: kind,
        created: rfc3339(delivery.at_us),
        hotel: delivery.hotel.as_str(),
        reservation: told(&delivery.reservation),
    };
    serde_json::to_string(&event).map_err(|error| {
        tracing::error!(%error, "a webhook's event");
        Error::Internal
    })
}

fn told(reservation: &Reservation) -> Told<'_> {
    let date = |date: Date| date.to_string();
    Told {
        id: reservation.id.to_string(),
        code: reservation.code.as_str(),
        state: reservation.state.as_str(),
        version: reservation.version,
        arrival: date(reservation.stay.arrival),
        departure: date(reservation.stay.departure),
        rooms: &reservation.stay.rooms,
        total: Amount {
            amount: reservation.price.total,
            currency: &reservation.price.currency,
        },
        payment: Payment::of(reservation).state.as_str(),
        changed: rfc3339(reservation.changed_us),
    }
}

/// `t=UNIX,v1=HEX`.
fn signature(secret: &str, now_us: TimeUs, body: &str) -> String {
    let now_s = now_us / US_PER_S;
    let tag = hmac_sha256(secret.as_bytes(), format!("{now_s}.{body}").as_bytes());
    let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={now_s},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_over_time_and_body() {
        // openssl: printf '1785000000.{}' | openssl dgst -sha256 -hmac whsec_test
        let signed = signature("whsec_test", 1_785_000_000_999_999, "{}");
        let (time, tag) = signed.split_once(",v1=").unwrap();
        assert_eq!(time, "t=1785000000");
        assert_eq!(tag, EXPECTED);
    }

    const EXPECTED: &str = "181053dc354185f44e8befd15529865b9dec080731d87d33ada272c351265157";
}
