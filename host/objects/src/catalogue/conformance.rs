//! The conformance suite: what every engine must do. Each function takes a
//! catalogue that has nothing of the names it uses; an engine's tests call
//! [`everything`].

use std::sync::Arc;

use concierge_identity::AccountId;
use concierge_storage_nodes::ObjectId;
use uuid::Uuid;

use super::*;
use crate::types::{CompletedPart, ListItem, UploadItem, VersionItem, WriteConditions};

/// Runs the whole suite.
pub(super) async fn everything(catalogue: &dyn Catalogue) {
    names_belong_to_one_owner(catalogue).await;
    owners_have_a_limit(catalogue).await;
    settings_are_kept(catalogue).await;
    only_empty_buckets_go(catalogue).await;
    conditions_are_decided_with_the_write(catalogue).await;
    replaced_blobs_become_garbage(catalogue).await;
    versions_are_promoted_and_hidden(catalogue).await;
    refused_operations_leave_nothing(catalogue).await;
    listings_page_and_roll_up(catalogue).await;
    parts_are_kept_replaced_and_joined(catalogue).await;
    manifests_are_collected_in_steps(catalogue).await;
    lacks_are_kept_until_forgotten(catalogue).await;
    epochs_only_grow(catalogue).await;
}

const NOW: TimeUs = 1_700_000_000_000_000;

fn owner(number: u128) -> AccountId {
    AccountId(Uuid::from_u128(number))
}

fn new_bucket(name: &str, owner: AccountId) -> NewBucket {
    NewBucket {
        name: name.to_owned(),
        owner,
        owner_name: "owner".into(),
        region: "here".to_owned(),
        created_us: NOW,
        limit: 1000,
    }
}

async fn bucket(catalogue: &dyn Catalogue, name: &str) -> Arc<Bucket> {
    catalogue
        .create_bucket(new_bucket(name, owner(1)))
        .await
        .unwrap()
}

fn blob(size: u64) -> DataRef {
    DataRef {
        object: ObjectId(Uuid::now_v7()),
        size,
        extent_bytes: 100,
        replicas: 1,
    }
}

fn commit(bucket: &Bucket, key: &str, data: DataRef) -> CommitObject {
    CommitObject {
        bucket: bucket.id,
        key: key.to_owned(),
        object: StoredObject {
            size: data.size,
            etag: ETag::single(*data.object.0.as_bytes()),
            checksum: None,
            metadata: Default::default(),
            tags: Vec::new(),
            storage_class: None,
            content: Content::Data(data),
        },
        modified_us: NOW,
        conditions: WriteConditions::default(),
        missing: Vec::new(),
    }
}

async fn put(catalogue: &dyn Catalogue, bucket: &Bucket, key: &str) -> (VersionId, DataRef) {
    let data = blob(10);
    let committed = catalogue
        .commit_object(commit(bucket, key, data))
        .await
        .unwrap();
    (committed.id, data)
}

async fn delete(
    catalogue: &dyn Catalogue,
    bucket: &Bucket,
    key: &str,
    version: Option<VersionId>,
) -> DeleteResult {
    let deletion = DeleteVersion {
        key: key.to_owned(),
        version,
        if_match: None,
    };
    let mut answers = catalogue
        .delete_versions(bucket.id, vec![deletion], NOW)
        .await
        .unwrap();
    answers.pop().unwrap().unwrap()
}

async fn found(catalogue: &dyn Catalogue, bucket: &Bucket, key: &str) -> Option<VersionId> {
    match catalogue.find(bucket.id, key, None).await.unwrap() {
        Lookup::Object(found) => Some(found.id),
        Lookup::Missing | Lookup::DeleteMarker { .. } => None,
    }
}

/// All garbage of all shards.
async fn garbage(catalogue: &dyn Catalogue) -> Vec<(usize, Garbage)> {
    let mut all = Vec::new();
    for shard in 0..catalogue.shards() {
        let found = catalogue.garbage(shard, 0, 1000).await.unwrap();
        all.extend(found.into_iter().map(|garbage| (shard, garbage)));
    }
    all
}

