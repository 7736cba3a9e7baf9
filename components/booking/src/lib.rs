//! Bookings by API and in the browser, without state: requests are taken apart, what they ask for is asked of
//! `concierge:booking`, and its answers become JSON (`/booking/v1`, module [`api`]) or pages (`/booking`, module
//! [`pages`]).
//!
//! All of it compiles and is tested natively; only `component`, which speaks to the real host, exists in wasm alone.
//! The way of a request begins in [`serve`].

pub mod api;
pub mod client;
#[cfg(target_family = "wasm")]
mod component;
pub mod credentials;
pub mod cross_site;
pub mod dates;
pub mod host;
pub mod idempotency;
pub mod pages;
pub mod reply;
pub mod serve;

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
