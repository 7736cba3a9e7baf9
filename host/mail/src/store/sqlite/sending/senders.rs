//! As whom an account may send.

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::Failure;
use super::super::documents::{decode, encode};
use super::super::log::{self, Kind};
use crate::error::{Reason, Refusal};
use crate::types::{
    DataType, Outcomes, SENDERS_MAX, Sender, SenderEdit, SenderId, SenderPatch, StateNumber,
};

/// What [`read`] reads.
const COLUMNS: &str =
    "number, name, email, reply_to, bcc, text_signature, html_signature, may_delete";

pub(super) fn list(connection: &Connection, account: u64) -> rusqlite::Result<Vec<Sender>> {
    let sql = format!("SELECT {COLUMNS} FROM sender WHERE account = ?1 ORDER BY number");
    connection
        .prepare_cached(&sql)?
        .query_map([account], read)?
        .collect()
}

pub(super) fn find(
    connection: &Connection,
    account: u64,
    id: SenderId,
) -> rusqlite::Result<Option<Sender>> {
    let sql = format!("SELECT {COLUMNS} FROM sender WHERE number = ?1 AND account = ?2");
    connection
        .prepare_cached(&sql)?
        .query_row([id.0, account], read)
        .optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Sender> {
    Ok(Sender {
        id: SenderId(row.get(0)?),
        name: row.get(1)?,
        email: row.get(2)?,
        reply_to: decode(row, 3)?,
        bcc: decode(row, 4)?,
        text_signature: row.get(5)?,
        html_signature: row.get(6)?,
        may_delete: row.get(7)?,
    })
}

pub(super) fn edit(
    tx: &WriteTx<'_>,
    account: u64,
    if_in_state: Option<StateNumber>,
    edits: &[SenderEdit],
) -> Result<Outcomes<SenderId>, Failure> {
    let old_state = log::expect_state(tx, account, DataType::Identity, if_in_state)?;
    let items = edits
        .iter()
        .map(|edit| match edit {
            SenderEdit::Create(sender) => create(tx, account, sender),
            SenderEdit::Update(patch) => update(tx, account, patch),
            SenderEdit::Destroy(id) => destroy(tx, account, *id),
        })
        .collect::<Result<_, _>>()?;
    Ok(Outcomes {
        old_state,
        new_state: log::state(tx, account, DataType::Identity)?,
        items,
    })
}

fn create(
    tx: &WriteTx<'_>,
    account: u64,
    sender: &Sender,
) -> rusqlite::Result<Result<SenderId, Refusal>> {
    let count: usize = tx
        .prepare_cached("SELECT count(*) FROM sender WHERE account = ?1")?
        .query_row([account], |row| row.get(0))?;
    if count >= SENDERS_MAX {
        let full = Refusal::new(Reason::OverQuota, "too many identities");
        return Ok(Err(full.limit(SENDERS_MAX as u64)));
    }
    insert(tx, account, sender).map(Ok)
}

/// Keeps a new sender, under an id of its own.
pub(in crate::store::sqlite) fn insert(
    tx: &WriteTx<'_>,
    account: u64,
    sender: &Sender,
) -> rusqlite::Result<SenderId> {
    let number = tx.next_sequence();
    tx.prepare_cached("INSERT INTO sender VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
        .execute(params![
            number,
            account,
            sender.name,
            sender.email,
            encode(&sender.reply_to)?,
            encode(&sender.bcc)?,
            sender.text_signature,
            sender.html_signature,
            sender.may_delete,
        ])?;
    log::record(tx, account, DataType::Identity, Kind::Created, (number, 0))?;
    Ok(SenderId(number))
}

fn update(
    tx: &WriteTx<'_>,
    account: u64,
    patch: &SenderPatch,
) -> rusqlite::Result<Result<SenderId, Refusal>> {
    let Some(old) = find(tx, account, patch.id)? else {
        return Ok(Err(Refusal::not_found()));
    };
    let new = patched(old.clone(), patch.clone());
    if new != old {
        tx.prepare_cached(
            "UPDATE sender SET name = ?2, reply_to = ?3, bcc = ?4, text_signature = ?5,
                 html_signature = ?6
             WHERE number = ?1",
        )?
        .execute(params![
            new.id.0,
            new.name,
            encode(&new.reply_to)?,
            encode(&new.bcc)?,
            new.text_signature,
            new.html_signature,
        ])?;
        let object = (new.id.0, 0);
        log::record(tx, account, DataType::Identity, Kind::Updated, object)?;
    }
    Ok(Ok(new.id))
}

fn patched(old: Sender, patch: SenderPatch) -> Sender {
    Sender {
        name: patch.name.unwrap_or(old.name),
        reply_to: patch.reply_to.unwrap_or(old.reply_to),
        bcc: patch.bcc.unwrap_or(old.bcc),
        text_signature: patch.text_signature.unwrap_or(old.text_signature),
        html_signature: patch.html_signature.unwrap_or(old.html_signature),
        ..old
    }
}

fn destroy(
    tx: &WriteTx<'_>,
    account: u64,
    id: SenderId,
) -> rusqlite::Result<Result<SenderId, Refusal>> {
    match find(tx, account, id)? {
        None => Ok(Err(Refusal::not_found())),
        Some(sender) if !sender.may_delete => {
            let refusal = Refusal::new(Reason::Forbidden, "this identity stays");
            Ok(Err(refusal))
        }
        Some(_) => {
            tx.prepare_cached("DELETE FROM sender WHERE number = ?1")?
                .execute([id.0])?;
            log::record(tx, account, DataType::Identity, Kind::Destroyed, (id.0, 0))?;
            Ok(Ok(id))
        }
    }
}
