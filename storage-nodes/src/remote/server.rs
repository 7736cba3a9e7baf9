//! The node server.

use std::{convert::Infallible, net::SocketAddr, str::FromStr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{Method, Request, Response, StatusCode, header::AUTHORIZATION};
use http_body::Body as _;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use serde::Serialize;
use subtle::ConstantTimeEq;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};

use super::wire::{
    CONNECTION_WINDOW_BYTES, DAMAGED, DELETE, DELETE_KEYS, FRAME_BYTES, GaveUp, JSON_BYTES, LIST,
    Piece, PipeSender, RECORDS, STAT, STATUS, STREAM_WINDOW_BYTES, Tally, VERIFY, WireError,
    outcome_trailers, pipe,
};
use crate::{
    client::{RecordStream, RecordWriter},
    error::NodeError,
    key::{Lease, RecordKey},
    node::Node,
    options::PACKED_LIMIT_BYTES,
};

/// Connections at once: hosts of a cluster keep a few each.
const CONNECTIONS: usize = 1024;
/// Requests at once on a connection; each may hold half a MiB while it writes.
const STREAMS_PER_CONNECTION: u32 = 256;
/// Ours are a few hundred bytes.
const HEADER_BYTES: u32 = 16 * 1024;
/// How long the other side may pause within a body.
const BODY_PAUSE: Duration = Duration::from_secs(60);
/// A connection that answers no ping for so long is dead.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long requests may go on after the shutdown began.
const DRAIN: Duration = Duration::from_secs(30);
/// A pause after a failed accept, so that running out of descriptors does not become a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The most that one verify request reads.
const VERIFY_BYTES: u64 = 256 * 1024 * 1024;
/// The shortest token taken: what is guessed easily is no secret.
const MIN_TOKEN_BYTES: usize = 16;

/// Why a node is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The protocol is not encrypted, so it stays on the machine.
    #[error(
        "refusing to serve a node without encryption on {0}, which is not a loopback address; tunnel it instead"
    )]
    NotLoopback(SocketAddr),
    /// The token could be guessed.
    #[error("the token for the node has {0} bytes; it must have at least {MIN_TOKEN_BYTES}")]
    ShortToken(usize),
    /// The listener does not work.
    #[error("the listener failed: {0}")]
    Listener(#[from] std::io::Error),
}

type Body = UnsyncBoxBody<Bytes, GaveUp>;

struct Server {
    node: Arc<Node>,
    token: String,
}

/// Serves a node until `shutdown` resolves; then requests in progress have half a minute to end.
///
/// # Errors
/// [`ServeError`], before anything is served: there is no TLS here yet, so addresses beyond loopback are refused.
pub async fn serve(
    listener: TcpListener,
    node: Arc<Node>,
    token: String,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    if token.len() < MIN_TOKEN_BYTES {
        return Err(ServeError::ShortToken(token.len()));
    }
    let server = Arc::new(Server { node, token });
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = &mut shutdown => break,
        };
        let (stream, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection = graceful.watch(connection(stream, server.clone()));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    if timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running when the node server ended");
    }
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = connections
        .clone()
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}

fn connection(
    stream: TcpStream,
    server: Arc<Server>,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send {
    let service = hyper::service::service_fn(move |request| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(server.answer(request).await) }
    });
    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .max_header_list_size(HEADER_BYTES)
        .max_frame_size(FRAME_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY)
        .serve_connection(TokioIo::new(stream), service)
}

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if !self.is_authorized(&request) {
            return refuse(NodeError::Unauthorized);
        }
        self.route(request).await.unwrap_or_else(refuse)
    }

    fn is_authorized(&self, request: &Request<Incoming>) -> bool {
        let given = request
            .headers()
            .get(AUTHORIZATION)
            .map(http::HeaderValue::as_bytes);
        let token = given
            .and_then(|value| value.strip_prefix(b"Bearer "))
            .unwrap_or_default();
        token.ct_eq(self.token.as_bytes()).into()
    }

    async fn route(&self, request: Request<Incoming>) -> Result<Response<Body>, NodeError> {
        let path = request.uri().path().to_owned();
        let query = Query(request.uri().query().unwrap_or_default().to_owned());
        let node = &self.node;
        if let Some(key) = path.strip_prefix(RECORDS) {
            let key = parse_key(key)?;
            return match *request.method() {
                Method::GET => read(node, key, &query).await,
                Method::PUT => put(node, key, &query, request.into_body()).await,
                Method::POST => write(node, key, &query, request.into_body()).await,
                _ => Err(unknown()),
            };
        }
        if let Some(key) = path.strip_prefix(STAT) {
            return Ok(json(&node.stat(parse_key(key)?).await?));
        }
        match (request.method(), path.as_str()) {
            (&Method::POST, DELETE) => delete(node, request.into_body()).await,
            (&Method::GET, LIST) => Ok(json(
                &node
                    .list(query.key("after")?, query.number("limit")?)
                    .await?,
            )),
            (&Method::GET, DAMAGED) => Ok(json(&node.damaged().await?)),
            (&Method::POST, VERIFY) => {
                let budget = query.number::<u64>("budget")?.min(VERIFY_BYTES);
                Ok(json(&node.verify(query.key("after")?, budget).await?))
            }
            (&Method::GET, STATUS) => Ok(json(&node.status().await?)),
            _ => Err(unknown()),
        }
    }
}

fn unknown() -> NodeError {
    NodeError::protocol("no such request")
}

/// The query of a request. Our values need no percent-encoding.
struct Query(String);

