//! A store with mail in it, and a search beside it.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use concierge_identity::AccountId;
use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::super::{MailSearch, SearchSetup};
use crate::blobs::{Answer, BlobStore};
use crate::error::Error;
use crate::service::TextSearch;
use crate::store::sqlite::SqliteStore;
use crate::store::{
    AccountStore, BlobKey, BlobReferences, Deliver, DeliverOutcome, EmailEdit, EmailStore,
    NewAccount,
};
use crate::types::calls::ByteStream;
use crate::types::{BlobHash, Made, NewEmail, StorageId, Summary, Term, TimeUs};

/// A day in 2026.
pub(super) const NOW_US: TimeUs = 1_795_651_200_000_000;

/// Bytes in memory.
#[derive(Default)]
pub(super) struct MemoryBlobs {
    blobs: Mutex<HashMap<BlobKey, Bytes>>,
    /// They cannot be read now.
    pub(super) are_away: AtomicBool,
}

impl MemoryBlobs {
    /// Loses all that was put.
    pub(super) fn lose(&self) {
        self.blobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

impl BlobStore for MemoryBlobs {
    fn put(&self, key: BlobKey, _size: u64, bytes: ByteStream) -> Answer<'_, ()> {
        Box::pin(async move {
            let pieces: Vec<Bytes> = bytes.try_collect().await?;
            let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
            blobs.insert(key, pieces.concat().into());
            Ok(())
        })
    }

    fn read(&self, key: BlobKey, range: Range<u64>) -> Answer<'_, ByteStream> {
        let blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        let found = blobs.get(&key).cloned();
        let are_away = self.are_away.load(Ordering::Acquire);
        Box::pin(async move {
            if are_away {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let bytes = found.ok_or(io::ErrorKind::NotFound)?;
            let end = usize::try_from(range.end).unwrap().min(bytes.len());
            let bytes = bytes.slice(usize::try_from(range.start).unwrap()..end);
            Ok(stream::iter([Ok(bytes)]).boxed() as ByteStream)
        })
    }

    fn delete(&self, key: BlobKey) -> Answer<'_, ()> {
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.remove(&key);
        Box::pin(async { Ok(()) })
    }
}

/// A store and its bytes, which outlive any search.
pub(super) struct World {
    pub(super) store: Arc<SqliteStore>,
    pub(super) blobs: Arc<MemoryBlobs>,
    dir: TempDir,
}

impl World {
    pub(super) async fn new(shards: u16) -> Self {
        let dir = TempDir::new().unwrap();
        let store = SqliteStore::open(&dir.path().join("store"), Some(shards)).await;
        Self {
            store: Arc::new(store.unwrap()),
            blobs: Arc::default(),
            dir,
        }
    }

    pub(super) async fn account(&self, name: &str) -> AccountId {
        let id = AccountId::generate();
        let account = NewAccount {
            id,
            name: name.to_owned(),
            addresses: vec![format!("{name}@example.org")],
            quota_octets: 1_000_000_000,
            quota_count: 1_000_000,
        };
        self.store.put_account(account).await.unwrap();
        id
    }

    /// Where the index is.
    pub(super) fn directory(&self) -> PathBuf {
        self.dir.path().join("index")
    }

    /// A search that follows the store.
    pub(super) async fn following(&self) -> MailSearch {
        let setup = SearchSetup {
            directory: self.directory(),
            emails: Arc::clone(&self.store) as _,
            references: Arc::clone(&self.store) as _,
            blobs: Arc::clone(&self.blobs) as _,
        };
        MailSearch::start(setup).await.unwrap()
    }

    /// A search that feeds what it needs when it is asked, and nothing before.
    pub(super) async fn search(&self) -> MailSearch {
        let search = self.following().await;
        end_following(&search).await;
        search
    }

    /// Keeps bytes, and delivers them.
    pub(super) async fn deliver(&self, account: AccountId, message: &[u8]) -> Made {
        let hash = BlobHash(Sha256::digest(message).into());
        let size = message.len() as u64;
        let claimed = self
            .store
            .claim_blob(account, hash, size, NOW_US)
            .await
            .unwrap();
        if !claimed.stored {
            let bytes = Bytes::copy_from_slice(message);
            let bytes = stream::iter([Ok(bytes)]).boxed();
            self.blobs.put(claimed.key, size, bytes).await.unwrap();
            self.store.blob_stored(claimed.key).await.unwrap();
        }
        let deliver = Deliver {
            account,
            delivery: uuid::Uuid::now_v7().to_string(),
            recipient: "somebody@example.org".to_owned(),
            email: NewEmail {
                blob: hash,
                summary: Summary {
                    size,
                    ..Summary::default()
                },
                // One that is not there any more is the inbox.
                mailboxes: vec![crate::types::MailboxId(u64::from(u32::MAX))],
                keywords: Vec::new(),
                received_us: NOW_US,
            },
            now_us: NOW_US,
        };
        match self.store.deliver(deliver).await.unwrap() {
            DeliverOutcome::Delivered(made) => made,
            DeliverOutcome::Before => panic!("each has an id of its own"),
        }
    }

    pub(super) async fn destroy(&self, account: AccountId, made: Made) {
        let edits = vec![EmailEdit::Destroy(made.id)];
        let edited = self
            .store
            .edit_emails(account, None, edits, NOW_US)
            .await
            .unwrap();
        assert!(edited.items[0].is_ok());
    }
}

/// As `kill -9` would: what was not committed is lost.
pub(super) async fn crash(search: MailSearch) {
    end_following(&search).await;
    drop(search);
}

async fn end_following(search: &MailSearch) {
    let follower = search.follower.lock().unwrap().take();
    if let Some(follower) = follower {
        follower.abort();
        // Cancelled, and then its part of the index is dropped.
        let _ = follower.await;
    }
}

/// A message with a subject and a text.
pub(super) fn message(subject: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Ann <ann@example.org>\r\nTo: Bob <bob@example.net>\r\nCc: Cay <cay@example.com>\r\n\
         Subject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
    )
    .into_bytes()
}

/// What one condition finds, ascending.
pub(super) async fn find(search: &MailSearch, account: AccountId, term: Term) -> Vec<StorageId> {
    try_find(search, account, term).await.unwrap()
}

pub(super) async fn try_find(
    search: &MailSearch,
    account: AccountId,
    term: Term,
) -> Result<Vec<StorageId>, Error> {
    let resolved = search.resolve(account, vec![term]).await?;
    match resolved.as_slice() {
        [Term::Matches(found)] => {
            let mut found: Vec<_> = found.iter().copied().collect();
            found.sort_unstable();
            Ok(found)
        }
        other => panic!("{other:?}"),
    }
}

pub(super) fn text(text: &str) -> Term {
    Term::Text(text.to_owned())
}
