//! `concierge up`: joins the crates into a server, says `ready`, and ends well.

mod application;
mod edge;
mod embedded;
mod first_start;
mod node;
mod signals;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use concierge_edge::{Certificate, Edge, EdgeError, EdgeOptions, Services, TlsFiles};
use concierge_identity::Identity;
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use self::edge::{Host, edge};
pub use self::node::node;

use self::application::Application;
use self::signals::Signals;
use crate::admin::{Admin, AdminError, Process};
use crate::booking::{self, OpenBooking};
use crate::bridge_tokens::BridgeTokens;
use crate::config::{Config, unknown_variables};
use crate::data_dir::{DataDir, Refused, held};
use crate::exit::{Exit, Failure};
use crate::health::{Health, Watched};
use crate::internal::{self, Calls, Drained, Internal};
use crate::mail::smtp::OpenSmtp;
use crate::mail::{self, OpenMail};
use crate::storage::{self, Storage};
use crate::telemetry;

/// Between two times that uses of keys are written down and histograms tidied.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(10);

/// Runs the server until a signal ends it.
pub async fn up(config: Config) -> Result<(), Failure> {
    telemetry::start_logs(&config)?;
    let metrics = telemetry::start_metrics()?;
    let mut signals = Signals::listen()?;
    raise_file_limit();
    for name in unknown_variables() {
        tracing::warn!("{name} is set, but there is no such setting");
    }
    let server = tokio::select! {
        server = start(&config, metrics) => server?,
        // Nothing was answered yet, so nothing is under way.
        signal = signals.next() => {
            tracing::info!("{signal} before everything was started");
            return Ok(());
        }
    };
    let ready: Vec<_> = ["web", "s3", "smtp", "submission", "submissions", "internal"]
        .into_iter()
        .filter_map(|name| Some((name, *server.listeners.get(name)?)))
        .collect();
    print_ready(&ready)?;
    let signal = signals.next().await;
    tracing::info!("{signal}: ending once what is under way is answered");
    signals.or_at_once(server.end()).await;
    tracing::info!("ended");
    Ok(())
}

/// Lets the process open as many files as it may: each connection is one, and
/// the limit that most systems begin with (1,024) is for `select`, not for us.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(
            "the limit of open files stays at {:?}: {error}",
            limit.current
        );
    }
}

/// A server whose listeners accept.
struct Server {
    data: DataDir,
    edge: Edge,
    storage: Storage,
    booking: OpenBooking,
    mail: OpenMail,
    smtp: OpenSmtp,
    identity: Arc<Identity>,
    listeners: BTreeMap<String, SocketAddr>,
    drain: CancellationToken,
    internal: Vec<JoinHandle<Drained>>,
    /// Tasks that never end by themselves.
    endless: Vec<JoinHandle<()>>,
}

