//! The work behind: what is due, what is to be told, what is to be forgotten.
//!
//! Many hosts on one store may all do it. Each transition is decided by a rule inside the store, so that what is done
//! twice happens once; webhooks are told at least once. A task may be dropped at any point, as in a crash: what it was
//! at is written down.

mod due;
mod feed;
mod mails;
mod sweep;
mod waiting;
mod webhooks;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

#[cfg(test)]
pub(crate) use due::round as due_round;
#[cfg(test)]
pub(crate) use waiting::{HEAD_START_US, tell as tell_waiting};

use crate::service::Booking;
use crate::store::QueuedMail;
use crate::types::HotelCode;

/// How long is waited after an error of the store before it is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long is waited at most for a bell: another host may have rung its own.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What a sender gives: why it failed, in words.
pub type Sent<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// Posts to webhooks.
pub trait WebhookSender: Send + Sync {
    /// Posts a body of JSON. Good is an answer of 2xx. Addresses that are not public are refused, unless configured.
    fn post<'a>(
        &'a self,
        url: &'a str,
        headers: Vec<(&'static str, String)>,
        body: String,
    ) -> Sent<'a>;
}

/// Takes mails: the mail service's outgoing queue.
pub trait MailOutbox: Send + Sync {
    /// Takes a mail. One that it has already (by its id) is good too.
    fn send<'a>(&'a self, mail: &'a QueuedMail) -> Sent<'a>;
}

/// What wakes the tasks.
#[derive(Default)]
pub(crate) struct Bells {
    /// Something may be due.
    pub(crate) due: Notify,
    /// Something may have to be told to webhooks.
    pub(crate) webhooks: Notify,
    /// There may be mails.
    pub(crate) mails: Notify,
    /// Hotels that may have rooms for those who wait.
    pub(crate) waiting: Hotels,
}

/// Hotels that wait to be looked at, each once.
#[derive(Default)]
pub(crate) struct Hotels {
    hotels: Mutex<BTreeSet<HotelCode>>,
    bell: Notify,
}

impl Hotels {
    pub(crate) fn add(&self, hotel: HotelCode) {
        if lock(&self.hotels).insert(hotel) {
            self.bell.notify_one();
        }
    }

    fn take(&self) -> BTreeSet<HotelCode> {
        std::mem::take(&mut lock(&self.hotels))
    }
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

impl Background {
    /// Starts the tasks; the feed is read from `position` on.
    pub(crate) fn start(&self, booking: &Arc<Booking>, position: String) {
        let it = || Arc::clone(booking);
        let mut tasks = vec![
            self.spawn(due::run(it())),
            self.spawn(feed::run(it(), position)),
            self.spawn(waiting::run(it())),
            self.spawn(sweep::run(it())),
        ];
        if let Some(sender) = booking.webhooks.clone() {
            tasks.push(self.spawn(webhooks::run(it(), sender)));
        }
        if let Some(outbox) = booking.mails.clone() {
            tasks.push(self.spawn(mails::run(it(), outbox)));
        }
        lock(&self.tasks).extend(tasks);
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds it leaves it half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
