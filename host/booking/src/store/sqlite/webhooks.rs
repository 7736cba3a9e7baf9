//! Webhooks and what they are still to be told.

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Failure;
use super::catalogue::hotel_row;
use super::outgoing::Happened;
use super::rows::{json, kind_number, read_code, read_json, read_kind, read_uuid};
use crate::error::Error;
use crate::store::{ChangeKind, FEED_KEPT_US, Webhook, WebhookDelivery};
use crate::types::{HotelCode, ReservationId, TimeUs, WebhookId};

/// What the audit log has of a webhook: not its secret.
fn document(id: WebhookId, url: &str) -> Result<String, Failure> {
    json(&serde_json::json!({ "id": id, "url": url }))
}

/// Adds a webhook; its document.
pub(super) fn add(tx: &WriteTx<'_>, hotel: i64, webhook: &Webhook) -> Result<String, Failure> {
    tx.prepare_cached(
        "INSERT INTO webhook (hotel, id, url, secret, last_failure) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        hotel,
        webhook.id.0.as_bytes(),
        webhook.url,
        webhook.secret,
        webhook.last_failure
    ])?;
    document(webhook.id, &webhook.url)
}

/// Removes a webhook and what it was to be told; its document.
pub(super) fn remove(tx: &WriteTx<'_>, hotel: i64, id: WebhookId) -> Result<String, Failure> {
    let key = params![hotel, id.0.as_bytes()];
    let url: String = tx
        .prepare_cached("DELETE FROM webhook WHERE hotel = ?1 AND id = ?2 RETURNING url")?
        .query_row(key, |row| row.get(0))
        .optional()?
        .ok_or_else(|| Error::NotFound("webhook".to_owned()))?;
    tx.prepare_cached("DELETE FROM delivery WHERE hotel = ?1 AND webhook = ?2")?
        .execute(key)?;
    document(id, &url)
}

/// The webhooks of a hotel.
pub(super) fn webhooks(
    connection: &Connection,
    hotel: &HotelCode,
) -> Result<Vec<Webhook>, Failure> {
    let hotel = hotel_row(connection, hotel)?.number;
    let webhooks = connection
        .prepare_cached(
            "SELECT id, url, secret, last_failure FROM webhook WHERE hotel = ?1 ORDER BY id",
        )?
        .query_map([hotel], |row| read_webhook(row, 0))?
        .collect::<Result<_, _>>()?;
    Ok(webhooks)
}

fn read_webhook(row: &Row<'_>, first: usize) -> rusqlite::Result<Webhook> {
    Ok(Webhook {
        id: WebhookId(read_uuid(row, first)?),
        url: row.get(first + 1)?,
        secret: row.get(first + 2)?,
        last_failure: row.get(first + 3)?,
    })
}

/// Queues a change for each webhook of the hotel.
pub(super) fn queue(
    tx: &WriteTx<'_>,
    happened: &Happened<'_>,
    position: u64,
    kind: ChangeKind,
    reservation: ReservationId,
) -> Result<(), Failure> {
    tx.prepare_cached(
        "INSERT INTO delivery (hotel, webhook, position, kind, reservation, at_us)
         SELECT hotel, id, ?2, ?3, ?4, ?5 FROM webhook WHERE hotel = ?1",
    )?
    .execute(params![
        happened.hotel,
        position,
        kind_number(kind),
        reservation.0.as_bytes(),
        happened.at_us
    ])?;
    Ok(())
}

/// What webhooks of the file are to be told next, where that is due; longest due first.
pub(super) fn due(
    connection: &Connection,
    now_us: TimeUs,
    max: usize,
) -> Result<Vec<(TimeUs, WebhookDelivery)>, Failure> {
    let due = connection
        .prepare_cached(
            "SELECT delivery.due_us, hotel.code, webhook.id, url, secret, last_failure,
                 position, tries, kind, at_us, reservation.document
             FROM webhook
             JOIN delivery ON delivery.hotel = webhook.hotel AND delivery.webhook = webhook.id
                 AND position = (SELECT min(position) FROM delivery AS first
                     WHERE first.hotel = webhook.hotel AND first.webhook = webhook.id)
             JOIN hotel ON hotel.number = webhook.hotel
             JOIN reservation ON reservation.hotel = webhook.hotel
                 AND reservation.id = delivery.reservation
             WHERE delivery.due_us <= ?1 ORDER BY delivery.due_us, position LIMIT ?2",
        )?
        .query_map(params![now_us, max], |row| {
            let delivery = WebhookDelivery {
                hotel: read_code(row, 1)?,
                webhook: read_webhook(row, 2)?,
                delivery: row.get(6)?,
                tries: row.get(7)?,
                kind: read_kind(row, 8)?,
                at_us: row.get(9)?,
                reservation: read_json(row, 10)?,
            };
            Ok((row.get(0)?, delivery))
        })?
        .collect::<Result<_, _>>()?;
    Ok(due)
}

/// Notes how a delivery went. One that is not there any more was noted before, or its webhook is gone.
pub(super) fn delivered(
    tx: &WriteTx<'_>,
    hotel: &HotelCode,
    webhook: WebhookId,
    delivery: u64,
    failure: Option<&(String, Option<TimeUs>)>,
) -> Result<(), Failure> {
    let hotel = hotel_row(tx, hotel)?.number;
    let key = params![hotel, webhook.0.as_bytes(), delivery];
    let noted = match failure {
        Some((_, Some(retry_us))) => tx
            .prepare_cached(
                "UPDATE delivery SET tries = tries + 1, due_us = ?4
                 WHERE hotel = ?1 AND webhook = ?2 AND position = ?3",
            )?
            .execute(params![hotel, webhook.0.as_bytes(), delivery, retry_us])?,
        None | Some((_, None)) => tx
            .prepare_cached(
                "DELETE FROM delivery WHERE hotel = ?1 AND webhook = ?2 AND position = ?3",
            )?
            .execute(key)?,
    };
    if noted == 1 {
        let text = failure.map_or("", |(text, _)| text);
        tx.prepare_cached(
            "UPDATE webhook SET last_failure = ?3
             WHERE hotel = ?1 AND id = ?2 AND last_failure <> ?3",
        )?
        .execute(params![hotel, webhook.0.as_bytes(), text])?;
    }
    Ok(())
}

/// Gives up deliveries that are as old as the feed gets; how many, at most `max`.
pub(super) fn sweep(tx: &WriteTx<'_>, now_us: TimeUs, max: usize) -> Result<usize, Failure> {
    let swept = tx
        .prepare_cached(
            "DELETE FROM delivery WHERE (hotel, webhook, position) IN
                 (SELECT hotel, webhook, position FROM delivery
                  WHERE at_us <= ?1 ORDER BY at_us LIMIT ?2)",
        )?
        .execute(params![now_us.checked_sub(FEED_KEPT_US), max])?;
    Ok(swept)
}
