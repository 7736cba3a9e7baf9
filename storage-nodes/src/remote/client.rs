//! The client of a node server.

use std::{
    fmt,
    ops::Range,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::Stream;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header::AUTHORIZATION};
use http_body::Body as _;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use serde::de::DeserializeOwned;
use tokio::time::{Sleep, timeout};

use super::wire::{
    CONNECTION_WINDOW_BYTES, DAMAGED, DELETE, DELETE_KEYS, FRAME_BYTES, GaveUp, JSON_BYTES, LIST,
    Piece, PipeSender, RECORDS, STAT, STATUS, STREAM_WINDOW_BYTES, Tally, VERIFY, parse_error,
    pipe, read_outcome,
};
use crate::{
    error::NodeError,
    key::{Lease, RecordInfo, RecordKey},
    options::PACKED_LIMIT_BYTES,
    status::{NodeStatus, Verified},
};

/// Connections to one node: a single one would leave all its work to one core.
const CONNECTIONS: usize = 4;
/// A machine in the same network answers in less, or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an answer may take to begin, and a body to move on. A loaded disk takes seconds at worst.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a record may take to become durable after its last byte.
const FINISH_TIMEOUT: Duration = Duration::from_secs(60);
/// A verification reads much before it answers.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(300);
/// A connection that answers no ping for so long is dead.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Bytes handed to a connection at once.
const PIECE_BYTES: usize = 256 * 1024;

type Body = UnsyncBoxBody<Bytes, GaveUp>;

/// A node in another process. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct RemoteNode(Arc<Inner>);

struct Inner {
    base: String,
    authorization: HeaderValue,
    clients: [Client<HttpConnector, Body>; CONNECTIONS],
    turn: AtomicUsize,
}

/// The address or token of a node makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteNodeError {
    /// Not an address as it must be.
    #[error("{0} is not the address of a node; write http://HOST:PORT")]
    Address(String),
    /// The token has bytes that a header cannot carry.
    #[error("the token of the node may have only visible ASCII characters")]
    Token,
}

impl fmt::Debug for RemoteNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RemoteNode").field(&self.0.base).finish()
    }
}

