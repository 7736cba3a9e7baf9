//! Telling push subscriptions (RFC 8620 §7.2).
//!
//! What is to be told waits in memory: for each subscription the newest states, however many changes made them. After a
//! crash it is not told; the next change tells the states then, and a client asks when it starts.

use std::collections::{BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use concierge_identity::AccountId;
use futures::{StreamExt, stream};
use tokio::time::Instant;

use super::{PAUSE, lock};
use crate::error::Error;
use crate::events::{States, state_change, verification};
use crate::service::Mail;
use crate::store::{KeptPush, StateChange};
use crate::types::{DataType, PushId, StateNumber};

/// How long an answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How often something is tried to be told.
const TRIES_MAX: u32 = 6;
/// How long after the first try is tried again; doubled with each.
const RETRY_FIRST: Duration = Duration::from_secs(2);
/// Subscriptions told at once.
const AT_ONCE: usize = 16;
/// Subscriptions that wait, at most: more are those of targets that do not answer.
const WAITING_MAX: usize = 10_000;

/// What is sent to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushRequest {
    /// Where to.
    pub url: String,
    /// P-256 public key and authentication secret (RFC 8291), base64url: the sender encrypts for them.
    pub keys: Option<(String, String)>,
    /// JSON.
    pub body: String,
    /// How long a push service keeps it for a device that is away, seconds (RFC 8030 §5.2).
    pub ttl_s: u32,
}

/// Why a target was not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushFailure {
    /// It does not want to be told any more (RFC 8030 §7.3: 404 or 410), or may not be.
    Gone(String),
    /// Not now.
    Later(String),
}

/// What a [`PushSender`] gives.
pub type Pushed<'a> = Pin<Box<dyn Future<Output = Result<(), PushFailure>> + Send + 'a>>;

/// Posts to push targets. Addresses that are not public are refused, unless configured.
pub trait PushSender: Send + Sync {
    /// Posts. Good is an answer of 2xx.
    fn post(&self, request: PushRequest) -> Pushed<'_>;
}

/// How long a push service keeps what is told: the states of yesterday say as much as a client's next look.
const TTL_S: u32 = 86_400;

/// What is to be told.
#[derive(Default)]
pub(crate) struct PushOutbox {
    /// States that changed, of accounts whose subscriptions are not looked up yet.
    changed: Mutex<HashMap<AccountId, HashMap<DataType, StateNumber>>>,
    waiting: Mutex<HashMap<PushId, Waiting>>,
}

#[derive(Clone)]
struct Waiting {
    kept: KeptPush,
    states: States,
    /// The target is to confirm first.
    is_verification: bool,
    tries: u32,
    due: Instant,
}

impl PushOutbox {
    /// Notes a change.
    pub(crate) fn changed(&self, change: &StateChange) {
        let mut changed = lock(&self.changed);
        changed
            .entry(change.account)
            .or_default()
            .extend(change.states.iter().copied());
    }

    /// Has a new subscription's target asked to confirm it.
    pub(crate) fn verify(&self, kept: KeptPush) {
        self.add(kept, true, &States::default());
    }

    /// Adds to what waits for a subscription.
    fn add(&self, kept: KeptPush, is_verification: bool, states: &States) {
        let mut waiting = lock(&self.waiting);
        let is_new = !waiting.contains_key(&kept.push.id);
        if is_new && waiting.len() >= WAITING_MAX {
            metrics::counter!("concierge_mail_pushes_total", "outcome" => "dropped").increment(1);
            return;
        }
        let one = waiting.entry(kept.push.id).or_insert_with(|| Waiting {
            kept,
            states: States::default(),
            is_verification,
            tries: 0,
            due: Instant::now(),
        });
        // Who is to be told of states has confirmed.
        one.is_verification = is_verification;
        one.states.merge(states);
    }

    /// Takes what is due.
    fn due(&self) -> Vec<Waiting> {
        let now = Instant::now();
        let mut waiting = lock(&self.waiting);
        let due = waiting.extract_if(|_, one| one.due <= now);
        due.map(|(_, one)| one).collect()
    }

