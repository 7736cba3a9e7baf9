//! Sending what waits: to accounts here, and by a relay to others.
//!
//! An entry is taken for a while, sent, and its outcome noted. A crash between the two has it sent again at the next
//! start: accounts here know the id of the submission as that of the delivery, and have it once; other servers may have
//! it twice.
//!
//! Entries are worked on side by side, and the next are taken as soon as some are done: a server that hangs holds its
//! own messages, up to what the relay lets it hold, and no others. What the relay puts off for a moment stays here.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use super::PAUSE;
use super::reports::Action;
use crate::error::Error;
use crate::service::{Delivery, DeliveryRequest, Mail, Redirect};
use crate::store::{Answer, Queued, RecipientOutcome};
use crate::types::calls::ByteStream;
use crate::types::{Delivered, Envelope, Path, TimeUs, US_PER_DAY};

/// How long an entry is taken for: longer than any server takes for a message (RFC 5321 §4.5.3.2.6: 10 minutes).
pub const LEASE_US: TimeUs = 20 * US_PER_MINUTE;
const US_PER_MINUTE: TimeUs = 60_000_000;
/// Entries taken at once.
const BATCH: usize = 64;
/// How long is waited at most for a bell: entries become due by the clock.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Groups that wait here for a moment; what is beyond them waits in the store.
const HELD_MAX: usize = 1_000;
/// How long they do at most, since they were taken: meanwhile nobody else can change anything about them.
const HELD_MAX_US: TimeUs = US_PER_MINUTE / 2;
/// Recipients of one message that a relay is given at once: those that any server takes (RFC 5321 §4.5.3.1.8).
const RECIPIENTS_AT_ONCE: usize = 100;

/// Recipients here to whom one message is delivered at once.
const LOCAL_AT_ONCE: usize = 8;

/// Settings of the outgoing queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueOptions {
    /// Messages that are sent at once, to all servers together; at least one.
    pub at_once: usize,
    /// How long after the first try is tried again (RFC 5321 §4.5.4.1: 30 minutes, sooner at first). Every later wait is
    /// as long as it has been tried so far, so that waits double.
    pub retry_first_us: TimeUs,
    /// The longest wait between two tries.
    pub retry_max_us: TimeUs,
    /// How long is tried (RFC 5321 §4.5.4.1: 4 to 5 days).
    pub give_up_after_us: TimeUs,
    /// After how long senders that asked for it are told that it takes long (RFC 3461 §4.1, `DELAY`).
    pub tell_delay_after_us: TimeUs,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            at_once: 64,
            retry_first_us: US_PER_MINUTE,
            retry_max_us: 4 * 60 * US_PER_MINUTE,
            give_up_after_us: 5 * US_PER_DAY,
            tell_delay_after_us: 4 * 60 * US_PER_MINUTE,
        }
    }
}

impl QueueOptions {
    /// How long is waited after a try, by how long it has been tried.
    fn wait_us(&self, tried_for_us: TimeUs) -> TimeUs {
        let at_least_us = self.retry_first_us.min(self.retry_max_us);
        tried_for_us.clamp(at_least_us, self.retry_max_us)
    }
}

/// A message for recipients elsewhere.
pub struct Outbound {
    /// What is to be sent, to whom: entries of one submission whose recipients are of one domain; at least one.
    pub queued: Vec<Queued>,
    /// The message.
    pub bytes: ByteStream,
}

/// How it went with one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relayed {
    /// `Queued`: not now; it is tried again. `Unknown`: another server has it.
    pub delivered: Delivered,
    /// The last answer of SMTP.
    pub smtp_reply: String,
    /// The name of the server that gave it; `None`: this one did.
    pub remote: Option<String>,
    /// The server tells the sender what becomes of it where they asked for it (RFC 3461 §5.2.1).
    pub tells: bool,
    /// `Queued`: it was not tried, and is to be tried after this time. `None`: when it is its turn.
    pub wait_us: Option<TimeUs>,
}

impl Relayed {
    /// An outcome that this server says.
    #[must_use]
    pub fn here(delivered: Delivered, smtp_reply: impl Into<String>) -> Self {
        Self {
            delivered,
            smtp_reply: smtp_reply.into(),
            remote: None,
            tells: false,
            wait_us: None,
        }
    }

    /// Not now, says this server.
    #[must_use]
    pub fn later(smtp_reply: impl Into<String>) -> Self {
        Self::here(Delivered::Queued, smtp_reply)
    }
}

/// Sends to other servers.
pub trait Relay: Send + Sync {
    /// Sends a message to some recipients, within [`LEASE_US`]. One outcome for each entry, in their order.
    fn send(&self, outbound: Outbound) -> Answer<'_, Vec<Relayed>>;
}