async fn forget_all_garbage(catalogue: &dyn Catalogue) {
    loop {
        let all = garbage(catalogue).await;
        if all.is_empty() {
            return;
        }
        for (shard, garbage) in all {
            catalogue
                .forget_garbage(shard, vec![garbage])
                .await
                .unwrap();
        }
    }
}

async fn is_garbage(catalogue: &dyn Catalogue, data: DataRef) -> bool {
    let known = catalogue.data(vec![data.object]).await.unwrap();
    let thrown_away = garbage(catalogue)
        .await
        .iter()
        .any(|(_, garbage)| garbage.data.contains(&data));
    assert_ne!(
        known[0].is_some(),
        thrown_away,
        "a blob is named or garbage"
    );
    thrown_away
}

async fn names_belong_to_one_owner(catalogue: &dyn Catalogue) {
    let first = bucket(catalogue, "names").await;
    assert_eq!(catalogue.bucket("names").unwrap(), first);
    let again = catalogue.create_bucket(new_bucket("names", owner(1))).await;
    assert_eq!(again.unwrap_err(), Error::BucketAlreadyOwnedByYou);
    let other = catalogue.create_bucket(new_bucket("names", owner(2))).await;
    assert_eq!(other.unwrap_err(), Error::BucketAlreadyExists);
    catalogue.delete_bucket(Arc::clone(&first)).await.unwrap();
    assert_eq!(catalogue.bucket("names").unwrap_err(), Error::NoSuchBucket);
    let second = bucket(catalogue, "names").await;
    assert_ne!(first.id, second.id);
    let stale = catalogue.commit_object(commit(&first, "k", blob(1))).await;
    assert_eq!(stale.unwrap_err(), Error::NoSuchBucket);
    catalogue.delete_bucket(second).await.unwrap();
}

async fn owners_have_a_limit(catalogue: &dyn Catalogue) {
    for name in ["limit-b", "limit-a"] {
        catalogue
            .create_bucket(new_bucket(name, owner(7)))
            .await
            .unwrap();
    }
    let third = NewBucket {
        limit: 2,
        ..new_bucket("limit-c", owner(7))
    };
    assert_eq!(
        catalogue.create_bucket(third).await.unwrap_err(),
        Error::TooManyBuckets(2)
    );
    let names = |(buckets, more): (Vec<Arc<Bucket>>, bool)| {
        (
            buckets
                .iter()
                .map(|bucket| bucket.name.to_string())
                .collect::<Vec<_>>(),
            more,
        )
    };
    let list = |prefix, after, max| {
        names(
            catalogue
                .list_buckets(Some(owner(7)), prefix, after, max)
                .unwrap(),
        )
    };
    assert_eq!(
        list("", "", 10),
        (vec!["limit-a".to_owned(), "limit-b".to_owned()], false)
    );
    assert_eq!(list("limit", "", 1), (vec!["limit-a".to_owned()], true));
    assert_eq!(
        list("limit", "limit-a", 1),
        (vec!["limit-b".to_owned()], false)
    );
    assert_eq!(list("other", "", 10), (vec![], false));
}

async fn settings_are_kept(catalogue: &dyn Catalogue) {
    let made = bucket(catalogue, "settings").await;
    assert_eq!(made.versioning, Versioning::Unversioned);
    catalogue
        .set_versioning(Arc::clone(&made), Versioning::Suspended)
        .await
        .unwrap();
    let tag = Tag {
        key: "k".to_owned(),
        value: "v".to_owned(),
    };
    catalogue
        .set_bucket_tags(Arc::clone(&made), vec![tag.clone()])
        .await
        .unwrap();
    let rule = CorsRule {
        allowed_methods: vec!["GET".to_owned()],
        ..CorsRule::default()
    };
    catalogue
        .set_cors(Arc::clone(&made), vec![rule.clone()])
        .await
        .unwrap();
    let kept = catalogue.bucket("settings").unwrap();
    assert_eq!(
        (kept.versioning, &*kept.tags, &*kept.cors),
        (Versioning::Suspended, &[tag][..], &[rule][..])
    );
}

