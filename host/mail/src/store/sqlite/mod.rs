//! The store in SQLite files.
//!
//! Files: `lock` (held while open), `directory.db`, `shard-NNN.db`. Each has one writing thread, which commits what is
//! waiting in groups (`concierge_sqlite`), and a pool of reading connections. Point lookups run on the caller's thread:
//! they take some microseconds, of which a hop to another thread and back would be several times as much.

mod accounts;
mod blobs;
mod documents;
mod emails;
mod log;
mod open;
mod pushes;
mod schema;
mod sending;
mod tell;
#[cfg(test)]
mod tests;
mod upkeep;

use std::fs::File;
use std::sync::Arc;

use concierge_identity::AccountId;
use concierge_sqlite::{Readers, WriteTx, in_snapshot};
use rusqlite::Connection;
use tokio::sync::broadcast;

pub use open::{DEFAULT_SHARDS, OpenError, SHARDS_MAX};

use crate::error::Error;
use crate::store::{Answer, StateChange};

type Failure = concierge_sqlite::Failure<Error>;
type Writer = concierge_sqlite::Writer<Error>;

/// One file with its writer and its readers.
struct Database {
    writer: Writer,
    readers: Arc<Readers>,
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

    /// Reads on the blocking pool; for what may take long.
    async fn read_long<T: Send + 'static>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let readers = Arc::clone(&self.readers);
        let read = tokio::task::spawn_blocking(move || {
            readers
                .with(|connection| in_snapshot(connection, read))
                .map_err(|failure: Failure| failure.into_error(operation))
        });
        read.await.unwrap_or(Err(Error::Internal))
    }
}

/// The store in SQLite files. See the module.
pub struct SqliteStore {
    directory: Database,
    shards: Vec<Database>,
    told: broadcast::Sender<Arc<StateChange>>,
    /// Held while the store is open.
    _lock: File,
}

impl SqliteStore {
    fn shard_number(&self, account: AccountId) -> u16 {
        // The random part of a UUIDv7 (RFC 9562 §5.7).
        let (_, low) = account.0.as_u64_pair();
        (low % self.shards.len() as u64) as u16
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a remainder of the length is within it"
    )]
    fn shard(&self, account: AccountId) -> &Database {
        &self.shards[usize::from(self.shard_number(account))]
    }

    /// Reads what is an account's on this thread; for what takes microseconds.
    fn read_account<'a, T: Send + 'a>(
        &'a self,
        operation: &'static str,
        account: AccountId,
        read: impl FnOnce(&Connection, u64) -> Result<T, Failure> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            self.shard(account)
                .read(operation, |c| read(c, accounts::number(c, account)?))
        })
    }

    /// Reads what is an account's on the blocking pool.
    fn read_account_long<T: Send + 'static>(
        &self,
        operation: &'static str,
        account: AccountId,
        read: impl FnOnce(&Connection, u64) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<'_, T> {
        let read = move |c: &Connection| read(c, accounts::number(c, account)?);
        Box::pin(self.shard(account).read_long(operation, read))
    }

    /// Changes what is an account's.
    fn write_account<T: Send + 'static>(
        &self,
        operation: &'static str,
        account: AccountId,
        write: impl FnOnce(&WriteTx<'_>, u64) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<'_, T> {
        let write = move |tx: &WriteTx<'_>| write(tx, accounts::number(tx, account)?);
        Box::pin(self.shard(account).writer.write(operation, write))
    }
}
