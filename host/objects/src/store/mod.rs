//! The store's face: one method for each function of `concierge:objects`.

mod blobs;
mod buckets;
mod conditions;
mod copy;
mod delete;
mod listing;
mod lookup;
mod multipart;
mod options;
mod stream;
mod tags;
mod upload;

pub use buckets::BUCKETS_PER_ACCOUNT_MAX;
pub use options::{NodeId, NodeSpec, ObjectStoreOptions};
pub use stream::ObjectStream;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use concierge_identity::Clock;
use concierge_storage_nodes::{Lease, NodeClient, NodeStatus};
use serde::Serialize;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::background::{Background, Pace, Progress, ProgressCounts};
use crate::catalogue::{self, Catalogue, DEFAULT_STORAGE_CLASS, ShardStatus, SqliteCatalogue};
use crate::data::{BadCopy, Claim, Nodes, Uses, claim};
use crate::error::Error;
use crate::placement::{ClusterMap, MapError, MapNode, Maps, NodeNumber, Placement};

/// How long a node may take to say how it is. Whoever asks for the status waits for the slowest, and one that needs
/// longer is in trouble.
const STATUS_TIMEOUT: Duration = Duration::from_secs(3);

/// Reports of bad copies that may wait to be repaired.
const REPAIRS_WAITING_MAX: usize = 1024;

/// An S3-compatible object store: the rules about buckets, objects, versions
/// and uploads, over a catalogue and storage nodes.
pub struct ObjectStore {
    inner: Arc<Inner>,
    background: Mutex<BackgroundState>,
}

/// The reports of reads wait until someone repairs.
enum BackgroundState {
    NotStarted(mpsc::Receiver<BadCopy>),
    Running(Background),
    Stopped,
}

pub(crate) struct Inner {
    pub(crate) catalogue: Arc<dyn Catalogue>,
    pub(crate) nodes: Arc<Nodes>,
    pub(crate) uses: Uses,
    /// Which store this is, as its nodes know it.
    id: Uuid,
    pub(crate) lease: Lease,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) repairs: mpsc::Sender<BadCopy>,
    pub(crate) progress: Progress,
    replicas: BTreeMap<String, u8>,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The catalogue cannot be used.
    #[error("catalogue: {0}")]
    Catalogue(#[from] catalogue::OpenError),
    /// The catalogue cannot be read or written.
    #[error("catalogue: {0}")]
    State(Error),
    /// A storage node is another store's, or this one's under another number.
    #[error("storage node {node} belongs to store {store} as {number}, not to this store ({ours})")]
    OthersNode {
        /// As it was given.
        node: NodeId,
        /// Whose it is.
        store: Uuid,
        /// Its number there.
        number: NodeId,
        /// The store that was to be opened.
        ours: Uuid,
    },
    /// The nodes or the map of them make no sense.
    #[error("storage nodes: {0}")]
    Map(#[from] MapError),
}

/// How the store is doing.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Which start of this host this is.
    pub epoch: u32,
    /// Version of the cluster map.
    pub map_version: u64,
    /// Data is on its way to new places.
    pub moving: bool,
    /// The catalogue's shards.
    pub shards: Vec<ShardStatus>,
    /// A commit to the catalogue's directory failed; buckets can be neither made, changed nor deleted.
    pub directory_stopped: bool,
    /// The storage nodes.
    pub nodes: Vec<NodeReport>,
    /// What the background has done since the start.
    pub background: ProgressCounts,
}

/// How a storage node is doing.
#[derive(Debug, Clone, Serialize)]
pub struct NodeReport {
    /// Its number.
    pub id: NodeId,
    /// What it says of itself; `None` if it cannot be asked.
    pub status: Option<NodeStatus>,
    /// Why it cannot be asked.
    pub error: Option<String>,
}

