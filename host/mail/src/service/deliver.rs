//! Delivery: a message comes to an account, once.

use bytes::Bytes;
use concierge_identity::AccountId;

use super::Mail;
use super::drafts::item;
use crate::error::Error;
use crate::store::{Deliver, DeliverOutcome};
use crate::types::{Made, MailboxId, NewEmail};

/// Longest id of a delivery, bytes.
pub const DELIVERY_ID_MAX_BYTES: usize = 255;

/// A message that came for someone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRequest {
    /// For which address.
    pub recipient: String,
    /// From the envelope; empty: from nobody who wants an answer (RFC 5321 §4.5.5).
    pub mail_from: String,
    /// Of the message on its way: the same id and recipient again change nothing. 1 to [`DELIVERY_ID_MAX_BYTES`].
    pub delivery: String,
    /// The message.
    pub bytes: Bytes,
    /// The role of the mailbox that it is for, like `junk`. `None`, and where there is none of it: the inbox.
    pub role: Option<String>,
}

/// How a delivery went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It is there now.
    Delivered(Made),
    /// It was delivered before.
    Before,
    /// The address is nobody's here.
    UnknownRecipient,
    /// The account is full.
    OverQuota,
    /// It is no message, or too large to be one.
    NoMessage,
}

impl Mail {
    /// Delivers a message to the account of an address, once. What is delivered is durable when this answers. Who is
    /// away then answers, at most once in a while.
    ///
    /// # Errors
    /// [`Error::InvalidArguments`] for an id that is none; what the store says: the delivery may be tried again.
    pub async fn deliver(&self, request: DeliveryRequest) -> Result<Delivery, Error> {
        if !(1..=DELIVERY_ID_MAX_BYTES).contains(&request.delivery.len()) {
            let form = format!("delivery: not 1 to {DELIVERY_ID_MAX_BYTES} bytes");
            return Err(Error::InvalidArguments(form));
        }
        let Some(account) = self.recipient(&request.recipient).await? else {
            return Ok(Delivery::UnknownRecipient);
        };
        let Ok((blob, summary)) = item(self.taken(account, request.bytes.clone()).await)? else {
            return Ok(Delivery::NoMessage);
        };
        let now_us = self.now_us();
        let delivered = self.store.deliver(Deliver {
            account,
            delivery: request.delivery.clone(),
            recipient: request.recipient.to_lowercase(),
            email: NewEmail {
                blob,
                summary,
                mailboxes: self.mailbox_of(account, request.role.as_deref()).await?,
                keywords: Vec::new(),
                received_us: now_us,
            },
            now_us,
        });
        match delivered.await {
            Ok(DeliverOutcome::Delivered(made)) => {
                self.answer(account, request).await;
                Ok(Delivery::Delivered(made))
            }
            Ok(DeliverOutcome::Before) => Ok(Delivery::Before),
            Err(Error::OverQuota) => Ok(Delivery::OverQuota),
            Err(error) => Err(error),
        }
    }

    /// The mailbox of a role; none where there is none, which to the store is the inbox.
    async fn mailbox_of(
        &self,
        account: AccountId,
        role: Option<&str>,
    ) -> Result<Vec<MailboxId>, Error> {
        if role.is_none() {
            return Ok(Vec::new());
        }
        let (mailboxes, _) = self.store.mailboxes(account).await?;
        let found = mailboxes
            .iter()
            .find(|mailbox| mailbox.role.as_deref() == role);
        Ok(found.map(|mailbox| mailbox.id).into_iter().collect())
    }
}
