//! Commands, both ways: through a running server, and on a data directory that
//! nobody has open.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod support;

use std::path::Path;

use concierge_storage_nodes::{Lease, Node, NodeOptions, ObjectId, RecordKey};
use support::Home;

/// The whole life of an account and its keys; the same whether a server runs.
fn life_of_an_account(home: &Home, name: &str) {
    let account = home.run(&["account", "create", name, "--json"]).json();
    assert_eq!(account["role"], "user");
    let id = account["id"].as_str().unwrap();
    assert!(
        home.run(&["account", "create", name])
            .bad(4)
            .contains("already")
    );

    let key = home
        .run(&["key", "create", "--account", name, "--json"])
        .json();
    let key_id = key["access_key_id"].as_str().unwrap();
    assert_eq!(key["account_id"], id);
    let imported = format!("{name}-key");
    home.run(&[
        "key",
        "create",
        "--account",
        id,
        "--id",
        &imported,
        "--secret",
        "a-secret-of-old",
    ])
    .good();
    assert!(
        home.run(&[
            "key",
            "create",
            "--account",
            name,
            "--id",
            &imported,
            "--secret",
            "a-secret-of-old"
        ])
        .bad(4)
        .contains("already")
    );
    assert!(
        home.run(&["key", "create", "--account", name, "--id", "half"])
            .bad(2)
            .contains("--secret")
    );
    assert!(
        home.run(&[
            "key",
            "create",
            "--account",
            name,
            "--id",
            "a/b",
            "--secret",
            "a-secret"
        ])
        .bad(2)
        .contains("access key id")
    );
    let keys = home
        .run(&["key", "list", "--account", name, "--json"])
        .json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    assert!(home.run(&["key", "list"]).good().contains(key_id));

    home.run(&["key", "disable", key_id]).good();
    assert!(
        home.run(&["key", "list", "--account", name])
            .good()
            .contains("disabled")
    );
    home.run(&["key", "enable", key_id]).good();
    home.run(&["key", "delete", key_id]).good();
    assert!(
        home.run(&["key", "delete", key_id])
            .bad(3)
            .contains("there is no access key")
    );

    home.run(&["account", "disable", name]).good();
    let accounts = home.run(&["account", "list", "--json"]).json();
    let found = accounts["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|account| account["name"] == name)
        .unwrap();
    assert_eq!(found["disabled"], true);
    home.run(&["account", "enable", name]).good();
    assert_eq!(
        home.run(&["bucket", "list", "--account", name, "--json"])
            .json()["buckets"],
        serde_json::json!([])
    );
    home.run(&["account", "delete", name]).good();
    assert!(
        home.run(&["account", "delete", name])
            .bad(3)
            .contains("there is no account")
    );
    assert!(
        home.run(&["account", "delete", "admin"])
            .bad(4)
            .contains("only administrator")
    );
}

#[test]
fn accounts_and_keys_with_and_without_a_server() {
    let home = Home::new();
    let server = home.start();
    life_of_an_account(&home, "ann");
    let status = home.run(&["status", "--json"]).json();
    assert_eq!(status["running"], true);
    assert_eq!(status["process"], server.id());
    assert_eq!(status["listeners"]["s3"], server.listeners["s3"]);
    assert_eq!(status["problems"], serde_json::json!([]));
    assert!(home.run(&["status"]).good().contains("health     ok"));
    // What is made while it runs is there when it does not.
    home.run(&["account", "create", "carl"]).good();
    server.stop();

    life_of_an_account(&home, "bob");
    assert!(home.run(&["account", "list"]).good().contains("carl"));
    assert_eq!(home.run(&["status", "--json"]).json()["running"], false);
    assert!(home.run(&["status"]).good().contains("not running"));
}

#[test]
fn a_key_can_be_imported_without_showing_its_secret() {
    let home = Home::new();
    home.start().stop();
    let file = home.path().join("secret");
    std::fs::write(&file, "secret-in-a-file\n").unwrap();
    let key = home
        .run(&[
            "key",
            "create",
            "--account",
            "admin",
            "--id",
            "brought",
            "--secret-file",
            file.to_str().unwrap(),
            "--json",
        ])
        .json();
    assert_eq!(key["secret_access_key"], "secret-in-a-file");
}

#[test]
fn without_a_data_directory_commands_say_so() {
    let home = Home::new();
    assert!(
        home.run(&["account", "list"])
            .bad(3)
            .contains("is not a data directory")
    );
    std::fs::create_dir(home.data()).unwrap();
    assert!(
        home.run(&["account", "list"])
            .bad(3)
            .contains("is not a data directory")
    );
    assert_eq!(
        std::fs::read_dir(home.data()).unwrap().count(),
        0,
        "nothing was made"
    );
}

#[test]
fn volumes_are_verified_while_nothing_writes_to_them() {
    let home = Home::new();
    let server = home.start();
    assert!(
        home.run(&["volumes", "verify"])
            .bad(5)
            .contains("is in use by process")
    );
    server.stop();
    let report = home.run(&["volumes", "verify", "--json"]).json();
    assert_eq!(report["nodes"][0]["damaged"], serde_json::json!([]));
    let elsewhere = home.path().join("nowhere");
    assert!(
        home.run(&["volumes", "verify", elsewhere.to_str().unwrap()])
            .bad(3)
            .contains("is not the directory of a node")
    );
    assert!(!elsewhere.exists());
}

/// Stores one record in a node that no process has open.
#[tokio::main(flavor = "current_thread")]
async fn add_record(dir: &Path, n: u128) {
    let node = Node::open(dir, NodeOptions::default()).unwrap();
    let key = RecordKey {
        object: ObjectId(uuid::Uuid::from_u128(n)),
        extent: 0,
        shard: 0,
    };
    let lease = Lease { host: 1, epoch: 1 };
    node.put(key, lease, "luggage".into()).await.unwrap();
    node.close();
}

#[test]
fn an_index_is_made_again_from_the_volumes_alone() {
    let home = Home::new();
    let server = home.start();
    let rebuild = |code: i32| {
        let said = home.run(&["volumes", "rebuild-index"]);
        assert_eq!(said.code, Some(code), "{}{}", said.out, said.err);
        said.out
    };
    rebuild(5);
    server.stop();
    let node = home.data().join("node");
    let index = node.join("index.checkpoint");
    assert!(index.exists(), "a server that ends well leaves one");
    std::fs::write(&index, "something else").unwrap();
    let report = rebuild(0);
    assert!(
        report.contains(" records, ") && report.contains(", good"),
        "{report}"
    );
    assert!(std::fs::read(&index).unwrap().starts_with(b"CNCRGIDX"));
    assert!(home.run(&["volumes", "verify"]).good().contains(", good"));

    // A bit of the first record's header is enough, where others follow: at the end it would be
    // taken for a write that a crash cut short.
    for n in 0..2 {
        add_record(&node, n);
    }
    let volume = node.join("0000000001.packed");
    let mut bytes = std::fs::read(&volume).unwrap();
    bytes[4096 + 20] ^= 4;
    std::fs::write(&volume, bytes).unwrap();
    let verified = home.run(&["volumes", "verify"]).out;
    let where_it_is = "0000000001.packed: bytes 4096 to ";
    assert!(verified.contains(where_it_is), "{verified}");
    let report = rebuild(1);
    assert!(report.contains(where_it_is), "{report}");
    assert!(report.contains("DAMAGED"), "{report}");
}
