//! Opens the object store as the configuration has it.

use std::sync::Arc;

use concierge_identity::SystemClock;
use concierge_objects::{NodeId, NodeSpec, ObjectStore, ObjectStoreOptions};

use crate::config::{Config, NodeConfig};
use crate::data_dir::Layout;
use crate::exit::Failure;

/// Opens the storage nodes and the store over them.
pub async fn open(config: &Config, layout: &Layout) -> Result<Arc<ObjectStore>, Failure> {
    let configured = match config.nodes.as_slice() {
        [] => vec![NodeConfig::default_in(layout.node())],
        nodes => nodes.to_vec(),
    };
    let nodes = configured
        .iter()
        .map(|node| {
            let mut spec = NodeSpec::new(NodeId(node.id));
            spec.weight = node.weight;
            if let Some(domain) = &node.failure_domain {
                spec.failure_domain.clone_from(domain);
            }
            spec
        })
        .collect();
    let options = ObjectStoreOptions {
        shards: config.shards,
        replicas: config.replicas.clone(),
        host: config.host,
        clock: Arc::new(SystemClock),
        ..ObjectStoreOptions::new(layout.catalogue(), nodes)
    };
    ObjectStore::open(options).await.map_err(Failure::failed)
}
