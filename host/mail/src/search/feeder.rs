//! What feeds the index: the store's feed, and the texts of what came.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use concierge_identity::AccountId;
use concierge_mail_search::{Change, Document, Key, Texts};
use futures::TryStreamExt;
use tokio::sync::{Mutex, MutexGuard, Semaphore};

use super::Progress;
use super::shelf::{Epoch, Shelf};
use crate::blobs::BlobStore;
use crate::error::Error;
use crate::store::{BlobReferences, EmailChange, EmailStore, FeedPage};
use crate::types::BlobHash;

/// Changes that are asked of the feed at once.
const PAGE_CHANGES: usize = 256;
/// Octets of text that are fed at once.
const BATCH_MAX_BYTES: usize = 4 << 20;
/// Messages that are in memory at once, of all shards: each may have [`READ_MAX_BYTES`].
const MESSAGES_IN_MEMORY: usize = 2;
/// Octets of a message that are read for its texts. Larger ones are not received; of an imported one what lies behind is
/// not found.
const READ_MAX_BYTES: u64 = 75_000_000;

/// Feeds the index.
pub(super) struct Feeder {
    pub(super) shelf: Arc<Shelf>,
    pub(super) emails: Arc<dyn EmailStore>,
    references: Arc<dyn BlobReferences>,
    blobs: Arc<dyn BlobStore>,
    /// Who feeds a shard.
    turns: Vec<Mutex<()>>,
    memory: Semaphore,
    /// Nothing more is fed.
    is_stopping: AtomicBool,
    /// The last page could not be fed.
    is_failing: AtomicBool,
}

/// Who is told how far it is.
struct Told<'t> {
    changes: AtomicU64,
    of: &'t (dyn Fn(Progress) + Send + Sync),
}

impl Feeder {
    pub(super) fn new(
        shelf: Arc<Shelf>,
        emails: Arc<dyn EmailStore>,
        references: Arc<dyn BlobReferences>,
        blobs: Arc<dyn BlobStore>,
    ) -> Self {
        let turns = (0..emails.shards()).map(|_| Mutex::default()).collect();
        Self {
            shelf,
            emails,
            references,
            blobs,
            turns,
            memory: Semaphore::new(MESSAGES_IN_MEMORY),
            is_stopping: AtomicBool::new(false),
            is_failing: AtomicBool::new(false),
        }
    }

    /// Who feeds ends with the page that is fed now.
    pub(super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }

    pub(super) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Acquire)
    }

    async fn turn(&self, shard: u16) -> Result<MutexGuard<'_, ()>, Error> {
        let turn = self.turns.get(usize::from(shard)).ok_or(Error::Internal)?;
        Ok(turn.lock().await)
    }

    /// Feeds what came in a shard before now. It must not be cut off: [`Shelf::feed`] would go on behind it, beside who
    /// comes next.
    pub(super) async fn catch_up(&self, shard: u16) -> Result<(), Error> {
        let turn = self.turn(shard).await?;
        let told = Told {
            changes: AtomicU64::new(0),
            of: &|_| (),
        };
        self.feed_shard(shard, &turn, &told).await
    }

    /// Makes the index anew.
    pub(super) async fn rebuild(
        &self,
        told: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), Error> {
        let mut turns = Vec::new();
        for shard in 0..self.emails.shards() {
            turns.push(self.turn(shard).await?);
        }
        self.shelf.renew().await?;
        let told = Told {
            changes: AtomicU64::new(0),
            of: told,
        };
        for (shard, turn) in (0..).zip(&turns) {
            self.feed_shard(shard, turn, &told).await?;
        }
        self.shelf.commit().await
    }

    async fn feed_shard(
        &self,
        shard: u16,
        _turn: &MutexGuard<'_, ()>,
        told: &Told<'_>,
    ) -> Result<(), Error> {
        let fed = self.feed_pages(shard, told).await;
        self.is_failing.store(fed.is_err(), Ordering::Release);
        fed
    }

    /// Page by page, as far as the feed is when the last page is read.
    async fn feed_pages(&self, shard: u16, told: &Told<'_>) -> Result<(), Error> {
        loop {
            if self.is_stopping.load(Ordering::Acquire) {
                return Err(Error::Unavailable);
            }
            let (epoch, after) = self.shelf.fed(shard).await?;
            let page = self.emails.email_feed(shard, after, PAGE_CHANGES).await?;
            if page.position == after {
                return Ok(());
            }
            let (position, count) = (page.position, page.changes.len());
            self.feed_page(epoch, shard, page).await?;
            metrics::counter!("concierge_mail_search_changes_total").increment(count as u64);
            let changes = told.changes.fetch_add(count as u64, Ordering::Relaxed);
            (told.of)(Progress {
                shard,
                position,
                changes: changes + count as u64,
            });
            // What comes from now on is the next one's: a busy shard would be followed without end.
            if count < PAGE_CHANGES {
                return Ok(());
            }
        }
    }

    /// Its position is told with its last changes: before, not all of them are there.
    async fn feed_page(&self, epoch: Epoch, shard: u16, page: FeedPage) -> Result<(), Error> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        for change in page.changes {
            let (change, size) = self.read(change).await?;
            batch.push(change);
            bytes += size;
            if bytes >= BATCH_MAX_BYTES {
                bytes = 0;
                let batch = std::mem::take(&mut batch);
                self.shelf.feed(epoch, batch, None).await?;
            }
        }
        let position = Some((shard, page.position));
        self.shelf.feed(epoch, batch, position).await
    }

    /// What the index is told of a change, and how much text it is.
    async fn read(&self, change: EmailChange) -> Result<(Change, usize), Error> {
        let key = Key {
            account: super::terms::account_key(change.account),
            message: concierge_mail_search::StorageId(change.storage.0),
        };
        let texts = match change.blob {
            Some(blob) => self.texts(change.account, blob).await?,
            None => None,
        };
        Ok(match texts {
            Some((texts, size)) => (Change::Put(Box::new(Document { key, texts })), size),
            // It is gone, or goes before its change comes.
            None => (Change::Remove(key), 0),
        })
    }

    /// The texts of a message and their size. `None`: it is not there any more.
    async fn texts(
        &self,
        account: AccountId,
        blob: BlobHash,
    ) -> Result<Option<(Texts, usize)>, Error> {
        let room = self.memory.acquire().await;
        let _room = room.map_err(|_| Error::Unavailable)?;
        let Some(bytes) = self.message(account, blob, READ_MAX_BYTES).await? else {
            return Ok(None);
        };
        let read = tokio::task::spawn_blocking(move || texts(&bytes)).await;
        match read {
            Ok(texts) => Ok(Some(texts)),
            Err(error) => {
                // Panics are caught here, so that one message does not end the search of all others.
                tracing::error!(%error, %account, ?blob, "a message that cannot be read");
                Ok(None)
            }
        }
    }

    /// The first octets of a message, at most `max_bytes`. `None`: it is not there any more, or was lost, which is told to
    /// operators and does not keep others from being found.
    pub(super) async fn message(
        &self,
        account: AccountId,
        blob: BlobHash,
        max_bytes: u64,
    ) -> Result<Option<Bytes>, Error> {
        // The time is looked at for uploads alone; of an email any will do.
        let Some((key, size)) = self.references.blob(account, blob, 0).await? else {
            return Ok(None);
        };
        let size = size.min(max_bytes);
        let read = async {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
            let mut stream = self.blobs.read(key, 0..size).await?;
            while let Some(piece) = stream.try_next().await? {
                bytes.extend_from_slice(&piece);
            }
            Ok::<_, io::Error>(bytes)
        };
        match read.await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tracing::error!(%account, ?blob, "the bytes of an email are lost");
                Ok(None)
            }
            Err(error) => {
                tracing::error!(%error, %account, ?blob, "the bytes of an email");
                Err(Error::Unavailable)
            }
        }
    }
}

fn texts(message: &[u8]) -> (Texts, usize) {
    let found = concierge_mail_message::read(message).search_text();
    let size = found.subject.len() + found.body.len();
    let texts = Texts {
        from: found.from,
        to: found.to,
        cc: found.cc,
        bcc: found.bcc,
        subject: found.subject,
        body: found.body,
        attachment_names: found.attachment_names,
        header: found.header,
    };
    (texts, size)
}
