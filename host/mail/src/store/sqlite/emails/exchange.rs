//! Several edits of mailboxes in one call: names and roles may be exchanged (RFC 8620 §5.3: what counts is that the
//! state after the whole call is allowed).
//!
//! A mailbox whose name or role an edit wants, and which a later edit gives another, gives it up at once. Where that
//! later edit is refused then, all is undone, and the edits are done one by one.

use concierge_sqlite::WriteTx;
use rusqlite::{OptionalExtension, params};

use super::mailboxes::{self, INBOX};
use crate::error::Refusal;
use crate::types::{MailboxEdit, MailboxId, TimeUs};

/// What each edit came to.
type Items = Vec<Result<MailboxId, Refusal>>;

/// SQLite failed, or (`Refused`) an edit on which an earlier one rests was refused.
type Undone = concierge_sqlite::Failure<()>;

/// Does edits in their order.
pub(super) fn edit_all(
    tx: &WriteTx<'_>,
    account: u64,
    edits: &[MailboxEdit],
    now_us: TimeUs,
) -> rusqlite::Result<Items> {
    match tx.savepoint(|tx| with_exchanges(tx, account, edits, now_us)) {
        Ok(items) => Ok(items),
        Err(Undone::Engine(error)) => Err(error),
        Err(Undone::Refused(())) => {
            let one = |edit: &MailboxEdit| mailboxes::edit(tx, account, edit.clone(), now_us);
            edits.iter().map(one).collect()
        }
    }
}

fn with_exchanges(
    tx: &WriteTx<'_>,
    account: u64,
    edits: &[MailboxEdit],
    now_us: TimeUs,
) -> Result<Items, Undone> {
    let mut items = Items::new();
    // Mailboxes that have given something up and are still to be given something.
    let mut bare: Vec<MailboxId> = Vec::new();
    let mut rest = edits;
    while let Some((edit, later)) = rest.split_first() {
        let trash = mailboxes::trash(tx, account)?;
        bare.extend(make_way(tx, account, edit, later)?);
        mailboxes::count_trash(tx, account, trash)?;
        let item = mailboxes::edit(tx, account, edit.clone(), now_us)?;
        if let MailboxEdit::Update(patch) = edit
            && bare.contains(&patch.id)
            && item.is_err()
        {
            return Err(Undone::Refused(()));
        }
        items.push(item);
        rest = later;
    }
    Ok(items)
}

/// Takes from other mailboxes what an edit wants and later edits replace; those others.
fn make_way(
    tx: &WriteTx<'_>,
    account: u64,
    edit: &MailboxEdit,
    later: &[MailboxEdit],
) -> rusqlite::Result<Vec<MailboxId>> {
    let Some((own, parent, name, role)) = wanted(tx, account, edit)? else {
        return Ok(Vec::new());
    };
    let mut bare = Vec::new();
    let holder = tx
        .prepare_cached(
            "SELECT number FROM mailbox WHERE account = ?1 AND parent = ?2 AND name = ?3 AND number <> ?4",
        )?
        .query_row(params![account, parent, name, own], |row| row.get(0))
        .optional()?;
    if let Some(holder) = holder.map(MailboxId)
        && later.iter().any(|edit| renames(edit, holder))
    {
        // No client can give such a name: it has a control character.
        tx.prepare_cached("UPDATE mailbox SET name = char(1) || number WHERE number = ?1")?
            .execute([holder.0])?;
        bare.push(holder);
    }
    let holder = tx
        .prepare_cached(
            "SELECT number FROM mailbox WHERE account = ?1 AND role = ?2 AND number <> ?3",
        )?
        .query_row(params![account, role, own], |row| row.get(0))
        .optional()?;
    if let Some(holder) = holder.map(MailboxId)
        && role.as_deref() != Some(INBOX)
        && later.iter().any(|edit| gives_role(edit, holder))
    {
        tx.prepare_cached("UPDATE mailbox SET role = NULL WHERE number = ?1")?
            .execute([holder.0])?;
        bare.push(holder);
    }
    Ok(bare)
}

/// The mailbox that an edit is about (0: a new one), and the parent, name and role that it is to have.
type Wanted = (u64, u64, String, Option<String>);

fn wanted(tx: &WriteTx<'_>, account: u64, edit: &MailboxEdit) -> rusqlite::Result<Option<Wanted>> {
    let (own, parent, name, role) = match edit {
        MailboxEdit::Destroy(_) => return Ok(None),
        MailboxEdit::Create(details) => {
            let (name, role) = (details.name.clone(), details.role.clone());
            (0, details.parent, name, role)
        }
        MailboxEdit::Update(patch) => {
            let Some(old) = mailboxes::find(tx, account, patch.id.0)? else {
                return Ok(None);
            };
            let name = patch.name.clone().unwrap_or(old.name);
            let role = patch.role.clone().unwrap_or(old.role);
            (patch.id.0, patch.parent.unwrap_or(old.parent), name, role)
        }
    };
    Ok(Some((own, parent.map_or(0, |parent| parent.0), name, role)))
}

fn renames(edit: &MailboxEdit, mailbox: MailboxId) -> bool {
    matches!(edit, MailboxEdit::Update(patch) if patch.id == mailbox && patch.name.is_some())
}

fn gives_role(edit: &MailboxEdit, mailbox: MailboxId) -> bool {
    matches!(edit, MailboxEdit::Update(patch) if patch.id == mailbox && patch.role.is_some())
}
