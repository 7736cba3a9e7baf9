//! Where each record is: an index in memory, in key order, in shards with a lock each.
//!
//! An entry and its key take 56 bytes, a good 80 with the tree around them. No lock is held across an await.

use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap, btree_map},
    ops::Bound,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{
    format::VolumeKind,
    key::{Lease, RecordInfo, RecordKey},
};

/// Enough that threads seldom meet at one lock, few enough that merging them in key order is cheap.
const SHARDS: usize = 16;

/// Regions start at multiples of this, so the index keeps offsets divided by it.
const SLOT_BYTES: u64 = VolumeKind::Packed.alignment_bytes();

/// Where the newest record of a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub volume: u32,
    slot: u32,
    pub length: u32,
    pub capacity: u32,
    pub lease: Lease,
    pub sequence: u64,
}

impl Entry {
    /// An entry for a record; `None` where an offset or a length is beyond what any volume of ours can hold.
    pub fn new(
        volume: u32,
        offset: u64,
        (length, capacity): (u64, u64),
        lease: Lease,
        sequence: u64,
    ) -> Option<Self> {
        Some(Self {
            volume,
            slot: u32::try_from(offset / SLOT_BYTES).ok()?,
            length: u32::try_from(length).ok()?,
            capacity: u32::try_from(capacity).ok()?,
            lease,
            sequence,
        })
    }

    /// An entry from its parts, as a checkpoint has them.
    pub fn at_slot(
        volume: u32,
        slot: u32,
        (length, capacity): (u32, u32),
        lease: Lease,
        sequence: u64,
    ) -> Self {
        Self {
            volume,
            slot,
            length,
            capacity,
            lease,
            sequence,
        }
    }

    /// Its offset in units of 64 bytes.
    pub fn slot(&self) -> u32 {
        self.slot
    }

    pub fn offset(&self) -> u64 {
        u64::from(self.slot) * SLOT_BYTES
    }

    /// Whether both name the same bytes of the same volume.
    pub fn same_place(&self, other: &Self) -> bool {
        (self.volume, self.slot) == (other.volume, other.slot)
    }

    pub fn info(&self, key: RecordKey) -> RecordInfo {
        RecordInfo {
            key,
            length: self.length.into(),
            lease: self.lease,
        }
    }
}

