//! Where a message may go.

use std::net::IpAddr;

use concierge_smtp::client::Login;

use crate::hosts::Host;
use crate::route::{Route, RouteTls};

/// What is asked of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Security {
    /// STARTTLS where it is offered, with any certificate; else none.
    Opportunistic,
    /// STARTTLS with a certificate for the host.
    Verified,
    /// TLS from the first octet, with a certificate for the host.
    Implicit,
}

/// How a host's addresses are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// By DNS: a stranger says where it is.
    Dns,
    /// It is the address, which a stranger wrote.
    At(IpAddr),
    /// By the system, as whoever set the way up meant it.
    System,
}

/// A host that takes a message.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// Its name, or its address in text.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) found: Found,
    pub(crate) security: Security,
    pub(crate) login: Option<Login>,
}

impl Way {
    /// To a host that a stranger's domain names.
    pub(crate) fn to_host(host: Host, port: u16) -> Self {
        let (host, found) = match host {
            Host::Named(name) => (name, Found::Dns),
            Host::At(address) => (address.to_string(), Found::At(address)),
        };
        Self {
            host,
            port,
            found,
            security: Security::Opportunistic,
            login: None,
        }
    }

    /// To where it is set.
    pub(crate) fn by_route(route: &Route) -> Self {
        Self {
            host: route.host.clone(),
            port: route.port,
            found: Found::System,
            security: match route.tls {
                RouteTls::Opportunistic => Security::Opportunistic,
                RouteTls::Required => Security::Verified,
                RouteTls::Implicit => Security::Implicit,
            },
            login: route.login.clone(),
        }
    }
}
