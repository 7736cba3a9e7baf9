//! What the background of a node does: sealing, compaction, checkpoints and the scrub.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a step that fails fails the test"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use concierge_storage_nodes::{
    Lease, Node, NodeError, NodeOptions, NodeStatus, ObjectId, RecordKey, VolumeFault,
    faults::FaultyDisk,
};
use futures::TryStreamExt;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use uuid::Uuid;

const LEASE: Lease = Lease { host: 1, epoch: 1 };
const VOLUME_BYTES: u64 = 256 * 1024;

fn open_with(disk: &Arc<FaultyDisk>, change: impl FnOnce(&mut NodeOptions)) -> Arc<Node> {
    let mut options = NodeOptions {
        files: Some(disk.files()),
        background: false,
        free_space_reserve_bytes: 0,
        volume_size_bytes: VOLUME_BYTES,
        ..NodeOptions::default()
    };
    change(&mut options);
    Node::open(Path::new("(memory)"), options).unwrap()
}

fn open(disk: &Arc<FaultyDisk>) -> Arc<Node> {
    open_with(disk, |_| {})
}

/// The node as if its process had been killed and started again.
fn reopen(disk: &Arc<FaultyDisk>, node: Arc<Node>) -> Arc<Node> {
    disk.kill();
    drop(node);
    open(disk)
}

fn key(n: u32) -> RecordKey {
    RecordKey {
        object: ObjectId(Uuid::from_u128(n.into())),
        extent: 0,
        shard: 0,
    }
}

fn payload(n: u32, length: usize) -> Bytes {
    let mut random = StdRng::seed_from_u64(n.into());
    let mut bytes = vec![0; length];
    rand::Rng::fill_bytes(&mut random, &mut bytes);
    bytes.into()
}

/// Small and large ones, so that both kinds of volume are used.
fn length_of(n: u32) -> usize {
    if n.is_multiple_of(5) {
        70_000 + n as usize
    } else {
        5_000 + n as usize
    }
}

async fn put(node: &Arc<Node>, n: u32) {
    node.put(key(n), LEASE, payload(n, length_of(n)))
        .await
        .unwrap();
}

async fn read(node: &Arc<Node>, n: u32) -> Result<Vec<u8>, NodeError> {
    let info = node.stat(key(n)).await?.ok_or(NodeError::NotFound)?;
    let pieces: Vec<Bytes> = node
        .read(key(n), 0..info.length)
        .await?
        .try_collect()
        .await?;
    Ok(pieces.concat())
}

async fn assert_there(node: &Arc<Node>, records: impl IntoIterator<Item = u32>) {
    for n in records {
        assert_eq!(
            read(node, n).await.unwrap(),
            payload(n, length_of(n)),
            "{n}"
        );
    }
}

async fn assert_good(node: &Arc<Node>) {
    assert!(
        node.verify(None, u64::MAX)
            .await
            .unwrap()
            .damaged
            .is_empty()
    );
    assert_eq!(node.check_volumes().await.unwrap(), []);
}

async fn status(node: &Arc<Node>) -> NodeStatus {
    node.status().await.unwrap()
}

fn volume_names(disk: &FaultyDisk) -> Vec<String> {
    let names = disk.names().into_iter().map(|(name, _)| name);
    names
        .filter(|name| name.ends_with(".packed") || name.ends_with(".extents"))
        .collect()
}

