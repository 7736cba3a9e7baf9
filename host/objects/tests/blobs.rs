//! Put, get, head, delete, list and buckets over one node.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod harness;

use bytes::Bytes;
use concierge_objects::*;
use harness::*;

#[tokio::test]
async fn what_was_put_is_got_whatever_its_size() {
    let h = Harness::with_bucket().await;
    for len in [
        0,
        1,
        4096,
        65_536,
        65_537,
        1 << 20,
        (8 << 20) - 1,
        8 << 20,
        (20 << 20) + 3,
    ] {
        let data = noise(len, len as u64);
        let stored = h
            .store
            .put(&h.user, put("key"), streamed(&data))
            .await
            .unwrap();
        assert_eq!(
            (stored.size, stored.etag.as_str()),
            (len as u64, md5_hex(&data).as_str())
        );
        let (result, got) = h.get("key").await.unwrap();
        assert!(got == data, "{len}");
        assert_eq!(result.info.size, len as u64);
        assert_eq!(result.info.version_id, None);
        assert_eq!(result.range, None);
        let checksum = result.info.checksum.unwrap();
        assert_eq!(checksum.algorithm, ChecksumAlgorithm::Crc64nvme);
        let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &data);
        assert_eq!(checksum.value, crc.to_be_bytes());
    }
}

#[tokio::test]
async fn ranges_cut_across_extents() {
    let h = Harness::with_bucket().await;
    let data = noise(20 << 20, 7);
    h.store
        .put(&h.user, put("key"), streamed(&data))
        .await
        .unwrap();
    let extent = 8_u64 << 20;
    for (first, last) in [
        (0, 0),
        (extent - 1, extent),
        (extent - 10, 2 * extent + 9),
        (5, (20 << 20) - 1),
    ] {
        let request = GetRequest {
            range: Some(ByteRange::Span(first, Some(last))),
            ..get("key")
        };
        let (result, got) = h.get_with(request).await.unwrap();
        assert_eq!(result.range, Some((first, last)));
        assert!(
            got == data[first as usize..=last as usize],
            "{first} {last}"
        );
    }
    let request = GetRequest {
        range: Some(ByteRange::Suffix(7)),
        ..get("key")
    };
    let (result, got) = h.get_with(request).await.unwrap();
    assert_eq!(result.range, Some(((20 << 20) - 7, (20 << 20) - 1)));
    assert_eq!(got, data[(20 << 20) - 7..]);
}

#[tokio::test]
async fn metadata_tags_and_class_come_back() {
    let h = Harness::with_bucket().await;
    let metadata = Metadata {
        content_type: Some("text/plain".to_owned()),
        cache_control: Some("no-store".to_owned()),
        user: vec![("colour".to_owned(), "grün".to_owned())],
        ..Metadata::default()
    };
    let tags = vec![Tag {
        key: "k".to_owned(),
        value: "v".to_owned(),
    }];
    let request = PutRequest {
        metadata: metadata.clone(),
        tags: tags.clone(),
        storage_class: Some("REDUCED_REDUNDANCY".to_owned()),
        ..put("key")
    };
    h.try_put(request, "data").await.unwrap();
    let head = h.store.head(&h.user, get("key")).await.unwrap();
    assert_eq!(head.info.metadata, metadata);
    assert_eq!(head.info.tag_count, 1);
    assert_eq!(head.info.storage_class, "REDUCED_REDUNDANCY");
    assert_eq!(head.length, 4);
    assert_eq!(
        h.store
            .get_tags(&h.user, "bucket", "key", None)
            .await
            .unwrap(),
        (None, tags)
    );
    h.store
        .set_tags(&h.user, "bucket", "key", None, vec![])
        .await
        .unwrap();
    assert_eq!(
        h.store
            .get_tags(&h.user, "bucket", "key", None)
            .await
            .unwrap(),
        (None, vec![])
    );
    let unknown = PutRequest {
        storage_class: Some("GLACIER".to_owned()),
        ..put("key")
    };
    assert_eq!(
        h.try_put(unknown, "x").await,
        Err(Error::InvalidStorageClass)
    );
}

#[tokio::test]
async fn deleting_is_idempotent_and_listing_follows() {
    let h = Harness::with_bucket().await;
    for key in ["b", "a/2", "a/1", "c"] {
        h.put(key, "x").await;
    }
    assert_eq!(h.keys().await, ["a/1", "a/2", "b", "c"]);
    let rolled = ListQuery {
        delimiter: Some("/".to_owned()),
        ..list("")
    };
    let page = h.list(rolled.clone()).await;
    assert_eq!(
        page.items.into_iter().map(name).collect::<Vec<_>>(),
        ["a/ (prefix)", "b", "c"]
    );
    let first = h
        .list(ListQuery {
            max: 1,
            ..rolled.clone()
        })
        .await;
    assert_eq!(first.next.as_deref(), Some("a/"));
    let second = h
        .list(ListQuery {
            max: 1,
            after: first.next.unwrap(),
            ..rolled
        })
        .await;
    assert_eq!(
        second.items.into_iter().map(name).collect::<Vec<_>>(),
        ["b"]
    );
    assert_eq!(h.delete("b", None).await.unwrap(), DeleteResult::default());
    assert_eq!(h.delete("b", None).await.unwrap(), DeleteResult::default());
    assert_eq!(h.get("b").await.unwrap_err(), Error::NoSuchKey(None));
    assert_eq!(h.keys().await, ["a/1", "a/2", "c"]);
}

