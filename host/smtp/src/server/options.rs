//! Settings of a server, and its limits.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;

use super::handler::Service;

/// Longest command line with its CRLF, octets: the 512 of RFC 5321 §4.5.3.1.4 and what the extensions add to MAIL and RCPT
/// (RFC 1870 26, RFC 3461 500, RFC 4954 500, RFC 6531 10), rounded up.
pub(super) const LINE_MAX_BYTES: usize = 2_048;

/// Longest line of an exchange of authentication, octets (RFC 4954 §4).
pub(super) const SASL_LINE_MAX_BYTES: usize = 12_288;

/// Octets of lines that are too long which are passed over before the connection ends.
pub(super) const OVERLONG_MAX_BYTES: usize = 1 << 20;

/// Octets that are handed on at once, so that what keeps them is not called for every packet.
pub(super) const PIECE_BYTES: usize = 64 << 10;

/// Octets read at once while a message comes; between messages less is kept.
pub(super) const READ_BYTES: usize = 32 << 10;

/// Octets that an idle connection keeps for what it reads.
pub(super) const IDLE_BYTES: usize = 1 << 10;

/// Replies that wait for more of the pipeline, octets.
pub(super) const REPLIES_MAX_BYTES: usize = 16 << 10;

/// Bounds on what clients may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest message, octets (`SIZE` of RFC 1870).
    pub message_max_bytes: u64,
    /// Recipients of one message; RFC 5321 §4.5.3.1.8 asks for 100 at least.
    pub recipients_max: usize,
    /// Messages of one connection.
    pub messages_max: u32,
    /// Commands that are refused on one connection.
    pub errors_max: u32,
    /// Wrong passwords on one connection.
    pub authentications_max: u32,
    /// Connections at once.
    pub connections_max: usize,
    /// Connections at once from one IPv4 address or one /64 of IPv6.
    pub connections_per_address_max: usize,
    /// How long is waited for a command (RFC 5321 §4.5.3.2.7: 5 minutes), and for any octet of a message (§4.5.3.2.5: 3
    /// minutes; one time serves for both).
    pub idle_timeout: Duration,
    /// How long TLS may take to be agreed on.
    pub handshake_timeout: Duration,
    /// How long the handler may take for an answer; not counted against the client.
    pub handler_timeout: Duration,
    /// How long what is under way may take when the server ends.
    pub drain_timeout: Duration,
    /// Octets a second that a message must come with on the average, once [`Self::slow_grace`] of waiting is used up.
    pub rate_min_bytes_per_s: u64,
    /// Waiting for a message's octets that is not looked at yet.
    pub slow_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_max_bytes: 50 << 20,
            recipients_max: 1_000,
            messages_max: 1_000,
            errors_max: 20,
            authentications_max: 3,
            connections_max: 10_000,
            connections_per_address_max: 100,
            idle_timeout: Duration::from_secs(300),
            handshake_timeout: Duration::from_secs(30),
            handler_timeout: Duration::from_secs(300),
            drain_timeout: Duration::from_secs(10),
            rate_min_bytes_per_s: 256,
            slow_grace: Duration::from_secs(60),
        }
    }
}

/// Settings of a server.
#[derive(Clone)]
pub struct ServerOptions {
    /// What it is for.
    pub service: Service,
    /// Its name, in greetings.
    pub host_name: String,
    /// Its certificate; `None`: it does not speak TLS.
    pub tls: Option<Arc<ServerConfig>>,
    /// Whether clients on this machine may send passwords without TLS.
    pub plain_on_loopback: bool,
    /// Networks whose connections begin with a header of the PROXY protocol: an address and the bits that count.
    pub proxies: Vec<(IpAddr, u8)>,
    /// Bounds.
    pub limits: Limits,
}

impl ServerOptions {
    /// For a service, without TLS and with the usual bounds.
    pub fn new(service: Service, host_name: impl Into<String>) -> Self {
        Self {
            service,
            host_name: host_name.into(),
            tls: None,
            plain_on_loopback: false,
            proxies: Vec::new(),
            limits: Limits::default(),
        }
    }
}
