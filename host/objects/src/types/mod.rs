//! Requests and answers of the object store.
//!
//! These mirror the records and variants of the WIT package
//! `concierge:objects` field by field, so that whoever joins the two has
//! nothing to decide. Where the contract says what a field means, the same
//! holds here.

mod buckets;
mod checksum;
mod listing;
mod multipart;

pub use buckets::{BucketInfo, BucketPage, CorsRule, Versioning};
pub use checksum::{Checksum, ChecksumAlgorithm, ChecksumKind, RequestedChecksum};
pub use listing::{
    ListEntry, ListItem, ListPage, ListQuery, VersionEntry, VersionItem, VersionPage, VersionQuery,
};
pub use multipart::{
    CompleteRequest, CompletedPart, CreateUploadRequest, PartCopyRequest, PartCopyResult, PartPage,
    UploadInfo, UploadItem, UploadPage, UploadQuery,
};

use std::pin::Pin;

use bytes::Bytes;
use futures::Stream;
use serde::{Deserialize, Serialize};

/// Microseconds since the Unix epoch, UTC.
pub type TimeUs = u64;

/// The bytes of a request's body. The end of the stream is the end of the
/// body; an error or a drop means the client went away.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// Why a body stopped before its end.
#[derive(Debug, thiserror::Error)]
#[error("the body was cut off: {0}")]
pub struct BodyError(pub String);

/// How the bytes of a body are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// The stream is the object.
    #[default]
    Raw,
    /// `aws-chunked` without signatures (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`).
    AwsChunked,
    /// `aws-chunked` with a signature on each chunk.
    AwsChunkedSigned,
    /// `aws-chunked` with a signature on each chunk and on the trailer.
    AwsChunkedSignedTrailer,
}

/// What is known of a body before it streams, and what to check in it.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// How the stream is framed.
    pub framing: Framing,
    /// Bytes of the object, without framing, where known.
    pub size: Option<u64>,
    /// Expected MD5 (`Content-MD5`), 16 bytes.
    pub md5: Option<Vec<u8>>,
    /// Expected SHA-256 (`x-amz-content-sha256`), 32 bytes.
    pub sha256: Option<Vec<u8>>,
    /// The additional checksum to compute and keep; `None` is CRC64NVME.
    pub checksum: Option<RequestedChecksum>,
    /// Name of the announced checksum trailer (`x-amz-trailer`), lower case.
    pub trailer: Option<String>,
}

/// Headers that are kept with an object and given back with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// `Content-Type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Content-Encoding`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Content-Disposition`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Cache-Control`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Expires`, as it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// `x-amz-website-redirect-location`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website_redirect_location: Option<String>,
    /// User metadata: names in lower case without `x-amz-meta-`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user: Vec<(String, String)>,
}

/// A tag of an object or a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// 1 to 128 UTF-16 code units.
    pub key: String,
    /// At most 256 UTF-16 code units.
    pub value: String,
}

/// Conditions of a write, decided atomically with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteConditions {
    /// The current version must have this entity tag (no quotes), or any with `*`.
    pub if_match: Option<String>,
    /// `*`: there must be no current version.
    pub if_none_match: Option<String>,
}

/// Conditions of a read (RFC 9110 §13), evaluated in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadConditions {
    /// Entity tags without quotes, or the one element `*`.
    pub if_match: Vec<String>,
    /// Entity tags without quotes, or the one element `*`.
    pub if_none_match: Vec<String>,
    /// Seconds since the epoch.
    pub if_modified_since_s: Option<u64>,
    /// Seconds since the epoch.
    pub if_unmodified_since_s: Option<u64>,
}

/// Which bytes of an object (RFC 9110 §14.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// First and last position, both included; no last: to the end.
    Span(u64, Option<u64>),
    /// So many last bytes.
    Suffix(u64),
}

