//! The internal listener: health, metrics and administration over HTTP.
//!
//! `GET /healthz` answers anyone; everything else asks for the bearer token in
//! `internal-token` in the data directory. WIT calls over HTTP (`/wit/…`) will
//! be here too.

mod connection;
mod routes;
mod tls;

pub use connection::{Drained, serve};
pub use routes::Internal;
pub use tls::acceptor;
