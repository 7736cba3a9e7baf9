//! What was handed over for sending.

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::super::documents::{decode, encode};
use super::super::log::{self, Kind};
use super::super::{Failure, blobs};
use super::{queue, senders};
use crate::error::{Reason, Refusal};
use crate::store::{Accepted, IDEMPOTENCY_KEPT_US, NewSubmission};
use crate::types::{
    Changes, DataType, EmailId, Envelope, SenderId, StateNumber, StorageId, Submission,
    SubmissionFilter, SubmissionId, ThreadId, TimeUs, UndoStatus,
};

/// What [`read`] reads.
const COLUMNS: &str =
    "id, sender, storage, generation, thread, send_at_us, undo, number, mail_from";
/// Of an account, without those of components and those that are forgotten.
const SHOWN: &str = "FROM submission WHERE account = ?1 AND gone_us IS NULL AND sender IS NOT NULL";

/// The number of a status in tables.
fn undo_number(status: UndoStatus) -> u8 {
    match status {
        UndoStatus::Pending => 1,
        UndoStatus::Final => 2,
        UndoStatus::Canceled => 3,
    }
}

fn undo_of_number(number: u8) -> rusqlite::Result<UndoStatus> {
    match number {
        1 => Ok(UndoStatus::Pending),
        2 => Ok(UndoStatus::Final),
        3 => Ok(UndoStatus::Canceled),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(0, other.into())),
    }
}

/// Queues a message, unless it is queued already or a component's key was used before.
pub(super) fn submit(
    tx: &WriteTx<'_>,
    account: u64,
    new: &NewSubmission,
) -> Result<Result<Accepted, Refusal>, Failure> {
    if let Some(first) = accepted_before(tx, account, new)? {
        return Ok(Ok(first));
    }
    if let Some(refusal) = check(tx, account, new)? {
        return Ok(Err(refusal));
    }
    let number = tx.next_sequence();
    insert(tx, account, number, new)?;
    queue::add(
        tx,
        number,
        &new.envelope.rcpt_to,
        new.send_at_us.max(new.now_us),
    )?;
    if new.email.is_some() {
        record(tx, account, Kind::Created, number)?;
    }
    let accepted = Accepted {
        id: new.id,
        accepted_us: new.now_us,
    };
    if let Some(key) = &new.idempotency_key {
        // In the place of one that is over its time.
        tx.prepare_cached("INSERT OR REPLACE INTO sending_key VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![account, key, new.id.0.as_bytes(), new.now_us])?;
    }
    Ok(Ok(accepted))
}

/// What was answered when the same was handed over before.
fn accepted_before(
    tx: &WriteTx<'_>,
    account: u64,
    new: &NewSubmission,
) -> rusqlite::Result<Option<Accepted>> {
    if let Some(key) = &new.idempotency_key {
        let since_us = new.now_us.checked_sub(IDEMPOTENCY_KEPT_US);
        let first = tx
            .prepare_cached(
                "SELECT submission, accepted_us FROM sending_key
                 WHERE account = ?1 AND key = ?2 AND accepted_us > coalesce(?3, -1)",
            )?
            .query_row(params![account, key, since_us], read_accepted)
            .optional()?;
        if first.is_some() {
            return Ok(first);
        }
    }
    tx.prepare_cached("SELECT id, accepted_us FROM submission WHERE account = ?1 AND id = ?2")?
        .query_row(params![account, new.id.0.as_bytes()], read_accepted)
        .optional()
}

fn read_accepted(row: &Row<'_>) -> rusqlite::Result<Accepted> {
    Ok(Accepted {
        id: SubmissionId(Uuid::from_bytes(row.get(0)?)),
        accepted_us: row.get(1)?,
    })
}

/// Why it cannot be queued; where it can, its use of the message is counted.
fn check(tx: &WriteTx<'_>, account: u64, new: &NewSubmission) -> rusqlite::Result<Option<Refusal>> {
    if new.envelope.rcpt_to.is_empty() {
        let refusal = Refusal::new(Reason::NoRecipients, "there is nobody to send it to");
        return Ok(Some(refusal));
    }
    if let Some(email) = new.email
        && senders::find(tx, account, email.sender_id)?.is_none()
    {
        let refusal = Refusal::property("identityId", "there is no such identity");
        return Ok(Some(refusal));
    }
    Ok(match blobs::add_use(tx, new.blob)? {
        true => None,
        false => Some(Refusal::new(
            Reason::BlobNotFound,
            "the message is not there",
        )),
    })
}

fn insert(
    tx: &WriteTx<'_>,
    account: u64,
    number: u64,
    new: &NewSubmission,
) -> rusqlite::Result<()> {
    let email = new.email;
    tx.prepare_cached(
        "INSERT INTO submission
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, TRUE, NULL)",
    )?
    .execute(params![
        number,
        account,
        new.id.0.as_bytes(),
        email.map(|email| email.sender_id.0),
        email.map(|email| email.email_id.storage.0),
        email.map(|email| email.email_id.generation),
        email.map(|email| email.thread_id.0),
        new.blob.0,
        new.category,
        encode(&new.envelope.mail_from)?,
        new.now_us,
        new.send_at_us.max(new.now_us),
        undo_number(UndoStatus::Pending),
    ])?;
    Ok(())
}

