//! CopyObject, object tags, object access control lists, GetObjectAttributes, DeleteObjects.

use object_router::bindings::concierge::objects::blobs::{
    Attributes, ChecksumAlgorithm, ChecksumKind, CopyRequest, CopyResult, DeleteRequest,
    DeleteResult, Error, ObjectInfo, Part, PutResult, ReadConditions, Tag, WriteConditions,
};

use crate::client::{Answered, Request, document};
use crate::fixtures::{
    ETAG, MODIFIED_HTTP, MODIFIED_US, MODIFIED_XML, bucket, crc32, get_request, named, no_metadata,
    object, stored, unconditional, whole,
};
use crate::playback::{Answer, Asked, Playback};

fn copy_request() -> CopyRequest {
    CopyRequest {
        source_bucket: "s".into(),
        source_key: "a/b".into(),
        source_version_id: None,
        source_conditions: unconditional(),
        bucket: "b".into(),
        key: "k".into(),
        metadata: None,
        tags: None,
        storage_class: None,
        checksum: None,
        conditions: WriteConditions {
            if_match: None,
            if_none_match: None,
        },
    }
}

fn copied(version_id: Option<&str>) -> Answer {
    Answer::Copy(Ok(CopyResult {
        source_version_id: version_id.map(Into::into),
        object: PutResult {
            version_id: version_id.map(|id| format!("{id}-copy")),
            checksum: Some(crc32(ChecksumKind::FullObject)),
            ..stored()
        },
    }))
}

fn copy(source: &str) -> Request {
    Request::new("PUT", "/b/k").header("x-amz-copy-source", source)
}

#[test]
fn a_copy_keeps_what_the_source_has() {
    let host = Playback::new([copied(None), copied(Some("v1"))]);
    let answer = copy("s/a/b")
        .header("content-type", "dropped/type")
        .send(&host);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.xml(),
        document(
            "CopyObjectResult",
            &format!(
                "<ETag>&quot;{ETAG}&quot;</ETag><LastModified>{MODIFIED_XML}</LastModified>\
                 <ChecksumType>FULL_OBJECT</ChecksumType><ChecksumCRC32>AAAAAQ==</ChecksumCRC32>"
            )
        )
    );
    assert_eq!(answer.header("x-amz-version-id"), None);
    let answer = copy("/s/a%2Fb?versionId=v1")
        .header("x-amz-metadata-directive", "COPY")
        .header("x-amz-tagging-directive", "COPY")
        .send(&host);
    assert_eq!(
        answer.header("x-amz-copy-source-version-id").as_deref(),
        Some("v1")
    );
    assert_eq!(
        answer.header("x-amz-version-id").as_deref(),
        Some("v1-copy")
    );
    let versioned = CopyRequest {
        source_version_id: Some("v1".into()),
        ..copy_request()
    };
    assert_eq!(
        host.asked(),
        [Asked::Copy(copy_request()), Asked::Copy(versioned)]
    );
}

#[test]
fn a_copy_may_replace_and_depend() {
    let host = Playback::new([copied(None)]);
    copy("s/a/b")
        .header("x-amz-metadata-directive", "REPLACE")
        .header("content-type", "text/plain")
        .header("x-amz-meta-a", "1")
        .header("x-amz-tagging-directive", "REPLACE")
        .header("x-amz-tagging", "t=u")
        .header("x-amz-storage-class", "STANDARD")
        .header("x-amz-checksum-algorithm", "sha256")
        .header("x-amz-copy-source-if-match", "\"e\"")
        .header("x-amz-copy-source-if-none-match", "\"f\"")
        .header("x-amz-copy-source-if-modified-since", MODIFIED_HTTP)
        .header("x-amz-copy-source-if-unmodified-since", MODIFIED_HTTP)
        .header("if-none-match", "*")
        .send(&host);
    let mut metadata = no_metadata();
    metadata.content_type = Some("text/plain".into());
    metadata.user = vec![("a".into(), "1".into())];
    let asked = CopyRequest {
        metadata: Some(metadata),
        tags: Some(vec![Tag {
            key: "t".into(),
            value: "u".into(),
        }]),
        storage_class: Some("STANDARD".into()),
        checksum: Some(ChecksumAlgorithm::Sha256),
        source_conditions: ReadConditions {
            if_match: vec!["e".into()],
            if_none_match: vec!["f".into()],
            if_modified_since_s: Some(784_111_777),
            if_unmodified_since_s: Some(784_111_777),
        },
        conditions: WriteConditions {
            if_match: None,
            if_none_match: Some("*".into()),
        },
        ..copy_request()
    };
    assert_eq!(host.asked(), [Asked::Copy(asked)]);
}

