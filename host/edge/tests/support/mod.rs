//! Edges on free ports, with the guests of `tests/guest`, and short ways to talk to them.
#![allow(dead_code, reason = "each test program uses some of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a step that fails fails the test"
)]

pub mod guests;
pub mod log;
pub mod store;

use bytes::Bytes;
use concierge_edge::{App, Edge, EdgeOptions, TlsFiles};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An edge that serves one component on `web`.
pub struct Server {
    pub edge: Edge,
    pub address: SocketAddr,
}

/// The manifest of one component, `guest`, at every path; `lines` go into
/// `[component.guest.tool.concierge]`, `more` into `[component.guest]`.
pub fn manifest(more: &str, lines: &str) -> String {
    format!(
        r#"
        spin_manifest_version = 2
        [application]
        name = "test"
        [[trigger.http]]
        route = "/..."
        component = "guest"
        [component.guest]
        source = "guest.wasm"
        {more}
        [component.guest.tool.concierge]
        {lines}
        "#
    )
}

/// One core, so that all requests meet in the same pool of instances.
pub fn options() -> EdgeOptions {
    let mut options = EdgeOptions::default();
    options.cores = 1;
    options.engine.on_demand = true;
    options.engine.cache_dir = Some(guests::target_dir().join("compiled"));
    options
}

pub fn app(manifest: &str) -> App {
    App::parse(manifest, &BTreeMap::new()).unwrap()
}

impl Server {
    /// The guest that behaves and misbehaves, with these limits.
    pub fn plain(lines: &str) -> Self {
        Self::with(options(), &manifest("", lines), guests::plain())
    }

    pub fn with(options: EdgeOptions, manifest: &str, wasm: &[u8]) -> Self {
        Self::with_tls(options, manifest, wasm, None)
    }

    pub fn with_tls(
        options: EdgeOptions,
        manifest: &str,
        wasm: &[u8],
        tls: Option<TlsFiles>,
    ) -> Self {
        log::capture();
        let app = app(manifest);
        let sources = app.components.keys().map(|n| (n.clone(), wasm.to_vec()));
        let edge = Edge::new(options, &app, &sources.collect()).unwrap();
        let address = edge.bind("web", ([127, 0, 0, 1], 0).into(), tls).unwrap();
        edge.start().unwrap();
        Self { edge, address }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path, Bytes::new())).await
    }

    pub async fn put(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send(request("PUT", path, body)).await
    }

    /// Sends one request on a connection of its own.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        self.try_send(request).await.unwrap()
    }

    /// The same, where the connection may end before there is an answer.
    pub async fn try_send(&self, request: Request<Full<Bytes>>) -> hyper::Result<Answer> {
        let mut sender = self.http1().await;
        Ok(read(sender.send_request(request).await?).await)
    }

    pub async fn http1(&self) -> http1::SendRequest<Full<Bytes>> {
        let (sender, connection) = http1::handshake(TokioIo::new(self.tcp().await))
            .await
            .unwrap();
        tokio::spawn(connection);
        sender
    }

    pub async fn http2(&self) -> http2::SendRequest<Full<Bytes>> {
        let io = TokioIo::new(self.tcp().await);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    pub async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection on which `text` was sent.
    pub async fn raw(&self, text: &str) -> TcpStream {
        let mut stream = self.tcp().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

pub fn request(method: &str, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "test.example")
        .body(Full::new(body.into()))
        .unwrap()
}

/// A response that was read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// `None`: it was cut off.
    pub body: Option<Bytes>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.body.as_ref().unwrap()).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

pub async fn read(response: Response<hyper::body::Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    Answer {
        status: head.status,
        headers: head.headers,
        body: body.collect().await.ok().map(|body| body.to_bytes()),
    }
}

/// Reads until `end` was read.
pub async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        let mut byte = [0];
        let read = stream.read(&mut byte).await.unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&byte);
    }
    String::from_utf8(text).unwrap()
}

/// Asks again until it is so. The test's own time limit is what ends a wait in vain.
pub async fn eventually<F: Future<Output = bool>>(mut ask: impl FnMut() -> F) {
    while !ask().await {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
