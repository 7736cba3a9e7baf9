//! Search: the store's feed of emails joined to the full-text index ([`concierge_mail_search`]).
//!
//! The index is derived. A task follows the feed of each shard, feeds what came to the index, and commits it some seconds
//! later together with the positions in the feeds; after a crash it goes on from what was committed. A search feeds
//! first what the task has not fed yet, so that it sees all that was delivered before it; what is not committed is
//! searched in memory, up to a bound at which the index commits by itself. An index that is damaged, or of another form,
//! is made anew from the store.
//!
//! Invariant: the index is fed the changes of a shard in their order, by one at a time, and each change before its
//! position counts as fed. Otherwise a message that is gone would be found, or one that is there would not.

mod feeder;
mod follow;
mod shelf;
mod snippets;
mod terms;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use concierge_identity::AccountId;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::blobs::BlobStore;
use crate::error::Error;
use crate::service::TextSearch;
use crate::store::{Answer, BlobReferences, EmailStore};
use crate::types::calls::search::Snippet;
use crate::types::{EmailId, Term};
use feeder::Feeder;
use shelf::Shelf;

/// How long a search waits for what came before it to be fed: longer only where the index is made anew.
const CATCH_UP_MAX: Duration = Duration::from_secs(30);

/// What search works with.
pub struct SearchSetup {
    /// The index's own directory, which is made where there is none.
    pub directory: PathBuf,
    /// What comes and goes.
    pub emails: Arc<dyn EmailStore>,
    /// Where the bytes of emails are.
    pub references: Arc<dyn BlobReferences>,
    /// And the bytes.
    pub blobs: Arc<dyn BlobStore>,
}

/// How far an index is that is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Which shard is read.
    pub shard: u16,
    /// Up to which position of its feed.
    pub position: u64,
    /// How many changes were fed so far, of all shards.
    pub changes: u64,
}

/// Finds emails by their texts.
pub struct MailSearch {
    feeder: Arc<Feeder>,
    stop: watch::Sender<bool>,
    follower: Mutex<Option<JoinHandle<()>>>,
}

impl MailSearch {
    /// Opens the index, and makes it anew where it cannot be used, and starts to follow the store, on the runtime that
    /// calls. What of the store is not in the index yet is fed meanwhile.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the directory cannot be used; the log says why.
    pub async fn start(setup: SearchSetup) -> Result<Self, Error> {
        let shelf = Arc::new(Shelf::new(setup.directory));
        shelf.open().await?;
        let changes = setup.emails.subscribe();
        let feeder = Arc::new(Feeder::new(
            shelf,
            setup.emails,
            setup.references,
            setup.blobs,
        ));
        let (stop, stopped) = watch::channel(false);
        let follower = follow::follow(Arc::clone(&feeder), changes, stopped);
        Ok(Self {
            feeder,
            stop,
            follower: Mutex::new(Some(tokio::spawn(follower))),
        })
    }

    /// Makes the index anew from the store; searches meanwhile say that they are not available. `told` is called for each
    /// page that was fed.
    ///
    /// # Errors
    /// Those of the store, of the bytes and of the index; what is missing then is fed later.
    pub async fn rebuild(&self, told: &(dyn Fn(Progress) + Send + Sync)) -> Result<(), Error> {
        self.feeder.rebuild(told).await
    }

    /// Whether what comes is fed and can be found; else what is wrong.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn health(&self) -> Result<(), String> {
        match self.feeder.is_failing() {
            false => Ok(()),
            true => Err("the search index cannot be fed; the log says why".to_owned()),
        }
    }

    /// Stops to follow the store, and commits what was fed.
    ///
    /// # Errors
    /// Those of the index.
    pub async fn close(&self) -> Result<(), Error> {
        self.feeder.stop();
        self.stop.send_replace(true);
        let follower = self
            .follower
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(follower) = follower
            && let Err(error) = follower.await
        {
            tracing::error!(%error, "the task that feeds the search index");
        }
        self.feeder.shelf.commit().await
    }

    /// Feeds what came in an account's shard before now. It goes on where who searches goes away: of what is fed half the
    /// order would be lost.
    async fn catch_up(&self, account: AccountId) -> Result<(), Error> {
        let feeder = Arc::clone(&self.feeder);
        let shard = feeder.emails.shard_of(account);
        let task = tokio::spawn(async move { feeder.catch_up(shard).await });
        match tokio::time::timeout(CATCH_UP_MAX, task).await {
            Ok(Ok(fed)) => fed,
            Ok(Err(error)) => {
                tracing::error!(%error, "what feeds the search index");
                Err(Error::Internal)
            }
            Err(_) => Err(Error::Unavailable),
        }
    }
}

impl TextSearch for MailSearch {
    /// [`Error::InvalidArguments`] for texts that are too long; [`Error::Unavailable`] while the index is made anew, or
    /// cannot be used.
    fn resolve(&self, account: AccountId, filter: Vec<Term>) -> Answer<'_, Vec<Term>> {
        Box::pin(async move {
            if !terms::has_texts(&filter)? {
                return Ok(filter);
            }
            self.catch_up(account).await?;
            let resolve = move |open: &shelf::Open| terms::resolve(&open.index, account, filter);
            self.feeder.shelf.run(resolve).await
        })
    }

    fn snippets(
        &self,
        account: AccountId,
        filter: Vec<Term>,
        emails: Vec<EmailId>,
    ) -> Answer<'_, Vec<Snippet>> {
        Box::pin(async move { snippets::snippets(&self.feeder, account, &filter, emails).await })
    }
}
