//! To which hosts a domain's mail goes (RFC 5321 §5.1).

use std::net::{IpAddr, Ipv6Addr};

use concierge_mail::Relayed;
use rand::seq::SliceRandom;

use crate::dns::{Dns, DnsError, Mx};
use crate::outcome::{later, never};

/// Hosts that are tried for one message; RFC 5321 §5.1 asks for two at least.
const HOSTS_MAX: usize = 10;

/// A host that takes a domain's mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// By its name.
    Named(String),
    /// By its address, which is all that is known of it (RFC 5321 §4.1.3).
    At(IpAddr),
}

/// The hosts of a domain, in the order in which they are to be tried; at least one.
///
/// # Errors
/// What is to be said to senders to this domain.
pub(crate) async fn find(
    dns: &dyn Dns,
    domain: &str,
    own_name: &str,
) -> Result<Vec<Host>, Relayed> {
    if let Some(literal) = domain.strip_prefix('[') {
        return at_address(literal).map(|host| vec![host]);
    }
    let records = match dns.mx(domain).await {
        Ok(records) => records,
        Err(DnsError::NoSuchName) => {
            return Err(never(550, "5.1.2", format!("there is no domain {domain}")));
        }
        Err(error @ DnsError::Unavailable(_)) => {
            return Err(later(451, "4.4.3", format!("looking up {domain}: {error}")));
        }
    };
    if records.is_empty() {
        return implicit(dns, domain, own_name).await;
    }
    in_order(records, domain, own_name)
}

/// Without mail exchangers the domain is its own, if it has an address.
async fn implicit(dns: &dyn Dns, domain: &str, own_name: &str) -> Result<Vec<Host>, Relayed> {
    match dns.addresses(domain).await {
        Ok(addresses) if !addresses.is_empty() => match domain.eq_ignore_ascii_case(own_name) {
            true => Err(loops(domain)),
            false => Ok(vec![Host::Named(domain.to_owned())]),
        },
        Ok(_) | Err(DnsError::NoSuchName) => {
            let why = format!("{domain} has neither mail exchangers nor addresses");
            Err(never(550, "5.1.2", why))
        }
        Err(error) => Err(later(451, "4.4.3", format!("looking up {domain}: {error}"))),
    }
}

fn in_order(mut records: Vec<Mx>, domain: &str, own_name: &str) -> Result<Vec<Host>, Relayed> {
    // RFC 7505 §3: alone it says that there is no mail; among others it is nobody.
    records.retain(|mx| !mx.exchange.is_empty());
    if records.is_empty() {
        return Err(never(556, "5.1.10", format!("{domain} takes no mail")));
    }
    // Equal ones in any order, so that they share the burden. The sort keeps it.
    records.shuffle(&mut rand::rng());
    records.sort_by_key(|mx| mx.preference);
    // Where we are one of them, those that are no better than we would send it back.
    let ours = records
        .iter()
        .find(|mx| mx.exchange.eq_ignore_ascii_case(own_name));
    if let Some(ours) = ours.map(|mx| mx.preference) {
        records.retain(|mx| mx.preference < ours);
        if records.is_empty() {
            return Err(loops(domain));
        }
    }
    let hosts = records.into_iter().map(|mx| Host::Named(mx.exchange));
    Ok(hosts.take(HOSTS_MAX).collect())
}

fn loops(domain: &str) -> Relayed {
    let why =
        format!("mail for {domain} would come back: it is not known here, and this host takes it");
    never(554, "5.4.6", why)
}

/// `1.2.3.4]` or `IPv6:2001:db8::1]`.
fn at_address(literal: &str) -> Result<Host, Relayed> {
    let literal = literal.strip_suffix(']').unwrap_or_default();
    let (tag, rest) = literal.split_at_checked(5).unwrap_or_default();
    let address = match tag.eq_ignore_ascii_case("IPv6:") {
        true => rest.parse::<Ipv6Addr>().map(IpAddr::V6).ok(),
        false => literal.parse().map(IpAddr::V4).ok(),
    };
    let no = || never(550, "5.1.3", "the domain is no address");
    address.map(Host::At).ok_or_else(no)
}

/// Why a host that DNS names is not connected to.
pub(crate) fn unwanted(
    address: IpAddr,
    own_addresses: &[IpAddr],
    private_addresses: bool,
) -> Option<&'static str> {
    if own_addresses.contains(&address) {
        return Some("the address is this server's");
    }
    if !private_addresses && !concierge_callbacks::is_public(address) {
        return Some("the address is not public");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::fake::{FakeDns, Zone};

    fn dns() -> FakeDns {
        let mx = |mx: &[(u16, &'static str)]| Zone {
            mx: mx.to_vec(),
            ..Zone::default()
        };
        FakeDns::default()
            .with(
                "many.example",
                mx(&[(20, "c"), (10, "a"), (10, "b"), (30, "us.example")]),
            )
            .with("null.example", mx(&[(0, "")]))
            .with("half.example", mx(&[(0, ""), (5, "a")]))
            .with("us.example", mx(&[(10, "us.example"), (20, "a")]))
            .with(
                "behind.example",
                mx(&[(10, "a"), (20, "US.example"), (20, "b"), (30, "c")]),
            )
            .with(
                "host.example",
                Zone {
                    addresses: vec!["192.0.2.1".parse().unwrap()],
                    ..Zone::default()
                },
            )
            .with("nothing.example", Zone::default())
            .with(
                "silent.example",
                Zone {
                    broken: true,
                    ..Zone::default()
                },
            )
    }

    async fn ask(domain: &str) -> Result<Vec<String>, String> {
        let found = find(&dns(), domain, "us.example").await;
        let hosts = found.map_err(|relayed| relayed.smtp_reply)?;
        let hosts = hosts.into_iter().map(|host| match host {
            Host::Named(name) => name,
            Host::At(address) => address.to_string(),
        });
        Ok(hosts.collect())
    }

    #[tokio::test]
    async fn hosts_are_tried_in_order() {
        let mut orders = std::collections::BTreeSet::new();
        for _ in 0..100 {
            orders.insert(ask("many.example").await.unwrap());
        }
        let orders: Vec<_> = orders.into_iter().collect();
        assert_eq!(orders, [["a", "b", "c"], ["b", "a", "c"]]);
        for (domain, hosts) in [
            ("half.example", "a"),
            ("behind.example", "a"),
            ("host.example", "host.example"),
            ("[192.0.2.7]", "192.0.2.7"),
            ("[ipv6:2001:db8::7]", "2001:db8::7"),
        ] {
            assert_eq!(ask(domain).await.unwrap(), [hosts], "{domain}");
        }
    }

    #[tokio::test]
    async fn what_has_no_host_says_why() {
        for (domain, reply) in [
            ("null.example", "556 5.1.10 "),
            ("us.example", "554 5.4.6 "),
            ("nothing.example", "550 5.1.2 "),
            ("unknown.example", "550 5.1.2 "),
            ("silent.example", "451 4.4.3 "),
            ("[192.0.2.7", "550 5.1.3 "),
            ("[2001:db8::7]", "550 5.1.3 "),
            ("[]", "550 5.1.3 "),
        ] {
            let found = ask(domain).await.unwrap_err();
            assert!(found.starts_with(reply), "{domain}: {found}");
        }
    }
}
