//! Who may do what: the only place that decides it.
//!
//! - A principal may read its own account and those that it was given, and change those that it was not given to read
//!   alone.
//! - Of other accounts it is not told whether they are there.
//! - An id reaches only what is in the account that the call names: the store looks for nothing elsewhere.

use concierge_identity::AccountId;

use crate::error::Error;
use crate::store::{Access, AccountStore};
use crate::types::Mailbox;
use crate::types::calls::mailboxes::Rights;

/// An account that a principal may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visible {
    /// Which.
    pub(crate) id: AccountId,
    access: Access,
}

impl Visible {
    /// What the principal may do in a mailbox (RFC 8621 §2).
    pub(crate) fn rights(self, mailbox: &Mailbox) -> Rights {
        let may_write = !self.access.read_only;
        Rights {
            may_read_items: true,
            may_add_items: may_write,
            may_remove_items: may_write,
            may_set_seen: may_write,
            may_set_keywords: may_write,
            may_create_child: may_write,
            may_rename: may_write,
            // Mail is delivered there.
            may_delete: may_write && mailbox.role.as_deref() != Some("inbox"),
            may_submit: may_write,
        }
    }
}

/// Lets a principal read an account.
///
/// # Errors
/// [`Error::AccountNotFound`] where there is none, where it may not be seen, and for what is no id.
pub(crate) async fn read(
    store: &(impl AccountStore + ?Sized),
    principal: AccountId,
    account: &str,
) -> Result<Visible, Error> {
    let id: AccountId = account.parse().map_err(|_| Error::AccountNotFound)?;
    // One form for each id.
    if id.to_string() != account {
        return Err(Error::AccountNotFound);
    }
    let access = store.access(principal, id).await?;
    let access = access.ok_or(Error::AccountNotFound)?;
    Ok(Visible { id, access })
}

/// Lets a principal change an account.
///
/// # Errors
/// Those of [`read`]; [`Error::AccountReadOnly`].
pub(crate) async fn write(
    store: &(impl AccountStore + ?Sized),
    principal: AccountId,
    account: &str,
) -> Result<AccountId, Error> {
    let visible = read(store, principal, account).await?;
    match visible.access.read_only {
        true => Err(Error::AccountReadOnly),
        false => Ok(visible.id),
    }
}
