//! Sending what waits: to accounts here, and by a relay to others.
//!
//! An entry is taken for a while, sent, and its outcome noted. A crash between the two has it sent again: accounts here
//! know the id of the submission as that of the delivery, and have it once; other servers may have it twice.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};

use super::PAUSE;
use crate::error::Error;
use crate::service::{Delivery, DeliveryRequest, Mail};
use crate::store::{Answer, Queued, RecipientOutcome};
use crate::types::calls::ByteStream;
use crate::types::{Delivered, TimeUs, US_PER_DAY};

/// How long an entry is taken for: longer than any server takes for a message (RFC 5321 §4.5.3.2.6: 10 minutes).
const LEASE_US: TimeUs = 20 * US_PER_MINUTE;
const US_PER_MINUTE: TimeUs = 60_000_000;
/// Entries taken at once.
const BATCH: usize = 32;
/// Of those, sent at once.
const AT_ONCE: usize = 8;
/// How long is waited at most for a bell: entries become due by the clock.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long after the first try is tried again; doubled with each (RFC 5321 §4.5.4.1: 30 minutes, sooner at first).
const RETRY_FIRST_US: TimeUs = US_PER_MINUTE;
/// The longest wait between two tries.
const RETRY_MAX_US: TimeUs = 4 * 60 * US_PER_MINUTE;
/// How long is tried (RFC 5321 §4.5.4.1: 4 to 5 days).
const GIVE_UP_AFTER_US: TimeUs = 5 * US_PER_DAY;

/// A message for one recipient elsewhere.
pub struct Outbound {
    /// What is to be sent, to whom.
    pub queued: Queued,
    /// The message.
    pub bytes: ByteStream,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relayed {
    /// `Queued`: not now; it is tried again.
    pub delivered: Delivered,
    /// The last answer of SMTP.
    pub smtp_reply: String,
}

/// Sends to other servers.
pub trait Relay: Send + Sync {
    /// Sends a message to one recipient.
    fn send(&self, outbound: Outbound) -> Answer<'_, Relayed>;
}

pub(super) async fn run(mail: Arc<Mail>) {
    loop {
        let rings = mail.bells.queue.notified();
        let wait = match mail.send_queued().await {
            Ok(0) => LONGEST_WAIT,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(%error, "the outgoing queue");
                PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = rings => {}
        }
    }
}

impl Mail {
    /// Sends some of what is due; how many entries were taken.
    pub(crate) async fn send_queued(&self) -> Result<usize, Error> {
        let now_us = self.now_us();
        let lease_until_us = now_us.saturating_add(LEASE_US);
        let taken = self
            .store
            .take_queued(now_us, lease_until_us, BATCH)
            .await?;
        let count = taken.len();
        let mut sent = stream::iter(taken)
            .map(|queued| self.send_one(queued))
            .buffer_unordered(AT_ONCE);
        while let Some(noted) = sent.next().await {
            noted?;
        }
        Ok(count)
    }

    async fn send_one(&self, queued: Queued) -> Result<(), Error> {
        let relayed = self.transmit(&queued).await.unwrap_or_else(|error| {
            tracing::warn!(%error, submission = %queued.id, "sending a message");
            later("451 4.3.0 a fault of this server")
        });
        self.note(queued, relayed).await
    }

    /// Sends one message to one recipient, here or elsewhere.
    pub(crate) async fn transmit(&self, queued: &Queued) -> Result<Relayed, Error> {
        let recipient = &queued.recipient.email;
        if self.is_local(recipient).await? {
            return self.deliver_queued(queued).await;
        }
        match &self.relay {
            None => Ok(later("450 4.4.4 no route configured yet")),
            Some(relay) => {
                let bytes = self.contents.stream(queued.blob).await?;
                let queued = queued.clone();
                relay.send(Outbound { queued, bytes }).await
            }
        }
    }

    async fn deliver_queued(&self, queued: &Queued) -> Result<Relayed, Error> {
        let bytes = self.contents.all(queued.blob).await?;
        let delivery = self.deliver(DeliveryRequest {
            recipient: queued.recipient.email.clone(),
            mail_from: queued.mail_from.email.clone(),
            delivery: queued.id.to_string(),
            bytes,
            role: None,
        });
        let no = |smtp_reply| outcome(Delivered::No, smtp_reply);
        Ok(match Box::pin(delivery).await? {
            Delivery::Delivered(_) | Delivery::Before => {
                outcome(Delivered::Yes, "250 2.1.5 delivered")
            }
            Delivery::UnknownRecipient => no("550 5.1.1 there is no such address here"),
            Delivery::OverQuota => later("452 4.2.2 the mailbox is full"),
            Delivery::NoMessage => no("554 5.6.0 this is no message"),
        })
    }

    async fn note(&self, queued: Queued, relayed: Relayed) -> Result<(), Error> {
        let now_us = self.now_us();
        let is_late = now_us.saturating_sub(queued.since_us) >= GIVE_UP_AFTER_US;
        let delivered = match relayed.delivered {
            Delivered::Queued if is_late => Delivered::No,
            delivered => delivered,
        };
        let kind = match delivered {
            Delivered::Queued => "later",
            Delivered::No => "failed",
            Delivered::Yes | Delivered::Unknown => "sent",
        };
        metrics::counter!("concierge_mail_sent_total", "outcome" => kind).increment(1);
        let is_later = delivered == Delivered::Queued;
        let noted = RecipientOutcome {
            tries: queued.tries,
            delivered,
            smtp_reply: relayed.smtp_reply,
            retry_us: is_later.then(|| now_us.saturating_add(wait_us(queued.tries))),
            now_us,
        };
        let recipient = queued.recipient.email;
        self.store
            .queue_outcome(queued.account, queued.id, recipient, noted)
            .await
    }
}

/// How long is waited after so many tries.
fn wait_us(tries: u32) -> TimeUs {
    let doubled = 1_u64 << tries.saturating_sub(1).min(16);
    RETRY_FIRST_US.saturating_mul(doubled).min(RETRY_MAX_US)
}

fn later(smtp_reply: &str) -> Relayed {
    outcome(Delivered::Queued, smtp_reply)
}

fn outcome(delivered: Delivered, smtp_reply: &str) -> Relayed {
    Relayed {
        delivered,
        smtp_reply: smtp_reply.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        assert_eq!(wait_us(1), RETRY_FIRST_US);
        assert_eq!(wait_us(2), 2 * RETRY_FIRST_US);
        assert_eq!(wait_us(u32::MAX), RETRY_MAX_US);
    }
}
