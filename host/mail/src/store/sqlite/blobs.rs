//! Which bytes are needed.
//!
//! A blob is claimed, stored and collected; each row is a time that its bytes were put, and its generation a number of the
//! sequence, which no other ever has. Claims are not counted: each only moves the time before which the blob is not
//! collected. Claiming and collecting are transactions of one writer, so that a blob is either claimed and then not
//! collected, or collected and then claimed under another key.

use concierge_identity::AccountId;
use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::emails::rows;
use super::{Failure, SqliteStore};
use crate::error::Error;
use crate::store::{
    Answer, BLOB_CLAIM_US, BlobClaim, BlobKey, BlobReferences, BlobUse, UPLOAD_KEPT_US,
};
use crate::types::{BlobHash, TimeUs};

/// How long a blob stays after its last use has ended: who was given its key before can read it to the end, 1 hour.
const READ_GRACE_US: TimeUs = 3_600_000_000;

const CLAIMED: u8 = 1;
const STORED: u8 = 2;
const COLLECTED: u8 = 3;

impl BlobReferences for SqliteStore {
    fn claim_blob(
        &self,
        account: AccountId,
        hash: BlobHash,
        size: u64,
        now_us: TimeUs,
    ) -> Answer<'_, BlobClaim> {
        let shard = self.shard_number(account);
        self.write_account("claim_blob", account, move |tx, _| {
            let (generation, stored) = claim(tx, hash, size, now_us)?;
            let key = BlobKey {
                shard,
                hash,
                generation,
            };
            Ok(BlobClaim { key, stored })
        })
    }

    fn blob_stored(&self, key: BlobKey) -> Answer<'_, ()> {
        Box::pin(async move {
            let shard = self.shard_of_key(key)?;
            let stored = move |tx: &WriteTx<'_>| stored(tx, key);
            shard.writer.write("blob_stored", stored).await
        })
    }

    fn upload_fits(&self, account: AccountId, hash: BlobHash, size: u64) -> Answer<'_, bool> {
        self.read_account("upload_fits", account, move |c, account| {
            Ok(upload_fits(c, account, hash, size)?)
        })
    }

    fn upload(&self, account: AccountId, hash: BlobHash, now_us: TimeUs) -> Answer<'_, ()> {
        self.write_account("upload", account, move |tx, account| {
            upload(tx, account, hash, now_us)
        })
    }

    fn blob(
        &self,
        account: AccountId,
        hash: BlobHash,
        now_us: TimeUs,
    ) -> Answer<'_, Option<(BlobKey, u64)>> {
        let shard = self.shard_number(account);
        self.read_account("blob", account, move |c, account| {
            let found = readable(c, account, hash, now_us)?;
            Ok(found.map(|(generation, size)| {
                let key = BlobKey {
                    shard,
                    hash,
                    generation,
                };
                (key, size)
            }))
        })
    }

    fn blob_uses(&self, account: AccountId, hash: BlobHash) -> Answer<'_, Vec<BlobUse>> {
        self.read_account("blob_uses", account, move |c, account| {
            Ok(uses(c, account, hash)?)
        })
    }

    /// Shard by shard: what is unused is marked, and then all that is marked is given.
    fn collect_blobs(&self, now_us: TimeUs, max: usize) -> Answer<'_, Vec<BlobKey>> {
        Box::pin(async move {
            let mut keys = Vec::new();
            for (shard, number) in self.shards.iter().zip(0..) {
                let wanted = max.saturating_sub(keys.len());
                let collect = move |tx: &WriteTx<'_>| Ok(collect(tx, number, now_us, wanted)?);
                if wanted > 0 {
                    keys.extend(shard.writer.write("collect_blobs", collect).await?);
                }
            }
            Ok(keys)
        })
    }

    fn blob_deleted(&self, key: BlobKey) -> Answer<'_, ()> {
        Box::pin(async move {
            let shard = self.shard_of_key(key)?;
            let deleted = move |tx: &WriteTx<'_>| {
                tx.prepare_cached(
                    "DELETE FROM blob WHERE hash = ?1 AND generation = ?2 AND state = ?3",
                )?
                .execute(params![key.hash.0, key.generation, COLLECTED])?;
                Ok(())
            };
            shard.writer.write("blob_deleted", deleted).await
        })
    }
}

