//! Tests against a real server, which each starts for itself; skipped where there is no PostgreSQL, but never in
//! continuous integration (`CI` is set there).

mod feed;
mod hosts;
mod lost;
mod plans;
mod server;
mod start;

use self::server::TestServer;
use crate::store::{Strategy, conformance};

async fn conforms(strategy: Strategy) {
    let Some(server) = TestServer::start().await else {
        return;
    };
    conformance::everything(strategy, async |strategy| {
        server.store(&server.database().await, strategy).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pessimistic_conforms() {
    conforms(Strategy::Pessimistic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn optimistic_conforms() {
    conforms(Strategy::Optimistic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn constraint_conforms() {
    conforms(Strategy::Constraint).await;
}