async fn only_empty_buckets_go(catalogue: &dyn Catalogue) {
    let made = bucket(catalogue, "empty").await;
    catalogue
        .set_versioning(Arc::clone(&made), Versioning::Enabled)
        .await
        .unwrap();
    let marker = delete(catalogue, &made, "k", None).await;
    let refused = catalogue.delete_bucket(Arc::clone(&made)).await;
    assert_eq!(
        refused,
        Err(Error::BucketNotEmpty),
        "a delete marker is a version"
    );
    let marker = VersionId::parse(&marker.version_id.unwrap()).unwrap();
    delete(catalogue, &made, "k", Some(marker)).await;
    catalogue.delete_bucket(made).await.unwrap();
}

async fn conditions_are_decided_with_the_write(catalogue: &dyn Catalogue) {
    let made = bucket(catalogue, "conditions").await;
    let with = |if_match: Option<String>, if_none_match: Option<&str>| CommitObject {
        conditions: WriteConditions {
            if_match,
            if_none_match: if_none_match.map(str::to_owned),
        },
        ..commit(&made, "k", blob(1))
    };
    let absent = catalogue
        .commit_object(with(Some("*".to_owned()), None))
        .await;
    assert_eq!(absent, Err(Error::NoSuchKey(None)));
    let first = with(None, Some("*"));
    let etag = first.object.etag.to_string();
    catalogue.commit_object(first).await.unwrap();
    let there = catalogue.commit_object(with(None, Some("*"))).await;
    assert_eq!(
        there,
        Err(Error::PreconditionFailed("If-None-Match".to_owned()))
    );
    catalogue
        .commit_object(with(Some(etag.clone()), None))
        .await
        .unwrap();
    let changed = catalogue.commit_object(with(Some(etag), None)).await;
    assert_eq!(
        changed,
        Err(Error::PreconditionFailed("If-Match".to_owned()))
    );
}

async fn replaced_blobs_become_garbage(catalogue: &dyn Catalogue) {
    let made = bucket(catalogue, "garbage").await;
    let (_, first) = put(catalogue, &made, "k").await;
    assert!(!is_garbage(catalogue, first).await);
    let (_, second) = put(catalogue, &made, "k").await;
    assert!(is_garbage(catalogue, first).await);
    delete(catalogue, &made, "k", None).await;
    assert!(is_garbage(catalogue, second).await);
    forget_all_garbage(catalogue).await;
    assert_eq!(
        catalogue
            .data(vec![first.object, second.object])
            .await
            .unwrap(),
        [None, None]
    );
}

async fn versions_are_promoted_and_hidden(catalogue: &dyn Catalogue) {
    let made = bucket(catalogue, "versions").await;
    let (null, _) = put(catalogue, &made, "k").await;
    assert_eq!(null, VersionId::Null);
    catalogue
        .set_versioning(Arc::clone(&made), Versioning::Enabled)
        .await
        .unwrap();
    let (first, data) = put(catalogue, &made, "k").await;
    let (second, _) = put(catalogue, &made, "k").await;
    delete(catalogue, &made, "k", Some(second)).await;
    assert_eq!(
        found(catalogue, &made, "k").await,
        Some(first),
        "the one before is promoted"
    );
    let marker = delete(catalogue, &made, "k", None).await;
    assert_eq!(found(catalogue, &made, "k").await, None);
    let listed = catalogue
        .list_objects(made.id, query(&made, ""))
        .await
        .unwrap();
    assert_eq!(listed.items, []);
    let marker = VersionId::parse(&marker.version_id.unwrap()).unwrap();
    assert!(
        delete(catalogue, &made, "k", Some(marker))
            .await
            .delete_marker
    );
    assert_eq!(found(catalogue, &made, "k").await, Some(first));
    assert!(!is_garbage(catalogue, data).await);
    delete(catalogue, &made, "k", Some(first)).await;
    assert_eq!(found(catalogue, &made, "k").await, Some(VersionId::Null));
}

