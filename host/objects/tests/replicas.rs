//! Several nodes: majorities, damage, repair, orphans and moving.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod harness;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use concierge_objects::*;
use concierge_storage_nodes::{Lease, Node, NodeClient, ObjectId, RecordKey};
use harness::*;

/// Flips a bit in every place where `pattern` stands in the files of a node.
fn damage(dir: &Path, pattern: &[u8]) -> usize {
    let mut hits = 0;
    let mut pending = vec![dir.to_owned()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let data = std::fs::read(&path).unwrap();
        let offsets: Vec<_> = data
            .windows(pattern.len())
            .enumerate()
            .filter(|(_, window)| *window == pattern)
            .map(|(offset, _)| offset)
            .collect();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        for offset in offsets {
            use std::os::unix::fs::FileExt;
            file.write_all_at(&[pattern[0] ^ 1], offset as u64).unwrap();
            hits += 1;
        }
    }
    hits
}

#[tokio::test]
async fn every_copy_is_written_and_every_copy_goes() {
    let h = Harness::with(3, 3).await;
    h.bucket("bucket").await;
    h.put("small", "x").await;
    h.put("large", noise(9 << 20, 1)).await;
    for node in &h.nodes {
        assert_eq!(records(node).await, 3);
    }
    h.delete("small", None).await.unwrap();
    h.put("large", "small now").await;
    h.store.run_background_once().await.unwrap();
    for node in &h.nodes {
        assert_eq!(records(node).await, 1);
    }
}

#[tokio::test]
async fn damage_is_never_served_and_is_repaired_from_another_copy() {
    let h = Harness::with(2, 2).await;
    h.bucket("bucket").await;
    let small = noise(5000, 2);
    let large = noise(10 << 20, 3);
    h.put("small", small.clone()).await;
    h.put("large", large.clone()).await;
    // In the middle of the small one, and of the second block or so of a large.
    for node in ["node-0", "node-1"] {
        // One copy of each is damaged: on node 0 the small, on node 1 the large.
        let pattern = if node == "node-0" {
            &small[2000..2032]
        } else {
            &large[(9 << 20)..(9 << 20) + 32]
        };
        assert_eq!(damage(&h.dir.path().join(node), pattern), 1);
    }
    for _ in 0..2 {
        assert!(h.get("small").await.unwrap().1 == small);
        assert!(h.get("large").await.unwrap().1 == large);
    }
    h.store.run_background_once().await.unwrap();
    // Whichever copy a read takes first, the bad ones are good again: with the
    // other node's copies damaged now, the repaired ones must serve.
    let counts = h.store.status().await.unwrap().background;
    let unread: usize = {
        // A copy that no read touched is found by verification.
        let mut found = 0;
        for node in &h.nodes {
            found += node.verify(None, u64::MAX).await.unwrap().damaged.len();
        }
        found
    };
    assert_eq!(counts.copies_repaired as usize + unread, 2);
    h.store.run_background_once().await.unwrap();
    for node in &h.nodes {
        assert!(
            node.verify(None, u64::MAX)
                .await
                .unwrap()
                .damaged
                .is_empty()
        );
    }
    assert!(h.get("small").await.unwrap().1 == small);
    assert!(h.get("large").await.unwrap().1 == large);
}

#[tokio::test]
async fn without_a_good_copy_there_is_an_error_and_no_wrong_byte() {
    let h = Harness::with_bucket().await;
    let small = noise(5000, 2);
    let large = noise(10 << 20, 3);
    h.put("small", small.clone()).await;
    h.put("large", large.clone()).await;
    let node = h.dir.path().join("node-0");
    assert_eq!(damage(&node, &small[2000..2032]), 1);
    assert_eq!(damage(&node, &large[(9 << 20)..(9 << 20) + 32]), 1);
    assert_eq!(h.get("small").await.unwrap_err(), Error::Internal);
    let (_, stream) = h.store.get(&h.user, get("large")).await.unwrap();
    let mut stream = stream;
    let mut got = Vec::new();
    let error = loop {
        match futures::StreamExt::next(&mut stream).await.unwrap() {
            Ok(bytes) => got.extend_from_slice(&bytes),
            Err(error) => break error,
        }
    };
    assert_eq!(error, Error::Internal);
    assert!(large.starts_with(&got), "what came was right");
    assert!(got.len() >= 8 << 20, "and all that could come");
}

