//! The work behind: sending what waits, deleting bytes that nothing refers to, forgetting what is over its time, and
//! telling push subscriptions.
//!
//! Invariant: a task may be dropped at any point, as in a crash. What it was at is in the store, and done again.

mod collect;
mod pushes;
mod queue;
mod reports;
mod sweep;

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinHandle;

pub(crate) use pushes::PushOutbox;
pub use pushes::{PushFailure, PushRequest, PushSender, Pushed};
pub use queue::{LEASE_US, Outbound, QueueOptions, Relay, Relayed};

use crate::service::Mail;
use crate::store::StateChange;

/// How long is waited after an error of the store before it is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// What wakes the tasks.
#[derive(Default)]
pub(crate) struct Bells {
    /// Something may have to be sent.
    pub(crate) queue: Notify,
    /// Something may have to be pushed.
    pub(crate) pushes: Notify,
}

/// The tasks.
pub(crate) struct Background {
    tasks: Mutex<Vec<JoinHandle<()>>>,
    stop: watch::Sender<bool>,
}

impl Default for Background {
    fn default() -> Self {
        Self {
            tasks: Mutex::default(),
            stop: watch::Sender::new(false),
        }
    }
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Background {
    /// Starts the tasks.
    pub(crate) fn start(&self, mail: &Arc<Mail>) {
        let it = || Arc::clone(mail);
        let mut tasks: Vec<Task> = vec![
            Box::pin(tell(it(), mail.store.subscribe())),
            Box::pin(queue::run(it())),
            Box::pin(collect::run(it())),
            Box::pin(sweep::run(it())),
        ];
        if let Some(sender) = mail.pushes.clone() {
            tasks.push(Box::pin(pushes::run(it(), sender)));
        }
        let tasks = tasks.into_iter().map(|task| self.spawn(task));
        lock(&self.tasks).extend(tasks);
    }

    fn spawn(&self, work: Task) -> JoinHandle<()> {
        let mut stop = self.stop.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                // The sender lives as long as the service, which the work holds.
                _ = stop.wait_for(|stop| *stop) => {}
                () = work => {}
            }
        })
    }

    /// Ends the tasks, and waits until they are gone.
    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the work behind");
            }
        }
    }
}

/// Tells listeners and push subscriptions what changes.
async fn tell(mail: Arc<Mail>, changes: broadcast::Receiver<Arc<StateChange>>) {
    let changed = |change: &StateChange| {
        if mail.pushes.is_some() {
            mail.outbox.changed(change);
            mail.bells.pushes.notify_one();
        }
    };
    mail.hub.run(changes, changed).await;
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds it leaves it half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
