//! Mail on its way in: accepted by SMTP, kept, looked at, and delivered.
//!
//! - [`queue`]: messages that were accepted and are not delivered yet, on disk.
//! - [`steps`]: what decides about a connection, a sender, a recipient and a message: each a small piece behind one trait.
//! - [`rules`]: who is blocked, how much of whom is taken, and what is sent on; changed while it runs.
//! - `exchange` and `submission`: what other servers and our users hand in.
//! - `delivery`: from the queue to mailboxes.
//!
//! Invariant: a client is told 250 once its message survives a loss of power; each recipient gets it once.
#![warn(clippy::indexing_slicing)]

mod delivery;
mod exchange;
mod handler;
mod intake;
pub mod queue;
pub mod rules;
mod srs;
pub mod steps;
mod submission;
#[cfg(test)]
mod tests;
mod trace;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use concierge_identity::{Clock, Identity};
use concierge_mail::Mail;
use concierge_mail::service::{Redirect, Redirects};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use queue::{Queue, QueueError, QueueLimits, QueueSize, Waiting};
use rules::{Rules, RulesError};
use srs::Srs;
use steps::Step;
use steps::authentication::Authentication;

/// Messages that are in memory at once, KiB: two of the largest and many of the usual.
const IN_MEMORY_MAX_KIB: usize = 160 << 10;

/// What is in memory of messages that are not whole yet, KiB; what goes beyond that is in files.
const COMING_MAX_KIB: usize = 64 << 10;

/// Settings.
#[derive(Debug, Clone)]
pub struct IncomingOptions {
    /// Where the queue and the rules are.
    pub directory: PathBuf,
    /// The name of this server, in trace headers and results of authentication.
    pub host_name: String,
    /// Domains of which all addresses are here.
    pub domains: Vec<String>,
    /// Who gets mail for `postmaster`; `None`: who has such an address.
    pub postmaster: Option<String>,
    /// Bounds on what waits.
    pub queue: QueueLimits,
    /// How delivery is tried again.
    pub retry: RetryOptions,
}

/// How delivery is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryOptions {
    /// How long after the first try, microseconds; later waits double.
    pub first_us: u64,
    /// The longest wait, microseconds.
    pub max_us: u64,
    /// How long is tried, microseconds; then the sender is told.
    pub give_up_us: u64,
}

impl Default for RetryOptions {
    fn default() -> Self {
        const MINUTE_US: u64 = 60_000_000;
        Self {
            first_us: 1_000_000,
            max_us: 30 * MINUTE_US,
            give_up_us: 2 * 24 * 60 * MINUTE_US,
        }
    }
}

/// Why mail cannot come in.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The rules.
    #[error(transparent)]
    Rules(#[from] RulesError),
}

/// What the parts share.
struct Shared {
    options: IncomingOptions,
    mail: Arc<Mail>,
    identity: Arc<Identity>,
    clock: Arc<dyn Clock>,
    queue: Queue,
    rules: Arc<Rules>,
    steps: Vec<Box<dyn Step>>,
    memory: Arc<Semaphore>,
    coming_memory: Arc<Semaphore>,
}

impl Shared {
    fn srs(&self) -> Srs<'_> {
        Srs::new(self.rules.secret(), domain(&self.options))
    }
}

/// The domain that mail comes from which is sent on.
fn domain(options: &IncomingOptions) -> &str {
    let first = options.domains.first();
    first.map_or(&options.host_name, String::as_str)
}

/// Tells the outgoing queue whose mail is sent on.
struct SentOn {
    rules: Arc<Rules>,
    domain: String,
    clock: Arc<dyn Clock>,
}

impl Redirects for SentOn {
    fn redirect(&self, mail_from: &str, address: &str) -> Option<Redirect> {
        let now_us = self.clock.now_us();
        let srs = Srs::new(self.rules.secret(), &self.domain);
        if let Some(sender) = srs.sender_of_late(address, now_us) {
            return Some(Redirect {
                mail_from: String::new(),
                to: vec![sender],
            });
        }
        Some(Redirect {
            mail_from: srs.rewritten(mail_from, now_us),
            to: self.rules.forward(address)?,
        })
    }

