//! The directory: which buckets there are, held in memory and kept in
//! `directory.db`, and the facts of the whole catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use concierge_identity::AccountId;
use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use uuid::Uuid;

use super::Failure;
use super::rows::{json_unless, read_json, read_uuid};
use crate::catalogue::{Bucket, BucketId, NewBucket};
use crate::error::Error;
use crate::types::Versioning;

/// The buckets in memory. A bucket costs a few hundred bytes here, and saves
/// each request a look into a file.
#[derive(Default)]
pub(super) struct Buckets {
    maps: RwLock<Maps>,
}

#[derive(Default)]
struct Maps {
    by_name: BTreeMap<Arc<str>, Arc<Bucket>>,
    by_owner: BTreeSet<(AccountId, Arc<str>)>,
}

impl Buckets {
    pub(super) fn get(&self, name: &str) -> Option<Arc<Bucket>> {
        self.read(|maps| maps.by_name.get(name).cloned())
    }

    /// Sets a bucket, new or changed.
    pub(super) fn set(&self, bucket: Arc<Bucket>) {
        self.write(|maps| {
            maps.by_owner
                .insert((bucket.owner, Arc::clone(&bucket.name)));
            maps.by_name.insert(Arc::clone(&bucket.name), bucket);
        });
    }

    /// Changes the bucket of this name if it is still this one.
    pub(super) fn change(&self, bucket: &Bucket, change: impl FnOnce(&mut Bucket)) {
        self.write(|maps| {
            if let Some(kept) = maps.by_name.get_mut(&bucket.name)
                && kept.id == bucket.id
            {
                change(Arc::make_mut(kept));
            }
        });
    }

    pub(super) fn remove(&self, bucket: &Bucket) {
        self.write(|maps| {
            let same = maps
                .by_name
                .get(&bucket.name)
                .is_some_and(|kept| kept.id == bucket.id);
            if same {
                maps.by_name.remove(&bucket.name);
                maps.by_owner
                    .remove(&(bucket.owner, Arc::clone(&bucket.name)));
            }
        });
    }

    /// Buckets of an owner, or all: at most `max`, and whether more follow.
    pub(super) fn list(
        &self,
        owner: Option<AccountId>,
        prefix: &str,
        after: &str,
        max: usize,
    ) -> (Vec<Arc<Bucket>>, bool) {
        // A name that begins with the prefix is not below it.
        let from = if after < prefix {
            Bound::Included(Arc::<str>::from(prefix))
        } else {
            Bound::Excluded(Arc::<str>::from(after))
        };
        self.read(|maps| match owner {
            None => page(
                maps.by_name
                    .range((from, Bound::Unbounded))
                    .map(|(_, bucket)| bucket),
                prefix,
                max,
            ),
            Some(owner) => page(
                maps.by_owner
                    .range((from.map(|name| (owner, name)), Bound::Unbounded))
                    .take_while(|(of, _)| *of == owner)
                    .filter_map(|(_, name)| maps.by_name.get(name)),
                prefix,
                max,
            ),
        })
    }

    fn read<T>(&self, read: impl FnOnce(&Maps) -> T) -> T {
        read(&self.maps.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut Maps) -> T) -> T {
        write(&mut self.maps.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn page<'b>(
    buckets: impl Iterator<Item = &'b Arc<Bucket>>,
    prefix: &str,
    max: usize,
) -> (Vec<Arc<Bucket>>, bool) {
    let mut matching = buckets.take_while(|bucket| bucket.name.starts_with(prefix));
    let page: Vec<_> = matching.by_ref().take(max).cloned().collect();
    let more = matching.next().is_some();
    (page, more)
}

/// All buckets of the file. The state of versioning is the shard's to say.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Vec<Bucket>> {
    connection
        .prepare("SELECT name, id, owner, owner_name, created_us, region, tags, cors FROM bucket")?
        .query_map([], read_bucket)?
        .collect()
}

fn read_bucket(row: &Row<'_>) -> rusqlite::Result<Bucket> {
    Ok(Bucket {
        name: row.get::<_, String>(0)?.into(),
        id: BucketId(read_uuid(row, 1)?.unwrap_or(Uuid::nil())),
        owner: AccountId(read_uuid(row, 2)?.unwrap_or(Uuid::nil())),
        owner_name: row.get::<_, String>(3)?.into(),
        created_us: row.get(4)?,
        region: row.get::<_, String>(5)?.into(),
        versioning: Versioning::Unversioned,
        tags: read_json::<Vec<_>>(row, 6)?.unwrap_or_default().into(),
        cors: read_json::<Vec<_>>(row, 7)?.unwrap_or_default().into(),
    })
}

/// Takes a name, unless it is taken or the owner has too many.
pub(super) fn insert(tx: &WriteTx<'_>, id: BucketId, new: &NewBucket) -> Result<(), Failure> {
    if let Some(owner) = owner_of(tx, &new.name)? {
        return Err(taken(owner, new.owner).into());
    }
    let owned: u32 = tx
        .prepare_cached("SELECT count(*) FROM bucket WHERE owner = ?1")?
        .query_row([new.owner.0.as_bytes()], |row| row.get(0))?;
    if owned >= new.limit {
        return Err(Error::TooManyBuckets(new.limit).into());
    }
    tx.prepare_cached(
        "INSERT INTO bucket (name, id, owner, owner_name, created_us, region)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        new.name,
        id.0.as_bytes(),
        new.owner.0.as_bytes(),
        &*new.owner_name,
        new.created_us,
        new.region
    ])?;
    Ok(())
}

