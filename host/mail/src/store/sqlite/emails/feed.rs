//! The feed of a shard: its emails as they come and go, out of the change log.

use concierge_identity::AccountId;
use concierge_sqlite::WriteTx;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::super::log;
use crate::store::{EmailChange, FeedPage};
use crate::types::{BlobHash, DataType, StorageId};

/// What changed after a position.
pub(super) fn page(connection: &Connection, after: u64, max: usize) -> rusqlite::Result<FeedPage> {
    // Only the last row of each email: those before it are found again at no position.
    let mut select = connection.prepare_cached(
        "SELECT log.number, account.id, log.object, email.blob
         FROM log JOIN account ON account.number = log.account
         LEFT JOIN email ON email.storage = log.object AND email.destroyed_us IS NULL
         WHERE log.number > ?1 AND log.type = ?2 AND log.kind IN (1, 4) AND NOT EXISTS (
             SELECT 1 FROM log AS later WHERE later.object = log.object AND later.type = ?2
             AND later.kind IN (1, 4) AND later.number > log.number)
         ORDER BY log.number LIMIT ?3",
    )?;
    let of_emails = log::type_number(DataType::Email);
    let mut position = after;
    let mut changes = Vec::new();
    let mut rows = select.query(params![after, of_emails, max])?;
    while let Some(row) = rows.next()? {
        position = row.get(0)?;
        changes.push(change(row)?);
    }
    Ok(FeedPage { changes, position })
}

fn change(row: &Row<'_>) -> rusqlite::Result<EmailChange> {
    Ok(EmailChange {
        account: AccountId(Uuid::from_bytes(row.get(1)?)),
        storage: StorageId(row.get(2)?),
        blob: row.get::<_, Option<[u8; 32]>>(3)?.map(BlobHash),
    })
}

/// Forgets what the log is swept of already of an email that goes: its making was kept for the feed alone.
pub(super) fn forget_made(tx: &WriteTx<'_>, storage: u64, generation: u32) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "DELETE FROM log WHERE object = ?1 AND type = ?2 AND generation = ?3 AND kind = 1
             AND number <= (SELECT swept FROM log_trim)",
    )?
    .execute(params![
        storage,
        log::type_number(DataType::Email),
        generation
    ])?;
    Ok(())
}
