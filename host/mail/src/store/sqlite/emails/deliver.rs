//! Delivery: once for each delivery id and recipient.

use concierge_sqlite::WriteTx;
use rusqlite::params;

use super::super::{Failure, log};
use super::{Books, Denied, edit, mailboxes};
use crate::error::{Error, Reason, Refusal};
use crate::store::{DELIVERY_KEPT_US, Deliver, DeliverOutcome};
use crate::types::{DataType, MailboxId, TimeUs};

/// Delivers a message.
pub(super) fn deliver(
    tx: &WriteTx<'_>,
    account: u64,
    deliver: Deliver,
) -> Result<DeliverOutcome, Failure> {
    let new = tx
        .prepare_cached("INSERT OR IGNORE INTO delivery VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            account,
            deliver.delivery,
            deliver.recipient,
            deliver.now_us
        ])?;
    if new == 0 {
        return Ok(DeliverOutcome::Before);
    }
    let books = Books::open(tx, account)?;
    let mut email = deliver.email;
    email.mailboxes = present_mailboxes(&books, email.mailboxes)?;
    match edit::insert(&books, &email) {
        Ok(made) => {
            log::touch(tx, account, DataType::EmailDelivery)?;
            Ok(DeliverOutcome::Delivered(made))
        }
        Err(Denied::Refused(refusal)) => Err(error_of(refusal).into()),
        Err(Denied::Engine(error)) => Err(error.into()),
    }
}

/// Those that are there; the inbox for those that are not, and where there is none.
fn present_mailboxes(
    books: &Books<'_, '_>,
    asked: Vec<MailboxId>,
) -> Result<Vec<MailboxId>, Failure> {
    let mut present = Vec::new();
    let mut gone = asked.is_empty();
    for mailbox in asked {
        match mailboxes::exists(books.tx, books.account, mailbox.0)? {
            true => present.push(mailbox),
            false => gone = true,
        }
    }
    if gone {
        present.push(MailboxId(mailboxes::inbox(books.tx, books.account)?));
    }
    Ok(present)
}

/// A delivery has one item: its refusal is the call's.
fn error_of(refusal: Refusal) -> Error {
    match refusal.reason {
        Reason::OverQuota => Error::OverQuota,
        Reason::BlobNotFound => Error::NotFound,
        _ => Error::InvalidArguments(refusal.description),
    }
}

/// Forgets deliveries that no sender tries again any more; how many.
pub(super) fn sweep(tx: &WriteTx<'_>, now_us: TimeUs, max: usize) -> rusqlite::Result<usize> {
    tx.prepare_cached(
        "DELETE FROM delivery WHERE (account, delivery, recipient) IN (
             SELECT account, delivery, recipient FROM delivery WHERE at_us <= ?1
             ORDER BY at_us LIMIT ?2)",
    )?
    .execute(params![now_us.saturating_sub(DELIVERY_KEPT_US), max])
}