/// The hash of a key that dead records and tombstones are remembered by. It stands in checkpoints, so it is our
/// own: the one of the standard library may change with the compiler.
pub(crate) fn key_hash(key: &RecordKey) -> u64 {
    let (high, low) = key.object.0.as_u64_pair();
    let place = (u64::from(key.extent) << 8) | u64::from(key.shard);
    mix(low ^ mix(high ^ mix(place)))
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

type Shard = BTreeMap<RecordKey, Entry>;

#[derive(Debug, Default)]
pub(crate) struct Index {
    shards: [RwLock<Shard>; SHARDS],
}

impl Index {
    fn shard(&self, key: &RecordKey) -> &RwLock<Shard> {
        let [first, ..] = &self.shards;
        self.shards
            .get(key_hash(key) as usize % SHARDS)
            .unwrap_or(first)
    }

    fn read(shard: &RwLock<Shard>) -> RwLockReadGuard<'_, Shard> {
        shard.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(shard: &RwLock<Shard>) -> RwLockWriteGuard<'_, Shard> {
        shard.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, key: &RecordKey) -> Option<Entry> {
        Self::read(self.shard(key)).get(key).copied()
    }

    /// Puts an entry unless a newer one is there. Gives the loser, which is dead now.
    pub fn insert(&self, key: RecordKey, entry: Entry) -> Option<Entry> {
        match Self::write(self.shard(&key)).entry(key) {
            btree_map::Entry::Vacant(vacant) => {
                vacant.insert(entry);
                None
            }
            btree_map::Entry::Occupied(mut old) if old.get().sequence < entry.sequence => {
                Some(old.insert(entry))
            }
            btree_map::Entry::Occupied(_) => Some(entry),
        }
    }

    /// Removes what is older than `sequence` under this key.
    pub fn remove_older(&self, key: &RecordKey, sequence: u64) -> Option<Entry> {
        let mut shard = Self::write(self.shard(key));
        if shard
            .get(key)
            .is_some_and(|entry| entry.sequence < sequence)
        {
            shard.remove(key)
        } else {
            None
        }
    }

    /// Moves a record that is still where `from` says. False: it is not there any more.
    pub fn relocate(&self, key: &RecordKey, from: &Entry, to: Entry) -> bool {
        match Self::write(self.shard(key)).get_mut(key) {
            Some(entry) if entry.same_place(from) => {
                *entry = to;
                true
            }
            _ => false,
        }
    }

    /// Up to `limit` records after a key, in key order.
    pub fn list(&self, after: Option<RecordKey>, limit: usize) -> Vec<(RecordKey, Entry)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        // The smallest `limit` keys of all shards, the largest of them on top to be displaced.
        let mut smallest = BinaryHeap::with_capacity(limit.saturating_add(1).min(4096));
        for shard in &self.shards {
            for (key, _) in Self::read(shard)
                .range((start, Bound::Unbounded))
                .take(limit)
            {
                if smallest.len() >= limit {
                    match smallest.peek() {
                        Some(largest) if largest > key => {
                            smallest.pop();
                        }
                        _ => break,
                    }
                }
                smallest.push(*key);
            }
        }
        smallest
            .into_sorted_vec()
            .into_iter()
            .filter_map(|key| Some((key, self.get(&key)?)))
            .collect()
    }

    /// All entries, a copy of one shard at a time.
    pub fn copies(&self) -> impl Iterator<Item = Vec<(RecordKey, Entry)>> {
        self.shards.iter().map(|shard| {
            let shard = Self::read(shard);
            shard.iter().map(|(key, entry)| (*key, *entry)).collect()
        })
    }

    /// Which of these volumes an entry points to.
    pub fn volumes_in_use(&self, among: &BTreeSet<u32>) -> BTreeSet<u32> {
        let mut in_use = BTreeSet::new();
        for shard in &self.shards {
            let shard = Self::read(shard);
            let volumes = shard.values().map(|entry| entry.volume);
            in_use.extend(volumes.filter(|volume| among.contains(volume)));
        }
        in_use
    }

    pub fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| Self::read(shard).len())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::ObjectId;

    fn key(n: u128) -> RecordKey {
        RecordKey {
            object: ObjectId(uuid::Uuid::from_u128(n)),
            extent: 0,
            shard: 0,
        }
    }

    fn entry(sequence: u64) -> Entry {
        Entry::new(
            1,
            64 * sequence,
            (5, 6),
            Lease { host: 1, epoch: 2 },
            sequence,
        )
        .unwrap()
    }

    #[test]
    fn the_newest_wins_in_any_order() {
        let index = Index::default();
        assert_eq!(index.insert(key(1), entry(5)), None);
        assert_eq!(index.insert(key(1), entry(3)), Some(entry(3)));
        assert_eq!(index.insert(key(1), entry(9)), Some(entry(5)));
        assert_eq!(index.remove_older(&key(1), 9), None);
        assert_eq!(index.get(&key(1)), Some(entry(9)));
        assert!(!index.relocate(&key(1), &entry(5), entry(10)));
        assert_eq!(index.remove_older(&key(1), 10), Some(entry(9)));
        assert_eq!(index.len(), 0);
    }

    #[test]
    fn lists_in_key_order_page_by_page() {
        let index = Index::default();
        for n in (0..1000).rev() {
            index.insert(key(n), entry(1));
        }
        let mut all = Vec::new();
        loop {
            let page = index.list(all.last().copied(), 77);
            if page.is_empty() {
                break;
            }
            all.extend(page.into_iter().map(|(key, _)| key));
        }
        assert_eq!(all, (0..1000).map(key).collect::<Vec<_>>());
    }

    #[test]
    fn the_hash_of_a_key_never_changes() {
        let key = RecordKey {
            object: ObjectId(uuid::Uuid::from_u128(
                0x0123_4567_89AB_CDEF_0011_2233_4455_6677,
            )),
            extent: 8,
            shard: 9,
        };
        assert_eq!(key_hash(&key), 0x5A69_3A2F_3056_BF39);
        let other = RecordKey { shard: 10, ..key };
        assert_ne!(key_hash(&other), 0x5A69_3A2F_3056_BF39);
    }

    #[test]
    fn an_entry_stays_small() {
        assert!(size_of::<(RecordKey, Entry)>() <= 56);
    }
}
