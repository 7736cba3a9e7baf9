//! JMAP without state: requests are taken apart, what they ask for is asked of `concierge:mail`, and its answers become
//! JSON.
//!
//! All of it compiles and is tested natively.
//! [`jmap`] is the protocol, [`methods`] the data types.

pub mod client;
pub mod credentials;
pub mod host;
pub mod jmap;
pub mod methods;
pub mod problem;
pub mod reply;
#[cfg(not(target_family = "wasm"))]
pub mod scripted;

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