impl ObjectStore {
    /// Opens the store in a directory, creating it if there is none. Counts a
    /// start of this host durably before anything else, so that what an earlier
    /// one left unfinished can be told from what this one does.
    pub async fn open(options: ObjectStoreOptions) -> Result<Arc<Self>, OpenError> {
        let catalogue = SqliteCatalogue::open(&options.dir, options.shards).await?;
        let catalogue: Arc<dyn Catalogue> = Arc::new(catalogue);
        let epoch = catalogue
            .next_epoch(options.host)
            .await
            .map_err(OpenError::State)?;
        let id = catalogue.store_id().await.map_err(OpenError::State)?;
        let lease = Lease {
            host: options.host,
            epoch,
        };
        claim_nodes(&options.nodes, id, lease).await?;
        let maps = load_maps(&*catalogue, &options).await?;
        check_replicas(&options.replicas, &maps)?;
        let clients = options
            .nodes
            .into_iter()
            .map(|node| (node.id.0, node.client))
            .collect();
        let (repairs, reported) = mpsc::channel(REPAIRS_WAITING_MAX);
        Ok(Arc::new(Self {
            background: Mutex::new(BackgroundState::NotStarted(reported)),
            inner: Arc::new(Inner {
                catalogue,
                nodes: Arc::new(Nodes::new(clients, Placement::new(maps))),
                uses: Uses::default(),
                id,
                lease,
                clock: options.clock,
                repairs,
                progress: Progress::default(),
                replicas: options.replicas,
            }),
        }))
    }

    /// How the store is doing: shards, nodes, background work. Takes three seconds at most for nodes that do not
    /// answer, however many there are.
    pub async fn status(&self) -> Result<Status, Error> {
        let placement = self.inner.nodes.placement();
        Ok(Status {
            epoch: self.inner.lease.epoch,
            map_version: placement.maps().current.version,
            moving: placement.moving(),
            shards: self.inner.catalogue.status().await?,
            directory_stopped: self.inner.catalogue.directory_stopped(),
            nodes: self.node_reports().await,
            background: self.inner.progress.counts(),
        })
    }

    async fn node_reports(&self) -> Vec<NodeReport> {
        let asked = self.inner.nodes.all().iter().map(async |(number, client)| {
            let answer = tokio::time::timeout(STATUS_TIMEOUT, client.status()).await;
            let (status, error) = match answer {
                Ok(Ok(status)) => (Some(status), None),
                Ok(Err(error)) => (None, Some(error.to_string())),
                Err(_) => {
                    let seconds = STATUS_TIMEOUT.as_secs();
                    (None, Some(format!("no answer within {seconds} seconds")))
                }
            };
            NodeReport {
                id: NodeId(*number),
                status,
                error,
            }
        });
        futures::future::join_all(asked).await
    }

    /// Starts collecting garbage and orphans, completing and repairing copies,
    /// and moving data, as tasks of the runtime this is called on. Once; later
    /// calls do nothing.
    pub fn start_background(&self) {
        let mut state = self.background_state();
        match std::mem::replace(&mut *state, BackgroundState::Stopped) {
            BackgroundState::NotStarted(reported) => {
                *state = BackgroundState::Running(Background::start(&self.inner, reported));
            }
            other => *state = other,
        }
    }

    /// Does once, now and without pausing, all that the background does.
    pub async fn run_background_once(&self) -> Result<ProgressCounts, Error> {
        let inner = &self.inner;
        for bad in self.reported_copies() {
            inner.repair_report(bad).await;
        }
        inner.repair_damaged(Pace::FAST).await?;
        inner.complete_copies(Pace::FAST).await?;
        inner.move_data(Pace::FAST).await?;
        inner.collect_garbage(Pace::FAST).await?;
        inner.collect_orphans(Pace::FAST).await?;
        Ok(inner.progress.counts())
    }

    /// Reports that no running background takes.
    fn reported_copies(&self) -> Vec<BadCopy> {
        let mut bad = Vec::new();
        if let BackgroundState::NotStarted(reported) = &mut *self.background_state() {
            while let Ok(copy) = reported.try_recv() {
                bad.push(copy);
            }
        }
        bad
    }

    fn background_state(&self) -> MutexGuard<'_, BackgroundState> {
        self.background
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the background work and waits until what was accepted is written.
    pub async fn shutdown(&self) {
        let state = std::mem::replace(&mut *self.background_state(), BackgroundState::Stopped);
        if let BackgroundState::Running(background) = state {
            background.stop().await;
        }
        if let Err(error) = self.inner.catalogue.close().await {
            tracing::error!(%error, "the catalogue did not close well");
        }
    }
}

