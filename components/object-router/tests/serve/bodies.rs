//! Bodies: their framings and digests as the host is told of them, and documents that are read here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use object_router::bindings::concierge::objects::blobs::{
    Body, ChecksumAlgorithm, DeleteResult, Framing, RequestedChecksum,
};

use object_router::host::ReadError;

use crate::client::{Answered, Request, document};
use crate::fixtures::stored;
use crate::playback::{Answer, Asked, Playback};

/// What the host is told of the body of a put.
fn told(request: Request) -> Body {
    let host = Playback::new([Answer::Put(Ok(stored()))]);
    let answer = request.send(&host);
    assert_eq!(answer.status, 200, "{}", answer.text());
    match host.asked().as_slice() {
        [Asked::Put(request, _)] => request.body.clone(),
        other => panic!("{other:?}"),
    }
}

fn put() -> Request {
    Request::new("PUT", "/b/k").body("framed or not")
}

fn refused(request: Request) -> (u16, String) {
    let answer = request.send(&Playback::new([]));
    (answer.status, answer.element("Code").unwrap().to_owned())
}

#[test]
fn framings() {
    let chunked = |announcement: &str| {
        put()
            .payload(announcement)
            .header("x-amz-decoded-content-length", "5")
    };
    let unsigned = told(put().unsigned_payload());
    assert_eq!(
        unsigned,
        Body {
            framing: Framing::Raw,
            size: Some(13),
            md5: None,
            sha256: None,
            checksum: None,
            trailer: None,
        }
    );
    let signed = told(chunked("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"));
    assert_eq!(
        signed,
        Body {
            framing: Framing::AwsChunkedSigned,
            size: Some(5),
            ..unsigned.clone()
        }
    );
    let checksum = |algorithm| {
        Some(RequestedChecksum {
            algorithm,
            expected: None,
        })
    };
    for (announcement, framing) in [
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", Framing::AwsChunked),
        (
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            Framing::AwsChunkedSignedTrailer,
        ),
    ] {
        let without = told(chunked(announcement));
        assert_eq!((without.framing, without.trailer), (framing, None));
        let with = told(
            chunked(announcement)
                .header("x-amz-trailer", "X-Amz-Checksum-CRC32C")
                .header("x-amz-sdk-checksum-algorithm", "CRC32C"),
        );
        assert_eq!(
            with,
            Body {
                framing,
                size: Some(5),
                checksum: checksum(ChecksumAlgorithm::Crc32c),
                trailer: Some("x-amz-checksum-crc32c".into()),
                ..unsigned.clone()
            }
        );
    }
}

/// `Transfer-Encoding: chunked` says no length; S3 takes such a body when it is framed by aws-chunked, which does.
#[test]
fn a_length_is_wanted() {
    let missing = (411, "MissingContentLength".to_owned());
    assert_eq!(refused(put().unsigned_payload().without_length()), missing);
    let chunked = put().payload("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    assert_eq!(refused(chunked.clone()), missing);
    let body = told(
        chunked
            .clone()
            .without_length()
            .header("x-amz-decoded-content-length", "13"),
    );
    assert_eq!(body.size, Some(13));
    for length in ["", "-1", "1e3", "99999999999999999999"] {
        let invalid = (400, "InvalidArgument".to_owned());
        let decoded = chunked
            .clone()
            .header("x-amz-decoded-content-length", length);
        assert_eq!(refused(decoded), invalid, "{length}");
        let raw = put().without_length().header("content-length", length);
        assert_eq!(refused(raw), invalid, "{length}");
    }
}

#[test]
fn announcements_that_are_none() {
    for (announcement, status, code) in [
        ("", 400, "InvalidArgument"),
        ("none", 400, "InvalidArgument"),
        (&"0".repeat(63), 400, "InvalidArgument"),
        (&"F".repeat(64), 400, "InvalidArgument"),
        ("STREAMING-", 400, "InvalidArgument"),
        (
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
            501,
            "NotImplemented",
        ),
    ] {
        let answer = refused(put().payload(announcement));
        assert_eq!(answer, (status, code.to_owned()), "{announcement}");
    }
    let missing = Request::new("PUT", "/b/k")
        .anonymous()
        .header("x-amz-date", "20261125T120000Z")
        .header(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential=AKID/20261125/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature={}",
                crate::client::SIGNATURE
            ),
        );
    assert_eq!(refused(missing), (400, "InvalidRequest".to_owned()));
}

#[test]
fn digests_that_are_none() {
    for (name, value, code) in [
        ("content-md5", "!", "InvalidDigest"),
        ("content-md5", "AAAA", "InvalidDigest"),
        ("x-amz-checksum-sha256", "AAAA", "InvalidRequest"),
        ("x-amz-checksum-crc32", "", "InvalidRequest"),
        ("x-amz-trailer", "x-amz-checksum-crc32", "InvalidRequest"),
        ("x-amz-sdk-checksum-algorithm", "CRC32", "InvalidRequest"),
    ] {
        assert_eq!(
            refused(put().header(name, value)),
            (400, code.to_owned()),
            "{name}: {value}"
        );
    }
}

fn delete(body: impl AsRef<[u8]>) -> Request {
    Request::new("POST", "/b?delete").body(body)
}

fn one_deleted(request: Request) -> Answered {
    request.send(&Playback::new([Answer::DeleteMany(Ok(vec![Ok(
        DeleteResult {
            version_id: None,
            delete_marker: false,
        },
    )]))]))
}

