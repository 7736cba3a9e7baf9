//! A node directory of format version 1, as an earlier program left it: every later one must open it.
//!
//! It has a sealed volume, open ones of both kinds, an overwritten and a deleted record, a region that was given up,
//! and an index checkpoint with records after it. `cargo test -p concierge-storage-nodes --test fixture -- --ignored`
//! writes another one below the temporary directory, for the next version of the format.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use concierge_storage_nodes::{Lease, Node, NodeOptions, ObjectId, RecordKey};
use futures::TryStreamExt;
use uuid::Uuid;

const LEASE: Lease = Lease { host: 3, epoch: 9 };

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1")
}

fn options() -> NodeOptions {
    NodeOptions {
        background: false,
        free_space_reserve_bytes: 0,
        volume_size_bytes: 256 * 1024,
        ..NodeOptions::default()
    }
}

fn key(n: u32) -> RecordKey {
    RecordKey {
        object: ObjectId(Uuid::from_u128(0x1234_5678_0000 + u128::from(n))),
        extent: n / 8,
        shard: 0,
    }
}

/// Bytes that compress well, so that the repository stays small.
fn payload(n: u32, length: usize) -> Bytes {
    let line = format!("record {n} of the fixture\n");
    line.bytes().cycle().take(length).collect()
}

/// What the fixture holds, by key number: the lengths of the records that are there.
const RECORDS: [(u32, usize); 8] = [
    (0, 0),
    (1, 1),
    (2, 4096),
    (3, 65_536),
    (5, 3000),
    (6, 70_000),
    (8, 20),
    (9, 100),
];
const DELETED: [u32; 2] = [4, 7];

async fn write(dir: &Path) {
    let node = Node::open(dir, options()).unwrap();
    let put = async |n: u32, length: usize| {
        node.put(key(n), LEASE, payload(n, length)).await.unwrap();
    };
    // Enough for one packed volume to be full, and to be sealed; most of it is overwritten by a record of nothing.
    for n in [3, 10, 11, 12] {
        put(n, 65_536).await;
    }
    put(5, 500).await;
    put(2, 4096).await;
    put(4, 100).await;
    put(7, 66_000).await;
    put(6, 70_000).await;
    node.keep_up().await.unwrap();
    put(5, 3000).await;
    let mut given_up = node.begin(key(13), LEASE, 9000).await.unwrap();
    given_up.write(payload(13, 5000)).await.unwrap();
    drop(given_up);
    node.delete(vec![key(4), key(10), key(11), key(12)])
        .await
        .unwrap();
    node.checkpoint().await.unwrap();
    for n in [0, 1, 8, 9] {
        let (_, length) = RECORDS.iter().find(|(m, _)| *m == n).unwrap();
        put(n, *length).await;
    }
    node.delete(vec![key(7)]).await.unwrap();
    node.close();
}

#[tokio::test]
#[ignore = "writes a fixture, for a new version of the format"]
async fn write_a_fixture() {
    let dir = std::env::temp_dir().join("concierge-node-fixture");
    write(&dir).await;
    println!("{}", dir.display());
}

async fn check(dir: &Path, rebuild_index: bool) {
    let options = NodeOptions {
        rebuild_index,
        ..options()
    };
    let node = Node::open(dir, options).unwrap();
    let status = node.status().await.unwrap();
    assert!(status.recovery.is_clean());
    assert_eq!(status.recovery.records_from_checkpoint > 0, !rebuild_index);
    assert_eq!(status.sealed_volumes, 1);
    for (n, length) in RECORDS {
        let info = node.stat(key(n)).await.unwrap().unwrap();
        assert_eq!((info.length, info.lease), (length as u64, LEASE));
        let pieces: Vec<Bytes> = node
            .read(key(n), 0..length as u64)
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        assert_eq!(pieces.concat(), payload(n, length), "record {n}");
    }
    for n in DELETED {
        assert_eq!(node.stat(key(n)).await.unwrap(), None);
    }
    assert_eq!(status.records as usize, RECORDS.len());
    assert!(
        node.verify(None, u64::MAX)
            .await
            .unwrap()
            .damaged
            .is_empty()
    );
    assert_eq!(node.check_volumes().await.unwrap(), []);
    go_on(&node).await;
}

/// It can also be written to.
async fn go_on(node: &Arc<Node>) {
    node.put(key(20), LEASE, payload(20, 5000)).await.unwrap();
    node.keep_up().await.unwrap();
    assert!(node.stat(key(20)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_directory_of_the_first_format_is_opened() {
    for rebuild_index in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(fixture()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
        }
        check(dir.path(), rebuild_index).await;
    }
}
