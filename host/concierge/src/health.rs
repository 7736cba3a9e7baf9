//! Whether all that must work does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use concierge_booking::Booking;
use concierge_mail::Mail;
use concierge_mail::search::MailSearch;
use concierge_objects::{Error, NodeReport, ObjectStore, Status};

/// Between two looks at the store. What `/healthz` says is this old at most
/// when all is well; nodes in other processes are not asked for each request.
const INTERVAL: Duration = Duration::from_secs(5);
/// Older than this, what was seen last says nothing any more: the store does
/// not answer. Longer than nodes that cannot be reached hold the look up.
const STALE: Duration = Duration::from_secs(60);

/// What is looked at.
pub struct Watched {
    /// The object store.
    pub objects: Arc<ObjectStore>,
    /// Bookings.
    pub booking: Arc<Booking>,
    /// Mail.
    pub mail: Arc<Mail>,
    /// Its search.
    pub mail_search: Arc<MailSearch>,
}

/// What was seen last, for whoever asks.
pub struct Health {
    seen: Mutex<(Instant, Vec<String>)>,
}

impl Health {
    /// Looks once, and then from time to time until the task is aborted.
    pub async fn watch(what: Watched) -> (Arc<Self>, tokio::task::JoinHandle<()>) {
        let first = look(&what).await;
        let health = Arc::new(Self {
            seen: Mutex::new((Instant::now(), first)),
        });
        let watched = Arc::clone(&health);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                let failures = look(&what).await;
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

async fn look(what: &Watched) -> Vec<String> {
    let status = what.objects.status().await;
    if let Ok(status) = &status {
        measure(status);
    }
    let mut failures = failures(&status);
    failures.extend(booking_trouble(&what.booking));
    failures.extend(what.mail.health().err().map(|why| format!("mail: {why}")));
    measure_queue(&what.mail).await;
    // Mail is read and sent all the same: a problem, and none that makes the server useless.
    let search = what.mail_search.health();
    let is_fed = search.is_ok();
    if let Err(why) = search {
        tracing::error!("mail: {why}");
    }
    metrics::gauge!("concierge_mail_search_healthy").set(f64::from(u8::from(is_fed)));
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
    if status.directory_stopped {
        failures.push("the directory of buckets failed to write and takes no more".to_owned());
    }
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

/// What keeps reservations from being taken.
pub fn booking_trouble(booking: &Booking) -> Option<String> {
    let trouble = booking.health().err();
    trouble.map(|why| format!("bookings: {why}"))
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

/// How much waits to be sent, as metrics.
async fn measure_queue(mail: &Mail) {
    let Ok(size) = mail.store().queue_size().await else {
        return;
    };
    for (state, entries) in [("waiting", size.waiting), ("failed", size.failed)] {
        metrics::gauge!("concierge_mail_queue_entries", "state" => state).set(entries as f64);
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

#[cfg(test)]
mod tests {
    use concierge_objects::catalogue::ShardStatus;
    use concierge_objects::{NodeId, ProgressCounts};

    use super::*;

    fn status() -> Status {
        let node = |id| NodeReport {
            id: NodeId(id),
            status: None,
            error: None,
        };
        Status {
            epoch: 1,
            map_version: 1,
            moving: false,
            shards: vec![ShardStatus::default(); 4],
            directory_stopped: false,
            nodes: vec![node(1), node(2)],
            background: ProgressCounts::default(),
        }
    }

    #[test]
    fn a_stopped_shard_makes_the_server_useless() {
        assert_eq!(failures(&Ok(status())), [""; 0]);
        let mut stopped = status();
        stopped.shards[2].stopped = true;
        assert_eq!(
            failures(&Ok(stopped)),
            ["shard 2 of the catalogue failed to write and takes no more"]
        );
        let mut stopped = status();
        stopped.directory_stopped = true;
        assert_eq!(
            failures(&Ok(stopped)),
            ["the directory of buckets failed to write and takes no more"]
        );
        assert_eq!(failures(&Err(Error::Internal)).len(), 1);
    }

    #[test]
    fn one_bad_node_is_a_problem_and_only_all_of_them_a_failure() {
        let mut one = status();
        one.nodes[0].error = Some("it does not answer".to_owned());
        assert_eq!(failures(&Ok(one.clone())), [""; 0]);
        assert_eq!(
            problems(&Ok(one.clone())),
            ["storage node n1: it does not answer"]
        );
        one.nodes[1].error = Some("it does not answer".to_owned());
        assert_eq!(failures(&Ok(one)).len(), 2);
    }
}
