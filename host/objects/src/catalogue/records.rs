//! What the catalogue keeps.

use std::fmt;
use std::sync::Arc;

use concierge_identity::AccountId;
use concierge_storage_nodes::ObjectId;
use uuid::Uuid;

use crate::error::Error;
use crate::types::{
    Checksum, ChecksumAlgorithm, ChecksumKind, CorsRule, Metadata, Tag, TimeUs, UploadInfo,
    Versioning, WriteConditions,
};

/// A bucket, for ever; a bucket of the same name made later is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketId(pub Uuid);

impl BucketId {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

/// An upload in parts, and later the manifest of the object it became.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(pub Uuid);

impl UploadId {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads what [`Display`](fmt::Display) writes. Any other text names no
    /// upload that can exist.
    pub fn parse(text: &str) -> Result<Self, Error> {
        parse_simple(text).map(Self).ok_or(Error::NoSuchUpload)
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(f)
    }
}

/// The id of a version within its key. Order comes from the sequence, never
/// from this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VersionId {
    /// The null version: what unversioned and suspended buckets write.
    Null,
    /// A version of its own.
    Unique(Uuid),
}

impl VersionId {
    /// The name of the null version.
    pub const NULL: &'static str = "null";

    /// A new version of its own.
    #[must_use]
    pub fn generate() -> Self {
        Self::Unique(Uuid::now_v7())
    }

    /// Reads `null` or 32 hexadecimal digits. S3 answers InvalidArgument to a
    /// text that cannot be a version id.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text == Self::NULL {
            return Ok(Self::Null);
        }
        parse_simple(text)
            .map(Self::Unique)
            .ok_or_else(|| Error::InvalidArgument("Invalid version id specified".to_owned()))
    }

    /// The id as the answer shows it: only where the bucket has ever had
    /// versioning enabled.
    #[must_use]
    pub fn shown(self, versioning: Versioning) -> Option<String> {
        match versioning {
            Versioning::Unversioned => None,
            Versioning::Enabled | Versioning::Suspended => Some(self.to_string()),
        }
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str(Self::NULL),
            Self::Unique(id) => id.as_simple().fmt(f),
        }
    }
}

/// 32 lower-case hexadecimal digits; one text for one id.
fn parse_simple(text: &str) -> Option<Uuid> {
    let well_formed =
        text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if well_formed {
        Uuid::try_parse(text).ok()
    } else {
        None
    }
}

/// An entity tag: the MD5 of the bytes, or of the parts' MD5s with their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ETag {
    /// The digest.
    pub md5: [u8; 16],
    /// How many parts, if uploaded in parts.
    pub parts: Option<u32>,
}

impl ETag {
    /// The tag of one body.
    #[must_use]
    pub const fn single(md5: [u8; 16]) -> Self {
        Self { md5, parts: None }
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0_u8; 32];
        // The buffer has twice the digest's length, which is all that can fail.
        let _ = hex::encode_to_slice(self.md5, &mut digits);
        f.write_str(std::str::from_utf8(&digits).unwrap_or_default())?;
        match self.parts {
            Some(parts) => write!(f, "-{parts}"),
            None => Ok(()),
        }
    }
}

/// What is known of a bucket. A snapshot: settings change by a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its id.
    pub id: BucketId,
    /// Its name.
    pub name: Arc<str>,
    /// Who owns it.
    pub owner: AccountId,
    /// The owner's name when it was created.
    pub owner_name: Arc<str>,
    /// When it was created.
    pub created_us: TimeUs,
    /// The region it was created in.
    pub region: Arc<str>,
    /// State of versioning.
    pub versioning: Versioning,
    /// Tags.
    pub tags: Arc<[Tag]>,
    /// CORS rules.
    pub cors: Arc<[CorsRule]>,
}

/// Bytes on the storage nodes: records `0..extents()` of one object id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DataRef {
    /// The records' object id.
    pub object: ObjectId,
    /// Bytes; at least 1.
    pub size: u64,
    /// Bytes in each record but the last. Kept with the data, so that the
    /// constant may change.
    pub extent_bytes: u64,
    /// How many copies there are meant to be.
    pub replicas: u8,
}

impl DataRef {
    /// How many records.
    #[must_use]
    pub fn extents(&self) -> u32 {
        u32::try_from(self.size.div_ceil(self.extent_bytes.max(1))).unwrap_or(u32::MAX)
    }

    /// Bytes in one record.
    #[must_use]
    pub fn extent_len(&self, extent: u32) -> u64 {
        let start = u64::from(extent) * self.extent_bytes;
        self.size.saturating_sub(start).min(self.extent_bytes)
    }
}

/// Where an object's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// There are none.
    Empty,
    /// One blob.
    Data(DataRef),
    /// The parts of a completed upload.
    Parts(UploadId),
}

