//! Objects and versions: how they come, change and go.
//!
//! The rules are those of S3 User Guide, "How S3 Versioning works", "Working
//! with objects in a versioning-enabled bucket" and "… versioning-suspended
//! bucket".

use concierge_sqlite::WriteTx;
use rusqlite::{OptionalExtension, params};

use super::Failure;
use super::rows::{
    VERSION_COLUMNS, VersionRow, algorithm_number, json_unless, kind_number, metadata_json,
    object_bytes, read_versioning, version_bytes,
};
use crate::catalogue::rules::{check_delete, check_write};
use crate::catalogue::{
    BucketId, CommitObject, Committed, Content, DataRef, DeleteVersion, FoundVersion, Lookup,
    StoredObject, UploadId, VersionId,
};
use crate::error::Error;
use crate::types::{DeleteResult, Tag, Versioning};

type Connection = rusqlite::Connection;

/// The key of a row.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) bucket: BucketId,
    pub(super) key: &'a str,
}

impl<'a> Place<'a> {
    fn bucket(&self) -> &[u8; 16] {
        self.bucket.0.as_bytes()
    }

    fn key(&self) -> &'a [u8] {
        self.key.as_bytes()
    }
}

/// The state of versioning of a bucket that takes writes.
pub(super) fn versioning(connection: &Connection, bucket: BucketId) -> Result<Versioning, Failure> {
    connection
        .prepare_cached("SELECT versioning FROM bucket WHERE id = ?1 AND deleted = 0")?
        .query_row([bucket.0.as_bytes()], |row| read_versioning(row, 0))
        .optional()?
        .ok_or(Failure::Refused(Error::NoSuchBucket))
}

/// The current version, if it is an object.
pub(super) fn current(
    connection: &Connection,
    place: Place<'_>,
) -> rusqlite::Result<Option<VersionRow>> {
    connection
        .prepare_cached(&format!(
            "SELECT {VERSION_COLUMNS} FROM current WHERE bucket = ?1 AND key = ?2"
        ))?
        .query_row(params![place.bucket(), place.key()], VersionRow::read)
        .optional()
}

/// The newest of the versions that are not current.
fn newest_former(
    connection: &Connection,
    place: Place<'_>,
) -> rusqlite::Result<Option<VersionRow>> {
    connection
        .prepare_cached(&format!(
            "SELECT {VERSION_COLUMNS} FROM former WHERE bucket = ?1 AND key = ?2
             ORDER BY sequence DESC LIMIT 1"
        ))?
        .query_row(params![place.bucket(), place.key()], VersionRow::read)
        .optional()
}

/// A version that is not current, by its id.
fn former(
    connection: &Connection,
    place: Place<'_>,
    id: VersionId,
) -> rusqlite::Result<Option<VersionRow>> {
    connection
        .prepare_cached(&format!(
            "SELECT {VERSION_COLUMNS} FROM former WHERE bucket = ?1 AND key = ?2 AND version = ?3"
        ))?
        .query_row(
            params![place.bucket(), place.key(), version_bytes(&id)],
            VersionRow::read,
        )
        .optional()
}

/// Where a version was found.
enum Where {
    Current,
    Former,
}

/// The version named, or the newest.
fn select(
    connection: &Connection,
    place: Place<'_>,
    version: Option<VersionId>,
) -> rusqlite::Result<Option<(Where, VersionRow)>> {
    let current = current(connection, place)?.filter(|row| version.is_none_or(|id| id == row.id));
    if let Some(row) = current {
        return Ok(Some((Where::Current, row)));
    }
    let row = match version {
        Some(id) => former(connection, place, id)?,
        None => newest_former(connection, place)?,
    };
    Ok(row.map(|row| (Where::Former, row)))
}

