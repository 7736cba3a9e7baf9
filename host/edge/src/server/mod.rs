//! HTTP in front of the components.

mod answer;
mod body;
mod connection;
mod core;
mod handler;
mod listener;
mod spin;
pub(crate) mod tls;
mod websocket;

pub(crate) use self::core::{Core, CoreSetup};
pub(crate) use listener::Listener;

use self::connection::Acceptor;
use self::tls::Tls;
use crate::edge::EdgeOptions;
use std::net::TcpListener;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Serves the sockets of one core on this thread until `drain`, then waits for the requests under
/// way, at most as long as the options say.
pub(crate) fn serve_core(
    setup: &CoreSetup,
    sockets: Vec<(Arc<str>, Option<Arc<Tls>>, TcpListener)>,
    options: &EdgeOptions,
    drain: &CancellationToken,
) {
    let (connections, wait) = (options.connections_per_core, options.drain);
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("a core of the edge cannot start: {error}");
            return;
        }
    };
    runtime.block_on(async {
        let core = Arc::new(Core::new(setup));
        let permits = Arc::new(Semaphore::new(connections));
        for (name, tls, socket) in sockets {
            let acceptor = Acceptor {
                core: Arc::clone(&core),
                name,
                tls,
                permits: Arc::clone(&permits),
                write_timeout: options.write_timeout,
                drain: drain.clone(),
            };
            match tokio::net::TcpListener::from_std(socket) {
                Ok(socket) => drop(tokio::spawn(acceptor.run(socket))),
                Err(error) => tracing::error!("a listener of the edge cannot start: {error}"),
            }
        }
        drain.cancelled().await;
        // Every connection holds a permit until it ends.
        let all = u32::try_from(connections).unwrap_or(u32::MAX);
        if tokio::time::timeout(wait, permits.acquire_many(all))
            .await
            .is_err()
        {
            tracing::warn!("requests are cut off: they did not end in {wait:?}");
        }
        core.drain();
    });
    // Hosts calls on the blocking pool may still run; they are not waited for.
    runtime.shutdown_background();
}