#[tokio::test]
async fn space_comes_back_and_what_lives_stays() {
    let disk = FaultyDisk::new();
    let node = open(&disk);
    for n in 0..200 {
        put(&node, n).await;
    }
    let full = status(&node).await;
    let (dead, live): (Vec<u32>, Vec<u32>) = (0..200).partition(|n| n % 4 != 1);
    node.delete(dead.iter().map(|n| key(*n)).collect())
        .await
        .unwrap();
    node.keep_up().await.unwrap();
    let after = status(&node).await;
    assert!(after.counters.volumes_removed > 5, "{after:?}");
    assert!(
        after.used_bytes < full.used_bytes / 2,
        "{} of {} bytes are still in use",
        after.used_bytes,
        full.used_bytes
    );
    let on_disk: u64 = disk
        .names()
        .iter()
        .filter(|(name, _)| name.ends_with(".packed") || name.ends_with(".extents"))
        .map(|(_, length)| length)
        .sum();
    assert_eq!(after.used_bytes, on_disk, "the account is that of the disk");
    assert_there(&node, live.clone()).await;
    assert_eq!(after.records as usize, live.len());
    assert_good(&node).await;

    let node = reopen(&disk, node);
    assert!(status(&node).await.recovery.records_from_checkpoint > 0);
    assert_eq!(status(&node).await.records as usize, live.len());
    assert_there(&node, live).await;
    assert_good(&node).await;
}

#[tokio::test]
async fn deleting_everything_leaves_next_to_nothing() {
    let disk = FaultyDisk::new();
    let node = open(&disk);
    for round in 0..3 {
        for n in 0..100 {
            put(&node, n).await;
        }
        node.delete((0..100).map(key).collect()).await.unwrap();
        // The tombstones go once the records are gone that they keep dead.
        for _ in 0..3 {
            node.keep_up().await.unwrap();
        }
        let used = status(&node).await.used_bytes;
        assert!(used < VOLUME_BYTES, "round {round}: {used} bytes are left");
    }
    let node = open_with(&disk_after_kill(&disk, node), |options| {
        options.rebuild_index = true;
    });
    assert_eq!(status(&node).await.records, 0, "nothing rises again");
}

fn disk_after_kill(disk: &Arc<FaultyDisk>, node: Arc<Node>) -> Arc<FaultyDisk> {
    disk.kill();
    drop(node);
    disk.clone()
}

/// A tombstone may go only when no volume has an older record of its key. Here the volume of the tombstones is
/// compacted again and again while the one with the records stays: were they dropped with it, a rebuild from the
/// volumes would find the records alive.
#[tokio::test]
async fn tombstones_outlive_the_records_they_keep_dead() {
    let disk = FaultyDisk::new();
    let node = open(&disk);
    // Mostly alive, so that this volume stays; 0, 7, 14, … are deleted.
    for n in 1..40 {
        put(&node, n).await;
    }
    let gone: Vec<u32> = (1..40).filter(|n| n % 7 == 0).collect();
    // Other volumes, which die as a whole, with the tombstones among them.
    for n in 1000..1060 {
        put(&node, n).await;
        if let Some(n) = gone.get((n - 1000) as usize) {
            node.delete(vec![key(*n)]).await.unwrap();
        }
    }
    node.delete((1000..1060).map(key).collect()).await.unwrap();
    let before = volume_names(&disk);
    for _ in 0..3 {
        node.keep_up().await.unwrap();
    }
    let after = volume_names(&disk);
    assert!(before.iter().any(|name| !after.contains(name)));
    assert!(
        after.contains(&before[0]),
        "the test needs the first volume to stay: {after:?}"
    );
    disk.kill();
    drop(node);
    let node = open_with(&disk, |options| options.rebuild_index = true);
    let kept: Vec<u32> = (1..40).filter(|n| n % 7 != 0).collect();
    assert_eq!(status(&node).await.records as usize, kept.len());
    assert_there(&node, kept).await;
}

#[tokio::test]
async fn full_volumes_are_sealed_and_a_flipped_bit_breaks_the_seal() {
    let disk = FaultyDisk::new();
    let node = open(&disk);
    for n in 0..100 {
        put(&node, n).await;
    }
    node.keep_up().await.unwrap();
    let sealed = status(&node).await;
    assert!(sealed.sealed_volumes > 3, "{sealed:?}");
    assert_good(&node).await;
    // In padding: no record is damaged, and the file is not what it was.
    let name = &volume_names(&disk)[0];
    assert!(disk.flip_bit(name, 100, 3));
    let faults = node.check_volumes().await.unwrap();
    assert_eq!(faults, [VolumeFault::SealBroken { file: name.clone() }]);
    assert_there(&node, 0..100).await;
}

