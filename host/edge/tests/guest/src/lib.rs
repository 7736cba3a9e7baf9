//! Behaves and misbehaves, by path.

use bytes::Bytes;
use http_body_util::BodyExt;
use spin_sdk::http::{self, FullBody, IntoResponse, Request, StatusCode};
use spin_sdk::http_service;
use spin_sdk::wasip3::{self, clocks::monotonic_clock, http::types, wit_future};
use std::sync::atomic::{AtomicU64, Ordering};

/// Requests that this instance has begun.
static BEGUN: AtomicU64 = AtomicU64::new(0);

#[http_service]
async fn handle(request: Request) -> Result<types::Response, http::Error> {
    let begun = BEGUN.fetch_add(1, Ordering::Relaxed) + 1;
    // A route's test asks at any path to be shown what came.
    let path = match request.headers().get("x-show") {
        Some(show) => format!("/{}", show.to_str().unwrap()),
        None => request.uri().path().to_owned(),
    };
    let query = request.uri().query().unwrap_or("").to_owned();
    let number = query.parse::<u64>().unwrap_or(0);
    Ok(match path.as_str() {
        "/hello" => text(StatusCode::OK, "hello"),
        "/begun" => text(StatusCode::OK, &begun.to_string()),
        "/headers" => headers(&request),
        "/trap" => panic!("told to"),
        "/trap-in-body" => trap_in_body(),
        "/spin" => spin(),
        "/compute" => compute(number),
        "/allocate" => allocate(number),
        "/slow" => {
            monotonic_clock::wait_for(number * 1_000_000).await;
            text(StatusCode::OK, "slow")
        }
        "/echo" => echo(request)?,
        "/count" => text(StatusCode::OK, &count(request).await?.to_string()),
        "/zeros" => zeros(number),
        "/outbound" => outbound(&query).await,
        "/environment" => text(
            StatusCode::OK,
            &format!("{:?}", std::env::vars().collect::<Vec<_>>()),
        ),
        "/files" => text(
            StatusCode::OK,
            &format!("{:?}", std::fs::read_dir("/").map(|d| d.count())),
        ),
        "/sockets" => text(
            StatusCode::OK,
            &format!("{:?}", std::net::TcpStream::connect(query.as_str())),
        ),
        "/error" => {
            return Err(http::Error::ErrorCode(types::ErrorCode::InternalError(
                None,
            )));
        }
        _ => text(StatusCode::NOT_FOUND, &path),
    })
}

fn text(status: StatusCode, text: &str) -> types::Response {
    let response = spin_sdk::http::Response::builder()
        .status(status)
        .header("content-type", "text/plain")
        .body(FullBody::new(Bytes::from(text.to_owned())))
        .unwrap();
    response.into_response().unwrap()
}

fn headers(request: &Request) -> types::Response {
    let mut lines: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    lines.sort();
    text(
        StatusCode::OK,
        &format!(
            "{} {}\n{}\n",
            request.method(),
            request.uri(),
            lines.join("\n")
        ),
    )
}

fn respond(length: Option<u64>, body: wasip3::wit_bindgen::StreamReader<u8>) -> types::Response {
    let headers = types::Fields::new();
    if let Some(length) = length {
        headers
            .append("content-length", length.to_string().as_bytes())
            .unwrap();
    }
    let (trailers, no_trailers) = wit_future::new(|| Ok(None));
    drop(trailers);
    types::Response::new(headers, Some(body), no_trailers).0
}

fn trap_in_body() -> types::Response {
    let (mut writer, reader) = wasip3::wit_stream::new();
    wasip3::wit_bindgen::spawn(async move {
        writer.write_all(vec![b'x'; 100_000]).await;
        panic!("told to");
    });
    respond(None, reader)
}

fn spin() -> types::Response {
    let mut n = 0_u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

/// Computes for about so many milliseconds.
fn compute(ms: u64) -> types::Response {
    let end = monotonic_clock::now() + ms * 1_000_000;
    while monotonic_clock::now() < end {
        std::hint::black_box(0);
    }
    text(StatusCode::OK, "computed")
}

/// Allocates so many MiB and keeps them.
fn allocate(mib: u64) -> types::Response {
    let block = vec![1_u8; (mib << 20) as usize];
    std::hint::black_box(&block);
    std::mem::forget(block);
    text(StatusCode::OK, "allocated")
}

/// The request's body as the response's, untouched.
fn echo(request: Request) -> Result<types::Response, http::Error> {
    let raw = request
        .into_body()
        .take_unstarted()
        .expect("nobody has read it");
    let length = raw
        .get_headers()
        .get("content-length")
        .first()
        .and_then(|value| String::from_utf8_lossy(value).parse().ok());
    let (result, done) = wit_future::new(|| Ok(()));
    drop(result);
    let (body, trailers) = types::Request::consume_body(raw, done);
    drop(trailers);
    Ok(respond(length, body))
}

/// Reads the body in wasm, and says how long it was.
async fn count(request: Request) -> Result<u64, http::Error> {
    let mut body = request.into_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            length += data.len() as u64;
        }
    }
    Ok(length)
}

/// So many zero bytes, written by wasm.
fn zeros(mut length: u64) -> types::Response {
    let (mut writer, reader) = wasip3::wit_stream::new();
    let total = length;
    wasip3::wit_bindgen::spawn(async move {
        while length > 0 {
            let piece = length.min(64 << 10);
            if !writer.write_all(vec![0; piece as usize]).await.is_empty() {
                return;
            }
            length -= piece;
        }
    });
    respond(Some(total), reader)
}

async fn outbound(url: &str) -> types::Response {
    match spin_sdk::http::get(url).await {
        Ok(response) => text(
            StatusCode::OK,
            &format!("status {}", response.status().as_u16()),
        ),
        Err(error) => text(StatusCode::BAD_GATEWAY, &format!("{error:?}")),
    }
}
