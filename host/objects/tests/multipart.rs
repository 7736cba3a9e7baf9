//! Uploads in parts, and copies.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod harness;

use bytes::Bytes;
use concierge_objects::*;
use harness::*;
use md5::Digest;

const MIB: usize = 1 << 20;

async fn create(
    h: &Harness,
    key: &str,
    checksum: Option<(ChecksumAlgorithm, Option<ChecksumKind>)>,
) -> String {
    let request = CreateUploadRequest {
        bucket: "bucket".to_owned(),
        key: key.to_owned(),
        metadata: Metadata {
            content_type: Some("x/y".to_owned()),
            ..Metadata::default()
        },
        tags: vec![Tag {
            key: "t".to_owned(),
            value: "v".to_owned(),
        }],
        checksum: checksum.map(|(algorithm, _)| algorithm),
        checksum_kind: checksum.and_then(|(_, kind)| kind),
        ..CreateUploadRequest::default()
    };
    h.store
        .create_upload(&h.user, request)
        .await
        .unwrap()
        .upload_id
}

async fn put_part(
    h: &Harness,
    key: &str,
    id: &str,
    number: u32,
    data: &Bytes,
) -> Result<Part, Error> {
    h.store
        .put_part(
            &h.user,
            "bucket",
            key,
            id,
            number,
            Body::default(),
            streamed(data),
        )
        .await
}

fn completion(key: &str, id: &str, parts: &[Part]) -> CompleteRequest {
    CompleteRequest {
        bucket: "bucket".to_owned(),
        key: key.to_owned(),
        upload_id: id.to_owned(),
        parts: parts
            .iter()
            .map(|part| CompletedPart {
                number: part.number,
                etag: part.etag.clone(),
                checksum: None,
            })
            .collect(),
        ..CompleteRequest::default()
    }
}

async fn complete(h: &Harness, request: CompleteRequest) -> Result<PutResult, Error> {
    h.store.complete_upload(&h.user, request).await
}

/// MD5 of the parts' MD5s, with their number, as S3 documents it.
fn etag_of(parts: &[Bytes]) -> String {
    let mut md5 = md5::Md5::new();
    for part in parts {
        md5.update(md5::Md5::digest(part));
    }
    format!("{}-{}", hex::encode(md5.finalize()), parts.len())
}

/// Uploads three parts with gaps in their numbers.
async fn three_parts(h: &Harness, id: &str) -> (Vec<Bytes>, Vec<Part>) {
    let data = vec![noise(6 * MIB, 1), noise(9 * MIB, 2), noise(MIB, 3)];
    let mut parts = Vec::new();
    for (number, data) in [2, 5, 9].into_iter().zip(&data) {
        parts.push(put_part(h, "key", id, number, data).await.unwrap());
    }
    (data, parts)
}

