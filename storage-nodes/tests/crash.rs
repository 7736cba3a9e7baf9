//! Power cuts, full disks, failing syncs and flipped bits, against a model of what was acknowledged.
//!
//! Each round prints its seed. `CONCIERGE_SEED=<seed>` replays one round, `CONCIERGE_ROUNDS=<n>` runs more of them.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a step that fails fails the test"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use concierge_storage_nodes::{
    Lease, Node, NodeError, NodeOptions, NodeStatus, ObjectId, RecordKey, faults::FaultyDisk,
};
use futures::TryStreamExt;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use uuid::Uuid;

const LEASE: Lease = Lease { host: 1, epoch: 1 };
const QUICK_ROUNDS: u64 = 150;

/// What a key may hold: the payloads any of which is right, `None` standing for "absent".
type Allowed = BTreeSet<Option<Vec<u8>>>;
/// What each key may hold.
type Model = BTreeMap<u32, Allowed>;

fn open(disk: &Arc<FaultyDisk>) -> Arc<Node> {
    open_with(disk, |_| {})
}

fn open_with(disk: &Arc<FaultyDisk>, change: impl FnOnce(&mut NodeOptions)) -> Arc<Node> {
    let mut options = NodeOptions {
        files: Some(disk.files()),
        background: false,
        free_space_reserve_bytes: 0,
        volume_size_bytes: 512 * 1024,
        ..NodeOptions::default()
    };
    change(&mut options);
    Node::open(Path::new("(memory)"), options).unwrap()
}

fn key(n: u32) -> RecordKey {
    RecordKey {
        object: ObjectId(Uuid::from_u128(n.into())),
        extent: 0,
        shard: 0,
    }
}

fn payload(random: &mut StdRng) -> Bytes {
    let length = match random.random_range(0..10) {
        0 => 0,
        1..=5 => random.random_range(1..9_000),
        6..=8 => random.random_range(9_000..65_536),
        _ => random.random_range(65_537..200_000),
    };
    let mut bytes = vec![0; length];
    rand::Rng::fill_bytes(random, &mut bytes);
    bytes.into()
}

async fn read(node: &Arc<Node>, key: RecordKey) -> Result<Vec<u8>, NodeError> {
    let info = node.stat(key).await?.ok_or(NodeError::NotFound)?;
    let pieces: Vec<Bytes> = node.read(key, 0..info.length).await?.try_collect().await?;
    Ok(pieces.concat())
}

/// One client: puts, streams, gives up, deletes and compacts, noting what was acknowledged and what may be.
async fn client(
    node: Arc<Node>,
    keys: Range<u32>,
    seed: u64,
    operations: usize,
    mut model: Model,
) -> Model {
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..operations {
        let n = random.random_range(keys.clone());
        let allowed = model.entry(n).or_insert_with(|| Allowed::from([None]));
        match random.random_range(0..10) {
            0 | 1 => match node.delete(vec![key(n)]).await {
                Ok(()) => *allowed = Allowed::from([None]),
                Err(_) => drop(allowed.insert(None)),
            },
            2 => {
                if let Ok(mut writer) = node.begin(key(n), LEASE, 150_000).await {
                    let _ = writer.write(payload(&mut random).slice(0..0)).await;
                    let _ = writer.write(Bytes::from_static(b"never finished")).await;
                }
            }
            3 => {
                let bytes = payload(&mut random);
                allowed.insert(Some(bytes.to_vec()));
                let stream = async {
                    let mut writer = node
                        .begin(key(n), LEASE, bytes.len() as u64 + 10_000)
                        .await?;
                    for piece in bytes.chunks(30_000) {
                        writer.write(Bytes::copy_from_slice(piece)).await?;
                    }
                    writer.finish().await
                };
                if stream.await.is_ok() {
                    *allowed = Allowed::from([Some(bytes.to_vec())]);
                }
            }
            _ => {
                let bytes = payload(&mut random);
                allowed.insert(Some(bytes.to_vec()));
                if node.put(key(n), LEASE, bytes.clone()).await.is_ok() {
                    *allowed = Allowed::from([Some(bytes.to_vec())]);
                }
            }
        }
        match random.random_range(0..40) {
            0 => tokio::task::yield_now().await,
            // They fail when the power goes, as everything does.
            1 => drop(node.keep_up().await),
            2 => drop(node.checkpoint().await),
            _ => {}
        }
    }
    model
}

