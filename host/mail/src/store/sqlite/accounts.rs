//! Accounts: in the directory who they are and who sees them, in the shard what they have.

use concierge_identity::AccountId;
use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::log::{self, Kind};
use super::sending::senders;
use super::{Failure, SqliteStore};
use crate::error::Error;
use crate::store::{Access, AccountStore, Answer, NewAccount};
use crate::types::{Account, DataType, Quota, Sender, SenderId, StateNumber};

/// The mailboxes that an account is made with: name, role and sort order.
const DEFAULT_MAILBOXES: [(&str, &str, u32); 6] = [
    ("Inbox", "inbox", 10),
    ("Drafts", "drafts", 20),
    ("Sent", "sent", 30),
    ("Junk", "junk", 40),
    ("Trash", "trash", 50),
    ("Archive", "archive", 60),
];

/// People are told that an account is getting full from this share on.
const WARN_PERCENT: u64 = 90;

impl AccountStore for SqliteStore {
    /// First the shard, then the directory: what a crash leaves between the two nobody sees, and making it again finds.
    /// Addresses are looked at before both, so that a refusal changes nothing, and decided on with the directory.
    fn put_account(&self, account: NewAccount) -> Answer<'_, ()> {
        Box::pin(async move {
            if account.addresses.is_empty() {
                return Err(Error::InvalidArguments("addresses: none".to_owned()));
            }
            self.directory
                .read("list_account", |c| check_addresses(c, &account))?;
            let (first, second) = (account.clone(), account);
            let shard = self.shard(first.id);
            let put = move |tx: &WriteTx<'_>| put_in_shard(tx, &first);
            shard.writer.write("put_account", put).await?;
            let list = move |tx: &WriteTx<'_>| put_in_directory(tx, &second);
            self.directory.writer.write("list_account", list).await
        })
    }

    fn account_of_address(&self, address: &str) -> Answer<'_, Option<AccountId>> {
        let address = address.to_lowercase();
        Box::pin(async move {
            self.directory
                .read("account_of_address", |c| Ok(owner(c, &address)?))
        })
    }

    fn accounts_of(&self, principal: AccountId) -> Answer<'_, Vec<Account>> {
        Box::pin(async move {
            self.directory
                .read("accounts_of", |c| Ok(visible(c, principal)?))
        })
    }

    fn access(&self, principal: AccountId, account: AccountId) -> Answer<'_, Option<Access>> {
        Box::pin(async move {
            self.directory
                .read("access", |c| Ok(access(c, principal, account)?))
        })
    }

    fn share(
        &self,
        account: AccountId,
        principal: AccountId,
        access: Option<Access>,
    ) -> Answer<'_, ()> {
        let work = move |tx: &WriteTx<'_>| {
            if name(tx, account)?.is_none() {
                return Err(Error::AccountNotFound.into());
            }
            share(tx, account, principal, access)?;
            Ok(())
        };
        Box::pin(self.directory.writer.write("share", work))
    }

    fn states(&self, account: AccountId) -> Answer<'_, Vec<(DataType, StateNumber)>> {
        Box::pin(async move {
            self.shard(account).read("states", |c| {
                let number = number(c, account)?;
                let state = |of| Ok((of, log::state(c, number, of)?));
                DataType::ALL.into_iter().map(state).collect()
            })
        })
    }

    fn quotas(&self, account: AccountId) -> Answer<'_, Vec<Quota>> {
        Box::pin(async move {
            self.shard(account)
                .read("quotas", |c| quotas(c, number(c, account)?))
        })
    }
}

/// An account's number in its shard.
pub(super) fn number(connection: &Connection, account: AccountId) -> Result<u64, Failure> {
    find(connection, account)?.ok_or_else(|| Error::AccountNotFound.into())
}

fn find(connection: &Connection, account: AccountId) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached("SELECT number FROM account WHERE id = ?1")?
        .query_row([account.0.as_bytes()], |row| row.get(0))
        .optional()
}

fn put_in_shard(tx: &WriteTx<'_>, account: &NewAccount) -> Result<(), Failure> {
    let octets = account.quota_octets;
    let count = account.quota_count;
    if let Some(number) = find(tx, account.id)? {
        let changed = tx
            .prepare_cached(
                "UPDATE account SET quota_octets = ?2, quota_count = ?3
                 WHERE number = ?1 AND (quota_octets, quota_count) <> (?2, ?3)",
            )?
            .execute(params![number, octets, count])?;
        if changed > 0 {
            log::touch(tx, number, DataType::Quota)?;
        }
        return Ok(());
    }
    tx.prepare_cached("INSERT INTO account (id, quota_octets, quota_count) VALUES (?1, ?2, ?3)")?
        .execute(params![account.id.0.as_bytes(), octets, count])?;
    let number = number(tx, account.id)?;
    make_mailboxes(tx, number)?;
    make_sender(tx, number, account)?;
    log::touch(tx, number, DataType::Quota)?;
    Ok(())
}

fn make_mailboxes(tx: &WriteTx<'_>, account: u64) -> rusqlite::Result<()> {
    for (name, role, sort_order) in DEFAULT_MAILBOXES {
        let mailbox = tx.next_sequence();
        tx.prepare_cached(
            "INSERT INTO mailbox (number, account, name, parent, role, sort_order, subscribed)
             VALUES (?1, ?2, ?3, 0, ?4, ?5, TRUE)",
        )?
        .execute(params![mailbox, account, name, role, sort_order])?;
        log::record(tx, account, DataType::Mailbox, Kind::Created, (mailbox, 0))?;
    }
    Ok(())
}

