//! What a component may use, and what becomes of the others when it uses more.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod support;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use std::time::Duration;
use support::{Server, eventually, guests, log, manifest, options, read_until, request};
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn a_trap_fails_its_own_request_and_is_logged() {
    let server = Server::plain("");
    let mut request = request("GET", "/trap", Bytes::new());
    request
        .headers_mut()
        .insert("x-request-id", "trapped-1".parse().unwrap());
    let answer = server.send(request).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.header("x-request-id"), "trapped-1");
    assert_eq!(
        log::lines_with(&["ERROR", "component=guest", "trapped-1"]).len(),
        1
    );
    assert_eq!(server.get("/hello").await.text(), "hello");
}

#[tokio::test]
async fn a_trap_takes_along_who_is_in_the_same_instance_and_no_one_else() {
    // More than the sockets between them hold: it is under way until it is read.
    const LENGTH: u64 = 64 << 20;
    for (requests_per_instance, goes_on) in [(2, false), (1, true)] {
        let server = Server::plain(&format!("requests_per_instance = {requests_per_instance}"));
        let mut sender = server.http1().await;
        let other = request("GET", &format!("/zeros?{LENGTH}"), Bytes::new());
        let mut other = sender.send_request(other).await.unwrap().into_body();
        let begun = other.frame().await.unwrap().unwrap();
        let mut received = begun.into_data().unwrap().len() as u64;

        let trap = server.get("/trap").await;
        assert_eq!(trap.status, StatusCode::INTERNAL_SERVER_ERROR);
        while let Some(Ok(frame)) = other.frame().await {
            received += frame.into_data().unwrap().len() as u64;
        }
        assert_eq!(received == LENGTH, goes_on, "{received} bytes");
    }
}

#[tokio::test]
async fn an_answer_that_a_trap_cut_off_does_not_look_complete() {
    let server = Server::plain("");
    let answer = server.get("/trap-in-body").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, None);
}

#[tokio::test]
async fn an_error_of_the_component_is_an_answer_too() {
    let server = Server::plain("");
    let answer = server.get("/error").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(server.get("/begun").await.text(), "2");
}

#[tokio::test]
async fn a_guest_that_computes_without_end_is_stopped() {
    let server = Server::plain("cpu_ms = 100");
    let (stopped, other) = tokio::join!(server.get("/spin"), server.get("/hello"));
    assert_eq!(stopped.status, StatusCode::INTERNAL_SERVER_ERROR);
    // The thread is shared while the guest computes.
    assert_eq!(other.text(), "hello");
    assert_eq!(server.get("/compute?20").await.text(), "computed");
}

#[tokio::test]
async fn time_spent_waiting_is_not_computing() {
    let server = Server::plain("cpu_ms = 50");
    assert_eq!(server.get("/slow?300").await.text(), "slow");
}

#[tokio::test]
async fn memory_has_a_limit_and_an_instance_above_its_mark_is_replaced() {
    let server = Server::plain("memory_mib = 32\nmemory_mark_mib = 16");
    assert_eq!(server.get("/allocate?4").await.text(), "allocated");
    assert_eq!(server.get("/begun").await.text(), "2");
    assert_eq!(server.get("/allocate?20").await.text(), "allocated");
    assert_eq!(server.get("/begun").await.text(), "1");
    let refused = server.get("/allocate?40").await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn an_instance_is_replaced_after_so_many_requests() {
    let server = Server::plain("instance_requests = 3");
    for begun in ["1", "2", "3", "1"] {
        assert_eq!(server.get("/begun").await.text(), begun);
    }
}

#[tokio::test]
async fn a_component_that_does_not_begin_to_answer_is_given_up() {
    let server = Server::plain("first_byte_ms = 2000");
    let answer = server.get("/slow?60000").await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(server.get("/hello").await.text(), "hello");
}

#[tokio::test]
async fn a_body_has_a_limit_announced_or_not() {
    let server = Server::plain("body_mib = 1");
    let head = "PUT /count HTTP/1.1\r\nhost: a\r\ncontent-length: 1048577\r\n\r\n";
    let mut stream = server.raw(head).await;
    let line = read_until(&mut stream, "\r\n").await;
    assert!(line.starts_with("HTTP/1.1 413 "), "{line}");

    let head = "PUT /count HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut stream = server.raw(head).await;
    stream.write_all(b"100001\r\n").await.unwrap();
    stream.write_all(&vec![0; 0x10_0001]).await.unwrap();
    let line = read_until(&mut stream, "\r\n").await;
    assert!(line.starts_with("HTTP/1.1 413 "), "{line}");

    assert_eq!(
        server.put("/count", vec![0; 1 << 20]).await.text(),
        "1048576"
    );
}

#[tokio::test]
async fn one_request_too_many_is_told_to_come_again() {
    let server = Server::plain("concurrent_requests = 2");
    let waiting = "PUT /count HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n";
    let mut first = server.raw(waiting).await;
    let mut second = server.raw(waiting).await;
    eventually(async || server.get("/hello").await.status == StatusCode::SERVICE_UNAVAILABLE).await;
    let refused = server.get("/hello").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), "1");
    for stream in [&mut first, &mut second] {
        stream.write_all(b"x").await.unwrap();
        read_until(stream, "1").await;
    }
    eventually(async || server.get("/hello").await.status == StatusCode::OK).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_loses_its_place() {
    let mut options = options();
    options.write_timeout = Duration::from_millis(500);
    let lines = manifest("", "concurrent_requests = 1");
    let server = Server::with(options, &lines, guests::plain());
    let mut sender = server.http1().await;
    let zeros = request("GET", "/zeros?1000000000", Bytes::new());
    let mut body = sender.send_request(zeros).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    let status = async || server.get("/hello").await.status;
    assert_eq!(status().await, StatusCode::SERVICE_UNAVAILABLE);
    eventually(async || status().await == StatusCode::OK).await;
    let end = loop {
        match body.frame().await {
            Some(Ok(_)) => {}
            end => break end,
        }
    };
    assert!(end.is_some(), "the answer looks complete");
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_place() {
    let server = Server::plain("concurrent_requests = 1");
    let upload = server
        .raw("PUT /count HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n")
        .await;
    eventually(async || server.get("/hello").await.status == StatusCode::SERVICE_UNAVAILABLE).await;
    drop(upload);
    eventually(async || server.get("/hello").await.status == StatusCode::OK).await;

    // And one that does not read its answer to the end.
    let mut sender = server.http1().await;
    let response = sender
        .send_request(request("GET", "/zeros?1000000000", Bytes::new()))
        .await;
    let mut body = response.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(
        server.get("/hello").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    drop((body, sender));
    eventually(async || server.get("/hello").await.status == StatusCode::OK).await;
}
