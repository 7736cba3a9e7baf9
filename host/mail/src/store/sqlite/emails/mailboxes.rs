//! Mailboxes.
//!
//! Invariant: each account has a mailbox of role `inbox`, where goes what has no other place.

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::Failure;
use super::super::log::{self, Kind};
use super::{Books, Denied, counts, edit, rows, settle};
use crate::error::{Reason, Refusal};
use crate::types::{
    DataType, MAILBOX_DEPTH_MAX, MAILBOX_NAME_MAX_BYTES, MAILBOXES_MAX, Mailbox, MailboxDetails,
    MailboxEdit, MailboxId, MailboxPatch, Removal, TimeUs,
};

/// The role of the mailbox that always is.
pub(super) const INBOX: &str = "inbox";
const TRASH: &str = "trash";

const COLUMNS: &str =
    "number, name, parent, role, sort_order, total_emails, unread_emails, total_threads,
    unread_threads, subscribed";

fn read(row: &Row<'_>) -> rusqlite::Result<Mailbox> {
    let parent: u64 = row.get(2)?;
    Ok(Mailbox {
        id: MailboxId(row.get(0)?),
        name: row.get(1)?,
        parent: (parent > 0).then_some(MailboxId(parent)),
        role: row.get(3)?,
        sort_order: row.get(4)?,
        total_emails: row.get(5)?,
        unread_emails: row.get(6)?,
        total_threads: row.get(7)?,
        unread_threads: row.get(8)?,
        subscribed: row.get(9)?,
    })
}

/// All of an account, by sort order and name.
pub(super) fn all(connection: &Connection, account: u64) -> rusqlite::Result<Vec<Mailbox>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM mailbox WHERE account = ?1 ORDER BY sort_order, name, number"
    );
    let mut select = connection.prepare_cached(&sql)?;
    select.query_map([account], read)?.collect()
}

/// One.
pub(super) fn find(
    connection: &Connection,
    account: u64,
    number: u64,
) -> rusqlite::Result<Option<Mailbox>> {
    let sql = format!("SELECT {COLUMNS} FROM mailbox WHERE number = ?1 AND account = ?2");
    let mut select = connection.prepare_cached(&sql)?;
    select.query_row([number, account], read).optional()
}

/// Whether it is there.
pub(super) fn exists(connection: &Connection, account: u64, number: u64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM mailbox WHERE number = ?1 AND account = ?2")?
        .exists([number, account])
}

/// The number of the inbox.
pub(super) fn inbox(connection: &Connection, account: u64) -> Result<u64, Failure> {
    // That there is one is an invariant.
    by_role(connection, account, INBOX)?.ok_or(rusqlite::Error::QueryReturnedNoRows.into())
}

/// The number of the trash.
pub(super) fn trash(connection: &Connection, account: u64) -> rusqlite::Result<Option<u64>> {
    by_role(connection, account, TRASH)
}

fn by_role(connection: &Connection, account: u64, role: &str) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached("SELECT number FROM mailbox WHERE account = ?1 AND role = ?2")?
        .query_row(params![account, role], |row| row.get(0))
        .optional()
}

/// Does one edit; whether it was refused.
pub(super) fn edit(
    tx: &WriteTx<'_>,
    account: u64,
    edit: MailboxEdit,
    now_us: TimeUs,
) -> rusqlite::Result<Result<MailboxId, Refusal>> {
    let trash_before = trash(tx, account)?;
    let id = match edit {
        MailboxEdit::Create(details) => create(tx, account, &details),
        MailboxEdit::Update(patch) => update(tx, account, patch),
        MailboxEdit::Destroy(removal) => destroy(tx, account, removal, now_us),
    };
    count_trash(tx, account, trash_before)?;
    settle(id)
}

/// Counts anew where another mailbox has become the trash.
pub(super) fn count_trash(
    tx: &WriteTx<'_>,
    account: u64,
    before: Option<u64>,
) -> rusqlite::Result<()> {
    counts::trash_moved(tx, account, before, trash(tx, account)?)
}

