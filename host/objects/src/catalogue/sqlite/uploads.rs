//! Uploads in parts (S3 User Guide, "Uploading and copying objects using
//! multipart upload").

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Failure;
use super::objects::{self, Place};
use super::range::{KeyRange, successor};
use super::rows::{
    PART_COLUMNS, algorithm_number, json_unless, kind_number, metadata_json, object_bytes,
    read_checksum_kind, read_json, read_key, read_part, read_uuid,
};
use crate::catalogue::rules::{self, check_write};
use crate::catalogue::{
    BucketId, CommitPart, Content, StoredObject, StoredPart, Upload, UploadId, VersionId,
};
use crate::error::Error;
use crate::types::{CompleteRequest, PutResult, UploadItem, UploadPage, UploadQuery};

type Read<T> = rusqlite::Result<T>;

const UPLOAD_COLUMNS: &str =
    "key, id, initiated_us, class, sum_algorithm, sum_kind, metadata, tags";

fn read_upload(row: &Row<'_>) -> Read<Upload> {
    Ok(Upload {
        key: read_key(row, 0)?,
        id: read_uuid(row, 1)?.map_or_else(|| UploadId(uuid::Uuid::nil()), UploadId),
        initiated_us: row.get(2)?,
        storage_class: row.get(3)?,
        checksum: read_checksum_kind(row, 4)?,
        metadata: read_json(row, 6)?.unwrap_or_default(),
        tags: read_json(row, 7)?.unwrap_or_default(),
    })
}

/// Begins an upload.
pub(super) fn create(tx: &WriteTx<'_>, bucket: BucketId, upload: &Upload) -> Result<(), Failure> {
    objects::versioning(tx, bucket)?;
    tx.prepare_cached(
        "INSERT INTO upload (bucket, key, id, initiated_us, class, sum_algorithm, sum_kind,
             metadata, tags)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        bucket.0.as_bytes(),
        upload.key.as_bytes(),
        upload.id.0.as_bytes(),
        upload.initiated_us,
        upload.storage_class,
        upload
            .checksum
            .map(|(algorithm, _)| algorithm_number(algorithm)),
        upload.checksum.map(|(_, kind)| kind_number(kind)),
        metadata_json(&upload.metadata)?,
        json_unless(upload.tags.is_empty(), &upload.tags)?,
    ])?;
    Ok(())
}

/// An upload in progress.
pub(super) fn find(
    connection: &Connection,
    bucket: BucketId,
    key: &str,
    upload: UploadId,
) -> Result<Upload, Failure> {
    connection
        .prepare_cached(&format!(
            "SELECT {UPLOAD_COLUMNS} FROM upload WHERE bucket = ?1 AND key = ?2 AND id = ?3"
        ))?
        .query_row(
            params![bucket.0.as_bytes(), key.as_bytes(), upload.0.as_bytes()],
            read_upload,
        )
        .optional()?
        .ok_or(Failure::Refused(Error::NoSuchUpload))
}

/// Keeps a part; one of the same number that was there becomes garbage.
pub(super) fn commit_part(tx: &WriteTx<'_>, commit: &CommitPart) -> Result<(), Failure> {
    objects::versioning(tx, commit.bucket)?;
    find(tx, commit.bucket, &commit.key, commit.upload)?;
    let part = &commit.part;
    let replaced = tx
        .prepare_cached(&format!(
            "SELECT {PART_COLUMNS} FROM part WHERE upload = ?1 AND number = ?2"
        ))?
        .query_row(params![commit.upload.0.as_bytes(), part.number], read_part)
        .optional()?;
    if let Some(data) = replaced.and_then(|part| part.data) {
        objects::discard_data(tx, &data)?;
    }
    if let Some(data) = &part.data {
        objects::keep_data(tx, data, &commit.missing)?;
    }
    tx.prepare_cached(
        "INSERT OR REPLACE INTO part (upload, number, size, md5, modified_us, sum_algorithm, sum,
             object, extent_bytes, replicas)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        commit.upload.0.as_bytes(),
        part.number,
        part.size,
        part.md5,
        part.modified_us,
        part.checksum
            .as_ref()
            .map(|(algorithm, _)| algorithm_number(*algorithm)),
        part.checksum.as_ref().map(|(_, value)| value.as_slice()),
        part.data.as_ref().map(|data| object_bytes(&data.object)),
        part.data.as_ref().map(|data| data.extent_bytes),
        part.data.as_ref().map(|data| data.replicas),
    ])?;
    Ok(())
}

