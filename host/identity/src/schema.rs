//! The tables of the identity, and how older ones become these.
//!
//! | layout | what came with it |
//! | --- | --- |
//! | 1 | accounts and access keys |
//! | 2 | the role `staff`, passwords, application passwords |
//!
//! A database of an older layout is brought to this one in one transaction: it
//! is whole in the old layout or whole in the new one.

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// The version of the tables, in SQLite's `user_version`.
pub(crate) const LAYOUT_VERSION: i64 = 2;
/// `ConI`, in SQLite's `application_id`: another database under our name is
/// refused, not written to.
pub(crate) const APPLICATION_ID: i64 = 0x436f_6e49;

/// Accounts. Times here and below are microseconds since the Unix epoch.
const ACCOUNTS: &str = "
CREATE TABLE accounts (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name       TEXT    NOT NULL UNIQUE,
    role       TEXT    NOT NULL CHECK (role IN ('administrator', 'staff', 'user')),
    disabled   INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    created_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Access keys. A secret is kept as it is, since Signature V4 is symmetric.
const ACCESS_KEYS: &str = "
CREATE TABLE access_keys (
    id           TEXT    NOT NULL PRIMARY KEY,
    secret       TEXT    NOT NULL,
    account      BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    disabled     INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    created_us   INTEGER NOT NULL,
    last_used_us INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX access_keys_by_account ON access_keys (account);
";

/// Passwords of people as PHC strings, and of applications as SHA-256.
const PASSWORDS: &str = "
CREATE TABLE passwords (
    account BLOB    NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    hash    TEXT    NOT NULL,
    set_us  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE app_passwords (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account      BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name         TEXT    NOT NULL,
    digest       BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    created_us   INTEGER NOT NULL,
    last_used_us INTEGER,
    UNIQUE (account, name)
) STRICT, WITHOUT ROWID;
";

/// Makes the tables in an empty database.
pub(crate) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for tables in [ACCOUNTS, ACCESS_KEYS, PASSWORDS] {
        transaction.execute_batch(tables)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", LAYOUT_VERSION)?;
    transaction.commit()
}

/// Brings layout 1 to layout 2.
///
/// A CHECK cannot be changed, so the accounts move to a new table in the way
/// of "Making Other Kinds Of Table Schema Changes" in SQLite's `lang_altertable`:
/// with foreign keys off, which is not possible within a transaction, so that
/// dropping the old table does not delete the keys.
pub(crate) fn upgrade(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "foreign_keys", false)?;
    let upgraded = upgrade_without_foreign_keys(connection);
    connection.pragma_update(None, "foreign_keys", true)?;
    upgraded
}

fn upgrade_without_foreign_keys(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let renamed = ACCOUNTS.replacen("CREATE TABLE accounts", "CREATE TABLE new_accounts", 1);
    transaction.execute_batch(&renamed)?;
    transaction.execute_batch(
        "INSERT INTO new_accounts (id, name, role, disabled, created_us)
             SELECT id, name, role, disabled, created_us FROM accounts;
         DROP TABLE accounts;
         ALTER TABLE new_accounts RENAME TO accounts;",
    )?;
    transaction.execute_batch(PASSWORDS)?;
    check_foreign_keys(&transaction)?;
    transaction.pragma_update(None, "user_version", LAYOUT_VERSION)?;
    transaction.commit()
}

/// Fails where a row refers to one that is not there.
fn check_foreign_keys(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut check = transaction.prepare("PRAGMA foreign_key_check")?;
    match check.exists([])? {
        false => Ok(()),
        true => Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some("a row refers to an account that is not there".to_owned()),
        )),
    }
}