#[test]
fn a_copy_onto_itself_must_change_something() {
    assert_eq!(
        copy("b/k").send(&Playback::new([])).error(),
        (400, "InvalidRequest")
    );
    for change in [
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-tagging-directive", "REPLACE"),
        ("x-amz-storage-class", "STANDARD"),
        ("x-amz-checksum-algorithm", "CRC32"),
    ] {
        let host = Playback::new([copied(None)]);
        let answer = copy("b/k").header(change.0, change.1).send(&host);
        assert_eq!(answer.status, 200, "{change:?}");
    }
    // An older version over the current one restores it.
    let host = Playback::new([copied(None)]);
    assert_eq!(copy("b/k?versionId=v1").send(&host).status, 200);
}

#[test]
fn copies_that_are_not() {
    for (source, status, code) in [
        ("", 400, "InvalidArgument"),
        ("s", 400, "InvalidArgument"),
        ("/s/", 400, "InvalidArgument"),
        ("s/%FF", 400, "InvalidArgument"),
        ("s/k?versionId=", 400, "InvalidArgument"),
        ("a b/k", 400, "InvalidBucketName"),
        (
            "arn:aws:s3:eu:1:accesspoint/a/object/k",
            501,
            "NotImplemented",
        ),
    ] {
        let answer = copy(source).send(&Playback::new([]));
        assert_eq!(answer.error(), (status, code), "{source}");
    }
    for (header, value, status, code) in [
        ("x-amz-metadata-directive", "MERGE", 400, "InvalidArgument"),
        ("x-amz-tagging-directive", "replace", 400, "InvalidArgument"),
        (
            "x-amz-website-redirect-location",
            "/",
            501,
            "NotImplemented",
        ),
    ] {
        let answer = copy("s/k").header(header, value).send(&Playback::new([]));
        assert_eq!(answer.error(), (status, code), "{header}");
    }
}

#[test]
fn tags_of_an_object() {
    let tags = vec![Tag {
        key: "a&".into(),
        value: "1".into(),
    }];
    let host = Playback::new([
        Answer::GetTags(Ok((Some("v1".into()), tags.clone()))),
        Answer::GetTags(Ok((None, vec![]))),
        Answer::SetTags(Ok(Some("v1".into()))),
        Answer::SetTags(Ok(None)),
    ]);
    let written = document(
        "Tagging",
        "<TagSet><Tag><Key>a&amp;</Key><Value>1</Value></Tag></TagSet>",
    );
    let got = Request::new("GET", "/b/k?tagging&versionId=v1").send(&host);
    assert_eq!(got.xml(), written);
    assert_eq!(got.header("x-amz-version-id").as_deref(), Some("v1"));
    let none = Request::new("GET", "/b/k?tagging").send(&host);
    assert_eq!(none.xml(), document("Tagging", "<TagSet></TagSet>"));
    let put = Request::new("PUT", "/b/k?tagging&versionId=v1").body(&written);
    let answer = put.send(&host);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.headers(),
        [("content-length", "0"), ("x-amz-version-id", "v1")]
    );
    let deleted = Request::new("DELETE", "/b/k?tagging").send(&host);
    assert_eq!((deleted.status, deleted.headers()), (204, vec![]));
    assert_eq!(
        host.asked(),
        [
            Asked::GetTags(named(Some("v1"))),
            Asked::GetTags(named(None)),
            Asked::SetTags(named(Some("v1")), tags),
            Asked::SetTags(named(None), vec![]),
        ]
    );
}

#[test]
fn tags_have_a_limit() {
    let tagging = |count: usize| {
        let tags: String = (0..count)
            .map(|n| format!("<Tag><Key>k{n}</Key><Value></Value></Tag>"))
            .collect();
        document("Tagging", &format!("<TagSet>{tags}</TagSet>"))
    };
    for (target, limit) in [("/b/k?tagging", 10), ("/b?tagging", 50)] {
        let answer = match limit {
            10 => Answer::SetTags(Ok(None)),
            _ => Answer::SetBucketTags(Ok(())),
        };
        let put = |count| Request::new("PUT", target).body(tagging(count));
        let most = put(limit).send(&Playback::new([answer]));
        assert!([200, 204].contains(&most.status), "{target}");
        let more = put(limit + 1).send(&Playback::new([]));
        assert_eq!(more.error(), (400, "BadRequest"), "{target}");
    }
}

