//! The fuzz target of header forms (`tests/fuzz/src/jmap_header.rs`), on a stable compiler and for a short time: it gets
//! its seeds, and mutations of them.
//!
//! `CONCIERGE_FUZZ_CASES` sets the mutations (3,000 unless set) and `CONCIERGE_SEED` replays them. With
//! `CONCIERGE_WRITE_CORPUS=DIR` the seeds are also written to `DIR/jmap_header/`, for cargo-fuzz to start from.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a step that fails fails the test"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[path = "../../../tests/fuzz/src/jmap_header.rs"]
mod target;

/// Values with everything in them that is read.
const VALUES: [&str; 9] = [
    " =?utf-8?q?J=C3=BCrgen_?= (comment \\( (in) comment) <j.\"q x\"@[127.0.0.1]>, g: a@b, c;,\r\n \"D \\\" E\" <@r,@s:d@e>\r\n",
    " \"  James Smythe\" <james@example.com>, Friends: jane@example.com, =?UTF-8?Q?John_Sm=C3=AEth?= <john@example.com>;",
    " john @ example . org (=?utf-8?b?w6Q=?=), a@[IPv6:::1], nobody <>, x <a@b> y <c@d>",
    " Thu, 26 Nov 2026 03:04:05 +01:00 (CET)",
    " <1@x>\r\n\t<2 3@x> <> x@y <ftp://host/list.txt> (FTP), <mailto:list@host?subject=help>",
    " Re: [list] =?utf-8*de?b?w7w=?=\r\n =?gb2312?b?xOO6ww==?= =?iso-2022-jp?b?GyRCJU8bKEI=?= (FWD)",
    " =?us-ascii?q?=?= =?x?b?===?= =?utf-8?q?open =?utf-8?q?e=CC=81=00?= e\u{301}",
    "header:Resent-To:asGroupedAddresses:all",
    "header:List-Post:asURLs",
];

const TELLING: [&str; 24] = [
    "\0",
    "\r\n ",
    "\n",
    " ",
    "=",
    "=?",
    "?=",
    "=?utf-8?b?",
    "=?utf-8?q?",
    "<",
    ">",
    "\"",
    "(",
    ")",
    "\\",
    ";",
    ":",
    ",",
    "@",
    ".",
    "=CC=81",
    "\u{301}",
    "\u{85}",
    "[",
];

/// Changes a text in one to eight places, or joins it with another.
fn mutate(rng: &mut StdRng, input: &str, other: &str) -> Vec<u8> {
    let mut bytes = input.as_bytes().to_vec();
    for _ in 0..rng.random_range(1..=8) {
        let at = rng.random_range(0..=bytes.len());
        let to = rng.random_range(at..=bytes.len().min(at + 8));
        match rng.random_range(0..5) {
            0 => drop(bytes.drain(at..to)),
            1 => drop(bytes.splice(at..at, TELLING[rng.random_range(0..TELLING.len())].bytes())),
            2 => drop(bytes.splice(at..to, [rng.random::<u8>()])),
            3 => {
                let copied = bytes[at..to].repeat(rng.random_range(1..=4));
                drop(bytes.splice(at..at, copied));
            }
            _ => {
                bytes.truncate(at);
                let from = rng.random_range(0..=other.len());
                bytes.extend_from_slice(&other.as_bytes()[from..]);
            }
        }
    }
    bytes
}

/// Runs the target; on a panic it says which input.
fn check(case: &str, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| target::jmap_header(input))).is_err() {
        let file = std::env::temp_dir().join(format!("concierge-fuzz-jmap-header-{case}"));
        std::fs::write(&file, input).unwrap();
        panic!(
            "jmap_header failed on case {case}, kept in {}",
            file.display()
        );
    }
}

#[test]
fn jmap_header() {
    if let Some(corpus) = std::env::var_os("CONCIERGE_WRITE_CORPUS") {
        // Tests run in the package's folder; the variable is relative to the repository's.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = root.join(corpus).join("jmap_header");
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in VALUES.iter().enumerate() {
            std::fs::write(folder.join(number.to_string()), seed).unwrap();
        }
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let cases = number("CONCIERGE_FUZZ_CASES").unwrap_or(3_000);
    let seed = number("CONCIERGE_SEED").unwrap_or_else(|| rand::rng().random());
    eprintln!("jmap_header: CONCIERGE_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    for (number, seed) in VALUES.iter().enumerate() {
        check(&format!("seed-{number}"), seed.as_bytes());
    }
    for case in 0..cases {
        let input = VALUES[rng.random_range(0..VALUES.len())];
        let other = VALUES[rng.random_range(0..VALUES.len())];
        check(&case.to_string(), &mutate(&mut rng, input, other));
    }
}