/// Writes down what happened to one that JMAP knows of.
pub(super) fn record(
    tx: &WriteTx<'_>,
    account: u64,
    kind: Kind,
    number: u64,
) -> rusqlite::Result<()> {
    log::record(tx, account, DataType::EmailSubmission, kind, (number, 0))
}

/// A submission among the rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    account: u64,
    pub(super) number: u64,
    /// JMAP knows, or has known, of it: it is not a component's.
    pub(super) jmap: bool,
    gone: bool,
    undo: UndoStatus,
}

impl Found {
    fn shown(&self) -> bool {
        self.jmap && !self.gone
    }

    /// Writes down that it changed.
    pub(super) fn changed(&self, tx: &WriteTx<'_>) -> rusqlite::Result<()> {
        match self.shown() {
            true => record(tx, self.account, Kind::Updated, self.number),
            false => Ok(()),
        }
    }

    /// From now on it cannot be taken back; whether it could before.
    pub(super) fn make_final(&self, tx: &WriteTx<'_>) -> rusqlite::Result<bool> {
        let pending = self.undo == UndoStatus::Pending;
        if pending {
            set_undo(tx, self.number, UndoStatus::Final)?;
        }
        Ok(pending)
    }
}

fn set_undo(tx: &WriteTx<'_>, number: u64, undo: UndoStatus) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE submission SET undo = ?2 WHERE number = ?1")?
        .execute(params![number, undo_number(undo)])?;
    Ok(())
}

/// What [`read_found`] reads.
const FOUND: &str =
    "SELECT account, number, sender IS NOT NULL, gone_us IS NOT NULL, undo FROM submission";

fn read_found(row: &Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found {
        account: row.get(0)?,
        number: row.get(1)?,
        jmap: row.get(2)?,
        gone: row.get(3)?,
        undo: undo_of_number(row.get(4)?)?,
    })
}

/// One of an account, a component's and forgotten ones included.
pub(super) fn find(
    connection: &Connection,
    account: u64,
    id: SubmissionId,
) -> rusqlite::Result<Option<Found>> {
    connection
        .prepare_cached(&format!("{FOUND} WHERE account = ?1 AND id = ?2"))?
        .query_row(params![account, id.0.as_bytes()], read_found)
        .optional()
}

/// The one of a number.
pub(super) fn of_number(connection: &Connection, number: u64) -> rusqlite::Result<Found> {
    connection
        .prepare_cached(&format!("{FOUND} WHERE number = ?1"))?
        .query_row([number], read_found)
}

/// Takes one back.
pub(super) fn cancel(
    tx: &WriteTx<'_>,
    account: u64,
    id: SubmissionId,
    now_us: TimeUs,
) -> Result<Result<(), Refusal>, Failure> {
    let Some(found) = find(tx, account, id)?.filter(|found| found.shown()) else {
        return Ok(Err(Refusal::not_found()));
    };
    match found.undo {
        UndoStatus::Canceled => Ok(Ok(())),
        UndoStatus::Final => {
            let refusal = Refusal::new(Reason::CannotUnsend, "it is under way already");
            Ok(Err(refusal))
        }
        UndoStatus::Pending => {
            set_undo(tx, found.number, UndoStatus::Canceled)?;
            queue::take_back(tx, found.number)?;
            found.changed(tx)?;
            queue::settle(tx, found.number, now_us)?;
            Ok(Ok(()))
        }
    }
}

/// Forgets one. Its row stays as long as somebody may ask what changed.
pub(super) fn destroy(
    tx: &WriteTx<'_>,
    account: u64,
    id: SubmissionId,
    now_us: TimeUs,
) -> rusqlite::Result<Result<(), Refusal>> {
    match find(tx, account, id)? {
        Some(found) if found.shown() => forget(tx, found, now_us).map(Ok),
        _ => Ok(Err(Refusal::not_found())),
    }
}

/// Forgets one that JMAP knows of, unless it is forgotten.
pub(super) fn forget(tx: &WriteTx<'_>, found: Found, now_us: TimeUs) -> rusqlite::Result<()> {
    if found.gone {
        return Ok(());
    }
    tx.prepare_cached("UPDATE submission SET gone_us = ?2 WHERE number = ?1")?
        .execute(params![found.number, now_us])?;
    record(tx, found.account, Kind::Destroyed, found.number)
}