fn create(tx: &WriteTx<'_>, account: u64, details: &MailboxDetails) -> Result<MailboxId, Denied> {
    let count: usize = tx
        .prepare_cached("SELECT count(*) FROM mailbox WHERE account = ?1")?
        .query_row([account], |row| row.get(0))?;
    if count >= MAILBOXES_MAX {
        let refusal = Refusal::new(Reason::OverQuota, "too many mailboxes");
        return Err(Denied::Refused(refusal.limit(MAILBOXES_MAX as u64)));
    }
    check(tx, account, None, details)?;
    let number = tx.next_sequence();
    tx.prepare_cached(
        "INSERT INTO mailbox (number, account, name, parent, role, sort_order, subscribed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        number,
        account,
        details.name,
        details.parent.map_or(0, |parent| parent.0),
        details.role,
        details.sort_order,
        details.subscribed
    ])?;
    log::record(tx, account, DataType::Mailbox, Kind::Created, (number, 0))?;
    Ok(MailboxId(number))
}

fn update(tx: &WriteTx<'_>, account: u64, patch: MailboxPatch) -> Result<MailboxId, Denied> {
    let id = patch.id;
    let old = find(tx, account, id.0)?.ok_or_else(not_found)?;
    let details = MailboxDetails {
        name: patch.name.unwrap_or_else(|| old.name.clone()),
        parent: patch.parent.unwrap_or(old.parent),
        role: patch.role.unwrap_or_else(|| old.role.clone()),
        sort_order: patch.sort_order.unwrap_or(old.sort_order),
        subscribed: patch.subscribed.unwrap_or(old.subscribed),
    };
    if old.role.as_deref() == Some(INBOX) && details.role != old.role {
        return deny(Refusal::property("role", "the inbox stays the inbox"));
    }
    check(tx, account, Some(id), &details)?;
    let changed = tx
        .prepare_cached(
            "UPDATE mailbox SET name = ?2, parent = ?3, role = ?4, sort_order = ?5, subscribed = ?6
             WHERE number = ?1 AND (name, parent, role, sort_order, subscribed) IS NOT (?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            id.0,
            details.name,
            details.parent.map_or(0, |parent| parent.0),
            details.role,
            details.sort_order,
            details.subscribed
        ])?;
    if changed > 0 {
        log::record(tx, account, DataType::Mailbox, Kind::Updated, (id.0, 0))?;
    }
    Ok(id)
}

fn destroy(
    tx: &WriteTx<'_>,
    account: u64,
    removal: Removal,
    now_us: TimeUs,
) -> Result<MailboxId, Denied> {
    let id = removal.id;
    let old = find(tx, account, id.0)?.ok_or_else(not_found)?;
    if old.role.as_deref() == Some(INBOX) {
        return deny(Refusal::new(Reason::Forbidden, "the inbox stays"));
    }
    if has_child(tx, account, id.0)? {
        return deny(Refusal::new(
            Reason::MailboxHasChild,
            "there are mailboxes in it",
        ));
    }
    if old.total_emails > 0 && !removal.remove_emails {
        return deny(Refusal::new(
            Reason::MailboxHasEmail,
            "there are emails in it",
        ));
    }
    empty(&Books::open(tx, account)?, id.0, now_us, usize::MAX)?;
    tx.prepare_cached("DELETE FROM mailbox WHERE number = ?1")?
        .execute([id.0])?;
    log::record(tx, account, DataType::Mailbox, Kind::Destroyed, (id.0, 0))?;
    Ok(id)
}

fn has_child(connection: &Connection, account: u64, number: u64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM mailbox WHERE account = ?1 AND parent = ?2")?
        .exists([account, number])
}

/// Takes at most `max` emails out of a mailbox, and tells how many; those that are in no other are destroyed (RFC 8621
/// §2.5).
fn empty(
    books: &Books<'_, '_>,
    mailbox: u64,
    now_us: TimeUs,
    max: usize,
) -> rusqlite::Result<usize> {
    let emails = rows::first_of_list(books.tx, books.account, mailbox, max)?;
    for id in &emails {
        let Some(old) = rows::find_id(books.tx, books.account, *id)? else {
            continue;
        };
        let mut new = old.clone();
        new.mailboxes.remove(&mailbox);
        match new.mailboxes.is_empty() {
            true => edit::bury(books, &old, now_us)?,
            false => edit::change(books, &old, &new)?,
        }
    }
    Ok(emails.len())
}

