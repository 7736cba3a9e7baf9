//! Idempotency keys: what was decided for each, and what was answered.

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Failure;
use super::rows::{json, read_json};
use crate::error::Error;
use crate::store::{Claim, ClaimedKey, Decided, KEY_KEPT_US, RecordedAnswer};
use crate::types::{Reservation, TimeUs, Waiting};

/// What a key's outcome is. The numbers are those of the column `kind`.
enum Kind {
    Reservation = 1,
    Refusal = 2,
    Waiting = 3,
}

/// A key's row.
pub(super) struct Kept {
    number: i64,
    kind: u8,
    outcome: String,
    answer: Option<RecordedAnswer>,
}

impl Kept {
    /// What was decided about a reservation.
    pub(super) fn decided(self) -> Result<Decided, Failure> {
        let outcome = match self.kind {
            1 => Ok(parse::<Reservation>(&self.outcome)?),
            2 => Err(parse::<Error>(&self.outcome)?),
            // The fingerprint is the same and the operation another: the fingerprint was not of the whole request.
            _ => return Err(Error::KeyReused.into()),
        };
        Ok(Decided {
            outcome,
            answer: self.answer,
            now: false,
        })
    }

    /// The place in the waiting list that was given.
    pub(super) fn waiting(self) -> Result<Waiting, Failure> {
        match self.kind {
            3 => parse(&self.outcome),
            _ => Err(Error::KeyReused.into()),
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| {
        tracing::error!(%error, "a key's outcome cannot be read");
        Error::Internal.into()
    })
}

/// What was decided for a key before, if its time is not over.
pub(super) fn find(tx: &Connection, hotel: i64, key: &ClaimedKey) -> Result<Option<Kept>, Failure> {
    let Some((kept, at_us, fingerprint)) = select(tx, hotel, &key.claim)? else {
        return Ok(None);
    };
    if key.at_us >= at_us.saturating_add(KEY_KEPT_US) {
        return Ok(None);
    }
    if fingerprint != key.claim.fingerprint {
        return Err(Error::KeyReused.into());
    }
    Ok(Some(kept))
}

type Found = (Kept, TimeUs, [u8; 32]);

fn select(connection: &Connection, hotel: i64, claim: &Claim) -> rusqlite::Result<Option<Found>> {
    connection
        .prepare_cached(
            "SELECT number, at_us, fingerprint, kind, outcome, status, content_type, headers, body
             FROM claimed WHERE hotel = ?1 AND scope = ?2 AND key = ?3",
        )?
        .query_row(params![hotel, claim.scope, claim.key], |row| {
            let kept = Kept {
                number: row.get(0)?,
                kind: row.get(3)?,
                outcome: row.get(4)?,
                answer: read_answer(row)?,
            };
            Ok((kept, row.get(1)?, row.get(2)?))
        })
        .optional()
}

fn read_answer(row: &Row<'_>) -> rusqlite::Result<Option<RecordedAnswer>> {
    let Some(status) = row.get(5)? else {
        return Ok(None);
    };
    Ok(Some(RecordedAnswer {
        status,
        content_type: row.get(6)?,
        headers: read_json(row, 7)?,
        body: row.get(8)?,
    }))
}

/// Keeps that a reservation was the outcome; `document` is the reservation's.
pub(super) fn keep_reservation(
    tx: &WriteTx<'_>,
    hotel: i64,
    key: &ClaimedKey,
    document: &str,
) -> Result<(), Failure> {
    insert(tx, hotel, key, Kind::Reservation, document)
}

/// Keeps that it was refused.
pub(super) fn keep_refusal(
    tx: &WriteTx<'_>,
    hotel: i64,
    key: &ClaimedKey,
    refusal: &Error,
) -> Result<(), Failure> {
    insert(tx, hotel, key, Kind::Refusal, &json(refusal)?)
}

/// Keeps that a place in the waiting list was given; `document` is the place's.
pub(super) fn keep_waiting(
    tx: &WriteTx<'_>,
    hotel: i64,
    key: &ClaimedKey,
    document: &str,
) -> Result<(), Failure> {
    insert(tx, hotel, key, Kind::Waiting, document)
}

fn insert(
    tx: &WriteTx<'_>,
    hotel: i64,
    key: &ClaimedKey,
    kind: Kind,
    outcome: &str,
) -> Result<(), Failure> {
    // Replaces one whose time is over.
    tx.prepare_cached(
        "INSERT OR REPLACE INTO claimed (hotel, scope, key, fingerprint, at_us, kind, outcome)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        hotel,
        key.claim.scope,
        key.claim.key,
        key.claim.fingerprint,
        key.at_us,
        kind as u8,
        outcome
    ])?;
    Ok(())
}

/// Records an answer, unless there is one; gives the one there is.
pub(super) fn record_answer(
    tx: &WriteTx<'_>,
    hotel: i64,
    claim: &Claim,
    answer: RecordedAnswer,
) -> Result<RecordedAnswer, Failure> {
    let (kept, _, fingerprint) =
        select(tx, hotel, claim)?.ok_or_else(|| Error::NotFound("idempotency key".to_owned()))?;
    if fingerprint != claim.fingerprint {
        return Err(Error::KeyReused.into());
    }
    if let Some(first) = kept.answer {
        return Ok(first);
    }
    tx.prepare_cached(
        "UPDATE claimed SET status = ?2, content_type = ?3, headers = ?4, body = ?5
         WHERE number = ?1",
    )?
    .execute(params![
        kept.number,
        answer.status,
        answer.content_type,
        json(&answer.headers)?,
        answer.body
    ])?;
    Ok(answer)
}

/// Forgets keys whose time is over, of the `max` oldest; how many. They are in the order of their numbers, but for what
/// clocks do.
pub(super) fn sweep(tx: &WriteTx<'_>, now_us: TimeUs, max: usize) -> Result<usize, Failure> {
    let swept = tx
        .prepare_cached(
            "DELETE FROM claimed WHERE at_us <= ?1
             AND number IN (SELECT number FROM claimed ORDER BY number LIMIT ?2)",
        )?
        .execute(params![now_us.checked_sub(KEY_KEPT_US), max])?;
    Ok(swept)
}