#[test]
fn the_list_of_an_object_is_its_buckets() {
    let versioned = ObjectInfo {
        version_id: Some("v1".into()),
        ..object()
    };
    let host = Playback::new([
        Answer::Head(Ok(whole(versioned))),
        Answer::GetBucket(Ok(bucket())),
        Answer::Head(Err(Error::NoSuchKey(None))),
    ]);
    let answer = Request::new("GET", "/b/k?acl").send(&host);
    assert_eq!(answer.element("Permission"), Some("FULL_CONTROL"));
    assert_eq!(answer.header("x-amz-version-id").as_deref(), Some("v1"));
    let missing = Request::new("PUT", "/b/k?acl").header("x-amz-acl", "private");
    assert_eq!(missing.send(&host).error(), (404, "NoSuchKey"));
    let asked = || Asked::Head(get_request());
    assert_eq!(
        host.asked(),
        [asked(), Asked::GetBucket("b".into()), asked()]
    );
    let public = Request::new("PUT", "/b/k?acl").header("x-amz-acl", "public-read");
    assert_eq!(
        public.send(&Playback::new([])).error(),
        (501, "NotImplemented")
    );
}

fn attributes(parts: Option<u32>, shown: Vec<Part>) -> Answer {
    let info = ObjectInfo {
        version_id: Some("v1".into()),
        checksum: Some(crc32(ChecksumKind::Composite)),
        parts,
        ..object()
    };
    Answer::GetAttributes(Ok(Attributes {
        info,
        truncated: shown.len() > 1,
        parts: shown,
    }))
}

#[test]
fn attributes_that_are_asked_for() {
    let part = |number| Part {
        number,
        size: 5,
        etag: ETAG.into(),
        modified_us: MODIFIED_US,
        checksum: Some(crc32(ChecksumKind::FullObject)),
    };
    let host = Playback::new([
        attributes(Some(9), vec![part(4), part(5)]),
        attributes(None, vec![]),
    ]);
    let answer = Request::new("GET", "/b/k?attributes&versionId=v1")
        .header(
            "x-amz-object-attributes",
            "ETag,Checksum, ObjectParts,StorageClass",
        )
        .header("x-amz-object-attributes", "ObjectSize")
        .header("x-amz-part-number-marker", "3")
        .header("x-amz-max-parts", "2")
        .send(&host);
    assert_eq!(
        answer.header("last-modified").as_deref(),
        Some(MODIFIED_HTTP)
    );
    assert_eq!(answer.header("x-amz-version-id").as_deref(), Some("v1"));
    let shown = |number: u32| {
        format!(
            "<Part><PartNumber>{number}</PartNumber><Size>5</Size><ChecksumCRC32>AAAAAQ==</ChecksumCRC32></Part>"
        )
    };
    assert_eq!(
        answer.xml(),
        document(
            "GetObjectAttributesResponse",
            &format!(
                "<ETag>{ETAG}</ETag><Checksum><ChecksumCRC32>AAAAAQ==-9</ChecksumCRC32><ChecksumType>COMPOSITE</ChecksumType></Checksum>\
                 <ObjectParts><PartsCount>9</PartsCount><PartNumberMarker>3</PartNumberMarker>\
                 <NextPartNumberMarker>5</NextPartNumberMarker><MaxParts>2</MaxParts><IsTruncated>true</IsTruncated>{}{}</ObjectParts>\
                 <StorageClass>STANDARD</StorageClass><ObjectSize>10</ObjectSize>",
                shown(4),
                shown(5)
            )
        )
    );
    // An object that was not uploaded in parts has none.
    let answer = Request::new("GET", "/b/k?attributes")
        .header("x-amz-object-attributes", "ObjectParts")
        .send(&host);
    assert_eq!(answer.xml(), document("GetObjectAttributesResponse", ""));
    assert_eq!(
        host.asked(),
        [
            Asked::GetAttributes(named(Some("v1")), 3, 2),
            Asked::GetAttributes(named(None), 0, 1000),
        ]
    );
    let ask = |attributes: &str, max: &str| {
        Request::new("GET", "/b/k?attributes")
            .header("x-amz-object-attributes", attributes)
            .header("x-amz-max-parts", max)
            .send(&Playback::new([]))
    };
    assert_eq!(ask("Owner", "1").error(), (400, "InvalidArgument"));
    assert_eq!(ask("", "1").error(), (400, "InvalidRequest"));
    assert_eq!(ask("ETag", "x").error(), (400, "InvalidArgument"));
}