const ONE: &str = "<Delete><Object><Key>a</Key></Object></Delete>";

/// The digests of [`ONE`], by other programs.
const DIGESTS: [(&str, &str); 6] = [
    ("content-md5", "aFPqFnlCon58cZ4Qt7zwvQ=="),
    ("x-amz-checksum-crc32", "v6Ysrw=="),
    ("x-amz-checksum-crc32c", "y0zhNQ=="),
    ("x-amz-checksum-crc64nvme", "OYaFGp/GKzo="),
    ("x-amz-checksum-sha1", "zhIIsBMNVNIDEueJ+puv5J4Wq4s="),
    (
        "x-amz-checksum-sha256",
        "b9qfkiJPh7YpXlHOwFcwrzwDhH5vPcI78v9N4bFbu4E=",
    ),
];

#[test]
fn every_digest_of_a_document_is_checked() {
    for (name, value) in DIGESTS {
        let good = one_deleted(delete(ONE).unsigned_payload().header(name, value));
        assert_eq!(good.status, 200, "{name}: {}", good.text());
        let other = STANDARD.encode(vec![7; STANDARD.decode(value).unwrap().len()]);
        let bad = delete(ONE).unsigned_payload().header(name, other);
        assert_eq!(refused(bad), (400, "BadDigest".to_owned()), "{name}");
    }
    let another = delete(ONE).payload(&"0".repeat(64));
    assert_eq!(
        refused(another),
        (400, "XAmzContentSHA256Mismatch".to_owned())
    );
}

#[test]
fn documents_end_where_they_say() {
    assert_eq!(
        refused(delete(ONE).unreadable(ReadError::Incomplete)),
        (400, "IncompleteBody".to_owned())
    );
    let busy = delete(ONE).unreadable(ReadError::Busy);
    let busy = busy.send(&Playback::new([]));
    assert_eq!(busy.error(), (503, "SlowDown"));
    assert_eq!(busy.header("retry-after").as_deref(), Some("1"));
    let short = delete(ONE).without_length().header("content-length", "47");
    assert_eq!(refused(short), (400, "IncompleteBody".to_owned()));
    assert_eq!(one_deleted(delete(ONE).without_length()).status, 200);
    let framed = delete(ONE)
        .payload("STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        .md5();
    assert_eq!(refused(framed), (501, "NotImplemented".to_owned()));
}

#[test]
fn documents_have_limits() {
    for (method, target, limit) in [
        ("POST", "/b?delete", 8 << 20),
        ("POST", "/b/k?uploadId=u", 8 << 20),
        ("PUT", "/b?tagging", 256 << 10),
        ("PUT", "/b/k?tagging", 256 << 10),
        ("PUT", "/b?cors", 64 << 10),
        ("PUT", "/b?versioning", 64 << 10),
        ("PUT", "/b", 64 << 10),
    ] {
        let long = vec![b' '; limit + 1];
        let request = Request::new(method, target).body(&long);
        // Announced, it is not even read; otherwise, no more than the limit of it.
        for request in [request.clone(), request.without_length()] {
            let answer = request.send(&Playback::new([]));
            assert_eq!(
                answer.error(),
                (400, "MaxMessageLengthExceeded"),
                "{target}"
            );
            assert_eq!(
                answer.element("MaxMessageLengthBytes"),
                Some(limit.to_string().as_str())
            );
        }
        let within = Request::new(method, target).body(vec![b' '; limit]);
        assert_eq!(
            refused(within),
            (400, "MalformedXML".to_owned()),
            "{target}"
        );
    }
}

#[test]
fn documents_that_are_none() {
    let entities: String = (1..20)
        .map(|n| format!("<!ENTITY e{n} \"{}\">", format!("&e{};", n - 1).repeat(10)))
        .collect();
    let bomb = format!(
        "<!DOCTYPE d [<!ENTITY e0 \"lol\">{entities}]><Delete><Object><Key>&e19;</Key></Object></Delete>"
    );
    let outside = "<!DOCTYPE d [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><Delete><Object><Key>&x;</Key></Object></Delete>";
    let deep = format!(
        "{}{}",
        "<Delete>".repeat(100_000),
        "</Delete>".repeat(100_000)
    );
    let attributes: String = (0..500_000).map(|n| format!(" a{n}=''")).collect();
    let wide = format!("<Delete{attributes}><Object><Key>a</Key></Object></Delete>");
    let many = document("Delete", &"<Object><Key>a</Key></Object>".repeat(1001));
    let elements = document("Delete", &"<a/>".repeat(1_000_000));
    let utf_16: Vec<u8> = ONE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&str, &[u8]); 12] = [
        ("entities", bomb.as_bytes()),
        ("an entity from outside", outside.as_bytes()),
        ("depth", deep.as_bytes()),
        ("attributes", wide.as_bytes()),
        ("deletions", many.as_bytes()),
        ("elements", elements.as_bytes()),
        ("UTF-16", &utf_16),
        (
            "not UTF-8",
            b"<Delete><Object><Key>\xff</Key></Object></Delete>",
        ),
        ("cut", b"<Delete><Object><Key>a</Key></Obj"),
        ("another document", b"<Tagging><TagSet/></Tagging>"),
        ("JSON", b"{\"Objects\": []}"),
        ("nothing", b""),
    ];
    for (what, body) in cases {
        assert_eq!(
            refused(delete(body)),
            (400, "MalformedXML".to_owned()),
            "{what}"
        );
    }
}