#[tokio::test]
async fn a_majority_is_enough_and_the_rest_is_completed() {
    let h = Harness::with(3, 3).await;
    h.bucket("bucket").await;
    h.nodes[1].close();
    h.put("small", noise(100, 1)).await;
    h.put("large", noise(9 << 20, 2)).await;
    assert!(h.get("large").await.unwrap().1 == noise(9 << 20, 2));
    let lacking = |status: Status| {
        status
            .shards
            .iter()
            .map(|shard| shard.missing_replicas)
            .sum::<u64>()
    };
    assert_eq!(lacking(h.store.status().await.unwrap()), 2);
    // A closed node does not open again in place: reopen everything.
    let Harness {
        dir,
        store,
        nodes,
        user,
    } = h;
    store.shutdown().await;
    drop((store, nodes));
    let nodes = open_nodes(dir.path(), 3);
    let store = ObjectStore::open(options(dir.path(), &nodes, 3))
        .await
        .unwrap();
    let h = Harness {
        dir,
        store,
        nodes,
        user,
    };
    let counts = h.store.run_background_once().await.unwrap();
    assert_eq!(counts.copies_completed, 2);
    assert_eq!(lacking(h.store.status().await.unwrap()), 0);
    assert_eq!(records(&h.nodes[1]).await, 3);

    h.nodes[0].close();
    h.nodes[2].close();
    let refused = h.try_put(put("none"), "x").await;
    assert_eq!(refused, Err(Error::Internal), "one of three is no majority");
    assert_eq!(h.get("none").await.unwrap_err(), Error::NoSuchKey(None));
}

#[tokio::test]
async fn orphans_of_earlier_starts_go_and_nothing_else() {
    let h = Harness::with_bucket().await;
    let kept = noise(100, 1);
    h.put("kept", kept.clone()).await;
    let epoch = h.store.status().await.unwrap().epoch;
    let orphan = |host, epoch| {
        let object = ObjectId(uuid::Uuid::now_v7());
        let node = Arc::clone(&h.nodes[0]);
        async move {
            let key = RecordKey {
                object,
                extent: 0,
                shard: 0,
            };
            node.put(key, Lease { host, epoch }, Bytes::from_static(b"orphan"))
                .await
                .unwrap();
            key
        }
    };
    let earlier = orphan(0, epoch - 1).await;
    let ours = orphan(0, epoch).await;
    let later = orphan(0, epoch + 1).await;
    let other_host = orphan(7, 0).await;
    let counts = h.store.run_background_once().await.unwrap();
    assert_eq!(counts.orphans_collected, 2);
    for (key, there) in [
        (earlier, false),
        (ours, false),
        (later, true),
        (other_host, true),
    ] {
        assert_eq!(h.nodes[0].stat(key).await.unwrap().is_some(), there);
    }
    assert_eq!(h.get("kept").await.unwrap().1, kept);
}

#[tokio::test]
async fn an_upload_in_progress_is_no_orphan() {
    let h = Harness::with_bucket().await;
    let data = noise(20 << 20, 1);
    let (mut sender, receiver) = futures::channel::mpsc::channel(1);
    let upload = {
        let (store, user) = (Arc::clone(&h.store), h.user.clone());
        tokio::spawn(async move { store.put(&user, put("key"), Box::pin(receiver)).await })
    };
    for (index, chunk) in data.chunks(1 << 20).enumerate() {
        futures::SinkExt::send(&mut sender, Ok(Bytes::copy_from_slice(chunk)))
            .await
            .unwrap();
        if index == 12 {
            h.store.run_background_once().await.unwrap();
        }
    }
    drop(sender);
    upload.await.unwrap().unwrap();
    h.store.run_background_once().await.unwrap();
    assert!(h.get("key").await.unwrap().1 == data);
}

#[tokio::test]
async fn a_get_goes_on_over_an_overwrite_and_a_collection() {
    let h = Harness::with_bucket().await;
    let data = noise(20 << 20, 1);
    h.put("key", data.clone()).await;
    let (_, stream) = h.store.get(&h.user, get("key")).await.unwrap();
    h.put("key", "new").await;
    h.store.run_background_once().await.unwrap();
    assert!(collect(stream).await.unwrap() == data);
    h.store.run_background_once().await.unwrap();
    assert_eq!(records(&h.nodes[0]).await, 1);
}

