//! The fuzz target of searches (`tests/fuzz/src/mail_search.rs`), on a stable compiler and for a short time: it gets its
//! seeds, and mutations of them.
//!
//! `CONCIERGE_FUZZ_CASES` sets the mutations (100 unless set: each commits to disk) and `CONCIERGE_SEED` replays them. With
//! `CONCIERGE_WRITE_CORPUS=DIR` the seeds are also written to `DIR/mail_search/`, for cargo-fuzz to start from.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a step that fails fails the test"
)]

use std::panic::catch_unwind;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[path = "../../../tests/fuzz/src/mail_search.rs"]
mod targets;

const SEEDS: [&str; 11] = [
    "quick fox\nThe quick, brown fox doesn't jump.",
    "\"quick brown\" 'care\\'s' \"open\nquick brown care's",
    "東京都 都\n東京都庁は京都ではない",
    "한국어\n한국어 나라 말",
    "ÉCOLE Straße ﬁn\necole STRASSE fin É\u{301}",
    "привет\nПРИВЕТ, мир & <b>&amp;</b>",
    "a@b.example.org 3½ -x\nfrom a@b.example.org: 31⁄2",
    " \nanything",
    "?!\n?!",
    "list-id:guests\nFrom:\nList-Id:Guests of the house <guests@example.org>\nx-empty:",
    "X-Place:京\nX-Place:東京都\nx-place: two",
];

const TELLING: [&str; 13] = [
    "\"", "'", "\\", "\n", " ", "\0", "東", "京都", "é", "\u{301}", "<", "a", ":",
];

/// Changes a text in one to eight places, or joins it with another.
fn mutate(rng: &mut StdRng, text: &str, other: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..rng.random_range(1..=8) {
        let at = rng.random_range(0..=bytes.len());
        let piece = match rng.random_range(0..4) {
            0 if at < bytes.len() => {
                bytes[at] ^= 1 << rng.random_range(0..8);
                continue;
            }
            1 => {
                let end = (at + rng.random_range(0..64)).min(bytes.len());
                bytes[at..end].to_vec()
            }
            2 => {
                let from = rng.random_range(0..=other.len());
                other.as_bytes()[from..(from + 64).min(other.len())].to_vec()
            }
            _ => TELLING[rng.random_range(0..TELLING.len())].into(),
        };
        bytes.splice(at..at, piece);
    }
    bytes
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn check(case: usize, input: &[u8]) {
    if catch_unwind(|| targets::search(input)).is_err() {
        let file = std::env::temp_dir().join(format!("concierge-fuzz-mail-search-{case}"));
        std::fs::write(&file, input).unwrap();
        panic!("case {case} failed, kept in {}", file.display());
    }
}

#[test]
fn search() {
    if let Some(corpus) = std::env::var_os("CONCIERGE_WRITE_CORPUS") {
        // Tests run in the package's folder; the variable is relative to the repository's.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = root.join(corpus).join("mail_search");
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in SEEDS.iter().enumerate() {
            std::fs::write(folder.join(number.to_string()), seed).unwrap();
        }
    }
    let cases = variable("CONCIERGE_FUZZ_CASES").unwrap_or(100);
    let seed = variable("CONCIERGE_SEED").unwrap_or_else(|| rand::rng().random());
    eprintln!("mail_search: CONCIERGE_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    for (number, seed) in SEEDS.iter().enumerate() {
        check(number, seed.as_bytes());
    }
    for case in 0..cases {
        let [text, other] = [(); 2].map(|()| SEEDS[rng.random_range(0..SEEDS.len())]);
        let input = mutate(&mut rng, text, other);
        check(usize::try_from(case).unwrap(), &input);
    }
}
