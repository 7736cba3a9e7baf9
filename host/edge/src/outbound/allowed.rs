//! Where a component's outbound HTTP requests may go: `allowed_outbound_hosts`
//! (Spin: "Granting HTTP Permissions to Components").

use http::Uri;
use std::net::IpAddr;
use std::sync::Arc;

/// Why an entry of `allowed_outbound_hosts` was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("allowed_outbound_hosts has \"{entry}\": {reason}")]
pub struct AllowedHostError {
    entry: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Any,
    /// With its leading dot.
    Subdomains(String),
    Name(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ports {
    Any,
    /// First and last, both included.
    Range(u16, u16),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct AllowedHost {
    /// `None` is any.
    scheme: Option<String>,
    host: Host,
    ports: Ports,
}

/// The allowed destinations of a component. Empty: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts(Arc<[AllowedHost]>);

impl AllowedHosts {
    /// Parses entries of the form `SCHEME://HOST[:PORT]`, each part of which may be `*`; the host
    /// may begin with `*.`, the port may be a range `FIRST..END` (without the end, as in Spin).
    ///
    /// # Errors
    /// The first entry that is not of that form.
    pub fn parse(entries: &[String]) -> Result<Self, AllowedHostError> {
        entries
            .iter()
            .map(|entry| {
                parse_entry(entry.trim()).map_err(|reason| AllowedHostError {
                    entry: entry.clone(),
                    reason,
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether a request to `uri`, which has a scheme and an authority, is allowed.
    #[must_use]
    pub fn allows(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return false;
        };
        let host = host.to_ascii_lowercase();
        let Some(port) = uri.port_u16().or_else(|| known_port(scheme)) else {
            return false;
        };
        self.0.iter().any(|allowed| {
            allowed
                .scheme
                .as_deref()
                .is_none_or(|s| s.eq_ignore_ascii_case(scheme))
                && match &allowed.host {
                    Host::Any => true,
                    Host::Subdomains(suffix) => {
                        host.ends_with(suffix.as_str()) && host.parse::<IpAddr>().is_err()
                    }
                    Host::Name(name) => *name == host,
                }
                && match allowed.ports {
                    Ports::Any => true,
                    Ports::Range(first, last) => (first..=last).contains(&port),
                }
        })
    }
}

fn known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

fn parse_entry(entry: &str) -> Result<AllowedHost, &'static str> {
    let (scheme, rest) = entry
        .split_once("://")
        .ok_or("it must have the form SCHEME://HOST[:PORT]")?;
    if scheme.is_empty() || (scheme != "*" && !scheme.bytes().all(|b| b.is_ascii_alphabetic())) {
        return Err("the scheme must be letters, or \"*\"");
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#', '@']) {
        return Err("it must not have a path, a query or a user");
    }
    // An IPv6 address stands in brackets and has colons of its own.
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let host = match host {
        "" => return Err("the host is missing"),
        "self" | "self.alt" => return Err("requests to \"self\" are not supported"),
        "*" => Host::Any,
        _ => match host.strip_prefix('*') {
            Some(suffix) if suffix.starts_with('.') && !suffix.contains('*') => {
                Host::Subdomains(suffix.to_ascii_lowercase())
            }
            Some(_) => return Err("\"*\" in a host can only stand for whole leading labels"),
            None if host.contains('*') => {
                return Err("\"*\" in a host can only stand for whole leading labels");
            }
            None => Host::Name(host.to_ascii_lowercase()),
        },
    };
    Ok(AllowedHost {
        ports: parse_ports(port, scheme)?,
        scheme: (scheme != "*").then(|| scheme.to_owned()),
        host,
    })
}

fn parse_ports(port: Option<&str>, scheme: &str) -> Result<Ports, &'static str> {
    const NOT_A_PORT: &str = "the port must be a number, a range FIRST..END, or \"*\"";
    match port {
        None | Some("") => known_port(scheme)
            .map(|port| Ports::Range(port, port))
            .ok_or("the scheme has no port of its own, so a port must be given"),
        Some("*") => Ok(Ports::Any),
        Some(text) => match text.split_once("..") {
            Some((first, end)) => {
                let first = first.parse::<u16>().map_err(|_| NOT_A_PORT)?;
                let end = end.parse::<u16>().map_err(|_| NOT_A_PORT)?;
                if end <= first {
                    return Err("the range of ports is empty");
                }
                Ok(Ports::Range(first, end - 1))
            }
            None => text
                .parse()
                .map(|port| Ports::Range(port, port))
                .map_err(|_| NOT_A_PORT),
        },
    }
}
