//! The store in SQLite files: so far its accounts ([`AccountStore`](super::AccountStore)), what is sent
//! ([`SendingStore`](super::SendingStore)) and push subscriptions ([`PushStore`](super::PushStore)).
//!
//! Files: `lock` (held while open), `directory.db`, `shard-NNN.db`. Each has one writing thread, which commits what is
//! waiting in groups (`concierge_sqlite`), and a pool of reading connections. Point lookups run on the caller's thread:
//! they take some microseconds, of which a hop to another thread and back would be several times as much.

mod accounts;
mod documents;
mod log;
mod open;
mod pushes;
mod schema;
mod sending;
#[cfg(test)]
mod tests;
mod upkeep;

use std::fs::File;

use concierge_identity::AccountId;
use concierge_sqlite::{Readers, WriteTx, in_snapshot};
use rusqlite::Connection;

pub use open::{DEFAULT_SHARDS, OpenError, SHARDS_MAX};

use crate::error::Error;
use crate::store::Answer;

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

    /// Reads of one account, by its number, in one snapshot on the caller's thread.
    fn read_account<'a, T: Send + 'a>(
        &'a self,
        operation: &'static str,
        account: AccountId,
        read: impl FnOnce(&Connection, u64) -> Result<T, Failure> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let database = self.shard(account);
            database.read(operation, |c| read(c, accounts::number(c, account)?))
        })
    }

    /// Writes to one account, by its number.
    fn write_account<T: Send + 'static>(
        &self,
        operation: &'static str,
        account: AccountId,
        work: impl FnOnce(&WriteTx<'_>, u64) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<'_, T> {
        let work = move |tx: &WriteTx<'_>| work(tx, accounts::number(tx, account)?);
        Box::pin(self.shard(account).writer.write(operation, work))
    }
}
