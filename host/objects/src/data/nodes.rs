//! The nodes and the maps that say what is where.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use concierge_storage_nodes::{NodeClient, ObjectId};

use crate::catalogue::DataRef;
use crate::placement::{NodeNumber, Placement};

/// The storage nodes of a store.
pub struct Nodes {
    clients: BTreeMap<NodeNumber, NodeClient>,
    placement: RwLock<Arc<Placement>>,
}

impl Nodes {
    /// These nodes, placed by these maps.
    pub fn new(clients: BTreeMap<NodeNumber, NodeClient>, placement: Placement) -> Self {
        Self {
            clients,
            placement: RwLock::new(Arc::new(placement)),
        }
    }

    /// All nodes.
    pub fn all(&self) -> &BTreeMap<NodeNumber, NodeClient> {
        &self.clients
    }

    /// A node by its number.
    pub fn client(&self, node: NodeNumber) -> Option<&NodeClient> {
        self.clients.get(&node)
    }

    /// The maps.
    pub fn placement(&self) -> Arc<Placement> {
        Arc::clone(
            &self
                .placement
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Goes over to other maps.
    pub fn set_placement(&self, placement: Placement) {
        *self
            .placement
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(placement);
    }

    /// The nodes that are to take a new blob.
    pub fn targets(&self, object: ObjectId, replicas: u8) -> Vec<(NodeNumber, NodeClient)> {
        self.with_clients(self.placement().targets(object, replicas))
    }

    /// The nodes that may have a blob, the likeliest first. A map may name
    /// nodes that are no longer there.
    pub fn candidates(&self, data: &DataRef) -> Vec<(NodeNumber, NodeClient)> {
        if let (1, Some((number, client))) = (self.clients.len(), self.clients.first_key_value()) {
            return vec![(*number, client.clone())];
        }
        self.with_clients(&self.placement().candidates(data.object, data.replicas))
    }

    /// Whether a node is to have a copy.
    pub fn is_target(&self, data: &DataRef, node: NodeNumber) -> bool {
        let placement = self.placement();
        placement
            .targets(data.object, data.replicas)
            .contains(&node)
    }

    /// The numbers of the nodes that have, or may have had, a copy by the maps.
    pub fn holders(&self, data: &DataRef) -> Vec<NodeNumber> {
        self.placement().holders(data.object, data.replicas)
    }

    fn with_clients(&self, numbers: &[NodeNumber]) -> Vec<(NodeNumber, NodeClient)> {
        numbers
            .iter()
            .filter_map(|number| Some((*number, self.clients.get(number)?.clone())))
            .collect()
    }
}
