//! What a store is opened with.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use concierge_identity::{Clock, SystemClock};
use concierge_storage_nodes::NodeClient;
use serde::{Deserialize, Serialize};

/// The name of a storage node in the cluster map; it stays with the node's
/// data for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeId(pub u32);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// A storage node as the store is given it.
#[derive(Clone)]
pub struct NodeSpec {
    /// Its name.
    pub id: NodeId,
    /// Its share of the data, relative to the others; 0 takes nothing new.
    pub weight: u32,
    /// What fails together with it (a rack, a machine); replicas of an object
    /// are spread over as many as there are.
    pub failure_domain: String,
    /// How to reach it.
    pub client: NodeClient,
}

impl NodeSpec {
    /// A node of weight 100 that is a failure domain of its own.
    #[must_use]
    pub fn new(id: NodeId, client: NodeClient) -> Self {
        Self {
            id,
            weight: 100,
            failure_domain: id.to_string(),
            client,
        }
    }
}

/// What a store is opened with.
#[derive(Clone)]
pub struct ObjectStoreOptions {
    /// Directory of the catalogue; made if there is none.
    pub dir: PathBuf,
    /// The storage nodes; at least one.
    pub nodes: Vec<NodeSpec>,
    /// Catalogue shards, when the store is created; an existing store keeps
    /// its number. `None` is the default.
    pub shards: Option<u16>,
    /// How many copies the objects of each storage class have. A class that is
    /// not here is refused.
    pub replicas: BTreeMap<String, u8>,
    /// Which host this is, in the leases of its uploads.
    pub host: u32,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl ObjectStoreOptions {
    /// A store in `dir` over `nodes` with the defaults: one copy each of
    /// `STANDARD` and `REDUCED_REDUNDANCY`, the system's clock.
    #[must_use]
    pub fn new(dir: PathBuf, nodes: Vec<NodeSpec>) -> Self {
        Self {
            dir,
            nodes,
            shards: None,
            replicas: BTreeMap::from([
                ("STANDARD".to_owned(), 1),
                ("REDUCED_REDUNDANCY".to_owned(), 1),
            ]),
            host: 0,
            clock: Arc::new(SystemClock),
        }
    }
}
