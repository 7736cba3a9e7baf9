//! Mailboxes (RFC 8621 §2).

use super::MailboxId;

/// Longest name, in bytes of UTF-8: fits IMAP and the file systems that mail is exported to.
pub const MAILBOX_NAME_MAX_BYTES: usize = 255;

/// Mailboxes of an account: a call lists them all.
pub const MAILBOXES_MAX: usize = 4_000;

/// How deep mailboxes may be within each other: bounds the way up that each change walks.
pub const MAILBOX_DEPTH_MAX: usize = 32;

/// A mailbox. What the principal may do in it is the service's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Its id.
    pub id: MailboxId,
    /// In NFC, unique among its siblings.
    pub name: String,
    /// Where it is in.
    pub parent: Option<MailboxId>,
    /// In lower case; at most one mailbox has a role.
    pub role: Option<String>,
    /// Lower comes first.
    pub sort_order: u32,
    /// Emails in it.
    pub total_emails: u32,
    /// Those that are neither `$seen` nor `$draft`.
    pub unread_emails: u32,
    /// Threads that have an email in it.
    pub total_threads: u32,
    /// Of these, those in which an email is unread; emails in the trash alone count in the trash alone.
    pub unread_threads: u32,
    /// The person wants to see it.
    pub subscribed: bool,
}

/// What a mailbox is to be. The name is in NFC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxDetails {
    /// 1 to [`MAILBOX_NAME_MAX_BYTES`].
    pub name: String,
    /// `None`: at the top.
    pub parent: Option<MailboxId>,
    /// In lower case.
    pub role: Option<String>,
    /// Lower comes first.
    pub sort_order: u32,
    /// The person wants to see it.
    pub subscribed: bool,
}

/// What is to be changed of a mailbox; `None` leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxPatch {
    /// Which.
    pub id: MailboxId,
    /// In NFC.
    pub name: Option<String>,
    /// `Some(None)`: to the top.
    pub parent: Option<Option<MailboxId>>,
    /// `Some(None)`: none any more.
    pub role: Option<Option<String>>,
    /// Lower comes first.
    pub sort_order: Option<u32>,
    /// The person wants to see it.
    pub subscribed: Option<bool>,
}

/// A mailbox to be destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// Which.
    pub id: MailboxId,
    /// Its mail goes too, where it is in no other mailbox.
    pub remove_emails: bool,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailboxEdit {
    /// Makes one.
    Create(MailboxDetails),
    /// Changes one.
    Update(MailboxPatch),
    /// Destroys one.
    Destroy(Removal),
}
