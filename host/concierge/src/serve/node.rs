//! `concierge node`: one storage node behind its server.

use std::net::SocketAddr;
use std::time::Duration;

use concierge_storage_nodes::server::serve;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::signals::Signals;
use super::{cannot_listen, local_address, print_ready};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::{storage, telemetry};

/// Serves the node in the data directory until a signal ends it.
pub async fn node(config: Config, address: SocketAddr, token: String) -> Result<(), Failure> {
    telemetry::start_logs(&config)?;
    let mut signals = Signals::listen()?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| cannot_listen("listen", address, &error))?;
    let bound = local_address(&listener)?;
    let node = storage::open_node(&config.data, storage::node_options(&config)).await?;

    let drain = CancellationToken::new();
    let mut server = std::pin::pin!(serve(listener, node.clone(), token, drain.cancelled()));
    // One step of it: it refuses at once what it refuses (an address that is
    // not loopback, a token that is too short).
    let ended = match tokio::time::timeout(Duration::ZERO, &mut server).await {
        Ok(ended) => ended,
        Err(_) => {
            print_ready(&[("node", bound)])?;
            tokio::select! {
                ended = &mut server => ended,
                signal = signals.next() => {
                    tracing::info!("{signal}: ending once what is under way is answered");
                    drain.cancel();
                    signals.or_at_once(server).await
                }
            }
        }
    };
    // Waits for what was accepted to be on the disk.
    tokio::task::spawn_blocking(move || node.close())
        .await
        .map_err(Failure::failed)?;
    ended.map_err(|error| Failure::new(Exit::Usage, error))
}
