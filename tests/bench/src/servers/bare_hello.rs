//! The edge's baseline: hyper alone, answering what the component answers.

use anyhow::Result;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};

use super::per_core::{self, Body};

/// Bytes that `/body` answers.
pub const BODY_BYTES: usize = 1024 * 1024;
static BODY: [u8; BODY_BYTES] = [b'c'; BODY_BYTES];

/// Serves until the process ends.
pub fn serve() -> Result<()> {
    per_core::serve((), answer)
}

async fn answer((): (), request: Request<Incoming>) -> Response<Body> {
    let body = match request.uri().path() {
        "/body" => full(Bytes::from_static(&BODY)),
        "/echo" => request.into_body().map_err(std::io::Error::other).boxed(),
        _ => full(Bytes::from_static(b"hello\n")),
    };
    Response::new(body)
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}