#[tokio::test]
async fn data_moves_to_new_nodes_and_off_weightless_ones_and_is_readable_meanwhile() {
    let h = Harness::with_bucket().await;
    let objects: Vec<_> = (0..40)
        .map(|n| (format!("key-{n}"), noise(200 + n, n as u64)))
        .collect();
    for (key, data) in &objects {
        h.put(key, data.clone()).await;
    }
    let large = noise(9 << 20, 77);
    h.put("large", large.clone()).await;
    let Harness {
        dir,
        store,
        user,
        mut nodes,
    } = h;
    store.shutdown().await;
    drop(store);
    nodes.push(Node::open(&dir.path().join("node-1"), node_options()).unwrap());
    let mut changed = options(dir.path(), &nodes, 1);
    changed.nodes[0].weight = 0;
    let store = ObjectStore::open(changed.clone()).await.unwrap();
    let h = Harness {
        dir,
        store,
        user,
        nodes,
    };
    assert!(h.store.status().await.unwrap().moving);
    let check = async |h: &Harness| {
        for (key, data) in &objects {
            assert_eq!(h.get(key).await.unwrap().1, data);
        }
        assert!(h.get("large").await.unwrap().1 == large);
    };
    check(&h).await;
    h.store.run_background_once().await.unwrap();
    let status = h.store.status().await.unwrap();
    assert!(!status.moving);
    assert_eq!(status.background.blobs_moved, 41);
    assert_eq!(
        (records(&h.nodes[0]).await, records(&h.nodes[1]).await),
        (0, 42)
    );
    check(&h).await;
    // The weightless node can be taken away now.
    let Harness {
        dir,
        store,
        user,
        nodes,
    } = h;
    store.shutdown().await;
    drop(store);
    changed.nodes.remove(0);
    let store = ObjectStore::open(changed).await.unwrap();
    let h = Harness {
        dir,
        store,
        user,
        nodes,
    };
    check(&h).await;
}

/// A catalogue that is not the nodes' own would find that it knows nothing of
/// what they have, and collect all of it.
#[tokio::test]
async fn nodes_of_another_store_or_in_another_order_are_refused() {
    let h = Harness::with(2, 1).await;
    h.bucket("bucket").await;
    h.put("key", "data").await;
    let other = tempfile::TempDir::new().unwrap();
    let refused = ObjectStore::open(options(other.path(), &h.nodes, 1)).await;
    assert!(matches!(
        refused,
        Err(OpenError::OthersNode {
            node: NodeId(0),
            number: NodeId(0),
            ..
        })
    ));
    let Harness {
        dir,
        store,
        mut nodes,
        user,
    } = h;
    store.shutdown().await;
    drop(store);
    nodes.reverse();
    let refused = ObjectStore::open(options(dir.path(), &nodes, 1)).await;
    assert!(matches!(
        refused,
        Err(OpenError::OthersNode {
            node: NodeId(0),
            number: NodeId(1),
            ..
        })
    ));
    nodes.reverse();
    let store = ObjectStore::open(options(dir.path(), &nodes, 1))
        .await
        .unwrap();
    let h = Harness {
        dir,
        store,
        nodes,
        user,
    };
    assert_eq!(h.get("key").await.unwrap().1, "data");
}

#[tokio::test]
async fn more_copies_than_nodes_are_refused() {
    let h = Harness::new().await;
    let Harness {
        dir, store, nodes, ..
    } = h;
    store.shutdown().await;
    drop(store);
    let refused = ObjectStore::open(options(dir.path(), &nodes, 2)).await;
    assert!(matches!(refused, Err(OpenError::Map(_))));
    let none = ObjectStore::open(ObjectStoreOptions::new(
        dir.path().join("x"),
        Vec::<NodeSpec>::new(),
    ))
    .await;
    assert!(matches!(none, Err(OpenError::Map(_))));
    let _ = NodeClient::Local(Arc::clone(&nodes[0]));
}

/// A node that hung once held the status for thirty seconds, and several did so one after the other, so `/healthz`
/// went stale. Here none of three nodes ends its call before all three were asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_are_asked_for_their_status_at_once() {
    use concierge_storage_nodes::RemoteNode;
    const NODES: u32 = 3;
    // Until then nodes hang up at once, so that the store opens.
    let (hold, held) = tokio::sync::watch::channel(false);
    let barrier = Arc::new(tokio::sync::Barrier::new(NODES as usize));
    let mut specs = Vec::new();
    let mut servers = tokio::task::JoinSet::new();
    for number in 0..NODES {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let client = NodeClient::Remote(RemoteNode::new(&url, "a token for tests only").unwrap());
        specs.push(NodeSpec::new(NodeId(number), client));
        let (held, barrier) = (held.clone(), Arc::clone(&barrier));
        servers.spawn(async move {
            let mut waited = false;
            loop {
                let (_connection, _) = listener.accept().await.unwrap();
                if *held.borrow() && !waited {
                    barrier.wait().await;
                    waited = true;
                }
            }
        });
    }
    let dir = tempfile::TempDir::new().unwrap();
    let store = ObjectStore::open(ObjectStoreOptions::new(dir.path().to_owned(), specs))
        .await
        .unwrap();
    hold.send(true).unwrap();
    let status = store.status().await.unwrap();
    assert_eq!(status.nodes.len(), NODES as usize);
    for node in status.nodes {
        let error = node.error.unwrap();
        assert!(error.contains("cannot be reached"), "{error}");
    }
    store.shutdown().await;
}
