//! The outgoing queue: an entry for each recipient of a submission.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use concierge_identity::AccountId;
use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::super::documents::{decode, encode};
use super::super::{Failure, blobs};
use super::submissions::{self, Found};
use crate::error::Error;
use crate::store::{
    BlobKey, QueueEntry, QueueFilter, QueueSize, QueueState, Queued, RecipientOutcome,
};
use crate::types::{BlobHash, Delivered, DeliveryStatus, Path, Submission, SubmissionId, TimeUs};

/// The number of an outcome in tables.
fn delivered_number(delivered: Delivered) -> u8 {
    match delivered {
        Delivered::Queued => 1,
        Delivered::Yes => 2,
        Delivered::No => 3,
        Delivered::Unknown => 4,
    }
}

fn delivered_of_number(number: u8) -> rusqlite::Result<Delivered> {
    match number {
        1 => Ok(Delivered::Queued),
        2 => Ok(Delivered::Yes),
        3 => Ok(Delivered::No),
        4 => Ok(Delivered::Unknown),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(0, other.into())),
    }
}

/// Queues an entry for each recipient; one that is named twice has one.
pub(super) fn add(
    tx: &WriteTx<'_>,
    submission: u64,
    recipients: &[Path],
    due_us: TimeUs,
) -> rusqlite::Result<()> {
    let mut insert = tx.prepare_cached(
        "INSERT OR IGNORE INTO recipient (submission, email, position, parameters, due_us, since_us)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
    )?;
    for (position, path) in recipients.iter().enumerate() {
        let parameters = encode(&path.parameters)?;
        insert.execute(params![
            submission, path.email, position, parameters, due_us
        ])?;
    }
    Ok(())
}

/// The submission with its recipients and what became of them.
pub(super) fn with_recipients(
    connection: &Connection,
    number: u64,
    mut submission: Submission,
) -> rusqlite::Result<Submission> {
    let mut select = connection.prepare_cached(
        "SELECT email, parameters, delivered, smtp_reply FROM recipient
         WHERE submission = ?1 ORDER BY position",
    )?;
    let mut rows = select.query([number])?;
    while let Some(row) = rows.next()? {
        let path = Path {
            email: row.get(0)?,
            parameters: decode(row, 1)?,
        };
        submission.deliveries.push(DeliveryStatus {
            recipient: path.email.clone(),
            smtp_reply: row.get(3)?,
            delivered: delivered_of_number(row.get(2)?)?,
            displayed: false,
        });
        submission.envelope.rcpt_to.push(path);
    }
    Ok(submission)
}

/// When the entries that are due were, oldest first, at most `max`.
pub(super) fn due(
    connection: &Connection,
    now_us: TimeUs,
    max: usize,
) -> rusqlite::Result<Vec<TimeUs>> {
    connection
        .prepare_cached("SELECT due_us FROM recipient WHERE due_us <= ?1 ORDER BY due_us LIMIT ?2")?
        .query_map(params![now_us, max], |row| row.get(0))?
        .collect()
}

/// What entries of one submission have in common.
struct Taken {
    account: AccountId,
    id: SubmissionId,
    category: u8,
    mail_from: Path,
    blob: BlobKey,
}

/// Takes entries that are due, oldest first, with when they were due.
pub(super) fn take(
    tx: &WriteTx<'_>,
    shard: u16,
    now_us: TimeUs,
    lease_until_us: TimeUs,
    max: usize,
) -> Result<Vec<(TimeUs, Queued)>, Failure> {
    let due: Vec<(TimeUs, u64, String)> = tx
        .prepare_cached(
            "SELECT due_us, submission, email FROM recipient WHERE due_us <= ?1
             ORDER BY due_us, submission, position LIMIT ?2",
        )?
        .query_map(params![now_us, max], |row| row.try_into())?
        .collect::<Result<_, _>>()?;
    let mut update = tx.prepare_cached(
        "UPDATE recipient SET due_us = ?3, taken = TRUE, tries = tries + 1
         WHERE submission = ?1 AND email = ?2 RETURNING tries, since_us, parameters",
    )?;
    let mut submissions: BTreeMap<u64, Taken> = BTreeMap::new();
    let mut queued = Vec::with_capacity(due.len());
    for (due_us, number, email) in due {
        let taken = match submissions.entry(number) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(take_submission(tx, shard, number)?),
        };
        let (tries, since_us, parameters) = update
            .query_row(params![number, email, lease_until_us], |row| {
                Ok((row.get(0)?, row.get(1)?, decode(row, 2)?))
            })?;
        let entry = Queued {
            account: taken.account,
            id: taken.id,
            category: taken.category,
            mail_from: taken.mail_from.clone(),
            recipient: Path { email, parameters },
            blob: taken.blob,
            tries,
            since_us,
        };
        queued.push((due_us, entry));
    }
    Ok(queued)
}