    fn redirect_of_rest(&self, mail_from: &str, address: &str) -> Option<Redirect> {
        let srs = Srs::new(self.rules.secret(), &self.domain);
        Some(Redirect {
            mail_from: srs.rewritten(mail_from, self.clock.now_us()),
            to: self.rules.forward_of_rest(address)?,
        })
    }
}

/// What mail's way in is made of, beside its queue and rules.
struct Parts {
    options: IncomingOptions,
    mail: Arc<Mail>,
    identity: Arc<Identity>,
    authentication: Authentication,
    clock: Arc<dyn Clock>,
}

/// Mail's way in. It handles sessions of SMTP ([`concierge_smtp::server::Handler`]).
pub struct IncomingMail {
    shared: Arc<Shared>,
    worker: Mutex<Option<JoinHandle<()>>>,
    stop: watch::Sender<bool>,
}

impl IncomingMail {
    /// Opens the queue and the rules, and begins to deliver what waits, on the runtime that calls.
    ///
    /// # Errors
    /// That the directory is in use or cannot be read.
    pub async fn open(
        options: IncomingOptions,
        mail: Arc<Mail>,
        identity: Arc<Identity>,
        authentication: Authentication,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, OpenError> {
        let directory = options.directory.clone();
        let limits = options.queue;
        let opened = tokio::task::spawn_blocking(move || {
            let queue = Queue::open(&directory.join("queue"), limits)?;
            let rules = Rules::open(&Self::rules_file(&directory))?;
            Ok::<_, OpenError>((queue, rules))
        });
        let opened = opened.await;
        let (queue, rules) = opened.map_err(|error| QueueError::Closed(error.to_string()))??;
        let parts = Parts {
            options,
            mail,
            identity,
            authentication,
            clock,
        };
        Ok(Self::start(parts, queue, rules))
    }

    /// Begins to deliver what waits in a queue.
    fn start(parts: Parts, queue: Queue, rules: Rules) -> Arc<Self> {
        let Parts {
            options,
            mail,
            identity,
            authentication,
            clock,
        } = parts;
        let rules = Arc::new(rules);
        mail.set_redirects(Arc::new(SentOn {
            rules: Arc::clone(&rules),
            domain: domain(&options).to_owned(),
            clock: Arc::clone(&clock),
        }));
        let steps = steps::all(
            &options,
            Arc::clone(&mail),
            Arc::clone(&rules),
            authentication,
        );
        let shared = Arc::new(Shared {
            options,
            mail,
            identity,
            clock,
            queue,
            rules,
            steps,
            memory: Arc::new(Semaphore::new(IN_MEMORY_MAX_KIB)),
            coming_memory: Arc::new(Semaphore::new(COMING_MAX_KIB)),
        });
        let stop = watch::Sender::new(false);
        let worker = tokio::spawn(delivery::run(Arc::clone(&shared), stop.subscribe()));
        Arc::new(Self {
            shared,
            worker: Mutex::new(Some(worker)),
            stop,
        })
    }

    /// Where the rules are kept, in the directory of mail's way in.
    #[must_use]
    pub fn rules_file(directory: &Path) -> PathBuf {
        directory.join("rules.json")
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Arc<Rules> {
        &self.shared.rules
    }

    /// How much waits.
    #[must_use]
    pub fn size(&self) -> QueueSize {
        self.shared.queue.size()
    }

    /// Some of what waits, oldest first.
    #[must_use]
    pub fn waiting(&self, max: usize) -> Vec<Waiting> {
        self.shared.queue.waiting(max)
    }

    /// Ends delivery and closes the queue: what waits is delivered after the next opening.
    pub async fn close(&self) {
        self.stop.send_replace(true);
        let worker = {
            let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
            worker.take()
        };
        if let Some(worker) = worker
            && let Err(error) = worker.await
        {
            tracing::error!(%error, "the delivery of mail");
        }
        self.shared.queue.close().await;
    }
}
