//! Uploads in parts.

use object_router::bindings::concierge::objects::blobs::{
    Body, ByteRange, ChecksumAlgorithm, ChecksumKind, Error, Framing, Part, PutResult,
    RequestedChecksum, Tag, WriteConditions,
};
use object_router::bindings::concierge::objects::multipart::{
    CompleteRequest, CompletedPart, CreateRequest, PartCopyRequest, PartCopyResult, PartPage,
    UploadInfo, UploadItem, UploadPage, UploadQuery,
};
use object_router::host::UploadName;
use sha2::{Digest as _, Sha256};

use crate::client::{Request, document};
use crate::fixtures::{
    ETAG, MODIFIED_US, MODIFIED_XML, bucket, crc32, metadata, no_metadata, stored, unconditional,
};
use crate::playback::{Answer, Asked, Playback};

const PEOPLE: &str = "<Initiator><ID>id-of-owner</ID><DisplayName>owner</DisplayName></Initiator>\
    <Owner><ID>id-of-owner</ID><DisplayName>owner</DisplayName></Owner>";

fn upload() -> UploadInfo {
    UploadInfo {
        upload_id: "u1".into(),
        key: "k".into(),
        initiated_us: MODIFIED_US,
        storage_class: "STANDARD".into(),
        checksum: None,
    }
}

fn name() -> UploadName {
    UploadName {
        bucket: "b".into(),
        key: "k".into(),
        upload_id: "u1".into(),
    }
}

fn part(number: u32) -> Part {
    Part {
        number,
        size: 10,
        etag: ETAG.into(),
        modified_us: MODIFIED_US,
        checksum: None,
    }
}

fn owner() -> Answer {
    Answer::GetBucket(Ok(bucket()))
}

#[test]
fn create() {
    let request = CreateRequest {
        bucket: "b".into(),
        key: "k".into(),
        metadata: no_metadata(),
        tags: vec![],
        storage_class: None,
        checksum: None,
        checksum_kind: None,
    };
    let with_checksum = UploadInfo {
        checksum: Some((ChecksumAlgorithm::Crc32, ChecksumKind::Composite)),
        ..upload()
    };
    let host = Playback::new([
        Answer::CreateUpload(Ok(upload())),
        Answer::CreateUpload(Ok(with_checksum)),
    ]);
    let answer = Request::new("POST", "/b/k?uploads").send(&host);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.xml(),
        document(
            "InitiateMultipartUploadResult",
            "<Bucket>b</Bucket><Key>k</Key><UploadId>u1</UploadId>"
        )
    );
    assert_eq!(answer.header("x-amz-checksum-algorithm"), None);
    let answer = Request::new("POST", "/b/k?uploads=")
        .header("content-type", "text/plain")
        .header("x-amz-tagging", "a=1")
        .header("x-amz-storage-class", "STANDARD_IA")
        .header("x-amz-checksum-algorithm", "CRC32")
        .header("x-amz-checksum-type", "COMPOSITE")
        .send(&host);
    assert_eq!(
        answer.header("x-amz-checksum-algorithm").as_deref(),
        Some("CRC32")
    );
    assert_eq!(
        answer.header("x-amz-checksum-type").as_deref(),
        Some("COMPOSITE")
    );
    let mut full = request.clone();
    full.metadata.content_type = metadata().content_type;
    full.tags = vec![Tag {
        key: "a".into(),
        value: "1".into(),
    }];
    full.storage_class = Some("STANDARD_IA".into());
    full.checksum = Some(ChecksumAlgorithm::Crc32);
    full.checksum_kind = Some(ChecksumKind::Composite);
    assert_eq!(
        host.asked(),
        [Asked::CreateUpload(request), Asked::CreateUpload(full)]
    );
    for (header, value) in [
        ("x-amz-checksum-algorithm", "ROT13"),
        ("x-amz-checksum-type", "PARTIAL"),
    ] {
        let answer = Request::new("POST", "/b/k?uploads")
            .header(header, value)
            .send(&Playback::new([]));
        assert_eq!(answer.error(), (400, "InvalidRequest"), "{header}");
    }
}

