//! Calls of the contracts in `wit/` as HTTP requests, so that a component can be away from the host.
//!
//! One request is one call, and all functions have the same form:
//!
//! ```text
//! POST /wit/concierge:objects@0.1.0/blobs/put HTTP/1.1
//! authorization: Bearer TOKEN
//! concierge-contract: FINGERPRINT
//! concierge-arguments: ARGUMENTS
//!
//! the bytes of the stream, if the function takes one
//! ```
//!
//! The answer has status 200, `concierge-result: RESULT`, and as its body the stream that the function
//! gives, if it gives one. RESULT is the function's `result<T, E>`: that a call fails as its contract says
//! is an answer like any other. Every other status is about the scheme itself ([`Failure`]), with a
//! sentence for people as its body.
//!
//! Arguments (as a tuple) and results are encoded by postcard 1 (the format is stable and specified at
//! <https://postcard.jamesmunns.com>) in the order of the WIT file's fields, and put into the header as
//! base64 (RFC 4648 §5, without padding). They are in a header because a component cannot put bytes of its
//! own in front of a stream that it only passes on: so the body of either message is a stream from its
//! first byte to its last, and never enters the memory of who passes it on. What is too long for a header
//! ([`HEADER_MAX_BYTES`]) is the body instead, not in base64; a function that has a stream in that
//! direction has its body taken, and fails ([`Failure::TooLong`]).
//!
//! Two ends that were built from different contracts must not misread each other. The version in the path
//! says what a person released; the fingerprint is a hash of the package's WIT without its comments, so
//! that even an unreleased change is noticed at the first call.
//!
//! The functions are listed once, in [`functions!`]: the server, the native client and the bridge component
//! are made from that list.

#![warn(clippy::indexing_slicing)]

#[cfg(feature = "client")]
mod client;
mod contract;
mod encoding;
mod failure;
mod functions;
#[cfg(feature = "native")]
mod stream;

/// The internal listener's end.
#[cfg(feature = "server")]
pub mod server;

#[cfg(feature = "client")]
pub use client::{Client, ClientError, ClientOptions};
pub use contract::{BOOKING, Function, IDENTITY, MAIL, OBJECTS, PACKAGES, PATH_PREFIX, Package};
pub use encoding::{
    ANSWER_MAX_BYTES, ARGUMENTS_HEADER, ARGUMENTS_MAX_BYTES, CONTRACT_HEADER, HEADER_MAX_BYTES,
    Placed, RESULT_HEADER, STREAM_HEADER_MAX_BYTES, decode, decode_header, encode, place,
};
pub use failure::{ContractError, Failure};
#[cfg(feature = "native")]
pub use stream::{ByteStream, StreamError};
