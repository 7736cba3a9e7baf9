//! How far the index has been fed.

use std::collections::BTreeMap;
use std::fmt::Write;

/// A shard of the store, each of which has a log of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(pub u32);

/// Up to which change of each shard's log the index knows. A shard that is missing has position 0: nothing.
///
/// As the payload of a commit: `1`, the version of this form, and ` SHARD=POSITION` for each, in decimal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Positions(BTreeMap<Shard, u64>);

const VERSION: &str = "1";

impl Positions {
    /// Of one shard.
    #[must_use]
    pub fn of(shard: Shard, position: u64) -> Self {
        Self(BTreeMap::from([(shard, position)]))
    }

    /// Where a shard's log is to be fed from: behind this change.
    #[must_use]
    pub fn get(&self, shard: Shard) -> u64 {
        self.0.get(&shard).copied().unwrap_or(0)
    }

    /// Goes on to positions; never back.
    pub fn advance(&mut self, to: &Self) {
        for (shard, position) in &to.0 {
            let known = self.0.entry(*shard).or_default();
            *known = (*known).max(*position);
        }
    }

    pub(crate) fn to_payload(&self) -> String {
        let mut payload = VERSION.to_owned();
        for (shard, position) in &self.0 {
            // Writing to a string does not fail.
            let _ = write!(payload, " {}={position}", shard.0);
        }
        payload
    }

    pub(crate) fn from_payload(payload: &str) -> Option<Self> {
        let mut words = payload.split(' ');
        if words.next() != Some(VERSION) {
            return None;
        }
        let positions = words.map(|word| {
            let (shard, position) = word.split_once('=')?;
            Some((Shard(shard.parse().ok()?), position.parse().ok()?))
        });
        positions.collect::<Option<_>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_read_again() {
        let mut positions = Positions::of(Shard(3), 7);
        positions.advance(&Positions::of(Shard(0), u64::MAX));
        positions.advance(&Positions::of(Shard(3), 5));
        assert_eq!(positions.get(Shard(3)), 7);
        assert_eq!(positions.get(Shard(1)), 0);
        let payload = positions.to_payload();
        assert_eq!(payload, "1 0=18446744073709551615 3=7");
        assert_eq!(Positions::from_payload(&payload), Some(positions));
        assert_eq!(Positions::from_payload("1"), Some(Positions::default()));
        for wrong in ["", "2", "1 ", "1 a=1", "1 1", "1 1=-1"] {
            assert_eq!(Positions::from_payload(wrong), None, "{wrong:?}");
        }
    }
}
