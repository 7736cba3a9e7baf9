//! From the queue to mailboxes.
//!
//! Invariant: a message leaves the queue when every recipient has it, or its sender was told that one has not. Mailboxes know
//! the message's id: what is delivered again after a crash changes nothing.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use concierge_mail::Error;
use concierge_mail::service::{Delivery, DeliveryRequest, Told};
use concierge_mail::types::{Envelope, Path, SubmissionId};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::Shared;
use crate::queue::{Metadata, QueueError, Recipient, Waiting};
use crate::srs::Srs;
use crate::steps::recipients::{is_postmaster, owner};
use crate::trace;

/// Messages that are delivered at once: many wait for the same syncs of mailboxes.
const AT_ONCE: usize = 64;

/// A message that is worked on; the same, and when it is tried again, if it is not done.
type Working = Pin<Box<dyn Future<Output = (Waiting, Option<Duration>)> + Send>>;

/// How it went with one recipient.
enum Outcome {
    /// They have it, or their sender knows that they have not.
    Done,
    /// Not now.
    Later,
}

/// Delivers until it is stopped. What is under way is ended first.
pub(crate) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut working: FuturesUnordered<Working> = FuturesUnordered::new();
    let mut later: BTreeMap<(Instant, Uuid), ()> = BTreeMap::new();
    loop {
        let rings = shared.queue.rings();
        tokio::pin!(rings);
        // From here on a ring is not missed.
        rings.as_mut().enable();
        let now = Instant::now();
        while let Some(entry) = later.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((_, id), ()) = entry.remove_entry();
            shared.queue.back(id);
        }
        while working.len() < AT_ONCE
            && let Some(waiting) = shared.queue.take()
        {
            let shared = Arc::clone(&shared);
            working.push(Box::pin(work(shared, waiting)));
        }
        let next = later.first_key_value().map(|((at, _), ())| *at);
        let next = next.unwrap_or(now + Duration::from_secs(3_600));
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Some((waiting, again)) = working.next() => {
                if let Some(again) = again {
                    later.insert((Instant::now() + again, waiting.id), ());
                }
            }
            () = rings => {}
            () = tokio::time::sleep_until(next) => {}
        }
    }
    while working.next().await.is_some() {}
}

async fn work(shared: Arc<Shared>, waiting: Waiting) -> (Waiting, Option<Duration>) {
    let outcome = shared.deliver(&waiting).await;
    let again = match outcome {
        Ok(Outcome::Done) => None,
        Ok(Outcome::Later) => Some(shared.wait(&waiting)),
        Err(error) => {
            tracing::error!(%error, id = %waiting.id, "delivering a message");
            Some(shared.wait(&waiting))
        }
    };
    (waiting, again)
}

