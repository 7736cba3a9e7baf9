//! Whether all that must work does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use concierge_objects::{Error, NodeReport, ObjectStore, Status};

/// Between two looks at the store. What `/healthz` says is this old at most
/// when all is well; nodes in other processes are not asked for each request.
const INTERVAL: Duration = Duration::from_secs(5);
/// Older than this, what was seen last says nothing any more: the store does
/// not answer. Longer than a node that cannot be reached holds the look up.
const STALE: Duration = Duration::from_secs(120);

/// What was seen last, for whoever asks.
pub struct Health {
    seen: Mutex<(Instant, Vec<String>)>,
}

impl Health {
    /// Looks once, and then from time to time until the task is aborted.
    pub async fn watch(objects: Arc<ObjectStore>) -> (Arc<Self>, tokio::task::JoinHandle<()>) {
        let first = look(&objects).await;
        let health = Arc::new(Self {
            seen: Mutex::new((Instant::now(), first)),
        });
        let watched = Arc::clone(&health);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                let failures = look(&objects).await;
                *watched.seen.lock().unwrap_or_else(PoisonError::into_inner) =
                    (Instant::now(), failures);
            }
        });
        (health, task)
    }

    /// What makes the server useless; nothing if it is of use.
    pub fn failures(&self) -> Vec<String> {
        let (at, failures) = &*self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if at.elapsed() > STALE {
            return vec![format!(
                "the object store has not answered for {} seconds",
                at.elapsed().as_secs()
            )];
        }
        failures.clone()
    }
}

async fn look(objects: &ObjectStore) -> Vec<String> {
    let status = objects.status().await;
    if let Ok(status) = &status {
        measure(status);
    }
    let failures = failures(&status);
    for failure in &failures {
        tracing::error!("not healthy: {failure}");
    }
    failures
}

/// What makes the server useless: a shard that takes no more writes, or no node
/// that takes any.
fn failures(status: &Result<Status, Error>) -> Vec<String> {
    let status = match status {
        Ok(status) => status,
        Err(error) => return vec![format!("the object store: {error}")],
    };
    let mut failures: Vec<String> = status
        .shards
        .iter()
        .enumerate()
        .filter(|(_, shard)| shard.stopped)
        .map(|(number, _)| {
            format!("shard {number} of the catalogue failed to write and takes no more")
        })
        .collect();
    if !status.nodes.is_empty() && status.nodes.iter().all(|node| trouble(node).is_some()) {
        failures.extend(status.nodes.iter().filter_map(trouble));
    }
    failures
}

/// Everything that does not work as it must, also what replicas make up for.
pub fn problems(status: &Result<Status, Error>) -> Vec<String> {
    let mut problems = failures(status);
    let nodes = status
        .iter()
        .flat_map(|status| &status.nodes)
        .filter_map(trouble);
    for trouble in nodes {
        if !problems.contains(&trouble) {
            problems.push(trouble);
        }
    }
    problems
}

fn trouble(node: &NodeReport) -> Option<String> {
    match (&node.status, &node.error) {
        (_, Some(error)) => Some(format!("storage node {}: {error}", node.id)),
        (Some(status), None) => status
            .stopped
            .as_ref()
            .map(|why| format!("storage node {} takes no more writes: {why}", node.id)),
        (None, None) => None,
    }
}

/// What only the status knows, as metrics.
fn measure(status: &Status) {
    for node in &status.nodes {
        let Some(status) = &node.status else { continue };
        for (state, bytes) in [
            ("live", status.live_bytes),
            ("dead", status.dead_bytes),
            ("free", status.free_bytes),
            ("used", status.used_bytes),
        ] {
            metrics::gauge!("concierge_node_space_bytes", "node" => node.id.to_string(), "state" => state)
                .set(bytes as f64);
        }
    }
    let shards = &status.shards;
    let missing: u64 = shards.iter().map(|shard| shard.missing_replicas).sum();
    let garbage: u64 = shards.iter().map(|shard| shard.garbage).sum();
    metrics::gauge!("concierge_catalogue_missing_replicas").set(missing as f64);
    metrics::gauge!("concierge_catalogue_garbage").set(garbage as f64);
}
