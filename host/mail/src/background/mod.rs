//! The work behind: sending what waits, deleting bytes that nothing refers to, forgetting what is over its time, and
//! telling push subscriptions.
//!
//! Invariant: a task may be dropped at any point, as in a crash. What it was at is in the store, and done again.

mod collect;
mod queue;
mod sweep;

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

pub use queue::{Outbound, Relay, Relayed};

use crate::service::Mail;

/// How long is waited after an error of the store before it is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// What wakes the tasks.
#[derive(Default)]
pub(crate) struct Bells {
    /// Something may have to be sent.
    pub(crate) queue: Notify,
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
        let tasks: [Task; 3] = [
            Box::pin(queue::run(Arc::clone(mail))),
            Box::pin(collect::run(Arc::clone(mail))),
            Box::pin(sweep::run(Arc::clone(mail))),
        ];
        lock(&self.tasks).extend(tasks.map(|task| self.spawn(task)));
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

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds it leaves it half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
