//! API and pages from end to end of the component: what each request asks of the host, and what the client is answered.
//! Every answer of the API is held against the OpenAPI document (`document.rs`).

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
mod document;
mod fixtures;
mod playback;

mod actions;
mod bad_input;
mod browsers;
mod callers;
mod errors;
mod guests;
mod openapi;
mod payments;
mod repeated;
mod staff;
