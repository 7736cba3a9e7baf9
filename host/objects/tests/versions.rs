//! Versioning against a small model, with random operations.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod harness;

use std::collections::BTreeMap;

use concierge_objects::*;
use harness::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Keys that share prefixes and are prefixes of each other.
const KEYS: [&str; 5] = ["a", "a/b", "a/c", "b", "b/\u{10ffff}"];

#[derive(Debug, Clone, PartialEq)]
struct ModelVersion {
    id: String,
    /// `None` is a delete marker.
    data: Option<String>,
}

/// What S3 User Guide, "How S3 Versioning works", says, in the plainest form:
/// the versions of each key from new to old.
#[derive(Debug, Default)]
struct Model {
    state: Versioning,
    keys: BTreeMap<String, Vec<ModelVersion>>,
}

impl Model {
    fn versions(&mut self, key: &str) -> &mut Vec<ModelVersion> {
        self.keys.entry(key.to_owned()).or_default()
    }

    fn add(&mut self, key: &str, id: Option<String>, data: Option<String>) {
        let id = match self.state {
            Versioning::Enabled => id.unwrap(),
            Versioning::Unversioned => {
                assert_eq!(id, None);
                "null".to_owned()
            }
            Versioning::Suspended => {
                assert_eq!(id.as_deref(), Some("null"));
                "null".to_owned()
            }
        };
        let versions = self.versions(key);
        versions.retain(|version| version.id != id);
        versions.insert(0, ModelVersion { id, data });
    }

    fn delete(&mut self, key: &str, result: DeleteResult) {
        if self.state == Versioning::Unversioned {
            assert_eq!(result, DeleteResult::default());
            self.versions(key).clear();
        } else {
            assert!(result.delete_marker);
            self.add(key, result.version_id, None);
        }
    }

    fn delete_version(&mut self, key: &str, id: &str, result: &DeleteResult) {
        let versions = self.versions(key);
        let was_marker = versions
            .iter()
            .any(|version| version.id == id && version.data.is_none());
        assert_eq!(result.delete_marker, was_marker);
        assert_eq!(result.version_id.as_deref(), Some(id));
        versions.retain(|version| version.id != id);
    }

    fn current(&self) -> Vec<String> {
        let current = self.keys.iter().filter(|(_, versions)| {
            versions
                .first()
                .is_some_and(|version| version.data.is_some())
        });
        current.map(|(key, _)| key.clone()).collect()
    }

    fn all(&self) -> Vec<(String, String, bool, bool)> {
        let mut all = Vec::new();
        for (key, versions) in &self.keys {
            for (index, version) in versions.iter().enumerate() {
                all.push((
                    key.clone(),
                    version.id.clone(),
                    index == 0,
                    version.data.is_none(),
                ));
            }
        }
        all
    }
}

async fn listed(h: &Harness, max: u32) -> Vec<(String, String, bool, bool)> {
    let mut all = Vec::new();
    let mut next = Some((String::new(), None));
    while let Some((after, after_version)) = next {
        let query = VersionQuery {
            bucket: "bucket".to_owned(),
            after,
            after_version,
            max,
            ..VersionQuery::default()
        };
        let page = h.store.list_versions(&h.user, query).await.unwrap();
        assert!(page.items.len() <= max as usize);
        all.extend(page.items.into_iter().map(|item| match item {
            VersionItem::Version(v) => (v.object.key, v.version_id, v.latest, v.delete_marker),
            VersionItem::Prefix(prefix) => panic!("{prefix}"),
        }));
        next = page.next;
    }
    all
}

async fn check_key(h: &Harness, model: &Model, key: &str) {
    let versions = model.keys.get(key).cloned().unwrap_or_default();
    let shown = |id: &str| (model.state != Versioning::Unversioned).then(|| id.to_owned());
    match (h.get(key).await, versions.first()) {
        (
            Ok((result, data)),
            Some(ModelVersion {
                id,
                data: Some(expected),
            }),
        ) => {
            assert_eq!(data, expected.as_bytes());
            assert_eq!(result.info.version_id, shown(id));
        }
        (Err(Error::NoSuchKey(marker)), first) => {
            assert_eq!(marker, first.and_then(|version| shown(&version.id)));
            assert!(first.is_none_or(|version| version.data.is_none()));
        }
        (result, first) => panic!("{key}: {result:?}, expected {first:?}"),
    }
    for version in &versions {
        match (h.get_version(key, &version.id).await, &version.data) {
            (Ok((_, data)), Some(expected)) => assert_eq!(data, expected.as_bytes()),
            (Err(Error::IsDeleteMarker(_)), None) => {}
            (result, expected) => panic!("{key} {version:?}: {result:?}, expected {expected:?}"),
        }
    }
}

