//! `concierge:mail/outgoing`: sending mail from another component.

use bytes::Bytes;
use concierge_identity::AccountId;

use super::drafts::{Fault, item};
use super::letters::{encoded, field, letter, mailbox, without_bcc};
use super::submissions::{Outbound, check_from};
use super::vacation::path;
use super::{Mail, addresses, views};
use crate::error::{Error, Reason, Refusal};
use crate::spool::Spooled;
use crate::store::NewSubmission;
use crate::types::calls::outgoing::{Accepted, Category, Content, Letter, Message};
use crate::types::{BlobHash, Envelope, SubmissionId};

/// Recipients of a message of a component.
pub const TO_MAX: usize = 100;
/// Longest idempotency key, characters.
pub const KEY_MAX_CHARS: usize = 255;

/// The number of a category, by which the store knows its queue. Numbers are never used again.
pub(super) fn number(category: Category) -> u8 {
    match category {
        Category::Transactional => 0,
        Category::Notification => 1,
        Category::Marketing => 2,
    }
}

impl Mail {
    /// Accepts a message for sending. It is durable when this answers; the same key again sends nothing and gives the
    /// first answer, for [`crate::store::IDEMPOTENCY_KEPT_US`].
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::AccountReadOnly`], [`Error::Forbidden`] for an address that is not the
    /// account's, [`Error::InvalidArguments`], [`Error::TooLarge`].
    pub async fn send(
        &self,
        principal: AccountId,
        account: &str,
        message: Message,
    ) -> Result<Accepted, Error> {
        let account = self.write(principal, account).await?;
        check(&message)?;
        let own = self.addresses(principal, account).await?;
        if !addresses::may_write_as(&own, &message.from) {
            return Err(Error::Forbidden("to write as this address".to_owned()));
        }
        let now_us = self.now_us();
        let category = number(message.category);
        let idempotency_key = Some(message.idempotency_key.clone());
        let envelope = Envelope {
            mail_from: path(message.from.clone()),
            rcpt_to: message.to.iter().cloned().map(path).collect(),
        };
        let kept = self.kept_letter(account, &own, message).await;
        let blob = item(kept)?.map_err(error_of)?;
        let submitted = self.store.submit(NewSubmission {
            id: SubmissionId::generate(),
            account,
            email: None,
            blob,
            envelope,
            send_at_us: now_us,
            category,
            idempotency_key,
            now_us,
        });
        let accepted = submitted.await?.map_err(error_of)?;
        self.bells.queue.notify_one();
        Ok(Accepted {
            queue_id: accepted.id,
            accepted_us: accepted.accepted_us,
        })
    }

    /// Makes the message, and claims its bytes.
    async fn kept_letter(
        &self,
        account: AccountId,
        own: &[String],
        message: Message,
    ) -> Result<BlobHash, Fault> {
        let Message {
            from,
            from_name,
            to,
            reply_to,
            content,
            ..
        } = message;
        let spooled = match content {
            Content::Mime(bytes) => self.checked_mime(own, bytes.into()).await?,
            Content::Letter(Letter {
                subject,
                text,
                html,
                attachments,
            }) => {
                let mut headers = vec![
                    field("From", mailbox(from_name.as_deref(), &from)),
                    field("To", to.join(", ")),
                    field("Subject", encoded(&subject)),
                ];
                headers.extend(reply_to.map(|address| field("Reply-To", address)));
                let (draft, attached) = letter(headers, text, html, attachments);
                self.assembled(account, &draft, &attached).await?
            }
        };
        let blob = spooled.hash;
        self.contents.keep(account, spooled).await?;
        Ok(blob)
    }

    async fn checked_mime(&self, own: &[String], bytes: Bytes) -> Result<Spooled, Fault> {
        let loaded = self.contents.loaded(bytes.clone()).await?;
        let nothing = BlobHash([0; 32]);
        let read = views::with_message(loaded, move |message, bytes| {
            (Outbound::read(message, nothing), without_bcc(bytes))
        });
        let (outbound, stripped) = read.await?;
        check_from(&outbound, own)?;
        Ok(Spooled::of(stripped.map_or(bytes, Bytes::from)))
    }
}

fn check(message: &Message) -> Result<(), Error> {
    let wrong = |what: String| Err(Error::InvalidArguments(what));
    let chars = message.idempotency_key.chars().count();
    if !(1..=KEY_MAX_CHARS).contains(&chars) {
        return wrong(format!(
            "idempotency-key: not 1 to {KEY_MAX_CHARS} characters"
        ));
    }
    if !(1..=TO_MAX).contains(&message.to.len()) {
        return wrong(format!("to: not 1 to {TO_MAX} addresses"));
    }
    let mut named = message.to.iter().chain(&message.reply_to);
    match named.find(|address| addresses::parts(address).is_none()) {
        Some(address) => wrong(format!("`{address}` is no address")),
        None => Ok(()),
    }
}

/// A call with one item: its refusal is the call's.
fn error_of(refusal: Refusal) -> Error {
    match refusal.reason {
        Reason::TooLarge => Error::TooLarge(refusal.limit),
        Reason::OverQuota => Error::OverQuota,
        Reason::Forbidden | Reason::ForbiddenFrom | Reason::ForbiddenMailFrom => {
            Error::Forbidden(refusal.description)
        }
        _ => Error::InvalidArguments(refusal.description),
    }
}
