//! The waiting list.

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::catalogue::hotel_row;
use super::rows::{json, read_json};
use super::{Failure, keys, outgoing};
use crate::error::Error;
use crate::store::{ClaimedKey, Mail};
use crate::types::{HotelCode, TimeUs, Waiting, WaitingId};

/// Adds to the list, or gives the place that the key has made before.
pub(super) fn wait(
    tx: &WriteTx<'_>,
    hotel: &HotelCode,
    waiting: Waiting,
    key: &ClaimedKey,
) -> Result<Waiting, Failure> {
    let hotel = hotel_row(tx, hotel)?.number;
    if let Some(kept) = keys::find(tx, hotel, key)? {
        return kept.waiting();
    }
    let document = json(&waiting)?;
    tx.prepare_cached(
        "INSERT INTO waiting (hotel, id, told_us, document) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        hotel,
        waiting.id.0.as_bytes(),
        waiting.told_us,
        document
    ])?;
    keys::keep_waiting(tx, hotel, key, &document)?;
    Ok(waiting)
}

/// The list after a place.
pub(super) fn list(
    connection: &Connection,
    hotel: &HotelCode,
    after: Option<WaitingId>,
    max: usize,
) -> Result<Vec<Waiting>, Failure> {
    let hotel = hotel_row(connection, hotel)?.number;
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let list = connection
        .prepare_cached(
            "SELECT document, told_us FROM waiting WHERE hotel = ?1 AND id > ?2
             ORDER BY id LIMIT ?3",
        )?
        .query_map(params![hotel, after.as_bytes(), max], read_waiting)?
        .collect::<Result<_, _>>()?;
    Ok(list)
}

fn read_waiting(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        told_us: row.get(1)?,
        ..read_json(row, 0)?
    })
}

/// Notes that someone was told, and queues the mail; whether it was now.
pub(super) fn tell(
    tx: &WriteTx<'_>,
    hotel: &HotelCode,
    id: WaitingId,
    mail: &Mail,
    now_us: TimeUs,
) -> Result<bool, Failure> {
    let hotel = hotel_row(tx, hotel)?.number;
    let told: Option<TimeUs> = tx
        .prepare_cached("SELECT told_us FROM waiting WHERE hotel = ?1 AND id = ?2")?
        .query_row(params![hotel, id.0.as_bytes()], |row| row.get(0))
        .optional()?
        .ok_or_else(|| Error::NotFound("place in the waiting list".to_owned()))?;
    if told.is_some() {
        return Ok(false);
    }
    tx.prepare_cached("UPDATE waiting SET told_us = ?3 WHERE hotel = ?1 AND id = ?2")?
        .execute(params![hotel, id.0.as_bytes(), now_us])?;
    outgoing::queue_mail(tx, hotel, mail)?;
    Ok(true)
}