/// What stands under a key.
pub(super) fn find(
    connection: &Connection,
    place: Place<'_>,
    version: Option<VersionId>,
) -> rusqlite::Result<Lookup> {
    let Some((_, row)) = select(connection, place, version)? else {
        return Ok(Lookup::Missing);
    };
    Ok(match row.object {
        None => Lookup::DeleteMarker {
            id: row.id,
            modified_us: row.modified_us,
        },
        Some(object) => Lookup::Object(Box::new(FoundVersion {
            id: row.id,
            modified_us: row.modified_us,
            object,
        })),
    })
}

/// Makes an object visible as the newest version of its key.
pub(super) fn commit(tx: &WriteTx<'_>, commit: &CommitObject) -> Result<Committed, Failure> {
    let place = Place {
        bucket: commit.bucket,
        key: &commit.key,
    };
    let versioning = versioning(tx, commit.bucket)?;
    let current = current(tx, place)?;
    check_write(
        &commit.conditions,
        current.as_ref().and_then(VersionRow::etag),
    )?;
    if let Content::Data(data) = &commit.object.content {
        keep_data(tx, data, &commit.missing)?;
    }
    let id = place_object(
        tx,
        place,
        versioning,
        current,
        &commit.object,
        commit.modified_us,
    )?;
    Ok(Committed { id, versioning })
}

/// Puts an object in the place of the current version, which goes to the
/// former ones or away.
pub(super) fn place_object(
    tx: &WriteTx<'_>,
    place: Place<'_>,
    versioning: Versioning,
    current: Option<VersionRow>,
    object: &StoredObject,
    modified_us: u64,
) -> Result<VersionId, Failure> {
    let id = match versioning {
        Versioning::Enabled => VersionId::generate(),
        Versioning::Unversioned | Versioning::Suspended => VersionId::Null,
    };
    retire_current(tx, place, versioning, current)?;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO current (bucket, key, sequence, version, modified_us, size, md5,
             parts, class, sum_algorithm, sum_kind, sum, object, extent_bytes, replicas, manifest,
             metadata, tags)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    )?
    .execute(params![
        place.bucket(),
        place.key(),
        tx.next_sequence(),
        version_bytes(&id),
        modified_us,
        object.size,
        object.etag.md5,
        object.etag.parts,
        object.storage_class,
        object
            .checksum
            .as_ref()
            .map(|sum| algorithm_number(sum.algorithm)),
        object.checksum.as_ref().map(|sum| kind_number(sum.kind)),
        object.checksum.as_ref().map(|sum| sum.value.as_slice()),
        data_of(object).map(|data| object_bytes(&data.object)),
        data_of(object).map(|data| data.extent_bytes),
        data_of(object).map(|data| data.replicas),
        manifest_of(object).map(|upload| *upload.0.as_bytes()),
        metadata_json(&object.metadata)?,
        json_unless(object.tags.is_empty(), &object.tags)?,
    ])?;
    Ok(id)
}

fn data_of(object: &StoredObject) -> Option<&DataRef> {
    match &object.content {
        Content::Data(data) => Some(data),
        Content::Empty | Content::Parts(_) => None,
    }
}

fn manifest_of(object: &StoredObject) -> Option<UploadId> {
    match object.content {
        Content::Parts(upload) => Some(upload),
        Content::Empty | Content::Data(_) => None,
    }
}

/// Makes room for a new newest version: what it replaces becomes garbage, what
/// it only hides becomes a former version. A row that is replaced stays in
/// `current`; whoever writes no new one removes it.
fn retire_current(
    tx: &WriteTx<'_>,
    place: Place<'_>,
    versioning: Versioning,
    current: Option<VersionRow>,
) -> Result<(), Failure> {
    let replaces = versioning != Versioning::Enabled;
    match current {
        Some(row) if replaces && row.id == VersionId::Null => discard_row(tx, row)?,
        Some(_) => {
            demote(tx, place)?;
            if replaces {
                remove_former(tx, place, VersionId::Null)?;
            }
        }
        // In a bucket that never had versioning there are no former versions.
        None if versioning == Versioning::Suspended => {
            remove_former(tx, place, VersionId::Null)?;
        }
        None => {}
    }
    Ok(())
}

