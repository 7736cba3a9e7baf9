//! Making, changing and destroying emails.
//!
//! Each edit first looks at whether it may be done, and then writes: one that is refused has written nothing.

use std::collections::BTreeSet;

use rusqlite::params;

use super::super::blobs;
use super::super::log::{self, Kind};
use super::flags::{self, Flags};
use super::keys::Keys;
use super::rows::Kept;
use super::{Books, Denied, counts, mailboxes, rows, settle, threads};
use crate::error::{Reason, Refusal};
use crate::store::EmailEdit;
use crate::types::{
    BlobHash, DataType, Done, EmailId, MAILBOXES_PER_EMAIL_MAX, Made, MailboxId, NewEmail, Patch,
    ThreadId, TimeUs,
};

/// Does one edit; whether it was refused.
pub(super) fn edit(
    books: &Books<'_, '_>,
    edit: EmailEdit,
    now_us: TimeUs,
) -> rusqlite::Result<Result<Done, Refusal>> {
    let done = match edit {
        EmailEdit::Insert(email) => insert(books, &email).map(Done::Made),
        EmailEdit::Update(patch) => update(books, &patch).map(Done::Changed),
        EmailEdit::Destroy(id) => destroy(books, id, now_us).map(Done::Destroyed),
    };
    settle(done)
}

/// Keeps a new email.
pub(super) fn insert(books: &Books<'_, '_>, email: &NewEmail) -> Result<Made, Denied> {
    let mailboxes: BTreeSet<_> = email.mailboxes.iter().map(|mailbox| mailbox.0).collect();
    check_mailboxes(books, &mailboxes)?;
    let keywords: BTreeSet<_> = email.keywords.iter().cloned().collect();
    flags::check(&keywords).map_err(Denied::Refused)?;
    check_quota(books, email.summary.size)?;
    check_blob(books, email.blob)?;

    let keys = Keys::of(&email.summary.thread);
    let storage = books.tx.next_sequence();
    let thread = threads::find_or_make(books, &keys)?;
    let kept = Kept {
        storage,
        generation: 0,
        thread,
        blob: email.blob,
        size: email.summary.size,
        received_us: email.received_us,
        flags: Flags::of(&keywords, email.summary.has_attachment),
        keywords,
        mailboxes,
    };
    rows::insert(books.tx, books.account, &kept, email, &keys)?;
    enter(books, &kept)?;
    Ok(Made {
        id: kept.id(),
        blob: kept.blob,
        thread: ThreadId(thread),
        size: kept.size,
    })
}

/// Counts an email that is new or back again, and tells of it. Its rows are written.
pub(super) fn enter(books: &Books<'_, '_>, kept: &Kept) -> rusqlite::Result<()> {
    counts::around(books, &[kept.thread], || counts::hold(books, kept, 1))?;
    threads::joined(books, kept.thread)?;
    use_quota(books, kept, 1)?;
    books.record_email(Kind::Created, kept)
}

fn update(books: &Books<'_, '_>, patch: &Patch) -> Result<EmailId, Denied> {
    let old = rows::find_id(books.tx, books.account, patch.id)?.ok_or_else(not_found)?;
    let mut new = old.clone();
    new.mailboxes = patched(
        &old.mailboxes,
        patch.mailboxes.as_deref().map(numbers),
        numbers(&patch.add_mailboxes),
        &numbers(&patch.remove_mailboxes),
    );
    new.keywords = patched(
        &old.keywords,
        patch.keywords.as_deref().map(words),
        words(&patch.add_keywords),
        &words(&patch.remove_keywords),
    );
    check_mailboxes(books, &new.mailboxes)?;
    flags::check(&new.keywords).map_err(Denied::Refused)?;
    new.flags = Flags::of(&new.keywords, old.flags.has_attachment());
    change(books, &old, &new)?;
    Ok(patch.id)
}

/// Puts an email where it is to be, with its keywords. Its thread stays.
pub(super) fn change(books: &Books<'_, '_>, old: &Kept, new: &Kept) -> rusqlite::Result<()> {
    if old.mailboxes == new.mailboxes && old.keywords == new.keywords {
        return Ok(());
    }
    rows::update(books.tx, books.account, old, new)?;
    counts::around(books, &[old.thread], || {
        counts::hold(books, old, -1)?;
        counts::hold(books, new, 1)
    })?;
    books.record_email(Kind::Updated, new)
}