async fn refused_operations_leave_nothing(catalogue: &dyn Catalogue) {
    let made = bucket(catalogue, "refused").await;
    put(catalogue, &made, "k").await;
    let data = blob(5);
    let refused = CommitObject {
        conditions: WriteConditions {
            if_none_match: Some("*".to_owned()),
            ..WriteConditions::default()
        },
        missing: vec![3],
        ..commit(&made, "k", data)
    };
    catalogue.commit_object(refused).await.unwrap_err();
    assert_eq!(catalogue.data(vec![data.object]).await.unwrap(), [None]);
    let deletions = ["k", "k"].map(|key| DeleteVersion {
        key: key.to_owned(),
        version: None,
        if_match: Some("*".to_owned()),
    });
    let answers = catalogue
        .delete_versions(made.id, deletions.to_vec(), NOW)
        .await
        .unwrap();
    assert_eq!(answers[0], Ok(DeleteResult::default()));
    assert_eq!(
        answers[1],
        Err(Error::PreconditionFailed("If-Match".to_owned())),
        "it sees the first"
    );
}

fn query(bucket: &Bucket, prefix: &str) -> ListQuery {
    ListQuery {
        bucket: bucket.name.to_string(),
        prefix: prefix.to_owned(),
        max: 1000,
        ..ListQuery::default()
    }
}

async fn listings_page_and_roll_up(catalogue: &dyn Catalogue) {
    let made = bucket(catalogue, "listings").await;
    let keys = [
        "a",
        "a/",
        "a/1",
        "a/2/x",
        "a0",
        "b\u{0}",
        "b\u{7f}",
        "c/1",
        "c/2",
        "é",
        "\u{10ffff}",
    ];
    for key in keys {
        put(catalogue, &made, key).await;
    }
    for (prefix, delimiter) in [
        ("", None),
        ("", Some("/")),
        ("a", None),
        ("a/", Some("/")),
        ("c", Some("/")),
        ("é", Some("/")),
        ("zz", None),
    ] {
        let expected = expected_items(&keys, prefix, delimiter);
        for max in [1, 2, 3, 1000] {
            let mut listed = Vec::new();
            let mut after = Some(String::new());
            while let Some(marker) = after {
                let page = ListQuery {
                    delimiter: delimiter.map(str::to_owned),
                    after: marker,
                    max,
                    ..query(&made, prefix)
                };
                let page = catalogue.list_objects(made.id, page).await.unwrap();
                assert!(page.items.len() <= max as usize);
                assert!(page.next.is_none() || page.items.len() == max as usize);
                listed.extend(page.items.into_iter().map(|item| match item {
                    ListItem::Object(entry) => (entry.key, false),
                    ListItem::Prefix(prefix) => (prefix, true),
                }));
                after = page.next;
            }
            assert_eq!(listed, expected, "{prefix:?} {delimiter:?} {max}");
        }
    }
    let none = ListQuery {
        max: 0,
        ..query(&made, "")
    };
    assert_eq!(
        catalogue.list_objects(made.id, none).await.unwrap(),
        ListPage::default()
    );
    let versions = VersionQuery {
        bucket: "listings".to_owned(),
        max: 1000,
        ..VersionQuery::default()
    };
    let page = catalogue.list_versions(made.id, versions).await.unwrap();
    assert_eq!(page.items.len(), keys.len());
    let null = |item: &VersionItem| matches!(item, VersionItem::Version(v) if v.version_id == "null" && v.latest);
    assert!(page.items.iter().all(null));
}

fn expected_items(keys: &[&str], prefix: &str, delimiter: Option<&str>) -> Vec<(String, bool)> {
    let mut sorted: Vec<_> = keys.iter().filter(|key| key.starts_with(prefix)).collect();
    sorted.sort_by_key(|key| key.as_bytes());
    let mut items = Vec::new();
    for key in sorted {
        let rolled = delimiter.and_then(|delimiter| {
            let end = key[prefix.len()..].find(delimiter)? + prefix.len() + delimiter.len();
            Some((key[..end].to_owned(), true))
        });
        let item = rolled.unwrap_or(((*key).to_owned(), false));
        if items.last() != Some(&item) {
            items.push(item);
        }
    }
    items
}

