//! GetObject, HeadObject, PutObject, DeleteObject.

use object_router::bindings::concierge::objects::blobs::{
    Body, ByteRange, ChecksumAlgorithm, ChecksumKind, DeleteRequest, DeleteResult, Error, Framing,
    GetRequest, GetResult, ObjectInfo, PutRequest, PutResult, ReadConditions, RequestedChecksum,
    Tag, WriteConditions,
};
use sha2::{Digest as _, Sha256};

use crate::client::Request;
use crate::fixtures::{
    ETAG, MODIFIED_HTTP, MODIFIED_US, crc32, get_request, metadata, no_metadata, object, stored,
    unconditional, whole,
};
use crate::playback::{Answer, Asked, Playback};

const QUOTED: &str = "\"d41d8cd98f00b204e9800998ecf8427e\"";

#[test]
fn get_sends_the_bytes_and_says_what_they_are() {
    let host = Playback::new([Answer::Get(Ok((whole(object()), b"0123456789".to_vec())))]);
    let answer = Request::new("GET", "/b/k").send(&host);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.headers(),
        [
            ("accept-ranges", "bytes"),
            ("content-length", "10"),
            ("content-type", "binary/octet-stream"),
            ("etag", QUOTED),
            ("last-modified", MODIFIED_HTTP),
        ]
    );
    assert_eq!(answer.body.as_deref(), Some(&b"0123456789"[..]));
    assert_eq!(host.asked(), [Asked::Get(get_request())]);
}

fn everything() -> ObjectInfo {
    ObjectInfo {
        version_id: Some("v1".into()),
        metadata: metadata(),
        checksum: Some(crc32(ChecksumKind::Composite)),
        storage_class: "STANDARD_IA".into(),
        parts: Some(3),
        tag_count: 2,
        ..object()
    }
}

const EVERY_HEADER: [(&str, &str); 16] = [
    ("accept-ranges", "bytes"),
    ("cache-control", "no-cache"),
    ("content-disposition", "inline"),
    ("content-encoding", "gzip"),
    ("content-language", "de"),
    ("content-length", "10"),
    ("content-type", "text/plain"),
    ("etag", QUOTED),
    ("expires", MODIFIED_HTTP),
    ("last-modified", MODIFIED_HTTP),
    ("x-amz-meta-colour", "red"),
    ("x-amz-meta-town", "=?UTF-8?B?S8O2bG4=?="),
    ("x-amz-storage-class", "STANDARD_IA"),
    ("x-amz-tagging-count", "2"),
    ("x-amz-version-id", "v1"),
    ("x-amz-website-redirect-location", "/elsewhere"),
];

#[test]
fn head_is_get_without_the_bytes() {
    let host = Playback::new([
        Answer::Head(Ok(whole(everything()))),
        Answer::Get(Ok((whole(everything()), b"0123456789".to_vec()))),
    ]);
    let head = Request::new("HEAD", "/b/k?versionId=v1").send(&host);
    let get = Request::new("GET", "/b/k?versionId=v1").send(&host);
    assert_eq!((head.status, &head.body), (200, &None));
    assert_eq!(head.headers(), EVERY_HEADER);
    assert_eq!(get.headers(), EVERY_HEADER);
    let request = GetRequest {
        version_id: Some("v1".into()),
        ..get_request()
    };
    assert_eq!(
        host.asked(),
        [Asked::Head(request.clone()), Asked::Get(request)]
    );
}

#[test]
fn checksums_are_for_those_who_ask() {
    for (kind, parts, value, name) in [
        (ChecksumKind::Composite, Some(3), "AAAAAQ==-3", "COMPOSITE"),
        (ChecksumKind::FullObject, None, "AAAAAQ==", "FULL_OBJECT"),
    ] {
        let info = ObjectInfo {
            checksum: Some(crc32(kind)),
            parts,
            ..object()
        };
        let host = Playback::new([Answer::Head(Ok(whole(info)))]);
        let answer = Request::new("HEAD", "/b/k")
            .header("x-amz-checksum-mode", "ENABLED")
            .send(&host);
        assert_eq!(
            answer.header("x-amz-checksum-crc32").as_deref(),
            Some(value)
        );
        assert_eq!(answer.header("x-amz-checksum-type").as_deref(), Some(name));
    }
}

