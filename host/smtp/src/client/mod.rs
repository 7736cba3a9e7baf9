//! The client: brings messages to other servers.
//!
//! [`Client::connect`] greets a server; [`Client::start_tls`] and [`Client::authenticate`] as the caller wants it; then any
//! number of [`Client::send`], with [`Client::reset`] between them; [`Client::quit`].
//!
//! Invariants: nothing that a message or an address holds becomes a command or ends the message early ([`Lines`],
//! [`Client::unfit`]); what a server answers is bounded ([`REPLY_MAX_BYTES`]); every step has a limit ([`Timeouts`]); and
//! what breaks before the final dot is told from what breaks after it ([`Broken::point`]).

mod commands;
mod connection;
mod error;
mod extensions;
#[cfg(any(test, feature = "fake-server"))]
pub mod fake;
mod lines;
mod options;
mod replies;
mod stream;
mod transaction;

#[cfg(test)]
mod tests;

pub use connection::{Client, Connect, Login};
pub use error::{Broken, ClientError, Point, Step};
pub use extensions::Extensions;
pub use lines::Lines;
pub use options::Timeouts;
pub use replies::REPLY_MAX_BYTES;
