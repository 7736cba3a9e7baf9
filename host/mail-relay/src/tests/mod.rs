//! The relay against servers that play a part.

mod burdens;
mod hosts;
mod outcomes;
mod sts;
mod tls;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use concierge_identity::AccountId;
use concierge_mail::store::{BlobKey, Queued};
use concierge_mail::types::{BlobHash, Delivered, Path, SubmissionId};
use concierge_mail::{Outbound, Relay, Relayed};
use concierge_smtp::client::fake::{Act, Fake, say};
use futures::{StreamExt, stream};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use uuid::Uuid;

use crate::dns::fake::{FakeDns, Zone};
use crate::{DkimKeys, PolicyError, PolicySource, RelayOptions, Route, SmtpRelay, Timeouts};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);
/// What a server that hangs is given.
const SHORT: Duration = Duration::from_millis(100);

fn timeouts(all: Duration) -> Timeouts {
    Timeouts {
        connect: all,
        greeting: all,
        command: all,
        tls: all,
        mail: all,
        recipient: all,
        data: all,
        block: all,
        done: all,
        quit: all,
    }
}

/// A relay and what it stands on.
struct World {
    relay: SmtpRelay,
    directory: TempDir,
    dkim: Arc<DkimKeys>,
}

/// Policies by domain.
struct FakePolicies(HashMap<&'static str, String>);

impl PolicySource for FakePolicies {
    fn fetch<'a>(
        &'a self,
        domain: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<String, PolicyError>> + Send + 'a>> {
        let found = self.0.get(domain).cloned();
        Box::pin(async move { found.ok_or_else(|| PolicyError("404".to_owned())) })
    }
}

/// A world with these settings and DNS.
fn world(dns: FakeDns, settings: impl FnOnce(&mut RelayOptions)) -> World {
    world_with(dns, HashMap::new(), settings)
}

fn world_with(
    dns: FakeDns,
    policies: HashMap<&'static str, String>,
    settings: impl FnOnce(&mut RelayOptions),
) -> World {
    let directory = tempfile::tempdir().unwrap();
    let mut options = RelayOptions {
        timeouts: timeouts(LONG),
        private_addresses: true,
        ..RelayOptions::new("us.example", directory.path())
    };
    settings(&mut options);
    let dkim = Arc::new(DkimKeys::open(directory.path().join("keys")).unwrap());
    let policies = Arc::new(FakePolicies(policies));
    let relay = SmtpRelay::new(options, Arc::new(dns), policies, Arc::clone(&dkim));
    World {
        relay: relay.unwrap(),
        directory,
        dkim,
    }
}

/// A world in which `b.example` is this server.
fn world_to(fake: &Fake, settings: impl FnOnce(&mut RelayOptions)) -> World {
    let route = route(&format!("b.example={}", fake.address));
    world(FakeDns::default(), |options| {
        options.routes = vec![route];
        settings(options);
    })
}

fn route(text: &str) -> Route {
    text.parse().unwrap()
}

fn path(email: &str, parameters: &[(&str, &str)]) -> Path {
    let parameters = parameters.iter();
    Path {
        email: email.to_owned(),
        parameters: parameters
            .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())))
            .collect(),
    }
}

fn queued(recipient: Path) -> Queued {
    Queued {
        account: AccountId(Uuid::nil()),
        id: SubmissionId::generate(),
        category: 0,
        mail_from: path("ann@us.example", &[]),
        recipient,
        blob: BlobKey {
            shard: 0,
            hash: BlobHash([0; 32]),
            generation: 0,
        },
        tries: 1,
        since_us: 0,
    }
}

const MESSAGE: &str = "From: ann@us.example\r\nSubject: x\r\n\r\nhello\r\n";

impl World {
    async fn send(&self, recipients: &[&str]) -> Vec<Relayed> {
        self.send_text(recipients, MESSAGE).await
    }

    async fn send_text(&self, recipients: &[&str], text: &'static str) -> Vec<Relayed> {
        let recipients = recipients.iter().map(|email| queued(path(email, &[])));
        let outbound = Outbound {
            queued: recipients.collect(),
            bytes: stream::iter([Ok(Bytes::from_static(text.as_bytes()))]).boxed(),
        };
        self.relay.send(outbound).await.unwrap()
    }

    /// To bob alone.
    async fn send_one(&self) -> Relayed {
        let mut relayed = self.send(&["bob@b.example"]).await;
        assert_eq!(relayed.len(), 1);
        relayed.remove(0)
    }
}

/// DNS in which the domain's hosts have these preferences, names and addresses.
fn dns_with_hosts(domain: &str, hosts: &[(u16, &'static str, SocketAddr)]) -> FakeDns {
    let mut dns = FakeDns::default();
    let zone = Zone {
        mx: hosts
            .iter()
            .map(|(preference, name, _)| (*preference, *name))
            .collect(),
        ..Zone::default()
    };
    dns = dns.with(domain, zone);
    for (_, name, address) in hosts {
        let zone = Zone {
            addresses: vec![address.ip()],
            ..Zone::default()
        };
        dns = dns.with(name, zone);
    }
    dns
}

/// A certificate for a host, a server's settings with it, and what is to be trusted.
pub(crate) fn certificate(host: &str) -> (Arc<ServerConfig>, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec![host.to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .unwrap();
    (Arc::new(server), certificate)
}

/// A server that offers TLS.
fn tls_part(server: Arc<ServerConfig>) -> impl Fn(&str) -> Option<Act> + Send + Sync + 'static {
    move |line| match line {
        "STARTTLS" => Some(Act::Tls(Arc::clone(&server))),
        line if line.starts_with("EHLO") => say("250-b.example\r\n250 STARTTLS"),
        _ => None,
    }
}

/// Whether the server had a message over TLS: EHLO is said twice.
fn used_tls(fake: &Fake) -> bool {
    let lines = fake.heard().lines;
    lines.iter().filter(|line| line.contains("EHLO")).count() == 2
}
