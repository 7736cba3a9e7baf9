//! The requests that components make.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{Server, guests, manifest, options};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// A server that answers every request of every connection with `204`.
struct Target {
    address: SocketAddr,
    connections: Arc<Mutex<JoinSet<()>>>,
    accepted: Arc<AtomicUsize>,
}

impl Target {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            accepted: Arc::default(),
        };
        let (connections, accepted) = (
            Arc::clone(&target.connections),
            Arc::clone(&target.accepted),
        );
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                accepted.fetch_add(1, Ordering::Relaxed);
                connections.lock().await.spawn(answer(stream));
            }
        });
        target
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Closes every connection, as a server does that waited long enough.
    async fn close_all(&self) {
        self.connections.lock().await.shutdown().await;
    }

    /// An edge whose component may speak to it.
    fn edge(&self) -> Server {
        let allowed = format!("allowed_outbound_hosts = [\"http://{}\"]", self.address);
        Server::with(options(), &manifest(&allowed, ""), guests::plain())
    }

    /// Has the component ask it.
    async fn ask(&self, edge: &Server) {
        let path = format!("/outbound?http://{}/", self.address);
        assert_eq!(edge.get(&path).await.text(), "status 204");
    }
}

async fn answer(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap() > 0 {
        if line == "\r\n" {
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        }
        line.clear();
    }
}

#[tokio::test]
async fn requests_go_where_they_may_and_nowhere_else() {
    let target = Server::plain("");
    let port = target.address.port();
    let allowed = format!("allowed_outbound_hosts = [\"http://127.0.0.1:{port}\"]");
    let server = Server::with(options(), &manifest(&allowed, ""), guests::plain());
    let ask = async |server: &Server, host: &str| {
        let answer = server
            .get(&format!("/outbound?http://{host}:{port}/hello"))
            .await;
        answer.text().to_owned()
    };
    assert_eq!(ask(&server, "127.0.0.1").await, "status 200");
    let refused = ask(&server, "localhost").await;
    assert!(refused.contains("HttpRequestDenied"), "{refused}");
    let refused = ask(&target, "127.0.0.1").await;
    assert!(refused.contains("HttpRequestDenied"), "{refused}");
}

#[tokio::test]
async fn requests_one_after_another_share_a_connection() {
    let target = Target::start().await;
    let edge = target.edge();
    for _ in 0..10 {
        target.ask(&edge).await;
    }
    assert_eq!(target.accepted(), 1);
}

/// A connection that its server closed while it waited is no failure of the request that would have
/// gone over it.
#[tokio::test]
async fn a_closed_connection_is_made_again() {
    let target = Target::start().await;
    let edge = target.edge();
    for closed in 0..10 {
        assert_eq!(target.accepted(), closed);
        target.ask(&edge).await;
        target.close_all().await;
    }
}
