//! The server.
//!
//! - [`handler`](Handler): what is asked about a session, and to whom messages are given.
//! - `listener`: accepts connections, within bounds.
//! - `session`: obeys commands; `command`, `sasl` and `data` read what clients say, `wire` has the octets.

mod admission;
mod command;
mod data;
mod handler;
mod listener;
mod options;
mod proxy;
mod sasl;
mod session;
mod wire;

pub use handler::{
    Accepted, Answer, Authenticated, Connection, Credentials, Envelope, Handler, Incoming, Service,
    TlsSession,
};
pub use listener::Server;
pub use options::{Limits, ServerOptions};

#[doc(hidden)]
pub use session::speak;