#[tokio::test]
async fn buckets_are_the_owners_and_the_administrators() {
    let h = Harness::with_bucket().await;
    let other = account(2, "two");
    let create = |who, name| h.store.create_bucket(who, name, "eu-west-1");
    assert_eq!(
        create(&h.user, "bucket").await,
        Err(Error::BucketAlreadyOwnedByYou)
    );
    assert_eq!(
        create(&other, "bucket").await,
        Err(Error::BucketAlreadyExists)
    );
    assert_eq!(create(&other, "No").await, Err(Error::InvalidBucketName));
    create(&other, "others").await.unwrap();
    for (who, names) in [
        (&h.user, vec!["bucket"]),
        (&other, vec!["others"]),
        (&administrator(), vec!["bucket", "others"]),
    ] {
        let page = h.store.list_buckets(who, "", "", 100).await.unwrap();
        assert_eq!(
            page.buckets
                .iter()
                .map(|b| b.name.as_str())
                .collect::<Vec<_>>(),
            names
        );
    }
    assert_eq!(
        h.store.get_bucket(&other, "bucket").await,
        Err(Error::AccessDenied)
    );
    let refused = h.store.put(&other, put("k"), body("x")).await;
    assert_eq!(refused, Err(Error::AccessDenied));
    let info = h
        .store
        .get_bucket(&administrator(), "others")
        .await
        .unwrap();
    assert_eq!(
        (info.owner_name.as_str(), info.region.as_str()),
        ("two", "eu-west-1")
    );
    assert_eq!(info.owner_id, other.account.to_string());

    h.put("k", "x").await;
    let delete = || h.store.delete_bucket(&h.user, "bucket");
    assert_eq!(delete().await, Err(Error::BucketNotEmpty));
    h.delete("k", None).await.unwrap();
    delete().await.unwrap();
    assert_eq!(h.get("k").await.unwrap_err(), Error::NoSuchBucket);
    create(&other, "bucket").await.unwrap();
}

#[tokio::test]
async fn bucket_settings_come_back() {
    let h = Harness::with_bucket().await;
    let (store, user) = (&h.store, &h.user);
    assert_eq!(
        store.get_bucket_tags(user, "bucket").await,
        Err(Error::NoSuchTagSet)
    );
    assert_eq!(
        store.get_cors(user, "bucket").await,
        Err(Error::NoSuchCorsConfiguration)
    );
    let tags = vec![Tag {
        key: "a".to_owned(),
        value: "b".to_owned(),
    }];
    store
        .set_bucket_tags(user, "bucket", tags.clone())
        .await
        .unwrap();
    let rule = CorsRule {
        allowed_origins: vec!["*".to_owned()],
        allowed_methods: vec!["GET".to_owned()],
        max_age_s: Some(60),
        ..CorsRule::default()
    };
    store
        .set_cors(user, "bucket", vec![rule.clone()])
        .await
        .unwrap();
    store
        .set_versioning(user, "bucket", Versioning::Enabled)
        .await
        .unwrap();

    h.store.shutdown().await;
    let again = ObjectStore::open(options(h.dir.path(), &h.nodes, 1)).await;
    assert!(
        matches!(again, Err(OpenError::Catalogue(_))),
        "it is locked while it is open"
    );
    let Harness {
        dir,
        store,
        nodes,
        user,
    } = h;
    drop(store);
    let store = ObjectStore::open(options(dir.path(), &nodes, 1))
        .await
        .unwrap();
    assert_eq!(store.get_bucket_tags(&user, "bucket").await.unwrap(), tags);
    assert_eq!(
        store.get_cors(&user, "bucket").await.unwrap(),
        std::slice::from_ref(&rule)
    );
    let info = store.get_bucket(&user, "bucket").await.unwrap();
    assert_eq!(info.versioning, Versioning::Enabled);
    let found = store
        .match_cors("bucket", "https://a", "GET", &[])
        .await
        .unwrap();
    assert_eq!(found, Some(rule));
    assert_eq!(
        store
            .match_cors("bucket", "https://a", "PUT", &[])
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn digests_are_checked_and_nothing_of_a_bad_upload_stays() {
    let h = Harness::with_bucket().await;
    let data = noise(10 << 20, 3);
    let wrong_md5 = Body {
        md5: Some(vec![0; 16]),
        ..Body::default()
    };
    let wrong_sha = Body {
        sha256: Some(vec![0; 32]),
        ..Body::default()
    };
    let wrong_crc = Body {
        checksum: Some(RequestedChecksum {
            algorithm: ChecksumAlgorithm::Crc32,
            expected: Some(vec![0; 4]),
        }),
        ..Body::default()
    };
    let too_long = Body {
        size: Some(11 << 20),
        ..Body::default()
    };
    let too_short = Body {
        size: Some(9 << 20),
        ..Body::default()
    };
    for (info, error) in [
        (wrong_md5, Error::BadDigest),
        (wrong_sha, Error::ContentSha256Mismatch),
        (wrong_crc, Error::ChecksumMismatch(ChecksumAlgorithm::Crc32)),
        (too_long, Error::IncompleteBody),
        (too_short, Error::IncompleteBody),
        (
            Body {
                size: Some((5 << 30) + 1),
                ..Body::default()
            },
            Error::EntityTooLarge,
        ),
    ] {
        let request = PutRequest {
            body: info,
            ..put("key")
        };
        let refused = h.store.put(&h.user, request, streamed(&data)).await;
        assert_eq!(refused, Err(error));
    }
    let cut = futures::stream::iter([
        Ok(Bytes::from_static(b"half")),
        Err(BodyError("gone".to_owned())),
    ]);
    let refused = h.store.put(&h.user, put("key"), Box::pin(cut)).await;
    assert_eq!(refused, Err(Error::IncompleteBody));
    assert_eq!(h.keys().await, Vec::<String>::new());
    h.records_become(0).await;
}
