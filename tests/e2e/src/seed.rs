//! Randomness that can be replayed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The variable that replays a run.
pub const VARIABLE: &str = "CONCIERGE_SEED";

/// A seed: `$CONCIERGE_SEED`, else a fresh one. Printed, so that a failure can
/// be replayed.
pub fn choose(test: &str) -> u64 {
    let seed = std::env::var(VARIABLE)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or_else(|| rand::rng().random());
    println!("{test}: {VARIABLE}={seed}");
    seed
}

/// Bytes that anyone can make again from `(seed, length)`: what a reader needs
/// to check a large object without keeping it.
pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rand::Rng::fill_bytes(&mut StdRng::seed_from_u64(seed), &mut bytes);
    bytes
}
