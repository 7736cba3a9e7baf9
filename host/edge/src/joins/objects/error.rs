//! Why a call failed: the cases of the domain and of the contract are the same.

use crate::joins::bindings::objects::blobs;
use concierge_objects::Error;

impl From<Error> for blobs::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidToken => Self::InvalidToken,
            Error::AccessDenied => Self::AccessDenied,
            Error::NoSuchBucket => Self::NoSuchBucket,
            Error::BucketAlreadyExists => Self::BucketAlreadyExists,
            Error::BucketAlreadyOwnedByYou => Self::BucketAlreadyOwnedByYou,
            Error::BucketNotEmpty => Self::BucketNotEmpty,
            Error::TooManyBuckets(limit) => Self::TooManyBuckets(limit),
            Error::InvalidBucketName => Self::InvalidBucketName,
            Error::NoSuchKey(marker) => Self::NoSuchKey(marker),
            Error::NoSuchVersion => Self::NoSuchVersion,
            Error::IsDeleteMarker(made_us) => Self::IsDeleteMarker(made_us),
            Error::NoSuchTagSet => Self::NoSuchTagSet,
            Error::NoSuchCorsConfiguration => Self::NoSuchCorsConfiguration,
            Error::NoSuchUpload => Self::NoSuchUpload,
            Error::InvalidPart => Self::InvalidPart,
            Error::InvalidPartOrder => Self::InvalidPartOrder,
            Error::EntityTooSmall => Self::EntityTooSmall,
            Error::EntityTooLarge => Self::EntityTooLarge,
            Error::PreconditionFailed(condition) => Self::PreconditionFailed(condition),
            Error::NotModified(info) => Self::NotModified((*info).into()),
            Error::ConditionalRequestConflict => Self::ConditionalRequestConflict,
            Error::InvalidRange(size) => Self::InvalidRange(size),
            Error::IncompleteBody => Self::IncompleteBody,
            Error::BadDigest => Self::BadDigest,
            Error::ContentSha256Mismatch => Self::ContentSha256Mismatch,
            Error::ChecksumMismatch(algorithm) => Self::ChecksumMismatch(algorithm.into()),
            Error::ChunkSignatureMismatch => Self::ChunkSignatureMismatch,
            Error::MalformedFraming(why) => Self::MalformedFraming(why),
            Error::InvalidPartNumber => Self::InvalidPartNumber,
            Error::KeyTooLong => Self::KeyTooLong,
            Error::MetadataTooLarge => Self::MetadataTooLarge,
            Error::InvalidTag(which) => Self::InvalidTag(which),
            Error::InvalidStorageClass => Self::InvalidStorageClass,
            Error::InvalidRequest(why) => Self::InvalidRequest(why),
            Error::InvalidArgument(which) => Self::InvalidArgument(which),
            Error::InsufficientStorage => Self::InsufficientStorage,
            Error::SlowDown => Self::SlowDown,
            Error::Internal => Self::Internal,
        }
    }
}
