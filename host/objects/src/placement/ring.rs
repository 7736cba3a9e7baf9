//! Consistent hashing with virtual nodes (Karger and others, 1997; virtual
//! nodes and weights as in Dynamo, 2007), worked out for each group at once.

use sha2::{Digest, Sha256};

use super::map::ClusterMap;
use super::{GROUPS, NodeNumber};

/// Points on the ring for a weight of 100: enough that shares are within some
/// percent of the weights.
const POINTS_PER_HUNDRED: u64 = 256;

/// The nodes of each group in order.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// So many for each group.
    width: usize,
    nodes: Vec<NodeNumber>,
}

impl Table {
    pub(super) fn new(map: &ClusterMap) -> Self {
        let ring = ring(map);
        let nodes = (0..GROUPS)
            .flat_map(|group| order(map, &ring, group))
            .collect();
        Self {
            width: map.takers(),
            nodes,
        }
    }

    /// The first nodes of a group.
    pub(super) fn first(&self, group: u16, count: u8) -> &[NodeNumber] {
        let from = usize::from(group) * self.width;
        let to = from + self.width.min(usize::from(count));
        self.nodes.get(from..to).unwrap_or_default()
    }
}

/// The points of all nodes, by their positions.
fn ring(map: &ClusterMap) -> Vec<(u64, NodeNumber)> {
    let mut ring: Vec<_> = map
        .nodes
        .iter()
        .flat_map(|node| {
            let points = (u64::from(node.weight) * POINTS_PER_HUNDRED).div_ceil(100);
            (0..points).map(|point| (position("node", node.number.into(), point), node.number))
        })
        .collect();
    ring.sort_unstable();
    ring
}

fn position(kind: &str, number: u64, point: u64) -> u64 {
    let digest = Sha256::digest(format!("{kind} {number} {point}"));
    digest
        .iter()
        .take(8)
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// All nodes in the order in which a group prefers them: around the ring from
/// the group's place; those whose failure domain has had its turn wait until
/// every domain has had one.
fn order(map: &ClusterMap, ring: &[(u64, NodeNumber)], group: u16) -> Vec<NodeNumber> {
    let start = position("group", group.into(), 0);
    let from = ring.partition_point(|(position, _)| *position < start);
    let mut walk: Vec<NodeNumber> = Vec::with_capacity(map.takers());
    for (_, node) in ring.iter().cycle().skip(from).take(ring.len()) {
        if !walk.contains(node) {
            walk.push(*node);
        }
    }
    spread(map, walk)
}

fn spread(map: &ClusterMap, mut waiting: Vec<NodeNumber>) -> Vec<NodeNumber> {
    let domain = |number: &NodeNumber| {
        let node = map.nodes.iter().find(|node| node.number == *number);
        node.map_or("", |node| node.failure_domain.as_str())
    };
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let mut used = Vec::new();
        waiting.retain(|node| {
            let fresh = !used.contains(&domain(node));
            if fresh {
                used.push(domain(node));
                ordered.push(*node);
            }
            !fresh
        });
    }
    ordered
}
