//! SMTP (RFC 5321): what is said, a server and a client.
//!
//! - [`envelope`]: who a message is from and for, with what the extensions add.
//! - [`reply`]: what is answered.
//! - [`server`]: accepts connections, speaks with clients, and hands what they bring to a [`server::Handler`].
//! - [`client`]: brings messages to other servers.
//!
//! Invariant: nothing here keeps a message or decides about one. Memory for a connection is bounded, whatever it sends.
#![warn(clippy::indexing_slicing)]

pub mod client;
pub mod envelope;
pub mod reply;
pub mod server;

pub use envelope::{BodyKind, Notify, Recipient, Return, Sender};
pub use reply::{EnhancedCode, Reply};
