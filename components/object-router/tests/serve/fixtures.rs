//! What the host of the tests has.

use object_router::bindings::concierge::objects::blobs::{
    Checksum, ChecksumAlgorithm, ChecksumKind, GetRequest, GetResult, Metadata, ObjectInfo,
    PutResult, ReadConditions,
};
use object_router::bindings::concierge::objects::buckets::{BucketInfo, Versioning};
use object_router::host::Named;

/// Sun, 06 Nov 1994 08:49:37 GMT, and a fraction that is not shown.
pub const MODIFIED_US: u64 = 784_111_777_654_321;

/// As HTTP writes it.
pub const MODIFIED_HTTP: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// As S3's documents write it.
pub const MODIFIED_XML: &str = "1994-11-06T08:49:37.000Z";

/// The MD5 of nothing.
pub const ETAG: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// The bucket `b`.
pub fn bucket() -> BucketInfo {
    BucketInfo {
        name: "b".into(),
        owner_id: "id-of-owner".into(),
        owner_name: "owner".into(),
        created_us: MODIFIED_US,
        versioning: Versioning::Unversioned,
        region: "eu-central-1".into(),
    }
}

/// No metadata at all.
pub fn no_metadata() -> Metadata {
    Metadata {
        content_type: None,
        content_encoding: None,
        content_language: None,
        content_disposition: None,
        cache_control: None,
        expires: None,
        website_redirect_location: None,
        user: vec![],
    }
}

/// Some of every kind.
pub fn metadata() -> Metadata {
    Metadata {
        content_type: Some("text/plain".into()),
        content_encoding: Some("gzip".into()),
        content_language: Some("de".into()),
        content_disposition: Some("inline".into()),
        cache_control: Some("no-cache".into()),
        expires: Some("Sun, 06 Nov 1994 08:49:37 GMT".into()),
        website_redirect_location: Some("/elsewhere".into()),
        user: vec![
            ("colour".into(), "red".into()),
            ("town".into(), "Köln".into()),
        ],
    }
}

/// No conditions.
pub fn unconditional() -> ReadConditions {
    ReadConditions {
        if_match: vec![],
        if_none_match: vec![],
        if_modified_since_s: None,
        if_unmodified_since_s: None,
    }
}

/// The object `k`: ten bytes, nothing else.
pub fn object() -> ObjectInfo {
    ObjectInfo {
        key: "k".into(),
        version_id: None,
        size: 10,
        etag: ETAG.into(),
        modified_us: MODIFIED_US,
        metadata: no_metadata(),
        checksum: None,
        storage_class: "STANDARD".into(),
        parts: None,
        tag_count: 0,
    }
}

/// What a GET of all of it finds.
pub fn whole(info: ObjectInfo) -> GetResult {
    GetResult {
        range: None,
        length: info.size,
        info,
    }
}

/// What a GET of `/b/k` asks the host.
pub fn get_request() -> GetRequest {
    GetRequest {
        bucket: "b".into(),
        key: "k".into(),
        version_id: None,
        range: None,
        part_number: None,
        conditions: unconditional(),
    }
}

/// `/b/k` and a version of it.
pub fn named(version_id: Option<&str>) -> Named {
    Named {
        bucket: "b".into(),
        key: "k".into(),
        version_id: version_id.map(Into::into),
    }
}

/// CRC32 of value 1.
pub fn crc32(kind: ChecksumKind) -> Checksum {
    Checksum {
        algorithm: ChecksumAlgorithm::Crc32,
        kind,
        value: vec![0, 0, 0, 1],
    }
}

/// What the host says of a write.
pub fn stored() -> PutResult {
    PutResult {
        version_id: None,
        etag: ETAG.into(),
        size: 10,
        checksum: None,
        modified_us: MODIFIED_US,
    }
}