fn demote(tx: &WriteTx<'_>, place: Place<'_>) -> Result<(), Failure> {
    tx.prepare_cached("INSERT INTO former SELECT * FROM current WHERE bucket = ?1 AND key = ?2")?
        .execute(params![place.bucket(), place.key()])?;
    Ok(())
}

fn remove_current(tx: &WriteTx<'_>, place: Place<'_>) -> Result<(), Failure> {
    tx.prepare_cached("DELETE FROM current WHERE bucket = ?1 AND key = ?2")?
        .execute(params![place.bucket(), place.key()])?;
    Ok(())
}

/// Removes a version that is not current; gives what it was.
fn remove_former(
    tx: &WriteTx<'_>,
    place: Place<'_>,
    id: VersionId,
) -> Result<Option<VersionRow>, Failure> {
    let Some(row) = former(tx, place, id)? else {
        return Ok(None);
    };
    tx.prepare_cached("DELETE FROM former WHERE bucket = ?1 AND key = ?2 AND sequence = ?3")?
        .execute(params![place.bucket(), place.key(), row.sequence])?;
    discard_row(tx, row.clone())?;
    Ok(Some(row))
}

/// Makes the newest former version current, where there is no current one and
/// it is an object.
fn promote(tx: &WriteTx<'_>, place: Place<'_>) -> Result<(), Failure> {
    let Some(row) = newest_former(tx, place)?.filter(|row| row.object.is_some()) else {
        return Ok(());
    };
    tx.prepare_cached(
        "INSERT INTO current SELECT * FROM former WHERE bucket = ?1 AND key = ?2 AND sequence = ?3",
    )?
    .execute(params![place.bucket(), place.key(), row.sequence])?;
    tx.prepare_cached("DELETE FROM former WHERE bucket = ?1 AND key = ?2 AND sequence = ?3")?
        .execute(params![place.bucket(), place.key(), row.sequence])?;
    Ok(())
}

/// Deletes a version, or makes a delete marker.
pub(super) fn delete(
    tx: &WriteTx<'_>,
    place: Place<'_>,
    deletion: &DeleteVersion,
    versioning: Versioning,
    now_us: u64,
) -> Result<DeleteResult, Failure> {
    match deletion.version {
        Some(id) => delete_version(tx, place, id, deletion.if_match.as_deref()),
        None => delete_current(tx, place, deletion.if_match.as_deref(), versioning, now_us),
    }
}

fn delete_current(
    tx: &WriteTx<'_>,
    place: Place<'_>,
    if_match: Option<&str>,
    versioning: Versioning,
    now_us: u64,
) -> Result<DeleteResult, Failure> {
    let row = current(tx, place)?;
    check_delete(if_match, row.as_ref().and_then(VersionRow::etag))?;
    let existed = row.is_some();
    retire_current(tx, place, versioning, row)?;
    if existed {
        remove_current(tx, place)?;
    }
    let id = match versioning {
        Versioning::Unversioned => return Ok(DeleteResult::default()),
        Versioning::Enabled => VersionId::generate(),
        Versioning::Suspended => VersionId::Null,
    };
    tx.prepare_cached(
        "INSERT INTO former (bucket, key, sequence, version, modified_us, size, md5)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, x'')",
    )?
    .execute(params![
        place.bucket(),
        place.key(),
        tx.next_sequence(),
        version_bytes(&id),
        now_us
    ])?;
    Ok(DeleteResult {
        version_id: Some(id.to_string()),
        delete_marker: true,
    })
}