/// A group that is being sent; what is left of it.
type Sending = Pin<Box<dyn Future<Output = Result<Option<PutOff>, Error>> + Send>>;

/// A group, and until when it is nobody else's.
struct Taken {
    group: Group,
    lease_until_us: TimeUs,
}

/// Entries that were not tried, and when they may be: soon enough that they stay here with their lease.
struct PutOff {
    until: Instant,
    taken: Taken,
}

/// Groups that wait here for a moment.
#[derive(Default)]
struct Held {
    /// By when they may be tried, and in the order in which they were put off.
    groups: BTreeMap<(Instant, u64), Taken>,
    count: u64,
}

impl Held {
    fn extend(&mut self, put_off: Option<PutOff>) {
        if let Some(PutOff { until, taken }) = put_off {
            self.groups.insert((until, self.count), taken);
            self.count += 1;
        }
    }

    /// The first group that may be tried now.
    fn next(&mut self) -> Option<Taken> {
        let first = self.groups.first_entry()?;
        let is_time = first.key().0 <= Instant::now();
        is_time.then(|| first.remove())
    }

    /// How long it is until the next may be tried, at most as long as the queue waits anyway.
    fn wait(&self) -> Duration {
        let first = self.groups.first_key_value();
        let wait = first.map(|((at, _), _)| at.saturating_duration_since(Instant::now()));
        wait.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT)
    }

    fn is_full(&self) -> bool {
        self.groups.len() >= HELD_MAX
    }
}

pub(super) async fn run(mail: Arc<Mail>) {
    let mut sending: FuturesUnordered<Sending> = FuturesUnordered::new();
    let mut held = Held::default();
    let at_once = mail.options.queue.at_once.max(1);
    // What was taken before this process was is nobody's any more.
    while let Err(error) = mail.store.release_queued(mail.now_us()).await {
        tracing::warn!(%error, "the outgoing queue");
        tokio::time::sleep(PAUSE).await;
    }
    loop {
        let rings = mail.bells.queue.notified();
        let may_hold = !held.is_full();
        let begin = |taken: Taken| -> Sending {
            let mail = Arc::clone(&mail);
            Box::pin(async move { mail.send_group(taken, may_hold).await })
        };
        while sending.len() < at_once
            && let Some(taken) = held.next()
        {
            sending.push(begin(taken));
        }
        let mut wait = held.wait();
        if let Some(free) = at_once.checked_sub(sending.len()).filter(|free| *free > 0) {
            match mail.take_due(free.min(BATCH)).await {
                Ok(groups) if !groups.is_empty() => {
                    sending.extend(groups.into_iter().map(begin));
                    wait = Duration::ZERO;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "the outgoing queue");
                    wait = PAUSE;
                }
            }
        }
        let is_full = sending.len() >= at_once;
        tokio::select! {
            Some(noted) = sending.next() => {
                held.extend(put_off(noted));
                // Outcomes become durable together: what is done with this one is taken off with it.
                while let Some(Some(noted)) = sending.next().now_or_never() {
                    held.extend(put_off(noted));
                }
            }
            () = tokio::time::sleep(wait), if !is_full => {}
            () = rings, if !is_full => {}
        }
    }
}

/// What of a group was put off. An entry whose outcome was not noted is due again when its lease ends.
fn put_off(noted: Result<Option<PutOff>, Error>) -> Option<PutOff> {
    noted.unwrap_or_else(|error| {
        tracing::warn!(%error, "noting an outcome of the outgoing queue");
        None
    })
}

/// Entries that are sent together.
type Group = Vec<Queued>;

/// Parts entries into groups: of one message, for one domain.
fn grouped(taken: Vec<Queued>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for queued in taken {
        let belongs = |group: &&mut Group| {
            group.len() < RECIPIENTS_AT_ONCE
                && group.first().is_some_and(|first| {
                    first.id == queued.id
                        && domain(&first.recipient.email)
                            .eq_ignore_ascii_case(domain(&queued.recipient.email))
                })
        };
        // Entries of one submission are taken one after the other: only the last groups can be meant.
        let same = groups.iter_mut().rev();
        let mut same = same.take_while(|group| group.first().is_some_and(|q| q.id == queued.id));
        match same.find(belongs) {
            Some(group) => group.push(queued),
            None => groups.push(vec![queued]),
        }
    }
    groups
}

fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