#[test]
fn put_part() {
    let with_checksum = Part {
        checksum: Some(crc32(ChecksumKind::FullObject)),
        ..part(2)
    };
    let host = Playback::new([Answer::PutPart(Ok(with_checksum))]);
    let answer = Request::new("PUT", "/b/k?partNumber=2&uploadId=u1")
        .body("0123456789")
        .header("x-amz-checksum-crc32", "AAAAAQ==")
        .send(&host);
    assert_eq!((answer.status, &answer.body), (200, &None));
    assert_eq!(
        answer.headers(),
        [
            ("content-length", "0"),
            ("etag", format!("\"{ETAG}\"").as_str()),
            ("x-amz-checksum-crc32", "AAAAAQ=="),
        ]
    );
    let body = Body {
        framing: Framing::Raw,
        size: Some(10),
        md5: None,
        sha256: Some(Sha256::digest(b"0123456789").to_vec()),
        checksum: Some(RequestedChecksum {
            algorithm: ChecksumAlgorithm::Crc32,
            expected: Some(vec![0, 0, 0, 1]),
        }),
        trailer: None,
    };
    assert_eq!(
        host.asked(),
        [Asked::PutPart(name(), 2, body, b"0123456789".to_vec())]
    );
    for query in [
        "partNumber=0&uploadId=u1",
        "partNumber=10001&uploadId=u1",
        "partNumber=&uploadId=u1",
        "partNumber=1",
        "uploadId=u1",
    ] {
        let answer = Request::new("PUT", format!("/b/k?{query}")).send(&Playback::new([]));
        assert_eq!(answer.error(), (400, "InvalidArgument"), "{query}");
    }
}

#[test]
fn copy_part() {
    let result = PartCopyResult {
        source_version_id: Some("v1".into()),
        part: Part {
            checksum: Some(crc32(ChecksumKind::FullObject)),
            ..part(3)
        },
    };
    let host = Playback::new([Answer::CopyPart(Ok(result))]);
    let copy = Request::new("PUT", "/b/k?partNumber=3&uploadId=u1")
        .header("x-amz-copy-source", "/s/a%20b?versionId=v1");
    let answer = copy
        .clone()
        .header("x-amz-copy-source-range", "bytes=2-5")
        .header("x-amz-copy-source-if-match", "\"e\"")
        .send(&host);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.xml(),
        document(
            "CopyPartResult",
            &format!(
                "<ETag>&quot;{ETAG}&quot;</ETag><LastModified>{MODIFIED_XML}</LastModified><ChecksumCRC32>AAAAAQ==</ChecksumCRC32>"
            )
        )
    );
    assert_eq!(
        answer.header("x-amz-copy-source-version-id").as_deref(),
        Some("v1")
    );
    let mut source_conditions = unconditional();
    source_conditions.if_match = vec!["e".into()];
    let asked = PartCopyRequest {
        source_bucket: "s".into(),
        source_key: "a b".into(),
        source_version_id: Some("v1".into()),
        source_conditions,
        source_range: Some(ByteRange::Span((2, Some(5)))),
        bucket: "b".into(),
        key: "k".into(),
        upload_id: "u1".into(),
        number: 3,
    };
    assert_eq!(host.asked(), [Asked::CopyPart(asked)]);
    for range in ["bytes=2-", "bytes=-5", "bytes=5-2", "2-5", "bytes=0-1,3-4"] {
        let answer = copy
            .clone()
            .header("x-amz-copy-source-range", range)
            .send(&Playback::new([]));
        assert_eq!(answer.error(), (400, "InvalidArgument"), "{range}");
    }
}

#[test]
fn a_copy_is_not_cut_to_its_source() {
    let host = Playback::new([Answer::CopyPart(Err(Error::InvalidRange(10)))]);
    let answer = Request::new("PUT", "/b/k?partNumber=1&uploadId=u1")
        .header("x-amz-copy-source", "s/k")
        .header("x-amz-copy-source-range", "bytes=5-10")
        .send(&host);
    assert_eq!(answer.error(), (400, "InvalidArgument"));
    assert_eq!(answer.element("ArgumentValue"), Some("bytes=5-10"));
    assert_eq!(
        answer.element("Message"),
        Some("Range specified is not valid for source object of size: 10")
    );
}