/// An object's version as the catalogue keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Bytes.
    pub size: u64,
    /// Entity tag.
    pub etag: ETag,
    /// Additional checksum.
    pub checksum: Option<Checksum>,
    /// Headers.
    pub metadata: Metadata,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Storage class; `None` is `STANDARD`.
    pub storage_class: Option<String>,
    /// Where the bytes are.
    pub content: Content,
}

/// A version that was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundVersion {
    /// Its id.
    pub id: VersionId,
    /// When it was made.
    pub modified_us: TimeUs,
    /// The object.
    pub object: StoredObject,
}

/// What stands under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Nothing.
    Missing,
    /// An object.
    Object(Box<FoundVersion>),
    /// A delete marker.
    DeleteMarker {
        /// Its id.
        id: VersionId,
        /// When it was made.
        modified_us: TimeUs,
    },
}

/// A bucket to be.
#[derive(Debug, Clone)]
pub struct NewBucket {
    /// A valid name.
    pub name: String,
    /// Who will own it.
    pub owner: AccountId,
    /// The owner's name.
    pub owner_name: Arc<str>,
    /// Where it is said to be.
    pub region: String,
    /// Now.
    pub created_us: TimeUs,
    /// How many buckets the owner may have.
    pub limit: u32,
}

/// A copy that a node lacks although it should have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MissingReplica {
    /// The data.
    pub object: ObjectId,
    /// The node, by its number.
    pub node: u32,
}

/// An object whose bytes are durable, to be made visible.
#[derive(Debug, Clone)]
pub struct CommitObject {
    /// Bucket.
    pub bucket: BucketId,
    /// Key.
    pub key: String,
    /// The version.
    pub object: StoredObject,
    /// Now.
    pub modified_us: TimeUs,
    /// Decided within the transaction.
    pub conditions: WriteConditions,
    /// Nodes that could not take their copy.
    pub missing: Vec<u32>,
}

/// A version that became visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Its id.
    pub id: VersionId,
    /// State of the bucket's versioning when it was committed.
    pub versioning: Versioning,
}

/// One deletion.
#[derive(Debug, Clone)]
pub struct DeleteVersion {
    /// Key.
    pub key: String,
    /// The version; `None` is whatever is current.
    pub version: Option<VersionId>,
    /// Entity tag the version must have, or `*`.
    pub if_match: Option<String>,
}

/// An upload as the catalogue keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// Key of the object to be.
    pub key: String,
    /// When it was begun.
    pub initiated_us: TimeUs,
    /// Storage class; `None` is `STANDARD`.
    pub storage_class: Option<String>,
    /// The checksum the client chose.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
    /// Headers.
    pub metadata: Metadata,
    /// Tags.
    pub tags: Vec<Tag>,
}

impl Upload {
    /// As the answers show it.
    #[must_use]
    pub fn info(&self) -> UploadInfo {
        UploadInfo {
            upload_id: self.id.to_string(),
            key: self.key.clone(),
            initiated_us: self.initiated_us,
            storage_class: class_name(self.storage_class.as_deref()),
            checksum: self.checksum,
        }
    }
}

/// The storage class of objects that name none.
pub const DEFAULT_STORAGE_CLASS: &str = "STANDARD";

/// The name of a kept storage class.
#[must_use]
pub fn class_name(kept: Option<&str>) -> String {
    kept.unwrap_or(DEFAULT_STORAGE_CLASS).to_owned()
}

/// A part as the catalogue keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// 1 to 10,000.
    pub number: u32,
    /// Bytes.
    pub size: u64,
    /// MD5 of the bytes.
    pub md5: [u8; 16],
    /// When it was stored.
    pub modified_us: TimeUs,
    /// Checksum of the bytes.
    pub checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
    /// The bytes; `None` if there are none.
    pub data: Option<DataRef>,
}

/// A part whose bytes are durable, to be kept with its upload.
#[derive(Debug, Clone)]
pub struct CommitPart {
    /// Bucket of the upload.
    pub bucket: BucketId,
    /// Key of the upload.
    pub key: String,
    /// The upload.
    pub upload: UploadId,
    /// The part.
    pub part: StoredPart,
    /// Nodes that could not take their copy.
    pub missing: Vec<u32>,
}

/// Something whose bytes nobody needs any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage {
    /// Number of the entry in its shard.
    pub entry: u64,
    /// What to delete from the nodes. A manifest gives a bounded number of its
    /// parts at a time.
    pub data: Vec<DataRef>,
    /// The part numbers when the entry is a manifest; removed with the data.
    pub parts: Option<(UploadId, Vec<u32>)>,
    /// The entry is done with when these are.
    pub last: bool,
}
