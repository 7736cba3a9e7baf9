//! The protocol from end to end of the component: what each request asks of the host, and what the client is answered,
//! to the last header and element, as the Amazon S3 API Reference documents it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a step that fails fails the test"
)]
#![allow(
    clippy::result_large_err,
    reason = "the errors are those of the contract, as it generates them"
)]

mod client;
mod fixtures;
mod playback;

mod authentication;
mod bodies;
mod buckets;
mod copies;
mod cors;
mod errors;
mod listing;
mod multipart;
mod objects;
