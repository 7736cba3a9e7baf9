//! Errors: every case of the contract in S3's terms, the document, and what is not implemented.

use object_router::bindings::concierge::objects::blobs::{ChecksumAlgorithm, Error};

use crate::client::{REQUEST_ID, Request};
use crate::fixtures::object;
use crate::playback::{Answer, Playback};

/// What the client is told of each case. There is no arm for the rest, so that a case that is added to the contract
/// must be decided here before this compiles.
macro_rules! told {
    ($($pattern:pat = $example:expr => $status:literal, $code:literal;)+) => {
        fn told(error: &Error) -> (u16, &'static str) {
            match error { $($pattern => ($status, $code),)+ }
        }

        fn examples() -> Vec<Error> {
            vec![$($example,)+]
        }
    };
}

told! {
    Error::InvalidToken = Error::InvalidToken => 503, "ServiceUnavailable";
    Error::AccessDenied = Error::AccessDenied => 403, "AccessDenied";
    Error::NoSuchBucket = Error::NoSuchBucket => 404, "NoSuchBucket";
    Error::BucketAlreadyExists = Error::BucketAlreadyExists => 409, "BucketAlreadyExists";
    Error::BucketAlreadyOwnedByYou = Error::BucketAlreadyOwnedByYou => 409, "BucketAlreadyOwnedByYou";
    Error::BucketNotEmpty = Error::BucketNotEmpty => 409, "BucketNotEmpty";
    Error::TooManyBuckets(_) = Error::TooManyBuckets(100) => 400, "TooManyBuckets";
    Error::InvalidBucketName = Error::InvalidBucketName => 400, "InvalidBucketName";
    Error::NoSuchKey(_) = Error::NoSuchKey(None) => 404, "NoSuchKey";
    Error::NoSuchVersion = Error::NoSuchVersion => 404, "NoSuchVersion";
    Error::IsDeleteMarker(_) = Error::IsDeleteMarker(1) => 405, "MethodNotAllowed";
    Error::NoSuchTagSet = Error::NoSuchTagSet => 404, "NoSuchTagSet";
    Error::NoSuchCorsConfiguration = Error::NoSuchCorsConfiguration => 404, "NoSuchCORSConfiguration";
    Error::NoSuchUpload = Error::NoSuchUpload => 404, "NoSuchUpload";
    Error::InvalidPart = Error::InvalidPart => 400, "InvalidPart";
    Error::InvalidPartOrder = Error::InvalidPartOrder => 400, "InvalidPartOrder";
    Error::EntityTooSmall = Error::EntityTooSmall => 400, "EntityTooSmall";
    Error::EntityTooLarge = Error::EntityTooLarge => 400, "EntityTooLarge";
    Error::PreconditionFailed(_) = Error::PreconditionFailed("If-Match".into()) => 412, "PreconditionFailed";
    Error::NotModified(_) = Error::NotModified(object()) => 304, "";
    Error::ConditionalRequestConflict = Error::ConditionalRequestConflict => 409, "ConditionalRequestConflict";
    Error::InvalidRange(_) = Error::InvalidRange(10) => 416, "InvalidRange";
    Error::IncompleteBody = Error::IncompleteBody => 400, "IncompleteBody";
    Error::BadDigest = Error::BadDigest => 400, "BadDigest";
    Error::ContentSha256Mismatch = Error::ContentSha256Mismatch => 400, "XAmzContentSHA256Mismatch";
    Error::ChecksumMismatch(_) = Error::ChecksumMismatch(ChecksumAlgorithm::Sha1) => 400, "BadDigest";
    Error::ChunkSignatureMismatch = Error::ChunkSignatureMismatch => 403, "SignatureDoesNotMatch";
    Error::MalformedFraming(_) = Error::MalformedFraming("why".into()) => 400, "InvalidRequest";
    Error::InvalidPartNumber = Error::InvalidPartNumber => 416, "InvalidPartNumber";
    Error::KeyTooLong = Error::KeyTooLong => 400, "KeyTooLongError";
    Error::MetadataTooLarge = Error::MetadataTooLarge => 400, "MetadataTooLarge";
    Error::InvalidTag(_) = Error::InvalidTag("why".into()) => 400, "InvalidTag";
    Error::InvalidStorageClass = Error::InvalidStorageClass => 400, "InvalidStorageClass";
    Error::InvalidRequest(_) = Error::InvalidRequest("why".into()) => 400, "InvalidRequest";
    Error::InvalidArgument(_) = Error::InvalidArgument("why".into()) => 400, "InvalidArgument";
    Error::InsufficientStorage = Error::InsufficientStorage => 507, "InsufficientStorage";
    Error::SlowDown = Error::SlowDown => 503, "SlowDown";
    Error::Internal = Error::Internal => 500, "InternalError";
}

