//! Emails and threads (RFC 8621 §3 and §4), as far as they are kept beside their bytes.

use serde::{Deserialize, Serialize};

use super::{BlobHash, EmailId, MailboxId, StateNumber, StorageId, ThreadId, TimeUs};
use crate::error::Refusal;

/// Keywords of an email; IMAP servers have similar limits.
pub const KEYWORDS_MAX: usize = 100;
/// Longest keyword, in bytes (RFC 8621 §4.1.1).
pub const KEYWORD_MAX_BYTES: usize = 255;
/// Mailboxes an email may be in at once: each costs a row.
pub const MAILBOXES_PER_EMAIL_MAX: usize = 100;

/// A field of a header, as it was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderField {
    /// As it was written.
    pub name: String,
    /// As it was written: behind the colon, folds and all, without the last line break.
    pub value: String,
}

/// What decides the thread of a message.
///
/// Messages are in one thread that are connected by an id in `message_id` or `references`. A message that is a reply,
/// has no references and has a subject is moreover connected with all messages of the account that have its subject,
/// earlier and later ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadKeys {
    /// Without brackets.
    pub message_id: Option<String>,
    /// The ids it refers to.
    pub references: Vec<String>,
    /// The base subject (RFC 5256 §2.1) in lower case; may be empty.
    pub subject: String,
    /// The subject says that it is a reply or a forward.
    pub is_reply: bool,
}

impl ThreadKeys {
    /// Whether it is connected with all messages of its subject.
    #[must_use]
    pub fn goes_by_subject(&self) -> bool {
        self.is_reply && self.references.is_empty() && !self.subject.is_empty()
    }
}

/// What is made of a message once, when it comes, and kept beside it, so that a list reads no message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Octets of the message.
    pub size: u64,
    /// The Date field.
    pub sent_us: Option<TimeUs>,
    /// What From sorts as.
    pub sort_from: String,
    /// What To sorts as.
    pub sort_to: String,
    /// What the subject sorts as: its base, in lower case.
    pub sort_subject: String,
    /// A person would see an attachment.
    pub has_attachment: bool,
    /// At most 256 characters.
    pub preview: String,
    /// Those fields that lists show, the last of each.
    pub headers: Vec<HeaderField>,
    /// What decides the thread.
    pub thread: ThreadKeys,
}

/// An email to be kept. Its bytes are put already: the store's claim on the blob is given up for the email's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEmail {
    /// Its bytes.
    pub blob: BlobHash,
    /// What is kept beside it.
    pub summary: Summary,
    /// At least one.
    pub mailboxes: Vec<MailboxId>,
    /// In lower case.
    pub keywords: Vec<String>,
    /// When it came.
    pub received_us: TimeUs,
}

/// An email as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailRow {
    /// Its JMAP id.
    pub id: EmailId,
    /// Its thread.
    pub thread: ThreadId,
    /// Its bytes.
    pub blob: BlobHash,
    /// Octets.
    pub size: u64,
    /// When it came.
    pub received_us: TimeUs,
    /// The Date field.
    pub sent_us: Option<TimeUs>,
    /// Where it is, ascending.
    pub mailboxes: Vec<MailboxId>,
    /// In lower case, ascending.
    pub keywords: Vec<String>,
    /// A person would see an attachment.
    pub has_attachment: bool,
    /// At most 256 characters.
    pub preview: String,
    /// Those fields that lists show.
    pub headers: Vec<HeaderField>,
}

impl EmailRow {
    /// The id that stays.
    #[must_use]
    pub fn storage(&self) -> StorageId {
        self.id.storage
    }
}

/// A thread: its emails, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// Its id.
    pub id: ThreadId,
    /// Its emails.
    pub emails: Vec<EmailId>,
}

/// What is to be changed of an email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Which.
    pub id: EmailId,
    /// All mailboxes from now on; `None`: those it has, with the changes below.
    pub mailboxes: Option<Vec<MailboxId>>,
    /// Where it goes.
    pub add_mailboxes: Vec<MailboxId>,
    /// Where it goes from.
    pub remove_mailboxes: Vec<MailboxId>,
    /// All keywords from now on.
    pub keywords: Option<Vec<String>>,
    /// What it is marked with.
    pub add_keywords: Vec<String>,
    /// What it is no longer marked with.
    pub remove_keywords: Vec<String>,
}

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Its JMAP id.
    pub id: EmailId,
    /// Its bytes.
    pub blob: BlobHash,
    /// Its thread.
    pub thread: ThreadId,
    /// Octets.
    pub size: u64,
}

/// What a change made of an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It is new.
    Made(Made),
    /// It was changed.
    Changed(EmailId),
    /// It is gone.
    Destroyed(EmailId),
}

/// What `set` did, item by item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// Of emails, before.
    pub old_state: StateNumber,
    /// And after.
    pub new_state: StateNumber,
    /// In the order in which they were given.
    pub items: Vec<Result<Done, Refusal>>,
}