/// Whether there are entries whose lease does not end yet.
pub(super) fn is_any_taken(connection: &Connection, now_us: TimeUs) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM recipient WHERE due_us > ?1 AND taken")?
        .exists([now_us])
}

/// Ends all leases.
pub(super) fn release(tx: &WriteTx<'_>, now_us: TimeUs) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE recipient SET due_us = ?1, taken = FALSE WHERE due_us > ?1 AND taken",
    )?
    .execute([now_us])?;
    Ok(())
}

/// A submission of which something is taken: it cannot be taken back any more.
fn take_submission(tx: &WriteTx<'_>, shard: u16, number: u64) -> Result<Taken, Failure> {
    let found = submissions::of_number(tx, number)?;
    if found.make_final(tx)? {
        found.changed(tx)?;
    }
    let (mut taken, hash) = tx
        .prepare_cached(
            "SELECT account.id, submission.id, category, mail_from, blob
             FROM submission JOIN account ON account.number = submission.account
             WHERE submission.number = ?1",
        )?
        .query_row([number], |row| {
            let hash = BlobHash(row.get(4)?);
            let taken = Taken {
                account: AccountId(Uuid::from_bytes(row.get(0)?)),
                id: SubmissionId(Uuid::from_bytes(row.get(1)?)),
                category: row.get(2)?,
                mail_from: decode(row, 3)?,
                blob: BlobKey {
                    shard,
                    hash,
                    generation: 0,
                },
            };
            Ok((taken, hash))
        })?;
    let generation = blobs::generation(tx, hash)?;
    if generation.is_none() {
        // Its use should have kept it. Whoever reads it finds nothing: one entry fails then, and not the whole queue.
        tracing::error!(blob = ?hash, id = %taken.id, "a message to be sent is lost");
    }
    taken.blob.generation = generation.unwrap_or_default();
    Ok(taken)
}

/// Notes how it went with an entry.
pub(super) fn outcome(
    tx: &WriteTx<'_>,
    submission: Found,
    recipient: &str,
    outcome: &RecipientOutcome,
) -> Result<(), Failure> {
    let number = submission.number;
    let reply = &outcome.smtp_reply;
    let noted = match outcome.delivered {
        Delivered::Queued => tx
            .prepare_cached(
                "UPDATE recipient SET due_us = ?4, taken = FALSE, smtp_reply = ?5
                 WHERE submission = ?1 AND email = ?2 AND tries = ?3 AND due_us IS NOT NULL",
            )?
            .execute(params![
                number,
                recipient,
                outcome.tries,
                outcome.retry_us.unwrap_or(outcome.now_us),
                reply
            ])?,
        delivered => tx
            .prepare_cached(
                "UPDATE recipient
                 SET due_us = NULL, taken = FALSE, delivered = ?3, failed_us = ?4, smtp_reply = ?5
                 WHERE submission = ?1 AND email = ?2 AND due_us IS NOT NULL",
            )?
            .execute(params![
                number,
                recipient,
                delivered_number(delivered),
                (delivered == Delivered::No).then_some(outcome.now_us),
                reply
            ])?,
    };
    if noted > 0 {
        submission.make_final(tx)?;
        submission.changed(tx)?;
        settle(tx, number, outcome.now_us)?;
    }
    Ok(())
}

/// Entries that are not to be sent after all.
pub(super) fn take_back(tx: &WriteTx<'_>, submission: u64) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE recipient SET due_us = NULL, delivered = ?2 WHERE submission = ?1")?
        .execute(params![submission, delivered_number(Delivered::No)])?;
    Ok(())
}

/// Gives the message up where nothing of it is to be sent any more.
pub(super) fn settle(tx: &WriteTx<'_>, submission: u64, now_us: TimeUs) -> Result<(), Failure> {
    let given_up: Option<[u8; 32]> = tx
        .prepare_cached(
            "UPDATE submission SET holds_blob = FALSE
         WHERE number = ?1 AND holds_blob AND NOT EXISTS
             (SELECT 1 FROM recipient
              WHERE submission = ?1 AND (due_us IS NOT NULL OR failed_us IS NOT NULL))
         RETURNING blob",
        )?
        .query_row([submission], |row| row.get(0))
        .optional()?;
    if let Some(blob) = given_up {
        blobs::drop_use(tx, BlobHash(blob), now_us)?;
    }
    Ok(())
}

