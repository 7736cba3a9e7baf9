//! Where the index stands: opened, opened again after it has failed, made anew.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use concierge_mail_search::{Change, Error as IndexError, Index, Positions, Shard};

use crate::error::Error;

/// The index, if it is open.
pub(super) struct Shelf {
    directory: PathBuf,
    slot: RwLock<Slot>,
}

struct Slot {
    open: Option<Open>,
    /// How often it was opened.
    opened: Epoch,
}

/// Which time that the index was opened. What it was fed in one and had not committed is gone in the next: who feeds says
/// in which it asked for the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(u64);

/// An open index.
pub(super) struct Open {
    pub(super) index: Index,
    epoch: Epoch,
}

/// Why a piece of work was not done.
pub(super) enum Failure {
    /// The index must be opened again.
    Index(IndexError),
    /// It is the caller's to know.
    Caller(Error),
}

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::TermTooLong => Self::Caller(Error::InvalidArguments(error.to_string())),
            error => Self::Index(error),
        }
    }
}

impl Shelf {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            slot: RwLock::new(Slot {
                open: None,
                opened: Epoch(0),
            }),
        }
    }

    /// Does something with the index on a thread that may wait for the disk. Opens it first where it is not open.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Open) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        self.blocking(move |shelf| shelf.with(work)).await
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let shelf = Arc::clone(self);
        match tokio::task::spawn_blocking(move || work(&shelf)).await {
            Ok(result) => result,
            Err(error) => {
                tracing::error!(%error, "work with the search index");
                Err(Error::Internal)
            }
        }
    }

    /// Opens the index if it is not open.
    pub(super) async fn open(self: &Arc<Self>) -> Result<(), Error> {
        self.run(|_| Ok(())).await
    }

    /// Makes the index anew, empty.
    pub(super) async fn renew(self: &Arc<Self>) -> Result<(), Error> {
        self.blocking(|shelf| {
            let mut slot = shelf.slot.write().unwrap_or_else(PoisonError::into_inner);
            // The old one gives its lock back before the new one takes it.
            slot.open = None;
            slot.put(Index::create(&shelf.directory).map_err(unavailable)?);
            Ok(())
        })
        .await
    }

    /// Up to where a shard was fed.
    pub(super) async fn fed(self: &Arc<Self>, shard: u16) -> Result<(Epoch, u64), Error> {
        let position = move |open: &Open| Ok((open.epoch, open.index.fed().get(shard_of(shard))));
        self.run(position).await
    }

    /// Feeds changes, which lead up to a position of a shard (`None`: to none yet), in the order of the shard's feed.
    pub(super) async fn feed(
        self: &Arc<Self>,
        epoch: Epoch,
        changes: Vec<Change>,
        position: Option<(u16, u64)>,
    ) -> Result<(), Error> {
        self.run(move |open| {
            if open.epoch != epoch {
                return Err(Failure::Caller(Error::Unavailable));
            }
            let positions = position.map_or_else(Positions::default, |(shard, position)| {
                Positions::of(shard_of(shard), position)
            });
            Ok(open.index.feed(changes, &positions)?)
        })
        .await
    }

    /// Makes durable what was fed.
    pub(super) async fn commit(self: &Arc<Self>) -> Result<(), Error> {
        self.run(|open| {
            open.index.commit()?;
            let messages = open.index.committed_messages();
            metrics::gauge!("concierge_mail_search_messages").set(messages as f64);
            Ok(())
        })
        .await
    }

    fn with<T>(&self, work: impl FnOnce(&Open) -> Result<T, Failure>) -> Result<T, Error> {
        self.open_if_closed()?;
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        let open = slot.open.as_ref().ok_or(Error::Unavailable)?;
        match work(open) {
            Ok(done) => Ok(done),
            Err(Failure::Caller(error)) => Err(error),
            Err(Failure::Index(error)) => {
                let failed = open.epoch;
                drop(slot);
                self.discard(failed);
                Err(unavailable(error))
            }
        }
    }

    fn open_if_closed(&self) -> Result<(), Error> {
        let is_open = {
            let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
            slot.open.is_some()
        };
        if is_open {
            return Ok(());
        }
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if slot.open.is_none() {
            let index = match Index::open(&self.directory) {
                Err(error) if error.needs_rebuild() => {
                    tracing::warn!(%error, "the search index is made anew");
                    Index::create(&self.directory)
                }
                opened => opened,
            };
            slot.put(index.map_err(unavailable)?);
        }
        Ok(())
    }

    /// Closes an index that has failed, unless somebody did already.
    fn discard(&self, failed: Epoch) {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if slot.open.as_ref().is_some_and(|open| open.epoch == failed) {
            slot.open = None;
        }
    }
}

impl Slot {
    fn put(&mut self, index: Index) {
        self.opened.0 += 1;
        self.open = Some(Open {
            index,
            epoch: self.opened,
        });
    }
}

fn shard_of(shard: u16) -> Shard {
    Shard(shard.into())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "what an error is mapped with takes it"
)]
fn unavailable(error: IndexError) -> Error {
    tracing::error!(%error, "the search index");
    Error::Unavailable
}
