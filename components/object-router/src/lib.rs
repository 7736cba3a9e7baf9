//! The S3 protocol, without state: requests are taken apart, their signatures given to `concierge:identity` to be
//! verified, and what they ask for asked of `concierge:objects`. The bytes of objects pass through as the host's streams
//! and never enter this component's memory.
//!
//! All of it compiles and is tested natively; only `component`, which speaks to the real host, exists in wasm alone.
//! The way of a request is in [`serve`].

pub mod call;
#[cfg(target_family = "wasm")]
mod component;
pub mod crc;
pub mod error;
pub mod headers;
pub mod host;
pub mod http;
pub mod ops;
pub mod request_id;
pub mod route;
pub mod serve;
pub mod sigv4;
pub mod xml;

#[allow(
    unsafe_code,
    missing_docs,
    unused_imports,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the code is wit-bindgen's"
)]
pub mod bindings;
