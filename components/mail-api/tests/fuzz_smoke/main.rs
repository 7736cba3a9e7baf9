//! The fuzz target of JMAP (`tests/fuzz/src/jmap.rs`), on a stable compiler and for a short time: it gets its seeds, and
//! mutations of them.
//!
//! `CONCIERGE_FUZZ_CASES` sets the mutations (3,000 unless set) and `CONCIERGE_SEED` replays them. With
//! `CONCIERGE_WRITE_CORPUS=DIR` the seeds are also written to `DIR/jmap/`, for cargo-fuzz to start from.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a step that fails fails the test"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use mail_api::methods::Method;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

mod mutate;
mod seeds;
#[path = "../../../../tests/fuzz/src/jmap.rs"]
mod target;

/// Runs the target; on a panic it says which input.
fn check(case: &str, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| target::jmap(input))).is_err() {
        let file = std::env::temp_dir().join(format!("concierge-fuzz-jmap-{case}"));
        std::fs::write(&file, input).unwrap();
        panic!("jmap failed on case {case}, kept in {}", file.display());
    }
}

#[test]
fn jmap() {
    let seeds = seeds::seeds();
    if let Some(corpus) = std::env::var_os("CONCIERGE_WRITE_CORPUS") {
        // Tests run in the package's folder; the variable is relative to the repository's.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = root.join(corpus).join("jmap");
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(number.to_string()), seed.to_string()).unwrap();
        }
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let cases = number("CONCIERGE_FUZZ_CASES").unwrap_or(3_000);
    let seed = number("CONCIERGE_SEED").unwrap_or_else(|| rand::rng().random());
    eprintln!("jmap: CONCIERGE_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    for (number, seed) in seeds.iter().enumerate() {
        check(&format!("seed-{number}"), seed.to_string().as_bytes());
    }
    for case in 0..cases {
        let mut request = seeds[rng.random_range(0..seeds.len())].clone();
        let other = &seeds[rng.random_range(0..seeds.len())];
        mutate::value(&mut rng, &mut request, other);
        let mut input = request.to_string().into_bytes();
        if rng.random_range(0..4) == 0 {
            mutate::bytes(&mut rng, &mut input);
        }
        check(&case.to_string(), &input);
    }
}

/// The seeds reach what they are for: a method that there is answers them, and with no error.
#[test]
fn seeds_are_answered() {
    let mut errors = Vec::new();
    for request in seeds::seeds() {
        let response = target::answer(request.to_string().as_bytes()).expect("a Request");
        let calls = request["methodCalls"].as_array().unwrap();
        for call in calls {
            let responses = response["methodResponses"].as_array().unwrap();
            let mut responses = responses.iter();
            let own = responses.find(|response| response[2] == call[2]).unwrap();
            // How the results of a query of quotas changed is never known.
            let known = Method::named(call[0].as_str().unwrap()).is_some();
            if known && own[0] == "error" && call[0] != "Quota/queryChanges" {
                errors.push((call[0].clone(), own[1].clone()));
            }
        }
    }
    assert_eq!(errors, []);
}
