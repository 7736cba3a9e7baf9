//! Where blobs are: a pure function of their id and of a versioned map.
//!
//! Object id → one of [`GROUPS`] groups → the nodes of the group in order; the
//! first so many as there are to be copies have one each. When the map changes,
//! earlier maps are kept, and reads try their places too, until the mover has
//! brought everything to its new place.

mod map;
mod ring;

pub use map::{ClusterMap, MapError, MapNode, Maps};

use concierge_storage_nodes::ObjectId;

use self::ring::Table;

/// Groups that blobs fall into. Recorded in the map; never changes for a store.
pub const GROUPS: u16 = 4096;

/// The number of a node in the maps.
pub type NodeNumber = u32;

/// The maps, made ready for looking up.
#[derive(Debug, Clone)]
pub struct Placement {
    maps: Maps,
    current: Table,
    previous: Vec<Table>,
}

impl Placement {
    /// Prepares maps.
    #[must_use]
    pub fn new(maps: Maps) -> Self {
        Self {
            current: Table::new(&maps.current),
            previous: maps.previous.iter().map(Table::new).collect(),
            maps,
        }
    }

    /// The maps this was made of.
    #[must_use]
    pub fn maps(&self) -> &Maps {
        &self.maps
    }

    /// The nodes that are to have a copy, by order.
    #[must_use]
    pub fn targets(&self, object: ObjectId, replicas: u8) -> &[NodeNumber] {
        self.current.first(group_of(object), replicas)
    }

    /// The nodes that may have a copy, the likeliest first: the targets, those
    /// of earlier maps, then all others.
    #[must_use]
    pub fn candidates(&self, object: ObjectId, replicas: u8) -> Vec<NodeNumber> {
        let mut nodes = self.holders(object, replicas);
        for node in self.current.first(group_of(object), u8::MAX) {
            if !nodes.contains(node) {
                nodes.push(*node);
            }
        }
        nodes
    }

    /// The nodes that are to have a copy, or were by an earlier map.
    #[must_use]
    pub fn holders(&self, object: ObjectId, replicas: u8) -> Vec<NodeNumber> {
        let group = group_of(object);
        let mut nodes = self.current.first(group, replicas).to_vec();
        for node in self
            .previous
            .iter()
            .flat_map(|table| table.first(group, replicas))
        {
            if !nodes.contains(node) {
                nodes.push(*node);
            }
        }
        nodes
    }

    /// Whether something may still be at an earlier place.
    #[must_use]
    pub fn moving(&self) -> bool {
        !self.previous.is_empty()
    }
}

/// The group of a blob. A UUIDv7 is random in its low half; the mixing
/// (SplitMix64's finaliser) spreads any other id as well.
#[must_use]
pub fn group_of(object: ObjectId) -> u16 {
    let (high, low) = object.0.as_u64_pair();
    let mut mixed = high ^ low;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    (mixed % u64::from(GROUPS)) as u16
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn map(nodes: &[(u32, u32, &str)]) -> ClusterMap {
        let nodes = nodes.iter().map(|(number, weight, domain)| MapNode {
            number: *number,
            weight: *weight,
            failure_domain: (*domain).to_owned(),
        });
        ClusterMap::new(1, nodes.collect()).unwrap()
    }

    fn placement(nodes: &[(u32, u32, &str)]) -> Placement {
        Placement::new(Maps::first(map(nodes)))
    }

    fn ids() -> impl Iterator<Item = ObjectId> {
        (0..20_000_u128).map(|n| ObjectId(Uuid::from_u128(n << 64 | (n * 0x9e37_79b9))))
    }

    #[test]
    fn the_same_map_gives_the_same_places() {
        let (a, b) = (
            placement(&[(1, 100, "a"), (2, 100, "b"), (3, 100, "c")]),
            placement(&[(3, 100, "c"), (1, 100, "a"), (2, 100, "b")]),
        );
        assert!(ids().all(|id| a.targets(id, 2) == b.targets(id, 2)));
    }

    /// The places are a promise to the data that is already there: this fails
    /// when the function changes.
    #[test]
    fn places_are_as_they_were() {
        let placement = placement(&[(1, 100, "a"), (2, 100, "b"), (3, 50, "c")]);
        let places: Vec<_> = (1..=6)
            .map(|n| placement.targets(ObjectId(Uuid::from_u128(n)), 3).to_vec())
            .collect();
        assert_eq!(places, PINNED);
    }
    const PINNED: [[u32; 3]; 6] = [
        [1, 2, 3],
        [3, 1, 2],
        [2, 1, 3],
        [2, 3, 1],
        [1, 3, 2],
        [3, 1, 2],
    ];

    #[test]
    fn shares_follow_weights() {
        let placement = placement(&[(1, 100, "a"), (2, 100, "b"), (3, 200, "c"), (4, 0, "d")]);
        let mut counts = [0_u32; 5];
        for id in ids() {
            counts[placement.targets(id, 1)[0] as usize] += 1;
        }
        assert_eq!(counts[4], 0, "weight 0 takes nothing");
        for (node, share) in [(1, 0.25), (2, 0.25), (3, 0.5)] {
            let found = f64::from(counts[node]) / 20_000.0;
            assert!((found - share).abs() < 0.08, "node {node}: {found}");
        }
    }

    #[test]
    fn copies_go_to_different_failure_domains_first() {
        let placement = placement(&[(1, 100, "a"), (2, 100, "a"), (3, 100, "b"), (4, 100, "b")]);
        for id in ids() {
            let targets = placement.targets(id, 2);
            assert_ne!(targets[0] <= 2, targets[1] <= 2, "{targets:?}");
            assert_eq!(placement.targets(id, 4).len(), 4);
        }
    }

    #[test]
    fn a_new_node_takes_its_share_and_moves_nothing_else() {
        let before = map(&[(1, 100, "a"), (2, 100, "b"), (3, 100, "c")]);
        let after = map(&[(1, 100, "a"), (2, 100, "b"), (3, 100, "c"), (4, 100, "d")]);
        let (old, new) = (
            Placement::new(Maps::first(before.clone())),
            Placement::new(Maps::first(before).followed_by(after)),
        );
        let mut moved = 0;
        for id in ids() {
            let (from, to) = (old.targets(id, 1)[0], new.targets(id, 1)[0]);
            if from != to {
                moved += 1;
                assert_eq!(to, 4, "only the new node takes from the others");
                assert_eq!(
                    new.candidates(id, 1)[..2],
                    [4, from],
                    "the old place is tried next"
                );
            }
        }
        assert!(
            (3_000..7_000).contains(&moved),
            "{moved} of 20000, 5000 expected"
        );
        assert!(new.moving());
    }
}
