//! Accepts connections and speaks HTTP on them.

use super::core::{Core, Routed};
use super::handler::{Connection, HEADER_BYTES_MAX, handle};
use super::spin;
use super::tls::Tls;
use crate::routes::RouteTable;
use http::uri::Scheme;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

/// For the whole head of a request, from the connection's or the last answer's end. It bounds slow
/// senders and idle connections alike, so it is as long as keep-alive should be.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(60);
/// For a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The read buffer of an HTTP/1 connection, which also is the largest piece that a body arrives in.
const READ_BUFFER_BYTES: usize = 256 << 10;
/// Requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 256;
/// Flow-control windows of HTTP/2: for a stream as much as a body piece, for a connection several.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// How long accepting pauses when it failed for want of descriptors or memory. Trying again at
/// once would spin: the connection stays in the backlog and the socket stays readable.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const _: () = assert!(
    READ_BUFFER_BYTES > HEADER_BYTES_MAX,
    "431 must be ours to answer"
);

/// What the accept loop of a listener on one core needs.
pub(crate) struct Acceptor {
    pub(crate) core: Arc<Core>,
    pub(crate) name: Arc<str>,
    pub(crate) tls: Option<Arc<Tls>>,
    /// Connections that may be open on this core.
    pub(crate) permits: Arc<Semaphore>,
    /// How long a client may take no byte of its answer.
    pub(crate) write_timeout: Duration,
    pub(crate) drain: CancellationToken,
}

impl Acceptor {
    /// Accepts until the drain begins.
    pub(crate) async fn run(self, socket: TcpListener) {
        let open =
            metrics::gauge!("concierge_edge_connections", "listener" => self.name.to_string());
        let errors = metrics::counter!("concierge_edge_accept_errors_total", "listener" => self.name.to_string());
        let server = Arc::new(http_server());
        let routes = self.core.routes(&self.name);
        let mut told = false;
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.drain.cancelled() => return,
                accepted = self.accept(&socket) => accepted,
            };
            match accepted {
                Ok((stream, client, permit)) => {
                    told = false;
                    let served = Served {
                        server: Arc::clone(&server),
                        core: Arc::clone(&self.core),
                        routes: Arc::clone(&routes),
                        client,
                        write_timeout: self.write_timeout,
                        drain: self.drain.clone(),
                        permit,
                    };
                    let (tls, open) = (self.tls.clone(), open.clone());
                    tokio::spawn(async move {
                        open.increment(1.0);
                        served.connection(stream, tls).await;
                        open.decrement(1.0);
                    });
                }
                Err(error) => {
                    errors.increment(1);
                    if is_of_one_connection(&error) {
                        continue;
                    }
                    if !std::mem::replace(&mut told, true) {
                        tracing::error!(listener = %self.name, "cannot accept connections: {error}");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Takes a permit first, so that at the limit connections wait in the kernel's backlog.
    async fn accept(
        &self,
        socket: &TcpListener,
    ) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let (stream, client) = socket.accept().await?;
        Ok((stream, client, permit))
    }
}

/// Errors of `accept` that belong to the connection that was to be accepted (accept(2)).
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::PermissionDenied
    )
}

fn http_server() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(READ_BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(u32::try_from(HEADER_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(HEADER_READ_TIMEOUT)
        .keep_alive_timeout(HEADER_READ_TIMEOUT);
    builder
}

/// One connection.
struct Served {
    server: Arc<Builder<TokioExecutor>>,
    core: Arc<Core>,
    routes: Arc<RouteTable<Routed>>,
    client: SocketAddr,
    write_timeout: Duration,
    drain: CancellationToken,
    permit: OwnedSemaphorePermit,
}

impl Served {
    async fn connection(self, stream: TcpStream, tls: Option<Arc<Tls>>) {
        // An answer's last piece must not wait for the client's acknowledgement of the one before.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.write_timeout));
        let stream = Box::pin(stream);
        match tls {
            None => self.http(stream, Scheme::HTTP).await,
            Some(tls) => match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.http(stream, Scheme::HTTPS).await,
                Ok(Err(error)) => {
                    tracing::debug!(client = %self.client, "TLS handshake failed: {error}");
                }
                Err(_late) => tracing::debug!(client = %self.client, "TLS handshake took too long"),
            },
        }
    }

    async fn http(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        scheme: Scheme,
    ) {
        let connection = Arc::new(Connection {
            core: self.core,
            routes: self.routes,
            client: spin::client_field(self.client),
            scheme,
            drain: self.drain.clone(),
            _permit: self.permit,
        });
        let service = service_fn(move |request| {
            let connection = Arc::clone(&connection);
            async move { Ok::<_, Infallible>(handle(&connection, request).await) }
        });
        let mut served = pin!(
            self.server
                .serve_connection_with_upgrades(TokioIo::new(stream), service)
        );
        let result = tokio::select! {
            result = served.as_mut() => result,
            () = self.drain.cancelled() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(client = %self.client, "connection ended: {error}");
        }
    }
}