async fn check(node: &Arc<Node>, model: &mut Model) {
    for (n, allowed) in model.iter_mut() {
        let found = match read(node, key(*n)).await {
            Ok(bytes) => Some(bytes),
            Err(NodeError::NotFound) => None,
            Err(error) => panic!("record {n}: {error}"),
        };
        assert!(
            allowed.contains(&found),
            "record {n} holds {:?} bytes, allowed are {:?}",
            found.as_ref().map(Vec::len),
            allowed
                .iter()
                .map(|bytes| bytes.as_ref().map(Vec::len))
                .collect::<Vec<_>>()
        );
        // What was read once must stay.
        *allowed = Allowed::from([found]);
    }
    for info in node.list(None, 10_000).await.unwrap() {
        let n = info.key.object.0.as_u128() as u32;
        assert!(model.contains_key(&n), "record {n} was never put");
    }
}

fn rounds() -> Vec<u64> {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|value: String| value.parse::<u64>().unwrap())
    };
    match number("CONCIERGE_SEED") {
        Some(seed) => vec![seed],
        None => {
            let first: u64 = rand::random::<u32>().into();
            (first..first + number("CONCIERGE_ROUNDS").unwrap_or(QUICK_ROUNDS)).collect()
        }
    }
}

const CLIENTS: u32 = 4;

/// What happened in some rounds, so that a test can tell that it tested.
#[derive(Debug, Default)]
struct Seen {
    sealed: u64,
    removed: u64,
    checkpoints: u64,
    resumed: u64,
    torn: u64,
}

impl Seen {
    fn add(&mut self, status: &NodeStatus) {
        self.sealed += status.counters.volumes_sealed;
        self.removed += status.counters.volumes_removed;
        self.checkpoints += status.counters.checkpoints;
        self.resumed += u64::from(status.recovery.records_from_checkpoint > 0);
        self.torn += u64::from(status.recovery.torn_bytes > 0);
    }
}

/// One disk through several power cuts, with clients at work when the power goes.
async fn power_cut_round(seed: u64, seen: &mut Seen) {
    let mut random = StdRng::seed_from_u64(seed);
    let disk = FaultyDisk::new();
    let mut model: Model = BTreeMap::new();
    for _ in 0..random.random_range(2..5) {
        let node = open(&disk);
        let status = node.status().await.unwrap();
        assert!(
            status.recovery.is_clean(),
            "a power cut is no damage: {:?}",
            status.recovery
        );
        check(&node, &mut model).await;
        if random.random_range(0..3) == 0 {
            disk.set_cold(true);
        }
        let operations = random.random_range(1..60);
        let clients = (0..CLIENTS).map(|n| {
            let keys = n * 100..n * 100 + 20;
            let own = model.extract_if(keys.clone(), |_, _| true).collect();
            let seed = random.random();
            tokio::spawn(client(node.clone(), keys, seed, operations, own))
        });
        let clients: Vec<_> = clients.collect();
        // The cut comes at some moment of their work, or after it.
        for _ in 0..random.random_range(0..400) {
            tokio::task::yield_now().await;
        }
        if random.random_range(0..2) == 0 {
            for _ in 0..random.random_range(0..200) {
                let _ = node
                    .put(key(9_999), LEASE, Bytes::from_static(b"pace"))
                    .await;
            }
            let _ = node.delete(vec![key(9_999)]).await;
        }
        model.insert(9_999, Allowed::from([None, Some(b"pace".to_vec())]));
        disk.power_cut(random.random());
        for task in clients {
            model.extend(task.await.unwrap());
        }
        seen.add(&node.status().await.unwrap());
        drop(node);
    }
    let node = open(&disk);
    check(&node, &mut model).await;
    assert_good(&node).await;
    // The volumes alone say the same as the checkpoint and what came after it.
    let listed = node.list(None, 10_000).await.unwrap();
    drop(node);
    let node = open_with(&disk, |options| options.rebuild_index = true);
    assert_eq!(node.list(None, 10_000).await.unwrap(), listed);
    check(&node, &mut model).await;
    assert_good(&node).await;
}

