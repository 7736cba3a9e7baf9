//! How old tables become new ones: every file records its schema version in `PRAGMA user_version`.

use rusqlite::Connection;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Written by a newer program.
    #[error("written by a newer version of this program (schema {found}, known up to {known})")]
    TooNew {
        /// Version of the file.
        found: u32,
        /// Newest version this program knows.
        known: u32,
    },
    /// SQLite failed.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// Brings a file to the newest schema, each step in a transaction of its own. The first step makes the tables; released
/// steps never change.
///
/// # Errors
/// [`SchemaError::TooNew`] for a file with more steps than these.
pub fn migrate(connection: &mut Connection, steps: &[impl AsRef<str>]) -> Result<(), SchemaError> {
    let known = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(SchemaError::TooNew { found, known });
    }
    for (step, version) in steps.iter().zip(1..).skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step.as_ref())?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_twice_changes_nothing_and_a_newer_file_is_refused() {
        let steps = ["CREATE TABLE a (x)", "CREATE TABLE b (x)"];
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &steps[..1]).unwrap();
        migrate(&mut connection, &steps).unwrap();
        migrate(&mut connection, &steps).unwrap();
        connection.execute("INSERT INTO b VALUES (1)", []).unwrap();
        assert!(matches!(
            migrate(&mut connection, &steps[..1]),
            Err(SchemaError::TooNew { found: 2, known: 1 })
        ));
    }
}
