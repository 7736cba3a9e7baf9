//! The runtime form of the baselines, which is the edge's own: one
//! single-threaded runtime a core, each with a listener on the same port
//! (SO_REUSEPORT), so that a connection stays on one thread.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use http_body_util::combinators::BoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket};

/// The body of a baseline's answer.
pub type Body = BoxBody<Bytes, std::io::Error>;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Serves `handle` on a free port of the loopback interface, forever. Prints
/// `ready http=ADDR` when every core listens.
pub fn serve<S, F, H>(state: S, handle: H) -> Result<()>
where
    S: Clone + Send + 'static,
    H: Fn(S, Request<Incoming>) -> F + Copy + Send + 'static,
    F: Future<Output = Response<Body>> + 'static,
{
    let cores = std::thread::available_parallelism()?.get();
    let first = listen(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let addr = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..cores {
        listeners.push(listen(addr)?);
    }
    println!("ready http={addr}");
    let threads: Vec<_> = listeners
        .into_iter()
        .map(|listener| {
            let state = state.clone();
            std::thread::spawn(move || run(listener, state, handle))
        })
        .collect();
    for thread in threads {
        thread
            .join()
            .map_err(|_| anyhow::anyhow!("a server thread panicked"))??;
    }
    Ok(())
}

/// A listener not yet bound to any runtime.
fn listen(addr: SocketAddr) -> Result<std::net::TcpListener> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let _entered = runtime.enter();
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseport(true)?;
    socket
        .bind(addr)
        .with_context(|| format!("cannot bind {addr}"))?;
    Ok(socket.listen(BACKLOG)?.into_std()?)
}

/// One core's loop.
fn run<S, F, H>(listener: std::net::TcpListener, state: S, handle: H) -> Result<()>
where
    S: Clone + Send + 'static,
    H: Fn(S, Request<Incoming>) -> F + Copy + Send + 'static,
    F: Future<Output = Response<Body>> + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async move {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let state = state.clone();
            let service = service_fn(move |request| {
                let answer = handle(state.clone(), request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            tokio::task::spawn_local(async move {
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service);
                // A connection that the client drops is no matter of the server's.
                let _ = connection.await;
            });
        }
    })
}
