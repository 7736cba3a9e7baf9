//! What DNS is asked.

mod system;

#[cfg(test)]
pub(crate) mod fake;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

pub use system::SystemDns;

/// Why DNS has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// There is no such name (NXDOMAIN): there will not be tomorrow.
    #[error("there is no such name")]
    NoSuchName,
    /// Nobody answered, or not what can be believed: another time somebody may.
    #[error("DNS: {0}")]
    Unavailable(String),
}

/// What a question gives; empty: the name has no records of this kind.
pub type Answers<'a, T> = Pin<Box<dyn Future<Output = Result<Vec<T>, DnsError>> + Send + 'a>>;

/// A mail exchanger (RFC 5321 §5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mx {
    /// The lower, the sooner.
    pub preference: u16,
    /// Its name without the last dot, in lower case; empty: the root, which is nobody (RFC 7505).
    pub exchange: String,
}

/// Where a service is (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srv {
    /// The port.
    pub port: u16,
    /// The host without the last dot, in lower case.
    pub target: String,
}

/// Answers questions about names. Names are given without the last dot and may have more than ASCII. Every answer comes in
/// bounded time and follows a bounded number of aliases.
pub trait Dns: Send + Sync {
    /// The mail exchangers of a domain.
    fn mx<'a>(&'a self, domain: &'a str) -> Answers<'a, Mx>;
    /// The addresses of a host, of both kinds.
    fn addresses<'a>(&'a self, host: &'a str) -> Answers<'a, IpAddr>;
    /// The texts of a name, each with its strings joined.
    fn txt<'a>(&'a self, name: &'a str) -> Answers<'a, String>;
    /// Where a service is.
    fn srv<'a>(&'a self, name: &'a str) -> Answers<'a, Srv>;
}
