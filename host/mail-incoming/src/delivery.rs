//! From the queue to mailboxes.
//!
//! Invariant: a message leaves the queue when every recipient has it, or its sender was told that one has not. Mailboxes know
//! the message's id: what is delivered again after a crash changes nothing.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use concierge_mail::Error;
use concierge_mail::service::{Delivery, DeliveryRequest, Told};
use concierge_mail::types::{Envelope, Path, SubmissionId};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::Shared;
use crate::queue::{Metadata, QueueError, Recipient, Waiting};
use crate::srs::Srs;
use crate::steps::recipients::{Owner, is_postmaster, owner};
use crate::trace;

/// Messages that are delivered at once: many wait for the same syncs of mailboxes.
const AT_ONCE: usize = 64;

/// How long messages are gathered in a flood before they are delivered. More of them share transactions and syncs so, and
/// those who hand mail in have more of the machine.
const GATHERING: Duration = Duration::from_millis(40);

/// How it went with one recipient.
enum Outcome {
    /// They have it, or their sender knows that they have not.
    Done,
    /// Not now.
    Later,
}

/// A message that is worked on; how it went.
type Working = Pin<Box<dyn Future<Output = (Waiting, Outcome)> + Send>>;

/// When messages are taken to be delivered.
struct Gathering {
    /// In a flood: not before.
    until: Instant,
    /// Of those that were taken last.
    count: usize,
}

impl Gathering {
    /// Whether some are taken now, of so many that wait while so many are worked on. One that comes by itself does not wait.
    fn is_over(&self, now: Instant, waiting: usize, working: usize) -> bool {
        let is_alone = self.count <= 1 && waiting == 1 && working == 0;
        is_alone || waiting >= AT_ONCE || now >= self.until
    }
}

/// Delivers until it is stopped. What is under way is ended first.
pub(crate) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    // In one task: side by side they took the cores from clients that hand mail in, and delivered no faster.
    let mut working: FuturesUnordered<Working> = FuturesUnordered::new();
    let mut later: BTreeSet<(Instant, Uuid)> = BTreeSet::new();
    let mut gathering = Gathering {
        until: Instant::now(),
        count: 0,
    };
    loop {
        let rings = shared.queue.rings();
        tokio::pin!(rings);
        // From here on a ring is not missed.
        rings.as_mut().enable();
        let now = Instant::now();
        while let Some(&(at, id)) = later.first()
            && at <= now
        {
            later.pop_first();
            shared.queue.back(id);
        }
        let before = working.len();
        if gathering.is_over(now, shared.queue.untaken(), before) {
            while working.len() < AT_ONCE
                && let Some(waiting) = shared.queue.take()
            {
                let shared = Arc::clone(&shared);
                working.push(Box::pin(async move { work(&shared, waiting).await }));
            }
            if working.len() > before {
                gathering.until = now + GATHERING;
                gathering.count = working.len() - before;
            }
        }
        let next = later.first().map(|(at, _)| *at);
        let mut next = next.unwrap_or(now + Duration::from_secs(3_600));
        if gathering.until > now && shared.queue.untaken() > 0 {
            next = next.min(gathering.until);
        }
        let ended = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Some(ended) = working.next() => ended,
            () = rings => continue,
            () = tokio::time::sleep_until(next) => continue,
        };
        let again = note(&shared, &mut working, ended).await;
        let now = Instant::now();
        later.extend(again.iter().map(|one| (now + shared.wait(one), one.id)));
    }
    while let Some(ended) = working.next().await {
        note(&shared, &mut working, ended).await;
    }
}

/// Notes what is done of a message that has ended, and of all others that have: those that shared a sync end at once. What is
/// not done is given.
async fn note(
    shared: &Shared,
    working: &mut FuturesUnordered<Working>,
    ended: (Waiting, Outcome),
) -> Vec<Waiting> {
    let (mut done, mut later) = (Vec::new(), Vec::new());
    let mut next = Some(ended);
    while let Some((waiting, outcome)) = next {
        match outcome {
            Outcome::Done => done.push(waiting.id),
            Outcome::Later => later.push(waiting),
        }
        next = working.next().now_or_never().flatten();
    }
    if !done.is_empty()
        && let Err(error) = shared.queue.done(done).await
    {
        tracing::error!(%error, "noting messages that are done");
    }
    later
}

/// Works on a message. One that something breaks over is tried again like others.
async fn work(shared: &Shared, waiting: Waiting) -> (Waiting, Outcome) {
    let delivered = AssertUnwindSafe(shared.deliver(&waiting)).catch_unwind();
    let outcome = match delivered.await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => {
            tracing::error!(%error, id = %waiting.id, "delivering a message");
            Outcome::Later
        }
        Err(_) => {
            tracing::error!(id = %waiting.id, "the delivery of a message broke");
            Outcome::Later
        }
    };
    (waiting, outcome)
}

/// Why a message is not delivered now.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Mail(#[from] Error),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