/// Emptying more than this is done beforehand, in transactions of so many emails: about 100 ms of the shard's writer.
pub(super) const EMPTIED_AT_ONCE: usize = 1_000;

/// Takes emails out of a mailbox that is to be destroyed with its mail, where it has more than [`EMPTIED_AT_ONCE`], and
/// tells whether it did. Mailboxes that cannot be destroyed are left.
pub(super) fn empty_some(
    tx: &WriteTx<'_>,
    account: u64,
    removal: Removal,
    now_us: TimeUs,
) -> rusqlite::Result<bool> {
    let number = removal.id.0;
    let Some(mailbox) = find(tx, account, number)? else {
        return Ok(false);
    };
    if mailbox.total_emails as usize <= EMPTIED_AT_ONCE
        || mailbox.role.as_deref() == Some(INBOX)
        || has_child(tx, account, number)?
    {
        return Ok(false);
    }
    empty(&Books::open(tx, account)?, number, now_us, EMPTIED_AT_ONCE).map(|_| true)
}

fn not_found() -> Denied {
    Denied::Refused(Refusal::not_found())
}

fn deny<T>(refusal: Refusal) -> Result<T, Denied> {
    Err(Denied::Refused(refusal))
}

/// Refuses what a mailbox may not be. `id`: of the one that is to be this.
fn check(
    tx: &WriteTx<'_>,
    account: u64,
    id: Option<MailboxId>,
    details: &MailboxDetails,
) -> Result<(), Denied> {
    let name = &details.name;
    if name.is_empty() || name.len() > MAILBOX_NAME_MAX_BYTES || name.chars().any(char::is_control)
    {
        let form = format!("1 to {MAILBOX_NAME_MAX_BYTES} bytes without control characters");
        return deny(Refusal::property("name", form));
    }
    check_parent(tx, account, id, details.parent)?;
    let parent = details.parent.map_or(0, |parent| parent.0);
    let own = id.map_or(0, |id| id.0);
    let taken = tx
        .prepare_cached(
            "SELECT 1 FROM mailbox WHERE account = ?1 AND parent = ?2 AND name = ?3 AND number <> ?4",
        )?
        .exists(params![account, parent, name, own])?;
    if taken {
        return deny(Refusal::property("name", "another mailbox there has it"));
    }
    let Some(role) = &details.role else {
        return Ok(());
    };
    match by_role(tx, account, role)? {
        Some(other) if other != own => {
            deny(Refusal::property("role", "another mailbox has this role"))
        }
        _ => Ok(()),
    }
}

/// Refuses a parent that is not there, one within the mailbox itself, and more than [`MAILBOX_DEPTH_MAX`].
fn check_parent(
    tx: &WriteTx<'_>,
    account: u64,
    id: Option<MailboxId>,
    parent: Option<MailboxId>,
) -> Result<(), Denied> {
    let mut above = parent;
    let mut depth = match id {
        Some(id) => height(tx, account, id.0, 1)?,
        None => 1,
    };
    while let Some(mailbox) = above {
        if above == id {
            return deny(Refusal::property("parentId", "it cannot be within itself"));
        }
        depth += 1;
        if depth > MAILBOX_DEPTH_MAX {
            let refusal = Refusal::property("parentId", "too deep");
            return deny(refusal.limit(MAILBOX_DEPTH_MAX as u64));
        }
        let Some(found) = find(tx, account, mailbox.0)? else {
            return deny(Refusal::property("parentId", "there is no such mailbox"));
        };
        above = found.parent;
    }
    Ok(())
}

/// How many levels a mailbox and what is in it has. `level`: that of the mailbox; levels are bounded, and so is this.
fn height(tx: &WriteTx<'_>, account: u64, number: u64, level: usize) -> rusqlite::Result<usize> {
    let children: Vec<u64> = tx
        .prepare_cached("SELECT number FROM mailbox WHERE account = ?1 AND parent = ?2")?
        .query_map([account, number], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut deepest = 1;
    if level < MAILBOX_DEPTH_MAX {
        for child in children {
            deepest = deepest.max(1 + height(tx, account, child, level + 1)?);
        }
    }
    Ok(deepest)
}