#[test]
fn a_range_is_206_and_has_no_checksum_of_the_whole() {
    let info = ObjectInfo {
        checksum: Some(crc32(ChecksumKind::FullObject)),
        ..object()
    };
    let piece = |from: u64, to: u64| GetResult {
        info: info.clone(),
        range: Some((from, to)),
        length: to - from + 1,
    };
    let host = Playback::new([
        Answer::Get(Ok((piece(2, 5), b"2345".to_vec()))),
        Answer::Get(Ok((piece(0, 9), b"0123456789".to_vec()))),
    ]);
    let get = |range: &str| {
        Request::new("GET", "/b/k")
            .header("range", range)
            .header("x-amz-checksum-mode", "ENABLED")
            .send(&host)
    };
    let answer = get("bytes=2-5");
    assert_eq!(answer.status, 206);
    assert_eq!(
        answer.header("content-range").as_deref(),
        Some("bytes 2-5/10")
    );
    assert_eq!(answer.header("content-length").as_deref(), Some("4"));
    assert_eq!(answer.header("x-amz-checksum-crc32"), None);
    assert_eq!(answer.body.as_deref(), Some(&b"2345"[..]));
    // All of it is the whole, whatever the form of the question.
    let answer = get("bytes=-10");
    assert_eq!(answer.status, 206);
    assert!(answer.header("x-amz-checksum-crc32").is_some());
    let asked = |range| {
        Asked::Get(GetRequest {
            range: Some(range),
            ..get_request()
        })
    };
    assert_eq!(
        host.asked(),
        [
            asked(ByteRange::Span((2, Some(5)))),
            asked(ByteRange::Suffix(10))
        ]
    );
}

#[test]
fn a_part_says_how_many_there_are() {
    let info = ObjectInfo {
        parts: Some(3),
        etag: format!("{ETAG}-3"),
        ..object()
    };
    let part = GetResult {
        info,
        range: Some((4, 7)),
        length: 4,
    };
    let host = Playback::new([Answer::Head(Ok(part))]);
    let answer = Request::new("HEAD", "/b/k?partNumber=2").send(&host);
    assert_eq!(answer.status, 206);
    assert_eq!(answer.header("x-amz-mp-parts-count").as_deref(), Some("3"));
    assert_eq!(
        answer.header("content-range").as_deref(),
        Some("bytes 4-7/10")
    );
    assert_eq!(
        host.asked(),
        [Asked::Head(GetRequest {
            part_number: Some(2),
            ..get_request()
        })]
    );
    let host = Playback::new([]);
    for number in ["0", "10001", "-1", "", "x", "99999999999999999999"] {
        let answer = Request::new("GET", format!("/b/k?partNumber={number}")).send(&host);
        assert_eq!(answer.error(), (400, "InvalidArgument"), "{number}");
    }
    let both = Request::new("GET", "/b/k?partNumber=1").header("range", "bytes=0-1");
    assert_eq!(both.send(&host).error(), (400, "InvalidRequest"));
}

#[test]
fn the_query_overrides_headers() {
    let host = Playback::new([Answer::Get(Ok((whole(everything()), vec![0; 10])))]);
    let target = "/b/k?response-content-type=a%2Fb&response-content-language=fr&response-expires=never\
        &response-cache-control=private&response-content-disposition=attachment%3B%20filename%3D%22a%20b%22\
        &response-content-encoding=";
    let answer = Request::new("GET", target).send(&host);
    for (name, value) in [
        ("content-type", "a/b"),
        ("content-language", "fr"),
        ("expires", "never"),
        ("cache-control", "private"),
        ("content-disposition", "attachment; filename=\"a b\""),
        ("content-encoding", "gzip"),
    ] {
        assert_eq!(answer.header(name).as_deref(), Some(value), "{name}");
    }
    let host = Playback::new([Answer::Get(Ok((whole(object()), vec![0; 10])))]);
    let split =
        Request::new("GET", "/b/k?response-content-type=a%0D%0Ax-injected:%201").send(&host);
    assert_eq!(split.error(), (400, "InvalidArgument"));
    assert_eq!(split.header("x-injected"), None);
}

