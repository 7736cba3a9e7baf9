//! One message on its way: the way is found, the message signed, and one host after the other is tried.

use std::net::IpAddr;
use std::sync::Arc;

use concierge_mail::store::{Answer, Queued};
use concierge_mail::{Outbound, Relay, Relayed};
use concierge_smtp::client::{Broken, Client, Point};
use concierge_smtp::{Reply, Sender};

use crate::connect::Connector;
use crate::dkim::DkimKeys;
use crate::dns::Dns;
use crate::failure::Failure;
use crate::limits::Domains;
use crate::message::Message;
use crate::options::{DEADLINE, RelayOptions};
use crate::outcome::{later, of_reply};
use crate::pool::{Key, Pool, Pooled};
use crate::sts::{Mode, Policies, PolicySource};
use crate::tls::Tls;
use crate::trip::Trip;
use crate::way::{Security, Way};
use crate::{hosts, names, route};

/// Sends to other servers by SMTP.
pub struct SmtpRelay {
    options: Arc<RelayOptions>,
    connector: Connector,
    dns: Arc<dyn Dns>,
    policies: Policies,
    dkim: Arc<DkimKeys>,
    domains: Arc<Domains>,
    pool: Arc<Pool>,
}

impl SmtpRelay {
    /// With these settings.
    ///
    /// # Errors
    /// What TLS says of its own set-up, or of a certificate in [`RelayOptions::roots`].
    pub fn new(
        options: RelayOptions,
        dns: Arc<dyn Dns>,
        policies: Arc<dyn PolicySource>,
        dkim: Arc<DkimKeys>,
    ) -> Result<Self, rustls::Error> {
        let options = Arc::new(options);
        Ok(Self {
            connector: Connector {
                options: Arc::clone(&options),
                dns: Arc::clone(&dns),
                tls: Tls::new(&options.roots)?,
            },
            policies: Policies::new(Arc::clone(&dns), policies),
            domains: Domains::new(&options),
            pool: Pool::new(options.pool),
            dns,
            dkim,
            options,
        })
    }

    async fn send_all(&self, outbound: Outbound) -> Vec<Relayed> {
        let domain = domain_of(&outbound.queued);
        // What goes through a smart host burdens that, whatever its domain.
        let routes = route::find(&self.options.routes, &domain);
        let burdened = routes.first().map_or(&domain, |route| &route.domain);
        let permit = match self.domains.enter(burdened) {
            Ok(permit) => permit,
            Err(wait) => return vec![wait; outbound.queued.len()],
        };
        let mut trip = Trip::new(&outbound.queued);
        let deadline = self.options.deadline.min(DEADLINE);
        let travels = self.travel(&domain, outbound, &mut trip);
        if tokio::time::timeout(deadline, travels).await.is_err() {
            // The final dot may be out: as with every other server that does not answer, it is sent again.
            trip.settle(&later(451, "4.4.2", "sending took too long"));
        }
        permit.leave(trip.reached());
        trip.finish(&domain)
    }