impl Mail {
    /// Takes some of what is due.
    async fn take_due(&self, max: usize) -> Result<Vec<Taken>, Error> {
        let now_us = self.now_us();
        let lease_until_us = now_us.saturating_add(LEASE_US);
        let taken = self.store.take_queued(now_us, lease_until_us, max).await?;
        let groups = grouped(taken).into_iter();
        let taken = groups.map(|group| Taken {
            group,
            lease_until_us,
        });
        Ok(taken.collect())
    }

    /// Sends some of what is due; how many entries were taken.
    #[cfg(test)]
    pub(crate) async fn send_queued(&self) -> Result<usize, Error> {
        let groups = self.take_due(BATCH).await?;
        let count = groups.iter().map(|taken| taken.group.len()).sum();
        let sent = groups
            .into_iter()
            .map(|taken| self.send_group(taken, false));
        for noted in futures::future::join_all(sent).await {
            noted?;
        }
        Ok(count)
    }

    /// Sends a group and notes its outcomes; but not of entries that were put off for a moment, where they may be held.
    async fn send_group(&self, taken: Taken, may_hold: bool) -> Result<Option<PutOff>, Error> {
        let Taken {
            group,
            lease_until_us,
        } = taken;
        let relayed = self.transmit(&group).await;
        let fault = || Relayed::later("451 4.3.0 a fault of this server");
        let mut relayed = relayed.unwrap_or_else(|error| {
            let id = group.first().map(|queued| queued.id);
            tracing::warn!(%error, submission = ?id, "sending a message");
            Vec::new()
        });
        relayed.resize_with(group.len(), fault);
        let held_us = (self.now_us().saturating_add(LEASE_US)).saturating_sub(lease_until_us);
        let may_hold = may_hold && held_us < HELD_MAX_US;
        let (mut held, mut first) = (Vec::new(), LONGEST_WAIT);
        for (queued, relayed) in group.into_iter().zip(relayed) {
            let wait = relayed.wait_us.map(Duration::from_micros);
            match wait.filter(|wait| may_hold && *wait <= LONGEST_WAIT) {
                Some(wait) => {
                    first = first.min(wait);
                    held.push(queued);
                }
                None => self.note(queued, relayed).await?,
            }
        }
        let taken = Taken {
            group: held,
            lease_until_us,
        };
        Ok((!taken.group.is_empty()).then(|| PutOff {
            until: Instant::now() + first,
            taken,
        }))
    }

    /// Sends one message to recipients of one domain, here or elsewhere.
    pub(crate) async fn transmit(&self, group: &[Queued]) -> Result<Vec<Relayed>, Error> {
        // One after the other would have each wait for the disk alone.
        let mut here = Vec::with_capacity(group.len());
        for queued in group {
            here.push(self.deliver_if_local(queued).boxed());
        }
        let here = stream::iter(here).buffered(LOCAL_AT_ONCE);
        let here: Vec<_> = here.try_collect().await?;
        let others = group.iter().zip(&here).filter(|(_, here)| here.is_none());
        let others = others.map(|(queued, _)| queued.clone()).collect();
        let mut relayed = self.relayed(others).await?.into_iter();
        let outcomes = here.into_iter().map(|here| {
            let relayed = here.or_else(|| relayed.next());
            relayed.unwrap_or_else(|| Relayed::later("451 4.3.0 a fault of this server"))
        });
        Ok(outcomes.collect())
    }

    async fn relayed(&self, queued: Vec<Queued>) -> Result<Vec<Relayed>, Error> {
        let Some(first) = queued.first() else {
            return Ok(Vec::new());
        };
        match &self.relay {
            None => {
                let no_route = Relayed::later("450 4.4.4 no route configured yet");
                Ok(vec![no_route; queued.len()])
            }
            Some(relay) => {
                let bytes = self.contents.stream(first.blob).await?;
                relay.send(Outbound { queued, bytes }).await
            }
        }
    }

    /// `None`: the recipient is elsewhere.
    async fn deliver_if_local(&self, queued: &Queued) -> Result<Option<Relayed>, Error> {
        if let Some(redirect) = self.redirect(&queued.mail_from.email, &queued.recipient.email) {
            return self.send_on(queued, redirect).await.map(Some);
        }
        match self.is_local(&queued.recipient.email).await? {
            true => Ok(Some(self.deliver_queued(queued).await?)),
            false => Ok(None),
        }
    }

