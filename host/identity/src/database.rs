//! Accounts, keys and passwords on disk.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, Row, params};
use uuid::Uuid;

use crate::access_key::{AccessKey, AccessKeyId, SecretAccessKey};
use crate::account::{Account, AccountId, AccountName};
use crate::app_password::{AppPasswordDigest, AppPasswordId, AppPasswordInfo};
use crate::directory::KeptPassword;
use crate::private_file::create_private_file;
use crate::schema::{self, APPLICATION_ID, LAYOUT_VERSION};

/// How long to wait for a reader (a backup, say) that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the database cannot be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file cannot be made.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what was written.
    #[error("{} is damaged: {detail}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// A newer program wrote it.
    #[error("{} has layout {found}; this program knows {LAYOUT_VERSION}: use a newer one", path.display())]
    NewerLayout {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: i64,
    },
    /// SQLite failed (disk full, input or output).
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

/// The tables ([`schema`]) in one SQLite file, mode 0600. What
/// a method wrote is durable when it returns.
pub(crate) struct Database {
    connection: Connection,
    path: PathBuf,
}

/// All there is, as read at start-up.
pub(crate) struct Contents {
    pub(crate) accounts: Vec<Account>,
    pub(crate) keys: Vec<(AccessKey, SecretAccessKey)>,
    pub(crate) passwords: Vec<(AccountId, KeptPassword)>,
    pub(crate) app_passwords: Vec<(AppPasswordInfo, AppPasswordDigest)>,
}

impl Database {
    /// Opens the file, or makes it, and checks it.
    pub(crate) fn open(path: &Path) -> Result<Self, DatabaseError> {
        // Made before SQLite opens it, so that it never has another mode; the
        // WAL takes its mode from it.
        create_private_file(path).map_err(|source| DatabaseError::Io {
            path: path.to_owned(),
            source,
        })?;
        let connection = Connection::open(path).map_err(explain(path))?;
        let mut database = Self {
            connection,
            path: path.to_owned(),
        };
        database.prepare()?;
        Ok(database)
    }

    fn prepare(&mut self) -> Result<(), DatabaseError> {
        let wrap = explain(&self.path);
        let path = self.path.clone();
        let connection = &mut self.connection;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(&wrap)?;
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(&wrap)?;
        // In WAL mode only FULL syncs at each commit.
        connection
            .pragma_update(None, "synchronous", "FULL")
            .map_err(&wrap)?;
        connection
            .pragma_update(None, "foreign_keys", true)
            .map_err(&wrap)?;
        // A deleted secret is overwritten, not left in a free page.
        connection
            .pragma_update(None, "secure_delete", true)
            .map_err(&wrap)?;
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let found = pragma("user_version").map_err(&wrap)?;
        let application = pragma("application_id").map_err(&wrap)?;
        match (found, application) {
            (0, 0) => self.create_tables(),
            (LAYOUT_VERSION, APPLICATION_ID) => self.check(),
            (1, APPLICATION_ID) => self.upgrade(),
            (_, APPLICATION_ID) => Err(DatabaseError::NewerLayout { path, found }),
            _ => Err(DatabaseError::Damaged {
                path,
                detail: "it is the database of another program".to_owned(),
            }),
        }
    }

    fn create_tables(&mut self) -> Result<(), DatabaseError> {
        schema::create(&mut self.connection).map_err(explain(&self.path))
    }

    /// Brings the layout before this one to this one.
    fn upgrade(&mut self) -> Result<(), DatabaseError> {
        self.check()?;
        schema::upgrade(&mut self.connection).map_err(explain(&self.path))?;
        tracing::info!(
            "{} has layout {LAYOUT_VERSION} now; programs before this one do not open it any more",
            self.path.display()
        );
        Ok(())
    }

    fn check(&self) -> Result<(), DatabaseError> {
        let answer: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(explain(&self.path))?;
        if answer == "ok" {
            Ok(())
        } else {
            Err(DatabaseError::Damaged {
                path: self.path.clone(),
                detail: answer,
            })
        }
    }

