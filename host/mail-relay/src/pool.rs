//! Connections that are kept for the next message.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use concierge_smtp::client::Client;

use crate::options::PoolOptions;
use crate::way::Security;

/// Connections that are as good as each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) source: Option<IpAddr>,
    /// Who we are to it.
    pub(crate) user: Option<String>,
}

/// A connection and how many messages went over it.
pub(crate) struct Pooled {
    pub(crate) client: Client,
    pub(crate) messages: u32,
}

struct Idle {
    pooled: Pooled,
    since: Instant,
}

#[derive(Default)]
struct State {
    idle: HashMap<Key, Vec<Idle>>,
    count: usize,
    /// Somebody looks after those that wait too long.
    is_swept: bool,
}

/// Connections that wait.
pub(crate) struct Pool {
    options: PoolOptions,
    state: Mutex<State>,
}

impl Pool {
    pub(crate) fn new(options: PoolOptions) -> Arc<Self> {
        Arc::new(Self {
            options,
            state: Mutex::default(),
        })
    }

    /// The one that waits for the shortest time: most likely it is still open.
    pub(crate) fn take(&self, key: &Key) -> Option<Pooled> {
        let mut state = self.state();
        let of_key = state.idle.get_mut(key)?;
        let idle = of_key.pop()?;
        if of_key.is_empty() {
            state.idle.remove(key);
        }
        state.count = state.count.saturating_sub(1);
        (idle.since.elapsed() < self.options.idle).then_some(idle.pooled)
    }

    /// Keeps one, if it is of use and there is room; else leaves the server politely.
    pub(crate) fn put(self: &Arc<Self>, key: Key, pooled: Pooled) {
        if !pooled.client.is_usable() {
            return;
        }
        let mut state = self.state();
        let is_full = state.count >= self.options.connections;
        if is_full || pooled.messages >= self.options.messages {
            drop(state);
            tokio::spawn(pooled.client.quit());
            return;
        }
        let since = Instant::now();
        state
            .idle
            .entry(key)
            .or_default()
            .push(Idle { pooled, since });
        state.count += 1;
        if !state.is_swept {
            state.is_swept = true;
            tokio::spawn(sweep(Arc::downgrade(self), self.options));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes those that waited too long; whether others wait still.
    fn expired(&self) -> (Vec<Client>, bool) {
        let mut state = self.state();
        let mut expired = Vec::new();
        for of_key in state.idle.values_mut() {
            // In the order in which they came.
            let fresh = of_key.partition_point(|idle| idle.since.elapsed() >= self.options.idle);
            expired.extend(of_key.drain(..fresh).map(|idle| idle.pooled.client));
        }
        state.idle.retain(|_, of_key| !of_key.is_empty());
        state.count = state.idle.values().map(Vec::len).sum();
        state.is_swept = state.count > 0;
        (expired, state.is_swept)
    }
}

/// Leaves servers that are not needed, until there are none.
async fn sweep(pool: Weak<Pool>, options: PoolOptions) {
    loop {
        tokio::time::sleep(options.idle / 2).await;
        let Some(pool) = pool.upgrade() else {
            return;
        };
        let (expired, others_wait) = pool.expired();
        drop(pool);
        futures::future::join_all(expired.into_iter().map(Client::quit)).await;
        if !others_wait {
            return;
        }
    }
}