#[tokio::test]
async fn parts_become_one_object_that_can_be_read_anywhere() {
    let h = Harness::with_bucket().await;
    let id = create(&h, "key", None).await;
    let (data, parts) = three_parts(&h, &id).await;
    let whole = Bytes::from(data.concat());
    let mut request = completion("key", &id, &parts);
    request.size = Some(whole.len() as u64);
    let done = complete(&h, request.clone()).await.unwrap();
    assert_eq!(done.etag, etag_of(&data));
    let checksum = done.checksum.clone().unwrap();
    assert_eq!(checksum.kind, ChecksumKind::FullObject);
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &whole);
    assert_eq!(
        checksum.value,
        crc.to_be_bytes(),
        "combined from the parts'"
    );

    let (result, got) = h.get("key").await.unwrap();
    assert!(got == whole);
    assert_eq!(result.info.parts, Some(3));
    assert_eq!(result.info.metadata.content_type.as_deref(), Some("x/y"));
    assert_eq!(result.info.tag_count, 1);
    for (first, last) in [
        (0, 0),
        (6 * MIB - 1, 6 * MIB),
        (5 * MIB, 15 * MIB + 5),
        (16 * MIB - 1, 16 * MIB - 1),
    ] {
        let range = Some(ByteRange::Span(first as u64, Some(last as u64)));
        let (_, got) = h
            .get_with(GetRequest {
                range,
                ..get("key")
            })
            .await
            .unwrap();
        assert!(got == whole[first..=last], "{first} {last}");
    }
    let part = h
        .get_with(GetRequest {
            part_number: Some(5),
            ..get("key")
        })
        .await
        .unwrap();
    assert_eq!(part.0.range, Some((6 * MIB as u64, 15 * MIB as u64 - 1)));
    assert!(part.1 == data[1]);
    let absent = h
        .get_with(GetRequest {
            part_number: Some(3),
            ..get("key")
        })
        .await;
    assert_eq!(absent.unwrap_err(), Error::InvalidPartNumber);

    assert_eq!(complete(&h, request).await.unwrap(), done, "asked again");
    let attributes = h
        .store
        .get_attributes(&h.user, "bucket", "key", None, 2, 1)
        .await
        .unwrap();
    assert_eq!(
        (
            attributes.parts.len(),
            attributes.parts[0].number,
            attributes.truncated
        ),
        (1, 5, true)
    );
    let gone = h
        .store
        .list_parts(&h.user, "bucket", "key", &id, 0, 10)
        .await;
    assert_eq!(gone.unwrap_err(), Error::NoSuchUpload);
}

#[tokio::test]
async fn composite_and_full_object_checksums_are_as_s3_has_them() {
    use ChecksumAlgorithm::{Crc32, Crc32c, Crc64nvme, Sha1, Sha256};
    let h = Harness::with_bucket().await;
    let data = [noise(5 * MIB, 4), noise(100, 5)];
    let whole = data.concat();
    for algorithm in [Crc32, Crc32c, Sha1, Sha256] {
        let id = create(&h, "key", Some((algorithm, None))).await;
        let mut parts = Vec::new();
        let mut digests = Vec::new();
        for (number, data) in (1..).zip(&data) {
            let part = put_part(&h, "key", &id, number, data).await.unwrap();
            let kept = part.checksum.clone().unwrap();
            assert_eq!(kept.value, digest(algorithm, data), "{algorithm:?}");
            digests.extend_from_slice(&kept.value);
            parts.push(part);
        }
        let mut request = completion("key", &id, &parts);
        for (named, part) in request.parts.iter_mut().zip(&parts) {
            named.checksum = part
                .checksum
                .as_ref()
                .map(|sum| (sum.algorithm, sum.value.clone()));
        }
        let done = complete(&h, request).await.unwrap().checksum.unwrap();
        assert_eq!(done.kind, ChecksumKind::Composite);
        assert_eq!(done.value, digest(algorithm, &digests), "{algorithm:?}");
    }
    for algorithm in [Crc32, Crc32c, Crc64nvme] {
        let id = create(&h, "key", Some((algorithm, Some(ChecksumKind::FullObject)))).await;
        let mut parts = Vec::new();
        for (number, data) in (1..).zip(&data) {
            parts.push(put_part(&h, "key", &id, number, data).await.unwrap());
        }
        let mut wrong = completion("key", &id, &parts);
        wrong.checksum = Some((algorithm, vec![1; algorithm.digest_len()]));
        assert_eq!(
            complete(&h, wrong).await,
            Err(Error::ChecksumMismatch(algorithm))
        );
        let mut right = completion("key", &id, &parts);
        right.checksum = Some((algorithm, digest(algorithm, &whole)));
        right.checksum_kind = Some(ChecksumKind::FullObject);
        let done = complete(&h, right).await.unwrap().checksum.unwrap();
        assert_eq!(
            (done.kind, done.value),
            (ChecksumKind::FullObject, digest(algorithm, &whole))
        );
    }
    for (algorithm, kind) in [
        (Sha256, ChecksumKind::FullObject),
        (Crc64nvme, ChecksumKind::Composite),
    ] {
        let request = CreateUploadRequest {
            bucket: "bucket".to_owned(),
            key: "key".to_owned(),
            checksum: Some(algorithm),
            checksum_kind: Some(kind),
            ..CreateUploadRequest::default()
        };
        let refused = h.store.create_upload(&h.user, request).await;
        assert!(
            matches!(refused, Err(Error::InvalidRequest(_))),
            "{algorithm:?}"
        );
    }
}

