//! Rows as Rust sees them.

use concierge_storage_nodes::ObjectId;
use rusqlite::Row;
use rusqlite::types::{FromSqlError, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::catalogue::{Content, DataRef, ETag, StoredObject, StoredPart, UploadId, VersionId};
use crate::types::{Checksum, ChecksumAlgorithm, ChecksumKind, Metadata, Versioning};

/// The columns of a version, in the order that [`VersionRow::read`] expects.
pub(super) const VERSION_COLUMNS: &str = "version, sequence, modified_us, size, md5, parts, class, \
     sum_algorithm, sum_kind, sum, object, extent_bytes, replicas, manifest, metadata, tags";

/// The columns of a part, in the order that [`read_part`] expects.
pub(super) const PART_COLUMNS: &str =
    "number, size, md5, modified_us, sum_algorithm, sum, object, extent_bytes, replicas";

type Read<T> = rusqlite::Result<T>;

/// A row of `current` or `former`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct VersionRow {
    pub(super) id: VersionId,
    pub(super) sequence: u64,
    pub(super) modified_us: u64,
    /// `None` is a delete marker.
    pub(super) object: Option<StoredObject>,
}

impl VersionRow {
    /// Reads [`VERSION_COLUMNS`].
    pub(super) fn read(row: &Row<'_>) -> Read<Self> {
        Ok(Self {
            id: read_version_id(row, 0)?,
            sequence: row.get(1)?,
            modified_us: row.get(2)?,
            object: read_object(row)?,
        })
    }

    pub(super) fn etag(&self) -> Option<ETag> {
        self.object.as_ref().map(|object| object.etag)
    }
}

fn read_object(row: &Row<'_>) -> Read<Option<StoredObject>> {
    let Some(etag) = read_etag(row, 4, 5)? else {
        return Ok(None);
    };
    let size = row.get(3)?;
    let content = match (read_data(row, 10, size)?, read_uuid(row, 13)?) {
        (_, Some(upload)) => Content::Parts(UploadId(upload)),
        (Some(data), None) => Content::Data(data),
        (None, None) => Content::Empty,
    };
    Ok(Some(StoredObject {
        size,
        etag,
        checksum: read_checksum(row, 7)?,
        metadata: read_json(row, 14)?.unwrap_or_default(),
        tags: read_json(row, 15)?.unwrap_or_default(),
        storage_class: row.get(6)?,
        content,
    }))
}

/// The version id at a column.
pub(super) fn read_version_id(row: &Row<'_>, index: usize) -> Read<VersionId> {
    let bytes = row.get_ref(index)?.as_blob()?;
    if bytes.is_empty() {
        Ok(VersionId::Null)
    } else {
        Ok(VersionId::Unique(uuid_of(index, bytes)?))
    }
}

/// The entity tag at two columns; `None` for a delete marker.
pub(super) fn read_etag(row: &Row<'_>, md5: usize, parts: usize) -> Read<Option<ETag>> {
    let digest = row.get_ref(md5)?.as_blob()?;
    if digest.is_empty() {
        return Ok(None);
    }
    let md5 = digest
        .try_into()
        .map_err(|_| mismatch(md5, "an MD5 has 16 bytes"))?;
    Ok(Some(ETag {
        md5,
        parts: row.get(parts)?,
    }))
}

/// Algorithm, kind and value at three columns.
pub(super) fn read_checksum(row: &Row<'_>, index: usize) -> Read<Option<Checksum>> {
    let Some((algorithm, kind)) = read_checksum_kind(row, index)? else {
        return Ok(None);
    };
    let value = row.get(index + 2)?;
    Ok(Some(Checksum {
        algorithm,
        kind,
        value,
    }))
}

/// Algorithm and kind at two columns.
pub(super) fn read_checksum_kind(
    row: &Row<'_>,
    index: usize,
) -> Read<Option<(ChecksumAlgorithm, ChecksumKind)>> {
    let Some(algorithm) = read_algorithm(row, index)? else {
        return Ok(None);
    };
    let kind = match row.get(index + 1)? {
        0_u8 => ChecksumKind::FullObject,
        1 => ChecksumKind::Composite,
        _ => return Err(mismatch(index + 1, "a kind of checksum is 0 or 1")),
    };
    Ok(Some((algorithm, kind)))
}

fn read_algorithm(row: &Row<'_>, index: usize) -> Read<Option<ChecksumAlgorithm>> {
    let Some(number) = row.get::<_, Option<u8>>(index)? else {
        return Ok(None);
    };
    ChecksumAlgorithm::ALL
        .into_iter()
        .find(|algorithm| algorithm_number(*algorithm) == number)
        .map(Some)
        .ok_or_else(|| mismatch(index, "an unknown checksum algorithm"))
}

