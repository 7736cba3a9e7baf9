//! Connections to the internal listener.

use std::sync::Arc;
use std::time::Duration;

use concierge_edge::DEFAULT_WRITE_TIMEOUT;
use concierge_wit_http::STREAM_HEADER_MAX_BYTES;
use concierge_wit_http::server::CALLS_MAX;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::acknowledging::Acknowledging;
use super::routes::Internal;

/// Connections at the same time: a few scrapers and commands, and with bridges and edges
/// one for each call that may be under way, so that what is too much is refused
/// there. More wait in the kernel.
const CONNECTIONS_MAX: usize = 2 * CALLS_MAX;
/// All headers of a request, in bytes: a token, and the arguments of a call that
/// takes a stream, in base64.
const HEADERS_MAX_BYTES: usize = STREAM_HEADER_MAX_BYTES / 3 * 4 + 16 * 1024;
/// For a request's headers to arrive, from the connection's or the last answer's end: also how long a
/// connection waits for its next request. Twice what our own clients let one wait, so that it is
/// they who close.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(60);
/// For a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Streams at the same time in an HTTP/2 connection.
const STREAMS_MAX: u32 = 64;
/// Before accepting again after a failure that does not pass by itself (no
/// file descriptors left): long enough not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// For requests under way, once the server is to end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Ended: requests under way were answered, or took too long.
pub struct Drained;

/// Answers connections until `drain`, then waits for those under way.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    internal: Arc<Internal>,
    drain: CancellationToken,
) -> Drained {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &permits) => accepted,
            () = drain.cancelled() => break,
        };
        let Some((stream, permit)) = accepted else {
            break;
        };
        let (internal, tls, watcher) = (Arc::clone(&internal), tls.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _permit = permit;
            match tls {
                None => answer(stream, internal, watcher).await,
                Some(tls) => {
                    match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
                        Ok(Ok(stream)) => answer(stream, internal, watcher).await,
                        Ok(Err(error)) => {
                            tracing::debug!("TLS handshake on the internal listener: {error}")
                        }
                        Err(_) => {
                            tracing::debug!("TLS handshake on the internal listener took too long")
                        }
                    }
                }
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            "requests on the internal listener are cut off: they did not end in {DRAIN_TIMEOUT:?}"
        );
    }
    Drained
}

/// The next connection, once there may be one.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(Acknowledging, tokio::sync::OwnedSemaphorePermit)> {
    // The semaphore is never closed.
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Small answers must not wait for the client's acknowledgement.
                let _ = stream.set_nodelay(true);
                return Some((Acknowledging(stream), permit));
            }
            Err(error) => {
                tracing::warn!("the internal listener cannot accept: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn answer<S>(
    stream: S,
    internal: Arc<Internal>,
    watcher: hyper_util::server::graceful::Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = connection(stream, DEFAULT_WRITE_TIMEOUT, move |request| {
        let internal = Arc::clone(&internal);
        async move { internal.answer(request).await }
    });
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!("connection on the internal listener: {error}");
    }
}

/// Speaks HTTP on a connection whose client takes some of its answer every `write_timeout`, as on
/// the listeners of the edge.
fn connection<S, F, B>(
    stream: S,
    write_timeout: Duration,
    answer: impl Fn(Request<Incoming>) -> F + Send + 'static,
) -> impl GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>> + Send
where
    S: AsyncRead + AsyncWrite + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_buf_size(HEADERS_MAX_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEADERS_MAX_BYTES as u32)
        .max_concurrent_streams(STREAMS_MAX);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(write_timeout));
    let service = service_fn(move |request| {
        let answer = answer(request);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    builder
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .into_owned()
}

#[cfg(test)]
mod tests {
    use hyper::body::{Bytes, Frame};
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use tokio::io::AsyncWriteExt;

    use super::*;

    struct Endless;

    impl Body for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let piece = Bytes::from_static(&[b'.'; 1024]);
            Poll::Ready(Some(Ok(Frame::data(piece))))
        }
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
        let (mut client, server) = tokio::io::duplex(4096);
        let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        client.write_all(request).await.unwrap();
        let answer = |_| async { Response::new(Endless) };
        let ended = connection(server, Duration::from_millis(50), answer).await;
        let error = format!("{:?}", ended.unwrap_err());
        assert!(error.contains("TimedOut"), "{error}");
    }
}