impl Query {
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .split('&')
            .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
            .map(|(_, value)| value)
    }

    fn number<N: FromStr>(&self, name: &str) -> Result<N, NodeError> {
        let value = self.get(name).and_then(|value| value.parse().ok());
        value.ok_or_else(|| {
            NodeError::protocol(format!(
                "the parameter {name} is missing or is not a number"
            ))
        })
    }

    fn key(&self, name: &str) -> Result<Option<RecordKey>, NodeError> {
        self.get(name).map(parse_key).transpose()
    }

    fn lease(&self) -> Result<Lease, NodeError> {
        Ok(Lease {
            host: self.number("host")?,
            epoch: self.number("epoch")?,
        })
    }
}

fn parse_key(text: &str) -> Result<RecordKey, NodeError> {
    text.parse()
        .map_err(|_| NodeError::protocol("the key is not one"))
}

async fn read(
    node: &Arc<Node>,
    key: RecordKey,
    query: &Query,
) -> Result<Response<Body>, NodeError> {
    let stream = node
        .read(key, query.number("start")?..query.number("end")?)
        .await?;
    let (sender, body) = pipe();
    tokio::spawn(send(stream, sender));
    Ok(Response::new(body.boxed_unsync()))
}

async fn send(mut stream: RecordStream, sender: PipeSender) {
    let mut outcome = Ok(());
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(bytes) => {
                if sender.send(Piece::Bytes(bytes)).await.is_err() {
                    // The reader went away.
                    return;
                }
            }
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    let _ = sender
        .send(Piece::Trailers(outcome_trailers(outcome)))
        .await;
}

/// Frames of a body whose end is checked against the sender's trailers.
struct Checked {
    body: Incoming,
    tally: Tally,
}

impl Checked {
    fn new(body: Incoming) -> Self {
        Self {
            body,
            tally: Tally::new(),
        }
    }

    /// The next bytes, or `None` at an end that is whole.
    async fn next(&mut self) -> Result<Option<Bytes>, NodeError> {
        loop {
            let frame = timeout(BODY_PAUSE, self.body.frame()).await;
            let frame = frame.map_err(|_| NodeError::protocol("the sender paused for too long"))?;
            let frame = frame
                .ok_or_else(|| NodeError::protocol("the payload ended without its trailers"))?;
            let frame = frame.map_err(|error| {
                NodeError::protocol(format!("the payload was cut off: {error}"))
            })?;
            match frame.into_data() {
                Ok(bytes) => {
                    self.tally.add(&bytes);
                    return Ok(Some(bytes));
                }
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        return self.tally.check(&trailers).map(|()| None);
                    }
                }
            }
        }
    }
}

async fn put(
    node: &Arc<Node>,
    key: RecordKey,
    query: &Query,
    body: Incoming,
) -> Result<Response<Body>, NodeError> {
    let lease = query.lease()?;
    let mut body = Checked::new(body);
    let mut payload = BytesMut::new();
    while let Some(bytes) = body.next().await? {
        if payload.len() as u64 + bytes.len() as u64 > PACKED_LIMIT_BYTES {
            return Err(NodeError::TooLarge {
                limit_bytes: PACKED_LIMIT_BYTES,
            });
        }
        payload.extend_from_slice(&bytes);
    }
    node.put(key, lease, payload.freeze()).await?;
    Ok(empty())
}

async fn write(
    node: &Arc<Node>,
    key: RecordKey,
    query: &Query,
    body: Incoming,
) -> Result<Response<Body>, NodeError> {
    let writer = node
        .begin(key, query.lease()?, query.number("capacity")?)
        .await?;
    let (sender, answer) = pipe();
    tokio::spawn(async move {
        let outcome = fill(writer, Checked::new(body)).await;
        let _ = sender
            .send(Piece::Trailers(outcome_trailers(outcome)))
            .await;
    });
    // The sender may begin; the outcome follows in the trailers.
    Ok(Response::new(answer.boxed_unsync()))
}

async fn fill(mut writer: RecordWriter, mut body: Checked) -> Result<(), NodeError> {
    while let Some(bytes) = body.next().await? {
        writer.write(bytes).await?;
    }
    writer.finish().await
}

async fn delete(node: &Arc<Node>, body: Incoming) -> Result<Response<Body>, NodeError> {
    let keys: Vec<RecordKey> = read_json(body).await?;
    if keys.len() > DELETE_KEYS {
        return Err(NodeError::protocol(format!(
            "a delete may name {DELETE_KEYS} keys"
        )));
    }
    node.delete(keys).await?;
    Ok(empty())
}

async fn read_json<T: serde::de::DeserializeOwned>(body: Incoming) -> Result<T, NodeError> {
    let whole = http_body_util::Limited::new(body, JSON_BYTES).collect();
    let whole = timeout(BODY_PAUSE, whole)
        .await
        .map_err(|_| NodeError::protocol("the sender paused for too long"))?;
    let whole =
        whole.map_err(|error| NodeError::protocol(format!("the body cannot be read: {error}")))?;
    serde_json::from_slice(&whole.to_bytes())
        .map_err(|error| NodeError::protocol(format!("the body is wrong: {error}")))
}

fn whole(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes))
        .map_err(|never| match never {})
        .boxed_unsync()
}

fn empty() -> Response<Body> {
    Response::new(whole(Vec::new()))
}

fn json<T: Serialize>(value: &T) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => Response::new(whole(bytes)),
        Err(error) => refuse(NodeError::protocol(error.to_string())),
    }
}

fn refuse(error: NodeError) -> Response<Body> {
    let error = WireError::from(error);
    let mut response = Response::new(whole(error.json()));
    *response.status_mut() = error.status();
    debug_assert!(response.status() != StatusCode::OK && !response.body().is_end_stream());
    response
}
