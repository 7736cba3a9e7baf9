//! Connections that a component's outbound requests leave open for the next ones.
//!
//! HTTP/1.1 alone, one request at a time on each. All connections of a component on one core belong
//! to that core's thread and runtime; nothing here crosses threads.

use super::exchange::RequestBody;
use http::Uri;
use http::uri::Scheme;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use wasmtime_wasi_http::Error;

/// Idle connections to one authority. More than that at once are opened as they are needed, and
/// closed after their request.
const IDLE_PER_AUTHORITY_MAX: usize = 64;
/// Idle connections to all authorities, so that a component that speaks to many hosts does not
/// use up the process's descriptors.
const IDLE_MAX: usize = 256;
/// How long a connection waits for its next request. Below the five seconds after which the least
/// patient of common servers close (Apache, Node.js): a request that meets such a close may or may
/// not have been worked on, and is not sent again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// One end of a connection, for one request after another.
pub(super) type Sender = http1::SendRequest<RequestBody>;

/// Where a connection leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Destination {
    tls: bool,
    /// As it stands in URLs: an IPv6 address in brackets.
    host: Box<str>,
    port: u16,
}

impl Destination {
    /// Of a request's URI.
    pub(super) fn of(uri: &Uri) -> Result<Self, Error> {
        let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?;
        let tls = uri.scheme() == Some(&Scheme::HTTPS);
        Ok(Self {
            tls,
            host: host.to_ascii_lowercase().into(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
        })
    }

    fn host_without_brackets(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

/// The idle connections of one component on one core.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Mutex<Idle>>);

struct Idle {
    /// How long one waits.
    timeout: Duration,
    /// By destination, the one used last at the end.
    waiting: HashMap<Destination, Vec<Waiting>>,
    /// A task closes those that wait too long.
    swept: bool,
}

struct Waiting {
    sender: Sender,
    since: Instant,
}

impl Waiting {
    fn is_usable(&self, timeout: Duration) -> bool {
        self.sender.is_ready() && self.since.elapsed() < timeout
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self::new(IDLE_TIMEOUT)
    }
}

impl Connections {
    /// None yet, each of which is to wait so long.
    fn new(timeout: Duration) -> Self {
        Self(Arc::new(Mutex::new(Idle {
            timeout,
            waiting: HashMap::new(),
            swept: false,
        })))
    }

    /// An open connection, if one waits.
    pub(super) fn take(&self, destination: &Destination) -> Option<Sender> {
        let mut idle = self.lock();
        let timeout = idle.timeout;
        let waiting = idle.waiting.get_mut(destination)?;
        while let Some(last) = waiting.pop() {
            if last.is_usable(timeout) {
                return Some(last.sender);
            }
        }
        idle.waiting.remove(destination);
        None
    }

    /// Keeps a connection once its answer has been read to the end. One whose answer is left unread,
    /// or whose server closes, ends by itself.
    pub(super) fn give_back(&self, destination: Destination, mut sender: Sender) {
        if sender.is_ready() {
            return self.keep(destination, sender);
        }
        let connections = self.clone();
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                connections.keep(destination, sender);
            }
        });
    }

    fn keep(&self, destination: Destination, sender: Sender) {
        let mut idle = self.lock();
        let all: usize = idle.waiting.values().map(Vec::len).sum();
        if all >= IDLE_MAX {
            return;
        }
        let waiting = idle.waiting.entry(destination).or_default();
        if waiting.len() < IDLE_PER_AUTHORITY_MAX {
            let since = Instant::now();
            waiting.push(Waiting { sender, since });
        }
        if !std::mem::replace(&mut idle.swept, true) {
            tokio::spawn(sweep(Arc::downgrade(&self.0), idle.timeout));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections that waited too long, until none waits.
async fn sweep(idle: Weak<Mutex<Idle>>, timeout: Duration) {
    loop {
        tokio::time::sleep(timeout).await;
        let Some(idle) = idle.upgrade() else {
            return;
        };
        let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.waiting.retain(|_, waiting| {
            waiting.retain(|waiting| waiting.is_usable(timeout));
            !waiting.is_empty()
        });
        if idle.waiting.is_empty() {
            idle.swept = false;
            return;
        }
    }
}

/// Opens a connection.
///
/// # Errors
/// The error code of wasi:http for what went wrong.
pub(super) async fn connect(
    destination: &Destination,
    patience: Duration,
) -> Result<Sender, Error> {
    match tokio::time::timeout(patience, open(destination)).await {
        Ok(opened) => opened,
        Err(_late) => Err(Error::ConnectionTimeout),
    }
}

async fn open(destination: &Destination) -> Result<Sender, Error> {
    let host = destination.host_without_brackets();
    let stream = TcpStream::connect((host, destination.port))
        .await
        .map_err(Error::Connect)?;
    // A request's body must not wait for the acknowledgement of its head.
    stream.set_nodelay(true).map_err(Error::Connect)?;
    if !destination.tls {
        return handshake(stream).await;
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::HttpRequestUriInvalid)?;
    let tls = tokio_rustls::TlsConnector::from(tls().map_err(Error::Tls)?);
    handshake(tls.connect(name, stream).await.map_err(Error::Tls)?).await
}

/// Speaks HTTP on a connection, which a task of its own drives.
pub(super) async fn handshake<S>(stream: S) -> Result<Sender, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!("outbound connection: {error}");
        }
    });
    Ok(sender)
}

/// Trusts what browsers trust.
fn tls() -> io::Result<Arc<rustls::ClientConfig>> {
    static CONFIG: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.into(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}

#[cfg(test)]
mod tests;
