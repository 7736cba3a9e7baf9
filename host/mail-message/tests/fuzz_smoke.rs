//! The fuzz targets of mail (`tests/fuzz/src/mail.rs`), on a stable compiler and for a short time: each gets its seeds,
//! and mutations of them.
//!
//! `CONCIERGE_FUZZ_CASES` sets the mutations of a target (3,000 unless set) and `CONCIERGE_SEED` replays them. With
//! `CONCIERGE_WRITE_CORPUS=DIR` the seeds are also written to `DIR/TARGET/`, for cargo-fuzz to start from.

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

#[path = "../../../tests/fuzz/src/mail.rs"]
mod targets;

/// Messages with everything in them that is read.
const MESSAGES: [&str; 5] = [
    "From a@b Thu Nov 26 03:04:05 2026\r\nReceived: from a by b; Thu, 26 Nov 2026 03:04:05 +0100\r\nFrom: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\nTo: friends: a@b, \"C, D\" <c@d>;\r\nSubject: Re: [list] =?ISO-8859-1?B?S/ZsbiE=?= =?iso-2022-jp?b?GyRCJU8bKEI=?=\r\nMessage-ID: <1@x>\r\nIn-Reply-To: Message from A <a@x> of \"x\" <2@x>\r\nReferences: <3@x>\r\n <2@x>\r\nDate: Thu, 26 Nov 2026 03:04:05 GMT (c)\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"outer 1\"\r\n\r\npreamble\r\n--outer 1\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n--inner\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nK=C3=B6ln =\r\nam Rhein \t\r\n--inner\r\nContent-Type: text/html; charset=\"windows-1251\"\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+z/Do4uXyJmFtcDs8L3A+\r\n--inner--\r\n--outer 1\r\nContent-Type: application/pdf; name*0*=utf-8'de'K%C3%B6; name*1=ln\r\nContent-Disposition: attachment; filename=\"=?utf-8?q?K=C3=B6ln?=\"; size=3\r\nContent-ID: <c@d>\r\nContent-Language: de, en\r\nContent-Location: http://x/\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--outer 1--\r\nepilogue",
    "Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: x\n\ny\n--a\nContent-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nA: 1\n\n--a--\n",
    "Subject: x\n\nbody\n\nfrom here <a&b>\n",
    "Content-Type: text/html\n\n<html><head><style>p{}</style></head><!-- c --><script>1<2</script><p title='>'>a&nbsp;&ouml;&#x41;<br>b</p>",
    "Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\n//5hAOkA\n=\n",
];

const VALUES: [&str; 5] = [
    " =?utf-8?q?J=C3=BCrgen_?= (comment \\( (in) comment) <j.\"q x\"@[127.0.0.1]>, g: a@b, c;,\r\n \"D \\\" E\" <@r,@s:d@e>\r\n",
    " Thu, 26 Nov 2026 03:04:05 +0100 (CET)",
    " <1@x>\r\n\t<2 3@x> <> x@y",
    " Re: [list] Fwd[2]: [fwd: =?utf-8*de?b?w7w=?=\r\n =?gb2312?b?xOO6ww==?= (fwd)] (FWD)",
    " =?us-ascii?q?=?= =?x?b?===?= =?utf-8?q?open",
];

const MBOXES: [&str; 2] = [
    "From a@b Thu Nov 26 03:04:05 2026\nStatus: RO\nA: 1\n\n>From x\n>>From y\n\nFrom b Thu Nov 26 03:04 GMT 2026\r\nB: 2\r\n\r\n\r\n\r\nFrom c 00:00\n\nFrom d 00:00:00\nD: 4\n",
    "garbage\n\nFrom a 12:34\nA: 1\nFrom b 12:34\n\nFrom c x\n",
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
        b"--",
        b"--a",
        b"\r\n\r\n",
        b"=",
        b"=?",
        b"?=",
        b"=?utf-8?b?",
        b"<",
        b">",
        b"\"",
        b"(",
        b";",
        b"From ",
        b"\xc3",
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
fn message() {
    smoke("mail_message", &MESSAGES, targets::message);
}

#[test]
fn header() {
    smoke("mail_header", &VALUES, targets::header);
}

#[test]
fn mbox() {
    smoke("mail_mbox", &MBOXES, targets::mbox);
}
