//! The internal listener: health, metrics, administration, and the contracts of `wit/` over HTTP.
//!
//! `GET /healthz` answers anyone; everything else asks for the bearer token in
//! `internal-token` in the data directory, or, for calls of contracts (`/wit/…`,
//! the scheme of `concierge-wit-http`) alone, for one that `concierge token create`
//! made, within its grants.

mod acknowledging;
mod calls;
mod connection;
mod routes;
mod tls;

pub use calls::Calls;
pub use connection::{Drained, serve};
pub use routes::Internal;
pub use tls::acceptor;