#[test]
fn conditions_of_a_read_are_the_hosts_to_decide() {
    let host = Playback::new([
        Answer::Get(Err(Error::NotModified(everything()))),
        Answer::Get(Err(Error::PreconditionFailed("If-Match".into()))),
    ]);
    let get = Request::new("GET", "/b/k")
        .header("if-match", "\"a\", \"b\"")
        .header("if-none-match", QUOTED)
        .header("if-modified-since", MODIFIED_HTTP)
        .header("if-unmodified-since", "Sun, 06 Nov 1994 08:49:38 GMT");
    let answer = get.send(&host);
    assert_eq!((answer.status, &answer.body), (304, &None));
    assert_eq!(
        answer.headers(),
        [
            ("cache-control", "no-cache"),
            ("etag", QUOTED),
            ("expires", MODIFIED_HTTP),
            ("last-modified", MODIFIED_HTTP),
            ("x-amz-version-id", "v1"),
        ]
    );
    let answer = get.send(&host);
    assert_eq!(answer.error(), (412, "PreconditionFailed"));
    assert_eq!(answer.element("Condition"), Some("If-Match"));
    let asked = Asked::Get(GetRequest {
        conditions: ReadConditions {
            if_match: vec!["a".into(), "b".into()],
            if_none_match: vec![ETAG.into()],
            if_modified_since_s: Some(784_111_777),
            if_unmodified_since_s: Some(784_111_778),
        },
        ..get_request()
    });
    assert_eq!(host.asked(), [asked.clone(), asked]);
}

/// A client resumes a download of an object that was replaced meanwhile. If-Range was dropped, so that it got the rest
/// of another object, joined it to what it had, and was told of no error.
#[test]
fn the_rest_of_an_object_is_never_of_another() {
    let ranged = |tag: &str| GetRequest {
        range: Some(ByteRange::Span((4, None))),
        conditions: ReadConditions {
            if_match: vec![tag.into()],
            ..unconditional()
        },
        ..get_request()
    };
    let host = Playback::new([
        Answer::Get(Err(Error::PreconditionFailed("If-Match".into()))),
        Answer::Get(Ok((whole(object()), b"0123456789".to_vec()))),
    ]);
    let resume = |known: &str| {
        Request::new("GET", "/b/k")
            .header("range", "bytes=4-")
            .header("if-range", known)
    };
    let answer = resume("\"old\"").send(&host);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body.as_deref(), Some(&b"0123456789"[..]));
    assert_eq!(
        host.asked(),
        [Asked::Get(ranged("old")), Asked::Get(get_request())]
    );
    // The same object still: the rest.
    let rest = GetResult {
        info: object(),
        range: Some((4, 9)),
        length: 6,
    };
    let host = Playback::new([Answer::Get(Ok((rest, b"456789".to_vec())))]);
    assert_eq!(resume(QUOTED).send(&host).status, 206);
    assert_eq!(host.asked(), [Asked::Get(ranged(ETAG))]);
    // What cannot be compared exactly gives the whole.
    for known in ["W/\"old\"", MODIFIED_HTTP, "old"] {
        let host = Playback::new([Answer::Get(Ok((whole(object()), vec![0; 10])))]);
        assert_eq!(resume(known).send(&host).status, 200, "{known}");
        assert_eq!(host.asked(), [Asked::Get(get_request())]);
    }
    // A condition of the client's own stays one.
    let host = Playback::new([Answer::Get(Err(Error::PreconditionFailed(
        "If-Match".into(),
    )))]);
    let answer = resume(QUOTED).header("if-match", "\"own\"").send(&host);
    assert_eq!(answer.status, 412);
}

#[test]
fn an_object_without_bytes_has_no_body() {
    let empty = ObjectInfo {
        size: 0,
        ..object()
    };
    let host = Playback::new([Answer::Get(Ok((whole(empty), vec![])))]);
    let answer = Request::new("GET", "/b/k").send(&host);
    assert_eq!((answer.status, &answer.body), (200, &None));
    assert_eq!(answer.header("content-length").as_deref(), Some("0"));
}

