//! What the object store's errors are called in S3's terms: one code a case.

use super::{Code, S3Error};
use crate::bindings::concierge::objects::blobs::{ChecksumAlgorithm, Error};
use crate::headers::checksum;
use crate::http::date;
use crate::ops::object_headers;

/// Seconds after which a client that was told to slow down may come again.
const RETRY_AFTER_S: &str = "1";

impl From<Error> for S3Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchKey(marker) => no_such_key(marker),
            Error::IsDeleteMarker(made_us) => is_delete_marker(made_us),
            Error::TooManyBuckets(limit) => S3Error::new(Code::TooManyBuckets)
                .detail("AllowedNumberOfBuckets", limit.to_string()),
            Error::PreconditionFailed(condition) => {
                S3Error::new(Code::PreconditionFailed).detail("Condition", condition)
            }
            Error::NotModified(info) => {
                S3Error::new(Code::NotModified).with_headers(object_headers::of_not_modified(&info))
            }
            Error::InvalidRange(size) => S3Error::new(Code::InvalidRange)
                .detail("ActualObjectSize", size.to_string())
                .header("content-range", format!("bytes */{size}")),
            Error::ChecksumMismatch(algorithm) => checksum_mismatch(algorithm),
            Error::MalformedFraming(why) => S3Error::request(format!(
                "The aws-chunked framing of the request's body is malformed: {why}"
            )),
            Error::InvalidTag(why) => worded(Code::InvalidTag, why),
            Error::InvalidRequest(why) => worded(Code::InvalidRequest, why),
            Error::InvalidArgument(why) => worded(Code::InvalidArgument, why),
            Error::SlowDown => S3Error::new(Code::SlowDown).header("retry-after", RETRY_AFTER_S),
            plain => S3Error::new(code_of(&plain)),
        }
    }
}

/// The code of a case that carries nothing to be shown.
fn code_of(error: &Error) -> Code {
    match error {
        // The token was given by this host a moment ago: its clock or its key has moved, and a new try gets a new one.
        Error::InvalidToken => Code::ServiceUnavailable,
        Error::AccessDenied => Code::AccessDenied,
        Error::NoSuchBucket => Code::NoSuchBucket,
        Error::BucketAlreadyExists => Code::BucketAlreadyExists,
        Error::BucketAlreadyOwnedByYou => Code::BucketAlreadyOwnedByYou,
        Error::BucketNotEmpty => Code::BucketNotEmpty,
        Error::TooManyBuckets(_) => Code::TooManyBuckets,
        Error::InvalidBucketName => Code::InvalidBucketName,
        Error::NoSuchKey(_) => Code::NoSuchKey,
        Error::NoSuchVersion => Code::NoSuchVersion,
        Error::IsDeleteMarker(_) => Code::MethodNotAllowed,
        Error::NoSuchTagSet => Code::NoSuchTagSet,
        Error::NoSuchCorsConfiguration => Code::NoSuchCorsConfiguration,
        Error::NoSuchUpload => Code::NoSuchUpload,
        Error::InvalidPart => Code::InvalidPart,
        Error::InvalidPartOrder => Code::InvalidPartOrder,
        Error::EntityTooSmall => Code::EntityTooSmall,
        Error::EntityTooLarge => Code::EntityTooLarge,
        Error::PreconditionFailed(_) => Code::PreconditionFailed,
        Error::NotModified(_) => Code::NotModified,
        Error::ConditionalRequestConflict => Code::ConditionalRequestConflict,
        Error::InvalidRange(_) => Code::InvalidRange,
        Error::IncompleteBody => Code::IncompleteBody,
        Error::BadDigest | Error::ChecksumMismatch(_) => Code::BadDigest,
        Error::ContentSha256Mismatch => Code::XAmzContentSha256Mismatch,
        Error::ChunkSignatureMismatch => Code::SignatureDoesNotMatch,
        Error::InvalidPartNumber => Code::InvalidPartNumber,
        Error::KeyTooLong => Code::KeyTooLong,
        Error::MetadataTooLarge => Code::MetadataTooLarge,
        Error::InvalidTag(_) => Code::InvalidTag,
        Error::InvalidStorageClass => Code::InvalidStorageClass,
        Error::InvalidRequest(_) | Error::MalformedFraming(_) => Code::InvalidRequest,
        Error::InvalidArgument(_) => Code::InvalidArgument,
        Error::InsufficientStorage => Code::InsufficientStorage,
        Error::SlowDown => Code::SlowDown,
        Error::Internal => Code::InternalError,
    }
}

/// The host's words where it has some, else S3's.
fn worded(code: Code, why: String) -> S3Error {
    if why.is_empty() {
        S3Error::new(code)
    } else {
        S3Error::with(code, why)
    }
}

/// A key hidden by a delete marker says so (API Reference, "GetObject", x-amz-delete-marker).
fn no_such_key(marker: Option<String>) -> S3Error {
    let error = S3Error::new(Code::NoSuchKey);
    let Some(version) = marker else { return error };
    let error = error.header("x-amz-delete-marker", "true");
    if version.is_empty() {
        error
    } else {
        error.header("x-amz-version-id", version)
    }
}

/// A delete marker that was named by its version id (User Guide, "Working with delete markers": 405, `Allow: DELETE`,
/// and Last-Modified).
fn is_delete_marker(made_us: u64) -> S3Error {
    S3Error::new(Code::MethodNotAllowed)
        .header("x-amz-delete-marker", "true")
        .header("allow", "DELETE")
        .header("last-modified", date::http(made_us))
        .detail("ResourceType", "DeleteMarker")
}

fn checksum_mismatch(algorithm: ChecksumAlgorithm) -> S3Error {
    let name = checksum::wire_name(algorithm);
    S3Error::with(
        Code::BadDigest,
        format!("The {name} you specified did not match the calculated checksum."),
    )
}
