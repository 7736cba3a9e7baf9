//! The store in SQLite files: so far its accounts ([`AccountStore`](super::AccountStore)) and push subscriptions
//! ([`PushStore`](super::PushStore)).
//!
//! Files: `lock` (held while open), `directory.db`, `shard-NNN.db`. Each has one writing thread, which commits what is
//! waiting in groups (`concierge_sqlite`), and a pool of reading connections. Point lookups run on the caller's thread:
//! they take some microseconds, of which a hop to another thread and back would be several times as much.

mod accounts;
mod log;
mod open;
mod pushes;
mod schema;
#[cfg(test)]
mod tests;

use std::fs::File;

use concierge_identity::AccountId;
use concierge_sqlite::{Readers, in_snapshot};
use rusqlite::Connection;

pub use open::{DEFAULT_SHARDS, OpenError, SHARDS_MAX};

use crate::error::Error;

type Failure = concierge_sqlite::Failure<Error>;
type Writer = concierge_sqlite::Writer<Error>;

/// One file with its writer and its readers.
struct Database {
    writer: Writer,
    readers: Readers,
}

impl Database {
    /// Reads in one snapshot on this thread; for what takes microseconds.
    fn read<T>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        self.readers
            .with(|connection| in_snapshot(connection, read))
            .map_err(|failure| failure.into_error(operation))
    }
}

/// The store in SQLite files. See the module.
pub struct SqliteStore {
    directory: Database,
    shards: Vec<Database>,
    /// Held while the store is open.
    _lock: File,
}

impl SqliteStore {
    #[expect(
        clippy::indexing_slicing,
        reason = "a remainder of the length is within it"
    )]
    fn shard(&self, account: AccountId) -> &Database {
        // The random part of a UUIDv7 (RFC 9562 §5.7).
        let (_, low) = account.0.as_u64_pair();
        &self.shards[(low % self.shards.len() as u64) as usize]
    }
}
