//! A storage node in a process of its own.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod support;

use std::path::Path;
use std::process::Command;

use support::{Home, Said, Server, program};

const TOKEN: &str = "a token for tests only";

fn node(data: &Path, listen: &str, token: &Path) -> Command {
    let mut command = program();
    command
        .arg("node")
        .arg("--data")
        .arg(data)
        .args(["--listen", listen])
        .arg("--token-file")
        .arg(token);
    command
}

#[test]
fn a_server_uses_a_node_elsewhere() {
    let home = Home::new();
    let token = home.path().join("token");
    std::fs::write(&token, format!("{TOKEN}\n")).unwrap();
    let data = home.path().join("node-2");
    let other = Server::start(node(&data, "127.0.0.1:0", &token));
    let second: Said = node(&data, "127.0.0.1:0", &token).output().unwrap().into();
    assert!(second.bad(5).contains("another process is using"));

    let mut up = home.up();
    let here = format!("1={}", home.path().join("node-1").display());
    let there = format!(
        "2=http://{},token-file={}",
        other.listeners["node"],
        token.display()
    );
    up.args([
        "--node",
        &here,
        "--node",
        &there,
        "--replicas",
        "STANDARD=2",
    ]);
    let server = Server::start(up);
    assert_eq!(
        server.internal("GET", "/healthz", None, ""),
        (200, "ok\n".to_owned())
    );
    server.stop();
    let said = other.stop();
    assert_eq!(said.out, "");
    assert_eq!(
        home.run(&["volumes", "verify", data.to_str().unwrap(), "--json"])
            .json()["nodes"][0]["problems"],
        serde_json::json!([])
    );
}

#[test]
fn the_token_can_be_in_the_environment_and_must_be_long() {
    let home = Home::new();
    let start = |token: Option<&str>, listen: &str| -> Command {
        let mut command = program();
        command
            .arg("node")
            .arg("--data")
            .arg(home.data())
            .args(["--listen", listen]);
        if let Some(token) = token {
            command.env("CONCIERGE_NODE_TOKEN", token);
        }
        command
    };
    let refused = |token, listen| Said::from(start(token, listen).output().unwrap()).bad(2);
    assert!(refused(None, "0").contains("--token-file or CONCIERGE_NODE_TOKEN is needed"));
    assert!(refused(Some("short"), "0").contains("must have at least"));
    assert!(refused(Some(TOKEN), "0.0.0.0:0").contains("not a loopback address"));
    Server::start(start(Some(TOKEN), "0")).stop();
}

/// Asks for health until it answers so.
fn wait_for_health(server: &Server, status: u16) -> String {
    let began = std::time::Instant::now();
    loop {
        let (answered, body) = server.internal("GET", "/healthz", None, "");
        if answered == status {
            return body;
        }
        assert!(
            began.elapsed() < std::time::Duration::from_secs(60),
            "still {answered}: {body}"
        );
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// A server none of whose nodes answers is of no use, until one does again.
#[test]
fn health_follows_the_nodes() {
    let home = Home::new();
    let token = home.path().join("token");
    std::fs::write(&token, TOKEN).unwrap();
    let data = home.path().join("node-1");
    let other = Server::start(node(&data, "127.0.0.1:0", &token));
    let address = other.listeners["node"].clone();
    let mut up = home.up();
    up.args([
        "--node",
        &format!("1=http://{address},token-file={}", token.display()),
    ]);
    let server = Server::start(up);
    wait_for_health(&server, 200);

    other.stop();
    let body = wait_for_health(&server, 503);
    assert!(body.starts_with("storage node n1: "), "{body}");
    let status = home.run(&["status", "--json"]).json();
    assert!(
        status["problems"][0]
            .as_str()
            .unwrap()
            .starts_with("storage node n1: "),
        "{status}"
    );

    let again = Server::start(node(&data, &address, &token));
    assert_eq!(wait_for_health(&server, 200), "ok\n");
    server.stop();
    again.stop();
}
