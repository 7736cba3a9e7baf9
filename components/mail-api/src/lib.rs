//! JMAP without state: requests are taken apart, what they ask for is asked of `concierge:mail`, and its answers become
//! JSON.
//!
//! All of it compiles and is tested natively.
//! [`serve`] is the way of a request, [`jmap`] the protocol, [`methods`] the data types.

pub mod api;
pub mod autoconfig;
pub mod client;
pub mod credentials;
pub mod events;
pub mod header;
pub mod host;
pub mod jmap;
pub mod methods;
pub mod problem;
pub mod reply;
pub mod route;
mod serve;
pub mod session;
pub mod settings;
pub mod transfer;

#[cfg(not(target_family = "wasm"))]
pub mod scripted;
#[cfg(test)]
mod tests;

#[cfg(target_family = "wasm")]
mod component;

pub use serve::{Around, serve, unreadable};

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