    /// Runs `work` in a transaction, durable when this returns `Ok`.
    fn transaction<T>(
        &mut self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        let run = |connection: &mut Connection| {
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        run(&mut self.connection).map_err(explain(&self.path))
    }

    /// Everything, in the order of creation.
    pub(crate) fn load(&self) -> Result<Contents, DatabaseError> {
        let read = || {
            let accounts = self
                .connection
                .prepare("SELECT id, name, role, disabled, created_us FROM accounts ORDER BY created_us, id")?
                .query_map([], account)?
                .collect::<Result<_, _>>()?;
            let keys = self
                .connection
                .prepare(
                    "SELECT id, account, disabled, created_us, last_used_us, secret
                     FROM access_keys ORDER BY created_us, id",
                )?
                .query_map([], key)?
                .collect::<Result<_, _>>()?;
            let passwords = self
                .connection
                .prepare("SELECT account, hash, set_us FROM passwords")?
                .query_map([], password)?
                .collect::<Result<_, _>>()?;
            let app_passwords = self
                .connection
                .prepare(
                    "SELECT id, account, name, created_us, last_used_us, digest
                     FROM app_passwords",
                )?
                .query_map([], app_password)?
                .collect::<Result<_, _>>()?;
            Ok(Contents {
                accounts,
                keys,
                passwords,
                app_passwords,
            })
        };
        read().map_err(explain(&self.path))
    }

    /// Adds an account, a key, or an account with its first key and password.
    pub(crate) fn insert(
        &mut self,
        account: Option<&Account>,
        key: Option<(&AccessKey, &SecretAccessKey)>,
        password: Option<(AccountId, &KeptPassword)>,
    ) -> Result<(), DatabaseError> {
        self.transaction(|transaction| {
            if let Some(account) = account {
                transaction.execute(
                    "INSERT INTO accounts (id, name, role, disabled, created_us) VALUES (?, ?, ?, ?, ?)",
                    params![account.id, account.name.as_str(), account.role.as_str(), account.disabled, account.created_us],
                )?;
            }
            if let Some((key, secret)) = key {
                transaction.execute(
                    "INSERT INTO access_keys (id, secret, account, disabled, created_us, last_used_us)
                     VALUES (?, ?, ?, ?, ?, ?)",
                    params![key.id.as_str(), secret.expose(), key.account, key.disabled, key.created_us, key.last_used_us],
                )?;
            }
            match password {
                Some((account, password)) => put_password(transaction, account, password),
                None => Ok(()),
            }
        })
    }

    /// Gives an account a password, in place of the one that it had.
    pub(crate) fn set_password(
        &mut self,
        account: AccountId,
        password: &KeptPassword,
    ) -> Result<(), DatabaseError> {
        self.transaction(|transaction| put_password(transaction, account, password))
    }

    pub(crate) fn insert_app_password(
        &mut self,
        info: &AppPasswordInfo,
        digest: &AppPasswordDigest,
    ) -> Result<(), DatabaseError> {
        self.transaction(|transaction| {
            transaction
                .execute(
                    "INSERT INTO app_passwords (id, account, name, digest, created_us, last_used_us)
                     VALUES (?, ?, ?, ?, ?, ?)",
                    params![
                        info.id,
                        info.account,
                        info.name.as_str(),
                        digest.0,
                        info.created_us,
                        info.last_used_us
                    ],
                )
                .map(drop)
        })
    }

    pub(crate) fn delete_app_password(&mut self, id: AppPasswordId) -> Result<(), DatabaseError> {
        self.transaction(|transaction| {
            transaction
                .execute("DELETE FROM app_passwords WHERE id = ?", [id])
                .map(drop)
        })
    }

    pub(crate) fn set_account_disabled(
        &mut self,
        id: AccountId,
        disabled: bool,
    ) -> Result<(), DatabaseError> {
        self.transaction(|transaction| {
            transaction
                .execute(
                    "UPDATE accounts SET disabled = ? WHERE id = ?",
                    params![disabled, id],
                )
                .map(drop)
        })
    }

    pub(crate) fn set_key_disabled(
        &mut self,
        id: &str,
        disabled: bool,
    ) -> Result<(), DatabaseError> {
        self.transaction(|transaction| {
            transaction
                .execute(
                    "UPDATE access_keys SET disabled = ? WHERE id = ?",
                    params![disabled, id],
                )
                .map(drop)
        })
    }

    /// Deletes an account, its keys and its passwords.
    pub(crate) fn delete_account(&mut self, id: AccountId) -> Result<(), DatabaseError> {
        self.transaction(|transaction| {
            transaction
                .execute("DELETE FROM accounts WHERE id = ?", [id])
                .map(drop)
        })
    }

    pub(crate) fn delete_key(&mut self, id: &str) -> Result<(), DatabaseError> {
        self.transaction(|transaction| {
            transaction
                .execute("DELETE FROM access_keys WHERE id = ?", [id])
                .map(drop)
        })
    }

    /// Writes down when keys and application passwords were last used.
    pub(crate) fn record_uses(&mut self, uses: &[(Used, u64)]) -> Result<(), DatabaseError> {
        self.transaction(|transaction| {
            let mut key =
                transaction.prepare("UPDATE access_keys SET last_used_us = ? WHERE id = ?")?;
            let mut app_password =
                transaction.prepare("UPDATE app_passwords SET last_used_us = ? WHERE id = ?")?;
            for (used, last_used_us) in uses {
                match used {
                    Used::Key(id) => key.execute(params![last_used_us, id.as_str()])?,
                    Used::AppPassword(id) => app_password.execute(params![last_used_us, id])?,
                };
            }
            Ok(())
        })
    }
}

/// What was used.
pub(crate) enum Used {
    /// An access key.
    Key(AccessKeyId),
    /// An application password.
    AppPassword(AppPasswordId),
}

fn put_password(
    transaction: &rusqlite::Transaction<'_>,
    account: AccountId,
    password: &KeptPassword,
) -> rusqlite::Result<()> {
    transaction
        .execute(
            "INSERT INTO passwords (account, hash, set_us) VALUES (?, ?, ?)
             ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, set_us = excluded.set_us",
            params![account, password.digest.as_str(), password.set_us],
        )
        .map(drop)
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: row.get(0)?,
        name: text::<AccountName>(row, 1)?,
        role: text(row, 2)?,
        disabled: row.get(3)?,
        created_us: row.get(4)?,
    })
}

