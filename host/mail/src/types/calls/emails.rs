//! `concierge:mail/emails`.

pub use concierge_mail_message::make::{Content, DraftPart};
pub use concierge_mail_message::{BodyValue, Field, Texts};

use crate::types::{BlobId, EmailId, MailboxId, ThreadId, TimeUs};

/// Emails or threads of one call.
pub const IDS_MAX: usize = 500;

/// A part of a message (RFC 8621 §4.1.4), with what its header says, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Unique in the message; `None` for `multipart/*`.
    pub id: Option<String>,
    /// 0 for the message's own part. Parts come in preorder.
    pub depth: u32,
    /// Where its decoded bytes are; `None` for `multipart/*`.
    pub blob_id: Option<BlobId>,
    /// Decoded octets.
    pub size: u64,
    /// All fields of its header, where they were asked for.
    pub headers: Vec<Field>,
    /// Of the file.
    pub name: Option<String>,
    /// In lower case, without parameters.
    pub content_type: String,
    /// Of text.
    pub charset: Option<String>,
    /// In lower case.
    pub disposition: Option<String>,
    /// Without brackets.
    pub cid: Option<String>,
    /// Tags of languages.
    pub language: Vec<String>,
    /// A URI.
    pub location: Option<String>,
    /// In `textBody`.
    pub in_text_body: bool,
    /// In `htmlBody`.
    pub in_html_body: bool,
    /// In `attachments`.
    pub in_attachments: bool,
}

/// What is wanted of emails beyond what is kept beside them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Detail {
    /// All fields of the message's header; else those that lists show.
    pub all_headers: bool,
    /// The parts.
    pub structure: bool,
    /// The fields of each part's header.
    pub part_headers: bool,
    /// Which texts.
    pub texts: Texts,
    /// Of each text, bytes of UTF-8; 0: as much as the host gives.
    pub max_text_bytes: u32,
}

/// An email. One that was parsed has no ids of the store, mailboxes, keywords and time of receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// `None` where it was parsed.
    pub id: Option<EmailId>,
    /// Its bytes.
    pub blob_id: BlobId,
    /// `None` where it was parsed.
    pub thread_id: Option<ThreadId>,
    /// Ascending.
    pub mailboxes: Vec<MailboxId>,
    /// In lower case, ascending.
    pub keywords: Vec<String>,
    /// Octets.
    pub size: u64,
    /// When it came; 0 where it was parsed.
    pub received_us: TimeUs,
    /// All in their order, or of those that lists show the last of each.
    pub headers: Vec<Field>,
    /// A person would see an attachment.
    pub has_attachment: bool,
    /// At most 256 characters.
    pub preview: String,
    /// Empty where it was not asked for.
    pub parts: Vec<Part>,
    /// Those that were asked for.
    pub texts: Vec<BodyValue>,
}

/// A message that is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// The message's header, without `Content-*`; values are encoded already (RFC 2047) and not folded.
    pub headers: Vec<Field>,
    /// In preorder; the blobs in them by their ids.
    pub parts: Vec<DraftPart>,
    /// Where it goes.
    pub mailboxes: Vec<String>,
    /// What it is marked with.
    pub keywords: Vec<String>,
    /// `None`: now.
    pub received_us: Option<TimeUs>,
}

/// A message to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its bytes.
    pub blob_id: String,
    /// Where it goes.
    pub mailboxes: Vec<String>,
    /// What it is marked with.
    pub keywords: Vec<String>,
    /// `None`: now.
    pub received_us: Option<TimeUs>,
}

/// An email to be copied from another account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Which, there.
    pub from_id: String,
    /// Where it goes.
    pub mailboxes: Vec<String>,
    /// `None`: those it has.
    pub keywords: Option<Vec<String>>,
    /// `None`: when it came there.
    pub received_us: Option<TimeUs>,
}

/// What is to be changed of an email.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patch {
    /// Which.
    pub id: String,
    /// All mailboxes from now on; `None`: those it has, with the changes below.
    pub mailboxes: Option<Vec<String>>,
    /// Where it goes.
    pub add_mailboxes: Vec<String>,
    /// Where it goes from.
    pub remove_mailboxes: Vec<String>,
    /// All keywords from now on.
    pub keywords: Option<Vec<String>>,
    /// What it is marked with.
    pub add_keywords: Vec<String>,
    /// What it is no longer marked with.
    pub remove_keywords: Vec<String>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Makes a message.
    Create(Draft),
    /// Takes one that is there.
    Import(Message),
    /// Changes an email.
    Update(Patch),
    /// Destroys one.
    Destroy(String),
}