/// Object id, extent size and replicas at three columns.
pub(super) fn read_data(row: &Row<'_>, index: usize, size: u64) -> Read<Option<DataRef>> {
    let Some(object) = read_uuid(row, index)? else {
        return Ok(None);
    };
    Ok(Some(DataRef {
        object: ObjectId(object),
        size,
        extent_bytes: row.get(index + 1)?,
        replicas: row.get(index + 2)?,
    }))
}

/// A row of `data`: object, size, extent size, replicas.
pub(super) fn read_data_row(row: &Row<'_>) -> Read<DataRef> {
    Ok(DataRef {
        object: read_object_id(row, 0)?,
        size: row.get(1)?,
        extent_bytes: row.get(2)?,
        replicas: row.get(3)?,
    })
}

/// The id of a blob at a column.
pub(super) fn read_object_id(row: &Row<'_>, index: usize) -> Read<ObjectId> {
    let bytes = row.get_ref(index)?.as_blob()?;
    Ok(ObjectId(uuid_of(index, bytes)?))
}

/// Reads [`PART_COLUMNS`].
pub(super) fn read_part(row: &Row<'_>) -> Read<StoredPart> {
    let size = row.get(1)?;
    let checksum = match read_algorithm(row, 4)? {
        Some(algorithm) => Some((algorithm, row.get(5)?)),
        None => None,
    };
    Ok(StoredPart {
        number: row.get(0)?,
        size,
        md5: row.get(2)?,
        modified_us: row.get(3)?,
        checksum,
        data: read_data(row, 6, size)?,
    })
}

/// An id that may be NULL.
pub(super) fn read_uuid(row: &Row<'_>, index: usize) -> Read<Option<Uuid>> {
    match row.get_ref(index)? {
        ValueRef::Null => Ok(None),
        value => uuid_of(index, value.as_blob()?).map(Some),
    }
}

fn uuid_of(index: usize, bytes: &[u8]) -> Read<Uuid> {
    Uuid::from_slice(bytes).map_err(|_| mismatch(index, "an id has 16 bytes"))
}

/// A key at a column.
pub(super) fn read_key(row: &Row<'_>, index: usize) -> Read<String> {
    let bytes = row.get_ref(index)?.as_blob()?;
    String::from_utf8(bytes.to_vec()).map_err(|_| mismatch(index, "a key is UTF-8"))
}

/// JSON that may be NULL.
pub(super) fn read_json<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> Read<Option<T>> {
    match row.get_ref(index)?.as_str_or_null()? {
        None => Ok(None),
        Some(text) => serde_json::from_str(text)
            .map(Some)
            .map_err(|_| mismatch(index, "not the JSON that was written")),
    }
}

/// The text to keep; `None` where there is nothing to keep.
pub(super) fn json_unless<T: Serialize>(
    empty: bool,
    value: &T,
) -> Result<Option<String>, rusqlite::Error> {
    if empty {
        return Ok(None);
    }
    serde_json::to_string(value)
        .map(Some)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// Headers to keep.
pub(super) fn metadata_json(metadata: &Metadata) -> Result<Option<String>, rusqlite::Error> {
    json_unless(*metadata == Metadata::default(), metadata)
}

fn mismatch(index: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(
        index,
        rusqlite::types::Type::Blob,
        Box::new(FromSqlError::Other(what.into())),
    )
}

/// The number an algorithm is kept as. Never changes.
pub(super) const fn algorithm_number(algorithm: ChecksumAlgorithm) -> u8 {
    match algorithm {
        ChecksumAlgorithm::Crc32 => 1,
        ChecksumAlgorithm::Crc32c => 2,
        ChecksumAlgorithm::Crc64nvme => 3,
        ChecksumAlgorithm::Sha1 => 4,
        ChecksumAlgorithm::Sha256 => 5,
    }
}

/// The number a kind is kept as. Never changes.
pub(super) const fn kind_number(kind: ChecksumKind) -> u8 {
    match kind {
        ChecksumKind::FullObject => 0,
        ChecksumKind::Composite => 1,
    }
}

/// The number a state of versioning is kept as. Never changes.
pub(super) const fn versioning_number(state: Versioning) -> u8 {
    match state {
        Versioning::Unversioned => 0,
        Versioning::Enabled => 1,
        Versioning::Suspended => 2,
    }
}

/// The state of versioning at a column.
pub(super) fn read_versioning(row: &Row<'_>, index: usize) -> Read<Versioning> {
    match row.get(index)? {
        0_u8 => Ok(Versioning::Unversioned),
        1 => Ok(Versioning::Enabled),
        2 => Ok(Versioning::Suspended),
        _ => Err(mismatch(index, "a state of versioning is 0, 1 or 2")),
    }
}

/// How a version id is kept: nothing for the null version.
pub(super) fn version_bytes(id: &VersionId) -> &[u8] {
    match id {
        VersionId::Null => &[],
        VersionId::Unique(id) => id.as_bytes(),
    }
}

/// The bytes of a blob's id.
pub(super) fn object_bytes(object: &ObjectId) -> &[u8; 16] {
    object.0.as_bytes()
}