/// The last header of a volume is damaged, and nothing follows from which it could be told that something was there:
/// a tombstone that stood there must not be lost with the file.
#[tokio::test]
async fn a_damaged_end_of_a_volume_keeps_its_file() {
    let disk = FaultyDisk::new();
    let node = open(&disk);
    put(&node, 1).await;
    put(&node, 2).await;
    node.delete(vec![key(1), key(2)]).await.unwrap();
    node.checkpoint().await.unwrap();
    let name = volume_names(&disk)[0].clone();
    let length = disk.names().iter().find(|(n, _)| *n == name).unwrap().1;
    let content = disk.content(&name).unwrap();
    let scanned = concierge_storage_nodes::scan_bytes(&content).unwrap();
    let last = scanned.records.last().unwrap().header.offset;
    assert!(last < length && disk.flip_bit(&name, last + 20, 1));
    let faults = node.check_volumes().await.unwrap();
    assert!(
        matches!(&faults[..], [VolumeFault::NotRecords { from, .. }] if *from == last),
        "{faults:?}"
    );
    // Where room is short, a volume is rewritten although it is not full.
    disk.limit_room(Some(100_000));
    node.keep_up().await.unwrap();
    assert!(volume_names(&disk).contains(&name));
}

/// The scrub finds what no read touched, reports it, and what is still good moves to another file.
#[tokio::test]
async fn the_scrub_finds_flipped_bits_and_compaction_leaves_the_file_for_a_repair() {
    let disk = FaultyDisk::new();
    let node = open(&disk);
    for n in 0..100 {
        put(&node, n).await;
    }
    node.keep_up().await.unwrap();
    let (name, hit) = flip_payload_of_sealed(&disk, &node).await;
    disk.kill();
    drop(node);
    let node = open_with(&disk, |options| {
        options.background = true;
        options.scrub_bytes_per_second = u64::MAX;
    });
    until(|| async { node.damaged().await.unwrap() == [key(hit)] }).await;
    until(|| async { status(&node).await.scrub.passes > 0 }).await;
    let all_but = |n: &u32| *n != hit;
    assert_there(&node, (0..100).filter(all_but)).await;
    assert!(matches!(
        read(&node, hit).await,
        Err(NodeError::Corrupt { .. })
    ));
    node.keep_up().await.unwrap();
    assert!(
        volume_names(&disk).contains(&name),
        "the bad record's file stays until there is a good one"
    );
    // The repair, as a host does it from another node.
    put(&node, hit).await;
    assert!(node.damaged().await.unwrap().is_empty());
    node.keep_up().await.unwrap();
    assert!(!volume_names(&disk).contains(&name), "now it goes");
    assert_there(&node, 0..100).await;
    assert_good(&node).await;
}

/// Flips a bit in the payload of a record in a sealed packed volume.
async fn flip_payload_of_sealed(disk: &FaultyDisk, node: &Arc<Node>) -> (String, u32) {
    let name = volume_names(disk)
        .into_iter()
        .find(|name| name.ends_with(".packed"))
        .unwrap();
    let content = disk.content(&name).unwrap();
    let scanned = concierge_storage_nodes::scan_bytes(&content).unwrap();
    assert_eq!(scanned.seal, Some(true));
    let record = &scanned.records[2];
    assert!(disk.flip_bit(&name, record.header.offset + 96 + 1000, 5));
    let n = record.header.key.object.0.as_u128() as u32;
    assert!(node.stat(key(n)).await.unwrap().is_some());
    (name, n)
}

async fn until<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        while !condition().await {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    });
    waited.await.expect("it never came true");
}

