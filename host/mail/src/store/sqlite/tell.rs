//! Telling of new states, once they are durable.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use concierge_identity::AccountId;
use concierge_sqlite::Readers;
use rusqlite::Connection;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::log;
use crate::store::StateChange;
use crate::types::{DataType, StateNumber};

/// Tells subscribers which states of a shard are new after each of its commits. It reads them from the file: what was
/// undone is not there, and what is there is durable.
pub(super) struct Teller {
    readers: Arc<Readers>,
    told: broadcast::Sender<Arc<StateChange>>,
    /// The newest number that was told or was there before.
    last: AtomicU64,
}

impl Teller {
    pub(super) fn new(readers: Arc<Readers>, told: broadcast::Sender<Arc<StateChange>>) -> Self {
        Self {
            readers,
            told,
            last: AtomicU64::new(0),
        }
    }

    /// Tells nothing of what is there already. To be called before anything is written.
    pub(super) fn begin(&self) -> rusqlite::Result<()> {
        let last = self.readers.with(|connection| {
            connection.query_row("SELECT last FROM sequence", [], |row| row.get(0))
        })?;
        self.last.store(last, Ordering::Release);
        Ok(())
    }

    /// Tells what is new. Called by the writing thread alone.
    pub(super) fn tell(&self) {
        let last = self.last.load(Ordering::Acquire);
        match self.readers.with(|connection| new_states(connection, last)) {
            Ok(changes) => {
                for (account, states) in changes {
                    let newest = states.iter().map(|(_, number)| *number).max();
                    self.last.fetch_max(newest.unwrap_or(0), Ordering::AcqRel);
                    // That nobody listens is no failure.
                    let _ = self.told.send(Arc::new(StateChange { account, states }));
                }
            }
            // They are told after the next commit.
            Err(error) => tracing::error!(%error, "new states cannot be read"),
        }
    }
}

type States = BTreeMap<AccountId, Vec<(DataType, StateNumber)>>;

fn new_states(connection: &Connection, after: u64) -> rusqlite::Result<States> {
    let mut select = connection.prepare_cached(
        "SELECT account.id, state.type, state.number
         FROM state JOIN account ON account.number = state.account
         WHERE state.number > ?1 ORDER BY state.number",
    )?;
    let mut rows = select.query([after])?;
    let mut states = States::new();
    while let Some(row) = rows.next()? {
        let account = AccountId(Uuid::from_bytes(row.get(0)?));
        if let Some(data_type) = log::type_of_number(row.get(1)?) {
            let of_account = states.entry(account).or_default();
            of_account.push((data_type, row.get(2)?));
        }
    }
    Ok(states)
}