impl RemoteNode {
    /// A client of the node at `http://HOST:PORT`. Connects when it is first used.
    ///
    /// # Errors
    /// [`RemoteNodeError`] when address or token cannot be used.
    pub fn new(url: &str, token: &str) -> Result<Self, RemoteNodeError> {
        let address = || RemoteNodeError::Address(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| address())?;
        let plain = uri.scheme_str() == Some("http")
            && uri.path().trim_matches('/').is_empty()
            && uri.query().is_none();
        let authority = uri.authority().filter(|_| plain).ok_or_else(address)?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| RemoteNodeError::Token)?;
        authorization.set_sensitive(true);
        Ok(Self(Arc::new(Inner {
            base: format!("http://{authority}"),
            authorization,
            clients: std::array::from_fn(|_| new_client()),
            turn: AtomicUsize::new(0),
        })))
    }

    /// See [`Node::put`](crate::Node::put).
    ///
    /// # Errors
    /// As there, and [`NodeError::Unreachable`], [`NodeError::Unauthorized`] and [`NodeError::Protocol`], as for all
    /// methods. After `Unreachable` the record may be there or not; putting it again is safe.
    pub async fn put(&self, key: RecordKey, lease: Lease, payload: Bytes) -> Result<(), NodeError> {
        if payload.len() as u64 > PACKED_LIMIT_BYTES {
            let mut writer = self.begin(key, lease, payload.len() as u64).await?;
            writer.write(payload).await?;
            return writer.finish().await;
        }
        let trailers = Tally::of(&payload).trailers();
        let body = Full::new(payload)
            .map_err(|never| match never {})
            .with_trailers(async move { Some(Ok(trailers)) });
        let path = format!("{RECORDS}{key}?host={}&epoch={}", lease.host, lease.epoch);
        self.send(Method::PUT, &path, body.boxed_unsync(), FINISH_TIMEOUT)
            .await
            .map(drop)
    }

    pub(crate) async fn begin(
        &self,
        key: RecordKey,
        lease: Lease,
        capacity: u64,
    ) -> Result<RemoteWriter, NodeError> {
        let path = format!(
            "{RECORDS}{key}?host={}&epoch={}&capacity={capacity}",
            lease.host, lease.epoch
        );
        let (sender, body) = pipe();
        let answer = self
            .send(Method::POST, &path, body.boxed_unsync(), ANSWER_TIMEOUT)
            .await?;
        Ok(RemoteWriter {
            sender,
            answer: Some(answer.into_body()),
            tally: Tally::new(),
            capacity,
            accepted: 0,
        })
    }

    pub(crate) async fn read(
        &self,
        key: RecordKey,
        range: Range<u64>,
    ) -> Result<RemoteStream, NodeError> {
        let path = format!("{RECORDS}{key}?start={}&end={}", range.start, range.end);
        let answer = self
            .send(Method::GET, &path, nothing(), ANSWER_TIMEOUT)
            .await?;
        let remaining = range.end.saturating_sub(range.start);
        let deadline = Box::pin(tokio::time::sleep(ANSWER_TIMEOUT));
        Ok(RemoteStream {
            body: answer.into_body(),
            remaining,
            ended: false,
            deadline,
        })
    }

    /// See [`Node::stat`](crate::Node::stat).
    ///
    /// # Errors
    /// As for [`RemoteNode::put`].
    pub async fn stat(&self, key: RecordKey) -> Result<Option<RecordInfo>, NodeError> {
        self.get_json(Method::GET, &format!("{STAT}{key}"), ANSWER_TIMEOUT)
            .await
    }

    /// See [`Node::delete`](crate::Node::delete).
    ///
    /// # Errors
    /// As for [`RemoteNode::put`].
    pub async fn delete(&self, keys: Vec<RecordKey>) -> Result<(), NodeError> {
        for keys in keys.chunks(DELETE_KEYS) {
            let json =
                serde_json::to_vec(keys).map_err(|error| NodeError::protocol(error.to_string()))?;
            let body = Full::new(Bytes::from(json))
                .map_err(|never| match never {})
                .boxed_unsync();
            self.send(Method::POST, DELETE, body, FINISH_TIMEOUT)
                .await?;
        }
        Ok(())
    }

    /// See [`Node::list`](crate::Node::list).
    ///
    /// # Errors
    /// As for [`RemoteNode::put`].
    pub async fn list(
        &self,
        after: Option<RecordKey>,
        limit: u32,
    ) -> Result<Vec<RecordInfo>, NodeError> {
        let after = after.map(|key| format!("&after={key}")).unwrap_or_default();
        self.get_json(
            Method::GET,
            &format!("{LIST}?limit={limit}{after}"),
            ANSWER_TIMEOUT,
        )
        .await
    }

    /// See [`Node::damaged`](crate::Node::damaged).
    ///
    /// # Errors
    /// As for [`RemoteNode::put`].
    pub async fn damaged(&self) -> Result<Vec<RecordKey>, NodeError> {
        self.get_json(Method::GET, DAMAGED, ANSWER_TIMEOUT).await
    }

    /// See [`Node::verify`](crate::Node::verify). The server may read less than the budget.
    ///
    /// # Errors
    /// As for [`RemoteNode::put`].
    pub async fn verify(
        &self,
        after: Option<RecordKey>,
        budget_bytes: u64,
    ) -> Result<Verified, NodeError> {
        let after = after.map(|key| format!("&after={key}")).unwrap_or_default();
        self.get_json(
            Method::POST,
            &format!("{VERIFY}?budget={budget_bytes}{after}"),
            VERIFY_TIMEOUT,
        )
        .await
    }

    /// See [`Node::status`](crate::Node::status).
    ///
    /// # Errors
    /// As for [`RemoteNode::put`].
    pub async fn status(&self) -> Result<NodeStatus, NodeError> {
        self.get_json(Method::GET, STATUS, ANSWER_TIMEOUT).await
    }

    async fn get_json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        wait: Duration,
    ) -> Result<T, NodeError> {
        let answer = self.send(method, path, nothing(), wait).await?;
        let json = collect(answer.into_body()).await?;
        serde_json::from_slice(&json)
            .map_err(|error| NodeError::protocol(format!("the answer is wrong: {error}")))
    }

    /// Sends a request and gives an answer that begins with 200.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Body,
        wait: Duration,
    ) -> Result<Response<Incoming>, NodeError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.0.base))
            .header(AUTHORIZATION, &self.0.authorization)
            .body(body)
            .map_err(|error| NodeError::protocol(error.to_string()))?;
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed) % CONNECTIONS;
        let [first, ..] = &self.0.clients;
        let client = self.0.clients.get(turn).unwrap_or(first);
        let answer = timeout(wait, client.request(request))
            .await
            .map_err(|_| too_slow())?;
        let answer = answer.map_err(|error| unreachable(&error))?;
        if answer.status() == StatusCode::OK {
            return Ok(answer);
        }
        Err(parse_error(&collect(answer.into_body()).await?))
    }
}

fn new_client() -> Client<HttpConnector, Body> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .http2_only(true)
        .http2_max_frame_size(FRAME_BYTES)
        .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(PING_EVERY)
        .http2_keep_alive_timeout(PING_EVERY)
        .build(connector)
}

fn nothing() -> Body {
    http_body_util::Empty::new()
        .map_err(|never| match never {})
        .boxed_unsync()
}

