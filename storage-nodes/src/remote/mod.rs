//! A node across the network: the protocol, its server and its client.
//!
//! The protocol is HTTP/2 with prior knowledge. Every request carries `authorization: Bearer <token>`. Keys are in
//! the form that [`RecordKey`](crate::RecordKey) displays. Answers other than 200 have a JSON body, a `WireError`.
//!
//! | request | body | answer |
//! | --- | --- | --- |
//! | `PUT /v1/records/KEY?host=&epoch=` | the payload, at most [`PACKED_LIMIT_BYTES`](crate::PACKED_LIMIT_BYTES), then trailers | empty, when it is durable |
//! | `POST /v1/records/KEY?host=&epoch=&capacity=` | the payload, then trailers | at once, when room is reserved; then a JSON outcome, when it is durable |
//! | `GET /v1/records/KEY?start=&end=` | | the bytes, then a trailer `concierge-outcome` |
//! | `GET /v1/stat/KEY` | | JSON, a `RecordInfo` or `null` |
//! | `POST /v1/delete` | JSON, a list of keys | empty |
//! | `GET /v1/list?after=&limit=` | | JSON, a list of `RecordInfo` |
//! | `GET /v1/damaged` | | JSON, a list of keys |
//! | `POST /v1/verify?after=&budget=` | | JSON, a `Verified` |
//! | `GET /v1/status` | | JSON, a `NodeStatus` |
//!
//! A payload that is sent to a server ends with two trailers, `concierge-length` (bytes, decimal) and
//! `concierge-crc32c` (decimal). The server commits nothing without them, so that a connection that is cut, or a
//! sender that gives up, never leaves a record. A payload that is read ends with `concierge-outcome`: `done`, or
//! a `WireError` in JSON; the client takes no stream for complete without `done` and all the bytes it asked for.

mod client;
mod server;
mod wire;

pub use client::{RemoteNode, RemoteNodeError};
pub(crate) use client::{RemoteStream, RemoteWriter};
pub use server::{ServeError, serve};
