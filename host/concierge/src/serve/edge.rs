//! `concierge edge`: the components here, what they ask for answered by a host elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use concierge_edge::Services;
use concierge_wit_http::{Client, ClientOptions};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::signals::Signals;
use super::{application, bind_edge, make_edge, print_ready, raise_file_limit};
use crate::config::{Config, unknown_variables};
use crate::exit::Failure;
use crate::telemetry;

/// The host that answers.
pub struct Host {
    /// Its internal listener.
    pub url: String,
    /// The token for it.
    pub token: String,
    /// The file with the certificates to trust.
    pub trusted: Option<PathBuf>,
}

/// Serves until a signal ends it.
pub async fn edge(config: Config, host: Host, cache: Option<PathBuf>) -> Result<(), Failure> {
    telemetry::start_logs(&config)?;
    let mut signals = Signals::listen()?;
    raise_file_limit();
    for name in unknown_variables() {
        tracing::warn!("{name} is set, but there is no such setting");
    }
    let application = application::load(&config)?;
    let services = Services {
        remote: Some(Arc::new(client(host)?)),
        ..Services::default()
    };
    let edge = make_edge(&config, application, cache, services).await?;
    let listeners = bind_edge(&config, &edge)?;
    edge.start().map_err(Failure::failed)?;
    let ready: Vec<_> = ["web", "s3"]
        .into_iter()
        .filter_map(|name| Some((name, *listeners.get(name)?)))
        .collect();
    print_ready(&ready)?;
    let signal = signals.next().await;
    tracing::info!("{signal}: ending once what is under way is answered");
    signals.or_at_once(edge.drain()).await;
    tracing::info!("ended");
    Ok(())
}

fn client(host: Host) -> Result<Client, Failure> {
    let trusted = match &host.trusted {
        Some(path) => certificates(path)?,
        None => Vec::new(),
    };
    Client::new(ClientOptions {
        host: host.url,
        token: host.token,
        trusted,
    })
    .map_err(|error| Failure::usage(format!("--host: {error}")))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let read = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    match read.is_empty() {
        true => Err(Failure::usage(format!(
            "{} has no certificate",
            path.display()
        ))),
        false => Ok(read),
    }
}
