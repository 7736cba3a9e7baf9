//! What mail's ways in ask: whose an address is, who may write as whom, and to send what was handed in.

use std::sync::Arc;

use bytes::Bytes;
use concierge_identity::AccountId;

use super::{Mail, addresses};
use crate::background::Relayed;
use crate::error::Error;
use crate::spool::Spooled;
use crate::store::{BlobKey, NewSubmission, Queued};
use crate::types::calls::outgoing::Category;
use crate::types::{BlobHash, Delivered, Envelope, Path, SubmissionId};

/// Where mail for an address goes in the place of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// From whom it comes there; empty: from nobody who wants an answer.
    pub mail_from: String,
    /// Where.
    pub to: Vec<String>,
}

/// Knows whose mail is sent on. Whatever is delivered by the outgoing queue asks it: mail of our users, and reports.
pub trait Redirects: Send + Sync {
    /// Where mail of a sender for an address goes; `None`: into its mailbox.
    fn redirect(&self, mail_from: &str, address: &str) -> Option<Redirect>;
    /// Where it goes if the address is nobody's; `None`: nowhere.
    fn redirect_of_rest(&self, mail_from: &str, address: &str) -> Option<Redirect>;
}

/// What became of a message for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It is in their mailbox.
    Delivered,
    /// It is not and will not be; why, as SMTP says it.
    Failed(String),
}

impl Told {
    /// It will not be delivered.
    #[must_use]
    pub fn failed(smtp_reply: &str) -> Self {
        Self::Failed(smtp_reply.to_owned())
    }
}

/// What became of a message that came in, for one recipient.
#[derive(Debug, Clone)]
pub struct IncomingOutcome {
    /// Whose mailbox it was for: what is told elsewhere is sent in their name.
    pub account: AccountId,
    /// The message's on its way in: its sender is told once.
    pub id: SubmissionId,
    /// Whom to tell, with what they asked for (RFC 3461).
    pub mail_from: Path,
    /// Who was to have it, with of what its sender wants to be told.
    pub recipient: Path,
    /// What.
    pub told: Told,
    /// When it was accepted, microseconds since the Unix epoch.
    pub accepted_us: u64,
    /// The message.
    pub bytes: Bytes,
}

impl Mail {
    /// Asks from now on where mail is sent on. To be set once, before anything is sent.
    pub fn set_redirects(&self, redirects: Arc<dyn Redirects>) {
        // A second one would be a fault of who starts the program; the first stays.
        let _ = self.redirects.set(redirects);
    }

    /// Where mail for an address is sent on.
    pub(crate) fn redirect(&self, mail_from: &str, address: &str) -> Option<Redirect> {
        self.redirects.get()?.redirect(mail_from, address)
    }

    /// Where mail for an address that is nobody's is sent on.
    pub(crate) fn redirect_of_rest(&self, mail_from: &str, address: &str) -> Option<Redirect> {
        self.redirects.get()?.redirect_of_rest(mail_from, address)
    }

    /// The account whose an address is: by the address itself, without its detail, or by its domain.
    ///
    /// # Errors
    /// What the store says.
    pub async fn account_of(&self, address: &str) -> Result<Option<AccountId>, Error> {
        self.recipient(address).await
    }

    /// Whether mail for an address stays here: it is somebody's, or nobody's of a domain that is ours.
    ///
    /// # Errors
    /// What the store says.
    pub async fn is_here(&self, address: &str) -> Result<bool, Error> {
        self.is_local(address).await
    }

    /// Whether a message of so many octets fits into an account.
    ///
    /// # Errors
    /// What the store says.
    pub async fn has_room(&self, account: AccountId, octets: u64) -> Result<bool, Error> {
        let quotas = self.store.quotas(account).await?;
        Ok(quotas.iter().all(|quota| {
            let more = match quota.resource.as_str() {
                "octets" => octets,
                _ => 1,
            };
            quota.used.saturating_add(more) <= quota.hard_limit
        }))
    }

    /// Whether an account may write as an address.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`] where it has no mail; what the store says.
    pub async fn may_write_as(&self, account: AccountId, address: &str) -> Result<bool, Error> {
        let own = self.addresses(account, account).await?;
        Ok(addresses::may_write_as(&own, address))
    }

    /// Sends a message as it is, for an account, to the envelope's recipients. It is durable and in the queue when this
    /// answers. The same key again sends nothing and gives the first answer.
    ///
    /// # Errors
    /// [`Error::OverQuota`], [`Error::InvalidArguments`]; what the store says.
    pub async fn submit_message(
        &self,
        account: AccountId,
        envelope: Envelope,
        bytes: Bytes,
        idempotency_key: Option<String>,
    ) -> Result<SubmissionId, Error> {
        let spooled = Spooled::of(bytes);
        let blob = spooled.hash;
        self.contents.keep(account, spooled).await?;
        let now_us = self.now_us();
        let submitted = self.store.submit(NewSubmission {
            id: SubmissionId::generate(),
            account,
            email: None,
            blob,
            envelope,
            send_at_us: now_us,
            category: super::outgoing::number(Category::Transactional),
            idempotency_key,
            now_us,
        });
        let accepted = submitted
            .await?
            .map_err(|refusal| Error::InvalidArguments(refusal.description))?;
        self.bells.queue.notify_one();
        Ok(accepted.id)
    }

    /// Tells the sender of a message what became of it, if they are to be told (RFC 3461 §5.2, RFC 5321 §6.1).
    ///
    /// # Errors
    /// What the store says: it may be tried again, and is told once.
    pub async fn tell_of_incoming(&self, outcome: IncomingOutcome) -> Result<(), Error> {
        let queued = Queued {
            account: outcome.account,
            id: outcome.id,
            category: super::outgoing::number(Category::Transactional),
            mail_from: outcome.mail_from,
            recipient: outcome.recipient,
            // The octets are at hand: nobody looks there.
            blob: BlobKey {
                shard: 0,
                hash: BlobHash([0; 32]),
                generation: 0,
            },
            tries: 1,
            since_us: outcome.accepted_us,
        };
        let relayed = match outcome.told {
            Told::Delivered => Relayed::here(Delivered::Yes, "250 2.1.5 delivered"),
            Told::Failed(smtp_reply) => Relayed::here(Delivered::No, smtp_reply),
        };
        self.tell_at_hand(&queued, &relayed, &outcome.bytes).await
    }
}
