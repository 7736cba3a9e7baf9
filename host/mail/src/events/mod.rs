//! Being told of changes (RFC 8620 §7): to whoever listens, and to where subscriptions push.
//!
//! One task reads what the store tells and hands each change to the listeners of its account. A listener has
//! [`WAITING_MAX`] changes waiting at most: one that does not read is let go, and learns what it missed when it comes
//! back with the id of the last event that it saw.

mod listener;
mod told;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use concierge_identity::AccountId;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};

pub(crate) use listener::Listener;
pub(crate) use told::{States, state_change, verification};

use crate::background::lock;
use crate::error::Error;
use crate::store::StateChange;

/// Changes that wait for a listener. A change is told within milliseconds; who has so many waiting does not read.
const WAITING_MAX: usize = 32;
/// Listeners at once.
const LISTENERS_MAX: usize = 20_000;
/// Of one principal: browsers and programs, several tabs each.
const LISTENERS_PER_PRINCIPAL_MAX: usize = 100;
/// When who was told that there are too many may come again, seconds.
const AGAIN_S: u32 = 60;

/// What a listener is told.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// These states changed.
    Changed(Arc<StateChange>),
    /// Some changes were missed: the states are to be read.
    Missed,
}

/// Who listens.
#[derive(Default)]
pub(crate) struct Hub {
    listeners: Mutex<Listeners>,
    next: AtomicU64,
}

#[derive(Default)]
struct Listeners {
    ended: bool,
    all: HashMap<u64, Member>,
    by_account: HashMap<AccountId, Vec<u64>>,
    by_principal: HashMap<AccountId, usize>,
}

struct Member {
    principal: AccountId,
    accounts: Vec<AccountId>,
    events: mpsc::Sender<Event>,
}

/// A place among the listeners, given back when it is dropped.
pub(crate) struct Seat {
    hub: Arc<Hub>,
    number: u64,
    events: mpsc::Receiver<Event>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.hub.listeners).remove(self.number);
    }
}

impl Hub {
    /// Takes a place among the listeners of accounts.
    pub(crate) fn seat(
        self: &Arc<Self>,
        principal: AccountId,
        accounts: Vec<AccountId>,
    ) -> Result<Seat, Error> {
        let (sender, events) = mpsc::channel(WAITING_MAX);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut listeners = lock(&self.listeners);
        if listeners.ended {
            return Err(Error::Unavailable);
        }
        let own = listeners.by_principal.get(&principal).copied().unwrap_or(0);
        if listeners.all.len() >= LISTENERS_MAX || own >= LISTENERS_PER_PRINCIPAL_MAX {
            return Err(Error::SlowDown(AGAIN_S));
        }
        *listeners.by_principal.entry(principal).or_default() += 1;
        for account in &accounts {
            listeners
                .by_account
                .entry(*account)
                .or_default()
                .push(number);
        }
        let member = Member {
            principal,
            accounts,
            events: sender,
        };
        listeners.all.insert(number, member);
        metrics::gauge!("concierge_mail_listeners").set(listeners.all.len() as f64);
        let hub = Arc::clone(self);
        Ok(Seat {
            hub,
            number,
            events,
        })
    }

    /// Lets all listeners go, and takes no more.
    pub(crate) fn end(&self) {
        let mut listeners = lock(&self.listeners);
        *listeners = Listeners {
            ended: true,
            ..Listeners::default()
        };
    }

    fn tell(&self, change: &Arc<StateChange>) {
        let mut listeners = lock(&self.listeners);
        let told = listeners.by_account.get(&change.account).cloned();
        for number in told.unwrap_or_default() {
            listeners.tell(number, Event::Changed(Arc::clone(change)));
        }
    }

    fn tell_all(&self) {
        let mut listeners = lock(&self.listeners);
        let all: Vec<u64> = listeners.all.keys().copied().collect();
        for number in all {
            listeners.tell(number, Event::Missed);
        }
    }

    /// Hands on what the store tells, until it is closed; `changed` is given each change too.
    pub(crate) async fn run(
        &self,
        mut changes: broadcast::Receiver<Arc<StateChange>>,
        mut changed: impl FnMut(&StateChange),
    ) {
        loop {
            match changes.recv().await {
                Ok(change) => {
                    self.tell(&change);
                    changed(&change);
                }
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "changes were not told one by one");
                    self.tell_all();
                }
                Err(RecvError::Closed) => return,
            }
        }
    }
}

impl Listeners {
    fn tell(&mut self, number: u64, event: Event) {
        let full = self
            .all
            .get(&number)
            .is_some_and(|member| member.events.try_send(event).is_err());
        if full {
            metrics::counter!("concierge_mail_listeners_dropped_total").increment(1);
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(member) = self.all.remove(&number) else {
            return;
        };
        for account in member.accounts {
            if let Some(numbers) = self.by_account.get_mut(&account) {
                numbers.retain(|other| *other != number);
                if numbers.is_empty() {
                    self.by_account.remove(&account);
                }
            }
        }
        if let Some(count) = self.by_principal.get_mut(&member.principal) {
            *count -= 1;
            if *count == 0 {
                self.by_principal.remove(&member.principal);
            }
        }
        metrics::gauge!("concierge_mail_listeners").set(self.all.len() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::DataType;

    fn change(account: AccountId) -> Arc<StateChange> {
        Arc::new(StateChange {
            account,
            states: vec![(DataType::Email, 1)],
        })
    }

    #[test]
    fn listeners_are_told_of_their_accounts_alone() {
        let hub = Arc::new(Hub::default());
        let (ann, bob) = (AccountId::generate(), AccountId::generate());
        let mut seat = hub.seat(ann, vec![ann]).unwrap();
        hub.tell(&change(bob));
        assert!(seat.events.try_recv().is_err());
        hub.tell(&change(ann));
        assert!(matches!(seat.events.try_recv(), Ok(Event::Changed(_))));
        drop(seat);
        let listeners = lock(&hub.listeners);
        assert!(listeners.all.is_empty() && listeners.by_account.is_empty());
        assert!(listeners.by_principal.is_empty());
    }

    #[test]
    fn who_does_not_read_is_let_go() {
        let hub = Arc::new(Hub::default());
        let ann = AccountId::generate();
        let mut slow = hub.seat(ann, vec![ann]).unwrap();
        for _ in 0..=WAITING_MAX {
            hub.tell(&change(ann));
        }
        for _ in 0..WAITING_MAX {
            assert!(slow.events.try_recv().is_ok());
        }
        let end = slow.events.try_recv().unwrap_err();
        assert_eq!(end, mpsc::error::TryRecvError::Disconnected);
    }

    #[test]
    fn there_are_not_too_many_and_none_after_the_end() {
        let hub = Arc::new(Hub::default());
        let (ann, bob) = (AccountId::generate(), AccountId::generate());
        let seats: Vec<_> = (0..LISTENERS_PER_PRINCIPAL_MAX)
            .map(|_| hub.seat(ann, vec![ann]).unwrap())
            .collect();
        assert_eq!(
            hub.seat(ann, vec![ann]).err(),
            Some(Error::SlowDown(AGAIN_S))
        );
        let mut other = hub.seat(bob, vec![bob]).unwrap();
        hub.end();
        let end = other.events.try_recv().unwrap_err();
        assert_eq!(end, mpsc::error::TryRecvError::Disconnected);
        drop(seats);
        assert_eq!(hub.seat(bob, vec![bob]).err(), Some(Error::Unavailable));
    }
}
