//! What client and server agree on.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use crate::{checksum::Crc32c, error::NodeError, key::RecordKey};

pub(super) const RECORDS: &str = "/v1/records/";
pub(super) const STAT: &str = "/v1/stat/";
pub(super) const DELETE: &str = "/v1/delete";
pub(super) const LIST: &str = "/v1/list";
pub(super) const DAMAGED: &str = "/v1/damaged";
pub(super) const VERIFY: &str = "/v1/verify";
pub(super) const STATUS: &str = "/v1/status";

/// Bytes that may be on their way in one stream: what a disk takes in some milliseconds.
pub(super) const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes that may be on their way in one connection, for several streams at full speed.
pub(super) const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// Frames of this size keep the cost of each small beside a copy of it.
pub(super) const FRAME_BYTES: u32 = 128 * 1024;
/// Keys in one delete request.
pub(super) const DELETE_KEYS: usize = 1000;
/// The largest JSON body: a full list of records, with room to spare.
pub(super) const JSON_BYTES: usize = 8 * 1024 * 1024;

const LENGTH: &str = "concierge-length";
const CRC: &str = "concierge-crc32c";
const OUTCOME: &str = "concierge-outcome";
const DONE: &str = "done";

/// A [`NodeError`] on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "error", rename_all = "kebab-case")]
pub(super) enum WireError {
    NotFound,
    Corrupt { key: RecordKey },
    Full,
    TooLarge { limit_bytes: u64 },
    OutOfRange { length: u64 },
    Busy,
    Stopped { reason: String },
    Io { reason: String },
    Protocol { reason: String },
    Unauthorized,
}

impl WireError {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Full => StatusCode::INSUFFICIENT_STORAGE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::OutOfRange { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Busy | Self::Stopped { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Corrupt { .. } | Self::Io { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Protocol { .. } => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
        }
    }

    pub fn json(&self) -> Vec<u8> {
        // A value of this type always has a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl From<NodeError> for WireError {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::NotFound => Self::NotFound,
            NodeError::Corrupt { key } => Self::Corrupt { key },
            NodeError::Full => Self::Full,
            NodeError::TooLarge { limit_bytes } => Self::TooLarge { limit_bytes },
            NodeError::OutOfRange { length } => Self::OutOfRange { length },
            NodeError::Busy => Self::Busy,
            NodeError::Stopped(reason) => Self::Stopped {
                reason: reason.to_string(),
            },
            NodeError::Io(reason) | NodeError::Unreachable(reason) => Self::Io {
                reason: reason.to_string(),
            },
            NodeError::Protocol(reason) => Self::Protocol {
                reason: reason.to_string(),
            },
            NodeError::Unauthorized => Self::Unauthorized,
        }
    }
}

impl From<WireError> for NodeError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::NotFound => Self::NotFound,
            WireError::Corrupt { key } => Self::Corrupt { key },
            WireError::Full => Self::Full,
            WireError::TooLarge { limit_bytes } => Self::TooLarge { limit_bytes },
            WireError::OutOfRange { length } => Self::OutOfRange { length },
            WireError::Busy => Self::Busy,
            WireError::Stopped { reason } => Self::Stopped(reason.into()),
            WireError::Io { reason } => Self::Io(reason.into()),
            WireError::Protocol { reason } => Self::Protocol(reason.into()),
            WireError::Unauthorized => Self::Unauthorized,
        }
    }
}

/// Length and checksum of a payload that goes over the wire.
pub(super) struct Tally {
    length: u64,
    crc: Crc32c,
}

impl Tally {
    pub fn new() -> Self {
        Self {
            length: 0,
            crc: Crc32c::new(),
        }
    }

    pub fn of(bytes: &[u8]) -> Self {
        let mut tally = Self::new();
        tally.add(bytes);
        tally
    }

