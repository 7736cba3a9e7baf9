//! A listener: the event stream of one client (RFC 8620 §7.3).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use concierge_identity::AccountId;
use futures::{StreamExt, stream};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::told::{States, ping_event, state_event};
use super::{Event, Seat};
use crate::error::Error;
use crate::store::Store;
use crate::types::calls::ByteStream;
use crate::types::calls::events::Subscription;

/// Seconds between pings that a client can have: fewer would cost more than they give, more is closed by proxies.
const PING_S: std::ops::RangeInclusive<u32> = 30..=900;

/// What follows changes for a client.
pub(crate) struct Listener {
    store: Arc<dyn Store>,
    principal: AccountId,
    subscription: Subscription,
    seat: Seat,
    /// What the client knows once it has read all that was sent.
    known: States,
}

impl Listener {
    /// Takes a place first and reads the states then, so that no change falls between.
    pub(crate) async fn open(
        store: Arc<dyn Store>,
        principal: AccountId,
        subscription: Subscription,
        seat: Seat,
        accounts: &[AccountId],
    ) -> Result<ByteStream, Error> {
        let mut listener = Self {
            store,
            principal,
            subscription,
            seat,
            known: States::default(),
        };
        for account in accounts {
            listener.read(*account).await?;
        }
        Ok(listener.stream())
    }

    async fn read(&mut self, account: AccountId) -> Result<(), Error> {
        let states = self.store.states(account).await?;
        self.known.note(account, &states, &self.subscription.types);
        Ok(())
    }

    fn stream(self) -> ByteStream {
        let last = &self.subscription.last_event;
        let has_missed = !last.is_empty() && *last != self.known.event_id();
        // An event stream begins with something, so that proxies pass its head on.
        let first = match has_missed {
            true => state_event(&self.known, &self.known.event_id()),
            false => format!(": listening\nid: {}\n\n", self.known.event_id()),
        };
        let is_over = has_missed && self.subscription.close_after_state;
        let ping_s = match self.subscription.ping_s {
            0 => None,
            seconds => Some(seconds.clamp(*PING_S.start(), *PING_S.end())),
        };
        let first = stream::iter([Ok(Bytes::from(first))]);
        if is_over {
            return first.boxed();
        }
        let pings = ping_s.map(|seconds| {
            let every = Duration::from_secs(seconds.into());
            let mut ticks = interval_at(Instant::now() + every, every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            (ticks, seconds)
        });
        let events = stream::unfold((self, pings, false), async |(mut it, mut pings, over)| {
            if over {
                return None;
            }
            loop {
                let ping = async {
                    match &mut pings {
                        Some((ticks, seconds)) => {
                            ticks.tick().await;
                            ping_event(*seconds)
                        }
                        None => std::future::pending().await,
                    }
                };
                // Only what loses nothing when it is given up waits here.
                let event = tokio::select! {
                    event = it.seat.events.recv() => event?,
                    text = ping => return Some((Ok(Bytes::from(text)), (it, pings, false))),
                };
                if let Some(text) = it.told(event).await.ok()? {
                    let over = it.subscription.close_after_state;
                    return Some((Ok(Bytes::from(text)), (it, pings, over)));
                }
            }
        });
        first.chain(events).boxed()
    }

    /// The event that tells of a change and of what came with it; `None`: nothing that the client wants to know. On an
    /// error the stream ends, and the client comes again.
    async fn told(&mut self, event: Event) -> Result<Option<String>, Error> {
        let mut changed = States::default();
        self.take(event, &mut changed).await?;
        while let Ok(event) = self.seat.events.try_recv() {
            self.take(event, &mut changed).await?;
        }
        self.known.merge(&changed);
        let event = || state_event(&changed, &self.known.event_id());
        Ok((!changed.is_empty()).then(event))
    }

    async fn take(&mut self, event: Event, changed: &mut States) -> Result<(), Error> {
        let types = &self.subscription.types;
        match event {
            Event::Changed(change) => {
                let account = change.account;
                // It may not be the principal's to see any more.
                match self.store.access(self.principal, account).await? {
                    Some(_) => changed.note(account, &change.states, types),
                    None => self.known.forget(account),
                }
            }
            Event::Missed => {
                for account in self.store.accounts_of(self.principal).await? {
                    let states = self.store.states(account.id).await?;
                    changed.note(account.id, &states, types);
                }
            }
        }
        Ok(())
    }
}
