//! Why a call failed.

use crate::types::{ChecksumAlgorithm, ObjectInfo, TimeUs};

/// Why a call failed: one case for each of the WIT variant `error`, each of
/// which is one code of S3 (Amazon S3 API Reference, "Error responses").
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The token is no longer good, or never was. Made by whoever turns tokens
    /// into principals, never by the store.
    #[error("the token is not good")]
    InvalidToken,
    /// This principal may not do this.
    #[error("access denied")]
    AccessDenied,
    /// There is no such bucket.
    #[error("no such bucket")]
    NoSuchBucket,
    /// The name is taken by another account.
    #[error("the bucket exists and is another's")]
    BucketAlreadyExists,
    /// The name is taken by the same account.
    #[error("the bucket exists and is yours")]
    BucketAlreadyOwnedByYou,
    /// The bucket has objects, versions or delete markers.
    #[error("the bucket is not empty")]
    BucketNotEmpty,
    /// The account has as many buckets as it may.
    #[error("the account may have no more than {0} buckets")]
    TooManyBuckets(u32),
    /// The name breaks S3's rules.
    #[error("the bucket name is not valid")]
    InvalidBucketName,
    /// There is no such object. Where a delete marker hides it, its version id
    /// (empty if the bucket gives none).
    #[error("no such key")]
    NoSuchKey(Option<String>),
    /// There is no such version.
    #[error("no such version")]
    NoSuchVersion,
    /// The version named is a delete marker, made at this time.
    #[error("the version is a delete marker")]
    IsDeleteMarker(TimeUs),
    /// The bucket has no tags.
    #[error("there is no tag set")]
    NoSuchTagSet,
    /// The bucket has no CORS rules.
    #[error("there is no CORS configuration")]
    NoSuchCorsConfiguration,
    /// There is no such upload.
    #[error("no such upload")]
    NoSuchUpload,
    /// A part named in a completion is missing or is another.
    #[error("a part is missing or is another")]
    InvalidPart,
    /// The parts of a completion are not in ascending order.
    #[error("the parts are not in ascending order")]
    InvalidPartOrder,
    /// A part but the last is below 5 MiB.
    #[error("a part but the last is too small")]
    EntityTooSmall,
    /// The body, or the object, is over the limit.
    #[error("the object is too large")]
    EntityTooLarge,
    /// The condition of this header did not hold.
    #[error("the condition {0} did not hold")]
    PreconditionFailed(String),
    /// A conditional read: the client's copy is current.
    #[error("not modified")]
    NotModified(Box<ObjectInfo>),
    /// A conditional write lost to another that ran at the same time.
    #[error("a conflicting write ran at the same time")]
    ConditionalRequestConflict,
    /// The range starts beyond the object, whose size is given.
    #[error("the range is not within the {0} bytes of the object")]
    InvalidRange(u64),
    /// The body ended before its announced size.
    #[error("the body is incomplete")]
    IncompleteBody,
    /// MD5 differs.
    #[error("the MD5 of the body differs")]
    BadDigest,
    /// The SHA-256 of `x-amz-content-sha256` differs.
    #[error("the SHA-256 of the body differs")]
    ContentSha256Mismatch,
    /// An additional checksum differs.
    #[error("the checksum of the body differs")]
    ChecksumMismatch(ChecksumAlgorithm),
    /// The signature of a chunk or of the trailer does not match.
    #[error("the signature of a chunk does not match")]
    ChunkSignatureMismatch,
    /// The aws-chunked framing or the trailer is broken; why.
    #[error("the aws-chunked framing is broken: {0}")]
    MalformedFraming(String),
    /// A part was asked for that the object does not have.
    #[error("the object has no such part")]
    InvalidPartNumber,
    /// The key is over 1,024 bytes.
    #[error("the key is too long")]
    KeyTooLong,
    /// User metadata is over 2 KiB.
    #[error("the metadata is too large")]
    MetadataTooLarge,
    /// A tag breaks S3's rules; which.
    #[error("the tag is not valid: {0}")]
    InvalidTag(String),
    /// There is no such storage class here.
    #[error("the storage class is not valid")]
    InvalidStorageClass,
    /// The request contradicts itself or the state; why, fit to be shown.
    #[error("{0}")]
    InvalidRequest(String),
    /// An argument is out of its range; which, fit to be shown.
    #[error("{0}")]
    InvalidArgument(String),
    /// The storage is full; nothing was written.
    #[error("the storage is full")]
    InsufficientStorage,
    /// Too much is waiting; try again later.
    #[error("too much is waiting")]
    SlowDown,
    /// Stored bytes are damaged on every replica, or the host failed. The
    /// detail is in the log.
    #[error("internal error")]
    Internal,
}