fn upload(key: &str) -> Upload {
    Upload {
        id: UploadId::generate(),
        key: key.to_owned(),
        initiated_us: NOW,
        storage_class: None,
        checksum: None,
        metadata: Default::default(),
        tags: Vec::new(),
    }
}

fn part(bucket: &Bucket, upload: &Upload, number: u32, data: DataRef) -> CommitPart {
    CommitPart {
        bucket: bucket.id,
        key: upload.key.clone(),
        upload: upload.id,
        part: StoredPart {
            number,
            size: data.size,
            md5: *data.object.0.as_bytes(),
            modified_us: NOW,
            checksum: Some((crate::types::ChecksumAlgorithm::Crc64nvme, vec![0; 8])),
            data: Some(data),
        },
        missing: Vec::new(),
    }
}

fn completion(upload: &Upload, parts: &[(u32, DataRef)]) -> CompleteRequest {
    CompleteRequest {
        key: upload.key.clone(),
        parts: parts
            .iter()
            .map(|(number, data)| CompletedPart {
                number: *number,
                etag: hex::encode(data.object.0.as_bytes()),
                checksum: None,
            })
            .collect(),
        ..CompleteRequest::default()
    }
}

async fn parts_are_kept_replaced_and_joined(catalogue: &dyn Catalogue) {
    let made = bucket(catalogue, "parts").await;
    let upload = upload("k");
    catalogue
        .create_upload(made.id, upload.clone())
        .await
        .unwrap();
    assert_eq!(
        catalogue
            .find_upload(made.id, "k", upload.id)
            .await
            .unwrap(),
        upload
    );
    let wrong_key = catalogue.find_upload(made.id, "other", upload.id).await;
    assert_eq!(wrong_key.unwrap_err(), Error::NoSuchUpload);
    let [replaced, first, second, unnamed] = [10, 5 << 20, 7, 8].map(blob);
    for (number, data) in [(1, replaced), (1, first), (4, second), (3, unnamed)] {
        catalogue
            .commit_part(part(&made, &upload, number, data))
            .await
            .unwrap();
    }
    assert!(is_garbage(catalogue, replaced).await);
    let (listed, more) = catalogue.parts(made.id, upload.id, 1, 1).await.unwrap();
    assert_eq!((listed[0].number, more), (3, true));
    let listing = UploadQuery {
        max: 10,
        ..UploadQuery::default()
    };
    let uploads = catalogue
        .list_uploads(made.id, listing.clone())
        .await
        .unwrap();
    assert_eq!(uploads.items, [UploadItem::Upload(upload.info())]);

    let request = completion(&upload, &[(1, first), (4, second)]);
    let done = catalogue
        .complete_upload(made.id, upload.id, request.clone(), NOW)
        .await
        .unwrap();
    assert_eq!(done.size, first.size + second.size);
    assert!(done.etag.ends_with("-2"));
    assert!(is_garbage(catalogue, unnamed).await);
    assert!(!is_garbage(catalogue, first).await);
    let again = catalogue
        .complete_upload(made.id, upload.id, request, NOW + 1)
        .await;
    assert_eq!(again, Ok(done));
    assert_eq!(
        catalogue
            .list_uploads(made.id, listing)
            .await
            .unwrap()
            .items,
        []
    );
    let (parts, _) = catalogue.parts(made.id, upload.id, 0, 10).await.unwrap();
    assert_eq!(
        parts.iter().map(|part| part.number).collect::<Vec<_>>(),
        [1, 4]
    );
    let late = catalogue
        .commit_part(part(&made, &upload, 9, blob(1)))
        .await;
    assert_eq!(late, Err(Error::NoSuchUpload));
    let late = catalogue
        .abort_upload(made.id, "k".to_owned(), upload.id)
        .await;
    assert_eq!(late, Err(Error::NoSuchUpload));
}

