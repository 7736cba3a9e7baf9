//! How fast the store is without a network: durable puts and gets of 4 KiB by
//! 32 callers, for several numbers of catalogue shards.
//!
//! `cargo run --release -p concierge-objects --example throughput [DIR]`
//! The directory should be on the disk that is to be measured; by default it
//! is below the system's temporary one.
#![allow(clippy::unwrap_used, reason = "a measurement")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use concierge_identity::{AccountId, Principal, Role};
use concierge_objects::*;
use concierge_storage_nodes::{Node, NodeClient, NodeOptions};
use futures::StreamExt;

const CALLERS: usize = 32;
const BUCKETS: usize = 32;
const PUT_TIME: Duration = Duration::from_secs(4);
const GETS: usize = 200_000;

fn main() {
    let parent = std::env::args_os()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    println!(
        "synced 4 KiB writes, one by one: {:.0}/s",
        synced_writes(&parent)
    );
    println!(
        "shards  puts/s  group  gets/s (1 thread)  CPU a get  CPU a put  list 1000  2 GiB up / down, growth of memory"
    );
    for shards in [1, 4, 16] {
        let dir = tempfile::tempdir_in(&parent).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(measure(dir.path().to_owned(), shards));
    }
}

async fn measure(dir: PathBuf, shards: u16) {
    let node = Node::open(&dir.join("node"), NodeOptions::default()).unwrap();
    let spec = NodeSpec::new(NodeId(0), NodeClient::Local(Arc::clone(&node)));
    let mut options = ObjectStoreOptions::new(dir.join("catalogue"), vec![spec]);
    options.shards = Some(shards);
    let store = ObjectStore::open(options).await.unwrap();
    let user = Principal::trusted(AccountId(uuid::Uuid::nil()), "bench".into(), Role::User);
    for n in 0..BUCKETS {
        store
            .create_bucket(&user, &bucket(n), "here")
            .await
            .unwrap();
    }
    let (cpu, started) = (cpu_time(), Instant::now());
    let tasks = (0..CALLERS).map(|caller| {
        let (store, user) = (Arc::clone(&store), user.clone());
        tokio::spawn(async move { put_until(&store, &user, caller, started + PUT_TIME).await })
    });
    let mut puts = 0;
    for task in tasks.collect::<Vec<_>>() {
        puts += task.await.unwrap();
    }
    let took = started.elapsed();
    let put_cpu = (cpu_time() - cpu) / u32::try_from(puts).unwrap();
    let status = store.status().await.unwrap();
    let (commits, operations) = status
        .shards
        .iter()
        .fold((0, 0), |(commits, operations), shard| {
            (commits + shard.commits, operations + shard.operations)
        });

    let (cpu, started) = (cpu_time(), Instant::now());
    let runtime_get = async {
        for n in 0..GETS {
            let request = GetRequest {
                bucket: bucket(n % BUCKETS),
                key: key(n % 20),
                ..GetRequest::default()
            };
            let (_, mut stream) = store.get(&user, request).await.unwrap();
            while let Some(bytes) = stream.next().await {
                assert_eq!(bytes.unwrap().len(), 4096);
            }
        }
    };
    runtime_get.await;
    let gets = GETS as f64 / started.elapsed().as_secs_f64();
    let get_cpu = (cpu_time() - cpu) / u32::try_from(GETS).unwrap();

    let started = Instant::now();
    for _ in 0..100 {
        let query = ListQuery {
            bucket: bucket(0),
            max: 1000,
            ..ListQuery::default()
        };
        store.list_objects(&user, query).await.unwrap();
    }
    let listing = started.elapsed() / 100;
    let (up, down, grown) = large(&store, &user).await;
    println!(
        "{shards:6}  {:6.0}  {:5.1}  {gets:17.0}  {get_cpu:9.1?}  {put_cpu:9.1?}  {listing:9.1?}  {up:4.0} / {down:4.0} MB/s, {grown} MiB",
        puts as f64 / took.as_secs_f64(),
        operations as f64 / commits as f64,
    );
    store.shutdown().await;
}

/// Stores and reads 2 GiB in pieces of 64 KiB, as a connection gives them.
async fn large(store: &ObjectStore, user: &Principal) -> (f64, f64, u64) {
    const PIECES: usize = 32 << 10;
    let piece = Bytes::from(vec![7; 64 << 10]);
    let before = peak_memory_mib();
    let started = Instant::now();
    let body = futures::stream::iter((0..PIECES).map(move |_| Ok(piece.clone())));
    let request = PutRequest {
        bucket: bucket(0),
        key: "large".to_owned(),
        ..PutRequest::default()
    };
    let size = store.put(user, request, Box::pin(body)).await.unwrap().size;
    let up = size as f64 / started.elapsed().as_secs_f64() / 1e6;
    let started = Instant::now();
    let request = GetRequest {
        bucket: bucket(0),
        key: "large".to_owned(),
        ..GetRequest::default()
    };
    let (_, mut stream) = store.get(user, request).await.unwrap();
    let mut read = 0;
    while let Some(bytes) = stream.next().await {
        read += bytes.unwrap().len() as u64;
    }
    assert_eq!(read, size);
    let down = size as f64 / started.elapsed().as_secs_f64() / 1e6;
    (up, down, peak_memory_mib() - before)
}

/// The most memory this process has had, from `/proc/self/status`.
fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        >> 10
}

async fn put_until(store: &ObjectStore, user: &Principal, caller: usize, end: Instant) -> usize {
    let data = Bytes::from(vec![caller as u8; 4096]);
    let mut puts = 0;
    while Instant::now() < end {
        let request = PutRequest {
            bucket: bucket(caller % BUCKETS),
            key: key(puts),
            body: Body {
                size: Some(4096),
                ..Body::default()
            },
            ..PutRequest::default()
        };
        let body = futures::stream::iter([Ok(data.clone())]);
        store.put(user, request, Box::pin(body)).await.unwrap();
        puts += 1;
    }
    puts
}

fn bucket(n: usize) -> String {
    format!("bucket-{n}")
}

fn key(n: usize) -> String {
    format!("some/folder/of/things/{n:08}")
}

/// CPU time of this process so far, from `/proc/self/stat` (ticks of 10 ms).
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn synced_writes(dir: &std::path::Path) -> f64 {
    use std::io::Write;
    let mut file = tempfile::tempfile_in(dir).unwrap();
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < Duration::from_secs(2) {
        file.write_all(&[1; 4096]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}