#[test]
fn delete_markers_show_themselves() {
    let host = Playback::new([
        Answer::Get(Err(Error::NoSuchKey(Some("m1".into())))),
        Answer::Head(Err(Error::NoSuchKey(Some(String::new())))),
        Answer::Get(Err(Error::IsDeleteMarker(MODIFIED_US))),
    ]);
    let hidden = Request::new("GET", "/b/k").send(&host);
    assert_eq!(hidden.error(), (404, "NoSuchKey"));
    assert_eq!(hidden.element("Key"), Some("k"));
    assert_eq!(
        hidden.header("x-amz-delete-marker").as_deref(),
        Some("true")
    );
    assert_eq!(hidden.header("x-amz-version-id").as_deref(), Some("m1"));
    let hidden = Request::new("HEAD", "/b/k").send(&host);
    assert_eq!((hidden.status, &hidden.body), (404, &None));
    assert_eq!(hidden.headers(), [("x-amz-delete-marker", "true")]);
    let marker = Request::new("GET", "/b/k?versionId=m1").send(&host);
    assert_eq!(marker.error(), (405, "MethodNotAllowed"));
    assert_eq!(marker.element("Method"), Some("GET"));
    assert_eq!(marker.element("ResourceType"), Some("DeleteMarker"));
    for (name, value) in [
        ("allow", "DELETE"),
        ("last-modified", MODIFIED_HTTP),
        ("x-amz-delete-marker", "true"),
    ] {
        assert_eq!(marker.header(name).as_deref(), Some(value), "{name}");
    }
}

fn put_request(body: &[u8]) -> PutRequest {
    PutRequest {
        bucket: "b".into(),
        key: "k".into(),
        metadata: no_metadata(),
        tags: vec![],
        storage_class: None,
        conditions: WriteConditions {
            if_match: None,
            if_none_match: None,
        },
        body: Body {
            framing: Framing::Raw,
            size: Some(body.len() as u64),
            md5: None,
            sha256: Some(Sha256::digest(body).to_vec()),
            checksum: None,
            trailer: None,
        },
    }
}

#[test]
fn put_hands_the_body_through() {
    let host = Playback::new([Answer::Put(Ok(stored()))]);
    let answer = Request::new("PUT", "/b/k").body("0123456789").send(&host);
    assert_eq!((answer.status, &answer.body), (200, &None));
    assert_eq!(
        answer.headers(),
        [("content-length", "0"), ("etag", QUOTED)]
    );
    assert_eq!(
        host.asked(),
        [Asked::Put(
            put_request(b"0123456789"),
            b"0123456789".to_vec()
        )]
    );
}

#[test]
fn put_keeps_what_is_sent_with_the_body() {
    let result = PutResult {
        version_id: Some("v1".into()),
        checksum: Some(crc32(ChecksumKind::FullObject)),
        ..stored()
    };
    let host = Playback::new([Answer::Put(Ok(result))]);
    let answer = Request::new("PUT", "/b/k?x-id=PutObject")
        .body("x")
        .header("content-type", "text/plain")
        .header("content-encoding", "gzip")
        .header("content-language", "de")
        .header("content-disposition", "inline")
        .header("cache-control", "no-cache")
        .header("expires", MODIFIED_HTTP)
        .header("x-amz-website-redirect-location", "/elsewhere")
        .header("X-Amz-Meta-Colour", "red")
        .header("x-amz-meta-town", "K\u{f6}ln")
        .header("x-amz-tagging", "a=1&b%20c=%C3%BC")
        .header("x-amz-storage-class", "STANDARD_IA")
        .header("x-amz-checksum-crc32", "AAAAAQ==")
        .header("x-amz-sdk-checksum-algorithm", "CRC32")
        .header("x-amz-acl", "bucket-owner-full-control")
        .header("if-match", QUOTED)
        .md5()
        .send(&host);
    assert_eq!(
        answer.headers(),
        [
            ("content-length", "0"),
            ("etag", QUOTED),
            ("x-amz-checksum-crc32", "AAAAAQ=="),
            ("x-amz-checksum-type", "FULL_OBJECT"),
            ("x-amz-version-id", "v1"),
        ]
    );
    let tag = |key: &str, value: &str| Tag {
        key: key.into(),
        value: value.into(),
    };
    let mut request = put_request(b"x");
    request.metadata = metadata();
    request.tags = vec![tag("a", "1"), tag("b c", "ü")];
    request.storage_class = Some("STANDARD_IA".into());
    request.conditions.if_match = Some(ETAG.into());
    request.body.md5 = Some(hex::decode("9dd4e461268c8034f5c8564e155c67a6").unwrap());
    request.body.checksum = Some(RequestedChecksum {
        algorithm: ChecksumAlgorithm::Crc32,
        expected: Some(vec![0, 0, 0, 1]),
    });
    assert_eq!(host.asked(), [Asked::Put(request, b"x".to_vec())]);
}

