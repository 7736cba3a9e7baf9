//! `concierge:mail/emails`.

use std::collections::HashMap;

use bytes::Bytes;
use concierge_identity::AccountId;
use futures::{StreamExt, TryStreamExt, stream};

use super::accounts::changes_max;
use super::drafts::{Fault, item};
use super::ids::{at_most, id, ids, known};
use super::views::{self, ANSWER_MAX_BYTES, Deep};
use super::{Mail, keywords};
use crate::error::{Error, Reason, Refusal};
use crate::store::EmailEdit;
use crate::types::calls::emails::{Copied, Detail, Edit, Email, IDS_MAX, Patch};
use crate::types::{
    Changes, Done, Edited, EmailId, EmailRow, Made, MailboxId, NewEmail, StateNumber, Thread,
    ThreadId, TimeUs,
};

/// Changes of one call.
pub const EDITS_MAX: usize = 500;

/// Messages that a call reads at once: the disk's answers come together, and no call has all the memory.
const AT_ONCE: usize = 4;
/// Messages of a call whose bytes are made durable at once: they share the syncs of the disk.
const KEPT_AT_ONCE: usize = 16;

/// A message that an operator brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The message.
    pub bytes: Vec<u8>,
    /// Where it goes; at least one.
    pub mailboxes: Vec<MailboxId>,
    /// What it is marked with.
    pub keywords: Vec<String>,
    /// `None`: when its header says, else now.
    pub received_us: Option<TimeUs>,
}

impl Mail {
    /// Emails by id, at most [`IDS_MAX`], and their state. Those that are not there are left out. Bytes are read only
    /// for what is not kept beside them.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::TooLarge`] for more ids, or more text, than one answer has.
    pub async fn emails(
        &self,
        principal: AccountId,
        account: &str,
        ids: Vec<String>,
        detail: Detail,
    ) -> Result<(Vec<Email>, StateNumber), Error> {
        let account = self.read(principal, account).await?;
        at_most(ids.len(), IDS_MAX)?;
        let (rows, state) = self.store.emails(account, known(&ids)).await?;
        if !views::needs_bytes(&detail) {
            let emails = rows
                .into_iter()
                .map(|row| views::email(row, Deep::default()));
            return Ok((emails.collect(), state));
        }
        let mut read = stream::iter(rows)
            .map(|row| self.deep(account, row, detail))
            .buffered(AT_ONCE);
        let mut emails = Vec::new();
        let mut size = 0;
        while let Some(found) = read.try_next().await? {
            let Some((row, deep)) = found else {
                continue;
            };
            let email = views::email(row, deep);
            size += views::size(&email);
            if size > ANSWER_MAX_BYTES {
                return Err(Error::TooLarge(ANSWER_MAX_BYTES));
            }
            emails.push(email);
        }
        Ok((emails, state))
    }

    /// Reads an email's message; `None`: another call has destroyed it since it was found.
    async fn deep(
        &self,
        account: AccountId,
        row: EmailRow,
        detail: Detail,
    ) -> Result<Option<(EmailRow, Deep)>, Error> {
        let blob = row.blob.into();
        let opened = match self.contents.open(account, &blob).await {
            Err(Error::NotFound) => return Ok(None),
            opened => opened?,
        };
        let loaded = self.contents.load(&opened).await?;
        let deep = views::with_message(loaded, move |message, _| Deep::of(message, &blob, &detail));
        Ok(Some((row, deep.await?)))
    }

    /// What messages say, without their being emails (`Email/parse`). A refusal is [`Reason::BlobNotFound`], or
    /// [`Reason::InvalidEmail`] where it is no message.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::TooLarge`].
    pub async fn parse_emails(
        &self,
        principal: AccountId,
        account: &str,
        blobs: Vec<String>,
        detail: Detail,
    ) -> Result<Vec<Result<Email, Refusal>>, Error> {
        let account = self.read(principal, account).await?;
        at_most(blobs.len(), IDS_MAX)?;
        let mut parsed = Vec::new();
        let mut size = 0;
        for blob in &blobs {
            let email = item(self.parse(account, blob, detail).await)?;
            size += email.as_ref().map_or(0, views::size);
            if size > ANSWER_MAX_BYTES {
                return Err(Error::TooLarge(ANSWER_MAX_BYTES));
            }
            parsed.push(email);
        }
        Ok(parsed)
    }

