//! What [`SendingStore`] promises.

mod queue;
mod senders;
mod submissions;
mod sweep;
mod uses;
mod vacation;

use concierge_identity::AccountId;

pub(crate) use queue::{queue, races};
pub(crate) use senders::senders;
pub(crate) use submissions::submissions;
pub(crate) use sweep::sweep;
pub(crate) use uses::uses;
pub(crate) use vacation::vacation;

use super::account;
use crate::store::{
    AccountStore, BlobReferences, NewSubmission, RecipientOutcome, SendingStore, SubmittedEmail,
};
use crate::types::{
    BlobHash, Changes, Delivered, EmailId, Envelope, Path, StateNumber, StorageId, Submission,
    SubmissionId, ThreadId, TimeUs,
};

/// A day in 2026.
const NOW_US: TimeUs = 1_780_000_000_000_000;
const SECOND_US: TimeUs = 1_000_000;

/// What is sent.
const MESSAGE: BlobHash = BlobHash([7; 32]);

/// A store with an account and a sender in it.
struct House<'s, S> {
    store: &'s S,
    account: AccountId,
}

impl<'s, S: AccountStore + BlobReferences + SendingStore> House<'s, S> {
    async fn open(store: &'s S, name: &str) -> Self {
        let new = account(name);
        let account = new.id;
        store.put_account(new).await.unwrap();
        let claim = store
            .claim_blob(account, MESSAGE, 10, NOW_US)
            .await
            .unwrap();
        store.blob_stored(claim.key).await.unwrap();
        Self { store, account }
    }

    /// A submission of JMAP to these, to be sent at once.
    async fn submission(&self, to: &[&str]) -> NewSubmission {
        let (senders, _) = self.store.senders(self.account).await.unwrap();
        NewSubmission {
            id: SubmissionId::generate(),
            account: self.account,
            email: Some(SubmittedEmail {
                email_id: EmailId {
                    storage: StorageId(7),
                    generation: 2,
                },
                thread_id: ThreadId(8),
                sender_id: senders[0].id,
            }),
            blob: MESSAGE,
            envelope: Envelope {
                mail_from: Path {
                    email: "ann@example.org".to_owned(),
                    parameters: vec![("RET".to_owned(), Some("HDRS".to_owned()))],
                },
                rcpt_to: to.iter().map(|email| path(email)).collect(),
            },
            send_at_us: NOW_US,
            category: 0,
            idempotency_key: None,
            now_us: NOW_US,
        }
    }

    async fn submit(&self, to: &[&str]) -> SubmissionId {
        let new = self.submission(to).await;
        let accepted = self.store.submit(new).await.unwrap().unwrap();
        assert_eq!(accepted.accepted_us, NOW_US);
        accepted.id
    }

    async fn get(&self, id: SubmissionId) -> Submission {
        let ids = Some(vec![id]);
        let (mut found, _) = self.store.submissions(self.account, ids, 10).await.unwrap();
        found.pop().unwrap()
    }

    async fn state(&self) -> StateNumber {
        let found = self.store.submissions(self.account, Some(Vec::new()), 0);
        found.await.unwrap().1
    }

    async fn changes(&self, since: StateNumber) -> Changes<SubmissionId> {
        let changes = self.store.submission_changes(self.account, since, 100);
        changes.await.unwrap()
    }

    /// Notes an outcome.
    async fn note(&self, id: SubmissionId, to: &str, tries: u32, delivered: Delivered) {
        let outcome = RecipientOutcome {
            tries,
            delivered,
            smtp_reply: format!("250 {delivered:?}"),
            retry_us: Some(NOW_US + 100 * SECOND_US),
            now_us: NOW_US,
        };
        let noted = self
            .store
            .queue_outcome(self.account, id, to.to_owned(), outcome);
        noted.await.unwrap();
    }

    /// Takes what is due, with a lease of ten seconds: the submission, recipient and try of each.
    async fn take(&self, now_us: TimeUs, max: usize) -> Vec<(SubmissionId, String, u32)> {
        let lease_until_us = now_us + 10 * SECOND_US;
        let taken = self
            .store
            .take_queued(now_us, lease_until_us, max)
            .await
            .unwrap();
        taken
            .into_iter()
            .map(|queued| (queued.id, queued.recipient.email, queued.tries))
            .collect()
    }
}

fn path(email: &str) -> Path {
    Path {
        email: email.to_owned(),
        parameters: vec![
            ("NOTIFY".to_owned(), Some("NEVER".to_owned())),
            ("X".to_owned(), None),
        ],
    }
}
