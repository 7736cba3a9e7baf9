//! Settings of the relay.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use concierge_mail::LEASE_US;
use concierge_smtp::client::Timeouts;
use rustls::pki_types::CertificateDer;

use crate::route::Route;

/// The port that servers take mail of others on (RFC 5321 §4.5.4.2).
pub const SMTP_PORT: u16 = 25;

/// How long a message is worked on at most: it ends before the lease does, so that nobody else begins with it.
pub const DEADLINE: Duration = Duration::from_secs(18 * 60);
const _: () = assert!(DEADLINE.as_micros() < LEASE_US as u128);

/// What one domain is burdened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainLimits {
    /// Messages at once, and so connections; at least one.
    pub at_once: usize,
    /// Messages a minute; `None`: as many as it takes.
    pub per_minute: Option<u32>,
}

impl Default for DomainLimits {
    fn default() -> Self {
        Self {
            // What large providers take from one address without complaint.
            at_once: 20,
            per_minute: None,
        }
    }
}

/// Connections that are kept for the next message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolOptions {
    /// How long one is kept.
    pub idle: Duration,
    /// How many are kept, to all servers together.
    pub connections: usize,
    /// Messages over one connection: servers close after some number, often of a hundred.
    pub messages: u32,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(10),
            connections: 256,
            messages: 100,
        }
    }
}

/// Settings of the relay.
#[derive(Debug, Clone)]
pub struct RelayOptions {
    /// What we call ourselves in EHLO, and are never sent to.
    pub host_name: String,
    /// Ways that ask no DNS. Those of one domain are tried in their order.
    pub routes: Vec<Route>,
    /// How long is waited for servers.
    pub timeouts: Timeouts,
    /// How long a message is worked on; longer than [`DEADLINE`] counts as that.
    pub deadline: Duration,
    /// The port of servers that DNS names.
    pub port: u16,
    /// DNS may name addresses that are not public: for tests, and for networks without the Internet.
    pub private_addresses: bool,
    /// Our own public addresses: what names them would come back.
    pub own_addresses: Vec<IpAddr>,
    /// From which of our addresses messages of a category leave; of one that is not here, the system chooses.
    pub sources: HashMap<u8, IpAddr>,
    /// What a domain is burdened with.
    pub limits: DomainLimits,
    /// The same, of domains in lower case that have their own; of `*`: of what goes through a smart host.
    pub domains: HashMap<String, DomainLimits>,
    /// How long a domain that cannot be reached is left alone at first; twice as long each time.
    pub dead_first: Duration,
    /// The same, at most.
    pub dead_max: Duration,
    /// Connections that are kept.
    pub pool: PoolOptions,
    /// Who may sign certificates besides those whom browsers trust.
    pub roots: Vec<CertificateDer<'static>>,
    /// Where messages lie, in files without names, that are too large for memory.
    pub spool: PathBuf,
}

impl RelayOptions {
    /// With the defaults: mail goes where DNS says, to public addresses.
    #[must_use]
    pub fn new(host_name: impl Into<String>, spool: impl Into<PathBuf>) -> Self {
        Self {
            host_name: host_name.into(),
            routes: Vec::new(),
            timeouts: Timeouts::default(),
            deadline: DEADLINE,
            port: SMTP_PORT,
            private_addresses: false,
            own_addresses: Vec::new(),
            sources: HashMap::new(),
            limits: DomainLimits::default(),
            domains: HashMap::new(),
            dead_first: Duration::from_secs(30),
            dead_max: Duration::from_secs(15 * 60),
            pool: PoolOptions::default(),
            roots: Vec::new(),
            spool: spool.into(),
        }
    }
}