/// Makes sure that the nodes are this store's. One that cannot be asked now is
/// asked again before anything is deleted from it.
async fn claim_nodes(nodes: &[NodeSpec], store: Uuid, lease: Lease) -> Result<(), OpenError> {
    for node in nodes {
        match claim(&node.client, store, node.id.0, lease).await {
            Ok(Claim::Ours) => {}
            Ok(Claim::Other(other, number)) => {
                return Err(OpenError::OthersNode {
                    node: node.id,
                    store: other,
                    number: NodeId(number),
                    ours: store,
                });
            }
            Err(error) => {
                tracing::warn!(node = %node.id, %error, "a storage node cannot be asked whose it is");
            }
        }
    }
    Ok(())
}

/// The stored maps, changed to the nodes there are now.
async fn load_maps(
    catalogue: &dyn Catalogue,
    options: &ObjectStoreOptions,
) -> Result<Maps, OpenError> {
    let nodes: Vec<_> = options
        .nodes
        .iter()
        .map(|node| MapNode {
            number: node.id.0,
            weight: node.weight,
            failure_domain: node.failure_domain.clone(),
        })
        .collect();
    let stored = catalogue.cluster_maps().await.map_err(OpenError::State)?;
    let changed = match stored {
        None => Some(Maps::first(ClusterMap::new(1, nodes)?)),
        Some(json) => {
            let maps = Maps::from_json(&json)?;
            match maps.change(nodes)? {
                Some(changed) => Some(changed),
                None => return Ok(maps),
            }
        }
    };
    let maps = changed.ok_or(MapError::NoNodes)?;
    catalogue
        .set_cluster_maps(maps.to_json()?)
        .await
        .map_err(OpenError::State)?;
    Ok(maps)
}

fn check_replicas(replicas: &BTreeMap<String, u8>, maps: &Maps) -> Result<(), OpenError> {
    let nodes = maps.current.takers();
    match replicas
        .iter()
        .find(|(_, wanted)| **wanted == 0 || usize::from(**wanted) > nodes)
    {
        None => Ok(()),
        Some((class, wanted)) => Err(MapError::TooFewNodes {
            class: class.clone(),
            wanted: *wanted,
            nodes,
        }
        .into()),
    }
}

impl Inner {
    /// Whether a node is known to be this store's.
    pub(crate) async fn is_ours(&self, node: NodeNumber, client: &NodeClient) -> bool {
        match claim(client, self.id, node, self.lease).await {
            Ok(Claim::Ours) => true,
            Ok(Claim::Other(store, number)) => {
                tracing::error!(node, %store, number, "a storage node is another store's");
                false
            }
            Err(_) => false,
        }
    }

    /// How many copies a storage class has; `None` is the default class.
    pub(crate) fn replicas(&self, class: Option<&str>) -> Result<u8, Error> {
        let class = class.unwrap_or(DEFAULT_STORAGE_CLASS);
        self.replicas
            .get(class)
            .copied()
            .ok_or(Error::InvalidStorageClass)
    }
}

/// The futures of the store can move between threads.
#[cfg(test)]
mod tests {
    use concierge_identity::Principal;

    use super::ObjectStore;
    use crate::types::*;

    fn can_move<T: Send>(_: T) {}

    #[expect(dead_code, reason = "it only has to compile")]
    fn futures_can_move(store: &ObjectStore, principal: &Principal, body: BodyStream) {
        can_move(store.put(principal, PutRequest::default(), body));
        can_move(store.get(principal, GetRequest::default()));
        can_move(store.copy(principal, CopyRequest::default()));
        can_move(store.copy_part(principal, PartCopyRequest::default()));
        can_move(store.delete_many(principal, "", Vec::new()));
        can_move(store.complete_upload(principal, CompleteRequest::default()));
        can_move(store.create_bucket(principal, "", ""));
        can_move(store.run_background_once());
        can_move(store.status());
        can_move(store.shutdown());
    }
}