fn owner_of(tx: &WriteTx<'_>, name: &str) -> rusqlite::Result<Option<AccountId>> {
    let owner = tx
        .prepare_cached("SELECT owner FROM bucket WHERE name = ?1")?
        .query_row([name], |row| read_uuid(row, 0))
        .optional()?;
    Ok(owner.flatten().map(AccountId))
}

/// What is said to who wants a name that is taken.
pub(super) fn taken(by: AccountId, wanted_by: AccountId) -> Error {
    if by == wanted_by {
        Error::BucketAlreadyOwnedByYou
    } else {
        Error::BucketAlreadyExists
    }
}

/// Gives a name back.
pub(super) fn remove(tx: &WriteTx<'_>, id: BucketId, name: &str) -> Result<(), Failure> {
    tx.prepare_cached("DELETE FROM bucket WHERE name = ?1 AND id = ?2")?
        .execute(params![name, id.0.as_bytes()])?;
    Ok(())
}

/// Replaces the tags of a bucket.
pub(super) fn set_tags<T: Serialize>(
    tx: &WriteTx<'_>,
    bucket: &Bucket,
    tags: &[T],
) -> Result<(), Failure> {
    set(
        tx,
        bucket,
        "UPDATE bucket SET tags = ?3 WHERE name = ?1 AND id = ?2",
        tags,
    )
}

/// Replaces the CORS rules of a bucket.
pub(super) fn set_cors<T: Serialize>(
    tx: &WriteTx<'_>,
    bucket: &Bucket,
    rules: &[T],
) -> Result<(), Failure> {
    set(
        tx,
        bucket,
        "UPDATE bucket SET cors = ?3 WHERE name = ?1 AND id = ?2",
        rules,
    )
}

fn set<T: Serialize>(
    tx: &WriteTx<'_>,
    bucket: &Bucket,
    sql: &str,
    value: &[T],
) -> Result<(), Failure> {
    let json = json_unless(value.is_empty(), &value)?;
    let changed =
        tx.prepare_cached(sql)?
            .execute(params![&*bucket.name, bucket.id.0.as_bytes(), json])?;
    if changed == 0 {
        return Err(Error::NoSuchBucket.into());
    }
    Ok(())
}

/// A fact by its name.
pub(super) fn fact(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM fact WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// Sets a fact.
pub(super) fn set_fact(tx: &WriteTx<'_>, name: &str, value: &str) -> Result<(), Failure> {
    tx.prepare_cached("INSERT OR REPLACE INTO fact (name, value) VALUES (?1, ?2)")?
        .execute([name, value])?;
    Ok(())
}

/// Counts a start of a host.
pub(super) fn next_epoch(tx: &WriteTx<'_>, host: u32) -> Result<u32, Failure> {
    let epoch = tx
        .prepare_cached(
            "INSERT INTO host (number, epoch) VALUES (?1, 1)
             ON CONFLICT (number) DO UPDATE SET epoch = epoch + 1 RETURNING epoch",
        )?
        .query_row([host], |row| row.get(0))?;
    Ok(epoch)
}
