//! Rows of emails: one row each in `email` and `email_shown`, and one in each list that it is in.

use std::collections::BTreeSet;

use concierge_sqlite::WriteTx;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::super::documents;
use super::flags::Flags;
use super::keys::Keys;
use crate::types::{BlobHash, EmailId, EmailRow, MailboxId, NewEmail, StorageId, ThreadId, TimeUs};

/// The list of all emails of an account.
pub(super) const ALL: u64 = 0;

/// An email, as far as lists and threads are made of it.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) storage: u64,
    pub(super) generation: u32,
    pub(super) thread: u64,
    pub(super) blob: BlobHash,
    pub(super) size: u64,
    pub(super) received_us: TimeUs,
    pub(super) flags: Flags,
    pub(super) keywords: BTreeSet<String>,
    pub(super) mailboxes: BTreeSet<u64>,
}

const KEPT: &str =
    "storage, generation, thread, blob, size, received_us, flags, keywords, mailboxes";

impl Kept {
    pub(super) fn id(&self) -> EmailId {
        email_id(self.storage, self.generation)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            storage: row.get(0)?,
            generation: row.get(1)?,
            thread: row.get(2)?,
            blob: BlobHash(row.get(3)?),
            size: row.get(4)?,
            received_us: row.get(5)?,
            flags: Flags(row.get(6)?),
            keywords: words(&row.get::<_, String>(7)?).collect(),
            mailboxes: numbers(&row.get::<_, String>(8)?),
        })
    }

    /// The lists that it is in.
    fn lists(&self) -> impl Iterator<Item = u64> {
        [ALL, self.thread].into_iter().chain(self.mailboxes.clone())
    }
}

/// The JMAP id of an email.
pub(in super::super) fn email_id(storage: u64, generation: u32) -> EmailId {
    EmailId {
        storage: StorageId(storage),
        generation,
    }
}

/// A thread's id.
pub(in super::super) fn thread_id(number: u64) -> ThreadId {
    ThreadId(number)
}

/// Mailboxes, as a row has them.
pub(in super::super) fn mailbox_ids(text: &str) -> Vec<MailboxId> {
    numbers(text).into_iter().map(MailboxId).collect()
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split_ascii_whitespace().map(str::to_owned)
}

fn numbers(text: &str) -> BTreeSet<u64> {
    let words = text.split_ascii_whitespace();
    words.filter_map(|word| word.parse().ok()).collect()
}

fn joined(words: impl IntoIterator<Item = impl ToString>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| word.to_string()).collect();
    words.join(" ")
}

/// An email that is there, by its storage id.
pub(super) fn find(
    connection: &Connection,
    account: u64,
    storage: u64,
) -> rusqlite::Result<Option<Kept>> {
    select(
        connection,
        &format!(
            "SELECT {KEPT} FROM email WHERE storage = ?1 AND account = ?2 AND destroyed_us IS NULL"
        ),
    )?
    .query_row(params![storage, account], Kept::read)
    .optional()
}

/// An email that is there, by its JMAP id.
pub(super) fn find_id(
    connection: &Connection,
    account: u64,
    id: EmailId,
) -> rusqlite::Result<Option<Kept>> {
    let found = find(connection, account, id.storage.0)?;
    Ok(found.filter(|kept| kept.generation == id.generation))
}

/// A destroyed email.
pub(super) fn find_destroyed(
    connection: &Connection,
    account: u64,
    storage: u64,
) -> rusqlite::Result<Option<Kept>> {
    select(
        connection,
        &format!("SELECT {KEPT} FROM email WHERE storage = ?1 AND account = ?2 AND destroyed_us IS NOT NULL"),
    )?
    .query_row(params![storage, account], Kept::read)
    .optional()
}

fn select<'c>(connection: &'c Connection, sql: &str) -> rusqlite::Result<CachedStatement<'c>> {
    connection.prepare_cached(sql)
}

/// An email whole.
pub(super) fn whole(
    connection: &Connection,
    account: u64,
    id: EmailId,
) -> rusqlite::Result<Option<EmailRow>> {
    let Some(kept) = find_id(connection, account, id)? else {
        return Ok(None);
    };
    let sent_us = connection
        .prepare_cached("SELECT sent_us FROM email WHERE storage = ?1")?
        .query_row([kept.storage], |row| row.get(0))?;
    connection
        .prepare_cached("SELECT preview, headers FROM email_shown WHERE storage = ?1")?
        .query_row([kept.storage], |row| {
            Ok(EmailRow {
                id: kept.id(),
                thread: ThreadId(kept.thread),
                blob: kept.blob,
                size: kept.size,
                received_us: kept.received_us,
                sent_us,
                mailboxes: kept.mailboxes.iter().copied().map(MailboxId).collect(),
                keywords: kept.keywords.iter().cloned().collect(),
                has_attachment: kept.flags.has_attachment(),
                preview: row.get(0)?,
                headers: documents::decode(row, 1)?,
            })
        })
        .optional()
}

