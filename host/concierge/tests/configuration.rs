//! Where settings come from, and what is said of wrong ones.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod support;

use std::fs;
use std::path::Path;

use support::{Said, program};

/// Each `tests/golden/NAME.toml` is refused with the text of `NAME.txt`, which
/// is reviewed as user interface. `UPDATE_GOLDEN=1` writes the texts.
#[test]
fn wrong_files_are_explained() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut seen = 0;
    for entry in fs::read_dir(&golden).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path.file_name().unwrap();
        let said: Said = program()
            .current_dir(&golden)
            .args(["config", "--config"])
            .arg(name)
            .output()
            .unwrap()
            .into();
        let err = said.bad(2);
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&expected, &err).unwrap();
        }
        assert_eq!(
            err,
            fs::read_to_string(&expected).unwrap_or_default(),
            "{}",
            name.display()
        );
        seen += 1;
    }
    assert!(seen >= 12, "{seen} pairs");
}

#[test]
fn wrong_flags_and_variables_are_explained() {
    let empty = tempfile::tempdir().unwrap();
    for (arguments, variables, expected) in [
        (
            &["--s3", "nowhere"][..],
            &[][..],
            "--s3: \"nowhere\" is not an address to listen on",
        ),
        (
            &[],
            &[("CONCIERGE_S3", "nowhere")],
            "CONCIERGE_S3: \"nowhere\" is not an address to listen on",
        ),
        (
            &["--component", "router.wasm"],
            &[],
            "--component: \"router.wasm\" is not of the form NAME=VALUE",
        ),
        (
            &["--node", "1=/a,colour=red"],
            &[],
            "--node: node 1: \"colour=red\" is not an option",
        ),
        (
            &["--threads", "many"],
            &[],
            "--threads: \"many\" is not a number from 0 to 65535",
        ),
        (
            &["--log", "concierge=loud"],
            &[],
            "log: error parsing level filter",
        ),
        (
            &["--config", "missing.toml"],
            &[],
            "missing.toml: No such file or directory",
        ),
        (
            &[],
            &[("CONCIERGE_CONFIG", "missing.toml")],
            "missing.toml: No such file or directory",
        ),
    ] {
        let mut command = program();
        command
            .current_dir(empty.path())
            .arg("config")
            .args(arguments)
            .envs(variables.iter().copied());
        let err = Said::from(command.output().unwrap()).bad(2);
        assert!(err.starts_with(&format!("concierge: {expected}")), "{err}");
    }
}

#[test]
fn flags_win_over_variables_over_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file =
        "data = 'there'\nweb = 81\ns3 = 82\ninternal = 83\n\n[components]\nrouter = 'a.wasm'\n";
    fs::write(directory.path().join("concierge.toml"), file).unwrap();
    let mut command = program();
    command
        .current_dir(directory.path())
        .env("CONCIERGE_S3", "92")
        .env("CONCIERGE_INTERNAL", "93")
        .env("CONCIERGE_NODES", "1=/mnt/a; 2=/mnt/b")
        .args(["config", "--json", "--internal", "103"]);
    let config = Said::from(command.output().unwrap()).json();
    for (key, value, source) in [
        ("data", "there".into(), "concierge.toml"),
        ("web", "127.0.0.1:81".into(), "concierge.toml"),
        ("s3", "127.0.0.1:92".into(), "CONCIERGE_S3"),
        ("internal", "127.0.0.1:103".into(), "--internal"),
        (
            "components",
            serde_json::json!({"router": "a.wasm"}),
            "concierge.toml",
        ),
        ("log", "info".into(), "default"),
        ("tls_key", serde_json::Value::Null, "default"),
    ] {
        assert_eq!(config[key]["value"], value, "{key}");
        assert_eq!(config[key]["source"], source, "{key}");
    }
    assert_eq!(config["nodes"]["value"][1]["dir"], "/mnt/b");
}

#[test]
fn paths_in_a_file_are_relative_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let there = directory.path().join("etc");
    fs::create_dir(&there).unwrap();
    fs::write(
        there.join("concierge.toml"),
        "data = '../var'\nmanifest = '/abs/spin.toml'\n",
    )
    .unwrap();
    let mut command = program();
    command
        .current_dir(directory.path())
        .env("CONCIERGE_CONFIG", "etc/concierge.toml")
        .args(["config", "--json"]);
    let config = Said::from(command.output().unwrap()).json();
    assert_eq!(config["data"]["value"], "etc/../var");
    assert_eq!(config["manifest"]["value"], "/abs/spin.toml");
}

/// What `concierge config` prints sets the same when it is read.
#[test]
fn the_output_can_be_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let config = |arguments: &[&str]| -> Said {
        program()
            .current_dir(directory.path())
            .arg("config")
            .args(arguments)
            .output()
            .unwrap()
            .into()
    };
    let flags = [
        "--s3",
        "[::1]:9100",
        "--component",
        "a=/x.wasm",
        "--variable",
        "greeting=say \"hi\"",
        "--node",
        "7=/n,weight=3",
        "--node",
        "8=http://h:1,token-file=/t,failure-domain=r",
        "--replicas",
        "STANDARD=2",
        "--capacity",
        "3 GiB",
    ];
    let values = |json: serde_json::Value| -> Vec<serde_json::Value> {
        json.as_object()
            .unwrap()
            .values()
            .map(|setting| setting["value"].clone())
            .collect()
    };
    fs::write(directory.path().join("saved.toml"), config(&flags).good()).unwrap();
    let again = config(&["--json", "--config", "saved.toml"]).json();
    let with_json: Vec<&str> = flags.into_iter().chain(["--json"]).collect();
    assert_eq!(values(again), values(config(&with_json).json()));
}

#[test]
fn the_reference_page_is_current() {
    let written = Said::from(program().args(["config", "--reference"]).output().unwrap()).good();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    assert!(
        written == fs::read_to_string(page).unwrap(),
        "docs/configuration.md is old; run: cargo run -p concierge -- config --reference > docs/configuration.md"
    );
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Said::from(program().args(["completions", shell]).output().unwrap()).good();
        for word in ["account", "status", "volume-size"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}
