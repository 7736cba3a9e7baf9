//! What [`EmailStore`] and [`BlobReferences`] promise.

mod blobs;
mod delivery;
mod mailboxes;
mod queries;
mod random;
mod snapshot;
mod sweep;
mod threads;

use std::sync::atomic::{AtomicU64, Ordering};

use concierge_identity::AccountId;

pub(crate) use blobs::{blobs, claims_race_with_collecting, uploads_are_bounded};
pub(crate) use delivery::{delivery, restoring};
pub(crate) use mailboxes::mailboxes;
pub(crate) use random::random_operations;
pub(crate) use snapshot::{Snapshot, snapshot};
pub(crate) use sweep::sweeping;
pub(crate) use threads::shuffled_arrival;

use super::account;
use crate::store::{AccountStore, BlobReferences, Deliver, DeliverOutcome, EmailEdit, EmailStore};
use crate::types::{
    BlobHash, Done, EmailId, HeaderField, Made, MailboxId, NewEmail, Patch, Summary, ThreadKeys,
    TimeUs,
};

/// A day in 2026.
pub(crate) const NOW_US: TimeUs = 1_780_000_000_000_000;

/// Everything that the suite asks of an engine.
pub(crate) trait Engine: AccountStore + EmailStore + BlobReferences {}
impl<S: AccountStore + EmailStore + BlobReferences> Engine for S {}

/// A store with an account in it.
pub(crate) struct House<'s, S> {
    pub(crate) store: &'s S,
    pub(crate) account: AccountId,
}

impl<'s, S: Engine> House<'s, S> {
    pub(crate) async fn open(store: &'s S, name: &str) -> Self {
        let mut new = account(name);
        new.quota_octets = 100_000_000;
        new.quota_count = 100_000;
        let account = new.id;
        store.put_account(new).await.unwrap();
        Self { store, account }
    }

    /// The mailbox of a role.
    pub(crate) async fn role(&self, role: &str) -> MailboxId {
        let (mailboxes, _) = self.store.mailboxes(self.account).await.unwrap();
        let found = mailboxes
            .iter()
            .find(|mailbox| mailbox.role.as_deref() == Some(role));
        found.unwrap().id
    }

    /// A blob that is stored, unlike all others.
    pub(crate) async fn blob(&self) -> BlobHash {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let hash = BlobHash(hash);
        let claim = self.store.claim_blob(self.account, hash, 1, NOW_US);
        let claim = claim.await.unwrap();
        self.store.blob_stored(claim.key).await.unwrap();
        hash
    }

    /// A new email with a blob of its own.
    pub(crate) async fn email(&self, mailboxes: &[MailboxId], thread: ThreadKeys) -> NewEmail {
        NewEmail {
            blob: self.blob().await,
            summary: Summary {
                size: 100,
                sort_subject: thread.subject.clone(),
                preview: "Good morning".to_owned(),
                headers: vec![HeaderField {
                    name: "Subject".to_owned(),
                    value: " Tea".to_owned(),
                }],
                thread,
                ..Summary::default()
            },
            mailboxes: mailboxes.to_vec(),
            keywords: Vec::new(),
            received_us: NOW_US,
        }
    }

    pub(crate) async fn insert(&self, email: NewEmail) -> Made {
        match self.edit(EmailEdit::Insert(Box::new(email))).await {
            Ok(Done::Made(made)) => made,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn edit(&self, edit: EmailEdit) -> Result<Done, crate::error::Refusal> {
        let edits = self
            .store
            .edit_emails(self.account, None, vec![edit], NOW_US);
        edits.await.unwrap().items.remove(0)
    }

    pub(crate) async fn deliver(&self, delivery: &str, email: NewEmail) -> DeliverOutcome {
        let deliver = self.delivery(delivery, email);
        self.store.deliver(deliver).await.unwrap()
    }

    pub(crate) fn delivery(&self, delivery: &str, email: NewEmail) -> Deliver {
        Deliver {
            account: self.account,
            delivery: delivery.to_owned(),
            recipient: "ann@example.org".to_owned(),
            email,
            now_us: NOW_US,
        }
    }
}

/// The keys of a message with this id that refers to those.
pub(crate) fn keys(id: &str, references: &[&str]) -> ThreadKeys {
    ThreadKeys {
        message_id: Some(id.to_owned()),
        references: references.iter().map(ToString::to_string).collect(),
        ..ThreadKeys::default()
    }
}

/// A patch that changes nothing.
pub(crate) fn patch(id: EmailId) -> Patch {
    Patch {
        id,
        mailboxes: None,
        add_mailboxes: Vec::new(),
        remove_mailboxes: Vec::new(),
        keywords: None,
        add_keywords: Vec::new(),
        remove_keywords: Vec::new(),
    }
}