#[test]
fn list_parts() {
    let page = |parts: Vec<Part>, truncated, checksum| {
        Answer::ListParts(Ok(PartPage {
            upload: UploadInfo {
                checksum,
                ..upload()
            },
            parts,
            truncated,
        }))
    };
    let second = Part {
        checksum: Some(crc32(ChecksumKind::FullObject)),
        ..part(5)
    };
    let checksum = Some((ChecksumAlgorithm::Crc32, ChecksumKind::FullObject));
    let host = Playback::new([
        page(vec![], false, None),
        owner(),
        page(vec![part(4), second], true, checksum),
        owner(),
    ]);
    let answer = Request::new("GET", "/b/k?uploadId=u1").send(&host);
    assert_eq!(
        answer.xml(),
        document(
            "ListPartsResult",
            &format!(
                "<Bucket>b</Bucket><Key>k</Key><UploadId>u1</UploadId>{PEOPLE}<StorageClass>STANDARD</StorageClass>\
                 <PartNumberMarker>0</PartNumberMarker><NextPartNumberMarker>0</NextPartNumberMarker>\
                 <MaxParts>1000</MaxParts><IsTruncated>false</IsTruncated>"
            )
        )
    );
    let answer =
        Request::new("GET", "/b/k?uploadId=u1&part-number-marker=3&max-parts=2").send(&host);
    let shown = |number: u32, checksum: &str| {
        format!(
            "<Part><PartNumber>{number}</PartNumber><LastModified>{MODIFIED_XML}</LastModified>\
             <ETag>&quot;{ETAG}&quot;</ETag><Size>10</Size>{checksum}</Part>"
        )
    };
    assert_eq!(
        answer.xml(),
        document(
            "ListPartsResult",
            &format!(
                "<Bucket>b</Bucket><Key>k</Key><UploadId>u1</UploadId>{PEOPLE}<StorageClass>STANDARD</StorageClass>\
                 <ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>\
                 <PartNumberMarker>3</PartNumberMarker><NextPartNumberMarker>5</NextPartNumberMarker>\
                 <MaxParts>2</MaxParts><IsTruncated>true</IsTruncated>{}{}",
                shown(4, ""),
                shown(5, "<ChecksumCRC32>AAAAAQ==</ChecksumCRC32>")
            )
        )
    );
    let bucket = || Asked::GetBucket("b".into());
    assert_eq!(
        host.asked(),
        [
            Asked::ListParts(name(), 0, 1000),
            bucket(),
            Asked::ListParts(name(), 3, 2),
            bucket()
        ]
    );
    for query in ["max-parts=x", "part-number-marker=-1"] {
        let answer =
            Request::new("GET", format!("/b/k?uploadId=u1&{query}")).send(&Playback::new([]));
        assert_eq!(answer.error(), (400, "InvalidArgument"), "{query}");
    }
}

#[test]
fn list_uploads() {
    let items = vec![
        UploadItem::Upload(UploadInfo {
            key: "a b".into(),
            checksum: Some((ChecksumAlgorithm::Sha256, ChecksumKind::Composite)),
            ..upload()
        }),
        UploadItem::Prefix("d/".into()),
    ];
    let host = Playback::new([
        Answer::ListUploads(Ok(UploadPage {
            items,
            next: Some(("a b".into(), Some("u1".into()))),
        })),
        owner(),
        Answer::ListUploads(Ok(UploadPage {
            items: vec![],
            next: None,
        })),
        owner(),
    ]);
    let target = "/b?uploads&key-marker=0&upload-id-marker=u0&delimiter=/&max-uploads=2&prefix=&encoding-type=url";
    let answer = Request::new("GET", target).send(&host);
    assert_eq!(
        answer.xml(),
        document(
            "ListMultipartUploadsResult",
            &format!(
                "<Bucket>b</Bucket><KeyMarker>0</KeyMarker><UploadIdMarker>u0</UploadIdMarker>\
                 <NextKeyMarker>a+b</NextKeyMarker><NextUploadIdMarker>u1</NextUploadIdMarker><Prefix></Prefix>\
                 <Delimiter>/</Delimiter><EncodingType>url</EncodingType><MaxUploads>2</MaxUploads>\
                 <IsTruncated>true</IsTruncated><Upload><Key>a+b</Key><UploadId>u1</UploadId>{PEOPLE}\
                 <StorageClass>STANDARD</StorageClass><ChecksumAlgorithm>SHA256</ChecksumAlgorithm>\
                 <ChecksumType>COMPOSITE</ChecksumType><Initiated>{MODIFIED_XML}</Initiated></Upload>\
                 <CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes>"
            )
        )
    );
    // An upload's id without a key is ignored.
    Request::new("GET", "/b?uploads&upload-id-marker=u0").send(&host);
    let asked = |after: &str, after_upload: Option<&str>, delimiter: Option<&str>, max| {
        Asked::ListUploads(UploadQuery {
            bucket: "b".into(),
            prefix: String::new(),
            delimiter: delimiter.map(Into::into),
            after: after.into(),
            after_upload: after_upload.map(Into::into),
            max,
        })
    };
    let bucket = || Asked::GetBucket("b".into());
    assert_eq!(
        host.asked(),
        [
            asked("0", Some("u0"), Some("/"), 2),
            bucket(),
            asked("", None, None, 1000),
            bucket()
        ]
    );
}