/// Has an entry tried now, unless it is.
pub(super) fn retry(
    tx: &WriteTx<'_>,
    submission: Found,
    recipient: &str,
    now_us: TimeUs,
) -> Result<(), Failure> {
    let (number, queued) = (submission.number, delivered_number(Delivered::Queued));
    let changed = tx
        .prepare_cached(
            "UPDATE recipient SET due_us = ?3, since_us = ?3, failed_us = NULL, delivered = ?4
             WHERE submission = ?1 AND email = ?2 AND NOT (taken AND due_us > ?3)
                 AND (due_us IS NOT NULL OR failed_us IS NOT NULL)",
        )?
        .execute(params![number, recipient, now_us, queued])?;
    match changed {
        0 if is_queued(tx, number, recipient)? => Ok(()),
        0 => Err(Error::NotFound.into()),
        _ => Ok(submission.changed(tx)?),
    }
}

fn is_queued(connection: &Connection, submission: u64, recipient: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM recipient
             WHERE submission = ?1 AND email = ?2 AND (due_us IS NOT NULL OR failed_us IS NOT NULL)",
        )?
        .exists(params![submission, recipient])
}

/// Takes an entry out of the queue.
pub(super) fn drop_entry(
    tx: &WriteTx<'_>,
    submission: Found,
    recipient: &str,
    now_us: TimeUs,
) -> Result<(), Failure> {
    let (number, no) = (submission.number, delivered_number(Delivered::No));
    if !is_queued(tx, number, recipient)? {
        return Err(Error::NotFound.into());
    }
    tx.prepare_cached(
        "UPDATE recipient SET due_us = NULL, taken = FALSE, failed_us = NULL, delivered = ?3
         WHERE submission = ?1 AND email = ?2",
    )?
    .execute(params![number, recipient, no])?;
    submission.make_final(tx)?;
    submission.changed(tx)?;
    settle(tx, number, now_us)
}

/// Entries that wait or were given up, by when, with that time.
pub(super) fn list(
    connection: &Connection,
    filter: &QueueFilter,
    max: usize,
) -> rusqlite::Result<Vec<(TimeUs, QueueEntry)>> {
    let mut entries = Vec::new();
    for (failed, column) in [(false, "due_us"), (true, "failed_us")] {
        if filter.failed.is_some_and(|wanted| wanted != failed) {
            continue;
        }
        let sql = format!(
            "SELECT {column}, account.id, submission.id, category, mail_from, email, parameters,
                 taken, tries, since_us, smtp_reply
             FROM recipient JOIN submission ON submission.number = recipient.submission
                 JOIN account ON account.number = submission.account
             WHERE {column} IS NOT NULL AND account.id = coalesce(?1, account.id)
                 AND category = coalesce(?2, category)
                 AND submission.id = coalesce(?3, submission.id)
             ORDER BY {column}, recipient.submission, position LIMIT ?4"
        );
        let account = filter.account.map(|account| account.0.into_bytes());
        let submission = filter.submission.map(|id| id.0.into_bytes());
        let mut select = connection.prepare_cached(&sql)?;
        let filters = params![account, filter.category, submission, max];
        let rows = select.query_map(filters, |row| read_entry(row, failed))?;
        entries.extend(rows.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(entries)
}

/// How much waits and was given up, counted in the indexes of both.
pub(super) fn size(connection: &Connection) -> rusqlite::Result<QueueSize> {
    connection
        .prepare_cached(
            "SELECT (SELECT count(*) FROM recipient WHERE due_us IS NOT NULL),
                 (SELECT count(*) FROM recipient WHERE failed_us IS NOT NULL),
                 (SELECT min(due_us) FROM recipient WHERE due_us IS NOT NULL)",
        )?
        .query_row([], |row| {
            Ok(QueueSize {
                waiting: row.get(0)?,
                failed: row.get(1)?,
                first_due_us: row.get(2)?,
            })
        })
}

fn read_entry(row: &Row<'_>, failed: bool) -> rusqlite::Result<(TimeUs, QueueEntry)> {
    let time_us = row.get(0)?;
    let state = match (failed, row.get(7)?) {
        (true, _) => QueueState::Failed { failed_us: time_us },
        (false, true) => QueueState::Taken {
            lease_until_us: time_us,
        },
        (false, false) => QueueState::Waiting { due_us: time_us },
    };
    let entry = QueueEntry {
        account: AccountId(Uuid::from_bytes(row.get(1)?)),
        id: SubmissionId(Uuid::from_bytes(row.get(2)?)),
        category: row.get(3)?,
        mail_from: decode(row, 4)?,
        recipient: Path {
            email: row.get(5)?,
            parameters: decode(row, 6)?,
        },
        state,
        tries: row.get(8)?,
        since_us: row.get(9)?,
        smtp_reply: row.get(10)?,
    };
    Ok((time_us, entry))
}
