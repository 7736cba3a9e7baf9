//! The service: what the contract's functions do, with one method for each.
//!
//! A call is authorised ([`crate::authorize`]), its ids are read, and it is handed to the store as one operation. Bytes
//! are put before what refers to them, under a claim; nothing is kept between calls but who listens.

mod accounts;
mod contents;
mod drafts;
mod emails;
mod ids;
mod keywords;
mod mailboxes;
mod messages;
mod search;
mod views;

pub use search::TextSearch;

use std::path::PathBuf;
use std::sync::Arc;

use concierge_identity::Clock;

use crate::blobs::BlobStore;
use crate::error::Error;
use crate::store::Store;
use crate::types::TimeUs;
use contents::Contents;

/// Settings.
#[derive(Debug, Clone)]
pub struct MailOptions {
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
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub options: MailOptions,
}

/// The mail service.
pub struct Mail {
    store: Arc<dyn Store>,
    search: Arc<dyn TextSearch>,
    clock: Arc<dyn Clock>,
    contents: Contents,
}

impl Mail {
    /// Starts the service and the work behind, on the runtime that calls, which has to outlive it.
    ///
    /// # Errors
    /// What the store says.
    #[expect(clippy::unused_async, reason = "the work behind reads the store first")]
    pub async fn start(setup: Setup) -> Result<Arc<Self>, Error> {
        let (store, clock) = (setup.store, setup.clock);
        let contents = Contents::new(
            Arc::clone(&store),
            setup.blobs,
            Arc::clone(&clock),
            setup.options.spool,
        );
        Ok(Arc::new(Self {
            store,
            search: setup.search,
            clock,
            contents,
        }))
    }

    /// Ends the work behind, and then closes the store.
    ///
    /// # Errors
    /// What the store says.
    pub async fn close(&self) -> Result<(), Error> {
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

    /// The time.
    fn now_us(&self) -> TimeUs {
        self.clock.now_us()
    }
}
