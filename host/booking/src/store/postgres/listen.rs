//! The bell between hosts, and the watch over a server.
//!
//! After a commit, a host tells the others outside of the transaction, once for all commits of a moment: a NOTIFY in
//! the transaction would make all commits of a server wait for each other. Who hears nothing looks by itself (see
//! [`super::feed::bell`]).

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_postgres::AsyncMessage;

use super::Shard;
use super::failure::with_sources;
use super::server::{Driver, check, prepare};

/// Commits that are told together.
const TELL_EACH: Duration = Duration::from_millis(50);

/// How often a server is looked at whether it still is what it was.
const CHECK_EACH: Duration = Duration::from_secs(5);

/// The first wait before connecting again; each is twice the one before,
const RECONNECT_FIRST: Duration = Duration::from_millis(100);

/// up to this.
const RECONNECT_LAST: Duration = Duration::from_secs(5);

/// The tasks for one server, which end with it.
pub(super) struct Listener {
    tasks: [JoinHandle<()>; 2],
}

impl Listener {
    /// Listens to a server, rings `bell` when something is new, and tells what this host commits.
    pub(super) fn start(shard: Arc<Shard>, bell: Arc<Notify>) -> Self {
        let listening = tokio::spawn(listen(Arc::clone(&shard), bell));
        let telling = tokio::spawn(tell(shard));
        Self {
            tasks: [listening, telling],
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn tell(shard: Arc<Shard>) {
    loop {
        shard.untold.notified().await;
        let told = super::row::query(&shard, "select pg_notify('booking', '')", &[]).await;
        if let Err(failed) = told {
            tracing::debug!(?failed, "other hosts were not told of a change");
        }
        tokio::time::sleep(TELL_EACH).await;
    }
}

async fn listen(shard: Arc<Shard>, bell: Arc<Notify>) {
    let mut wait = RECONNECT_FIRST;
    loop {
        let trouble = match shard.server.apart().await {
            Ok((client, driver)) => {
                tokio::select! {
                    () = drive(driver, &bell) => "the connection was lost".to_owned(),
                    trouble = watch(&shard, client, &bell, &mut wait) => trouble,
                }
            }
            Err(error) => with_sources(&error),
        };
        tracing::warn!(
            trouble,
            place = shard.server.place,
            "PostgreSQL is not available"
        );
        *shard.trouble() = trouble;
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RECONNECT_LAST);
    }
}

/// Moves the bytes of a connection until it ends.
async fn drive(mut driver: Driver, bell: &Notify) {
    let mut messages = stream::poll_fn(move |context| driver.poll_message(context));
    while let Some(message) = messages.next().await {
        match message {
            Ok(AsyncMessage::Notification(_)) => {
                bell.notify_waiters();
                bell.notify_one();
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "the connection that listens was lost");
                return;
            }
        }
    }
}

/// Listens, and looks at the server again and again, until something is wrong; what it is.
async fn watch(
    shard: &Shard,
    client: tokio_postgres::Client,
    bell: &Notify,
    wait: &mut Duration,
) -> String {
    if let Err(trouble) = prepare(&client).await {
        return trouble;
    }
    if let Err(error) = client.batch_execute("listen booking").await {
        return with_sources(&error);
    }
    *wait = RECONNECT_FIRST;
    shard.trouble().clear();
    // Something may have been told meanwhile.
    bell.notify_waiters();
    bell.notify_one();
    loop {
        tokio::time::sleep(CHECK_EACH).await;
        if let Err(trouble) = check(&client).await {
            return trouble;
        }
    }
}