/// Parts after a number: at most `max`, and whether more follow.
pub(super) fn parts(
    connection: &Connection,
    upload: UploadId,
    marker: u32,
    max: u32,
) -> Read<(Vec<StoredPart>, bool)> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {PART_COLUMNS} FROM part WHERE upload = ?1 AND number > ?2
         ORDER BY number LIMIT ?3"
    ))?;
    let mut parts = statement
        .query_map(
            params![upload.0.as_bytes(), marker, u64::from(max) + 1],
            read_part,
        )?
        .collect::<Read<Vec<_>>>()?;
    let truncated = parts.len() > max as usize;
    parts.truncate(max as usize);
    Ok((parts, truncated))
}

/// A page of uploads in progress.
pub(super) fn list(
    connection: &Connection,
    bucket: BucketId,
    query: &UploadQuery,
    after_upload: Option<UploadId>,
) -> Read<UploadPage> {
    let range = KeyRange::new(&query.prefix, query.delimiter.as_deref());
    let max = query.max as usize;
    let mut page = UploadPage::default();
    if max == 0 {
        return Ok(page);
    }
    let rolled_up = range.common_prefix(&query.after).is_some();
    let (mut start, end) = (range.start(&query.after), range.end());
    // Uploads of the marker's own key are wanted only with an id after the
    // marker's; nothing lies between the key and its successor but they.
    let mut later = after_upload.filter(|_| !rolled_up);
    if later.is_some() {
        start = query
            .after
            .as_bytes()
            .to_vec()
            .max(query.prefix.as_bytes().to_vec());
    }
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {UPLOAD_COLUMNS} FROM upload
         WHERE bucket = ?1 AND (key, id) > (?2, ?3) AND key < ?4 ORDER BY key, id"
    ))?;
    loop {
        let id = later.take();
        let id = id.as_ref().map_or(&[][..], |id| id.0.as_bytes());
        let mut rows = statement.query(params![bucket.0.as_bytes(), start, id, end])?;
        let mut rolled_up = false;
        while let Some(row) = rows.next()? {
            if page.items.len() == max {
                page.next = page.items.last().map(upload_marker);
                return Ok(page);
            }
            let upload = read_upload(row)?;
            if let Some(common) = range.common_prefix(&upload.key) {
                start = successor(common.as_bytes());
                page.items.push(UploadItem::Prefix(common.to_owned()));
                rolled_up = true;
                break;
            }
            page.items.push(UploadItem::Upload(upload.info()));
        }
        if !rolled_up {
            return Ok(page);
        }
    }
}

fn upload_marker(item: &UploadItem) -> (String, Option<String>) {
    match item {
        UploadItem::Upload(upload) => (upload.key.clone(), Some(upload.upload_id.clone())),
        UploadItem::Prefix(prefix) => (prefix.clone(), None),
    }
}