/// Why a message is not delivered now.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Mail(#[from] Error),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Shared {
    /// As long as it has been tried so far, so that waits double.
    fn wait(&self, waiting: &Waiting) -> Duration {
        let retry = &self.options.retry;
        let tried_us = self.clock.now_us().saturating_sub(waiting.received_us);
        let first_us = retry.first_us.min(retry.max_us);
        Duration::from_micros(tried_us.clamp(first_us, retry.max_us))
    }

    async fn deliver(&self, waiting: &Waiting) -> Result<Outcome, Failure> {
        let kib = u32::try_from(2 * waiting.octets / 1024 + 1).unwrap_or(u32::MAX);
        let most = u32::try_from(crate::IN_MEMORY_MAX_KIB).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.memory)
            .acquire_many_owned(kib.min(most))
            .await;
        let _room = room.map_err(|error| QueueError::Closed(error.to_string()))?;
        let (metadata, octets) = self.queue.read(waiting.id).await?;
        let trace = trace::return_path(&metadata.mail_from) + &metadata.trace;
        let bytes = Bytes::from([trace.as_bytes(), &octets].concat());
        let mut is_done = true;
        for recipient in &metadata.recipients {
            let outcome = self
                .deliver_to(&metadata, recipient, &bytes, &octets)
                .await?;
            is_done &= matches!(outcome, Outcome::Done);
        }
        if !is_done {
            return Ok(Outcome::Later);
        }
        self.queue.done(waiting.id).await?;
        Ok(Outcome::Done)
    }

    async fn deliver_to(
        &self,
        metadata: &Metadata,
        recipient: &Recipient,
        bytes: &Bytes,
        octets: &Bytes,
    ) -> Result<Outcome, Failure> {
        let address = recipient.address.as_str();
        if Srs::is_way_back(address) {
            let now_us = metadata.received_us;
            let sender = self.srs().sender_of_late(address, now_us);
            let targets = sender.into_iter().collect();
            return self.send_on(metadata, recipient, targets, octets).await;
        }
        if let Some(targets) = self.rules.forward(address) {
            return self.send_on(metadata, recipient, targets, octets).await;
        }
        let mut mailbox = address.to_owned();
        if is_postmaster(address, &self.options.domains)
            && let Some(postmaster) = &self.options.postmaster
        {
            mailbox.clone_from(postmaster);
        }
        let delivery = self.mail.deliver(DeliveryRequest {
            recipient: mailbox,
            mail_from: metadata.mail_from.clone(),
            delivery: metadata.id.simple().to_string(),
            bytes: bytes.clone(),
            role: metadata.is_junk.then(|| "junk".to_owned()),
        });
        let told = match delivery.await? {
            Delivery::Delivered(_) | Delivery::Before => Told::Delivered,
            Delivery::UnknownRecipient => Told::failed("550 5.1.1 there is no such address here"),
            Delivery::NoMessage => Told::failed("554 5.6.0 this is no message"),
            Delivery::OverQuota if self.is_late(metadata) => {
                Told::failed("552 5.2.2 the mailbox is full")
            }
            Delivery::OverQuota => return Ok(Outcome::Later),
        };
        self.tell(metadata, recipient, told, octets).await?;
        Ok(Outcome::Done)
    }

    fn is_late(&self, metadata: &Metadata) -> bool {
        let tried_us = self.clock.now_us().saturating_sub(metadata.received_us);
        tried_us >= self.options.retry.give_up_us
    }

    /// Sends a message on to other addresses, from an address of ours that finds the way back.
    async fn send_on(
        &self,
        metadata: &Metadata,
        recipient: &Recipient,
        targets: Vec<String>,
        octets: &Bytes,
    ) -> Result<Outcome, Failure> {
        let Some(owner) = self.owner(&recipient.address).await? else {
            // There was one when it was accepted.
            return Ok(Outcome::Later);
        };
        if targets.is_empty() {
            let told = Told::failed("550 5.1.1 there is no such address here");
            self.tell(metadata, recipient, told, octets).await?;
            return Ok(Outcome::Done);
        }
        let is_way_back = Srs::is_way_back(&recipient.address);
        let mail_from = match is_way_back {
            // A report: nobody is told of its failure.
            true => String::new(),
            false => self
                .srs()
                .rewritten(&metadata.mail_from, metadata.received_us),
        };
        let path = |email: String| Path {
            email,
            parameters: Vec::new(),
        };
        let envelope = Envelope {
            mail_from: path(mail_from),
            rcpt_to: targets.into_iter().map(path).collect(),
        };
        let bytes = Bytes::from([metadata.trace.as_bytes(), octets].concat());
        let key = format!(
            "{}-{}",
            metadata.id.simple(),
            recipient.address.to_lowercase()
        );
        // Keys are bounded; addresses are not quite as short.
        let key = key
            .chars()
            .take(concierge_mail::service::KEY_MAX_CHARS)
            .collect();
        self.mail
            .submit_message(owner, envelope, bytes, Some(key))
            .await?;
        Ok(Outcome::Done)
    }

    /// In whose name mail for an address is sent on, and its sender told of it.
    async fn owner(&self, address: &str) -> Result<Option<concierge_identity::AccountId>, Failure> {
        let options = &self.options;
        let postmaster = options.postmaster.as_deref();
        Ok(owner(&self.mail, postmaster, &options.domains, address).await?)
    }

    /// Tells the sender what became of a message for one recipient, if they want to know.
    async fn tell(
        &self,
        metadata: &Metadata,
        recipient: &Recipient,
        told: Told,
        octets: &Bytes,
    ) -> Result<(), Failure> {
        let Some(account) = self.owner(&recipient.address).await? else {
            return Ok(());
        };
        let named = |name: &str, value: &Option<String>| {
            let value = value.clone()?;
            Some((name.to_owned(), Some(value)))
        };
        let mail_from = Path {
            email: metadata.mail_from.clone(),
            parameters: [named("RET", &metadata.ret), named("ENVID", &metadata.envid)]
                .into_iter()
                .flatten()
                .collect(),
        };
        let recipient = Path {
            email: recipient.address.clone(),
            parameters: [
                named("NOTIFY", &recipient.notify),
                named("ORCPT", &recipient.orcpt),
            ]
            .into_iter()
            .flatten()
            .collect(),
        };
        let outcome = concierge_mail::service::IncomingOutcome {
            account,
            id: SubmissionId(metadata.id),
            mail_from,
            recipient,
            told,
            accepted_us: metadata.received_us,
            bytes: octets.clone(),
        };
        Ok(self.mail.tell_of_incoming(outcome).await?)
    }
}
