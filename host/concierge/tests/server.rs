//! The server from its start to its end, as its operator sees it.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod support;

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use support::{Home, LISTENERS, Said, Server};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_makes_a_key_and_later_ones_do_not() {
    let home = Home::new();
    let server = home.start();
    let names: Vec<_> = server.listeners.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["internal", "s3", "smtp", "submission", "submissions", "web"]
    );
    assert!(
        server.ready.starts_with("ready web=127.0.0.1:"),
        "{}",
        server.ready
    );
    assert!(
        server
            .listeners
            .values()
            .all(|address| !address.ends_with(":0"))
    );
    let said = server.stop();
    assert!(said.err.contains("secret access key"), "{}", said.err);
    assert_eq!(said.out, "", "standard output is for the line `ready`");

    let data = home.data();
    assert_eq!(mode(&data), 0o700);
    for name in [
        "credentials",
        "internal-token",
        "identity/identity.sqlite",
        "identity/token-secret",
    ] {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
    let credentials = fs::read_to_string(data.join("credentials")).unwrap();
    assert!(
        credentials.contains("export AWS_SECRET_ACCESS_KEY="),
        "{credentials}"
    );

    let said = home.start().stop();
    assert!(!said.err.contains("secret access key"), "{}", said.err);
    assert_eq!(
        fs::read_to_string(data.join("credentials")).unwrap(),
        credentials
    );
}

#[test]
fn the_first_key_comes_from_the_environment() {
    let home = Home::new();
    let mut up = home.up();
    up.env("CONCIERGE_ROOT_USER", "root")
        .env("CONCIERGE_ROOT_PASSWORD", "correct horse")
        .env("CONCIERGE_ACCESS_KEY_ID", "minioadmin")
        .env("CONCIERGE_SECRET_ACCESS_KEY", "it's-secret");
    let said = Server::start(up).stop();
    assert!(
        !said.err.contains("correct horse"),
        "the password is not shown"
    );
    let keys = home.run(&["key", "list", "--json"]).json();
    assert_eq!(keys["keys"][0]["access_key_id"], "minioadmin");
    assert_eq!(keys["keys"][0]["account"], "root");

    let mut up = home.up();
    up.env("CONCIERGE_ACCESS_KEY_ID", "another-key")
        .env("CONCIERGE_SECRET_ACCESS_KEY", "12345678");
    let said = Server::start(up).stop();
    assert!(
        said.err.contains("only the first start makes a key of it"),
        "{}",
        said.err
    );
}

#[test]
fn signals_end_it_well() {
    let home = Home::new();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let server = home.start();
        server.signal(signal);
        let (_, said) = server.wait();
        assert_eq!(said.code, Some(0), "{signal:?}: {}", said.err);
        assert!(!home.data().join("internal-address").exists());
    }
}

#[test]
fn a_directory_has_one_server() {
    let home = Home::new();
    let server = home.start();
    let second: Said = home.up().output().unwrap().into();
    let expected = format!(
        "concierge: {} is in use by process {}\n",
        home.data().display(),
        server.id()
    );
    assert_eq!(second.bad(5), expected);
    server.stop();
    home.start().stop();
}

/// Killed, it leaves its address and its name in the lock; neither may keep the
/// next one out or send a command to whoever has the port now.
#[test]
fn a_killed_server_leaves_nothing_in_the_way() {
    let home = Home::new();
    let server = home.start();
    server.signal(Signal::KILL);
    let (status, _) = server.wait();
    assert_eq!(status.code(), None);
    assert!(home.data().join("internal-address").exists());
    assert_eq!(
        home.run(&["account", "list", "--json"]).json()["accounts"][0]["name"],
        "admin"
    );
    home.start().stop();
}

#[test]
fn a_port_in_use_is_named() {
    let home = Home::new();
    for listener in LISTENERS {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let mut command = support::program();
        command
            .current_dir(home.path())
            .arg("up")
            .arg("--data")
            .arg(home.data());
        for name in LISTENERS {
            command.arg(name).arg(if name == listener {
                &address
            } else {
                "127.0.0.1:0"
            });
        }
        let err = Said::from(command.output().unwrap()).bad(5);
        let sentence = format!(
            "concierge: {address} is in use by another program; `{listener} PORT` takes another"
        );
        assert!(err.contains(&sentence), "{err}");
    }
    home.start().stop();
}

