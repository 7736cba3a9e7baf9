//! Each benchmark runs from its start to its end against its own baseline.

#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that gives no such report fails the test"
)]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

/// Runs a benchmark quickly without the program itself; gives its report.
fn report(arguments: &[&str]) -> Value {
    report_with(&[arguments, &["--without-concierge"]].concat())
}

/// Runs a benchmark quickly; gives its report.
fn report_with(arguments: &[&str]) -> Value {
    // Postfix's user looks for its files in it.
    let others_enter = Permissions::from_mode(0o755);
    let dir = tempfile::Builder::new()
        .permissions(others_enter)
        .tempdir()
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_concierge-bench"))
        .args(["--quick", "--json", "--dir"])
        .arg(dir.path())
        .args(arguments)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// All cases of a report; each must have counted requests and no error.
fn cases(report: &Value) -> Vec<&str> {
    let rows = report["rows"].as_array().unwrap();
    for row in rows {
        assert!(row["requests"].as_u64().unwrap() > 0, "{row}");
        assert_eq!(row["errors"], 0, "{row}");
        assert!(row["p50_us"].as_f64().unwrap() > 0.0, "{row}");
    }
    rows.iter()
        .map(|row| row["case"].as_str().unwrap())
        .collect()
}

#[test]
fn edge_measures_bare_hyper() {
    let report = report(&["edge", "--clients", "4"]);
    assert_eq!(cases(&report), ["empty", "body 1MiB", "echo 1MiB"]);
}

#[test]
fn s3_measures_bare_files_and_the_disk() {
    let report = report(&[
        "s3",
        "--size",
        "4KiB",
        "--clients",
        "2",
        "--mixed-size",
        "4KiB",
    ]);
    let cases = cases(&report);
    assert_eq!(cases[..3], ["PUT 4KiB x2", "GET 4KiB x2", "mixed 4KiB x2"]);
    assert!(report["facts"][0]["value"].as_f64().unwrap() > 0.0);
}

#[test]
fn list_measures_a_range_scan() {
    let report = report(&["list"]);
    assert_eq!(cases(&report).len(), 3);
}

#[test]
fn memory_measures_bare_files() {
    let report = report(&["memory", "--size", "8MiB", "--clients", "2"]);
    assert_eq!(cases(&report), ["up 8MiB x2", "down 8MiB x2"]);
}

#[test]
fn reserve_measures_every_strategy_with_and_without_group_commit() {
    let report = report_with(&["reserve", "--hotels", "5", "--clients", "4"]);
    for case in ["hot", "spread"] {
        let rows = report["rows"].as_array().unwrap().iter();
        let measured: Vec<&str> = rows
            .filter(|row| row["case"] == case && row["requests"].as_u64().unwrap() > 0)
            .map(|row| row["server"].as_str().unwrap())
            .filter(|server| server.starts_with("SQLite"))
            .collect();
        for strategy in ["pessimistic", "optimistic", "constraint"] {
            for what in ["", ", no group commit"] {
                let server = format!("SQLite {strategy}{what}");
                assert!(measured.contains(&server.as_str()), "{case}: {measured:?}");
            }
        }
    }
}

#[test]
fn mail_measures_synced_files_and_a_full_text_index() {
    let report = report(&["mail"]);
    let searches = ["one word x1", "two words x1", "a Cyrillic word x1"];
    assert_eq!(cases(&report), searches);
    let facts = report["facts"].as_array().unwrap();
    assert_eq!(facts.len(), 2);
    for fact in facts {
        assert!(fact["value"].as_f64().unwrap() > 0.0, "{fact}");
    }
}

#[test]
fn smtp_measures_postfix_both_ways() {
    let report = report(&["smtp", "--bytes", "5000", "--connections", "4"]);
    let rows = report["rows"].as_array().unwrap();
    if rows.is_empty() {
        let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!is_ci, "postfix is missing, or this is not root");
        eprintln!("skipped: postfix is missing, or this is not root");
        return;
    }
    let measured: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| {
            (
                row["case"].as_str().unwrap(),
                row["server"].as_str().unwrap(),
            )
        })
        .collect();
    let (maildir, discarding) = ("postfix, Maildir", "postfix, discarding");
    assert_eq!(
        measured,
        [
            ("accepts 5 KB x4", maildir),
            ("accepts 5 KB x4", discarding),
            ("delivers 5 KB x4", maildir),
            ("delivers 5 KB x4", discarding),
            ("sends 5 KB submitted x4", "postfix"),
            ("sends 5 KB forwarded x4", "postfix"),
        ]
    );
    for row in rows {
        assert_eq!(row["requests"], 60, "{row}");
        assert!(row["per_second"].as_f64().unwrap() > 0.0, "{row}");
    }
}
