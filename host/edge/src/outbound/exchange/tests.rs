#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use super::super::connections::handshake;
use super::*;
use http_body_util::{Empty, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SHORT: Duration = Duration::from_millis(10);

fn options() -> RequestOptions {
    RequestOptions {
        connect_timeout: None,
        first_byte_timeout: None,
        between_bytes_timeout: None,
    }
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn uri(port: u16) -> String {
    format!("http://127.0.0.1:{port}/path?query")
}

fn get(port: u16) -> http::Request<WasiBody> {
    let body = Empty::new().map_err(|never| match never {});
    http::Request::get(uri(port))
        .body(body.boxed_unsync())
        .unwrap()
}

/// Reads up to and with `end`.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        text.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(text).unwrap()
}

/// Accepts a connection, answers its request with `answer`, and gives the connection back.
async fn answer(listener: &TcpListener, answer: &str) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.starts_with("GET /path?query HTTP/1.1\r\n"), "{head}");
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_request_that_was_not_sent_goes_over_another_connection() {
    let (listener, port) = listener().await;
    let connections = Connections::default();
    let destination = Destination::of(&uri(port).parse().unwrap()).unwrap();
    // These ended, and what drives them does not know yet.
    for _ in 0..3 {
        let (client, server) = tokio::io::duplex(1024);
        let mut sender = handshake(client).await.unwrap();
        sender.ready().await.unwrap();
        connections.give_back(destination.clone(), sender);
        drop(server);
    }
    let sent = send(&connections, get(port), None);
    let (sent, _stream) = tokio::join!(sent, answer(&listener, "HTTP/1.1 204 No Content\r\n\r\n"));
    assert_eq!(sent.unwrap().0.status(), 204);
    assert!(connections.take(&destination).is_some());
    assert!(connections.take(&destination).is_none());
}

#[tokio::test]
async fn a_request_that_may_have_been_worked_on_is_not_sent_again() {
    let (listener, port) = listener().await;
    let connections = Connections::default();
    let first = send(&connections, get(port), None);
    let (first, stream) = tokio::join!(first, answer(&listener, "HTTP/1.1 204 No Content\r\n\r\n"));
    assert_eq!(first.unwrap().0.status(), 204);
    let second = send(&connections, get(port), None);
    let close = async {
        let mut stream = stream;
        read_until(&mut stream, "\r\n\r\n").await;
    };
    let (second, ()) = tokio::join!(second, close);
    assert!(matches!(second, Err(Error::Hyper(_))), "{:?}", second.err());
}

#[tokio::test]
async fn what_takes_too_long_ends_with_its_error() {
    let (listener, port) = listener().await;
    let connections = Connections::default();
    let mut first_byte = options();
    first_byte.first_byte_timeout = Some(SHORT);
    let sent = send(&connections, get(port), Some(first_byte));
    let (sent, silent) = tokio::join!(sent, listener.accept());
    assert!(matches!(sent, Err(Error::ConnectionReadTimeout)));
    drop(silent);

    let mut between_bytes = options();
    between_bytes.between_bytes_timeout = Some(SHORT);
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab";
    let sent = send(&connections, get(port), Some(between_bytes));
    let (sent, _stream) = tokio::join!(sent, answer(&listener, half));
    let mut body = HostRead(sent.unwrap().0.into_body());
    let first = body.frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "ab");
    let then = body.frame().await.unwrap();
    assert!(matches!(then, Err(Error::ConnectionReadTimeout)));
}

#[tokio::test]
async fn no_server_is_a_failed_connection() {
    let (listener, port) = listener().await;
    drop(listener);
    let sent = send(&Connections::default(), get(port), None).await;
    assert!(matches!(sent, Err(Error::Connect(_))));
}

#[tokio::test]
async fn a_body_is_known_to_be_sent() {
    let (listener, port) = listener().await;
    let body = Full::new(Bytes::from_static(b"body")).map_err(|never| match never {});
    let request = http::Request::put(uri(port))
        .body(body.boxed_unsync())
        .unwrap();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_until(&mut stream, "\r\n\r\nbody").await;
        assert!(head.contains("content-length: 4\r\n"), "{head}");
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .unwrap();
    };
    let connections = Connections::default();
    let (sent, ()) = tokio::join!(send(&connections, request, None), serve);
    assert!(Box::into_pin(sent.unwrap().1).await.is_ok());
}