impl SqliteStore {
    fn shard_of_key(&self, key: BlobKey) -> Result<&super::Database, Error> {
        self.shards
            .get(usize::from(key.shard))
            .ok_or(Error::NotFound)
    }
}

/// A blob that is not collected.
struct Present {
    generation: u64,
    size: u64,
    stored: bool,
}

fn present(connection: &Connection, hash: BlobHash) -> rusqlite::Result<Option<Present>> {
    connection
        .prepare_cached("SELECT generation, size, state FROM blob WHERE hash = ?1 AND state <> 3")?
        .query_row([hash.0], |row| {
            Ok(Present {
                generation: row.get(0)?,
                size: row.get(1)?,
                stored: row.get::<_, u8>(2)? == STORED,
            })
        })
        .optional()
}

fn claim(
    tx: &WriteTx<'_>,
    hash: BlobHash,
    size: u64,
    now_us: TimeUs,
) -> Result<(u64, bool), Failure> {
    let kept_until_us = now_us.saturating_add(BLOB_CLAIM_US);
    if let Some(present) = present(tx, hash)? {
        keep(tx, hash, kept_until_us)?;
        return Ok((present.generation, present.stored));
    }
    let generation = tx.next_sequence();
    tx.prepare_cached(
        "INSERT INTO blob (hash, generation, size, state, kept_until_us) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![hash.0, generation, size, CLAIMED, kept_until_us])?;
    Ok((generation, false))
}

/// Keeps a blob from being collected before a time.
fn keep(tx: &WriteTx<'_>, hash: BlobHash, until_us: TimeUs) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE blob SET kept_until_us = ?2 WHERE hash = ?1 AND state <> 3 AND kept_until_us < ?2",
    )?
    .execute(params![hash.0, until_us])?;
    Ok(())
}

/// A blob whose claim ran out while its bytes were put is collected: it is not found.
fn stored(tx: &WriteTx<'_>, key: BlobKey) -> Result<(), Failure> {
    let changed = tx
        .prepare_cached(
            "UPDATE blob SET state = ?3 WHERE hash = ?1 AND generation = ?2 AND state <> 3",
        )?
        .execute(params![key.hash.0, key.generation, STORED])?;
    match changed {
        0 => Err(Error::NotFound.into()),
        _ => Ok(()),
    }
}

fn upload_fits(
    connection: &Connection,
    account: u64,
    hash: BlobHash,
    size: u64,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT uploaded_octets + ?3 <= quota_octets
                 OR EXISTS (SELECT 1 FROM upload WHERE account = ?1 AND blob = ?2)
             FROM account WHERE number = ?1",
        )?
        .query_row(params![account, hash.0, size], |row| row.get(0))
}