#[test]
fn every_case_has_its_code_and_status() {
    for error in examples() {
        let host = Playback::new([Answer::Get(Err(error.clone()))]);
        let answer = Request::new("GET", "/b/k").send(&host);
        assert_eq!(answer.error(), told(&error), "{error:?}");
        let host = Playback::new([Answer::Head(Err(error.clone()))]);
        let head = Request::new("HEAD", "/b/k").send(&host);
        assert_eq!(
            (head.status, head.body),
            (told(&error).0, None),
            "{error:?}"
        );
    }
}

#[test]
fn the_document_names_what_it_is_about() {
    let send = |target: &str, error: Error| {
        Request::new("GET", target)
            .header("range", "bytes=20-")
            .send(&Playback::new([Answer::Get(Err(error))]))
    };
    let answer = send("/b/a%26b?x=1", Error::NoSuchKey(None));
    assert_eq!(
        answer.xml(),
        format!(
            "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>a&amp;b</Key>\
             <Resource>/b/a%26b</Resource><RequestId>{REQUEST_ID}</RequestId><HostId>{REQUEST_ID}</HostId></Error>"
        )
    );
    for (error, name, value) in [
        (Error::NoSuchBucket, "BucketName", "b"),
        (Error::NoSuchVersion, "VersionId", "v1"),
        (Error::NoSuchVersion, "Key", "k"),
        (Error::TooManyBuckets(100), "AllowedNumberOfBuckets", "100"),
        (Error::InvalidRange(10), "ActualObjectSize", "10"),
        (Error::InvalidRange(10), "RangeRequested", "bytes=20-"),
        (
            Error::ChecksumMismatch(ChecksumAlgorithm::Crc64nvme),
            "Message",
            "The CRC64NVME you specified did not match the calculated checksum.",
        ),
        (
            Error::InvalidTag("The TagKey you have provided is invalid".into()),
            "Message",
            "The TagKey you have provided is invalid",
        ),
        (
            Error::InvalidArgument(String::new()),
            "Message",
            "Invalid Argument",
        ),
    ] {
        let answer = send("/b/k?versionId=v1", error.clone());
        assert_eq!(answer.element(name), Some(value), "{error:?}");
    }
    let range = send("/b/k", Error::InvalidRange(10));
    assert_eq!(range.header("content-range").as_deref(), Some("bytes */10"));
    let slow = send("/b/k", Error::SlowDown);
    assert_eq!(slow.header("retry-after").as_deref(), Some("1"));
    let host = Playback::new([Answer::AbortUpload(Err(Error::NoSuchUpload))]);
    let upload = Request::new("DELETE", "/b/k?uploadId=u1").send(&host);
    assert_eq!(upload.element("UploadId"), Some("u1"));
}

