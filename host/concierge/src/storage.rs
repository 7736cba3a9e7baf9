//! Opens storage nodes, and the object store over them, as the configuration
//! has them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use concierge_identity::SystemClock;
use concierge_objects::{NodeId, NodeSpec, ObjectStore, ObjectStoreOptions};
use concierge_storage_nodes::{Node, NodeClient, NodeOptions, RemoteNode};

use crate::config::{Config, NodeConfig, NodePlace};
use crate::data_dir::Layout;
use crate::exit::{Exit, Failure};

/// The object store, and the nodes of it that are in this process.
pub struct Storage {
    /// The store.
    pub objects: Arc<ObjectStore>,
    nodes: Vec<Arc<Node>>,
}

/// Opens the storage nodes and the store over them.
pub async fn open(config: &Config, layout: &Layout) -> Result<Storage, Failure> {
    let mut specs = Vec::new();
    let mut nodes = Vec::new();
    for node in configured(config, layout) {
        let client = match &node.place {
            NodePlace::Local(directory) => {
                let opened = open_node(directory, node_options(config)).await?;
                nodes.push(Arc::clone(&opened));
                NodeClient::Local(opened)
            }
            NodePlace::Remote { url, token_file } => {
                let remote = RemoteNode::new(url, &read_token(token_file)?);
                NodeClient::Remote(
                    remote.map_err(|error| Failure::usage(format!("node {}: {error}", node.id)))?,
                )
            }
        };
        let mut spec = NodeSpec::new(NodeId(node.id), client);
        spec.weight = node.weight;
        if let Some(domain) = node.failure_domain {
            spec.failure_domain = domain;
        }
        specs.push(spec);
    }
    let options = ObjectStoreOptions {
        shards: config.shards,
        replicas: config.replicas.clone(),
        host: config.host,
        clock: Arc::new(SystemClock),
        ..ObjectStoreOptions::new(layout.catalogue(), specs)
    };
    let objects = ObjectStore::open(options).await.map_err(Failure::failed)?;
    Ok(Storage { objects, nodes })
}

impl Storage {
    /// Ends the background work and waits until what was accepted is on disk.
    pub async fn close(self) {
        self.objects.shutdown().await;
        let nodes = self.nodes;
        let closed =
            tokio::task::spawn_blocking(move || nodes.iter().for_each(|node| node.close())).await;
        if let Err(error) = closed {
            tracing::error!("the storage nodes were not closed: {error}");
        }
    }
}

/// Opens a storage node; reads its volumes where a crash left them open.
pub async fn open_node(directory: &Path, options: NodeOptions) -> Result<Arc<Node>, Failure> {
    let directory = directory.to_owned();
    tokio::task::spawn_blocking(move || Node::open(&directory, options))
        .await
        .map_err(Failure::failed)?
        .map_err(|error| match error {
            concierge_storage_nodes::OpenError::Locked(_) => Failure::new(Exit::Unavailable, error),
            other => Failure::failed(other),
        })
}

/// How nodes in this process are opened.
pub fn node_options(config: &Config) -> NodeOptions {
    NodeOptions {
        volume_size_bytes: config.volume_size.0,
        capacity_limit_bytes: config.capacity.map(|size| size.0),
        free_space_reserve_bytes: config.free_space.0,
        scrub_bytes_per_second: config.scrub_rate.0,
        ..NodeOptions::default()
    }
}

/// The directories of the nodes in this process.
pub fn local_directories(config: &Config, layout: &Layout) -> Vec<PathBuf> {
    configured(config, layout)
        .into_iter()
        .filter_map(|node| match node.place {
            NodePlace::Local(directory) => Some(directory),
            NodePlace::Remote { .. } => None,
        })
        .collect()
}

fn configured(config: &Config, layout: &Layout) -> Vec<NodeConfig> {
    match config.nodes.as_slice() {
        [] => vec![NodeConfig::default_in(layout.node())],
        nodes => nodes.to_vec(),
    }
}

/// Reads the token of a node from its file, without the end of its line.
pub fn read_token(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}
