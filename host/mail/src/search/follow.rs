//! The task that follows the store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::feeder::Feeder;
use crate::store::StateChange;
use crate::types::DataType;

/// How long what was fed waits for its commit. Each commit makes a file of the index; what is lost in a crash is fed again.
const COMMIT_AFTER: Duration = Duration::from_secs(10);

/// How long it waits after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Feeds what comes, until it is told to stop or the store is gone.
pub(super) async fn follow(
    feeder: Arc<Feeder>,
    mut changes: broadcast::Receiver<Arc<StateChange>>,
    mut stop: watch::Receiver<bool>,
) {
    let all = || 0..feeder.emails.shards();
    // Of what came before it began to listen nobody tells it.
    let mut behind: BTreeSet<u16> = all().collect();
    let mut commit_at = Some(Instant::now() + COMMIT_AFTER);
    loop {
        feed(&feeder, &mut behind).await;
        let now = Instant::now();
        let (waits, wake_at) = match behind.is_empty() {
            true => (commit_at.is_some(), commit_at.unwrap_or(now)),
            false => (true, now + RETRY_AFTER),
        };
        tokio::select! {
            () = stopped(&mut stop) => return,
            change = changes.recv() => {
                match change {
                    Ok(change) if !has_emails(&change) => continue,
                    Ok(change) => behind.extend([feeder.emails.shard_of(change.account)]),
                    Err(RecvError::Lagged(_)) => behind.extend(all()),
                    Err(RecvError::Closed) => return,
                }
                commit_at.get_or_insert(now + COMMIT_AFTER);
            }
            () = sleep_until(wake_at), if waits => {
                commit_at = None;
                if feeder.shelf.commit().await.is_err() {
                    behind.extend(all());
                }
                if !behind.is_empty() {
                    commit_at = Some(now + COMMIT_AFTER);
                }
            }
        }
    }
}

/// Waits until it is told to stop, or nobody is left to tell it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Those that could not be fed stay. Why is in the log.
async fn feed(feeder: &Feeder, behind: &mut BTreeSet<u16>) {
    for shard in std::mem::take(behind) {
        if feeder.catch_up(shard).await.is_err() {
            behind.insert(shard);
        }
    }
}

fn has_emails(change: &StateChange) -> bool {
    let mut types = change.states.iter().map(|(data_type, _)| *data_type);
    types.any(|data_type| data_type == DataType::Email)
}