fn digest(algorithm: ChecksumAlgorithm, data: &[u8]) -> Vec<u8> {
    use crc_fast::{CrcAlgorithm, checksum};
    match algorithm {
        ChecksumAlgorithm::Crc32 => (checksum(CrcAlgorithm::Crc32IsoHdlc, data) as u32)
            .to_be_bytes()
            .to_vec(),
        ChecksumAlgorithm::Crc32c => (checksum(CrcAlgorithm::Crc32Iscsi, data) as u32)
            .to_be_bytes()
            .to_vec(),
        ChecksumAlgorithm::Crc64nvme => checksum(CrcAlgorithm::Crc64Nvme, data)
            .to_be_bytes()
            .to_vec(),
        ChecksumAlgorithm::Sha1 => sha1::Sha1::digest(data).to_vec(),
        ChecksumAlgorithm::Sha256 => sha2::Sha256::digest(data).to_vec(),
    }
}

#[tokio::test]
async fn completions_that_are_wrong_are_refused_and_change_nothing() {
    let h = Harness::with_bucket().await;
    let id = create(&h, "key", None).await;
    let small = put_part(&h, "key", &id, 1, &noise(100, 1)).await.unwrap();
    let other = put_part(&h, "key", &id, 2, &noise(100, 2)).await.unwrap();
    let both = [small.clone(), other.clone()];
    let mut bad_etag = completion("key", &id, &both[..1]);
    bad_etag.parts[0].etag = "0".repeat(32);
    let mut absent = completion("key", &id, &both[..1]);
    absent.parts[0].number = 3;
    let mut size = completion("key", &id, &both[..1]);
    size.size = Some(99);
    for (request, error) in [
        (completion("key", &id, &both), Error::EntityTooSmall),
        (
            completion("key", &id, &[other.clone(), small.clone()]),
            Error::InvalidPartOrder,
        ),
        (
            completion("key", &id, &[small.clone(), small.clone()]),
            Error::InvalidPartOrder,
        ),
        (bad_etag, Error::InvalidPart),
        (absent, Error::InvalidPart),
        (completion("other", &id, &both[..1]), Error::NoSuchUpload),
        (completion("key", "0", &both[..1]), Error::NoSuchUpload),
    ] {
        assert_eq!(complete(&h, request).await, Err(error));
    }
    assert!(matches!(
        complete(&h, size).await,
        Err(Error::InvalidRequest(_))
    ));
    assert!(matches!(
        complete(&h, completion("key", &id, &[])).await,
        Err(Error::InvalidRequest(_))
    ));
    h.put("key", "current").await;
    let mut unless_there = completion("key", &id, &both[..1]);
    unless_there.conditions.if_none_match = Some("*".to_owned());
    assert_eq!(
        complete(&h, unless_there).await,
        Err(Error::PreconditionFailed("If-None-Match".to_owned()))
    );
    assert_eq!(h.get("key").await.unwrap().1, "current");
    let page = h
        .store
        .list_parts(&h.user, "bucket", "key", &id, 0, 10)
        .await
        .unwrap();
    assert_eq!(page.parts, both);
    complete(&h, completion("key", &id, &both[1..]))
        .await
        .unwrap();
    assert_eq!(h.get("key").await.unwrap().1, noise(100, 2));
    for number in [0, 10_001] {
        let id = create(&h, "key", None).await;
        let refused = put_part(&h, "key", &id, number, &noise(1, 1)).await;
        assert!(matches!(refused, Err(Error::InvalidArgument(_))));
    }
}

