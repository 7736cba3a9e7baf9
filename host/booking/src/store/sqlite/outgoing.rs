//! What goes out with a change: the feed, webhooks' deliveries, the audit log and mails, numbered by the file's sequence
//! in the transaction of the change. One thread writes the file: whoever sees a number has seen all that are lower.

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, params};

use super::Failure;
use super::rows::{json, kind_number, read_code, read_json, read_kind, read_uuid};
use super::webhooks;
use crate::store::{
    AuditEntry, AuditQuery, ChangeKind, Due, Effects, FEED_KEPT_US, FeedEntry, Mail, QueuedMail,
    Who,
};
use crate::types::{HotelCode, MailId, ReservationId, TimeUs};

/// A change, as the audit log has it.
pub(super) struct Happened<'h> {
    pub(super) hotel: i64,
    pub(super) at_us: TimeUs,
    pub(super) who: &'h Who,
    pub(super) before: &'h str,
    pub(super) after: &'h str,
}

/// Notes a change of a reservation and what goes with it.
pub(super) fn note(
    tx: &WriteTx<'_>,
    happened: &Happened<'_>,
    reservation: ReservationId,
    effects: &Effects,
) -> Result<(), Failure> {
    let position = tx.next_sequence();
    let subject = reservation.to_string();
    if let Some(kind) = effects.kind {
        tell(tx, happened, position, kind, &subject)?;
        webhooks::queue(tx, happened, position, kind, reservation)?;
    }
    log(tx, happened, position, effects.what, &subject)?;
    for mail in &effects.mails {
        queue_mail(tx, happened.hotel, mail)?;
    }
    Ok(())
}

/// Notes an edit; with a kind it is told in the feed.
pub(super) fn note_edit(
    tx: &WriteTx<'_>,
    happened: &Happened<'_>,
    kind: Option<ChangeKind>,
    what: &str,
    subject: &str,
) -> Result<(), Failure> {
    let position = tx.next_sequence();
    if let Some(kind) = kind {
        tell(tx, happened, position, kind, subject)?;
    }
    log(tx, happened, position, what, subject)
}

fn tell(
    tx: &WriteTx<'_>,
    happened: &Happened<'_>,
    position: u64,
    kind: ChangeKind,
    subject: &str,
) -> Result<(), Failure> {
    tx.prepare_cached(
        "INSERT INTO feed (position, hotel, kind, subject, at_us) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        position,
        happened.hotel,
        kind_number(kind),
        subject,
        happened.at_us
    ])?;
    Ok(())
}

fn log(
    tx: &WriteTx<'_>,
    happened: &Happened<'_>,
    position: u64,
    what: &str,
    subject: &str,
) -> Result<(), Failure> {
    tx.prepare_cached(
        "INSERT INTO audit (position, hotel, at_us, who, what, subject, before, after)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        position,
        happened.hotel,
        happened.at_us,
        json(happened.who)?,
        what,
        subject,
        happened.before,
        happened.after
    ])?;
    Ok(())
}

/// Queues a mail; one that is there already is not queued again.
pub(super) fn queue_mail(tx: &WriteTx<'_>, hotel: i64, mail: &Mail) -> Result<(), Failure> {
    tx.prepare_cached(
        "INSERT INTO mail (hotel, id, document) VALUES (?1, ?2, ?3)
         ON CONFLICT (hotel, id) DO NOTHING",
    )?
    .execute(params![hotel, mail.id.0.as_bytes(), json(mail)?])?;
    Ok(())
}

