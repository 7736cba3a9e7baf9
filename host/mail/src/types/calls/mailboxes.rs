//! `concierge:mail/mailboxes`.

use crate::types::Mailbox;

/// What the principal may do in a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "RFC 8621 §2 defines them, by these names")]
#[expect(clippy::struct_excessive_bools, reason = "RFC 8621 §2 has them so")]
pub struct Rights {
    pub may_read_items: bool,
    pub may_add_items: bool,
    pub may_remove_items: bool,
    pub may_set_seen: bool,
    pub may_set_keywords: bool,
    pub may_create_child: bool,
    pub may_rename: bool,
    pub may_delete: bool,
    pub may_submit: bool,
}

/// A mailbox, and what the principal may do in it: together the record `mailbox`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxView {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// What may be done.
    pub rights: Rights,
}

/// What a mailbox is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// For people.
    pub name: String,
    /// `None`: at the top.
    pub parent: Option<String>,
    /// In lower case.
    pub role: Option<String>,
    /// Lower comes first.
    pub sort_order: u32,
    /// The person wants to see it.
    pub subscribed: bool,
}

/// What is to be changed of a mailbox; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patch {
    /// Which.
    pub id: String,
    /// For people.
    pub name: Option<String>,
    /// `Some(None)`: to the top.
    pub parent: Option<Option<String>>,
    /// `Some(None)`: none any more.
    pub role: Option<Option<String>>,
    /// Lower comes first.
    pub sort_order: Option<u32>,
    /// The person wants to see it.
    pub subscribed: Option<bool>,
}

/// A mailbox to be destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Which.
    pub id: String,
    /// Its mail goes too, where it is in no other mailbox.
    pub remove_emails: bool,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Makes one.
    Create(Details),
    /// Changes one.
    Update(Patch),
    /// Destroys one.
    Destroy(Removal),
}
