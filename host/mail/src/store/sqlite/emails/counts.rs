//! Counts of mailboxes: kept right with each change, from what each thread has in each mailbox.
//!
//! A thread counts as unread where one of its emails is, whichever mailbox that is in; but what is only in the trash is
//! looked at for the trash alone, and for the trash only what is in it (RFC 8621 §2, `unreadThreads`).

use std::collections::BTreeMap;

use concierge_sqlite::WriteTx;
use rusqlite::{OptionalExtension, params};

use super::super::log::{self, Kind};
use super::Books;
use super::rows::Kept;
use crate::types::DataType;

/// What a thread counts for in a mailbox, or by how much that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    emails: i64,
    unread: i64,
    threads: i64,
    unread_threads: i64,
}

impl Counts {
    fn add(&mut self, sign: i64, other: Self) {
        self.emails += sign * other.emails;
        self.unread += sign * other.unread;
        self.threads += sign * other.threads;
        self.unread_threads += sign * other.unread_threads;
    }
}

/// What threads count for, by mailbox.
#[derive(Debug, Default)]
pub(super) struct Standing(BTreeMap<u64, Counts>);

/// Takes what a thread counts for, as it is now.
fn take(
    books: &Books<'_, '_>,
    thread: u64,
    sign: i64,
    standing: &mut Standing,
) -> rusqlite::Result<()> {
    let unread_live: Option<i64> = books
        .tx
        .prepare_cached("SELECT unread_live FROM thread WHERE number = ?1")?
        .query_row([thread], |row| row.get(0))
        .optional()?;
    let unread_live = unread_live.unwrap_or(0);
    let mut select = books
        .tx
        .prepare_cached("SELECT mailbox, emails, unread FROM thread_in WHERE thread = ?1")?;
    let mut rows = select.query([thread])?;
    while let Some(row) = rows.next()? {
        let (mailbox, emails, unread): (u64, i64, i64) = row.try_into()?;
        let looked_at = if books.trash == Some(mailbox) {
            unread
        } else {
            unread_live
        };
        let counts = Counts {
            emails,
            unread,
            threads: 1,
            unread_threads: i64::from(looked_at > 0),
        };
        standing.0.entry(mailbox).or_default().add(sign, counts);
    }
    Ok(())
}

/// Changes what threads hold, and brings the counts of mailboxes to it.
pub(super) fn around<T>(
    books: &Books<'_, '_>,
    threads: &[u64],
    change: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let mut difference = Standing::default();
    for thread in threads {
        take(books, *thread, -1, &mut difference)?;
    }
    let result = change()?;
    for thread in threads {
        take(books, *thread, 1, &mut difference)?;
    }
    apply(books, &difference)?;
    Ok(result)
}

fn apply(books: &Books<'_, '_>, difference: &Standing) -> rusqlite::Result<()> {
    for (mailbox, counts) in &difference.0 {
        if *counts == Counts::default() {
            continue;
        }
        books
            .tx
            .prepare_cached(
                "UPDATE mailbox SET total_emails = total_emails + ?2, unread_emails = unread_emails + ?3,
                     total_threads = total_threads + ?4, unread_threads = unread_threads + ?5
                 WHERE number = ?1",
            )?
            .execute(params![
                mailbox,
                counts.emails,
                counts.unread,
                counts.threads,
                counts.unread_threads
            ])?;
        let object = (*mailbox, 0);
        log::record(
            books.tx,
            books.account,
            DataType::Mailbox,
            Kind::Counts,
            object,
        )?;
    }
    Ok(())
}

/// Adds an email to what its thread holds (`sign` 1), or takes it away (-1). Within [`around`].
pub(super) fn hold(books: &Books<'_, '_>, kept: &Kept, sign: i64) -> rusqlite::Result<()> {
    let unread = sign * i64::from(kept.flags.is_unread());
    for mailbox in &kept.mailboxes {
        hold_in(books.tx, kept.thread, *mailbox, sign, unread)?;
    }
    let live = kept
        .mailboxes
        .iter()
        .any(|mailbox| books.trash != Some(*mailbox));
    books
        .tx
        .prepare_cached(
            "UPDATE thread SET emails = emails + ?2, unread_live = unread_live + ?3 WHERE number = ?1",
        )?
        .execute(params![kept.thread, sign, if live { unread } else { 0 }])?;
    Ok(())
}

fn hold_in(
    tx: &WriteTx<'_>,
    thread: u64,
    mailbox: u64,
    emails: i64,
    unread: i64,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO thread_in VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE
         SET emails = emails + excluded.emails, unread = unread + excluded.unread",
    )?
    .execute(params![thread, mailbox, emails, unread])?;
    tx.prepare_cached("DELETE FROM thread_in WHERE thread = ?1 AND mailbox = ?2 AND emails = 0")?
        .execute([thread, mailbox])?;
    Ok(())
}

/// Gives all that a thread holds to another. Within [`around`].
pub(super) fn hand_over(tx: &WriteTx<'_>, from: u64, to: u64) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO thread_in SELECT ?2, mailbox, emails, unread FROM thread_in AS theirs
             WHERE thread = ?1
         ON CONFLICT DO UPDATE
         SET emails = emails + excluded.emails, unread = unread + excluded.unread",
    )?
    .execute([from, to])?;
    tx.prepare_cached("DELETE FROM thread_in WHERE thread = ?1")?
        .execute([from])?;
    tx.prepare_cached(
        "UPDATE thread SET (emails, unread_live) = (
             SELECT thread.emails + theirs.emails, thread.unread_live + theirs.unread_live
             FROM thread AS theirs WHERE theirs.number = ?1)
         WHERE number = ?2",
    )?
    .execute([from, to])?;
    tx.prepare_cached("DELETE FROM thread WHERE number = ?1")?
        .execute([from])?;
    Ok(())
}

/// Counts anew what depends on which mailbox is the trash, after another has become it.
pub(super) fn trash_moved(
    tx: &WriteTx<'_>,
    account: u64,
    old: Option<u64>,
    new: Option<u64>,
) -> rusqlite::Result<()> {
    if old == new {
        return Ok(());
    }
    // Threads that have nothing in either are not concerned.
    let threads: Vec<u64> = tx
        .prepare_cached("SELECT DISTINCT thread FROM thread_in WHERE mailbox IN (?1, ?2)")?
        .query_map(params![old, new], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let (before, after) = (
        Books {
            tx,
            account,
            trash: old,
        },
        Books {
            tx,
            account,
            trash: new,
        },
    );
    for thread in threads {
        let mut difference = Standing::default();
        take(&before, thread, -1, &mut difference)?;
        let unread_live = unread_live(&after, thread)?;
        tx.prepare_cached("UPDATE thread SET unread_live = ?2 WHERE number = ?1")?
            .execute([thread, unread_live])?;
        take(&after, thread, 1, &mut difference)?;
        apply(&after, &difference)?;
    }
    Ok(())
}

fn unread_live(books: &Books<'_, '_>, thread: u64) -> rusqlite::Result<u64> {
    let mut unread = 0;
    for id in super::rows::of_list(books.tx, books.account, thread)? {
        if let Some(kept) = super::rows::find_id(books.tx, books.account, id)? {
            let live = kept
                .mailboxes
                .iter()
                .any(|mailbox| books.trash != Some(*mailbox));
            unread += u64::from(live && kept.flags.is_unread());
        }
    }
    Ok(unread)
}