    fn again(&self, mut one: Waiting) {
        one.tries += 1;
        if one.tries >= TRIES_MAX {
            return;
        }
        one.due = Instant::now() + wait(one.tries);
        let mut waiting = lock(&self.waiting);
        match waiting.get_mut(&one.kept.push.id) {
            // There is something newer, which is tried as late.
            Some(newer) => {
                let mut states = one.states;
                states.merge(&newer.states);
                newer.states = states;
                newer.tries = one.tries;
                newer.due = one.due;
            }
            None => {
                waiting.insert(one.kept.push.id, one);
            }
        }
    }

    fn next_due(&self) -> Option<Instant> {
        lock(&self.waiting).values().map(|one| one.due).min()
    }
}

/// How long is waited after so many tries.
fn wait(tries: u32) -> Duration {
    RETRY_FIRST * (1 << tries.saturating_sub(1).min(16))
}

pub(super) async fn run(mail: Arc<Mail>, sender: Arc<dyn PushSender>) {
    loop {
        let rings = mail.bells.pushes.notified();
        if let Err(error) = mail.look_up_pushes().await {
            tracing::warn!(%error, "push subscriptions");
            tokio::time::sleep(PAUSE).await;
        }
        mail.push_due(sender.as_ref()).await;
        let next_due = mail.outbox.next_due();
        tokio::select! {
            () = until(next_due) => {}
            () = rings => {}
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl Mail {
    /// Finds the subscriptions that are to be told of what changed.
    pub(crate) async fn look_up_pushes(&self) -> Result<(), Error> {
        let changed = std::mem::take(&mut *lock(&self.outbox.changed));
        let now_us = self.now_us();
        for (account, states) in changed {
            let states: BTreeSet<_> = states.into_iter().collect();
            let states: Vec<_> = states.into_iter().collect();
            for kept in self.store.pushes_to_tell(account).await? {
                let mut told = States::default();
                told.note(account, &states, &kept.push.types);
                let is_wanted =
                    kept.push.verification_code.is_some() && kept.push.expires_us > now_us;
                if is_wanted && !told.is_empty() {
                    self.outbox.add(kept, false, &told);
                }
            }
        }
        Ok(())
    }

    /// Tells what is due.
    pub(crate) async fn push_due(&self, sender: &dyn PushSender) {
        let due = self.outbox.due();
        stream::iter(due)
            .for_each_concurrent(AT_ONCE, |one| self.push(sender, one))
            .await;
    }

    async fn push(&self, sender: &dyn PushSender, one: Waiting) {
        let kept = &one.kept;
        let request = PushRequest {
            url: kept.push.url.clone(),
            keys: kept.push.keys.clone(),
            body: match one.is_verification {
                true => verification(kept.push.id, &kept.code),
                false => state_change(&one.states),
            },
            ttl_s: TTL_S,
        };
        let posted = tokio::time::timeout(ANSWER_WITHIN, sender.post(request)).await;
        let late = || PushFailure::Later("it did not answer in time".to_owned());
        let outcome = match posted.unwrap_or_else(|_| Err(late())) {
            Ok(()) => "done",
            Err(PushFailure::Gone(why)) => {
                tracing::info!(push = %kept.push.id, why, "a push subscription ends");
                if let Err(error) = self.forget_push(kept).await {
                    tracing::warn!(%error, "ending a push subscription");
                }
                "gone"
            }
            Err(PushFailure::Later(why)) => {
                tracing::debug!(push = %kept.push.id, why, "a push target was not told");
                self.outbox.again(one);
                "failed"
            }
        };
        metrics::counter!("concierge_mail_pushes_total", "outcome" => outcome).increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_the_first() {
        assert_eq!(wait(1), RETRY_FIRST);
        assert_eq!(wait(2), 2 * RETRY_FIRST);
        let all: Duration = (1..TRIES_MAX).map(wait).sum();
        assert_eq!(all, Duration::from_secs(62));
    }
}
