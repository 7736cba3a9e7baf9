//! A store in a temporary directory, and short ways to use it.
#![allow(dead_code, reason = "each test uses some of it")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use concierge_identity::{AccountId, Principal, Role};
use concierge_objects::*;
use concierge_storage_nodes::{Node, NodeClient, NodeOptions};
use futures::StreamExt;
use tempfile::TempDir;
use uuid::Uuid;

pub struct Harness {
    pub dir: TempDir,
    pub store: Arc<ObjectStore>,
    pub nodes: Vec<Arc<Node>>,
    pub user: Principal,
}

pub fn account(number: u128, name: &str) -> Principal {
    Principal::trusted(AccountId(Uuid::from_u128(number)), name.into(), Role::User)
}

pub fn administrator() -> Principal {
    Principal::trusted(
        AccountId(Uuid::from_u128(99)),
        "administrator".into(),
        Role::Administrator,
    )
}

pub fn node_options() -> NodeOptions {
    NodeOptions {
        free_space_reserve_bytes: 0,
        ..NodeOptions::default()
    }
}

pub fn open_nodes(dir: &Path, count: u32) -> Vec<Arc<Node>> {
    (0..count)
        .map(|n| Node::open(&dir.join(format!("node-{n}")), node_options()).unwrap())
        .collect()
}

pub fn options(dir: &Path, nodes: &[Arc<Node>], replicas: u8) -> ObjectStoreOptions {
    let specs = nodes
        .iter()
        .zip(0..)
        .map(|(node, n)| NodeSpec::new(NodeId(n), NodeClient::Local(Arc::clone(node))));
    let mut options = ObjectStoreOptions::new(dir.join("catalogue"), specs.collect());
    options.replicas.insert("STANDARD".to_owned(), replicas);
    options
}

impl Harness {
    /// One node, one copy.
    pub async fn new() -> Self {
        Self::with(1, 1).await
    }

    pub async fn with(nodes: u32, replicas: u8) -> Self {
        let dir = TempDir::new().unwrap();
        let nodes = open_nodes(dir.path(), nodes);
        let store = ObjectStore::open(options(dir.path(), &nodes, replicas))
            .await
            .unwrap();
        Self {
            dir,
            store,
            nodes,
            user: account(1, "one"),
        }
    }

    /// With a bucket `bucket`.
    pub async fn with_bucket() -> Self {
        let harness = Self::new().await;
        harness.bucket("bucket").await;
        harness
    }

    pub async fn bucket(&self, name: &str) {
        self.store
            .create_bucket(&self.user, name, "us-east-1")
            .await
            .unwrap();
    }

    pub async fn versioned(&self, state: Versioning) {
        self.store
            .set_versioning(&self.user, "bucket", state)
            .await
            .unwrap();
    }

    pub async fn put(&self, key: &str, data: impl Into<Bytes>) -> PutResult {
        self.try_put(put(key), data).await.unwrap()
    }

    pub async fn try_put(
        &self,
        request: PutRequest,
        data: impl Into<Bytes>,
    ) -> Result<PutResult, Error> {
        self.store.put(&self.user, request, body(data)).await
    }

    pub async fn get(&self, key: &str) -> Result<(GetResult, Bytes), Error> {
        self.get_with(get(key)).await
    }

    pub async fn get_version(&self, key: &str, version: &str) -> Result<(GetResult, Bytes), Error> {
        self.get_with(GetRequest {
            version_id: Some(version.to_owned()),
            ..get(key)
        })
        .await
    }

    pub async fn get_with(&self, request: GetRequest) -> Result<(GetResult, Bytes), Error> {
        let (result, stream) = self.store.get(&self.user, request).await?;
        let data = collect(stream).await?;
        assert_eq!(data.len() as u64, result.length);
        Ok((result, data))
    }

    pub async fn delete(&self, key: &str, version: Option<&str>) -> Result<DeleteResult, Error> {
        let request = DeleteRequest {
            key: key.to_owned(),
            version_id: version.map(str::to_owned),
            if_match: None,
        };
        self.store.delete(&self.user, "bucket", request).await
    }

    pub async fn list(&self, query: ListQuery) -> ListPage {
        self.store.list_objects(&self.user, query).await.unwrap()
    }

    /// Waits until the first node holds so many records: what was given up is
    /// deleted by tasks that nobody waits for.
    pub async fn records_become(&self, count: usize) {
        let mut found = usize::MAX;
        for _ in 0..100_000 {
            found = records(&self.nodes[0]).await;
            if found == count {
                return;
            }
            tokio::task::yield_now().await;
            std::thread::yield_now();
        }
        panic!("{found} records are left, not {count}");
    }

    pub async fn keys(&self) -> Vec<String> {
        let mut query = list("");
        let mut keys = Vec::new();
        loop {
            let page = self.list(query.clone()).await;
            keys.extend(page.items.into_iter().map(name));
            match page.next {
                Some(next) => query.after = next,
                None => return keys,
            }
        }
    }
}

/// Records of blobs on a node: all but the one that says whose it is.
pub async fn records(node: &Arc<Node>) -> usize {
    let records = node.list(None, 1000).await.unwrap();
    records
        .iter()
        .filter(|record| !record.key.object.0.is_nil())
        .count()
}

pub fn name(item: ListItem) -> String {
    match item {
        ListItem::Object(entry) => entry.key,
        ListItem::Prefix(prefix) => format!("{prefix} (prefix)"),
    }
}

pub fn put(key: &str) -> PutRequest {
    PutRequest {
        bucket: "bucket".to_owned(),
        key: key.to_owned(),
        ..PutRequest::default()
    }
}

pub fn get(key: &str) -> GetRequest {
    GetRequest {
        bucket: "bucket".to_owned(),
        key: key.to_owned(),
        ..GetRequest::default()
    }
}

pub fn list(prefix: &str) -> ListQuery {
    ListQuery {
        bucket: "bucket".to_owned(),
        prefix: prefix.to_owned(),
        max: 1000,
        ..ListQuery::default()
    }
}

/// A body in one piece.
pub fn body(data: impl Into<Bytes>) -> BodyStream {
    pieces(vec![data.into()])
}

/// A body in these pieces.
pub fn pieces(pieces: Vec<Bytes>) -> BodyStream {
    Box::pin(futures::stream::iter(pieces.into_iter().map(Ok)))
}

/// A body in pieces of 64 KiB, as a connection gives it.
pub fn streamed(data: &Bytes) -> BodyStream {
    pieces(data.chunks(64 << 10).map(Bytes::copy_from_slice).collect())
}

pub async fn collect(mut stream: ObjectStream) -> Result<Bytes, Error> {
    let mut data = Vec::new();
    while let Some(bytes) = stream.next().await {
        data.extend_from_slice(&bytes?);
    }
    Ok(data.into())
}

/// Bytes that are different everywhere, the same for the same seed.
pub fn noise(len: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut data = Vec::with_capacity(len + 8);
    while data.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        data.extend_from_slice(&state.to_le_bytes());
    }
    data.truncate(len);
    data.into()
}

pub fn md5_hex(data: &[u8]) -> String {
    use md5::Digest;
    hex::encode(md5::Md5::digest(data))
}