/// Those of these ids, or the newest.
pub(super) fn list(
    connection: &Connection,
    account: u64,
    ids: Option<&[SubmissionId]>,
    max: usize,
) -> rusqlite::Result<(Vec<Submission>, StateNumber)> {
    let submissions = match ids {
        None => newest(connection, account, max)?,
        Some(ids) => {
            let sql = format!("SELECT {COLUMNS} {SHOWN} AND id = ?2");
            let mut select = connection.prepare_cached(&sql)?;
            let mut found = Vec::new();
            for id in ids {
                let row = select.query_row(params![account, id.0.as_bytes()], read);
                found.extend(row.optional()?);
            }
            found
        }
    };
    let complete = |(number, submission)| queue::with_recipients(connection, number, submission);
    let submissions = submissions
        .into_iter()
        .map(complete)
        .collect::<Result<_, _>>()?;
    Ok((submissions, state(connection, account)?))
}

fn newest(
    connection: &Connection,
    account: u64,
    max: usize,
) -> rusqlite::Result<Vec<(u64, Submission)>> {
    let sql = format!("SELECT {COLUMNS} {SHOWN} ORDER BY number DESC LIMIT ?2");
    connection
        .prepare_cached(&sql)?
        .query_map(params![account, max], read)?
        .collect()
}

fn state(connection: &Connection, account: u64) -> rusqlite::Result<StateNumber> {
    log::state(connection, account, DataType::EmailSubmission)
}

/// One with its number, without its envelope's recipients and what became of them.
fn read(row: &Row<'_>) -> rusqlite::Result<(u64, Submission)> {
    let submission = Submission {
        id: SubmissionId(Uuid::from_bytes(row.get(0)?)),
        sender_id: SenderId(row.get(1)?),
        email_id: EmailId {
            storage: StorageId(row.get(2)?),
            generation: row.get(3)?,
        },
        thread_id: ThreadId(row.get(4)?),
        envelope: Envelope {
            mail_from: decode(row, 8)?,
            rcpt_to: Vec::new(),
        },
        send_at_us: row.get(5)?,
        undo_status: undo_of_number(row.get(6)?)?,
        deliveries: Vec::new(),
        dsn_blobs: Vec::new(),
        mdn_blobs: Vec::new(),
    };
    Ok((row.get(7)?, submission))
}

/// The ids of those that match, newest first.
pub(super) fn query(
    connection: &Connection,
    account: u64,
    filter: &SubmissionFilter,
    max: usize,
) -> rusqlite::Result<(Vec<SubmissionId>, StateNumber)> {
    let sql = format!("SELECT {COLUMNS} {SHOWN} ORDER BY number DESC");
    let mut select = connection.prepare_cached(&sql)?;
    let matching = select.query_map([account], read)?.filter(|row| match row {
        Ok((_, submission)) => matches(filter, submission),
        Err(_) => true,
    });
    let ids = matching
        .take(max)
        .map(|row| row.map(|(_, submission)| submission.id))
        .collect::<Result<_, _>>()?;
    Ok((ids, state(connection, account)?))
}

/// RFC 8621 §7.3. Times are compared with when it is sent.
fn matches(filter: &SubmissionFilter, submission: &Submission) -> bool {
    fn among<T: PartialEq>(wanted: &Option<Vec<T>>, value: &T) -> bool {
        wanted.as_ref().is_none_or(|wanted| wanted.contains(value))
    }
    let at_us = submission.send_at_us;
    among(&filter.senders, &submission.sender_id)
        && among(&filter.emails, &submission.email_id)
        && among(&filter.threads, &submission.thread_id)
        && filter
            .undo_status
            .is_none_or(|status| status == submission.undo_status)
        && filter.before_us.is_none_or(|before_us| at_us < before_us)
        && filter.after_us.is_none_or(|after_us| at_us >= after_us)
}

/// What changed since a state, of at most `max`.
pub(super) fn changes(
    connection: &Connection,
    account: u64,
    since: StateNumber,
    max: usize,
) -> Result<Changes<SubmissionId>, Failure> {
    let data_type = DataType::EmailSubmission;
    let changes = log::changes(connection, account, data_type, since, max)?;
    let mut select = connection.prepare_cached("SELECT id FROM submission WHERE number = ?1")?;
    let mut id = |(number, _): log::Object| {
        let id = select.query_row([number], |row| row.get(0)).optional()?;
        Ok::<_, rusqlite::Error>(id.map(|id| SubmissionId(Uuid::from_bytes(id))))
    };
    Ok(changes.try_filter_map(&mut id)?)
}
