#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use super::*;
use http_body_util::{BodyExt, Empty};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

fn destination(port: u16) -> Destination {
    Destination::of(&format!("http://a.test:{port}/").parse().unwrap()).unwrap()
}

/// A connection that was made, and its server's end.
async fn connection() -> (Sender, DuplexStream) {
    let (client, server) = tokio::io::duplex(1024);
    let mut sender = handshake(client).await.unwrap();
    sender.ready().await.unwrap();
    (sender, server)
}

fn request() -> http::Request<RequestBody> {
    let body = Empty::new().map_err(|never| match never {});
    let request = http::Request::get("http://a.test/").body(body.boxed_unsync());
    RequestBody::of(request.unwrap()).unwrap().0
}

/// Reads one request's head.
async fn read_head(server: &mut DuplexStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(server.read_u8().await.unwrap());
    }
}

/// Whether the other end closes the connection. Waits for it.
async fn is_closed(mut server: DuplexStream) -> bool {
    server.read(&mut [0]).await.unwrap() == 0
}

#[test]
fn destinations_differ_by_scheme_host_and_port() {
    let of = |uri: &str| Destination::of(&uri.parse().unwrap()).unwrap();
    assert_eq!(of("http://A.test/x"), of("http://a.test:80/y?z"));
    assert_eq!(of("https://a.test/"), of("https://a.test:443/"));
    assert_ne!(of("http://a.test:443/"), of("https://a.test/"));
    assert_ne!(of("http://a.test/"), of("http://b.test/"));
    assert_eq!(of("http://[::1]:8080/").host_without_brackets(), "::1");
    assert!(Destination::of(&"/path".parse().unwrap()).is_err());
}

#[tokio::test]
async fn the_connection_used_last_is_used_next() {
    let connections = Connections::default();
    let (first, _first) = connection().await;
    let (second, mut server) = connection().await;
    connections.give_back(destination(1), first);
    connections.give_back(destination(1), second);
    assert!(connections.take(&destination(2)).is_none());
    let mut sender = connections.take(&destination(1)).unwrap();
    let answered = tokio::spawn(async move { sender.send_request(request()).await.unwrap() });
    read_head(&mut server).await;
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    server.write_all(answer).await.unwrap();
    assert_eq!(answered.await.unwrap().status(), 204);
    assert!(connections.take(&destination(1)).is_some());
    assert!(connections.take(&destination(1)).is_none());
}

#[tokio::test]
async fn a_connection_waits_again_once_its_answer_was_read() {
    let connections = Connections::default();
    let (mut sender, mut server) = connection().await;
    let sent = sender.send_request(request());
    let serve = async {
        read_head(&mut server).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab";
        server.write_all(answer).await.unwrap();
    };
    let (response, ()) = tokio::join!(sent, serve);
    connections.give_back(destination(1), sender);
    assert!(connections.take(&destination(1)).is_none());
    server.write_all(b"cd").await.unwrap();
    let body = response.unwrap().into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "abcd");
    while connections.take(&destination(1)).is_none() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_connection_whose_answer_is_not_read_is_closed() {
    let connections = Connections::default();
    let (mut sender, mut server) = connection().await;
    let sent = sender.send_request(request());
    let serve = async {
        read_head(&mut server).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab";
        server.write_all(answer).await.unwrap();
    };
    let (response, ()) = tokio::join!(sent, serve);
    connections.give_back(destination(1), sender);
    drop(response);
    assert!(is_closed(server).await);
    assert!(connections.take(&destination(1)).is_none());
}

#[tokio::test]
async fn so_many_wait_and_no_more() {
    let connections = Connections::default();
    let mut servers = Vec::new();
    for _ in 0..=IDLE_PER_AUTHORITY_MAX {
        let (sender, server) = connection().await;
        connections.give_back(destination(1), sender);
        servers.push(server);
    }
    assert!(is_closed(servers.pop().unwrap()).await);
    for port in 2.. {
        let all: usize = connections.lock().waiting.values().map(Vec::len).sum();
        if all == IDLE_MAX {
            break;
        }
        let (sender, server) = connection().await;
        connections.give_back(destination(port), sender);
        servers.push(server);
    }
    let (sender, server) = connection().await;
    connections.give_back(destination(1000), sender);
    assert!(is_closed(server).await);
    assert_eq!(servers.len(), IDLE_MAX);
}

#[tokio::test]
async fn what_its_server_closed_is_not_used() {
    let connections = Connections::default();
    let (sender, server) = connection().await;
    connections.give_back(destination(1), sender);
    drop(server);
    // The connection's task learns of it.
    while connections
        .lock()
        .waiting
        .values()
        .flatten()
        .any(|waiting| waiting.sender.is_ready())
    {
        tokio::task::yield_now().await;
    }
    assert!(connections.take(&destination(1)).is_none());
}

#[tokio::test]
async fn what_waits_too_long_is_closed() {
    let connections = Connections::new(Duration::from_millis(10));
    // Again and again: when none waits, nothing looks for those that do.
    for _ in 0..2 {
        let (sender, server) = connection().await;
        connections.give_back(destination(1), sender);
        assert!(is_closed(server).await);
        while connections.lock().swept {
            tokio::task::yield_now().await;
        }
        assert!(connections.lock().waiting.is_empty());
    }
}
