//! Connections: how they are set, and the pool of those that read.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// Page cache of a writing connection, KiB: the inner pages of a big shard and
/// the leaves of a batch fit.
const WRITER_CACHE_KIB: i64 = 64 << 10;

/// Page cache of a reading connection, KiB. A commit empties it (SQLite drops a
/// reader's cache when the WAL has moved on), so more would not help.
const READER_CACHE_KIB: i64 = 4 << 10;

/// WAL pages before a checkpoint: 32 MiB. Each checkpoint syncs the database
/// once for all pages that changed meanwhile, so larger is fewer syncs, and
/// more WAL to replay after a crash.
const CHECKPOINT_PAGES: i64 = 8192;

/// The WAL file is cut to this size after a checkpoint, bytes.
const WAL_KEPT_BYTES: i64 = 64 << 20;

/// How long a connection waits for a lock. Only checkpoints and recovery take
/// locks that another connection could wait for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Prepared statements kept by a connection; above the number there are.
const STATEMENTS_KEPT: usize = 128;

/// Idle reading connections kept for a file. Beyond, one is closed after use;
/// as many readers at once are rare, since a point lookup takes microseconds.
const READERS_KEPT: usize = 16;

/// Opens the one writing connection of a file.
pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: every commit syncs the WAL (https://sqlite.org/pragma.html#pragma_synchronous);
    // with NORMAL a power cut loses what was acknowledged.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT_BYTES)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    // Keeps the savepoints' journal of page images in memory.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    keep_statements(&connection)?;
    Ok(connection)
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    keep_statements(&connection)?;
    Ok(connection)
}

/// Statements are compiled once. Without the planner's stability guarantee SQLite looks at what is bound to many of them,
/// and compiles them anew each time that something else is (<https://sqlite.org/queryplanner-ng.html>, section 5.1).
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// The reading connections of one file.
#[derive(Debug)]
pub struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// The readers of a file, which the writer has opened before.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::default(),
        }
    }

    /// Lends a connection. The most recently used comes first: its cache is the
    /// warmest.
    pub fn with<T, E: From<rusqlite::Error>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let connection = match self.lock().pop() {
            Some(connection) => connection,
            None => open_reader(&self.path)?,
        };
        let result = read(&connection);
        // A connection that stands in a transaction would hold the WAL.
        if connection.is_autocommit() {
            let mut idle = self.lock();
            if idle.len() < READERS_KEPT {
                idle.push(connection);
            }
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs reads that must see one state in one transaction, which ends with them.
pub fn in_snapshot<T, E: From<rusqlite::Error>>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = connection.unchecked_transaction()?;
    let result = read(&transaction);
    transaction.finish()?;
    result
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    /// Such statements were compiled at every use: SQLite looks at numbers that are bound to a limit, or compared with a
    /// column that no index has.
    #[test]
    fn a_statement_is_compiled_once_whatever_is_bound_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let writer = open_writer(&path).unwrap();
        writer
            .execute_batch("CREATE TABLE t (a INTEGER, b INTEGER); INSERT INTO t VALUES (1, 2)")
            .unwrap();
        let readers = Readers::new(path);
        let compiled = |connection: &Connection| {
            let sql = "SELECT b FROM t WHERE a = ?1 LIMIT ?2";
            let mut select = connection.prepare(sql).unwrap();
            for bound in 1..5 {
                let mut rows = select.query([bound, bound]).unwrap();
                assert_eq!(rows.next().unwrap().is_some(), bound == 1);
            }
            select.get_status(StatementStatus::RePrepare)
        };
        assert_eq!(compiled(&writer), 0);
        let of_reader = readers.with(|reader| Ok::<_, rusqlite::Error>(compiled(reader)));
        assert_eq!(of_reader.unwrap(), 0);
        writer
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, false)
            .unwrap();
        assert!(compiled(&writer) > 0, "else this test shows nothing");
    }
}
