//! How components are reached over HTTP.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod support;

use bytes::Bytes;
use concierge_edge::{Edge, TlsFiles};
use http::StatusCode;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use support::{Server, guests, manifest, options, read, read_until, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn the_most_specific_route_of_the_listener_answers() {
    support::log::capture();
    let mut text = String::from("spin_manifest_version = 2\n[application]\nname = \"test\"\n");
    for (route, component, listener) in [
        ("/...", "rest", "web"),
        ("/exact", "exact", "web"),
        ("/users/:id", "one", "web"),
        ("/users/:id/...", "below", "web"),
        ("/...", "other", "s3"),
    ] {
        text.push_str(&format!(
            "[[trigger.http]]\nroute = \"{route}\"\ncomponent = \"{component}\"\n\
             [component.{component}]\nsource = \"a.wasm\"\nenvironment = {{ WHO = \"{component}\" }}\n\
             [component.{component}.tool.concierge]\nlistener = \"{listener}\"\n"
        ));
    }
    let app = support::app(&text);
    let sources = app
        .components
        .keys()
        .map(|name| (name.clone(), guests::plain().to_vec()));
    let edge = Edge::new(options(), &app, &sources.collect()).unwrap();
    let web = edge.bind("web", ([127, 0, 0, 1], 0).into(), None).unwrap();
    let s3 = edge.bind("s3", ([127, 0, 0, 1], 0).into(), None).unwrap();
    edge.start().unwrap();
    let server = Server { edge, address: web };
    for (path, pattern, info) in [
        ("/exact", "/exact", ""),
        ("/exact/", "/exact", ""),
        ("/exact/more", "/...", "/exact/more"),
        ("/users/7?q=1", "/users/:id", ""),
        ("/users/7/a/b", "/users/:id/...", "/a/b"),
        ("/", "/...", "/"),
    ] {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        // The guest shows what it was told for one path only, so the path is asked for in the
        // header that Spin names it in.
        let request = request("GET", &format!("{path}?{query}"), Bytes::new());
        let (mut head, body) = request.into_parts();
        head.headers.insert("x-show", "headers".parse().unwrap());
        head.headers
            .insert("spin-path-info", "/forged".parse().unwrap());
        let answer = server.send(http::Request::from_parts(head, body)).await;
        let text = answer.text();
        assert!(
            text.contains(&format!("\nspin-matched-route: {pattern}\n")),
            "{path}: {text}"
        );
        assert!(
            text.contains(&format!("\nspin-path-info: {info}\n")),
            "{path}: {text}"
        );
        assert_eq!(text.matches("spin-path-info").count(), 1, "{text}");
        let named = text.contains("\nspin-path-match-id: 7\n");
        assert_eq!(named, path.starts_with("/users"), "{text}");
    }
    assert_eq!(
        server.get("/environment").await.text(),
        "[(\"WHO\", \"rest\")]"
    );
    let server = Server {
        edge: server.edge,
        address: s3,
    };
    assert_eq!(
        server.get("/environment").await.text(),
        "[(\"WHO\", \"other\")]"
    );
}

#[tokio::test]
async fn where_no_route_matches_the_edge_says_so() {
    let manifest = manifest("", "").replace("\"/...\"", "\"/only\"");
    let server = Server::with(options(), &manifest, guests::plain());
    assert_eq!(server.get("/other").await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.get("/only").await.text(), "/only");
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let server = Server::plain("");
    let mut sender = server.http1().await;
    for _ in 0..10 {
        sender.ready().await.unwrap();
        let response = sender
            .send_request(request("GET", "/hello", Bytes::new()))
            .await;
        assert_eq!(read(response.unwrap()).await.text(), "hello");
    }
}

#[tokio::test]
async fn http2_without_tls_carries_requests_at_once() {
    let server = Server::plain("requests_per_instance = 8");
    let sender = server.http2().await;
    let answers = (0..32).map(|n| {
        let mut sender = sender.clone();
        async move {
            let body = vec![n; 100_000];
            let mut request = request("PUT", "/echo", body.clone());
            *request.uri_mut() = "http://test.example/echo".parse().unwrap();
            request.headers_mut().remove("host");
            let answer = read(sender.send_request(request).await.unwrap()).await;
            assert!(answer.body.unwrap() == body);
        }
    });
    futures::future::join_all(answers).await;
}

#[tokio::test]
async fn a_client_that_asks_is_told_to_go_on_when_the_body_is_wanted() {
    let server = Server::plain("");
    let head =
        "PUT /count HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n";
    let mut stream = server.raw(head).await;
    let line = read_until(&mut stream, "\r\n\r\n").await;
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").await.unwrap();
    let answer = read_until(&mut stream, "5").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");

    // A guest that answers without reading does not make the client send. Nor does a request without
    // content; a client that waited for `100 Continue` in vain does not go on with the connection.
    let unread = head.replace("/count", "/hello");
    let empty = head.replace("content-length: 5", "content-length: 0");
    for (head, body) in [(unread, "hello"), (empty, "0")] {
        let mut stream = server.raw(&head).await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        assert!(answer.contains(&format!("\r\n{body}")), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_sends_all_before_it_reads_gets_the_answer_to_a_body_that_nobody_wanted() {
    const LENGTH: usize = 12 << 20;
    let server = Server::plain("body_mib = 64");
    let head = format!("PUT /hello HTTP/1.1\r\nhost: a\r\ncontent-length: {LENGTH}\r\n\r\n");
    let mut stream = server.raw(&head).await;
    stream.write_all(&vec![b'x'; LENGTH]).await.unwrap();
    let answer = read_until(&mut stream, "hello").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn bodies_are_the_same_on_both_ways_through_wasm() {
    let server = Server::plain("body_mib = 64");
    let body: Vec<u8> = (0..40 << 20)
        .map(|n: u32| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    let answer = server.put("/echo", body.clone()).await;
    assert!(answer.body.unwrap() == body);
    assert_eq!(
        server.put("/count", body.clone()).await.text(),
        body.len().to_string()
    );
    let answer = server.get("/zeros?10000000").await;
    assert!(answer.body.unwrap() == vec![0; 10_000_000]);
}

#[tokio::test]
async fn broken_requests_get_an_answer_and_serve_no_one_else_worse() {
    let server = Server::plain("");
    for (head, status) in [
        ("GET /hello HTTP/1.1\r\nhost: a b\r\n\r\n", "400"),
        ("nonsense\r\n\r\n", "400"),
        (
            &format!(
                "GET /hello HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
                "y".repeat(40_000)
            ),
            "431",
        ),
    ] {
        let mut stream = server.raw(head).await;
        let line = read_until(&mut stream, "\r\n").await;
        assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{line}");
    }
    assert_eq!(server.get("/hello").await.text(), "hello");
}

#[tokio::test]
async fn a_component_has_no_files_no_sockets_and_its_own_environment_only() {
    let server = Server::plain("");
    assert_eq!(server.get("/environment").await.text(), "[]");
    assert!(server.get("/files").await.text().starts_with("Err("));
    let sockets = format!("/sockets?{}", server.address);
    assert!(server.get(&sockets).await.text().starts_with("Err("));
}

/// A certificate that signs itself, made by OpenSSL's own tool for the name `test.example`.
fn certificate(directory: &std::path::Path) -> TlsFiles {
    let files = TlsFiles {
        certificates: directory.join("certificate.pem"),
        key: directory.join("key.pem"),
    };
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args(["-days", "2", "-subj", "/CN=test.example"])
        .args(["-addext", "subjectAltName=DNS:test.example"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&files.key)
        .arg("-out")
        .arg(&files.certificates)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    files
}

#[tokio::test]
async fn tls_with_http1_and_http2() {
    let directory = tempfile::tempdir().unwrap();
    let files = certificate(directory.path());
    let server = Server::with_tls(
        options(),
        &manifest("", ""),
        guests::plain(),
        Some(files.clone()),
    );
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(&files.certificates).unwrap())
        .unwrap();
    for (protocol, request) in [
        (
            "http/1.1",
            "GET /headers HTTP/1.1\r\nhost: test.example\r\nconnection: close\r\n\r\n",
        ),
        ("h2", ""),
    ] {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let name = ServerName::try_from("test.example").unwrap();
        let mut stream = connector.connect(name, server.tcp().await).await.unwrap();
        assert_eq!(
            stream.get_ref().1.alpn_protocol(),
            Some(protocol.as_bytes())
        );
        if request.is_empty() {
            continue;
        }
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.contains("spin-full-url: https://test.example/headers"),
            "{answer}"
        );
    }
    // A client that does not speak TLS is not answered, and harms no one.
    let mut plain = server.raw("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));
}
