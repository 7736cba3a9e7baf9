//! The cluster map: which nodes there are, and how much each is to have.

use serde::{Deserialize, Serialize};

use super::{GROUPS, NodeNumber};

/// Maps kept besides the current one. Each adds a place where reads look, and
/// none goes away before everything has moved; more changes at once than this
/// are refused until the mover is done.
const PREVIOUS_MAX: usize = 4;

/// A node in a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapNode {
    /// Its number.
    pub number: NodeNumber,
    /// Its share, relative to the others; 0 takes nothing.
    pub weight: u32,
    /// What fails together with it.
    pub failure_domain: String,
}

/// A version of the map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterMap {
    /// Grows with each change.
    pub version: u64,
    /// How many groups.
    pub groups: u16,
    /// The nodes in the order of their numbers.
    pub nodes: Vec<MapNode>,
}

/// Why there can be no such map.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// No node takes data.
    #[error("there is no storage node with a weight above 0")]
    NoNodes,
    /// Two nodes of a number.
    #[error("two storage nodes have the number {0}")]
    Twice(NodeNumber),
    /// Another number of groups.
    #[error("the stored map has {0} groups, this program {GROUPS}")]
    Groups(u16),
    /// Too many changes at once.
    #[error("the nodes changed {PREVIOUS_MAX} times before the data had moved; wait until it has")]
    TooManyChanges,
    /// Not what was stored.
    #[error("the stored map cannot be read: {0}")]
    Unreadable(String),
    /// More copies wanted than nodes.
    #[error("storage class {class} wants {wanted} copies, and there are {nodes} nodes")]
    TooFewNodes {
        /// Storage class.
        class: String,
        /// Copies.
        wanted: u8,
        /// Nodes that take data.
        nodes: usize,
    },
}

impl ClusterMap {
    /// A map of these nodes.
    pub fn new(version: u64, mut nodes: Vec<MapNode>) -> Result<Self, MapError> {
        nodes.sort_by_key(|node| node.number);
        let twice = nodes
            .iter()
            .zip(nodes.iter().skip(1))
            .find(|(a, b)| a.number == b.number);
        if let Some((node, _)) = twice {
            return Err(MapError::Twice(node.number));
        }
        let map = Self {
            version,
            groups: GROUPS,
            nodes,
        };
        if map.takers() == 0 {
            return Err(MapError::NoNodes);
        }
        Ok(map)
    }

    /// How many nodes take data.
    #[must_use]
    pub fn takers(&self) -> usize {
        self.nodes.iter().filter(|node| node.weight > 0).count()
    }
}

/// The current map and those before it that still have data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maps {
    /// Where things go.
    pub current: ClusterMap,
    /// Where things may still be, the latest first.
    pub previous: Vec<ClusterMap>,
}

impl Maps {
    /// The first map of a store.
    #[must_use]
    pub fn first(map: ClusterMap) -> Self {
        Self {
            current: map,
            previous: Vec::new(),
        }
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    pub fn from_json(json: &str) -> Result<Self, MapError> {
        let maps: Self =
            serde_json::from_str(json).map_err(|error| MapError::Unreadable(error.to_string()))?;
        match maps.current.groups {
            GROUPS => Ok(maps),
            groups => Err(MapError::Groups(groups)),
        }
    }

    /// The form that is stored.
    pub fn to_json(&self) -> Result<String, MapError> {
        serde_json::to_string(self).map_err(|error| MapError::Unreadable(error.to_string()))
    }

    /// The maps after a change to these nodes; `None` if nothing changes.
    pub fn change(&self, nodes: Vec<MapNode>) -> Result<Option<Self>, MapError> {
        let next = ClusterMap::new(self.current.version + 1, nodes)?;
        if next.nodes == self.current.nodes {
            return Ok(None);
        }
        if self.previous.len() >= PREVIOUS_MAX {
            return Err(MapError::TooManyChanges);
        }
        Ok(Some(self.clone().followed_by(next)))
    }

    /// The maps when another becomes the current one.
    #[must_use]
    pub fn followed_by(self, next: ClusterMap) -> Self {
        let mut previous = self.previous;
        previous.insert(0, self.current);
        Self {
            current: next,
            previous,
        }
    }

    /// The maps when everything has moved.
    #[must_use]
    pub fn settled(&self) -> Self {
        Self::first(self.current.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: NodeNumber, weight: u32) -> MapNode {
        MapNode {
            number,
            weight,
            failure_domain: number.to_string(),
        }
    }

    #[test]
    fn a_map_needs_a_node_and_no_two_of_a_number() {
        assert!(matches!(ClusterMap::new(1, vec![]), Err(MapError::NoNodes)));
        assert!(matches!(
            ClusterMap::new(1, vec![node(1, 0)]),
            Err(MapError::NoNodes)
        ));
        let twice = ClusterMap::new(1, vec![node(1, 1), node(2, 1), node(1, 1)]);
        assert!(matches!(twice, Err(MapError::Twice(1))));
    }

    #[test]
    fn changes_keep_the_maps_before_until_settled() {
        let mut maps = Maps::first(ClusterMap::new(1, vec![node(0, 1)]).unwrap());
        assert_eq!(maps.change(vec![node(0, 1)]).unwrap(), None);
        for added in 1..=4 {
            maps = maps
                .change((0..=added).map(|n| node(n, 1)).collect())
                .unwrap()
                .unwrap();
        }
        assert_eq!(maps.current.version, 5);
        assert_eq!(maps.previous.len(), 4);
        assert!(matches!(
            maps.change(vec![node(9, 1)]),
            Err(MapError::TooManyChanges)
        ));
        let read = Maps::from_json(&maps.to_json().unwrap()).unwrap();
        assert_eq!(read, maps);
        assert!(read.settled().previous.is_empty());
    }
}