fn is_damaged(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidData | ErrorKind::NotFound | ErrorKind::UnexpectedEof
    )
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
        let (metadata, octets) = match self.queue.read(waiting.id).await {
            Ok(read) => read,
            Err(QueueError::Disk(error))
                if is_damaged(&error) && self.is_late(waiting.received_us) =>
            {
                tracing::error!(%error, id = %waiting.id, "a message is lost: it cannot be read");
                return Ok(Outcome::Done);
            }
            Err(error) => return Err(error.into()),
        };
        let trace = trace::return_path(&metadata.mail_from) + &metadata.trace;
        let bytes = Bytes::from([trace.as_bytes(), &octets].concat());
        let mut is_done = true;
        for recipient in &metadata.recipients {
            let outcome = self
                .deliver_or_give_up(&metadata, recipient, &bytes, &octets)
                .await;
            is_done &= matches!(outcome, Outcome::Done);
        }
        Ok(match is_done {
            true => Outcome::Done,
            false => Outcome::Later,
        })
    }

    /// A fault at one recipient holds none of the others up, and is not met for ever.
    async fn deliver_or_give_up(
        &self,
        metadata: &Metadata,
        recipient: &Recipient,
        bytes: &Bytes,
        octets: &Bytes,
    ) -> Outcome {
        let address = &recipient.address;
        let delivered = self.deliver_to(metadata, recipient, bytes, octets).await;
        let error = match delivered {
            Ok(outcome) => return outcome,
            Err(error) => error,
        };
        tracing::error!(%error, id = %metadata.id, address, "delivering a message");
        if !self.is_late(metadata.received_us) {
            return Outcome::Later;
        }
        let told = Told::failed("554 5.3.0 a fault of this server");
        match self.tell(metadata, recipient, told, octets).await {
            Ok(()) => Outcome::Done,
            Err(error) => {
                tracing::error!(%error, id = %metadata.id, address, "telling a sender");
                Outcome::Later
            }
        }
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
            let sender = self.srs().sender_of_late(address, metadata.received_us);
            let targets = sender.into_iter().collect();
            return self.send_on(metadata, recipient, targets, octets).await;
        }
        let forwards = self.rules.forward(address);
        let is_forwarded = forwards.is_some();
        if let Some(targets) = forwards.filter(|_| !metadata.is_junk) {
            return self.send_on(metadata, recipient, targets, octets).await;
        }
        let mut mailbox = address.to_owned();
        if is_forwarded {
            // Whoever sends junk on is soon taken for its source: it stays with who has the address.
            match self.owner(address).await? {
                Some(owner) => mailbox = owner.name,
                // There was one when it was accepted.
                None => return Ok(Outcome::Later),
            }
        } else if is_postmaster(address, &self.options.domains)
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
            Delivery::UnknownRecipient => match self.rules.forward_of_rest(address) {
                Some(targets) => {
                    return self.send_on(metadata, recipient, targets, octets).await;
                }
                None => Told::failed("550 5.1.1 there is no such address here"),
            },
            Delivery::NoMessage => Told::failed("554 5.6.0 this is no message"),
            Delivery::OverQuota if self.is_late(metadata.received_us) => {
                Told::failed("552 5.2.2 the mailbox is full")
            }
            Delivery::OverQuota => return Ok(Outcome::Later),
        };
        self.tell(metadata, recipient, told, octets).await?;
        Ok(Outcome::Done)
    }

    /// It has been tried long enough.
    fn is_late(&self, received_us: u64) -> bool {
        let tried_us = self.clock.now_us().saturating_sub(received_us);
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
        let mut sender = metadata.sender_path();
        sender.email = match Srs::is_way_back(&recipient.address) {
            // A report: nobody is told of its failure.
            true => String::new(),
            false => self
                .srs()
                .rewritten(&metadata.mail_from, metadata.received_us),
        };
        let asked = recipient.path().parameters;
        let targets = targets.into_iter().map(|email| Path {
            email,
            parameters: asked.clone(),
        });
        let envelope = Envelope {
            mail_from: sender,
            rcpt_to: targets.collect(),
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
            .submit_message(owner.account, envelope, bytes, Some(key))
            .await?;
        Ok(Outcome::Done)
    }

    /// In whose name mail for an address is sent on, and its sender told of it.
    async fn owner(&self, address: &str) -> Result<Option<Owner>, Failure> {
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
        let Some(owner) = self.owner(&recipient.address).await? else {
            let address = &recipient.address;
            tracing::error!(id = %metadata.id, address, ?told, "nobody in whose name its sender is told");
            return Ok(());
        };
        let outcome = concierge_mail::service::IncomingOutcome {
            account: owner.account,
            id: SubmissionId(metadata.id),
            mail_from: metadata.sender_path(),
            recipient: recipient.path(),
            told,
            accepted_us: metadata.received_us,
            bytes: octets.clone(),
        };
        Ok(self.mail.tell_of_incoming(outcome).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_gathered_and_one_by_itself_is_not() {
        let now = Instant::now();
        let after = |count| Gathering {
            until: now + GATHERING,
            count,
        };
        let alone = after(1);
        assert!(alone.is_over(now, 1, 0));
        assert!(!alone.is_over(now, 1, 1), "it waits for the one before");
        assert!(!alone.is_over(now, 2, 0));
        let flood = after(20);
        assert!(!flood.is_over(now, 1, 0));
        assert!(!flood.is_over(now, AT_ONCE - 1, 0));
        assert!(flood.is_over(now, AT_ONCE, AT_ONCE));
        assert!(flood.is_over(now + GATHERING, 1, 5));
    }
}
