//! Destroyed emails: listed, brought back, and after their grace forgotten.

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, params};

use super::super::{Failure, blobs, documents};
use super::{Books, edit, mailboxes, rows, settle, threads};
use crate::error::Error;
use crate::store::{DestroyedEmail, GRACE_US};
use crate::types::{BlobHash, EmailId, HeaderField, StorageId, TimeUs};

/// Those of an account, newest first.
pub(super) fn destroyed(
    connection: &Connection,
    account: u64,
    max: usize,
) -> rusqlite::Result<Vec<DestroyedEmail>> {
    connection
        .prepare_cached(
            "SELECT storage, destroyed_us, received_us, size, headers, mailboxes
             FROM email JOIN email_shown USING (storage)
             WHERE account = ?1 AND destroyed_us IS NOT NULL
             ORDER BY destroyed_us DESC, storage DESC LIMIT ?2",
        )?
        .query_map(params![account, max], |row| {
            Ok(DestroyedEmail {
                storage: StorageId(row.get(0)?),
                destroyed_us: row.get(1)?,
                received_us: row.get(2)?,
                size: row.get(3)?,
                subject: subject(documents::decode(row, 4)?),
                mailboxes: rows::mailbox_ids(&row.get::<_, String>(5)?),
            })
        })?
        .collect()
}

fn subject(headers: Vec<HeaderField>) -> String {
    let mut headers = headers.into_iter();
    let found = headers.find(|field| field.name.eq_ignore_ascii_case("Subject"));
    found.map(|field| field.value).unwrap_or_default()
}

/// Brings emails back. What is not swept yet is still there to be brought back.
pub(super) fn restore(
    tx: &WriteTx<'_>,
    account: u64,
    emails: &[StorageId],
) -> Result<Vec<EmailId>, Failure> {
    let books = Books::open(tx, account)?;
    let mut back = Vec::new();
    for storage in emails {
        let Some(mut kept) = rows::find_destroyed(tx, account, storage.0)? else {
            continue;
        };
        if settle(edit::check_quota(&books, kept.size))?.is_err() {
            return Err(Error::OverQuota.into());
        }
        for mailbox in std::mem::take(&mut kept.mailboxes) {
            if mailboxes::exists(tx, account, mailbox)? {
                kept.mailboxes.insert(mailbox);
            }
        }
        if kept.mailboxes.is_empty() {
            kept.mailboxes.insert(mailboxes::inbox(tx, account)?);
        }
        kept.generation += 1;
        kept.thread = threads::find_or_make(&books, &rows::keys(tx, storage.0)?)?;
        rows::unbury(tx, account, &kept)?;
        edit::enter(&books, &kept)?;
        back.push(kept.id());
    }
    Ok(back)
}

/// Forgets emails whose grace is over; how many.
pub(super) fn sweep(tx: &WriteTx<'_>, now_us: TimeUs, max: usize) -> Result<usize, Failure> {
    let over: Vec<(u64, [u8; 32])> = tx
        .prepare_cached(
            "SELECT storage, blob FROM email WHERE destroyed_us <= ?1
             ORDER BY destroyed_us LIMIT ?2",
        )?
        .query_map(params![now_us.saturating_sub(GRACE_US), max], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    for (storage, blob) in &over {
        for delete in [
            "DELETE FROM email WHERE storage = ?1",
            "DELETE FROM email_shown WHERE storage = ?1",
        ] {
            tx.prepare_cached(delete)?.execute([storage])?;
        }
        blobs::drop_use(tx, BlobHash(*blob), now_us)?;
    }
    Ok(over.len())
}