    pub fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.crc.update(bytes);
    }

    pub fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert(LENGTH, HeaderValue::from(self.length));
        trailers.insert(CRC, HeaderValue::from(self.crc.finish()));
        trailers
    }

    /// Whether the sender's trailers say the same.
    pub fn check(&self, trailers: &HeaderMap) -> Result<(), NodeError> {
        let same = |name, value: u64| number(trailers, name) == Some(value);
        if same(LENGTH, self.length) && same(CRC, self.crc.finish().into()) {
            Ok(())
        } else {
            Err(NodeError::protocol(
                "the payload does not match the sender's trailers",
            ))
        }
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// The trailer that ends a payload which is read.
pub(super) fn outcome_trailers(outcome: Result<(), NodeError>) -> HeaderMap {
    let value = match outcome {
        Ok(()) => HeaderValue::from_static(DONE),
        // Reasons may hold what a header may not; JSON escapes control characters.
        Err(error) => HeaderValue::from_bytes(&WireError::from(error).json()).unwrap_or(
            HeaderValue::from_static(r#"{"error":"io","reason":"unknown"}"#),
        ),
    };
    HeaderMap::from_iter([(http::HeaderName::from_static(OUTCOME), value)])
}

pub(super) fn read_outcome(trailers: &HeaderMap) -> Result<(), NodeError> {
    match trailers.get(OUTCOME).map(HeaderValue::as_bytes) {
        Some(value) if value == DONE.as_bytes() => Ok(()),
        Some(value) => Err(parse_error(value)),
        None => Err(NodeError::protocol("the answer has no outcome")),
    }
}

pub(super) fn parse_error(json: &[u8]) -> NodeError {
    match serde_json::from_slice::<WireError>(json) {
        Ok(error) => error.into(),
        Err(_) => NodeError::protocol("the answer is not one of a node"),
    }
}

/// One frame of a body: bytes, or the trailers that end it.
pub(super) enum Piece {
    Bytes(Bytes),
    Trailers(HeaderMap),
}

/// A body that a task fills. Closed without trailers it ends in an error, so that the other side knows.
pub(super) struct PipeBody {
    receiver: tokio::sync::mpsc::Receiver<Piece>,
    ended: bool,
}

/// Pieces that may wait in a body: one on its way, one ready.
const PIPE_PIECES: usize = 2;

pub(super) type PipeSender = tokio::sync::mpsc::Sender<Piece>;

pub(super) fn pipe() -> (PipeSender, PipeBody) {
    let (sender, receiver) = tokio::sync::mpsc::channel(PIPE_PIECES);
    (
        sender,
        PipeBody {
            receiver,
            ended: false,
        },
    )
}

/// The task that filled a body gave up.
#[derive(Debug)]
pub(super) struct GaveUp;

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sender gave up")
    }
}

impl std::error::Error for GaveUp {}

impl http_body::Body for PipeBody {
    type Data = Bytes;
    type Error = GaveUp;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, GaveUp>>> {
        if self.ended {
            return std::task::Poll::Ready(None);
        }
        self.receiver.poll_recv(context).map(|piece| match piece {
            Some(Piece::Bytes(bytes)) => Some(Ok(http_body::Frame::data(bytes))),
            Some(Piece::Trailers(trailers)) => {
                self.ended = true;
                Some(Ok(http_body::Frame::trailers(trailers)))
            }
            None => {
                self.ended = true;
                Some(Err(GaveUp))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_survive_the_wire() {
        let key = "00000000000000000000000000000007-1-2".parse().unwrap();
        let errors = [
            WireError::NotFound,
            WireError::Corrupt { key },
            WireError::Full,
            WireError::TooLarge { limit_bytes: 9 },
            WireError::OutOfRange { length: 3 },
            WireError::Busy,
            WireError::Stopped {
                reason: "a \n disk".into(),
            },
            WireError::Io {
                reason: "größer".into(),
            },
            WireError::Protocol {
                reason: String::new(),
            },
            WireError::Unauthorized,
        ];
        for error in errors {
            let outcome = read_outcome(&outcome_trailers(Err(error.clone().into())));
            assert_eq!(WireError::from(outcome.unwrap_err()), error);
        }
        assert!(read_outcome(&outcome_trailers(Ok(()))).is_ok());
        assert!(matches!(
            read_outcome(&HeaderMap::new()),
            Err(NodeError::Protocol(_))
        ));
    }

    #[test]
    fn a_tally_sees_missing_and_changed_bytes() {
        let whole = Tally::of(b"hello").trailers();
        assert!(Tally::of(b"hello").check(&whole).is_ok());
        assert!(Tally::of(b"hell").check(&whole).is_err());
        assert!(Tally::of(b"hellp").check(&whole).is_err());
        assert!(Tally::of(b"").check(&HeaderMap::new()).is_err());
    }
}
