//! The listener: accepts connections within bounds, and ends them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::admission::{Admission, Admitted};
use super::handler::{Connection, Handler};
use super::options::ServerOptions;
use super::proxy;
use super::session::{Session, Shared, count_refused};

/// What is said to who is one too many. There is no task for it, and nobody waits until it is read.
const TOO_MANY: &[u8] = b"421 4.7.0 too many connections, come again later\r\n";

/// How long nothing is accepted after an error, at first and at most: descriptors that are used up do not come back by
/// asking for more.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Between two lines of the log about it.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(10);

/// Numbers of connections, for logs.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A connection that is waited for.
type Accepting<'a> = Pin<Box<dyn Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send + 'a>>;

/// Gives connections.
trait Accept: Send + Sync + 'static {
    fn accept(&self) -> Accepting<'_>;
}

impl Accept for TcpListener {
    fn accept(&self) -> Accepting<'_> {
        Box::pin(self.accept())
    }
}

/// A server that accepts connections. Dropped without [`Self::drain`], it goes on.
pub struct Server {
    address: SocketAddr,
    draining: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens at an address, on the runtime that calls.
    ///
    /// # Errors
    /// Those of the socket; [`io::ErrorKind::InvalidInput`] for TLS from the first octet without a certificate.
    pub async fn bind(
        address: SocketAddr,
        options: ServerOptions,
        handler: Arc<dyn Handler>,
    ) -> io::Result<Self> {
        if options.service == super::Service::Submissions && options.tls.is_none() {
            let why = "TLS needs a certificate";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let draining = CancellationToken::new();
        let shared = Arc::new(Shared {
            options,
            handler,
            draining: draining.clone(),
        });
        let task = tokio::spawn(serve(listener, shared));
        Ok(Self {
            address,
            draining,
            task,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more, lets what is under way end within [`super::Limits::drain_timeout`], and is gone then.
    pub async fn drain(self) {
        self.draining.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a listener of mail");
        }
    }
}

async fn serve(listener: impl Accept, shared: Arc<Shared>) {
    let admission = Arc::new(Admission::default());
    let mut sessions = JoinSet::new();
    let mut pause = Pause::default();
    loop {
        let accepted = tokio::select! {
            () = shared.draining.cancelled() => break,
            accepted = listener.accept() => accepted,
            Some(ended) = sessions.join_next() => {
                note(ended);
                continue;
            }
        };
        match accepted {
            Ok((stream, peer)) => {
                pause.is_over();
                if let Some(session) = admit(&shared, &admission, stream, peer) {
                    sessions.spawn(session);
                }
            }
            // The client went before it was accepted (accept(2)).
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                let length = pause.next(&error);
                tokio::select! {
                    () = shared.draining.cancelled() => break,
                    () = tokio::time::sleep(length) => {}
                }
            }
        }
    }
    drop(listener);
    let all = async {
        while let Some(ended) = sessions.join_next().await {
            note(ended);
        }
    };
    if tokio::time::timeout(shared.options.limits.drain_timeout, all)
        .await
        .is_err()
    {
        sessions.shutdown().await;
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a session of mail");
    }
}

/// Waits that grow while accepting fails.
#[derive(Default)]
struct Pause {
    last: Option<Duration>,
    complained: Option<Instant>,
}

impl Pause {
    fn is_over(&mut self) {
        self.last = None;
    }

    fn next(&mut self, error: &io::Error) -> Duration {
        let is_due = |at: Instant| at.elapsed() >= COMPLAINT_INTERVAL;
        if self.complained.is_none_or(is_due) {
            self.complained = Some(Instant::now());
            tracing::error!(%error, "accepting connections of mail");
        }
        let next = self
            .last
            .map_or(PAUSE_FIRST, |last| (last * 2).min(PAUSE_MAX));
        self.last = Some(next);
        next
    }
}

/// A session for a connection, if there is room for it.
fn admit(
    shared: &Arc<Shared>,
    admission: &Arc<Admission>,
    stream: TcpStream,
    peer: SocketAddr,
) -> Option<impl Future<Output = ()> + Send + use<>> {
    let options = &shared.options;
    let service = options.service.name();
    metrics::counter!("concierge_smtp_connections_total", "service" => service).increment(1);
    let is_proxy = proxy::is_among(peer.ip(), &options.proxies);
    let limits = options.limits;
    let mut admitted = admission.enter(limits.connections_max);
    if let Some(counted) = &mut admitted
        && !is_proxy
        && !counted.is_from(peer.ip(), limits.connections_per_address_max)
    {
        admitted = None;
    }
    let Some(admitted) = admitted else {
        refuse(service, &stream);
        return None;
    };
    let shared = Arc::clone(shared);
    Some(open(shared, admitted, stream, peer, is_proxy))
}

fn refuse(service: &'static str, stream: &TcpStream) {
    count_refused(service, "connections");
    // The buffer of a new connection is empty: it takes so much at once, or the client is gone.
    let _ = stream.try_write(TOO_MANY);
}

async fn open(
    shared: Arc<Shared>,
    mut admitted: Admitted,
    mut stream: TcpStream,
    peer: SocketAddr,
    is_proxy: bool,
) {
    let Ok(mut local) = stream.local_addr() else {
        return;
    };
    // Replies are written whole; nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let mut client = peer;
    if is_proxy {
        match proxy::read(&mut stream).await {
            Ok(None) => {}
            Ok(Some((said, own))) => (client, local) = (said, own),
            Err(error) => {
                tracing::warn!(%peer, %error, "a connection of a proxy");
                return;
            }
        }
        let max = shared.options.limits.connections_per_address_max;
        if !admitted.is_from(client.ip(), max) {
            refuse(shared.options.service.name(), &stream);
            return;
        }
    }
    let connection = Connection {
        number: NEXT.fetch_add(1, Ordering::Relaxed),
        service: shared.options.service,
        peer: client,
        local,
        hello: String::new(),
        is_extended: false,
        tls: None,
        authenticated: None,
    };
    Session::run(shared, connection, Box::new(stream)).await;
    drop(admitted);
}

#[cfg(test)]
mod tests;