/// Joins the parts into the newest version of the key. Parts that the request
/// does not name become garbage.
pub(super) fn complete(
    tx: &WriteTx<'_>,
    bucket: BucketId,
    id: UploadId,
    request: &CompleteRequest,
    now_us: u64,
) -> Result<PutResult, Failure> {
    let place = Place {
        bucket,
        key: &request.key,
    };
    let versioning = objects::versioning(tx, bucket)?;
    if let Some(answer) = earlier_answer(tx, place, id)? {
        return Ok(answer);
    }
    let upload = find(tx, bucket, &request.key, id)?;
    let (stored, _) = parts(tx, id, 0, u32::MAX)?;
    let completion = rules::complete(&upload, &stored, request)?;
    let current = objects::current(tx, place)?;
    check_write(
        &request.conditions,
        current.as_ref().and_then(|row| row.etag()),
    )?;
    drop_unnamed_parts(tx, id, &stored, request)?;
    let object = StoredObject {
        size: completion.size,
        etag: completion.etag,
        checksum: completion.checksum,
        metadata: upload.metadata,
        tags: upload.tags,
        storage_class: upload.storage_class,
        content: Content::Parts(id),
    };
    let version = objects::place_object(tx, place, versioning, current, &object, now_us)?;
    remove_upload(tx, place, id)?;
    let answer = PutResult {
        version_id: VersionId::shown(version, versioning),
        etag: object.etag.to_string(),
        size: object.size,
        checksum: object.checksum,
        modified_us: now_us,
    };
    keep_answer(tx, place, id, &answer, now_us)?;
    Ok(answer)
}

fn earlier_answer(
    tx: &WriteTx<'_>,
    place: Place<'_>,
    id: UploadId,
) -> Result<Option<PutResult>, Failure> {
    let answer = tx
        .prepare_cached(
            "SELECT answer FROM completed WHERE upload = ?1 AND bucket = ?2 AND key = ?3",
        )?
        .query_row(
            params![
                id.0.as_bytes(),
                place.bucket.0.as_bytes(),
                place.key.as_bytes()
            ],
            |row| read_json(row, 0),
        )
        .optional()?;
    Ok(answer.flatten())
}

fn keep_answer(
    tx: &WriteTx<'_>,
    place: Place<'_>,
    id: UploadId,
    answer: &PutResult,
    now_us: u64,
) -> Result<(), Failure> {
    tx.prepare_cached(
        "INSERT INTO completed (upload, bucket, key, answer, completed_us)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        id.0.as_bytes(),
        place.bucket.0.as_bytes(),
        place.key.as_bytes(),
        json_unless(false, answer)?,
        now_us
    ])?;
    Ok(())
}

fn drop_unnamed_parts(
    tx: &WriteTx<'_>,
    id: UploadId,
    stored: &[StoredPart],
    request: &CompleteRequest,
) -> Result<(), Failure> {
    let mut named = request.parts.iter().map(|part| part.number).peekable();
    for part in stored {
        if named.next_if_eq(&part.number).is_some() {
            continue;
        }
        if let Some(data) = &part.data {
            objects::discard_data(tx, data)?;
        }
        remove_part(tx, id, part.number)?;
    }
    Ok(())
}

/// Removes a part's row.
pub(super) fn remove_part(tx: &WriteTx<'_>, id: UploadId, number: u32) -> Result<(), Failure> {
    tx.prepare_cached("DELETE FROM part WHERE upload = ?1 AND number = ?2")?
        .execute(params![id.0.as_bytes(), number])?;
    Ok(())
}

fn remove_upload(tx: &WriteTx<'_>, place: Place<'_>, id: UploadId) -> Result<(), Failure> {
    tx.prepare_cached("DELETE FROM upload WHERE bucket = ?1 AND key = ?2 AND id = ?3")?
        .execute(params![
            place.bucket.0.as_bytes(),
            place.key.as_bytes(),
            id.0.as_bytes()
        ])?;
    Ok(())
}

/// Gives an upload up; its parts become garbage.
pub(super) fn abort(
    tx: &WriteTx<'_>,
    bucket: BucketId,
    key: &str,
    id: UploadId,
) -> Result<(), Failure> {
    find(tx, bucket, key, id)?;
    remove_upload(tx, Place { bucket, key }, id)?;
    objects::discard_manifest(tx, id)
}