/// A request that a client relies on for safety is never answered as if it had been done.
#[test]
fn what_is_not_there_is_said() {
    let refused = |request: Request, what: &str| {
        let answer = request.send(&Playback::new([]));
        assert_eq!(answer.error(), (501, "NotImplemented"), "{what}");
    };
    for parameter in [
        "accelerate",
        "analytics",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "lifecycle",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "website",
    ] {
        refused(Request::new("PUT", format!("/b?{parameter}")), parameter);
    }
    for parameter in ["legal-hold", "retention", "torrent"] {
        refused(Request::new("GET", format!("/b/k?{parameter}")), parameter);
    }
    for parameter in ["restore", "select&select-type=2"] {
        refused(Request::new("POST", format!("/b/k?{parameter}")), parameter);
    }
    refused(Request::new("POST", "/b").body("form"), "a form");
    for (name, value) in [
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "id"),
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-object-lock-mode", "COMPLIANCE"),
        (
            "x-amz-object-lock-retain-until-date",
            "2030-01-01T00:00:00Z",
        ),
        ("x-amz-object-lock-legal-hold", "ON"),
        ("x-amz-grant-read", "id=1"),
        ("x-amz-acl", "public-read"),
        ("x-amz-mfa", "serial 123456"),
        ("x-amz-write-offset-bytes", "10"),
    ] {
        refused(Request::new("PUT", "/b/k").header(name, value), name);
        refused(
            Request::new("POST", "/b/k?uploads").header(name, value),
            name,
        );
    }
    let lock = Request::new("PUT", "/b").header("x-amz-bucket-object-lock-enabled", "true");
    refused(lock, "object lock of a bucket");
}

#[test]
fn methods_that_are_not_there() {
    for (method, target, resource) in [
        ("POST", "/", "SERVICE"),
        ("DELETE", "/b?location", "BUCKET"),
        ("POST", "/b/k", "OBJECT"),
    ] {
        let answer = Request::new(method, target).send(&Playback::new([]));
        assert_eq!(
            answer.error(),
            (405, "MethodNotAllowed"),
            "{method} {target}"
        );
        assert_eq!(answer.element("Method"), Some(method));
        assert_eq!(answer.element("ResourceType"), Some(resource));
    }
    let patch = Request::new("PATCH", "/b/k").send(&Playback::new([]));
    assert_eq!(patch.error(), (405, "MethodNotAllowed"));
}

#[test]
fn targets_that_are_none() {
    let long = format!("/b/{}", "k".repeat(1025));
    for (target, code) in [
        ("/b/%FF", "InvalidURI"),
        ("/b/%", "InvalidURI"),
        ("/b/k?prefix=%FF", "InvalidURI"),
        ("/b?%C3%28=1", "InvalidURI"),
        ("//k", "InvalidBucketName"),
        ("/b%2F..%2Fc/k", "InvalidBucketName"),
        (&long, "KeyTooLongError"),
    ] {
        let answer = Request::new("GET", target).send(&Playback::new([]));
        assert_eq!(answer.error(), (400, code), "{target}");
        let path = target.split('?').next();
        assert_eq!(answer.element("Resource"), path, "{target}");
    }
    let answer = Request::new("GET", &long).send(&Playback::new([]));
    assert_eq!(answer.element("Size"), Some("1025"));
    assert_eq!(answer.element("MaxSizeAllowed"), Some("1024"));
    let head = Request::new("HEAD", "/b/%FF").send(&Playback::new([]));
    assert_eq!((head.status, head.body), (400, None));
}

/// Keys are names, not paths: dots, slashes and what looks like an escape are theirs.
#[test]
fn keys_are_not_paths() {
    let longest = "k".repeat(1024);
    let longest_path = format!("/b/{longest}");
    for (target, key) in [
        ("/b/./a/../b", "./a/../b"),
        ("/b/..", ".."),
        ("/b//a//", "/a//"),
        ("/b/folder/", "folder/"),
        ("/b/a%2Fb", "a/b"),
        ("/b/a%2520b", "a%20b"),
        ("/b/a+b", "a+b"),
        ("/b/%00", "\0"),
        ("/b/%F0%9F%93%88", "\u{1f4c8}"),
        (&longest_path, &longest),
    ] {
        let host = Playback::new([Answer::Get(Err(Error::NoSuchKey(None)))]);
        Request::new("GET", target).send(&host);
        match host.asked().as_slice() {
            [crate::playback::Asked::Get(request)] => assert_eq!(request.key, key),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_header_with_two_meanings_has_none() {
    for name in [
        "x-amz-storage-class",
        "content-type",
        "x-amz-tagging",
        "if-match",
    ] {
        let answer = Request::new("PUT", "/b/k")
            .header(name, "a")
            .header(name, "b")
            .send(&Playback::new([]));
        assert_eq!(answer.error(), (400, "InvalidRequest"), "{name}");
    }
}