#[test]
fn bytes_that_are_not_utf_8_are_latin_1() {
    let host = Playback::new([Answer::Put(Ok(stored()))]);
    Request::new("PUT", "/b/k")
        .header("x-amz-meta-town", b"K\xf6ln")
        .send(&host);
    let mut request = put_request(b"");
    request.metadata.user = vec![("town".into(), "Köln".into())];
    assert_eq!(host.asked(), [Asked::Put(request, vec![])]);
}

#[test]
fn conditional_writes() {
    let host = Playback::new([
        Answer::Put(Err(Error::PreconditionFailed("If-None-Match".into()))),
        Answer::Put(Err(Error::ConditionalRequestConflict)),
        Answer::Put(Err(Error::NoSuchKey(None))),
    ]);
    let create = Request::new("PUT", "/b/k").header("if-none-match", "*");
    let answer = create.send(&host);
    assert_eq!(answer.error(), (412, "PreconditionFailed"));
    assert_eq!(answer.element("Condition"), Some("If-None-Match"));
    assert_eq!(
        create.send(&host).error(),
        (409, "ConditionalRequestConflict")
    );
    let replace = Request::new("PUT", "/b/k").header("if-match", "*");
    assert_eq!(replace.send(&host).error(), (404, "NoSuchKey"));
    let mut created = put_request(b"");
    created.conditions.if_none_match = Some("*".into());
    let mut replaced = put_request(b"");
    replaced.conditions.if_match = Some("*".into());
    assert_eq!(
        host.asked(),
        [created.clone(), created, replaced].map(|request| Asked::Put(request, vec![]))
    );
    // S3 defines no other.
    let host = Playback::new([]);
    for (name, value) in [
        ("if-none-match", QUOTED),
        ("if-none-match", "W/\"*\", \"a\""),
    ] {
        let answer = Request::new("PUT", "/b/k").header(name, value).send(&host);
        assert!([400, 501].contains(&answer.status), "{value}");
    }
    let both = create.header("if-match", QUOTED);
    assert_eq!(both.send(&host).error(), (501, "NotImplemented"));
}

#[test]
fn delete_says_what_it_did() {
    let done = |version_id: Option<&str>, delete_marker| {
        Answer::Delete(Ok(DeleteResult {
            version_id: version_id.map(Into::into),
            delete_marker,
        }))
    };
    let host = Playback::new([
        done(None, false),
        done(Some("m1"), true),
        done(Some("null"), false),
        Answer::Delete(Err(Error::PreconditionFailed("If-Match".into()))),
    ]);
    let plain = Request::new("DELETE", "/b/k").send(&host);
    assert_eq!((plain.status, &plain.body), (204, &None));
    assert_eq!(plain.headers(), []);
    let marked = Request::new("DELETE", "/b/k").send(&host);
    assert_eq!(
        marked.headers(),
        [("x-amz-delete-marker", "true"), ("x-amz-version-id", "m1")]
    );
    let version = Request::new("DELETE", "/b/k?versionId=null").send(&host);
    assert_eq!(version.headers(), [("x-amz-version-id", "null")]);
    let conditional = Request::new("DELETE", "/b/k").header("if-match", QUOTED);
    assert_eq!(conditional.send(&host).error(), (412, "PreconditionFailed"));
    let asked = |version_id: Option<&str>, if_match: Option<&str>| {
        let request = DeleteRequest {
            key: "k".into(),
            version_id: version_id.map(Into::into),
            if_match: if_match.map(Into::into),
        };
        Asked::Delete("b".into(), request)
    };
    assert_eq!(
        host.asked(),
        [
            asked(None, None),
            asked(None, None),
            asked(Some("null"), None),
            asked(None, Some(ETAG)),
        ]
    );
    let empty = Request::new("DELETE", "/b/k?versionId=").send(&Playback::new([]));
    assert_eq!(empty.error(), (400, "InvalidArgument"));
}
