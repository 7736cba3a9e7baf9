//! Replacing components while they serve, and ending.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod support;

use bytes::Bytes;
use concierge_edge::{Edge, EdgeError};
use std::fs;
use std::time::Duration;
use support::{Server, eventually, guests, log, manifest, options, read, read_until, request};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_reload_lets_requests_under_way_finish() {
    let server = Server::plain("");
    assert_eq!(server.get("/begun").await.text(), "1");
    let mut slow = server.http1().await;
    let slow = slow.send_request(request("GET", "/slow?300", Bytes::new()));
    let reload = async {
        server
            .edge
            .reload_component("guest", guests::plain())
            .unwrap();
        // Another instance answers now.
        assert_eq!(server.get("/begun").await.text(), "1");
    };
    let (slow, ()) = tokio::join!(slow, reload);
    assert_eq!(read(slow.unwrap()).await.text(), "slow");
    let error = server.edge.reload_component("other", guests::plain());
    assert!(matches!(error, Err(EdgeError::NoComponent(name)) if name == "other"));
}

#[tokio::test]
async fn a_changed_file_is_picked_up_and_a_broken_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("guest.wasm");
    fs::write(&file, guests::plain()).unwrap();
    let server = Server::plain("");
    server.edge.watch_component("guest", file.clone());
    for begun in ["1", "2"] {
        assert_eq!(server.get("/begun").await.text(), begun);
    }
    fs::write(&file, b"not a component").unwrap();
    let path = file.display().to_string();
    eventually(async || !log::lines_with(&["the old component stays", &path]).is_empty()).await;
    assert_eq!(server.get("/begun").await.text(), "3");
    fs::write(&file, guests::plain()).unwrap();
    eventually(async || !log::lines_with(&["component replaced", &path]).is_empty()).await;
    assert_eq!(server.get("/begun").await.text(), "1");
}

#[tokio::test]
async fn a_drain_answers_what_is_under_way_and_accepts_nothing_more() {
    let server = Server::plain("");
    let mut upload = server
        .raw("PUT /count HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n")
        .await;
    let mut idle = server.http1().await;
    let response = idle
        .send_request(request("GET", "/hello", Bytes::new()))
        .await;
    assert_eq!(read(response.unwrap()).await.text(), "hello");
    let finish = async {
        // The idle connection is closed, and no new one is accepted.
        eventually(async || idle.is_closed()).await;
        eventually(async || TcpStream::connect(server.address).await.is_err()).await;
        upload.write_all(b"hello").await.unwrap();
        read_until(&mut upload, "5").await
    };
    let ((), answer) = tokio::join!(server.edge.drain(), finish);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_drain_does_not_wait_for_ever() {
    let mut options = options();
    options.drain = Duration::from_millis(50);
    let server = Server::with(options, &manifest("", ""), guests::plain());
    let mut upload = server
        .raw("PUT /count HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n")
        .await;
    let mut sender = server.http1().await;
    let response = sender
        .send_request(request("GET", "/hello", Bytes::new()))
        .await;
    assert_eq!(read(response.unwrap()).await.text(), "hello");
    server.edge.drain().await;
    assert!(upload.write_all(&vec![0; 1 << 24]).await.is_err());
}

#[test]
fn what_cannot_serve_is_refused_with_a_reason() {
    let start = |wasm: &[u8]| {
        let app = support::app(&manifest("", ""));
        let sources = [("guest".to_owned(), wasm.to_vec())];
        Edge::new(options(), &app, &sources.into())
            .err()
            .unwrap()
            .to_string()
    };
    let said = start(b"not a component");
    assert!(
        said.starts_with(
            "component \"guest\" is not a WebAssembly component that can be compiled: "
        ),
        "{said}"
    );
    // An empty component: it exports no handler.
    let said = start(b"\0asm\x0d\0\x01\0");
    assert!(
        said.starts_with("component \"guest\" does not fit this host: "),
        "{said}"
    );
    let app = support::app(&manifest("", ""));
    let said = Edge::new(options(), &app, &Default::default())
        .err()
        .unwrap()
        .to_string();
    assert_eq!(said, "component \"guest\" has no WebAssembly file");
}

#[test]
fn an_address_in_use_is_refused() {
    let app =
        support::app("spin_manifest_version = 2\napplication = { name = \"none\" }\ntrigger = {}");
    let edge = Edge::new(options(), &app, &Default::default()).unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let said = edge.bind("web", address, None).err().unwrap().to_string();
    assert!(
        said.starts_with(&format!("cannot listen on {address} for \"web\": ")),
        "{said}"
    );
}
