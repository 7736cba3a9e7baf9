//! Threads: connected components of emails over their keys.
//!
//! Each id has one thread. An email with ids of several connects them: all become part of the one with most emails, and
//! the emails of the others get new JMAP ids, since a thread's id never changes for an email (RFC 8621 §3). A reply that
//! goes by its subject connects all threads of the subject, and makes the subject a key as an id is one. So the result is
//! the same for every order in which emails come. What once connected stays connected: a thread is forgotten with
//! its last email, not parted with an earlier one.

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::log::{self, Kind};
use super::Books;
use super::keys::{Key, Keys};
use super::{counts, rows};
use crate::types::{DataType, EmailId, Thread, ThreadId};

/// The thread of an email with these keys: found, made of several, or new. The email is not in it yet.
pub(super) fn find_or_make(books: &Books<'_, '_>, keys: &Keys) -> rusqlite::Result<u64> {
    let found = connected(books, keys)?;
    let thread = match largest(books.tx, &found)? {
        Some(largest) => {
            for other in found.into_iter().filter(|thread| *thread != largest) {
                merge(books, other, largest)?;
            }
            largest
        }
        None => make(books)?,
    };
    keep_keys(books, thread, keys)?;
    Ok(thread)
}

/// All threads that an email with these keys is connected with.
fn connected(books: &Books<'_, '_>, keys: &Keys) -> rusqlite::Result<Vec<u64>> {
    let mut found = Vec::new();
    for key in keys.ids.iter().chain(&keys.subject) {
        found.extend(of_key(books, key)?);
    }
    if let Some(subject) = keys.subject.filter(|_| keys.by_subject) {
        let mut select = books
            .tx
            .prepare_cached("SELECT thread FROM thread_subject WHERE account = ?1 AND key = ?2")?;
        for thread in select.query_map(params![books.account, subject], |row| row.get(0))? {
            found.push(thread?);
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn of_key(books: &Books<'_, '_>, key: &Key) -> rusqlite::Result<Option<u64>> {
    books
        .tx
        .prepare_cached("SELECT thread FROM thread_key WHERE account = ?1 AND key = ?2")?
        .query_row(params![books.account, key], |row| row.get(0))
        .optional()
}

/// The one with most emails, of which fewest get new ids then; of several such the oldest.
fn largest(tx: &WriteTx<'_>, threads: &[u64]) -> rusqlite::Result<Option<u64>> {
    let mut best: Option<(u64, u64)> = None;
    for thread in threads {
        let emails = size(tx, *thread)?;
        if best.is_none_or(|(most, _)| emails > most) {
            best = Some((emails, *thread));
        }
    }
    Ok(best.map(|(_, thread)| thread))
}

fn size(tx: &WriteTx<'_>, thread: u64) -> rusqlite::Result<u64> {
    tx.prepare_cached("SELECT emails FROM thread WHERE number = ?1")?
        .query_row([thread], |row| row.get(0))
}

fn make(books: &Books<'_, '_>) -> rusqlite::Result<u64> {
    let thread = books.tx.next_sequence();
    books
        .tx
        .prepare_cached("INSERT INTO thread VALUES (?1, ?2, 0, 0)")?
        .execute([thread, books.account])?;
    record(books, Kind::Created, thread)?;
    Ok(thread)
}

fn keep_keys(books: &Books<'_, '_>, thread: u64, keys: &Keys) -> rusqlite::Result<()> {
    let subject = keys.subject.filter(|_| keys.by_subject);
    for key in keys.ids.iter().chain(&subject) {
        books
            .tx
            .prepare_cached("INSERT OR IGNORE INTO thread_key VALUES (?1, ?2, ?3)")?
            .execute(params![books.account, key, thread])?;
    }
    if let Some(subject) = keys.subject {
        books
            .tx
            .prepare_cached("INSERT OR IGNORE INTO thread_subject VALUES (?1, ?2, ?3)")?
            .execute(params![books.account, subject, thread])?;
    }
    Ok(())
}

/// Makes a thread part of another.
fn merge(books: &Books<'_, '_>, from: u64, to: u64) -> rusqlite::Result<()> {
    counts::around(books, &[from, to], || counts::hand_over(books.tx, from, to))?;
    for id in rows::of_list(books.tx, books.account, from)? {
        give_new_id(books, id, to)?;
    }
    books
        .tx
        .prepare_cached("UPDATE thread_key SET thread = ?2 WHERE thread = ?1")?
        .execute([from, to])?;
    books
        .tx
        .prepare_cached("UPDATE OR IGNORE thread_subject SET thread = ?2 WHERE thread = ?1")?
        .execute([from, to])?;
    books
        .tx
        .prepare_cached("DELETE FROM thread_subject WHERE thread = ?1")?
        .execute([from])?;
    record(books, Kind::Destroyed, from)?;
    record(books, Kind::Updated, to)
}

fn give_new_id(books: &Books<'_, '_>, id: EmailId, thread: u64) -> rusqlite::Result<()> {
    let Some(old) = rows::find_id(books.tx, books.account, id)? else {
        return Ok(());
    };
    let mut new = old.clone();
    new.generation += 1;
    new.thread = thread;
    rows::update(books.tx, books.account, &old, &new)?;
    books.record_email(Kind::Destroyed, &old)?;
    books.record_email(Kind::Created, &new)
}

/// Notes that an email is no longer in a thread: a thread without any is forgotten.
pub(super) fn left(books: &Books<'_, '_>, thread: u64) -> rusqlite::Result<()> {
    if size(books.tx, thread)? > 0 {
        return record(books, Kind::Updated, thread);
    }
    for delete in [
        "DELETE FROM thread WHERE number = ?1",
        "DELETE FROM thread_key WHERE thread = ?1",
        "DELETE FROM thread_subject WHERE thread = ?1",
    ] {
        books.tx.prepare_cached(delete)?.execute([thread])?;
    }
    record(books, Kind::Destroyed, thread)
}

/// Notes that an email has come into a thread.
pub(super) fn joined(books: &Books<'_, '_>, thread: u64) -> rusqlite::Result<()> {
    match size(books.tx, thread)? {
        // It was made for this email.
        1 => Ok(()),
        _ => record(books, Kind::Updated, thread),
    }
}

fn record(books: &Books<'_, '_>, kind: Kind, thread: u64) -> rusqlite::Result<()> {
    log::record(books.tx, books.account, DataType::Thread, kind, (thread, 0))
}

/// A thread with its emails.
pub(super) fn whole(
    connection: &Connection,
    account: u64,
    id: ThreadId,
) -> rusqlite::Result<Option<Thread>> {
    let there = connection
        .prepare_cached("SELECT 1 FROM thread WHERE number = ?1 AND account = ?2")?
        .exists([id.0, account])?;
    // Else a number of a mailbox would be found to be a thread.
    match there {
        true => Ok(Some(Thread {
            id,
            emails: rows::of_list(connection, account, id.0)?,
        })),
        false => Ok(None),
    }
}
