//! `concierge:mail/submissions`.

use crate::types::{Address, Envelope, TimeUs, UndoStatus};

/// A sender that is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewSender {
    /// For people.
    pub name: String,
    /// One of the account's addresses, or `*@` and a domain of it.
    pub email: String,
    /// Where answers go.
    pub reply_to: Vec<Address>,
    /// Who has a copy of all.
    pub bcc: Vec<Address>,
    /// Below texts.
    pub text_signature: String,
    /// Below HTML.
    pub html_signature: String,
}

/// What is to be changed of a sender; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of a sender")]
pub struct SenderPatch {
    pub id: String,
    pub name: Option<String>,
    pub reply_to: Option<Vec<Address>>,
    pub bcc: Option<Vec<Address>>,
    pub text_signature: Option<String>,
    pub html_signature: Option<String>,
}

/// One change of senders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderEdit {
    /// Makes one.
    Create(NewSender),
    /// Changes one.
    Update(SenderPatch),
    /// Destroys one.
    Destroy(String),
}

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// As whom.
    pub sender_id: String,
    /// What.
    pub email_id: String,
    /// `None`: from the sender's address to those in To, Cc and Bcc.
    pub envelope: Option<Envelope>,
    /// `None`: now.
    pub send_at_us: Option<TimeUs>,
}

/// One change of submissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Submits.
    Create(Request),
    /// Takes one back while it waits.
    Cancel(String),
    /// Forgets one.
    Destroy(String),
}

/// Which submissions; all conditions given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "RFC 8621 §7.3 defines them, by these names")]
pub struct Filter {
    pub senders: Option<Vec<String>>,
    pub emails: Option<Vec<String>>,
    pub threads: Option<Vec<String>>,
    pub undo_status: Option<UndoStatus>,
    pub before_us: Option<TimeUs>,
    pub after_us: Option<TimeUs>,
}