fn upload(tx: &WriteTx<'_>, account: u64, hash: BlobHash, now_us: TimeUs) -> Result<(), Failure> {
    let until_us = now_us.saturating_add(UPLOAD_KEPT_US);
    let again = tx
        .prepare_cached("UPDATE upload SET until_us = ?3 WHERE account = ?1 AND blob = ?2")?
        .execute(params![account, hash.0, until_us])?;
    if again > 0 {
        return Ok(());
    }
    let Some(size) = present(tx, hash)?.filter(|present| present.stored) else {
        return Err(Error::NotFound.into());
    };
    let size = size.size;
    let fits = tx
        .prepare_cached(
            "UPDATE account SET uploaded_octets = uploaded_octets + ?2
             WHERE number = ?1 AND uploaded_octets + ?2 <= quota_octets",
        )?
        .execute(params![account, size])?;
    if fits == 0 {
        return Err(Error::OverQuota.into());
    }
    add_use(tx, hash)?;
    tx.prepare_cached("INSERT INTO upload VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![account, hash.0, size, until_us])?;
    Ok(())
}

/// Counts one more use of a blob whose bytes are stored; `false`: there is none.
pub(super) fn add_use(tx: &WriteTx<'_>, hash: BlobHash) -> rusqlite::Result<bool> {
    let changed = tx
        .prepare_cached("UPDATE blob SET uses = uses + 1 WHERE hash = ?1 AND state = ?2")?
        .execute(params![hash.0, STORED])?;
    Ok(changed > 0)
}

/// Counts one use less.
pub(super) fn drop_use(tx: &WriteTx<'_>, hash: BlobHash, now_us: TimeUs) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE blob SET uses = uses - 1 WHERE hash = ?1 AND state <> 3")?
        .execute([hash.0])?;
    keep(tx, hash, now_us.saturating_add(READ_GRACE_US))
}

/// The generation under which a blob's bytes are.
pub(super) fn generation(connection: &Connection, hash: BlobHash) -> rusqlite::Result<Option<u64>> {
    let stored = present(connection, hash)?.filter(|present| present.stored);
    Ok(stored.map(|present| present.generation))
}

fn readable(
    connection: &Connection,
    account: u64,
    hash: BlobHash,
    now_us: TimeUs,
) -> Result<Option<(u64, u64)>, Failure> {
    let referred: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM email WHERE account = ?1 AND blob = ?2 AND destroyed_us IS NULL)
                 OR EXISTS (SELECT 1 FROM upload WHERE account = ?1 AND blob = ?2 AND until_us > ?3)",
        )?
        .query_row(params![account, hash.0, now_us], |row| row.get(0))?;
    let present = match referred {
        true => present(connection, hash)?.filter(|present| present.stored),
        false => None,
    };
    Ok(present.map(|present| (present.generation, present.size)))
}

fn uses(connection: &Connection, account: u64, hash: BlobHash) -> rusqlite::Result<Vec<BlobUse>> {
    connection
        .prepare_cached(
            "SELECT storage, generation, thread, mailboxes FROM email
             WHERE account = ?1 AND blob = ?2 AND destroyed_us IS NULL ORDER BY storage",
        )?
        .query_map(params![account, hash.0], |row: &Row<'_>| {
            Ok(BlobUse {
                email: rows::email_id(row.get(0)?, row.get(1)?),
                thread: rows::thread_id(row.get(2)?),
                mailboxes: rows::mailbox_ids(&row.get::<_, String>(3)?),
            })
        })?
        .collect()
}

fn collect(
    tx: &WriteTx<'_>,
    shard: u16,
    now_us: TimeUs,
    max: usize,
) -> rusqlite::Result<Vec<BlobKey>> {
    tx.prepare_cached(
        "UPDATE blob SET state = 3 WHERE (hash, generation) IN (
             SELECT hash, generation FROM blob
             WHERE uses = 0 AND state <> 3 AND kept_until_us <= ?1 ORDER BY kept_until_us LIMIT ?2)",
    )?
    .execute(params![now_us, max])?;
    tx.prepare_cached("SELECT hash, generation FROM blob WHERE state = 3 LIMIT ?1")?
        .query_map([max], |row| {
            Ok(BlobKey {
                shard,
                hash: BlobHash(row.get(0)?),
                generation: row.get(1)?,
            })
        })?
        .collect()
}

/// Forgets uploads that are over their time; how many.
pub(super) fn sweep_blobs(tx: &WriteTx<'_>, now_us: TimeUs, max: usize) -> Result<usize, Failure> {
    let over: Vec<(u64, [u8; 32], u64)> = tx
        .prepare_cached(
            "SELECT account, blob, size FROM upload WHERE until_us <= ?1 ORDER BY until_us LIMIT ?2",
        )?
        .query_map(params![now_us, max], |row| row.try_into())?
        .collect::<Result<_, _>>()?;
    for (account, blob, size) in &over {
        tx.prepare_cached("DELETE FROM upload WHERE account = ?1 AND blob = ?2")?
            .execute(params![account, blob])?;
        tx.prepare_cached(
            "UPDATE account SET uploaded_octets = uploaded_octets - ?2 WHERE number = ?1",
        )?
        .execute(params![account, size])?;
        drop_use(tx, BlobHash(*blob), now_us)?;
    }
    Ok(over.len())
}
