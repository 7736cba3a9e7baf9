//! What the work behind reads and writes: garbage, blobs, missing copies, and
//! the remains of deleted buckets.

use concierge_sqlite::WriteTx;
use concierge_storage_nodes::ObjectId;
use rusqlite::{Connection, OptionalExtension, params};

use super::Failure;
use super::objects;
use super::rows::{object_bytes, read_data, read_data_row, read_object_id, read_uuid};
use super::uploads;
use crate::catalogue::{DataRef, Garbage, MissingReplica, UploadId};

type Read<T> = rusqlite::Result<T>;

/// How long an answered completion can be asked for again, microseconds: seven
/// days, the longest life of a presigned URL.
pub(super) const ANSWERS_KEPT_US: u64 = 7 * 24 * 3600 * 1_000_000;

/// The oldest garbage after an entry: at most about `max` blobs.
pub(super) fn garbage(connection: &Connection, after: u64, max: usize) -> Read<Vec<Garbage>> {
    let mut statement = connection.prepare_cached(
        "SELECT entry, size, object, extent_bytes, replicas, manifest
         FROM garbage WHERE entry > ?1 ORDER BY entry",
    )?;
    let mut rows = statement.query([after])?;
    let (mut found, mut blobs) = (Vec::new(), 0);
    while blobs < max
        && let Some(row) = rows.next()?
    {
        let entry = row.get(0)?;
        let size: Option<u64> = row.get(1)?;
        let garbage = match read_uuid(row, 5)? {
            Some(upload) => manifest_garbage(connection, entry, UploadId(upload), max - blobs)?,
            None => Garbage {
                entry,
                data: read_data(row, 2, size.unwrap_or(0))?.into_iter().collect(),
                parts: None,
                last: true,
            },
        };
        // An entry without blobs counts too: it must be forgotten.
        blobs += garbage.data.len().max(1);
        found.push(garbage);
    }
    Ok(found)
}

fn manifest_garbage(
    connection: &Connection,
    entry: u64,
    upload: UploadId,
    max: usize,
) -> Read<Garbage> {
    let max = u32::try_from(max).unwrap_or(u32::MAX);
    let (parts, truncated) = uploads::parts(connection, upload, 0, max)?;
    Ok(Garbage {
        entry,
        data: parts.iter().filter_map(|part| part.data).collect(),
        parts: Some((upload, parts.iter().map(|part| part.number).collect())),
        last: !truncated,
    })
}

/// Forgets garbage that is gone from the nodes.
pub(super) fn forget_garbage(tx: &WriteTx<'_>, gone: &[Garbage]) -> Result<(), Failure> {
    for garbage in gone {
        if let Some((upload, numbers)) = &garbage.parts {
            for data in &garbage.data {
                tx.prepare_cached("DELETE FROM data WHERE object = ?1")?
                    .execute([object_bytes(&data.object)])?;
            }
            for number in numbers {
                uploads::remove_part(tx, *upload, *number)?;
            }
        }
        if garbage.last {
            tx.prepare_cached("DELETE FROM garbage WHERE entry = ?1")?
                .execute([garbage.entry])?;
        }
    }
    Ok(())
}

/// A blob that a version or a part names.
pub(super) fn data(connection: &Connection, object: ObjectId) -> Read<Option<DataRef>> {
    connection
        .prepare_cached("SELECT object, size, extent_bytes, replicas FROM data WHERE object = ?1")?
        .query_row([object_bytes(&object)], read_data_row)
        .optional()
}

/// Blobs after one, in the order of their ids.
pub(super) fn scan_data(
    connection: &Connection,
    after: Option<ObjectId>,
    max: usize,
) -> Read<Vec<DataRef>> {
    let after = after.map_or_else(Vec::new, |object| object_bytes(&object).to_vec());
    connection
        .prepare_cached(
            "SELECT object, size, extent_bytes, replicas FROM data WHERE object > ?1
             ORDER BY object LIMIT ?2",
        )?
        .query_map(params![after, max], read_data_row)?
        .collect()
}

/// Copies that nodes lack, after one.
pub(super) fn missing(
    connection: &Connection,
    after: Option<MissingReplica>,
    max: usize,
) -> Read<Vec<MissingReplica>> {
    let object = after.map_or_else(Vec::new, |lack| object_bytes(&lack.object).to_vec());
    let node = after.map_or(0, |lack| lack.node);
    connection
        .prepare_cached(
            "SELECT object, node FROM missing WHERE (object, node) > (?1, ?2)
             ORDER BY object, node LIMIT ?3",
        )?
        .query_map(params![object, node, max], |row| {
            Ok(MissingReplica {
                object: read_object_id(row, 0)?,
                node: row.get(1)?,
            })
        })?
        .collect()
}

/// Forgets lacks that were made good.
pub(super) fn forget_missing(tx: &WriteTx<'_>, done: &[MissingReplica]) -> Result<(), Failure> {
    for lack in done {
        tx.prepare_cached("DELETE FROM missing WHERE object = ?1 AND node = ?2")?
            .execute(params![object_bytes(&lack.object), lack.node])?;
    }
    Ok(())
}

/// Whether [`sweep`] would find something.
pub(super) fn can_sweep(connection: &Connection, now_us: u64) -> Read<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM bucket WHERE deleted = 1)
                 OR EXISTS (SELECT 1 FROM completed WHERE completed_us < ?1)",
        )?
        .query_row([now_us.saturating_sub(ANSWERS_KEPT_US)], |row| row.get(0))
}

/// Removes a bounded number of rows that deleted buckets and long-answered
/// completions left; gives how many.
pub(super) fn sweep(tx: &WriteTx<'_>, now_us: u64, max: usize) -> Result<usize, Failure> {
    let mut removed = sweep_uploads(tx, max)?;
    if removed == 0 {
        removed += tx
            .prepare_cached("DELETE FROM bucket WHERE deleted = 1")?
            .execute([])?;
    }
    removed += tx
        .prepare_cached(
            "DELETE FROM completed WHERE upload IN (
                 SELECT upload FROM completed WHERE completed_us < ?1 LIMIT ?2)",
        )?
        .execute(params![now_us.saturating_sub(ANSWERS_KEPT_US), max])?;
    Ok(removed)
}

/// Uploads of deleted buckets become garbage.
fn sweep_uploads(tx: &WriteTx<'_>, max: usize) -> Result<usize, Failure> {
    let uploads = tx
        .prepare_cached(
            "SELECT upload.bucket, upload.key, upload.id FROM bucket
             JOIN upload ON upload.bucket = bucket.id WHERE bucket.deleted = 1 LIMIT ?1",
        )?
        .query_map([max], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Read<Vec<([u8; 16], Vec<u8>, [u8; 16])>>>()?;
    for (bucket, key, upload) in &uploads {
        tx.prepare_cached("DELETE FROM upload WHERE bucket = ?1 AND key = ?2 AND id = ?3")?
            .execute(params![bucket, key, upload])?;
        objects::discard_manifest(tx, UploadId(uuid::Uuid::from_bytes(*upload)))?;
    }
    Ok(uploads.len())
}

/// How much garbage and how many missing copies there are.
pub(super) fn counts(connection: &Connection) -> Read<(u64, u64)> {
    connection.query_row(
        "SELECT (SELECT count(*) FROM garbage), (SELECT count(*) FROM missing)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}