/// Readers, writers and deleters go on while volumes are emptied and removed under them.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn clients_do_not_notice_compaction() {
    let seed: u64 = match std::env::var("CONCIERGE_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => rand::random::<u32>().into(),
    };
    println!("CONCIERGE_SEED={seed}");
    let disk = FaultyDisk::new();
    let node = open(&disk);
    let kept: Vec<u32> = (0..40).collect();
    for n in &kept {
        put(&node, *n).await;
    }
    let clients = (1..4_u32).map(|client| {
        let node = node.clone();
        tokio::spawn(async move {
            let mut random = StdRng::seed_from_u64(seed + u64::from(client));
            let mut own = BTreeSet::new();
            for _ in 0..400 {
                let n = client * 1000 + random.random_range(0..30);
                if own.remove(&n) {
                    assert_there(&node, [n]).await;
                    node.delete(vec![key(n)]).await.unwrap();
                    assert!(matches!(read(&node, n).await, Err(NodeError::NotFound)));
                } else {
                    put(&node, n).await;
                    own.insert(n);
                }
                assert_there(&node, [random.random_range(0..40)]).await;
            }
            own
        })
    });
    let clients: Vec<_> = clients.collect();
    while !clients.iter().all(tokio::task::JoinHandle::is_finished) {
        node.keep_up().await.unwrap();
    }
    let mut alive: BTreeSet<u32> = kept.into_iter().collect();
    for client in clients {
        alive.extend(client.await.unwrap());
    }
    assert!(status(&node).await.counters.volumes_removed > 3);
    let node = reopen(&disk, node);
    assert_eq!(status(&node).await.records as usize, alive.len());
    assert_there(&node, alive).await;
    assert_good(&node).await;
}

#[tokio::test]
async fn a_start_reads_only_what_came_after_the_checkpoint() {
    let disk = FaultyDisk::new();
    let node = open(&disk);
    for n in 0..50 {
        put(&node, n).await;
    }
    node.checkpoint().await.unwrap();
    for n in 50..60 {
        put(&node, n).await;
    }
    node.delete(vec![key(3), key(55)]).await.unwrap();
    let node = reopen(&disk, node);
    let recovery = status(&node).await.recovery;
    assert_eq!(recovery.records_from_checkpoint, 50);
    assert_eq!(recovery.records_replayed, 12);
    assert_eq!(recovery.without_checkpoint, None);
    let alive = |n: &u32| ![3, 55].contains(n);
    assert_there(&node, (0..60).filter(alive)).await;
    assert_eq!(status(&node).await.records, 58);
    assert_eq!(live_by_volume(&node).await, {
        disk.kill();
        drop(node);
        let rebuilt = open_with(&disk, |options| options.rebuild_index = true);
        live_by_volume(&rebuilt).await
    });
}

async fn live_by_volume(node: &Arc<Node>) -> (u64, u64, u64) {
    let status = status(node).await;
    (status.records, status.live_bytes, status.dead_bytes)
}

/// Whatever is wrong with a checkpoint, the volumes say the same.
#[tokio::test]
async fn a_checkpoint_that_does_not_fit_is_not_used() {
    let disk = FaultyDisk::new();
    let node = open(&disk);
    for n in 0..50 {
        put(&node, n).await;
    }
    node.checkpoint().await.unwrap();
    assert!(disk.flip_bit("index.checkpoint", 500, 1));
    let node = reopen(&disk, node);
    let reason = status(&node).await.recovery.without_checkpoint;
    assert_eq!(reason.as_deref(), Some("it is damaged"));
    assert_there(&node, 0..50).await;
    disk.remove("index.checkpoint");
    let node = reopen(&disk, node);
    let reason = status(&node).await.recovery.without_checkpoint;
    assert_eq!(reason.as_deref(), Some("there is none"));
    assert_there(&node, 0..50).await;
}