#[tokio::test]
async fn what_uploads_leave_is_collected() {
    let h = Harness::with_bucket().await;
    let records = async || records(&h.nodes[0]).await;
    let id = create(&h, "key", None).await;
    for seed in 0..3 {
        put_part(&h, "key", &id, 1, &noise(100, seed))
            .await
            .unwrap();
    }
    put_part(&h, "key", &id, 2, &noise(9 * MIB, 9))
        .await
        .unwrap();
    h.store.run_background_once().await.unwrap();
    assert_eq!(records().await, 3, "replaced parts go, the others stay");
    h.store
        .abort_upload(&h.user, "bucket", "key", &id)
        .await
        .unwrap();
    let again = h.store.abort_upload(&h.user, "bucket", "key", &id).await;
    assert_eq!(again, Err(Error::NoSuchUpload));
    let late = put_part(&h, "key", &id, 3, &noise(5, 5)).await;
    assert_eq!(late.unwrap_err(), Error::NoSuchUpload);
    h.store.run_background_once().await.unwrap();
    assert_eq!(records().await, 0);

    let id = create(&h, "key", None).await;
    let (_, parts) = three_parts(&h, &id).await;
    complete(&h, completion("key", &id, &parts[..2]))
        .await
        .unwrap();
    h.store.run_background_once().await.unwrap();
    assert_eq!(records().await, 3, "the part that was not named goes");
    h.delete("key", None).await.unwrap();
    h.store.run_background_once().await.unwrap();
    assert_eq!(records().await, 0);

    let id = create(&h, "key", None).await;
    put_part(&h, "key", &id, 1, &noise(100, 1)).await.unwrap();
    h.store.delete_bucket(&h.user, "bucket").await.unwrap();
    h.store.run_background_once().await.unwrap();
    assert_eq!(records().await, 0, "uploads go with their bucket");
}

#[tokio::test]
async fn uploads_are_listed_until_they_end() {
    let h = Harness::with_bucket().await;
    let mut ids = Vec::new();
    for key in ["a/1", "a/2", "b", "b", "c"] {
        ids.push((key.to_owned(), create(&h, key, None).await));
    }
    let query = UploadQuery {
        bucket: "bucket".to_owned(),
        max: 2,
        ..UploadQuery::default()
    };
    let mut seen = Vec::new();
    let mut next = Some((String::new(), None));
    while let Some((after, after_upload)) = next {
        let page = UploadQuery {
            after,
            after_upload,
            ..query.clone()
        };
        let page = h.store.list_uploads(&h.user, page).await.unwrap();
        seen.extend(page.items.into_iter().map(|item| match item {
            UploadItem::Upload(upload) => (upload.key, upload.upload_id),
            UploadItem::Prefix(prefix) => panic!("{prefix}"),
        }));
        next = page.next;
    }
    assert_eq!(seen, ids);
    let rolled = UploadQuery {
        delimiter: Some("/".to_owned()),
        max: 10,
        ..query.clone()
    };
    let page = h.store.list_uploads(&h.user, rolled).await.unwrap();
    assert_eq!(page.items[0], UploadItem::Prefix("a/".to_owned()));
    assert_eq!(page.items.len(), 4);
    let later = UploadQuery {
        after: "b".to_owned(),
        max: 10,
        ..query
    };
    let page = h.store.list_uploads(&h.user, later).await.unwrap();
    assert_eq!(
        page.items.len(),
        1,
        "without an upload id the marker's key is passed over"
    );
}