/// Mails of the file, oldest first.
pub(super) fn outbox(connection: &Connection, max: usize) -> Result<Vec<QueuedMail>, Failure> {
    let mails = connection
        .prepare_cached(
            "SELECT code, mail.document FROM mail JOIN hotel ON hotel.number = mail.hotel
             ORDER BY mail.number LIMIT ?1",
        )?
        .query_map([max], |row| {
            Ok(QueuedMail {
                hotel: read_code(row, 0)?,
                mail: read_json(row, 1)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(mails)
}

/// Forgets a mail.
pub(super) fn mail_sent(tx: &WriteTx<'_>, hotel: &HotelCode, id: MailId) -> Result<(), Failure> {
    tx.prepare_cached(
        "DELETE FROM mail WHERE hotel = (SELECT number FROM hotel WHERE code = ?1) AND id = ?2",
    )?
    .execute(params![hotel.as_str(), id.0.as_bytes()])?;
    Ok(())
}

/// The file's feed after a position, with positions.
pub(super) fn feed(
    connection: &Connection,
    after: u64,
    max: usize,
) -> Result<Vec<(u64, FeedEntry)>, Failure> {
    let entries = connection
        .prepare_cached(
            "SELECT position, code, kind, subject, at_us
             FROM feed JOIN hotel ON hotel.number = feed.hotel
             WHERE position > ?1 ORDER BY position LIMIT ?2",
        )?
        .query_map(params![after, max], |row| {
            let entry = FeedEntry {
                hotel: read_code(row, 1)?,
                kind: read_kind(row, 2)?,
                subject: row.get(3)?,
                at_us: row.get(4)?,
            };
            Ok((row.get(0)?, entry))
        })?
        .collect::<Result<_, _>>()?;
    Ok(entries)
}

/// The last number of the file's sequence.
pub(super) fn last_position(connection: &Connection) -> Result<u64, Failure> {
    let last = connection
        .prepare_cached("SELECT last FROM sequence")?
        .query_row([], |row| row.get(0))?;
    Ok(last)
}

/// Reservations of the file that are due, oldest first.
pub(super) fn due(
    connection: &Connection,
    now_us: TimeUs,
    max: usize,
) -> Result<Vec<Due>, Failure> {
    let due = connection
        .prepare_cached(
            "SELECT code, id, due_us
             FROM (SELECT hotel, id, due_us FROM reservation WHERE due_us <= ?1
                   ORDER BY due_us LIMIT ?2) AS due
             JOIN hotel ON hotel.number = due.hotel ORDER BY due_us",
        )?
        .query_map(params![now_us, max], |row| {
            Ok(Due {
                hotel: read_code(row, 0)?,
                reservation: ReservationId(read_uuid(row, 1)?),
                due_us: row.get(2)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(due)
}

/// The audit log of a hotel, newest first.
pub(super) fn audit(
    connection: &Connection,
    hotel: &HotelCode,
    query: &AuditQuery,
) -> Result<Vec<AuditEntry>, Failure> {
    let by_subject = match query.subject {
        Some(_) => "AND subject = ?2",
        None => "AND ?2 IS NULL",
    };
    let before = match query.before {
        0 => i64::MAX,
        before => i64::try_from(before).unwrap_or(i64::MAX),
    };
    let sql = format!(
        "SELECT position, at_us, who, what, subject, before, after FROM audit
         WHERE hotel = (SELECT number FROM hotel WHERE code = ?1) {by_subject} AND position < ?3
         ORDER BY position DESC LIMIT ?4"
    );
    let entries = connection
        .prepare_cached(&sql)?
        .query_map(
            params![hotel.as_str(), query.subject, before, query.max],
            |row| {
                Ok(AuditEntry {
                    position: row.get(0)?,
                    at_us: row.get(1)?,
                    who: read_json(row, 2)?,
                    what: row.get(3)?,
                    subject: row.get(4)?,
                    before: row.get(5)?,
                    after: row.get(6)?,
                })
            },
        )?
        .collect::<Result<_, _>>()?;
    Ok(entries)
}

/// Forgets entries of the feed whose time is over, of the `max` oldest; how many.
pub(super) fn sweep(tx: &WriteTx<'_>, now_us: TimeUs, max: usize) -> Result<usize, Failure> {
    let swept = tx
        .prepare_cached(
            "DELETE FROM feed WHERE at_us <= ?1
             AND position IN (SELECT position FROM feed ORDER BY position LIMIT ?2)",
        )?
        .execute(params![now_us.checked_sub(FEED_KEPT_US), max])?;
    Ok(swept)
}
