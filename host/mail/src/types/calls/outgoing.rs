//! `concierge:mail/outgoing`.

use crate::types::{SubmissionId, TimeUs};

/// What kind of mail it is, for queues, rates and source addresses of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Someone waits for it: a confirmation, a password.
    Transactional,
    /// Someone wants to know.
    Notification,
    /// Someone may want to know.
    Marketing,
}

/// A file that is sent along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Of the file.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A message that the host is to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// As people read it.
    pub subject: String,
    /// Plain.
    pub text: String,
    /// The same as HTML.
    pub html: Option<String>,
    /// Files.
    pub attachments: Vec<Attachment>,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A whole message (RFC 5322), with its header.
    Mime(Vec<u8>),
    /// A message that is made.
    Letter(Letter),
}

/// A message and its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// One of the account's addresses.
    pub from: String,
    /// For people.
    pub from_name: Option<String>,
    /// 1 to 100 addresses.
    pub to: Vec<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// Which queue.
    pub category: Category,
    /// What.
    pub content: Content,
    /// 1 to 255 characters.
    pub idempotency_key: String,
}

/// A message that was accepted: the record `accepted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its place in the queue.
    pub queue_id: SubmissionId,
    /// When.
    pub accepted_us: TimeUs,
}
