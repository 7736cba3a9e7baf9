//! Mail's listeners, and its way to other servers.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use concierge_edge::Certificate;
use concierge_identity::{Identity, SystemClock, create_private_directory};
use concierge_mail::{Mail, Relay};
use concierge_mail_incoming::rules::Rules;
use concierge_mail_incoming::steps::authentication::Authentication;
use concierge_mail_incoming::{IncomingMail, IncomingOptions, RetryOptions, queue::QueueLimits};
use concierge_mail_relay::{DkimKeys, DnsError, HttpsPolicies, RelayOptions, SmtpRelay, SystemDns};
use concierge_smtp::server::{Server, ServerOptions, Service};

use super::certificate;
use crate::config::Config;
use crate::data_dir::Layout;
use crate::exit::{Exit, Failure};

/// The listeners, by the names of their settings.
const LISTENERS: [(&str, Service); 3] = [
    ("smtp", Service::Exchange),
    ("submission", Service::Submission),
    ("submissions", Service::Submissions),
];

/// Who is asked for names where the system says nobody.
const LOCAL_RESOLVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53);

/// How long its answers are waited for.
const RESOLVER_PATIENCE: Duration = Duration::from_secs(10);

/// The name of this server among mail servers.
pub fn host_name(config: &Config) -> String {
    let named = config.mail_host_name.as_ref();
    let name = named.or(config.mail_domains.first());
    name.map_or_else(|| "localhost".to_owned(), |name| name.as_str().to_owned())
}

/// The way to other servers.
pub fn relay(
    config: &Config,
    layout: &Layout,
    dkim: Arc<DkimKeys>,
) -> Result<Arc<dyn Relay>, Failure> {
    let mut options = RelayOptions::new(host_name(config), layout.mail_spool());
    let routes = config.mail_routes.iter();
    options.routes = routes.map(|route| route.0.clone()).collect();
    let dns = Arc::new(dns(&resolvers(config)).map_err(Failure::failed)?);
    let policies = HttpsPolicies::new(Arc::clone(&dns) as _).map_err(Failure::failed)?;
    let relay = SmtpRelay::new(options, dns, Arc::new(policies), dkim);
    Ok(Arc::new(relay.map_err(Failure::failed)?))
}

/// Resolvers that were named.
pub fn resolvers(config: &Config) -> Vec<SocketAddr> {
    let resolvers = config.mail_resolvers.iter();
    resolvers.map(|resolver| resolver.0).collect()
}

/// Asks these resolvers; the system's where none are named.
pub fn dns(resolvers: &[SocketAddr]) -> Result<SystemDns, DnsError> {
    if !resolvers.is_empty() {
        return SystemDns::asking(resolvers, RESOLVER_PATIENCE);
    }
    SystemDns::new().or_else(|error| {
        tracing::warn!(%error, "no resolver is set: that of this machine is asked");
        SystemDns::asking(&[LOCAL_RESOLVER], RESOLVER_PATIENCE)
    })
}

/// The keys that mail is signed with.
pub fn dkim(layout: &Layout) -> Result<Arc<DkimKeys>, Failure> {
    let keys = DkimKeys::open(layout.mail_dkim()).map_err(Failure::failed)?;
    Ok(Arc::new(keys))
}

/// The rules for mail that comes in, for who changes them while no server runs.
pub fn rules(layout: &Layout) -> Result<Arc<Rules>, Failure> {
    let directory = layout.mail_incoming();
    create_private_directory(&directory)
        .map_err(|error| Failure::failed(format!("{}: {error}", directory.display())))?;
    let rules = Rules::open(&IncomingMail::rules_file(&directory)).map_err(Failure::failed)?;
    Ok(Arc::new(rules))
}

/// Listeners that accept, and what they hand on to.
pub struct OpenSmtp {
    /// Takes what comes.
    pub incoming: Arc<IncomingMail>,
    servers: Vec<(&'static str, Server)>,
    certificate: Arc<Certificate>,
}

/// Opens mail's way in, and its listeners.
pub async fn open(
    config: &Config,
    layout: &Layout,
    mail: &Arc<Mail>,
    identity: &Arc<Identity>,
) -> Result<OpenSmtp, Failure> {
    let name = host_name(config);
    let domains = config.mail_domains.iter();
    let directory = layout.mail_incoming();
    create_private_directory(&directory)
        .map_err(|error| Failure::failed(format!("{}: {error}", directory.display())))?;
    let options = IncomingOptions {
        directory,
        host_name: name.clone(),
        domains: domains.map(|domain| domain.as_str().to_owned()).collect(),
        postmaster: config.mail_postmaster.as_ref().map(ToString::to_string),
        queue: QueueLimits {
            free_min_octets: config
                .free_space
                .0
                .min(QueueLimits::default().free_min_octets),
            ..QueueLimits::default()
        },
        retry: RetryOptions::default(),
    };
    let resolvers = resolvers(config);
    let authentication = match resolvers.is_empty() {
        true => Authentication::of_system(&name),
        false => Authentication::asking(&name, &resolvers).map_err(Failure::failed)?,
    };
    let (mail, identity) = (Arc::clone(mail), Arc::clone(identity));
    let clock = Arc::new(SystemClock);
    let incoming = IncomingMail::open(options, mail, identity, authentication, clock).await;
    let incoming = incoming.map_err(|error| Failure::failed(format!("mail: {error}")))?;
    let certificate = certificate::open(config, layout, &name)?;
    let tls = Arc::new(certificate.server_config().map_err(Failure::failed)?);
    let mut servers = Vec::new();
    for (listener, service) in LISTENERS {
        let address = address(config, listener);
        let options = ServerOptions {
            tls: Some(Arc::clone(&tls)),
            plain_on_loopback: true,
            proxies: config
                .mail_proxies
                .iter()
                .map(|network| (network.address, network.bits))
                .collect(),
            ..ServerOptions::new(service, name.clone())
        };
        let server = Server::bind(address, options, Arc::clone(&incoming) as _).await;
        let server = server.map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => Failure::new(
                Exit::Unavailable,
                format!(
                    "{address} is in use by another program; `--{listener} PORT` takes another, `--{listener} 0` a free one"
                ),
            ),
            _ => Failure::failed(format!("cannot listen on {address} for {listener}: {error}")),
        })?;
        servers.push((listener, server));
    }
    Ok(OpenSmtp {
        incoming,
        servers,
        certificate,
    })
}

fn address(config: &Config, listener: &str) -> SocketAddr {
    match listener {
        "smtp" => config.smtp.0,
        "submission" => config.submission.0,
        _ => config.submissions.0,
    }
}

impl OpenSmtp {
    /// Where the listeners are, by name.
    pub fn addresses(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let servers = self.servers.iter();
        servers.map(|(name, server)| (*name, server.local_address()))
    }

    /// The certificate, which is to be looked at now and then.
    pub fn certificate(&self) -> Arc<Certificate> {
        Arc::clone(&self.certificate)
    }

    /// Accepts no more, and lets what is under way end.
    pub async fn drain(&mut self) {
        let servers = std::mem::take(&mut self.servers);
        futures::future::join_all(servers.into_iter().map(|(_, server)| server.drain())).await;
    }

    /// Ends delivery. What waits is delivered after the next start.
    pub async fn close(self) {
        self.incoming.close().await;
    }
}