/// Deletes one version for good. One that is not there is as good as deleted.
fn delete_version(
    tx: &WriteTx<'_>,
    place: Place<'_>,
    id: VersionId,
    if_match: Option<&str>,
) -> Result<DeleteResult, Failure> {
    let found = select(tx, place, Some(id))?;
    check_delete(if_match, found.as_ref().and_then(|(_, row)| row.etag()))?;
    let delete_marker = found.as_ref().is_some_and(|(_, row)| row.object.is_none());
    match found {
        Some((Where::Current, row)) => {
            remove_current(tx, place)?;
            discard_row(tx, row)?;
            promote(tx, place)?;
        }
        Some((Where::Former, _)) => {
            remove_former(tx, place, id)?;
            if delete_marker && current(tx, place)?.is_none() {
                promote(tx, place)?;
            }
        }
        None => {}
    }
    Ok(DeleteResult {
        version_id: Some(id.to_string()),
        delete_marker,
    })
}

/// Replaces the tags of a version.
pub(super) fn set_tags(
    tx: &WriteTx<'_>,
    place: Place<'_>,
    version: Option<VersionId>,
    tags: &[Tag],
) -> Result<Committed, Failure> {
    let versioning = versioning(tx, place.bucket)?;
    let absent = match version {
        Some(_) => Error::NoSuchVersion,
        None => Error::NoSuchKey(None),
    };
    let (table, row) = select(tx, place, version)?.ok_or(absent)?;
    if row.object.is_none() {
        return Err(marker_error(version, row.id, row.modified_us, versioning).into());
    }
    let update = match table {
        Where::Current => {
            "UPDATE current SET tags = ?4 WHERE bucket = ?1 AND key = ?2 AND sequence = ?3"
        }
        Where::Former => {
            "UPDATE former SET tags = ?4 WHERE bucket = ?1 AND key = ?2 AND sequence = ?3"
        }
    };
    tx.prepare_cached(update)?.execute(params![
        place.bucket(),
        place.key(),
        row.sequence,
        json_unless(tags.is_empty(), &tags)?
    ])?;
    Ok(Committed {
        id: row.id,
        versioning,
    })
}

/// What a delete marker answers to a request for an object.
pub(crate) fn marker_error(
    asked: Option<VersionId>,
    id: VersionId,
    modified_us: u64,
    versioning: Versioning,
) -> Error {
    match asked {
        Some(_) => Error::IsDeleteMarker(modified_us),
        None => Error::NoSuchKey(Some(id.shown(versioning).unwrap_or_default())),
    }
}

/// Notes that a blob is named, and which nodes lack it.
pub(super) fn keep_data(tx: &WriteTx<'_>, data: &DataRef, missing: &[u32]) -> Result<(), Failure> {
    tx.prepare_cached(
        "INSERT INTO data (object, size, extent_bytes, replicas) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        object_bytes(&data.object),
        data.size,
        data.extent_bytes,
        data.replicas
    ])?;
    for node in missing {
        tx.prepare_cached("INSERT OR IGNORE INTO missing (object, node) VALUES (?1, ?2)")?
            .execute(params![object_bytes(&data.object), node])?;
    }
    Ok(())
}

fn discard_row(tx: &WriteTx<'_>, row: VersionRow) -> Result<(), Failure> {
    match row.object.map(|object| object.content) {
        Some(Content::Data(data)) => discard_data(tx, &data),
        Some(Content::Parts(upload)) => discard_manifest(tx, upload),
        Some(Content::Empty) | None => Ok(()),
    }
}

/// Hands a blob to the collector.
pub(super) fn discard_data(tx: &WriteTx<'_>, data: &DataRef) -> Result<(), Failure> {
    tx.prepare_cached("DELETE FROM data WHERE object = ?1")?
        .execute([object_bytes(&data.object)])?;
    tx.prepare_cached(
        "INSERT INTO garbage (object, size, extent_bytes, replicas) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        object_bytes(&data.object),
        data.size,
        data.extent_bytes,
        data.replicas
    ])?;
    Ok(())
}

/// Hands all parts of an upload to the collector, in one row however many they
/// are: the collector takes them a bounded number at a time.
pub(super) fn discard_manifest(tx: &WriteTx<'_>, upload: UploadId) -> Result<(), Failure> {
    tx.prepare_cached("INSERT INTO garbage (manifest) VALUES (?1)")?
        .execute([upload.0.as_bytes()])?;
    Ok(())
}