fn delete_request(key: &str, version_id: Option<&str>, if_match: Option<&str>) -> DeleteRequest {
    DeleteRequest {
        key: key.into(),
        version_id: version_id.map(Into::into),
        if_match: if_match.map(Into::into),
    }
}

fn removed(version_id: Option<&str>, delete_marker: bool) -> Result<DeleteResult, Error> {
    Ok(DeleteResult {
        version_id: version_id.map(Into::into),
        delete_marker,
    })
}

fn delete_many(inner: &str) -> Request {
    Request::new("POST", "/b?delete").body(document("Delete", inner))
}

const FOUR: &str = "<Object><Key>a</Key></Object><Object><Key>b</Key></Object>\
    <Object><Key>c</Key><VersionId>m2</VersionId></Object>\
    <Object><Key>d&lt;</Key><VersionId>v4</VersionId><ETag>\"e\"</ETag></Object>";

fn answers_to_four() -> Answer {
    Answer::DeleteMany(Ok(vec![
        removed(None, false),
        removed(Some("m1"), true),
        removed(Some("m2"), true),
        Err(Error::PreconditionFailed("If-Match".into())),
    ]))
}

const FAILED: &str = "<Error><Key>d&lt;</Key><VersionId>v4</VersionId><Code>PreconditionFailed</Code>\
    <Message>At least one of the pre-conditions you specified did not hold</Message></Error>";

#[test]
fn each_deletion_is_answered_for_itself() {
    let host = Playback::new([answers_to_four(), answers_to_four()]);
    let answer = delete_many(FOUR).send(&host);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.xml(),
        document(
            "DeleteResult",
            &format!(
                "<Deleted><Key>a</Key></Deleted>\
                 <Deleted><Key>b</Key><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>m1</DeleteMarkerVersionId></Deleted>\
                 <Deleted><Key>c</Key><VersionId>m2</VersionId><DeleteMarker>true</DeleteMarker>\
                 <DeleteMarkerVersionId>m2</DeleteMarkerVersionId></Deleted>{FAILED}"
            )
        )
    );
    // Quiet: failures alone.
    let quiet = delete_many(&format!("<Quiet>true</Quiet>{FOUR}")).send(&host);
    assert_eq!(quiet.xml(), document("DeleteResult", FAILED));
    let requests = vec![
        delete_request("a", None, None),
        delete_request("b", None, None),
        delete_request("c", Some("m2"), None),
        delete_request("d<", Some("v4"), Some("e")),
    ];
    let asked = Asked::DeleteMany("b".into(), requests);
    assert_eq!(host.asked(), [asked.clone(), asked]);
}

#[test]
fn a_key_that_is_too_long_keeps_no_other_from_being_deleted() {
    let long = "k".repeat(1025);
    let host = Playback::new([Answer::DeleteMany(Ok(vec![removed(None, false)]))]);
    let answer = delete_many(&format!(
        "<Object><Key>{long}</Key></Object><Object><Key>a</Key></Object>"
    ))
    .send(&host);
    assert_eq!(answer.element("Code"), Some("KeyTooLongError"));
    assert!(answer.xml().contains("<Deleted><Key>a</Key></Deleted>"));
    assert_eq!(
        host.asked(),
        [Asked::DeleteMany(
            "b".into(),
            vec![delete_request("a", None, None)]
        )]
    );
}

#[test]
fn deletions_come_with_a_digest() {
    let unsigned = |request: Request| -> Answered {
        request
            .unsigned_payload()
            .send(&Playback::new([Answer::DeleteMany(Ok(vec![removed(
                None, false,
            )]))]))
    };
    let one = || delete_many("<Object><Key>a</Key></Object>");
    assert_eq!(unsigned(one()).error(), (400, "InvalidRequest"));
    assert_eq!(unsigned(one().md5()).status, 200);
}
