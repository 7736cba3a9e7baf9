//! Mailboxes, emails and threads in a shard.

mod counts;
mod deliver;
mod edit;
mod exchange;
mod feed;
mod flags;
mod keys;
mod mailboxes;
mod query;
mod restore;
pub(super) mod rows;
mod schema;
mod store;
mod threads;

use concierge_sqlite::WriteTx;

#[cfg(test)]
pub(super) use query::scan_sql;
pub(super) use schema::STEP;
pub(super) use store::sweep_emails;

use super::log::{self, Kind};
use crate::error::Refusal;
use crate::types::DataType;

/// Why a part of an operation is not done: the item is refused, or SQLite failed.
type Denied = concierge_sqlite::Failure<Refusal>;

/// What an item came to; failures of SQLite are the operation's.
fn settle<T>(item: Result<T, Denied>) -> rusqlite::Result<Result<T, Refusal>> {
    match item {
        Ok(done) => Ok(Ok(done)),
        Err(Denied::Refused(refusal)) => Ok(Err(refusal)),
        Err(Denied::Engine(error)) => Err(error),
    }
}

/// An account within an operation that changes its emails.
struct Books<'t, 'c> {
    tx: &'t WriteTx<'c>,
    account: u64,
    /// The mailbox that counts apart.
    trash: Option<u64>,
}

impl<'t, 'c> Books<'t, 'c> {
    fn open(tx: &'t WriteTx<'c>, account: u64) -> rusqlite::Result<Self> {
        let trash = mailboxes::trash(tx, account)?;
        Ok(Self { tx, account, trash })
    }

    fn record_email(&self, kind: Kind, kept: &rows::Kept) -> rusqlite::Result<()> {
        if kind == Kind::Destroyed {
            feed::forget_made(self.tx, kept.storage, kept.generation)?;
        }
        let object = (kept.storage, kept.generation);
        log::record(self.tx, self.account, DataType::Email, kind, object)
    }
}