/// The present JMAP id of an email.
pub(super) fn present_id(
    connection: &Connection,
    account: u64,
    storage: StorageId,
) -> rusqlite::Result<Option<EmailId>> {
    let generation = connection
        .prepare_cached(
            "SELECT generation FROM email WHERE storage = ?1 AND account = ?2 AND destroyed_us IS NULL",
        )?
        .query_row(params![storage.0, account], |row| row.get(0))
        .optional()?;
    Ok(generation.map(|generation| email_id(storage.0, generation)))
}

/// The keys by which an email finds its thread.
pub(super) fn keys(connection: &Connection, storage: u64) -> rusqlite::Result<Keys> {
    connection
        .prepare_cached("SELECT ids, subject, by_subject FROM email_shown WHERE storage = ?1")?
        .query_row([storage], |row| {
            Ok(Keys {
                ids: Keys::ids_from(row.get_ref(0)?.as_blob()?),
                subject: row.get(1)?,
                by_subject: row.get(2)?,
            })
        })
}

/// Writes a new email down, in its lists too.
pub(super) fn insert(
    tx: &WriteTx<'_>,
    account: u64,
    kept: &Kept,
    email: &NewEmail,
    keys: &Keys,
) -> rusqlite::Result<()> {
    let summary = &email.summary;
    tx.prepare_cached(
        "INSERT INTO email VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, NULL)",
    )?
    .execute(params![
        kept.storage,
        account,
        kept.generation,
        kept.thread,
        kept.blob.0,
        kept.size,
        kept.received_us,
        summary.sent_us,
        kept.flags.0,
        joined(&kept.keywords),
        joined(&kept.mailboxes),
        summary.sort_from,
        summary.sort_to,
        summary.sort_subject,
    ])?;
    tx.prepare_cached("INSERT INTO email_shown VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            kept.storage,
            summary.preview,
            documents::encode(&summary.headers)?,
            keys.ids_joined(),
            keys.subject,
            keys.by_subject,
        ])?;
    list(tx, account, kept)
}

/// Writes down what an email has become. `old`: as it was.
pub(super) fn update(
    tx: &WriteTx<'_>,
    account: u64,
    old: &Kept,
    new: &Kept,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE email SET generation = ?2, thread = ?3, flags = ?4, keywords = ?5, mailboxes = ?6
         WHERE storage = ?1",
    )?
    .execute(params![
        new.storage,
        new.generation,
        new.thread,
        new.flags.0,
        joined(&new.keywords),
        joined(&new.mailboxes),
    ])?;
    let stays: BTreeSet<_> = new.lists().collect();
    for gone in old.lists().filter(|list| !stays.contains(list)) {
        unlist_of(tx, account, gone, old)?;
    }
    list(tx, account, new)
}

/// Takes an email out of its lists, and notes since when it is destroyed.
pub(super) fn bury(
    tx: &WriteTx<'_>,
    account: u64,
    kept: &Kept,
    now_us: TimeUs,
) -> rusqlite::Result<()> {
    for list in kept.lists() {
        unlist_of(tx, account, list, kept)?;
    }
    tx.prepare_cached("UPDATE email SET destroyed_us = ?2 WHERE storage = ?1")?
        .execute(params![kept.storage, now_us])?;
    Ok(())
}

/// Brings a destroyed email back, as it is now.
pub(super) fn unbury(tx: &WriteTx<'_>, account: u64, kept: &Kept) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE email SET destroyed_us = NULL WHERE storage = ?1")?
        .execute([kept.storage])?;
    update(tx, account, kept, kept)
}

fn list(tx: &WriteTx<'_>, account: u64, kept: &Kept) -> rusqlite::Result<()> {
    let mut insert =
        tx.prepare_cached("INSERT OR REPLACE INTO listed VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    for list in kept.lists() {
        insert.execute(params![
            account,
            list,
            kept.received_us,
            kept.storage,
            kept.generation,
            kept.thread,
            kept.size,
            kept.flags.0
        ])?;
    }
    Ok(())
}

fn unlist_of(tx: &WriteTx<'_>, account: u64, list: u64, kept: &Kept) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "DELETE FROM listed WHERE account = ?1 AND list = ?2 AND received_us = ?3 AND storage = ?4",
    )?
    .execute(params![account, list, kept.received_us, kept.storage])?;
    Ok(())
}

/// The emails of a list, oldest first.
pub(super) fn of_list(
    connection: &Connection,
    account: u64,
    list: u64,
) -> rusqlite::Result<Vec<EmailId>> {
    first_of_list(connection, account, list, usize::MAX)
}

/// The oldest emails of a list, at most `max`.
pub(super) fn first_of_list(
    connection: &Connection,
    account: u64,
    list: u64,
    max: usize,
) -> rusqlite::Result<Vec<EmailId>> {
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "SELECT storage, generation FROM listed WHERE account = ?1 AND list = ?2
             ORDER BY received_us, storage LIMIT ?3",
        )?
        .query_map(params![account, list, max], |row| {
            Ok(email_id(row.get(0)?, row.get(1)?))
        })?
        .collect()
}
