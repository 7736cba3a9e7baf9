//! A node in this process on real files: what it promises while nothing goes wrong.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use concierge_storage_nodes::{
    Lease, Node, NodeError, NodeOptions, ObjectId, OpenError, PACKED_LIMIT_BYTES, RecordInfo,
    RecordKey,
};
use futures::StreamExt;
use uuid::Uuid;

const LEASE: Lease = Lease { host: 7, epoch: 3 };

fn options() -> NodeOptions {
    NodeOptions {
        background: false,
        free_space_reserve_bytes: 0,
        volume_size_bytes: 4 << 20,
        ..NodeOptions::default()
    }
}

fn key(n: u32) -> RecordKey {
    RecordKey {
        object: ObjectId(Uuid::from_u128(n.into())),
        extent: n % 3,
        shard: 0,
    }
}

fn payload(n: u32, length: usize) -> Bytes {
    (0..length)
        .map(|at| (at as u32).wrapping_mul(2_654_435_761).wrapping_add(n) as u8 ^ (at >> 8) as u8)
        .collect()
}

async fn read(node: &Arc<Node>, key: RecordKey, range: Range<u64>) -> Result<Vec<u8>, NodeError> {
    let mut stream = node.read(key, range).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

/// Lengths around every boundary of the format.
const LENGTHS: [usize; 14] = [
    0, 1, 63, 4095, 4096, 65_535, 65_536, 65_537, 131_072, 262_143, 262_144, 262_145, 1_000_000,
    3_000_000,
];

#[tokio::test]
async fn records_read_back_whole_and_by_range_before_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = Node::open(dir.path(), options()).unwrap();
    for (n, length) in (0..).zip(LENGTHS) {
        node.put(key(n), LEASE, payload(n, length)).await.unwrap();
    }
    for _ in 0..2 {
        for (n, length) in (0..).zip(LENGTHS) {
            let expected = payload(n, length);
            let length = length as u64;
            let info = RecordInfo {
                key: key(n),
                length,
                lease: LEASE,
            };
            assert_eq!(node.stat(key(n)).await.unwrap(), Some(info));
            for range in [
                0..length,
                0..0,
                length..length,
                0..length / 2,
                length / 3..length,
                length / 3..length / 2,
            ] {
                let bytes = read(&node, key(n), range.clone()).await.unwrap();
                assert_eq!(
                    bytes,
                    expected[range.start as usize..range.end as usize],
                    "{length} {range:?}"
                );
            }
            let beyond = read(&node, key(n), 0..length + 1).await;
            assert!(matches!(beyond, Err(NodeError::OutOfRange { length: l }) if l == length));
        }
        drop(node);
        node = Node::open(dir.path(), options()).unwrap();
        assert!(node.status().await.unwrap().recovery.is_clean());
    }
}

#[tokio::test]
async fn a_writer_may_stay_below_its_capacity_but_not_go_over_it() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    let whole = payload(1, 700_001);
    let mut writer = node.begin(key(1), LEASE, 2_000_000).await.unwrap();
    for piece in whole.chunks(9_999) {
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    assert_eq!(
        node.stat(key(1)).await.unwrap(),
        None,
        "not visible before it is finished"
    );
    writer.finish().await.unwrap();
    assert_eq!(read(&node, key(1), 0..700_001).await.unwrap(), whole);

    let mut writer = node.begin(key(2), LEASE, 10).await.unwrap();
    writer
        .write(Bytes::from_static(b"0123456789"))
        .await
        .unwrap();
    let beyond = writer.write(Bytes::from_static(b"x")).await;
    assert!(matches!(
        beyond,
        Err(NodeError::TooLarge { limit_bytes: 10 })
    ));
    drop(writer);
    assert_eq!(node.stat(key(2)).await.unwrap(), None);
    let huge = node.begin(key(3), LEASE, u64::MAX).await;
    assert!(matches!(huge, Err(NodeError::TooLarge { .. })));
}

#[tokio::test]
async fn deletes_are_idempotent_and_outlive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    for n in 0..10 {
        node.put(key(n), LEASE, payload(n, 5_000)).await.unwrap();
    }
    let mut writer = node.begin(key(10), LEASE, 100_000).await.unwrap();
    writer.write(payload(10, 100_000)).await.unwrap();
    writer.finish().await.unwrap();
    let gone: Vec<_> = (0..=10).step_by(2).map(key).collect();
    node.delete(gone.clone()).await.unwrap();
    node.delete(gone.clone()).await.unwrap();
    node.delete(vec![key(99)]).await.unwrap();
    drop(node);
    let node = Node::open(dir.path(), options()).unwrap();
    for n in 0..=10 {
        let found = read(&node, key(n), 0..0).await;
        assert_eq!(found.is_ok(), n % 2 == 1, "record {n}");
    }
    let status = node.status().await.unwrap();
    assert_eq!(status.records, 5);
    assert!(status.dead_bytes > 0);
}

