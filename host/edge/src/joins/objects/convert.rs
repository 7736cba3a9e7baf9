//! The records of `blobs`, which the other interfaces share, to and from the domain's.

use crate::joins::bindings::objects::blobs as wit;
use concierge_objects as domain;

impl From<wit::ChecksumAlgorithm> for domain::ChecksumAlgorithm {
    fn from(algorithm: wit::ChecksumAlgorithm) -> Self {
        match algorithm {
            wit::ChecksumAlgorithm::Crc32 => Self::Crc32,
            wit::ChecksumAlgorithm::Crc32c => Self::Crc32c,
            wit::ChecksumAlgorithm::Crc64nvme => Self::Crc64nvme,
            wit::ChecksumAlgorithm::Sha1 => Self::Sha1,
            wit::ChecksumAlgorithm::Sha256 => Self::Sha256,
        }
    }
}

impl From<domain::ChecksumAlgorithm> for wit::ChecksumAlgorithm {
    fn from(algorithm: domain::ChecksumAlgorithm) -> Self {
        match algorithm {
            domain::ChecksumAlgorithm::Crc32 => Self::Crc32,
            domain::ChecksumAlgorithm::Crc32c => Self::Crc32c,
            domain::ChecksumAlgorithm::Crc64nvme => Self::Crc64nvme,
            domain::ChecksumAlgorithm::Sha1 => Self::Sha1,
            domain::ChecksumAlgorithm::Sha256 => Self::Sha256,
        }
    }
}

impl From<wit::ChecksumKind> for domain::ChecksumKind {
    fn from(kind: wit::ChecksumKind) -> Self {
        match kind {
            wit::ChecksumKind::FullObject => Self::FullObject,
            wit::ChecksumKind::Composite => Self::Composite,
        }
    }
}

impl From<domain::ChecksumKind> for wit::ChecksumKind {
    fn from(kind: domain::ChecksumKind) -> Self {
        match kind {
            domain::ChecksumKind::FullObject => Self::FullObject,
            domain::ChecksumKind::Composite => Self::Composite,
        }
    }
}

impl From<domain::Checksum> for wit::Checksum {
    fn from(checksum: domain::Checksum) -> Self {
        Self {
            algorithm: checksum.algorithm.into(),
            kind: checksum.kind.into(),
            value: checksum.value,
        }
    }
}

impl From<wit::RequestedChecksum> for domain::RequestedChecksum {
    fn from(checksum: wit::RequestedChecksum) -> Self {
        Self {
            algorithm: checksum.algorithm.into(),
            expected: checksum.expected,
        }
    }
}

impl From<wit::Framing> for domain::Framing {
    fn from(framing: wit::Framing) -> Self {
        match framing {
            wit::Framing::Raw => Self::Raw,
            wit::Framing::AwsChunked => Self::AwsChunked,
            wit::Framing::AwsChunkedSigned => Self::AwsChunkedSigned,
            wit::Framing::AwsChunkedSignedTrailer => Self::AwsChunkedSignedTrailer,
        }
    }
}

impl From<wit::Body> for domain::Body {
    fn from(body: wit::Body) -> Self {
        Self {
            framing: body.framing.into(),
            size: body.size,
            md5: body.md5,
            sha256: body.sha256,
            checksum: body.checksum.map(Into::into),
            trailer: body.trailer,
        }
    }
}

impl From<wit::Metadata> for domain::Metadata {
    fn from(metadata: wit::Metadata) -> Self {
        Self {
            content_type: metadata.content_type,
            content_encoding: metadata.content_encoding,
            content_language: metadata.content_language,
            content_disposition: metadata.content_disposition,
            cache_control: metadata.cache_control,
            expires: metadata.expires,
            website_redirect_location: metadata.website_redirect_location,
            user: metadata.user,
        }
    }
}

impl From<domain::Metadata> for wit::Metadata {
    fn from(metadata: domain::Metadata) -> Self {
        Self {
            content_type: metadata.content_type,
            content_encoding: metadata.content_encoding,
            content_language: metadata.content_language,
            content_disposition: metadata.content_disposition,
            cache_control: metadata.cache_control,
            expires: metadata.expires,
            website_redirect_location: metadata.website_redirect_location,
            user: metadata.user,
        }
    }
}

impl From<wit::Tag> for domain::Tag {
    fn from(tag: wit::Tag) -> Self {
        Self {
            key: tag.key,
            value: tag.value,
        }
    }
}

impl From<domain::Tag> for wit::Tag {
    fn from(tag: domain::Tag) -> Self {
        Self {
            key: tag.key,
            value: tag.value,
        }
    }
}

