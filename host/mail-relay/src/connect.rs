//! From a way to a connection that messages can be sent over.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use concierge_smtp::client::{Client, ClientError, Connect, Step};
use rustls::pki_types::ServerName;

use crate::dns::Dns;
use crate::failure::Failure;
use crate::hosts::unwanted;
use crate::options::RelayOptions;
use crate::tls::Tls;
use crate::way::{Found, Security, Way};

/// Addresses of one host that are tried for one message.
const ADDRESSES_MAX: usize = 4;

/// Connects to servers.
pub(crate) struct Connector {
    pub(crate) options: Arc<RelayOptions>,
    pub(crate) dns: Arc<dyn Dns>,
    pub(crate) tls: Tls,
}

impl Connector {
    /// A connection to a host, by the first of its addresses that has one.
    ///
    /// # Errors
    /// Why the last of them has none.
    pub(crate) async fn connect(
        &self,
        way: &Way,
        source: Option<IpAddr>,
    ) -> Result<Client, Failure> {
        let mut failure = Failure::no_address(way, "the host has no address");
        for address in self.addresses(way).await? {
            match self.connect_to(way, address, source).await {
                Ok(client) if self.is_us(way, &client) => failure = Failure::loops(way),
                Ok(client) => return Ok(client),
                Err(error) => {
                    tracing::debug!(host = way.host, %address, %error, "no connection");
                    failure = Failure::of(way, &error);
                }
            }
        }
        Err(failure)
    }

    /// Whether a host that DNS names is this one, by another name or address: mail would go round for ever (RFC 5321 §6.3).
    fn is_us(&self, way: &Way, client: &Client) -> bool {
        way.found != Found::System && client.name().eq_ignore_ascii_case(&self.options.host_name)
    }

    async fn addresses(&self, way: &Way) -> Result<Vec<SocketAddr>, Failure> {
        let found = match way.found {
            Found::System => return self.of_system(way).await,
            Found::At(address) => vec![address],
            Found::Dns => match self.dns.addresses(&way.host).await {
                Ok(addresses) => addresses,
                Err(error) => return Err(Failure::no_address(way, error)),
            },
        };
        self.wanted(way, found)
    }

    /// Those that a stranger may name. The others are passed over, as if they did not answer.
    fn wanted(&self, way: &Way, found: Vec<IpAddr>) -> Result<Vec<SocketAddr>, Failure> {
        let options = &self.options;
        let mut unwanted_for = None;
        let mut wanted = found;
        wanted.retain(|address| {
            let why = unwanted(*address, &options.own_addresses, options.private_addresses);
            unwanted_for = why.or(unwanted_for);
            why.is_none()
        });
        match unwanted_for {
            Some(why) if wanted.is_empty() => Err(Failure::no_address(way, why)),
            _ => {
                let wanted = by_turns(wanted).into_iter().take(ADDRESSES_MAX);
                let wanted = wanted.map(|address| SocketAddr::new(address, way.port));
                Ok(wanted.collect())
            }
        }
    }

    async fn of_system(&self, way: &Way) -> Result<Vec<SocketAddr>, Failure> {
        let lookup = tokio::net::lookup_host((way.host.as_str(), way.port));
        let found = tokio::time::timeout(self.options.timeouts.connect, lookup).await;
        let found = found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        match found {
            Ok(addresses) => Ok(addresses.take(ADDRESSES_MAX).collect()),
            Err(error) => Err(Failure::no_address(way, error)),
        }
    }

    async fn connect_to(
        &self,
        way: &Way,
        address: SocketAddr,
        source: Option<IpAddr>,
    ) -> Result<Client, ClientError> {
        let mut client = match way.security {
            Security::Opportunistic => self.opportunistic(way, address, source).await?,
            Security::Verified => self.verified(way, address, source).await?,
            Security::Implicit => {
                let name = server_name(&way.host)?;
                let tls = Some((Arc::clone(&self.tls.verified), name));
                Client::connect(self.step(address, source, tls)).await?
            }
        };
        if let Some(login) = &way.login {
            if client.tls().is_none() {
                let why = "a password is not sent without TLS";
                return Err(ClientError::Protocol(Step::Auth, why));
            }
            client.authenticate(login).await?;
        }
        let tls = client.tls();
        let label = if tls.is_some() { "yes" } else { "no" };
        metrics::counter!("concierge_relay_connections_total", "tls" => label).increment(1);
        tracing::debug!(host = way.host, %address, tls, "connected");
        Ok(client)
    }

    /// With TLS if it can be had, without it if not: a server that offers it and breaks it is asked again, without.
    async fn opportunistic(
        &self,
        way: &Way,
        address: SocketAddr,
        source: Option<IpAddr>,
    ) -> Result<Client, ClientError> {
        let client = Client::connect(self.step(address, source, None)).await?;
        let Ok(name) = server_name(&way.host) else {
            return Ok(client);
        };
        if !client.extensions().starttls {
            return Ok(client);
        }
        let config = Arc::clone(&self.tls.opportunistic);
        match client.start_tls(config, name).await {
            Ok(client) => Ok(client),
            Err(error) => {
                count_tls_failure("opportunistic");
                tracing::info!(host = way.host, %address, %error, "sending without TLS");
                Client::connect(self.step(address, source, None)).await
            }
        }
    }

    async fn verified(
        &self,
        way: &Way,
        address: SocketAddr,
        source: Option<IpAddr>,
    ) -> Result<Client, ClientError> {
        let client = Client::connect(self.step(address, source, None)).await?;
        if !client.extensions().starttls {
            count_tls_failure("required");
            return Err(ClientError::Protocol(
                Step::Tls,
                "the server does not offer TLS",
            ));
        }
        let config = Arc::clone(&self.tls.verified);
        let secured = client.start_tls(config, server_name(&way.host)?).await;
        if secured.is_err() {
            count_tls_failure("required");
        }
        secured
    }

    fn step(
        &self,
        address: SocketAddr,
        source: Option<IpAddr>,
        tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    ) -> Connect<'_> {
        Connect {
            address,
            // One of the other kind cannot be connected from.
            source: source.filter(|source| source.is_ipv4() == address.is_ipv4()),
            hello: &self.options.host_name,
            timeouts: self.options.timeouts,
            tls,
        }
    }
}

fn count_tls_failure(security: &'static str) {
    metrics::counter!("concierge_relay_tls_failures_total", "tls" => security).increment(1);
}

/// IPv6 and IPv4 by turns: either may lead nowhere from here.
fn by_turns(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let (six, four): (Vec<_>, Vec<_>) = addresses.into_iter().partition(IpAddr::is_ipv6);
    let (mut six, mut four) = (six.into_iter(), four.into_iter());
    let turns = std::iter::from_fn(|| match (six.next(), four.next()) {
        (None, None) => None,
        turn => Some(turn),
    });
    turns
        .flat_map(|(six, four)| six.into_iter().chain(four))
        .collect()
}

fn server_name(host: &str) -> Result<ServerName<'static>, ClientError> {
    let name = ServerName::try_from(host.to_owned());
    name.map_err(|error| ClientError::Tls(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_addresses_have_their_turn() {
        let addresses = ["::1", "::2", "::3", "192.0.2.1", "192.0.2.2"];
        let turns = by_turns(addresses.map(|address| address.parse().unwrap()).to_vec());
        let turns: Vec<_> = turns.iter().map(ToString::to_string).collect();
        assert_eq!(turns, ["::1", "192.0.2.1", "::2", "192.0.2.2", "::3"]);
    }
}
