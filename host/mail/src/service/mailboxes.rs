//! `concierge:mail/mailboxes`.

use concierge_identity::AccountId;
use unicode_normalization::UnicodeNormalization;

use super::Mail;
use super::accounts::changes_max;
use super::emails::EDITS_MAX;
use super::ids::{at_most, id};
use crate::authorize;
use crate::error::Error;
use crate::types::calls::mailboxes::{Details, Edit, MailboxView, Patch};
use crate::types::{
    Changes, MailboxDetails, MailboxEdit, MailboxId, MailboxPatch, Outcomes, Removal, StateNumber,
};

impl Mail {
    /// All mailboxes of an account, and their state.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`]; what the store says.
    pub async fn mailboxes(
        &self,
        principal: AccountId,
        account: &str,
    ) -> Result<(Vec<MailboxView>, StateNumber), Error> {
        let visible = authorize::read(self.store.as_ref(), principal, account).await?;
        let (mailboxes, state) = self.store.mailboxes(visible.id).await?;
        let views = mailboxes.into_iter().map(|mailbox| MailboxView {
            rights: visible.rights(&mailbox),
            mailbox,
        });
        Ok((views.collect(), state))
    }

    /// What changed since a state, at most `max` ids (0: as many as the host gives).
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::CannotCalculateChanges`]; what the store says.
    pub async fn mailboxes_changed(
        &self,
        principal: AccountId,
        account: &str,
        since: StateNumber,
        max: u32,
    ) -> Result<Changes<MailboxId>, Error> {
        let account = self.read(principal, account).await?;
        let max = changes_max(max);
        self.store.mailbox_changes(account, since, max).await
    }

    /// Changes mailboxes, each edit on its own, in their order.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::AccountReadOnly`], [`Error::StateMismatch`], [`Error::TooLarge`] for more
    /// than [`EDITS_MAX`]; what the store says.
    pub async fn set_mailboxes(
        &self,
        principal: AccountId,
        account: &str,
        if_in_state: Option<StateNumber>,
        edits: Vec<Edit>,
    ) -> Result<Outcomes<MailboxId>, Error> {
        let account = self.write(principal, account).await?;
        at_most(edits.len(), EDITS_MAX)?;
        let edits = edits.into_iter().map(edit).collect();
        let now_us = self.now_us();
        self.store
            .edit_mailboxes(account, if_in_state, edits, now_us)
            .await
    }
}

fn edit(edit: Edit) -> MailboxEdit {
    match edit {
        Edit::Create(details) => MailboxEdit::Create(create(details)),
        Edit::Update(patch) => MailboxEdit::Update(update(patch)),
        Edit::Destroy(removal) => MailboxEdit::Destroy(Removal {
            id: id(&removal.id),
            remove_emails: removal.remove_emails,
        }),
    }
}

fn create(details: Details) -> MailboxDetails {
    MailboxDetails {
        name: in_nfc(&details.name),
        parent: details.parent.as_deref().map(id),
        role: details.role.map(|role| role.to_lowercase()),
        sort_order: details.sort_order,
        subscribed: details.subscribed,
    }
}

fn update(patch: Patch) -> MailboxPatch {
    MailboxPatch {
        id: id(&patch.id),
        name: patch.name.as_deref().map(in_nfc),
        parent: patch.parent.map(|parent| parent.as_deref().map(id)),
        role: patch.role.map(|role| role.map(|role| role.to_lowercase())),
        sort_order: patch.sort_order,
        subscribed: patch.subscribed,
    }
}

/// Names that look the same are the same (RFC 8621 §2: Net-Unicode, RFC 5198).
fn in_nfc(name: &str) -> String {
    name.nfc().collect()
}
