//! The service: what the contract's functions do, with one method for each.
//!
//! A call is authorised ([`crate::authorize`]), its ids are read, and it is handed to the store as one operation. Bytes
//! are put before what refers to them, under a claim; nothing is kept between calls but who listens.

mod accounts;
mod addresses;
mod contents;
mod deliver;
mod drafts;
mod emails;
mod events;
mod ids;
mod keywords;
mod letters;
mod mailboxes;
mod messages;
mod outgoing;
mod search;
mod smtp;
mod submissions;
#[cfg(test)]
mod tests;
mod vacation;
mod views;

pub(crate) use contents::disk;
pub use deliver::{DELIVERY_ID_MAX_BYTES, Delivery, DeliveryRequest};
pub use emails::{EDITS_MAX, Import};
pub use events::{PUSH_LIFE_MAX_US, PUSHES_MAX};
pub use outgoing::{KEY_MAX_CHARS, TO_MAX};
pub use search::TextSearch;
pub use smtp::{IncomingOutcome, Redirect, Redirects, Told};
pub use submissions::{HELD_MAX_US, RECIPIENTS_MAX};

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use concierge_identity::Clock;

use crate::background::{Background, Bells, PushOutbox, PushSender, QueueOptions, Relay};
use crate::blobs::BlobStore;
use crate::error::Error;
use crate::events::Hub;
use crate::store::Store;
use crate::types::TimeUs;
use contents::Contents;

/// Settings.
#[derive(Debug, Clone, Default)]
pub struct MailOptions {
    /// Domains of which all addresses are here: mail for one that is nobody's is sent nowhere.
    pub domains: Vec<String>,
    /// Whether push subscriptions may be on addresses that are not public, and without TLS.
    pub private_pushes: bool,
    /// The name of this server in reports to senders; empty: the first of its domains.
    pub host_name: String,
    /// Of the outgoing queue.
    pub queue: QueueOptions,
    /// Where uploads and messages that are made lie until they are whole: a directory that is there.
    pub spool: PathBuf,
}

/// What the service works with.
pub struct Setup {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Where bytes are.
    pub blobs: Arc<dyn BlobStore>,
    /// Finds texts.
    pub search: Arc<dyn TextSearch>,
    /// Sends to other servers; `None`: what is for them waits.
    pub relay: Option<Arc<dyn Relay>>,
    /// Posts to push targets; `None`: none is told.
    pub pushes: Option<Arc<dyn PushSender>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub options: MailOptions,
}

/// The mail service.
pub struct Mail {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) relay: Option<Arc<dyn Relay>>,
    pub(crate) pushes: Option<Arc<dyn PushSender>>,
    pub(crate) outbox: PushOutbox,
    pub(crate) hub: Arc<Hub>,
    pub(crate) contents: Contents,
    pub(crate) bells: Bells,
    search: Arc<dyn TextSearch>,
    clock: Arc<dyn Clock>,
    pub(crate) options: MailOptions,
    redirects: OnceLock<Arc<dyn Redirects>>,
    background: Background,
}

impl Mail {
    /// Starts the service and the work behind, on the runtime that calls, which has to outlive it.
    pub fn start(setup: Setup) -> Arc<Self> {
        let mail = Arc::new(Self::new(setup));
        mail.background.start(&mail);
        mail
    }

    /// The service without the work behind.
    fn new(setup: Setup) -> Self {
        let (store, clock) = (setup.store, setup.clock);
        let contents = Contents::new(
            Arc::clone(&store),
            setup.blobs,
            Arc::clone(&clock),
            setup.options.spool.clone(),
        );
        Self {
            store,
            relay: setup.relay,
            pushes: setup.pushes,
            outbox: PushOutbox::default(),
            hub: Arc::new(Hub::default()),
            contents,
            bells: Bells::default(),
            search: setup.search,
            clock,
            options: setup.options,
            redirects: OnceLock::new(),
            background: Background::default(),
        }
    }

    /// Ends the work behind, and then closes the store.
    ///
    /// # Errors
    /// What the store says.
    pub async fn close(&self) -> Result<(), Error> {
        self.hub.end();
        self.background.stop().await;
        self.store.close().await
    }

    /// Whether mail can be taken; else what is wrong.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn health(&self) -> Result<(), String> {
        self.store.health()
    }

    /// The store, for who needs no permission: operators.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Has the outgoing queue looked at: what is in it was changed by way of [`Self::store`].
    pub fn ring_queue(&self) {
        self.bells.queue.notify_one();
    }

    /// The name of this server, for people and programs elsewhere.
    pub(crate) fn host_name(&self) -> &str {
        let MailOptions {
            host_name, domains, ..
        } = &self.options;
        let first = domains.first().map_or("localhost", String::as_str);
        match host_name.is_empty() {
            true => first,
            false => host_name,
        }
    }

    /// The time.
    pub(crate) fn now_us(&self) -> TimeUs {
        self.clock.now_us()
    }
}
