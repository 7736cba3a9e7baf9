//! The fuzz target of SMTP (`tests/fuzz/src/smtp.rs`), on a stable compiler and for a short time: it gets its seeds, and
//! mutations of them.
//!
//! `CONCIERGE_FUZZ_CASES` sets the mutations (3,000 unless set) and `CONCIERGE_SEED` replays them. With
//! `CONCIERGE_WRITE_CORPUS=DIR` the seeds are also written to `DIR/TARGET/`, for cargo-fuzz to start from.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a step that fails fails the test"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[path = "../../../tests/fuzz/src/smtp.rs"]
mod targets;

/// Sessions, each behind an octet that says how small its pieces are and what the server is for.
const SESSIONS: [&str; 6] = [
    "\0EHLO c.example\r\nMAIL FROM:<a@x> SIZE=100 BODY=8BITMIME RET=FULL ENVID=a+2Bb\r\nRCPT TO:<b@y> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+40y\r\nRCPT TO:<no@y>\r\nDATA\r\nSubject: t\r\n\r\n..dot\r\n.\r\nQUIT\r\n",
    "\x06EHLO c\r\nMAIL FROM:<\"a b\"@[192.0.2.1]>\r\nRCPT TO:<@r,@s:b@y>\r\nBDAT 10\r\none\r\ntwo\r\nBDAT 3\r\nx\r\nBDAT 0 LAST\r\nMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nDATA\r\n.\r\n",
    "\x21EHLO c\r\nAUTH PLAIN AGFubgBzZWNyZXQ=\r\nMAIL FROM:<j\u{fc}@x> SMTPUTF8\r\nRCPT TO:<k@\u{e4}.example>\r\nDATA\r\na\r\n.\r\nRSET\r\nNOOP\r\n",
    "\x22EHLO c\r\nAUTH LOGIN\r\nYW5u\r\nc2VjcmV0\r\nAUTH PLAIN\r\n*\r\nSTARTTLS\r\nVRFY a\r\nEXPN b\r\nHELP\r\nHELO d\r\nQUIT\r\n",
    "\x02HELO c\r\nMAIL FROM:<late@x>\r\nRCPT TO:<b@y>\r\nDATA\r\nNOOP\r\nRCPT TO:<b@y>\r\nBDAT 4 LAST\r\nabcdMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nRCPT TO:<c@y>\r\nRCPT TO:<d@y>\r\nRCPT TO:<e@y>\r\nDATA\r\na\r\n.\r\n",
    "\x01EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\na\n.\nMAIL FROM:<evil@x>\r\n.\rb\r\n.\r\nNOOP\nFOO\r\n",
];

/// Changes `input` in one to eight places, or joins it with another.
fn mutate(rng: &mut StdRng, input: &[u8], other: &[u8]) -> Vec<u8> {
    const TELLING: [&[u8]; 20] = [
        b"\0",
        b"\xff",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b".",
        b"\r\n.\r\n",
        b"\n.\n",
        b"\r.\r",
        b"\r\n.",
        b"BDAT 5\r\n",
        b"BDAT 7 LAST\r\n",
        b"DATA\r\n",
        b"RSET\r\n",
        b"RCPT TO:<b@y>\r\n",
        b"MAIL FROM:<a@x>\r\n",
        b"<",
        b"\"",
        b"+",
    ];
    let mut bytes = input.to_vec();
    for _ in 0..rng.random_range(1..=8) {
        let at = rng.random_range(0..=bytes.len());
        match rng.random_range(0..7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = rng.random(),
            2 if rng.random_range(0..4) == 0 => bytes.truncate(at),
            3 | 4 => {
                let telling = TELLING[rng.random_range(0..TELLING.len())];
                bytes.splice(at..at, telling.iter().copied());
            }
            5 => {
                let end = (at + rng.random_range(0..64)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let from = rng.random_range(0..=other.len());
                let end = (from + 64).min(other.len());
                bytes.splice(at..at, other[from..end].iter().copied());
            }
        }
    }
    bytes
}

/// Runs a target over seeds and mutations; on a panic it says which input.
fn smoke(name: &str, seeds: &[&str], target: fn(&[u8])) {
    if let Some(corpus) = std::env::var_os("CONCIERGE_WRITE_CORPUS") {
        // Tests run in the package's folder; the variable is relative to the repository's.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = root.join(corpus).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(number.to_string()), seed).unwrap();
        }
    }
    let cases: usize = std::env::var("CONCIERGE_FUZZ_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(3_000);
    let seed: u64 = std::env::var("CONCIERGE_SEED")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or_else(|| rand::rng().random());
    eprintln!("{name}: CONCIERGE_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let check = |case: usize, input: &[u8]| {
        if catch_unwind(AssertUnwindSafe(|| target(input))).is_err() {
            let file = std::env::temp_dir().join(format!("concierge-fuzz-{name}-{case}"));
            std::fs::write(&file, input).unwrap();
            panic!("{name} failed on case {case}, kept in {}", file.display());
        }
    };
    for (number, seed) in seeds.iter().enumerate() {
        check(number, seed.as_bytes());
    }
    for case in 0..cases {
        let (seed, other) = (
            seeds[rng.random_range(0..seeds.len())],
            seeds[rng.random_range(0..seeds.len())],
        );
        let input = mutate(&mut rng, seed.as_bytes(), other.as_bytes());
        check(case, &input);
    }
}

#[test]
fn session() {
    smoke("smtp_session", &SESSIONS, targets::session);
}