async fn start(config: &Config, metrics: PrometheusHandle) -> Result<Server, Failure> {
    let application = application::load(config)?;
    let data = DataDir::acquire(&config.data, true).map_err(|refused| match refused {
        Refused::Held(holder) => held(&config.data, holder),
        Refused::Failed(failure) => failure,
    })?;
    let identity = Arc::new(first_start::open(data.layout())?);
    let storage = storage::open(config, data.layout()).await?;
    let objects = Arc::clone(&storage.objects);
    let webhooks = booking::webhooks(config)?;
    let dkim = mail::smtp::dkim(data.layout())?;
    let relay = mail::smtp::relay(config, data.layout(), Arc::clone(&dkim))?;
    let mail = mail::open(config, data.layout(), Arc::clone(&objects), Some(relay)).await?;
    let mails = booking::mails(config, &mail.service);
    let booking = booking::open(config, data.layout(), Some(webhooks), mails).await?;
    let services = Services {
        identity: Some(Arc::clone(&identity)),
        booking: Some(Arc::clone(&booking.service)),
        mail: Some(Arc::clone(&mail.service)),
        objects: Some(Arc::clone(&objects)),
        ..Services::default()
    };
    let cache = Some(data.layout().cache());
    let edge = make_edge(config, application, cache, services.clone()).await?;
    let mut listeners = bind_edge(config, &edge)?;
    let smtp = mail::smtp::open(config, data.layout(), &mail.service, &identity).await?;
    let of_smtp = smtp.addresses();
    listeners.extend(of_smtp.map(|(name, address)| (name.to_owned(), address)));
    let sockets = bind_internal(config).await?;
    if let Some((socket, _)) = sockets.first() {
        listeners.insert("internal".to_owned(), local_address(socket)?);
    }

    edge.start().map_err(Failure::failed)?;
    objects.start_background();
    let token = data.ensure_token()?;
    let tokens = BridgeTokens::open(data.layout().bridge_tokens()).map_err(AdminError::from)?;
    let tokens = Arc::new(tokens);
    let admin = Arc::new(Admin {
        tokens: Arc::clone(&tokens),
        identity: Arc::clone(&identity),
        objects: Some(Arc::clone(&objects)),
        booking: Some(Arc::clone(&booking.service)),
        mail: Some(Arc::clone(&mail.service)),
        reindex: Some(Arc::clone(&mail.reindex)),
        rules: Some(Arc::clone(smtp.incoming.rules())),
        incoming: Some(Arc::clone(&smtp.incoming)),
        dkim,
        mail_host_name: mail::smtp::host_name(config),
        mail_resolvers: mail::smtp::resolvers(config),
        process: Process {
            data: config.data.display().to_string(),
            started: Some(Timestamp::now()),
            listeners: listeners
                .iter()
                .map(|(name, address)| (name.clone(), address.to_string()))
                .collect(),
        },
    });
    let watched = Watched {
        objects: Arc::clone(&objects),
        booking: Arc::clone(&booking.service),
        mail: Arc::clone(&mail.service),
        mail_search: Arc::clone(&mail.search),
    };
    let (health, watch) = Health::watch(watched).await;
    let service = Arc::new(Internal {
        token_sha256: Sha256::digest(&token).into(),
        bridge_tokens: tokens,
        calls: Calls::new(services),
        admin,
        health,
        metrics: metrics.clone(),
    });
    if let Some((socket, _)) = sockets.last() {
        data.publish_address(local_address(socket)?)?;
    }
    let drain = CancellationToken::new();
    let internal = sockets
        .into_iter()
        .map(|(socket, tls)| {
            tokio::spawn(internal::serve(
                socket,
                tls,
                Arc::clone(&service),
                drain.clone(),
            ))
        })
        .collect();
    let upkeep = tokio::spawn(keep_up(Arc::clone(&identity), metrics, smtp.certificate()));
    Ok(Server {
        data,
        edge,
        storage,
        booking,
        mail,
        smtp,
        identity,
        listeners,
        drain,
        internal,
        endless: vec![watch, upkeep],
    })
}

async fn make_edge(
    config: &Config,
    application: Application,
    cache: Option<PathBuf>,
    services: Services,
) -> Result<Edge, Failure> {
    let mut options = EdgeOptions::default();
    options.engine.cache_dir = cache;
    options.services = services;
    if let Some(threads) = config.threads {
        options.cores = usize::from(threads);
    }
    let Application {
        app,
        sources,
        watched,
    } = application;
    // Compiling takes seconds where nothing is in the cache.
    let edge = tokio::task::spawn_blocking(move || Edge::new(options, &app, &sources))
        .await
        .map_err(Failure::failed)?
        .map_err(Failure::failed)?;
    for (name, path) in watched {
        edge.watch_component(&name, path);
    }
    Ok(edge)
}