async fn run(seed: u64) {
    println!("seed {seed}");
    let mut random = SmallRng::seed_from_u64(seed);
    let h = Harness::with_bucket().await;
    let mut model = Model::default();
    for step in 0..120 {
        let key = KEYS[random.random_range(0..KEYS.len())];
        match random.random_range(0..100) {
            0..45 => {
                let data = format!("{step}");
                let stored = h.put(key, data.clone()).await;
                model.add(key, stored.version_id, Some(data));
            }
            45..65 => {
                let result = h.delete(key, None).await.unwrap();
                model.delete(key, result);
            }
            65..90 => {
                let versions = model.versions(key);
                let absent = "0".repeat(32);
                let id = match versions.len() {
                    0 => absent,
                    len => versions[random.random_range(0..len)].id.clone(),
                };
                let result = h.delete(key, Some(&id)).await.unwrap();
                model.delete_version(key, &id, &result);
            }
            90..95 => {
                model.state = Versioning::Enabled;
                h.versioned(model.state).await;
            }
            95..97 => {
                model.state = Versioning::Suspended;
                h.versioned(model.state).await;
            }
            _ => {
                h.store.run_background_once().await.unwrap();
            }
        }
        check_key(&h, &model, key).await;
        assert_eq!(
            listed(&h, random.random_range(1..4)).await,
            model.all(),
            "step {step}"
        );
        assert_eq!(h.keys().await, model.current(), "step {step}");
    }
    h.store.run_background_once().await.unwrap();
    let objects = model
        .keys
        .values()
        .flatten()
        .filter(|version| version.data.is_some())
        .count();
    assert_eq!(records(&h.nodes[0]).await, objects);
}

#[tokio::test]
async fn random_operations_agree_with_the_model() {
    let seed: u64 = match std::env::var("SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => u64::from(rand::random::<u32>()),
    };
    for offset in 0..8 {
        run(seed + offset).await;
    }
}

#[tokio::test]
async fn a_page_whose_versions_were_deleted_does_not_hide_the_rest() {
    let h = Harness::with_bucket().await;
    h.versioned(Versioning::Enabled).await;
    for data in ["1", "2", "3", "4", "5"] {
        h.put("key", data).await;
    }
    let mut next = Some((String::new(), None));
    let mut deleted = 0;
    while let Some((after, after_version)) = next {
        let query = VersionQuery {
            bucket: "bucket".to_owned(),
            after,
            after_version,
            max: 2,
            ..VersionQuery::default()
        };
        let page = h.store.list_versions(&h.user, query).await.unwrap();
        for item in page.items {
            let VersionItem::Version(version) = item else {
                panic!()
            };
            h.delete("key", Some(&version.version_id)).await.unwrap();
            deleted += 1;
        }
        next = page.next;
    }
    assert_eq!(deleted, 5);
    h.store.delete_bucket(&h.user, "bucket").await.unwrap();
}

#[tokio::test]
async fn versions_roll_up_by_delimiter() {
    let h = Harness::with_bucket().await;
    h.versioned(Versioning::Enabled).await;
    for key in ["a", "a/1", "a/1", "a/2", "b"] {
        h.put(key, "x").await;
    }
    let query = VersionQuery {
        bucket: "bucket".to_owned(),
        delimiter: Some("/".to_owned()),
        max: 10,
        ..VersionQuery::default()
    };
    let page = h.store.list_versions(&h.user, query).await.unwrap();
    let names: Vec<_> = page
        .items
        .into_iter()
        .map(|item| match item {
            VersionItem::Version(version) => version.object.key,
            VersionItem::Prefix(prefix) => prefix,
        })
        .collect();
    assert_eq!(names, ["a", "a/", "b"]);
}

#[tokio::test]
async fn bad_version_ids_are_told_from_absent_ones() {
    let h = Harness::with_bucket().await;
    h.put("key", "x").await;
    let absent = h.get_version("key", &"0".repeat(32)).await;
    assert_eq!(absent.unwrap_err(), Error::NoSuchVersion);
    for bad in ["", "x", "NULL", &"g".repeat(32), &"A".repeat(32)] {
        let refused = h.get_version("key", bad).await;
        assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{bad}");
    }
    assert_eq!(h.get_version("key", "null").await.unwrap().1, "x");
}

#[tokio::test]
async fn deletes_of_many_answer_each() {
    let h = Harness::with_bucket().await;
    let kept = h.put("kept", "x").await;
    h.put("gone", "x").await;
    let delete = |key: &str, if_match: Option<&str>| DeleteRequest {
        key: key.to_owned(),
        if_match: if_match.map(str::to_owned),
        version_id: None,
    };
    let requests = vec![
        delete("gone", Some(&kept.etag)),
        delete("kept", Some("other")),
        delete("absent", None),
        delete("absent", Some("*")),
        delete(&"k".repeat(1025), None),
    ];
    let answers = h
        .store
        .delete_many(&h.user, "bucket", requests)
        .await
        .unwrap();
    let failed = || Err(Error::PreconditionFailed("If-Match".to_owned()));
    let done = || Ok(DeleteResult::default());
    assert_eq!(
        answers,
        [done(), failed(), done(), failed(), Err(Error::KeyTooLong)]
    );
    assert_eq!(h.keys().await, ["kept"]);
}