#[tokio::test]
async fn copies_keep_or_replace_what_they_are_told() {
    let h = Harness::with_bucket().await;
    h.bucket("others").await;
    let data = noise(9 * MIB, 11);
    let request = PutRequest {
        metadata: Metadata {
            content_type: Some("a/b".to_owned()),
            ..Metadata::default()
        },
        tags: vec![Tag {
            key: "t".to_owned(),
            value: "v".to_owned(),
        }],
        body: Body {
            checksum: Some(RequestedChecksum {
                algorithm: ChecksumAlgorithm::Sha256,
                expected: None,
            }),
            ..Body::default()
        },
        ..put("source")
    };
    let source = h.try_put(request, data.clone()).await.unwrap();
    let copy = CopyRequest {
        source_bucket: "bucket".to_owned(),
        source_key: "source".to_owned(),
        bucket: "others".to_owned(),
        key: "copy".to_owned(),
        ..CopyRequest::default()
    };
    let copied = h.store.copy(&h.user, copy.clone()).await.unwrap();
    assert_eq!(copied.object.etag, source.etag);
    assert_eq!(copied.object.checksum, source.checksum);
    let in_others = GetRequest {
        bucket: "others".to_owned(),
        ..get("copy")
    };
    let (result, got) = h.get_with(in_others.clone()).await.unwrap();
    assert!(got == data);
    assert_eq!(
        (
            result.info.metadata.content_type.as_deref(),
            result.info.tag_count
        ),
        (Some("a/b"), 1)
    );

    let replaced = CopyRequest {
        metadata: Some(Metadata::default()),
        tags: Some(vec![]),
        checksum: Some(ChecksumAlgorithm::Crc32),
        ..copy.clone()
    };
    let copied = h.store.copy(&h.user, replaced).await.unwrap();
    assert_eq!(
        copied.object.checksum.unwrap().value,
        digest(ChecksumAlgorithm::Crc32, &data)
    );
    let (result, _) = h.get_with(in_others).await.unwrap();
    assert_eq!(
        (result.info.metadata, result.info.tag_count),
        (Metadata::default(), 0)
    );

    let itself = CopyRequest {
        bucket: "bucket".to_owned(),
        key: "source".to_owned(),
        ..copy.clone()
    };
    let refused = h.store.copy(&h.user, itself.clone()).await;
    assert!(matches!(refused, Err(Error::InvalidRequest(_))));
    let changed = CopyRequest {
        metadata: Some(Metadata::default()),
        ..itself
    };
    h.store.copy(&h.user, changed).await.unwrap();
    assert!(h.get("source").await.unwrap().1 == data);

    let conditions = ReadConditions {
        if_none_match: vec![source.etag.clone()],
        ..ReadConditions::default()
    };
    let refused = h
        .store
        .copy(
            &h.user,
            CopyRequest {
                source_conditions: conditions,
                ..copy.clone()
            },
        )
        .await;
    let header = "x-amz-copy-source-if-none-match".to_owned();
    assert_eq!(refused, Err(Error::PreconditionFailed(header)));
    let refused = h.store.copy(&account(2, "two"), copy).await;
    assert_eq!(refused, Err(Error::AccessDenied));
}

#[tokio::test]
async fn a_part_can_be_copied_from_a_range() {
    let h = Harness::with_bucket().await;
    let data = noise(12 * MIB, 21);
    h.put("source", data.clone()).await;
    let id = create(&h, "key", None).await;
    let copy = |number, first: usize, last: usize| PartCopyRequest {
        source_bucket: "bucket".to_owned(),
        source_key: "source".to_owned(),
        source_range: Some(ByteRange::Span(first as u64, Some(last as u64))),
        bucket: "bucket".to_owned(),
        key: "key".to_owned(),
        upload_id: id.clone(),
        number,
        ..PartCopyRequest::default()
    };
    let first = h
        .store
        .copy_part(&h.user, copy(1, MIB, 7 * MIB - 1))
        .await
        .unwrap()
        .part;
    let second = h
        .store
        .copy_part(&h.user, copy(2, 0, 9))
        .await
        .unwrap()
        .part;
    let beyond = h.store.copy_part(&h.user, copy(3, 0, 12 * MIB)).await;
    assert_eq!(beyond.unwrap_err(), Error::InvalidRange(12 * MIB as u64));
    complete(&h, completion("key", &id, &[first, second]))
        .await
        .unwrap();
    let expected = [&data[MIB..7 * MIB], &data[..10]].concat();
    assert!(h.get("key").await.unwrap().1 == expected);
}