/// Binds the listeners of components.
fn bind_edge(config: &Config, edge: &Edge) -> Result<BTreeMap<String, SocketAddr>, Failure> {
    let tls = match (&config.tls_cert, &config.tls_key) {
        (Some(certificates), Some(key)) => Some(TlsFiles {
            certificates: certificates.clone(),
            key: key.clone(),
        }),
        _ => None,
    };
    [("web", config.web), ("s3", config.s3)]
        .into_iter()
        .map(|(name, address)| {
            let bound = edge
                .bind(name, address.0, tls.clone())
                .map_err(|error| match error {
                    EdgeError::Bind { error, .. } => cannot_listen(name, address.0, &error),
                    other => Failure::failed(other),
                })?;
            Ok((name.to_owned(), bound))
        })
        .collect()
}

/// A socket of the internal listener, and its TLS.
type InternalSocket = (TcpListener, Option<tokio_rustls::TlsAcceptor>);

/// Binds the internal listener. On an address that is not loopback it speaks
/// TLS; commands on this machine then have a loopback port of their own, so
/// that they need no certificate. The last socket is the one for them.
async fn bind_internal(config: &Config) -> Result<Vec<InternalSocket>, Failure> {
    let bind = async |address: SocketAddr| {
        TcpListener::bind(address)
            .await
            .map_err(|error| cannot_listen("internal", address, &error))
    };
    let address = config.internal.0;
    match (&config.tls_cert, &config.tls_key) {
        (Some(certificate), Some(key)) if !address.ip().is_loopback() => {
            let tls = internal::acceptor(certificate, key)?;
            let local = crate::config::ListenAddress::loopback(0).0;
            Ok(vec![
                (bind(address).await?, Some(tls)),
                (bind(local).await?, None),
            ])
        }
        _ => Ok(vec![(bind(address).await?, None)]),
    }
}

fn cannot_listen(name: &str, address: SocketAddr, error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        return Failure::new(
            Exit::Unavailable,
            format!(
                "{address} is in use by another program; `--{name} PORT` takes another, `--{name} 0` a free one"
            ),
        );
    }
    Failure::failed(format!("cannot listen on {address} for {name}: {error}"))
}

fn local_address(socket: &TcpListener) -> Result<SocketAddr, Failure> {
    socket.local_addr().map_err(Failure::failed)
}

/// Prints the one line that says that every listener accepts.
fn print_ready(listeners: &[(&str, SocketAddr)]) -> Result<(), Failure> {
    let words: Vec<String> = listeners
        .iter()
        .map(|(name, address)| format!("{name}={address}"))
        .collect();
    let line = format!("ready {}\n", words.join(" "));
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::failed(format!("cannot write to standard output: {error}")))?;
    tracing::info!("{}", line.trim_end());
    Ok(())
}

async fn keep_up(
    identity: Arc<Identity>,
    metrics: PrometheusHandle,
    certificate: Arc<Certificate>,
) {
    let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        metrics.run_upkeep();
        let certificate = Arc::clone(&certificate);
        if let Err(error) = tokio::task::spawn_blocking(move || certificate.refresh()).await {
            tracing::error!("the certificate of mail: {error}");
        }
        record_uses(&identity).await;
    }
}

/// Writes down when keys were last used. Losing that is no reason to stop.
async fn record_uses(identity: &Arc<Identity>) {
    let identity = Arc::clone(identity);
    match tokio::task::spawn_blocking(move || identity.record_uses()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!("the last uses of keys were not written: {error}"),
        Err(error) => tracing::error!("the last uses of keys were not written: {error}"),
    }
}

impl Server {
    /// Answers what is under way, and sees that everything is on disk.
    async fn end(mut self) {
        self.data.withdraw_address();
        self.smtp.drain().await;
        // Event streams have no end of their own, and the edge waits for all that is under way.
        self.mail.service.end_listeners();
        self.edge.drain().await;
        self.drain.cancel();
        for task in self.internal {
            if let Err(error) = task.await {
                tracing::error!("the internal listener: {error}");
            }
        }
        self.endless.iter().for_each(JoinHandle::abort);
        // Bookings hand their mails to mail.
        self.booking.close().await;
        self.smtp.close().await;
        self.mail.close().await;
        self.storage.close().await;
        record_uses(&self.identity).await;
    }
}