    /// Tries one way after the other.
    async fn travel(&self, domain: &str, outbound: Outbound, trip: &mut Trip) {
        let source = self.source(&outbound.queued);
        let ways = match self.ways(domain).await {
            Ok(ways) => ways,
            Err(relayed) => return trip.note(Failure::no_way(relayed)),
        };
        let loaded = Message::load(outbound.bytes, &self.dkim, &self.options.spool).await;
        let message = match loaded {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(%error, "reading a message that is to be sent");
                return trip.settle(&later(451, "4.3.0", "the message could not be read"));
            }
        };
        let sender = message.describe(trip.sender.clone());
        for way in &ways {
            match self.try_way(way, source, &sender, &message, trip).await {
                Ok(()) => return,
                Err(failure) => trip.note(failure),
            }
        }
    }

    fn source(&self, queued: &[Queued]) -> Option<IpAddr> {
        let category = queued.first()?.category;
        self.options.sources.get(&category).copied()
    }

    /// Where mail for a domain may go, in the order in which it is tried.
    async fn ways(&self, domain: &str) -> Result<Vec<Way>, Relayed> {
        let routes = route::find(&self.options.routes, domain);
        if !routes.is_empty() {
            return Ok(routes.into_iter().map(Way::by_route).collect());
        }
        let hosts = hosts::find(&*self.dns, domain, &self.options.host_name).await?;
        let ways = hosts.into_iter();
        let ways = ways
            .map(|host| Way::to_host(host, self.options.port))
            .collect();
        self.as_policy_says(domain, ways).await
    }

    /// Keeps the hosts that the domain's policy names, and asks for their certificates (RFC 8461 §5).
    async fn as_policy_says(&self, domain: &str, mut ways: Vec<Way>) -> Result<Vec<Way>, Relayed> {
        let Some(policy) = self.policies.of(domain).await else {
            return Ok(ways);
        };
        match policy.mode {
            Mode::None => {}
            Mode::Testing => {
                for way in ways.iter().filter(|way| !policy.names(&way.host)) {
                    tracing::info!(domain, host = way.host, "MTA-STS would not have sent there");
                    metrics::counter!("concierge_relay_sts_failures_total", "mode" => "testing")
                        .increment(1);
                }
            }
            Mode::Enforce => {
                ways.retain(|way| policy.names(&way.host));
                for way in &mut ways {
                    way.security = Security::Verified;
                }
                if ways.is_empty() {
                    metrics::counter!("concierge_relay_sts_failures_total", "mode" => "enforce")
                        .increment(1);
                    let why = format!("none of the hosts of {domain} is in its MTA-STS policy");
                    return Err(later(450, "4.7.5", why));
                }
            }
        }
        Ok(ways)
    }

    /// Gives the message to one host. `Ok`: every recipient has an outcome.
    async fn try_way(
        &self,
        way: &Way,
        source: Option<IpAddr>,
        sender: &Sender,
        message: &Message,
        trip: &mut Trip,
    ) -> Result<(), Failure> {
        let key = Key {
            host: way.host.clone(),
            port: way.port,
            security: way.security,
            source,
            user: way.login.as_ref().map(|login| login.user.clone()),
        };
        let mut pooled = match self.pooled(&key).await {
            Some(pooled) => pooled,
            None => Pooled {
                client: self.connector.connect(way, source).await?,
                messages: 0,
            },
        };
        trip.was_reached = true;
        pooled.messages += 1;
        let sent = transact(&mut pooled.client, way, sender, message, trip).await;
        self.pool.put(key, pooled);
        sent
    }

    /// A connection that waits and is alive.
    async fn pooled(&self, key: &Key) -> Option<Pooled> {
        while let Some(mut pooled) = self.pool.take(key) {
            match pooled.client.reset().await {
                Ok(()) => {
                    metrics::counter!("concierge_relay_connections_reused_total").increment(1);
                    return Some(pooled);
                }
                Err(error) => tracing::debug!(host = key.host, %error, "a connection is gone"),
            }
        }
        None
    }
}

impl Relay for SmtpRelay {
    fn send(&self, outbound: Outbound) -> Answer<'_, Vec<Relayed>> {
        Box::pin(async move { Ok(self.send_all(outbound).await) })
    }
}

/// Sends to those who have no outcome yet.
async fn transact(
    client: &mut Client,
    way: &Way,
    sender: &Sender,
    message: &Message,
    trip: &mut Trip,
) -> Result<(), Failure> {
    if let Some(reply) = client.unfit(sender) {
        trip.settle(&of_reply(&reply, None, false));
        return Ok(());
    }
    let octets = message.octets().await.map_err(|error| {
        tracing::warn!(%error, "reading a message that is to be sent");
        Failure {
            relayed: later(451, "4.3.0", "the message could not be read"),
            was_reached: true,
        }
    })?;
    let tells = client.extensions().dsn;
    let outcome = |reply: &Reply| of_reply(reply, Some(way.host.clone()), tells);
    let recipients = trip.waiting();
    match client.send(sender, &recipients, octets).await {
        Ok(replies) => {
            trip.answer(replies.iter().map(|reply| Some(outcome(reply))));
            Ok(())
        }
        Err(broken) => {
            let Broken {
                error,
                point,
                refused,
            } = broken;
            trip.answer(refused.iter().map(|reply| reply.as_ref().map(outcome)));
            let failure = Failure::of(way, &error);
            match point {
                Point::Before => Err(failure),
                Point::After => {
                    // RFC 1047: it may have it. Another host would have it again now; later the same one may know it.
                    let why = format!("{}: {error}; the server may have it", way.host);
                    trip.settle(&later(451, "4.4.2", why));
                    Ok(())
                }
            }
        }
    }
}

/// The domain of the recipients, in lower case and ASCII.
fn domain_of(queued: &[Queued]) -> String {
    let address = queued.first().map_or("", |queued| &queued.recipient.email);
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    names::ascii(domain).unwrap_or_else(|| domain.to_lowercase())
}