fn key(row: &Row<'_>) -> rusqlite::Result<(AccessKey, SecretAccessKey)> {
    let key = AccessKey {
        id: text(row, 0)?,
        account: row.get(1)?,
        disabled: row.get(2)?,
        created_us: row.get(3)?,
        last_used_us: row.get(4)?,
    };
    Ok((key, text(row, 5)?))
}

fn password(row: &Row<'_>) -> rusqlite::Result<(AccountId, KeptPassword)> {
    let kept = KeptPassword {
        digest: text(row, 1)?,
        set_us: row.get(2)?,
    };
    Ok((row.get(0)?, kept))
}

fn app_password(row: &Row<'_>) -> rusqlite::Result<(AppPasswordInfo, AppPasswordDigest)> {
    let info = AppPasswordInfo {
        id: row.get(0)?,
        account: row.get(1)?,
        name: text(row, 2)?,
        created_us: row.get(3)?,
        last_used_us: row.get(4)?,
    };
    Ok((info, AppPasswordDigest(row.get(5)?)))
}

/// A column whose text has a form of its own.
fn text<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}

impl ToSql for AccountId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.as_bytes().as_slice()))
    }
}

impl FromSql for AccountId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Uuid::from_slice(value.as_blob()?)
            .map(Self)
            .map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl ToSql for AppPasswordId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.as_bytes().as_slice()))
    }
}

impl FromSql for AppPasswordId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Uuid::from_slice(value.as_blob()?)
            .map(Self)
            .map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

/// Tells damage from other failures.
fn explain(path: &Path) -> impl Fn(rusqlite::Error) -> DatabaseError + use<> {
    let path = path.to_owned();
    move |source| {
        let damaged = match &source {
            rusqlite::Error::SqliteFailure(failure, _) => {
                matches!(
                    failure.code,
                    ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase
                )
            }
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..) => true,
            _ => false,
        };
        if damaged {
            DatabaseError::Damaged {
                path: path.clone(),
                detail: source.to_string(),
            }
        } else {
            DatabaseError::Sqlite {
                path: path.clone(),
                source,
            }
        }
    }
}