const PARTS: &str = "<Part><PartNumber>1</PartNumber><ETag>\"e1\"</ETag></Part>\
    <Part><PartNumber>7</PartNumber><ETag>e7</ETag><ChecksumCRC32>AAAAAQ==</ChecksumCRC32></Part>";

fn complete(inner: &str) -> Request {
    Request::new("POST", "/b/k%20l?uploadId=u1").body(document("CompleteMultipartUpload", inner))
}

#[test]
fn complete_joins_the_parts() {
    let result = |kind| {
        Answer::CompleteUpload(Ok(PutResult {
            version_id: Some("v1".into()),
            etag: format!("{ETAG}-2"),
            checksum: Some(crc32(kind)),
            ..stored()
        }))
    };
    let host = Playback::new([
        result(ChecksumKind::Composite),
        result(ChecksumKind::FullObject),
    ]);
    let answer = complete(PARTS).send(&host);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-amz-version-id").as_deref(), Some("v1"));
    let shown = |location: &str, checksum: &str, kind: &str| {
        document(
            "CompleteMultipartUploadResult",
            &format!(
                "<Location>{location}</Location><Bucket>b</Bucket><Key>k l</Key><ETag>&quot;{ETAG}-2&quot;</ETag>\
                 <ChecksumCRC32>{checksum}</ChecksumCRC32><ChecksumType>{kind}</ChecksumType>"
            ),
        )
    };
    assert_eq!(
        answer.xml(),
        shown("http://s3.example/b/k%20l", "AAAAAQ==-2", "COMPOSITE")
    );
    // The checksum in the headers is of the object, and not of the document.
    let answer = Request::new("POST", "/k%20l?uploadId=u1")
        .body(document("CompleteMultipartUpload", PARTS))
        .header("host", "b.s3.example")
        .header("x-amz-checksum-crc32", "AAAAAg==")
        .header("x-amz-checksum-type", "FULL_OBJECT")
        .header("x-amz-mp-object-size", "20")
        .header("if-none-match", "*")
        .over_tls()
        .send(&host);
    assert_eq!(
        answer.xml(),
        shown("https://b.s3.example/k%20l", "AAAAAQ==", "FULL_OBJECT")
    );
    let part = |number, etag: &str, checksum| CompletedPart {
        number,
        etag: etag.into(),
        checksum,
    };
    let crc32 = |value: u8| Some((ChecksumAlgorithm::Crc32, vec![0, 0, 0, value]));
    let plain = CompleteRequest {
        bucket: "b".into(),
        key: "k l".into(),
        upload_id: "u1".into(),
        parts: vec![part(1, "e1", None), part(7, "e7", crc32(1))],
        checksum: None,
        checksum_kind: None,
        size: None,
        conditions: WriteConditions {
            if_match: None,
            if_none_match: None,
        },
    };
    let checked = CompleteRequest {
        checksum: crc32(2),
        checksum_kind: Some(ChecksumKind::FullObject),
        size: Some(20),
        conditions: WriteConditions {
            if_match: None,
            if_none_match: Some("*".into()),
        },
        ..plain.clone()
    };
    assert_eq!(
        host.asked(),
        [Asked::CompleteUpload(plain), Asked::CompleteUpload(checked)]
    );
}

#[test]
fn complete_takes_sound_documents_only() {
    let ten_thousand = "<Part><PartNumber>1</PartNumber><ETag>e</ETag></Part>".repeat(10_001);
    for inner in [
        "",
        "<Part/>",
        "<Part><PartNumber>one</PartNumber><ETag>e</ETag></Part>",
        "<Part><PartNumber>1</PartNumber></Part>",
        "<Piece><PartNumber>1</PartNumber><ETag>e</ETag></Piece>",
        &ten_thousand,
    ] {
        let answer = complete(inner).send(&Playback::new([]));
        assert_eq!(answer.error(), (400, "MalformedXML"));
    }
    let empty = Request::new("POST", "/b/k?uploadId=u1").send(&Playback::new([]));
    assert_eq!(empty.error(), (400, "InvalidRequest"));
    let size = complete(PARTS).header("x-amz-mp-object-size", "-1");
    assert_eq!(
        size.send(&Playback::new([])).error(),
        (400, "InvalidRequest")
    );
}

#[test]
fn abort() {
    let host = Playback::new([Answer::AbortUpload(Ok(()))]);
    let answer = Request::new("DELETE", "/b/k?uploadId=u1").send(&host);
    assert_eq!((answer.status, &answer.body), (204, &None));
    assert_eq!(answer.headers(), []);
    assert_eq!(host.asked(), [Asked::AbortUpload(name())]);
}