/// What is known of one version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its key.
    pub key: String,
    /// Present when the bucket has ever had versioning enabled; `null` is the
    /// null version.
    pub version_id: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Entity tag without quotes.
    pub etag: String,
    /// When the version was made.
    pub modified_us: TimeUs,
    /// Headers kept with it.
    pub metadata: Metadata,
    /// Its additional checksum.
    pub checksum: Option<Checksum>,
    /// Storage class by its S3 name.
    pub storage_class: String,
    /// How many parts it was uploaded in, if in parts.
    pub parts: Option<u32>,
    /// How many tags it has.
    pub tag_count: u32,
}

/// A part of a completed object or of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// 1 to 10,000.
    pub number: u32,
    /// Bytes.
    pub size: u64,
    /// Entity tag without quotes.
    pub etag: String,
    /// When it was stored.
    pub modified_us: TimeUs,
    /// Its own checksum.
    pub checksum: Option<Checksum>,
}

/// Asks to store an object.
#[derive(Debug, Clone, Default)]
pub struct PutRequest {
    /// Bucket name.
    pub bucket: String,
    /// UTF-8, 1 to 1,024 bytes.
    pub key: String,
    /// Headers to keep.
    pub metadata: Metadata,
    /// At most 10.
    pub tags: Vec<Tag>,
    /// `None` is `STANDARD`.
    pub storage_class: Option<String>,
    /// Decided with the write.
    pub conditions: WriteConditions,
    /// What is known of the body.
    pub body: Body,
}

/// A stored object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutResult {
    /// As [`ObjectInfo::version_id`].
    pub version_id: Option<String>,
    /// Entity tag without quotes.
    pub etag: String,
    /// Bytes.
    pub size: u64,
    /// The checksum that was kept.
    pub checksum: Option<Checksum>,
    /// When the version was made.
    pub modified_us: TimeUs,
}

/// Asks for an object, or what is known of it.
#[derive(Debug, Clone, Default)]
pub struct GetRequest {
    /// Bucket name.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// `None` is the current version.
    pub version_id: Option<String>,
    /// Which bytes; `None` is all.
    pub range: Option<ByteRange>,
    /// One part of an object uploaded in parts; not with `range`.
    pub part_number: Option<u32>,
    /// Conditions.
    pub conditions: ReadConditions,
}

/// What a get or head will send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetResult {
    /// The version.
    pub info: ObjectInfo,
    /// First and last position when a range or a part was asked for (`206`).
    pub range: Option<(u64, u64)>,
    /// Bytes in the body.
    pub length: u64,
}

/// Asks to delete an object or a version.
#[derive(Debug, Clone, Default)]
pub struct DeleteRequest {
    /// Key.
    pub key: String,
    /// `None` deletes the current version (a delete marker, if versioned).
    pub version_id: Option<String>,
    /// Entity tag without quotes, or `*`.
    pub if_match: Option<String>,
}

/// What a deletion did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteResult {
    /// The version removed, or the delete marker made.
    pub version_id: Option<String>,
    /// A delete marker was made, or the version removed was one.
    pub delete_marker: bool,
}

/// Asks for a copy within the store.
#[derive(Debug, Clone, Default)]
pub struct CopyRequest {
    /// Bucket of the source.
    pub source_bucket: String,
    /// Key of the source.
    pub source_key: String,
    /// Version of the source; `None` is the current one.
    pub source_version_id: Option<String>,
    /// Conditions on the source.
    pub source_conditions: ReadConditions,
    /// Bucket of the copy.
    pub bucket: String,
    /// Key of the copy.
    pub key: String,
    /// `None` copies the source's metadata.
    pub metadata: Option<Metadata>,
    /// `None` copies the source's tags.
    pub tags: Option<Vec<Tag>>,
    /// `None` is `STANDARD`.
    pub storage_class: Option<String>,
    /// `None` keeps the source's algorithm.
    pub checksum: Option<ChecksumAlgorithm>,
    /// Conditions on the copy.
    pub conditions: WriteConditions,
}

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyResult {
    /// Which version was copied, as [`ObjectInfo::version_id`].
    pub source_version_id: Option<String>,
    /// The copy.
    pub object: PutResult,
}

/// Answer of `get_attributes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// The version.
    pub info: ObjectInfo,
    /// Parts after the marker.
    pub parts: Vec<Part>,
    /// More parts follow.
    pub truncated: bool,
}