    /// Puts a message back into the queue for those to whom it is sent on, once.
    async fn send_on(&self, queued: &Queued, redirect: Redirect) -> Result<Relayed, Error> {
        // What its sender asked for, and of what kind the message is, holds on the next way too (RFC 3461 §5.2.7).
        let like = |like: &Path, email: String| Path {
            email,
            parameters: like.parameters.clone(),
        };
        let targets = redirect.to.into_iter();
        let envelope = Envelope {
            mail_from: like(&queued.mail_from, redirect.mail_from),
            rcpt_to: targets.map(|to| like(&queued.recipient, to)).collect(),
        };
        let recipient = Sha256::digest(queued.recipient.email.to_lowercase());
        let key = format!("on-{}-{}", queued.id, hex::encode(recipient));
        let bytes = self.contents.all(queued.blob).await?;
        self.submit_message(queued.account, envelope, bytes, Some(key))
            .await?;
        Ok(Relayed::here(Delivered::Unknown, "250 2.1.5 sent on"))
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
        let no = |smtp_reply| Relayed::here(Delivered::No, smtp_reply);
        Ok(match Box::pin(delivery).await? {
            Delivery::Delivered(_) | Delivery::Before => {
                Relayed::here(Delivered::Yes, "250 2.1.5 delivered")
            }
            Delivery::UnknownRecipient => {
                let address = &queued.recipient.email;
                match self.redirect_of_rest(&queued.mail_from.email, address) {
                    Some(redirect) => self.send_on(queued, redirect).await?,
                    None => no("550 5.1.1 there is no such address here"),
                }
            }
            Delivery::OverQuota => Relayed::later("452 4.2.2 the mailbox is full"),
            Delivery::NoMessage => no("554 5.6.0 this is no message"),
        })
    }

    /// Tells the sender where they are to be told, then notes the outcome: a crash between the two has it told again,
    /// under the same id.
    pub(crate) async fn note(&self, queued: Queued, relayed: Relayed) -> Result<(), Error> {
        let now_us = self.now_us();
        let options = &self.options.queue;
        let tried_for_us = now_us.saturating_sub(queued.since_us);
        let is_late = tried_for_us >= options.give_up_after_us;
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
        if let Some(action) = Action::of(&queued, &relayed, delivered, options, now_us) {
            self.tell_sender(&queued, &relayed, action, now_us).await?;
        }
        let wait_us = relayed.wait_us.unwrap_or(options.wait_us(tried_for_us));
        let is_later = delivered == Delivered::Queued;
        let noted = RecipientOutcome {
            tries: queued.tries,
            delivered,
            smtp_reply: relayed.smtp_reply,
            retry_us: is_later.then(|| now_us.saturating_add(wait_us)),
            now_us,
        };
        let recipient = queued.recipient.email;
        self.store
            .queue_outcome(queued.account, queued.id, recipient, noted)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::BlobKey;
    use crate::types::{BlobHash, SubmissionId};
    use concierge_identity::AccountId;
    use uuid::Uuid;

    #[test]
    fn waits_double_up_to_a_bound() {
        let options = QueueOptions::default();
        let (first_us, max_us) = (options.retry_first_us, options.retry_max_us);
        assert_eq!(options.wait_us(0), first_us);
        let mut tried_for_us = 0;
        let mut waits = Vec::new();
        for _ in 0..12 {
            let wait_us = options.wait_us(tried_for_us);
            tried_for_us += wait_us;
            waits.push(wait_us);
        }
        assert_eq!(waits[..4], [first_us, first_us, 2 * first_us, 4 * first_us]);
        assert_eq!(waits[11], max_us);
        let odd = QueueOptions {
            retry_max_us: first_us / 2,
            ..options
        };
        assert_eq!(odd.wait_us(first_us), first_us / 2);
    }

    #[test]
    fn recipients_of_one_domain_go_together() {
        let (one, two) = (SubmissionId::generate(), SubmissionId::generate());
        let queued = |id, recipient: &str| Queued {
            account: AccountId(Uuid::nil()),
            id,
            category: 0,
            mail_from: path("ann@example.org"),
            recipient: path(recipient),
            blob: BlobKey {
                shard: 0,
                hash: BlobHash([0; 32]),
                generation: 0,
            },
            tries: 1,
            since_us: 0,
        };
        let many =
            (0..=RECIPIENTS_AT_ONCE).map(|number| queued(two, &format!("{number}@c.example")));
        let taken = [
            queued(one, "a@b.example"),
            queued(one, "a@c.example"),
            queued(one, "b@B.example"),
        ];
        let groups = grouped(taken.into_iter().chain(many).collect());
        let sizes: Vec<_> = groups.iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 1, RECIPIENTS_AT_ONCE, 1]);
        assert_eq!(groups[0][1].recipient.email, "b@B.example");
    }

    fn path(email: &str) -> Path {
        Path {
            email: email.to_owned(),
            parameters: Vec::new(),
        }
    }
}
