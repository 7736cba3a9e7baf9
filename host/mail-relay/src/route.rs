//! Ways that are set by hand, and ask no DNS.

use std::fmt;
use std::str::FromStr;

use concierge_smtp::client::Login;

use crate::names;

/// What is asked of TLS on a way that is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RouteTls {
    /// STARTTLS where it is offered, with any certificate; else none.
    #[default]
    Opportunistic,
    /// STARTTLS, with a certificate for the host's name; else nothing is sent.
    Required,
    /// TLS from the first octet (RFC 8314), with a certificate for the host's name.
    Implicit,
}

/// Where mail for a domain goes, whatever DNS says: `DOMAIN=HOST:PORT`, with `,tls=required` or `,tls=implicit` behind it.
/// The domain `*` is every other one: a smart host. A host that is an IPv6 address stands in brackets.
#[derive(Clone, PartialEq, Eq)]
pub struct Route {
    /// The domain in lower case, or `*`.
    pub domain: String,
    /// A name that the system knows, or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What is asked of TLS.
    pub tls: RouteTls,
    /// Who we are to it; needs [`RouteTls::Required`] or [`RouteTls::Implicit`].
    pub login: Option<Login>,
}

/// Without what it says of us to the host.
impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({self})")
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = match self.tls {
            RouteTls::Opportunistic => "",
            RouteTls::Required => ",tls=required",
            RouteTls::Implicit => ",tls=implicit",
        };
        let (domain, host, port) = (&self.domain, &self.host, self.port);
        match host.contains(':') {
            true => write!(f, "{domain}=[{host}]:{port}{tls}"),
            false => write!(f, "{domain}={host}:{port}{tls}"),
        }
    }
}

/// Why a text is no [`Route`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no route: {why}; one is DOMAIN=HOST:PORT, like b.example=127.0.0.1:2525, or *=HOST:PORT for all"
)]
pub struct RouteError {
    text: String,
    why: &'static str,
}

impl FromStr for Route {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(|why| RouteError {
            text: text.to_owned(),
            why,
        })
    }
}

fn parse(text: &str) -> Result<Route, &'static str> {
    let (domain, rest) = text.split_once('=').ok_or("it has no '='")?;
    let (place, tls) = match rest.split_once(',') {
        None => (rest, RouteTls::Opportunistic),
        Some((place, "tls=required")) => (place, RouteTls::Required),
        Some((place, "tls=implicit")) => (place, RouteTls::Implicit),
        Some(_) => return Err("what follows the ',' is neither tls=required nor tls=implicit"),
    };
    let (host, port) = place.rsplit_once(':').ok_or("it has no port")?;
    let port: u16 = port.parse().map_err(|_| "its port is no number")?;
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = match bracketed {
        Some(host) if host.parse::<std::net::Ipv6Addr>().is_ok() => host,
        None if !host.contains([':', '[', ']', ' ']) => host,
        _ => return Err("its host is neither a name nor an address"),
    };
    if domain.is_empty() || host.is_empty() || port == 0 {
        return Err("a part of it is empty");
    }
    if domain != "*" && domain.contains([' ', '@', '*']) {
        return Err("its domain is none");
    }
    Ok(Route {
        domain: names::ascii(domain).unwrap_or_else(|| domain.to_lowercase()),
        host: host.to_owned(),
        port,
        tls,
        login: None,
    })
}

/// The ways for a domain, in lower case, in the order in which they are tried: its own, else those of `*`.
pub(crate) fn find<'a>(routes: &'a [Route], domain: &str) -> Vec<&'a Route> {
    let named = |name: &str| -> Vec<_> {
        let routes = routes.iter().filter(|route| route.domain == name);
        routes.collect()
    };
    let own = named(domain);
    match own.is_empty() {
        true => named("*"),
        false => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_routes() {
        for text in [
            "b.example=127.0.0.1:2525",
            "*=smart.example:587,tls=required",
            "b.example=[::1]:25",
            "b.example=smart.example:465,tls=implicit",
        ] {
            let route: Route = text.parse().unwrap();
            assert_eq!(route.to_string(), text);
        }
        let route: Route = "B.Example=Host:25".parse().unwrap();
        assert_eq!(
            (route.domain.as_str(), route.host.as_str()),
            ("b.example", "Host")
        );
    }

    #[test]
    fn texts_that_are_none_say_why() {
        for (text, why) in [
            ("", "it has no '='"),
            ("b.example", "it has no '='"),
            ("b.example=host", "it has no port"),
            ("b.example=host:smtp", "its port is no number"),
            ("b.example=host:0", "a part of it is empty"),
            ("=host:25", "a part of it is empty"),
            (
                "b.example=::1:25",
                "its host is neither a name nor an address",
            ),
            ("a b=host:25", "its domain is none"),
            (
                "b.example=host:25,tls",
                "what follows the ',' is neither tls=required nor tls=implicit",
            ),
        ] {
            let error = text.parse::<Route>().unwrap_err();
            assert_eq!(error.why, why, "{text:?}");
        }
    }

    #[test]
    fn a_domain_has_its_own_ways_else_those_of_all() {
        let routes = ["b.example=one:25", "*=all:25", "b.example=two:25"];
        let routes = routes.map(|text| text.parse().unwrap());
        let hosts = |domain: &str| -> Vec<_> {
            let found = find(&routes, domain).into_iter();
            found.map(|route| route.host.as_str()).collect()
        };
        assert_eq!(hosts("b.example"), ["one", "two"]);
        assert_eq!(hosts("c.example"), ["all"]);
        assert!(find(&routes[..1], "c.example").is_empty());
    }
}