async fn collect(body: Incoming) -> Result<Bytes, NodeError> {
    let whole = http_body_util::Limited::new(body, JSON_BYTES).collect();
    let whole = timeout(ANSWER_TIMEOUT, whole)
        .await
        .map_err(|_| too_slow())?;
    whole
        .map(http_body_util::Collected::to_bytes)
        .map_err(|error| NodeError::Unreachable(error.to_string().into()))
}

fn too_slow() -> NodeError {
    NodeError::Unreachable("no answer in time".into())
}

/// The whole chain of causes: the outermost says little.
fn unreachable(error: &dyn std::error::Error) -> NodeError {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason = format!("{reason}: {error}");
        cause = error.source();
    }
    NodeError::Unreachable(reason.into())
}

/// Sends the bytes of one record. Dropped before it is finished, it makes the server forget them.
pub(crate) struct RemoteWriter {
    sender: PipeSender,
    /// Taken when the outcome is known.
    answer: Option<Incoming>,
    tally: Tally,
    capacity: u64,
    accepted: u64,
}

impl RemoteWriter {
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), NodeError> {
        if bytes.len() as u64 > self.capacity - self.accepted {
            return Err(NodeError::TooLarge {
                limit_bytes: self.capacity,
            });
        }
        self.accepted += bytes.len() as u64;
        while !bytes.is_empty() {
            let piece = bytes.split_to(PIECE_BYTES.min(bytes.len()));
            self.tally.add(&piece);
            self.push(Piece::Bytes(piece)).await?;
        }
        Ok(())
    }

    pub async fn finish(mut self) -> Result<(), NodeError> {
        let trailers = self.tally.trailers();
        self.push(Piece::Trailers(trailers)).await?;
        self.outcome().await
    }

    async fn push(&mut self, piece: Piece) -> Result<(), NodeError> {
        match timeout(ANSWER_TIMEOUT, self.sender.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            Err(_) => Err(too_slow()),
            // The server does not take more: it says why.
            Ok(Err(_)) => Err(self
                .outcome()
                .await
                .err()
                .unwrap_or_else(|| NodeError::protocol("the node took too little"))),
        }
    }

    async fn outcome(&mut self) -> Result<(), NodeError> {
        let Some(answer) = self.answer.take() else {
            return Err(NodeError::protocol("the record was given up"));
        };
        let answer = timeout(FINISH_TIMEOUT, answer.collect())
            .await
            .map_err(|_| too_slow())?;
        let answer = answer.map_err(|error| unreachable(&error))?;
        read_outcome(answer.trailers().unwrap_or(&http::HeaderMap::new()))
    }
}

/// The bytes of a read, as they arrive.
pub(crate) struct RemoteStream {
    body: Incoming,
    remaining: u64,
    ended: bool,
    /// When the other side has paused for too long.
    deadline: Pin<Box<Sleep>>,
}

impl RemoteStream {
    fn fail(&mut self, error: NodeError) -> Poll<Option<Result<Bytes, NodeError>>> {
        self.ended = true;
        Poll::Ready(Some(Err(error)))
    }

    fn take(&mut self, frame: http_body::Frame<Bytes>) -> Result<Option<Bytes>, NodeError> {
        let frame = match frame.into_data() {
            Ok(bytes) => {
                let Some(remaining) = self.remaining.checked_sub(bytes.len() as u64) else {
                    return Err(NodeError::protocol("the node sent more than was asked for"));
                };
                self.remaining = remaining;
                return Ok(Some(bytes).filter(|bytes| !bytes.is_empty()));
            }
            Err(frame) => frame,
        };
        if let Ok(trailers) = frame.into_trailers() {
            read_outcome(&trailers)?;
            if self.remaining > 0 {
                return Err(NodeError::protocol("the node sent less than was asked for"));
            }
            self.ended = true;
        }
        Ok(None)
    }
}

impl Stream for RemoteStream {
    type Item = Result<Bytes, NodeError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while !self.ended {
            let frame = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(frame) => frame,
                Poll::Pending if self.deadline.as_mut().poll(context).is_ready() => {
                    return self.fail(too_slow());
                }
                Poll::Pending => return Poll::Pending,
            };
            let next = tokio::time::Instant::now() + ANSWER_TIMEOUT;
            self.deadline.as_mut().reset(next);
            let outcome = match frame {
                Some(Ok(frame)) => self.take(frame),
                Some(Err(error)) => Err(unreachable(&error)),
                None => Err(NodeError::protocol("the answer ended without an outcome")),
            };
            match outcome {
                Ok(Some(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Ok(None) => {}
                Err(error) => return self.fail(error),
            }
        }
        Poll::Ready(None)
    }
}