fn destroy(books: &Books<'_, '_>, id: EmailId, now_us: TimeUs) -> Result<EmailId, Denied> {
    let kept = rows::find_id(books.tx, books.account, id)?.ok_or_else(not_found)?;
    bury(books, &kept, now_us)?;
    Ok(id)
}

/// Destroys an email; it can be brought back for a while, so that its bytes stay in use.
pub(super) fn bury(books: &Books<'_, '_>, kept: &Kept, now_us: TimeUs) -> rusqlite::Result<()> {
    rows::bury(books.tx, books.account, kept, now_us)?;
    counts::around(books, &[kept.thread], || counts::hold(books, kept, -1))?;
    threads::left(books, kept.thread)?;
    use_quota(books, kept, -1)?;
    books.record_email(Kind::Destroyed, kept)
}

fn not_found() -> Denied {
    Denied::Refused(Refusal::not_found())
}

fn numbers(mailboxes: &[MailboxId]) -> BTreeSet<u64> {
    mailboxes.iter().map(|mailbox| mailbox.0).collect()
}

fn words(keywords: &[String]) -> BTreeSet<String> {
    keywords.iter().cloned().collect()
}

fn patched<T: Ord + Clone>(
    old: &BTreeSet<T>,
    all: Option<BTreeSet<T>>,
    add: BTreeSet<T>,
    remove: &BTreeSet<T>,
) -> BTreeSet<T> {
    let mut new = all.unwrap_or_else(|| old.clone());
    new.extend(add);
    new.retain(|item| !remove.contains(item));
    new
}

/// Refuses mailboxes that are not there, none (RFC 8621 §4.1.1: at all times at least one), and too many.
fn check_mailboxes(books: &Books<'_, '_>, numbers: &BTreeSet<u64>) -> Result<(), Denied> {
    if numbers.is_empty() {
        let refusal = Refusal::property("mailboxIds", "an email is in at least one mailbox");
        return Err(Denied::Refused(refusal));
    }
    if numbers.len() > MAILBOXES_PER_EMAIL_MAX {
        let refusal = Refusal::new(Reason::TooManyMailboxes, "too many mailboxes");
        return Err(Denied::Refused(
            refusal.limit(MAILBOXES_PER_EMAIL_MAX as u64),
        ));
    }
    for number in numbers {
        if !mailboxes::exists(books.tx, books.account, *number)? {
            let mailbox = MailboxId(*number);
            let refusal = Refusal::property("mailboxIds", format!("there is no mailbox {mailbox}"));
            return Err(Denied::Refused(refusal));
        }
    }
    Ok(())
}

/// Refuses what the account's quota does not admit.
pub(super) fn check_quota(books: &Books<'_, '_>, size: u64) -> Result<(), Denied> {
    let fits: bool = books
        .tx
        .prepare_cached(
            "SELECT used_octets + ?2 <= quota_octets AND used_count + 1 <= quota_count
             FROM account WHERE number = ?1",
        )?
        .query_row([books.account, size], |row| row.get(0))?;
    match fits {
        true => Ok(()),
        false => Err(Denied::Refused(Refusal::new(
            Reason::OverQuota,
            "the account is full",
        ))),
    }
}

/// Counts the email's use of its bytes; refuses where they are not there.
fn check_blob(books: &Books<'_, '_>, blob: BlobHash) -> Result<(), Denied> {
    if blobs::add_use(books.tx, blob)? {
        return Ok(());
    }
    let mut refusal = Refusal::new(Reason::BlobNotFound, "the message is not there");
    refusal.subjects = vec![blob.to_string()];
    Err(Denied::Refused(refusal))
}

fn use_quota(books: &Books<'_, '_>, kept: &Kept, sign: i64) -> rusqlite::Result<()> {
    books
        .tx
        .prepare_cached(
            "UPDATE account SET used_octets = used_octets + ?2 * ?3, used_count = used_count + ?2
             WHERE number = ?1",
        )?
        .execute(params![books.account, sign, kept.size])?;
    log::touch(books.tx, books.account, DataType::Quota)?;
    Ok(())
}
