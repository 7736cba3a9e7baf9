//! Ids of requests, for a client to quote (API Reference, "Common Response Headers", x-amz-request-id).

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};

/// Makes ids that no other instance makes: a random beginning and a counter, mixed.
#[derive(Debug)]
pub struct RequestIds {
    next: Cell<u64>,
}

impl RequestIds {
    /// Begins at a random place.
    pub fn new() -> Self {
        Self {
            next: Cell::new(RandomState::new().hash_one(0_u8)),
        }
    }

    /// The next id: 16 hexadecimal digits, as S3's are.
    pub fn next(&self) -> String {
        let state = self.next.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.next.set(state);
        // SplitMix64's finalizer (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): a
        // bijection, so that an instance never makes an id twice.
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        format!("{:016X}", z ^ (z >> 31))
    }
}

impl Default for RequestIds {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ() {
        let ids = RequestIds::new();
        let mut made: Vec<String> = (0..1000).map(|_| ids.next()).collect();
        assert!(made.iter().all(|id| id.len() == 16));
        made.sort_unstable();
        made.dedup();
        assert_eq!(made.len(), 1000);
        assert_ne!(ids.next(), RequestIds::new().next());
    }
}