/// As whom it sends from its first address.
fn make_sender(tx: &WriteTx<'_>, number: u64, account: &NewAccount) -> rusqlite::Result<()> {
    let sender = Sender {
        id: SenderId(0),
        name: account.name.clone(),
        email: account.addresses.first().cloned().unwrap_or_default(),
        reply_to: Vec::new(),
        bcc: Vec::new(),
        text_signature: String::new(),
        html_signature: String::new(),
        may_delete: false,
    };
    senders::insert(tx, number, &sender).map(drop)
}

fn put_in_directory(tx: &WriteTx<'_>, account: &NewAccount) -> Result<(), Failure> {
    check_addresses(tx, account)?;
    let id = account.id.0.as_bytes();
    tx.prepare_cached(
        "INSERT INTO account VALUES (?1, ?2) ON CONFLICT DO UPDATE SET name = excluded.name",
    )?
    .execute(params![id, account.name])?;
    tx.prepare_cached("DELETE FROM address WHERE account = ?1")?
        .execute([id])?;
    for (position, address) in account.addresses.iter().enumerate() {
        // One that is given twice keeps its first place.
        tx.prepare_cached("INSERT OR IGNORE INTO address VALUES (?1, ?2, ?3)")?
            .execute(params![address.to_lowercase(), id, position])?;
    }
    Ok(())
}

/// Refuses addresses of others.
fn check_addresses(connection: &Connection, account: &NewAccount) -> Result<(), Failure> {
    for address in &account.addresses {
        let owner = owner(connection, &address.to_lowercase())?;
        if owner.is_some_and(|owner| owner != account.id) {
            let detail = format!("addresses: {address} is another account's");
            return Err(Error::InvalidArguments(detail).into());
        }
    }
    Ok(())
}

fn owner(connection: &Connection, address: &str) -> rusqlite::Result<Option<AccountId>> {
    connection
        .prepare_cached("SELECT account FROM address WHERE address = ?1")?
        .query_row([address], account_id)
        .optional()
}

fn account_id(row: &Row<'_>) -> rusqlite::Result<AccountId> {
    row.get(0).map(|bytes| AccountId(Uuid::from_bytes(bytes)))
}

fn name(connection: &Connection, account: AccountId) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT name FROM account WHERE id = ?1")?
        .query_row([account.0.as_bytes()], |row| row.get(0))
        .optional()
}

fn visible(connection: &Connection, principal: AccountId) -> rusqlite::Result<Vec<Account>> {
    let mut select = connection
        .prepare_cached("SELECT account FROM share WHERE principal = ?1 ORDER BY account")?;
    let shared = select.query_map([principal.0.as_bytes()], account_id)?;
    let ids: Vec<_> = std::iter::once(Ok(principal))
        .chain(shared)
        .collect::<Result<_, _>>()?;
    let mut accounts = Vec::new();
    for id in ids {
        let Some(access) = access(connection, principal, id)? else {
            continue;
        };
        accounts.push(Account {
            id,
            name: name(connection, id)?.unwrap_or_default(),
            personal: id == principal,
            read_only: access.read_only,
            addresses: addresses(connection, id)?,
        });
    }
    Ok(accounts)
}

fn addresses(connection: &Connection, account: AccountId) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached("SELECT address FROM address WHERE account = ?1 ORDER BY position")?
        .query_map([account.0.as_bytes()], |row| row.get(0))?
        .collect()
}

fn access(
    connection: &Connection,
    principal: AccountId,
    account: AccountId,
) -> rusqlite::Result<Option<Access>> {
    if principal == account {
        let there = name(connection, account)?;
        return Ok(there.map(|_| Access { read_only: false }));
    }
    connection
        .prepare_cached("SELECT read_only FROM share WHERE principal = ?1 AND account = ?2")?
        .query_row([principal.0.as_bytes(), account.0.as_bytes()], |row| {
            Ok(Access {
                read_only: row.get(0)?,
            })
        })
        .optional()
}

fn share(
    tx: &WriteTx<'_>,
    account: AccountId,
    principal: AccountId,
    access: Option<Access>,
) -> rusqlite::Result<usize> {
    let (principal, account) = (principal.0.as_bytes(), account.0.as_bytes());
    match access {
        Some(access) => tx
            .prepare_cached("INSERT OR REPLACE INTO share VALUES (?1, ?2, ?3)")?
            .execute(params![principal, account, access.read_only]),
        None => tx
            .prepare_cached("DELETE FROM share WHERE principal = ?1 AND account = ?2")?
            .execute(params![principal, account]),
    }
}

fn quotas(connection: &Connection, account: u64) -> Result<Vec<Quota>, Failure> {
    let (used_octets, octets, used_count, count) = connection
        .prepare_cached(
            "SELECT used_octets, quota_octets, used_count, quota_count FROM account WHERE number = ?1",
        )?
        .query_row([account], |row| row.try_into())?;
    Ok(vec![
        quota("octets", "Size of all mail", used_octets, octets),
        quota("count", "Number of emails", used_count, count),
    ])
}

fn quota(resource: &str, name: &str, used: u64, hard_limit: u64) -> Quota {
    Quota {
        id: resource.to_owned(),
        resource: resource.to_owned(),
        used,
        hard_limit,
        warn_limit: hard_limit / 100 * WARN_PERCENT,
        name: name.to_owned(),
    }
}
