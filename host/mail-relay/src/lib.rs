//! Mail on its way out: where to, how fast, signed and over TLS.
//!
//! [`SmtpRelay`] is what the outgoing queue of `concierge-mail` hands messages to. For each it finds the way (a [`Route`] that
//! is set, else the mail exchangers that [`Dns`] names), signs it ([`DkimKeys`]), and gives it to the first host that takes
//! it, over TLS as the domain's policy asks for it ([`PolicySource`]) or as it can be had.
//!
//! - `hosts`, `way`, `connect`: from a domain to a connection.
//! - `limits`, `pool`: what a domain is burdened with, and connections that are used again.
//! - `message`, `dkim`: what is sent.
//! - [`records`]: what DNS is to say of a domain of ours.
//!
//! ```no_run
//! # use std::sync::Arc;
//! use concierge_mail_relay::{DkimKeys, HttpsPolicies, RelayOptions, SmtpRelay, SystemDns};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut options = RelayOptions::new("mx.us.example", "/var/lib/concierge/tmp");
//! options.routes = vec!["b.example=127.0.0.1:2525".parse()?];
//! let dns = Arc::new(SystemDns::new()?);
//! let policies = Arc::new(HttpsPolicies::new(dns.clone())?);
//! let dkim = Arc::new(DkimKeys::open("/var/lib/concierge/dkim")?);
//! let relay = SmtpRelay::new(options, dns, policies, dkim)?;
//! # drop(relay);
//! # Ok(())
//! # }
//! ```
//!
//! Invariant: a message is tried within the lease of the queue ([`DEADLINE`]), and every recipient has an outcome.
//!
//! Invariant: a stranger's domain leads to public addresses alone. What is not public is reached by routes.
#![warn(clippy::indexing_slicing)]

mod connect;
mod dkim;
mod dns;
mod envelope;
mod failure;
mod hosts;
mod limits;
mod message;
mod names;
mod options;
mod outcome;
mod pool;
pub mod records;
mod relay;
mod route;
mod sts;
mod tls;
mod trip;
mod way;

#[cfg(test)]
mod tests;

pub use concierge_smtp::client::{Login, Timeouts};
pub use dkim::{Algorithm, DkimError, DkimKeys, PublicKey};
pub use dns::{Answers, Dns, DnsError, Mx, Srv, SystemDns};
pub use options::{DEADLINE, DomainLimits, PoolOptions, RelayOptions, SMTP_PORT};
pub use relay::SmtpRelay;
pub use route::{Route, RouteError, RouteTls};
pub use sts::{HttpsPolicies, PolicyError, PolicySource};