#[test]
fn directories_that_are_not_ours_or_damaged_are_refused() {
    let home = Home::new();
    fs::create_dir(home.data()).unwrap();
    fs::write(home.data().join("thesis.tex"), "years of work").unwrap();
    let refused = || Said::from(home.up().output().unwrap()).bad(1);
    assert!(refused().contains("is not a data directory of concierge"));
    assert_eq!(
        fs::read_dir(home.data()).unwrap().count(),
        1,
        "nothing was added"
    );
    fs::remove_file(home.data().join("thesis.tex")).unwrap();

    home.start().stop();
    let database = home.data().join("identity/identity.sqlite");
    fs::write(&database, "this was a database once").unwrap();
    let err = refused();
    assert!(err.contains("identity.sqlite is damaged"), "{err}");
    fs::write(
        home.data().join("layout"),
        "concierge data directory, layout 9\n",
    )
    .unwrap();
    assert!(refused().contains("another version of concierge"));
}

#[test]
fn wrong_applications_are_explained() {
    let home = Home::new();
    let with = |arguments: &[&str]| Said::from(home.up().args(arguments).output().unwrap()).bad(2);
    let err = with(&["--component", "concierge-desk=desk.wasm"]);
    assert!(
        err.contains(
            "has no component concierge-desk; it has booking, hello-objects, mail-api, object-router"
        ),
        "{err}"
    );
    let err = with(&["--component", "object-router=missing.wasm"]);
    assert!(
        err.contains("component object-router: missing.wasm: No such file"),
        "{err}"
    );
    fs::write(
        home.path().join("spin.toml"),
        "spin_manifest_version = 2\ntypo = 1\n",
    )
    .unwrap();
    let err = with(&["--manifest", "spin.toml"]);
    assert!(err.contains("spin.toml") && err.contains("typo"), "{err}");
    assert!(
        !home.data().exists(),
        "nothing is made for an application that cannot run"
    );
}

#[test]
fn logs_are_json_where_asked() {
    let home = Home::new();
    let mut up = home.up();
    up.args(["--log-format", "json"])
        .env("CONCIERGE_SERVICE_HOST", "10.0.0.1");
    let said = Server::start(up).stop();
    // The first key is shown in between, for people.
    let lines: Vec<serde_json::Value> = said
        .err
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let has = |text: &str| {
        lines.iter().any(|line| {
            line["message"]
                .as_str()
                .is_some_and(|message| message.contains(text))
        })
    };
    assert!(
        has("CONCIERGE_SERVICE_HOST is set, but there is no such setting"),
        "{}",
        said.err
    );
    assert!(has("SIGTERM"), "{}", said.err);
}

/// Everything at its default but the ports: data in the current directory, and
/// commands find it there.
#[test]
fn without_flags_the_data_is_in_the_current_directory() {
    let home = Home::new();
    let mut up = support::program();
    up.current_dir(home.path());
    for name in ["CONCIERGE_WEB", "CONCIERGE_S3", "CONCIERGE_INTERNAL"] {
        up.env(name, "0");
    }
    let server = Server::start(up);
    let mut list = support::program();
    list.current_dir(home.path()).args(["account", "list"]);
    assert!(Said::from(list.output().unwrap()).good().contains("admin"));
    let said = server.stop();
    assert!(said.err.contains("data/credentials"), "{}", said.err);
    assert!(home.data().join("cache").exists());
}

/// A client that never finishes its request holds the end up for a while; a
/// second Ctrl-C does not wait for it.
#[test]
fn a_second_interrupt_ends_it_at_once() {
    let home = Home::new();
    let server = home.start();
    let mut slow = TcpStream::connect(&server.listeners["internal"]).unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        .unwrap();
    // Answered on another connection after it: the first is being read.
    assert_eq!(server.internal("GET", "/healthz", None, "").0, 200);
    server.signal(Signal::INT);
    // The address is taken back when the end begins.
    while home.data().join("internal-address").exists() {
        std::thread::yield_now();
    }
    server.signal(Signal::INT);
    let (_, said) = server.wait();
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(
        said.err.ends_with("concierge: ended at once\n"),
        "{}",
        said.err
    );
}
