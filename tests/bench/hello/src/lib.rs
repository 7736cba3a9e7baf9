//! The component that the edge benchmark serves, under `concierge` and under
//! `spin up` alike.
//!
//! - `/` answers `hello`: what a request costs when it does nothing.
//! - `/body` answers 1 MiB out of the component's memory.
//! - `/echo` gives the request's body back without reading it: the stream goes
//!   from the host to the host.
#![cfg(target_family = "wasm")]

use bytes::Bytes;
use spin_sdk::http::{IntoResponse, Request, Result};
use spin_sdk::http_service;
use spin_sdk::wasip3::http::types;
use spin_sdk::wasip3::{wit_future, wit_stream};

/// As many bytes as the benchmark expects of `/body`.
const BODY_BYTES: usize = 1024 * 1024;
static BODY: [u8; BODY_BYTES] = [b'c'; BODY_BYTES];

#[http_service]
async fn handle(request: Request) -> Result<types::Response> {
    match request.uri().path() {
        "/body" => Ok(Bytes::from_static(&BODY).into_response()?),
        "/echo" => Ok(echo(request)),
        _ => Ok("hello\n".into_response()?),
    }
}

/// Joins the request's stream to the response.
fn echo(request: Request) -> types::Response {
    let (_result, result) = wit_future::new(|| Ok(()));
    let (stream, trailers) = match request.into_body().take_unstarted() {
        Some(message) => types::Request::consume_body(message, result),
        None => (wit_stream::new().1, wit_future::new(|| Ok(None)).1),
    };
    types::Response::new(types::Headers::new(), Some(stream), trailers).0
}