async fn assert_good(node: &Arc<Node>) {
    let verified = node.verify(None, u64::MAX).await.unwrap();
    assert!(verified.damaged.is_empty());
    assert_eq!(node.check_volumes().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_power_cuts_and_nothing_is_half_there() {
    let mut seen = Seen::default();
    let seeds = rounds();
    for seed in &seeds {
        println!("CONCIERGE_SEED={seed}");
        power_cut_round(*seed, &mut seen).await;
    }
    println!("{seen:?}");
    if seeds.len() > 1 {
        let Seen {
            sealed,
            removed,
            checkpoints,
            resumed,
            torn,
        } = seen;
        let least = sealed.min(removed).min(checkpoints).min(resumed).min(torn);
        assert!(least > 0, "some of it was never tested: {seen:?}");
    }
}

/// A process that dies leaves the unsynced bytes in the page cache: another order of events, the same promises.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_it_acknowledged() {
    for seed in rounds().into_iter().take(30) {
        println!("CONCIERGE_SEED={seed}");
        let disk = FaultyDisk::new();
        let node = open(&disk);
        let mut model = client(node.clone(), 0..30, seed, 60, Model::new()).await;
        // The lock goes with the files; the node itself is kept, so that it cannot tidy up.
        let _killed = node;
        disk.kill();
        let node = open(&disk);
        assert!(node.status().await.unwrap().recovery.is_clean());
        check(&node, &mut model).await;
        disk.power_cut(seed);
        drop(node);
        check(&open(&disk), &mut model).await;
    }
}

/// A disk that fills up in the middle of a batch must refuse the batch as a whole and go on working: had it left
/// half a batch in the file, the next start would have shown records that were refused.
#[tokio::test]
async fn a_disk_that_fills_up_refuses_and_recovers() {
    for seed in rounds().into_iter().take(40) {
        println!("CONCIERGE_SEED={seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let disk = FaultyDisk::new();
        let node = open(&disk);
        // Where space cannot be reserved, a write is cut short.
        disk.set_thin(seed % 2 == 0);
        disk.limit_room(Some(random.random_range(10_000..900_000)));
        let mut stored = BTreeMap::new();
        let mut refused = BTreeMap::new();
        for n in 0..60 {
            let bytes = payload(&mut random);
            match node.put(key(n), LEASE, bytes.clone()).await {
                Ok(()) => drop(stored.insert(n, Allowed::from([Some(bytes.to_vec())]))),
                Err(NodeError::Full) => drop(refused.insert(n, Allowed::from([None]))),
                Err(error) => panic!("{error}"),
            }
        }
        assert!(node.status().await.unwrap().stopped.is_none());
        check_keys(&node, &stored).await;
        check_keys(&node, &refused).await;
        disk.limit_room(None);
        node.put(key(1000), LEASE, Bytes::from_static(b"room again"))
            .await
            .unwrap();
        disk.power_cut(seed);
        drop(node);
        let node = open(&disk);
        check_keys(&node, &stored).await;
        check_keys(&node, &refused).await;
        assert_eq!(read(&node, key(1000)).await.unwrap(), b"room again");
    }
}

async fn check_keys(node: &Arc<Node>, expected: &Model) {
    for (n, allowed) in expected {
        let found = read(node, key(*n)).await;
        let found = if matches!(found, Err(NodeError::NotFound)) {
            None
        } else {
            Some(found.unwrap())
        };
        assert!(allowed.contains(&found), "record {n}");
    }
}

/// After a failed sync the system may hold unwritten pages as clean: a second sync that succeeds proves nothing.
/// So the node must not acknowledge anything more, however well later calls go.
#[tokio::test]
async fn a_failed_sync_ends_all_writing() {
    let disk = FaultyDisk::new();
    let node = open(&disk);
    node.put(key(1), LEASE, Bytes::from_static(b"before"))
        .await
        .unwrap();
    let mut writer = node.begin(key(5), LEASE, 100).await.unwrap();
    disk.fail_syncs_after(0);
    let failed = node.put(key(2), LEASE, Bytes::from_static(b"lost")).await;
    assert!(matches!(failed, Err(NodeError::Stopped(_))), "{failed:?}");
    disk.fail_syncs_after(1000);
    let later = node.put(key(3), LEASE, Bytes::from_static(b"later")).await;
    assert!(matches!(later, Err(NodeError::Stopped(_))));
    assert!(matches!(
        node.delete(vec![key(1)]).await,
        Err(NodeError::Stopped(_))
    ));
    assert!(matches!(
        node.begin(key(4), LEASE, 10).await,
        Err(NodeError::Stopped(_))
    ));
    let _ = writer.write(Bytes::from_static(b"x")).await;
    assert!(matches!(writer.finish().await, Err(NodeError::Stopped(_))));
    assert_eq!(read(&node, key(1)).await.unwrap(), b"before", "reads go on");
    assert!(matches!(
        read(&node, key(2)).await,
        Err(NodeError::NotFound)
    ));
    assert!(
        node.status()
            .await
            .unwrap()
            .stopped
            .unwrap()
            .contains("sync")
    );
    disk.power_cut(1);
    drop(node);
    let node = open(&disk);
    assert_eq!(read(&node, key(1)).await.unwrap(), b"before");
    node.put(key(6), LEASE, Bytes::from_static(b"well again"))
        .await
        .unwrap();
}

/// The same where the sync is one of the upkeep's: whichever fails, nothing that was acknowledged is lost, and if
/// writing goes on it is durable.
#[tokio::test]
async fn a_failed_sync_of_the_upkeep_loses_nothing() {
    let mut stopped = 0;
    for syncs in 0..40 {
        let disk = FaultyDisk::new();
        let node = open(&disk);
        let mut random = StdRng::seed_from_u64(syncs);
        let mut stored = BTreeMap::new();
        for n in 0..60 {
            let bytes = payload(&mut random);
            node.put(key(n), LEASE, bytes.clone()).await.unwrap();
            stored.insert(n, Allowed::from([Some(bytes.to_vec())]));
        }
        node.delete((0..40).map(key).collect()).await.unwrap();
        stored.extend((0..40).map(|n| (n, Allowed::from([None]))));
        disk.fail_syncs_after(syncs);
        let kept_up = node.keep_up().await;
        check_keys(&node, &stored).await;
        disk.fail_syncs_after(1000);
        let later = Bytes::from_static(b"later");
        match node.put(key(100), LEASE, later.clone()).await {
            Ok(()) => drop(stored.insert(100, Allowed::from([Some(later.to_vec())]))),
            Err(error) => {
                assert!(matches!(error, NodeError::Stopped(_)) && kept_up.is_err());
                stopped += 1;
            }
        }
        disk.power_cut(syncs);
        drop(node);
        let node = open(&disk);
        check_keys(&node, &stored).await;
        assert_good(&node).await;
    }
    assert!(stopped > 0);
}

/// Flipped bits anywhere in synced volumes: every read gives the right bytes or an error, a record that was not hit
/// is still there, and opening reports what it saw.
#[tokio::test]
async fn flipped_bits_never_give_wrong_bytes_and_never_hide_other_records() {
    for seed in rounds().into_iter().take(60) {
        println!("CONCIERGE_SEED={seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let disk = FaultyDisk::new();
        let node = open(&disk);
        let mut stored = BTreeMap::new();
        for n in 0..25 {
            let bytes = payload(&mut random);
            node.put(key(n), LEASE, bytes.clone()).await.unwrap();
            stored.insert(n, bytes);
        }
        if seed % 2 == 0 {
            node.keep_up().await.unwrap();
            node.checkpoint().await.unwrap();
        }
        drop(node);
        let volumes: Vec<_> = disk
            .names()
            .into_iter()
            .filter(|(name, _)| name.ends_with(".packed") || name.ends_with(".extents"))
            .collect();
        let (name, length) = &volumes[random.random_range(0..volumes.len())];
        let offset = random.random_range(4096..*length);
        assert!(disk.flip_bit(name, offset, random.random()));
        let node = open(&disk);
        let mut bad = Vec::new();
        for (n, expected) in &stored {
            match read(&node, key(*n)).await {
                Ok(bytes) => assert_eq!(bytes, expected[..], "record {n}: wrong bytes"),
                Err(NodeError::Corrupt { .. } | NodeError::NotFound) => bad.push(*n),
                Err(error) => panic!("record {n}: {error}"),
            }
        }
        assert!(
            bad.len() <= 1,
            "one bit in {name} at {offset} of {length} took records {bad:?}"
        );
        let verified = node.verify(None, u64::MAX).await.unwrap();
        for n in &bad {
            let bytes = stored[n].clone();
            node.put(key(*n), LEASE, bytes).await.unwrap();
        }
        assert!(verified.damaged.len() <= bad.len());
        drop(node);
        let node = open(&disk);
        for (n, expected) in &stored {
            assert_eq!(
                read(&node, key(*n)).await.unwrap(),
                expected[..],
                "record {n} after its repair"
            );
        }
    }
}

/// A record whose sync failed lay below the end that a later commit had settled, with its trailer on the disk and a
/// part of its payload not. The first start saw that it was never acknowledged and passed it over, but left it there;
/// the rounds of later commits made its own count as settled, and the next start took it for a damaged record, in
/// place of the older, acknowledged one of its key. Now the first start covers it.
#[tokio::test]
async fn a_torn_record_does_not_hide_an_older_one_later() {
    let mut torn = 0;
    for seed in rounds().into_iter().take(40) {
        println!("CONCIERGE_SEED={seed}");
        let disk = FaultyDisk::new();
        let node = open(&disk);
        let old = Bytes::from_static(b"acknowledged");
        node.put(key(1), LEASE, old.clone()).await.unwrap();
        let new = Bytes::from(vec![7; 150_000]);
        let mut first = node.begin(key(1), LEASE, 150_000).await.unwrap();
        first.write(new.clone()).await.unwrap();
        // Its commit settles the headers of both regions.
        let later = Bytes::from(vec![8; 80_000]);
        node.put(key(2), LEASE, later.clone()).await.unwrap();
        disk.fail_syncs_after(0);
        assert!(first.finish().await.is_err());
        disk.power_cut(seed);
        drop(node);

        let node = open(&disk);
        torn += node.status().await.unwrap().recovery.torn_records;
        let found = read(&node, key(1)).await.unwrap();
        assert!(found == old || found == new);
        node.put(key(3), LEASE, later.clone()).await.unwrap();
        node.put(key(4), LEASE, later.clone()).await.unwrap();
        disk.kill();
        drop(node);
        let node = open(&disk);
        assert_eq!(read(&node, key(1)).await.unwrap(), found);
        assert_good(&node).await;
    }
    assert!(torn > 0 || std::env::var_os("CONCIERGE_SEED").is_some());
}

/// Small records and deletes are committed by one thread, large records by another. Whoever is first on the disk must
/// be first in memory too: else a record could be seen that the next start does not find.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_put_and_a_delete_at_once_a_start_finds_the_one_that_was_seen() {
    let disk = FaultyDisk::new();
    let mut node = open(&disk);
    let large = Bytes::from(vec![1; 66_000]);
    for round in 0..300 {
        let mut tasks = Vec::new();
        for step in 0..6 {
            let (node, large) = (node.clone(), large.clone());
            let n = key(step % 2);
            tasks.push(tokio::spawn(async move {
                match step / 2 {
                    0 => node.put(n, LEASE, large).await,
                    1 => node.put(n, LEASE, Bytes::from_static(b"small")).await,
                    _ => node.delete(vec![n]).await,
                }
            }));
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        if round % 10 == 0 {
            node.keep_up().await.unwrap();
        }
        let seen = node.list(None, 10).await.unwrap();
        if round % 3 == 0 {
            node.checkpoint().await.unwrap();
        }
        disk.kill();
        drop(node);
        node = open_with(&disk, |options| options.rebuild_index = round % 2 == 0);
        assert_eq!(node.list(None, 10).await.unwrap(), seen, "round {round}");
    }
}