/// A power cut may bring back a file that compaction removed. Its dead records must stay dead, although the
/// checkpoint that was made before the removal does not know the file.
#[tokio::test]
async fn a_removed_file_that_comes_back_brings_nothing_to_life() {
    let mut came_back = 0;
    // The directory is synced for new volumes, for the checkpoint, and last for the removals: at one of these
    // numbers it is the last that fails.
    for syncs in 0..10 {
        let disk = FaultyDisk::new();
        let node = open(&disk);
        for n in 0..60 {
            put(&node, n).await;
        }
        let before: BTreeMap<_, _> = volume_names(&disk)
            .into_iter()
            .map(|name| (name.clone(), disk.content(&name).unwrap()))
            .collect();
        node.delete((0..40).map(key).collect()).await.unwrap();
        disk.fail_syncs_in_directory_after(syncs);
        let kept_up = node.keep_up().await;
        disk.kill();
        drop(node);
        let after = volume_names(&disk);
        for (name, content) in before {
            if kept_up.is_err() && !after.contains(&name) {
                disk.restore(&name, content);
                came_back += 1;
            }
        }
        disk.power_cut(syncs);
        let node = open(&disk);
        assert_eq!(status(&node).await.records, 20, "after {syncs} syncs");
        assert_there(&node, 40..60).await;
        assert_good(&node).await;
    }
    assert!(came_back > 0);
}

/// A volume that the checkpoint knows and that is not there was lost: its records must be told as damaged, so that
/// they are written again from other nodes, and not as never stored.
#[tokio::test]
async fn a_lost_volume_is_reported_and_its_records_are_damaged() {
    let disk = FaultyDisk::new();
    let node = open(&disk);
    for n in 0..60 {
        put(&node, n).await;
    }
    node.checkpoint().await.unwrap();
    let lost = volume_names(&disk)[0].clone();
    disk.remove(&lost);
    let mut node = reopen(&disk, node);
    for _ in 0..2 {
        let recovery = status(&node).await.recovery;
        assert!(recovery.lost_records > 0 && !recovery.is_clean());
        let mut damaged = 0;
        for n in 0..60 {
            match read(&node, n).await {
                Ok(bytes) => assert_eq!(bytes, payload(n, length_of(n))),
                Err(NodeError::Corrupt { .. }) => damaged += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(damaged, recovery.lost_records);
        // Another checkpoint must not forget it.
        put(&node, 100).await;
        node.checkpoint().await.unwrap();
        node = reopen(&disk, node);
    }
    for n in 0..60 {
        put(&node, n).await;
    }
    assert_there(&node, 0..60).await;
    assert!(node.damaged().await.unwrap().is_empty());
}

/// On a full node deleting and compaction make room again, whether the disk is reserved or writes find out.
#[tokio::test]
async fn a_full_disk_is_made_room_on() {
    for thin in [false, true] {
        let disk = FaultyDisk::new();
        let node = open(&disk);
        disk.set_thin(thin);
        disk.limit_room(Some(2_000_000));
        let mut stored = 0;
        let refused = loop {
            match node
                .put(key(stored), LEASE, payload(stored, length_of(stored)))
                .await
            {
                Ok(()) => stored += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, NodeError::Full), "{refused}");
        assert!(stored > 20, "{stored}");
        // Whole volumes die, so that they go without a copy; a tombstone needs a little room.
        disk.limit_room(Some(100_000));
        node.delete((0..stored - 10).map(key).collect())
            .await
            .unwrap();
        node.keep_up().await.unwrap();
        node.keep_up().await.unwrap();
        for n in 0..10 {
            put(&node, n).await;
        }
        assert_there(&node, stored - 10..stored).await;
        assert_there(&node, 0..10).await;
        assert!(status(&node).await.stopped.is_none());
        let node = reopen(&disk, node);
        assert_eq!(status(&node).await.records, 20, "thin: {thin}");
        assert_good(&node).await;
    }
}