#[tokio::test]
async fn the_newest_put_of_a_key_wins() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    node.put(key(1), LEASE, payload(1, 100_000)).await.unwrap();
    node.put(key(1), LEASE, payload(2, 4_000)).await.unwrap();
    node.put(key(2), LEASE, payload(3, 10)).await.unwrap();
    node.put(key(2), LEASE, payload(4, 200_000)).await.unwrap();
    node.delete(vec![key(2)]).await.unwrap();
    node.put(key(2), LEASE, payload(5, 20)).await.unwrap();
    drop(node);
    let node = Node::open(dir.path(), options()).unwrap();
    assert_eq!(
        read(&node, key(1), 0..4_000).await.unwrap(),
        payload(2, 4_000)
    );
    assert_eq!(read(&node, key(2), 0..20).await.unwrap(), payload(5, 20));
}

#[tokio::test]
async fn lists_in_key_order() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    let puts = (0..300).map(|n| node.put(key(n), LEASE, payload(n, n as usize)));
    for put in futures::future::join_all(puts).await {
        put.unwrap();
    }
    let mut listed: Vec<RecordInfo> = Vec::new();
    loop {
        let page = node
            .list(listed.last().map(|info| info.key), 70)
            .await
            .unwrap();
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    let keys: Vec<_> = listed.iter().map(|info| info.key).collect();
    assert!(keys.is_sorted());
    assert_eq!(keys.len(), 300);
    let status = node.status().await.unwrap();
    assert!(
        status.counters.fsyncs < 300,
        "{} syncs for 300 puts at once",
        status.counters.fsyncs
    );
}

#[tokio::test]
async fn a_full_node_refuses_data_and_still_deletes() {
    let dir = tempfile::tempdir().unwrap();
    let limited = NodeOptions {
        capacity_limit_bytes: Some(2 << 20),
        volume_size_bytes: 1 << 20,
        ..options()
    };
    let node = Node::open(dir.path(), limited).unwrap();
    let mut stored = Vec::new();
    let refused = loop {
        let n = stored.len() as u32;
        match node
            .put(key(n), LEASE, payload(n, PACKED_LIMIT_BYTES as usize))
            .await
        {
            Ok(()) => stored.push(n),
            Err(error) => break error,
        }
        assert!(n < 1000, "the limit was never reached");
    };
    assert!(matches!(refused, NodeError::Full), "{refused}");
    assert!(stored.len() > 20, "{}", stored.len());
    assert!(matches!(
        node.begin(key(5000), LEASE, 1_000_000).await,
        Err(NodeError::Full)
    ));
    node.delete(vec![key(0)]).await.unwrap();
    for n in &stored[1..] {
        assert_eq!(
            read(&node, key(*n), 0..PACKED_LIMIT_BYTES).await.unwrap(),
            payload(*n, PACKED_LIMIT_BYTES as usize)
        );
    }
}

#[tokio::test]
async fn a_directory_belongs_to_one_process_and_to_one_format() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    let second = Node::open(dir.path(), options());
    assert!(matches!(second, Err(OpenError::Locked(_))));
    node.put(key(1), LEASE, payload(1, 10)).await.unwrap();
    drop(node);

    let identity = dir.path().join("node.json");
    let good = std::fs::read_to_string(&identity).unwrap();
    std::fs::write(&identity, good.replace("\"format\":1", "\"format\":99")).unwrap();
    let newer = Node::open(dir.path(), options()).unwrap_err();
    assert!(newer.to_string().contains("format 99"), "{newer}");
    std::fs::write(&identity, "{").unwrap();
    assert!(matches!(
        Node::open(dir.path(), options()),
        Err(OpenError::Damaged { .. })
    ));
    std::fs::remove_file(&identity).unwrap();
    assert!(matches!(
        Node::open(dir.path(), options()),
        Err(OpenError::NoIdentity(_))
    ));
    std::fs::write(&identity, good).unwrap();
    Node::open(dir.path(), options()).unwrap();
}