    async fn parse(&self, account: AccountId, text: &str, detail: Detail) -> Result<Email, Fault> {
        let blob = super::ids::blob(text)?;
        let opened = self.readable(account, text).await?;
        let loaded = self.contents.load(&opened).await?;
        let size = opened.size;
        let parsed = views::with_message(loaded, move |message, _| {
            let is_message = message.has_header();
            is_message.then(|| views::parsed(message, blob, size, &detail))
        });
        let no_message = || Refusal::new(Reason::InvalidEmail, "it is no message");
        Ok(parsed.await?.ok_or_else(no_message)?)
    }

    /// What changed since a state, at most `max` ids (0: as many as the host gives).
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::CannotCalculateChanges`]; what the store says.
    pub async fn emails_changed(
        &self,
        principal: AccountId,
        account: &str,
        since: StateNumber,
        max: u32,
    ) -> Result<Changes<EmailId>, Error> {
        let account = self.read(principal, account).await?;
        let max = changes_max(max);
        self.store.email_changes(account, since, max).await
    }

    /// Makes, changes and destroys emails, each edit on its own, in their order.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::AccountReadOnly`], [`Error::StateMismatch`], [`Error::TooLarge`] for more
    /// than [`EDITS_MAX`]; what the store says.
    pub async fn set_emails(
        &self,
        principal: AccountId,
        account: &str,
        if_in_state: Option<StateNumber>,
        edits: Vec<Edit>,
    ) -> Result<Edited, Error> {
        let account = self.write(principal, account).await?;
        at_most(edits.len(), EDITS_MAX)?;
        let prepared = stream::iter(edits)
            .map(|edit| self.prepared(account, edit))
            .buffered(KEPT_AT_ONCE);
        // What was begun runs to its end, whichever fails.
        let prepared: Vec<_> = prepared.collect().await;
        let prepared: Result<Vec<_>, _> = prepared.into_iter().map(item).collect();
        self.edit(account, if_in_state, prepared?).await
    }

    async fn prepared(&self, account: AccountId, edit: Edit) -> Result<EmailEdit, Fault> {
        Ok(match edit {
            Edit::Create(draft) => insert(self.made(account, draft).await?),
            Edit::Import(message) => insert(self.imported(account, message).await?),
            Edit::Update(patch) => EmailEdit::Update(update(patch)?),
            Edit::Destroy(email) => EmailEdit::Destroy(id(&email)),
        })
    }

    /// Does what was not refused before, in one operation.
    async fn edit(
        &self,
        account: AccountId,
        if_in_state: Option<StateNumber>,
        prepared: Vec<Result<EmailEdit, Refusal>>,
    ) -> Result<Edited, Error> {
        let mut edits = Vec::new();
        let mut refused = Vec::new();
        for edit in prepared {
            refused.push(edit.map(|edit| edits.push(edit)).err());
        }
        let now_us = self.now_us();
        let edited = self.store.edit_emails(account, if_in_state, edits, now_us);
        let mut edited = edited.await?;
        let mut done = edited.items.into_iter();
        let items = refused.into_iter().filter_map(|refused| match refused {
            Some(refusal) => Some(Err(refusal)),
            None => done.next(),
        });
        edited.items = items.collect();
        Ok(edited)
    }

    /// Copies emails from another account (RFC 8621 §4.7). `if_from_in_state` is about that one.
    ///
    /// # Errors
    /// Those of [`Self::set_emails`], of either account.
    pub async fn copy_emails(
        &self,
        principal: AccountId,
        from_account: &str,
        account: &str,
        if_from_in_state: Option<StateNumber>,
        if_in_state: Option<StateNumber>,
        emails: Vec<Copied>,
    ) -> Result<Edited, Error> {
        let from = self.read(principal, from_account).await?;
        let account = self.write(principal, account).await?;
        at_most(emails.len(), EDITS_MAX)?;
        let texts: Vec<_> = emails.iter().map(|copied| copied.from_id.clone()).collect();
        let (rows, state) = self.store.emails(from, known(&texts)).await?;
        if if_from_in_state.is_some_and(|expected| expected != state) {
            return Err(Error::StateMismatch);
        }
        let rows: HashMap<EmailId, EmailRow> = rows.into_iter().map(|row| (row.id, row)).collect();
        let mut prepared = Vec::new();
        for copied in emails {
            let Some(row) = rows.get(&id(&copied.from_id)) else {
                prepared.push(Err(Refusal::not_found()));
                continue;
            };
            let copied = self.copied(from, account, row.clone(), copied).await;
            prepared.push(item(copied)?.map(insert));
        }
        self.edit(account, if_in_state, prepared).await
    }

    /// Threads by id, at most [`IDS_MAX`], and their state. Those that are not there are left out.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::TooLarge`].
    pub async fn threads(
        &self,
        principal: AccountId,
        account: &str,
        ids: Vec<String>,
    ) -> Result<(Vec<Thread>, StateNumber), Error> {
        let account = self.read(principal, account).await?;
        at_most(ids.len(), IDS_MAX)?;
        self.store.threads(account, known(&ids)).await
    }

    /// What changed of threads.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::CannotCalculateChanges`]; what the store says.
    pub async fn threads_changed(
        &self,
        principal: AccountId,
        account: &str,
        since: StateNumber,
        max: u32,
    ) -> Result<Changes<ThreadId>, Error> {
        let account = self.read(principal, account).await?;
        let max = changes_max(max);
        self.store.thread_changes(account, since, max).await
    }

    /// Takes a message that an operator brings. Nobody is asked for permission.
    ///
    /// # Errors
    /// What the store says.
    pub async fn import(
        &self,
        account: AccountId,
        import: Import,
    ) -> Result<Result<Made, Refusal>, Error> {
        let imported = self.import_all(account, vec![import]).await?;
        imported.into_iter().next().ok_or(Error::Internal)
    }

    /// Takes messages that an operator brings, in their order and in one operation, so that on an error none is taken.
    /// Nobody is asked for permission. Each is answered on its own.
    ///
    /// # Errors
    /// What the store says.
    pub async fn import_all(
        &self,
        account: AccountId,
        imports: Vec<Import>,
    ) -> Result<Vec<Result<Made, Refusal>>, Error> {
        let brought = stream::iter(imports)
            .map(|import| self.brought(account, import))
            .buffered(KEPT_AT_ONCE);
        // What was begun runs to its end, whichever fails.
        let brought: Vec<_> = brought.collect().await;
        let brought: Result<Vec<_>, _> = brought.into_iter().map(item).collect();
        let edited = self.edit(account, None, brought?).await?;
        let made = edited.items.into_iter().map(|done| match done {
            Ok(Done::Made(made)) => Ok(Ok(made)),
            Err(refusal) => Ok(Err(refusal)),
            Ok(_) => Err(Error::Internal),
        });
        made.collect()
    }

    async fn brought(&self, account: AccountId, import: Import) -> Result<EmailEdit, Fault> {
        let keywords = keywords::checked(import.keywords)?;
        let bytes = Bytes::from(import.bytes);
        let (blob, summary) = self.taken(account, bytes.clone()).await?;
        let received_us = match import.received_us {
            Some(received_us) => received_us,
            None => self.receipt_us(bytes).await?,
        };
        Ok(insert(NewEmail {
            blob,
            summary,
            mailboxes: import.mailboxes,
            keywords,
            received_us,
        }))
    }

    /// When a message came, as far as its header tells; what it says of the future is not believed.
    async fn receipt_us(&self, bytes: Bytes) -> Result<TimeUs, Error> {
        let loaded = self.contents.loaded(bytes).await?;
        let told = views::with_message(loaded, |message, _| message.received_us());
        let now_us = self.now_us();
        Ok(told.await?.map_or(now_us, |told_us| told_us.min(now_us)))
    }
}

fn insert(email: NewEmail) -> EmailEdit {
    EmailEdit::Insert(Box::new(email))
}

fn update(patch: Patch) -> Result<crate::types::Patch, Refusal> {
    Ok(crate::types::Patch {
        id: id(&patch.id),
        mailboxes: patch.mailboxes.as_deref().map(ids),
        add_mailboxes: ids(&patch.add_mailboxes),
        remove_mailboxes: known(&patch.remove_mailboxes),
        keywords: patch.keywords.map(keywords::checked).transpose()?,
        add_keywords: keywords::checked(patch.add_keywords)?,
        remove_keywords: lower(patch.remove_keywords),
    })
}

/// What is to go need not be of any form.
fn lower(keywords: Vec<String>) -> Vec<String> {
    let keywords = keywords.into_iter();
    keywords
        .map(|keyword| keyword.to_ascii_lowercase())
        .collect()
}