impl From<wit::WriteConditions> for domain::WriteConditions {
    fn from(conditions: wit::WriteConditions) -> Self {
        Self {
            if_match: conditions.if_match,
            if_none_match: conditions.if_none_match,
        }
    }
}

impl From<wit::ReadConditions> for domain::ReadConditions {
    fn from(conditions: wit::ReadConditions) -> Self {
        Self {
            if_match: conditions.if_match,
            if_none_match: conditions.if_none_match,
            if_modified_since_s: conditions.if_modified_since_s,
            if_unmodified_since_s: conditions.if_unmodified_since_s,
        }
    }
}

impl From<wit::ByteRange> for domain::ByteRange {
    fn from(range: wit::ByteRange) -> Self {
        match range {
            wit::ByteRange::Span((first, last)) => Self::Span(first, last),
            wit::ByteRange::Suffix(length) => Self::Suffix(length),
        }
    }
}

impl From<domain::ObjectInfo> for wit::ObjectInfo {
    fn from(info: domain::ObjectInfo) -> Self {
        Self {
            key: info.key,
            version_id: info.version_id,
            size: info.size,
            etag: info.etag,
            modified_us: info.modified_us,
            metadata: info.metadata.into(),
            checksum: info.checksum.map(Into::into),
            storage_class: info.storage_class,
            parts: info.parts,
            tag_count: info.tag_count,
        }
    }
}

impl From<domain::Part> for wit::Part {
    fn from(part: domain::Part) -> Self {
        Self {
            number: part.number,
            size: part.size,
            etag: part.etag,
            modified_us: part.modified_us,
            checksum: part.checksum.map(Into::into),
        }
    }
}

impl From<wit::PutRequest> for domain::PutRequest {
    fn from(request: wit::PutRequest) -> Self {
        Self {
            bucket: request.bucket,
            key: request.key,
            metadata: request.metadata.into(),
            tags: request.tags.into_iter().map(Into::into).collect(),
            storage_class: request.storage_class,
            conditions: request.conditions.into(),
            body: request.body.into(),
        }
    }
}

impl From<domain::PutResult> for wit::PutResult {
    fn from(result: domain::PutResult) -> Self {
        Self {
            version_id: result.version_id,
            etag: result.etag,
            size: result.size,
            checksum: result.checksum.map(Into::into),
            modified_us: result.modified_us,
        }
    }
}

impl From<wit::GetRequest> for domain::GetRequest {
    fn from(request: wit::GetRequest) -> Self {
        Self {
            bucket: request.bucket,
            key: request.key,
            version_id: request.version_id,
            range: request.range.map(Into::into),
            part_number: request.part_number,
            conditions: request.conditions.into(),
        }
    }
}

impl From<domain::GetResult> for wit::GetResult {
    fn from(result: domain::GetResult) -> Self {
        Self {
            info: result.info.into(),
            range: result.range,
            length: result.length,
        }
    }
}

impl From<wit::DeleteRequest> for domain::DeleteRequest {
    fn from(request: wit::DeleteRequest) -> Self {
        Self {
            key: request.key,
            version_id: request.version_id,
            if_match: request.if_match,
        }
    }
}

impl From<domain::DeleteResult> for wit::DeleteResult {
    fn from(result: domain::DeleteResult) -> Self {
        Self {
            version_id: result.version_id,
            delete_marker: result.delete_marker,
        }
    }
}

impl From<wit::CopyRequest> for domain::CopyRequest {
    fn from(request: wit::CopyRequest) -> Self {
        Self {
            source_bucket: request.source_bucket,
            source_key: request.source_key,
            source_version_id: request.source_version_id,
            source_conditions: request.source_conditions.into(),
            bucket: request.bucket,
            key: request.key,
            metadata: request.metadata.map(Into::into),
            tags: request
                .tags
                .map(|tags| tags.into_iter().map(Into::into).collect()),
            storage_class: request.storage_class,
            checksum: request.checksum.map(Into::into),
            conditions: request.conditions.into(),
        }
    }
}

impl From<domain::CopyResult> for wit::CopyResult {
    fn from(result: domain::CopyResult) -> Self {
        Self {
            source_version_id: result.source_version_id,
            object: result.object.into(),
        }
    }
}

impl From<domain::Attributes> for wit::Attributes {
    fn from(attributes: domain::Attributes) -> Self {
        Self {
            info: attributes.info.into(),
            parts: attributes.parts.into_iter().map(Into::into).collect(),
            truncated: attributes.truncated,
        }
    }
}