async fn manifests_are_collected_in_steps(catalogue: &dyn Catalogue) {
    forget_all_garbage(catalogue).await;
    let made = bucket(catalogue, "manifests").await;
    let upload = upload("k");
    catalogue
        .create_upload(made.id, upload.clone())
        .await
        .unwrap();
    let blobs: Vec<_> = (0..5).map(|_| blob(1)).collect();
    for (number, data) in (1..).zip(&blobs) {
        catalogue
            .commit_part(part(&made, &upload, number, *data))
            .await
            .unwrap();
    }
    catalogue
        .abort_upload(made.id, "k".to_owned(), upload.id)
        .await
        .unwrap();
    let mut steps = Vec::new();
    for shard in 0..catalogue.shards() {
        loop {
            let batch = catalogue.garbage(shard, 0, 2).await.unwrap();
            if batch.is_empty() {
                break;
            }
            steps.push(
                batch
                    .iter()
                    .map(|garbage| garbage.data.len())
                    .sum::<usize>(),
            );
            catalogue.forget_garbage(shard, batch).await.unwrap();
        }
    }
    assert_eq!(steps, [2, 2, 1]);
    let ids = blobs.iter().map(|data| data.object).collect();
    assert!(
        catalogue
            .data(ids)
            .await
            .unwrap()
            .iter()
            .all(Option::is_none)
    );

    let upload = super::conformance::upload("other");
    catalogue
        .create_upload(made.id, upload.clone())
        .await
        .unwrap();
    let left = blob(1);
    catalogue
        .commit_part(part(&made, &upload, 1, left))
        .await
        .unwrap();
    catalogue.delete_bucket(made).await.unwrap();
    for shard in 0..catalogue.shards() {
        while catalogue.sweep(shard, NOW, 1).await.unwrap() > 0 {}
    }
    let all = garbage(catalogue).await;
    assert!(
        all.iter().any(|(_, garbage)| garbage.data.contains(&left)),
        "uploads go with the bucket"
    );
    forget_all_garbage(catalogue).await;
}

async fn lacks_are_kept_until_forgotten(catalogue: &dyn Catalogue) {
    let made = bucket(catalogue, "lacks").await;
    let data = blob(1);
    let lacking = CommitObject {
        missing: vec![1, 2],
        ..commit(&made, "k", data)
    };
    catalogue.commit_object(lacking).await.unwrap();
    let mut found = Vec::new();
    for shard in 0..catalogue.shards() {
        let mut after = None;
        loop {
            let lacks = catalogue.missing(shard, after, 1).await.unwrap();
            let Some(last) = lacks.last() else { break };
            after = Some(*last);
            found.push(*last);
            catalogue.forget_missing(shard, lacks).await.unwrap();
        }
    }
    let expected = [1, 2].map(|node| MissingReplica {
        object: data.object,
        node,
    });
    assert_eq!(found, expected);
    let mut blobs = Vec::new();
    for shard in 0..catalogue.shards() {
        blobs.extend(catalogue.scan_data(shard, None, 1000).await.unwrap());
    }
    assert!(blobs.contains(&data));
}

async fn epochs_only_grow(catalogue: &dyn Catalogue) {
    let first = catalogue.next_epoch(5).await.unwrap();
    assert_eq!(catalogue.next_epoch(5).await.unwrap(), first + 1);
    assert_eq!(catalogue.next_epoch(6).await.unwrap(), 1);
    let store = catalogue.store_id().await.unwrap();
    assert_eq!(catalogue.store_id().await.unwrap(), store);
    assert_eq!(catalogue.cluster_maps().await.unwrap(), None);
    catalogue.set_cluster_maps("maps".to_owned()).await.unwrap();
    assert_eq!(
        catalogue.cluster_maps().await.unwrap().as_deref(),
        Some("maps")
    );
}
