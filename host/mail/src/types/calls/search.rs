//! `concierge:mail/search`.

use crate::types::{Comparator, EmailId, HeaderMatch, TimeUs};

/// A condition, or an operator over the terms before it: [`crate::types::Term`] with ids as texts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants of `crate::types::Term`")]
pub enum Term {
    All(u32),
    Any(u32),
    None(u32),
    InMailbox(String),
    InMailboxOtherThan(Vec<String>),
    Before(TimeUs),
    After(TimeUs),
    MinSize(u64),
    MaxSize(u64),
    AllInThreadHaveKeyword(String),
    SomeInThreadHaveKeyword(String),
    NoneInThreadHaveKeyword(String),
    HasKeyword(String),
    NotKeyword(String),
    HasAttachment(bool),
    Text(String),
    From(String),
    To(String),
    Cc(String),
    Bcc(String),
    Subject(String),
    Body(String),
    AttachmentName(String),
    Header(HeaderMatch),
}

/// Which emails, in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// In postfix order. Empty: all.
    pub filter: Vec<Term>,
    /// Empty: newest first.
    pub sort: Vec<Comparator>,
    /// Of each thread only the first.
    pub collapse_threads: bool,
}

/// Which of the results.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// From the start, or from the end where negative. Not looked at where there is an anchor.
    pub position: i64,
    /// The email that the window lies at.
    pub anchor: Option<String>,
    /// How far behind it the window begins.
    pub anchor_offset: i64,
    /// At most [`crate::types::WINDOW_MAX`].
    pub limit: u32,
    /// How many results there are is wanted.
    pub calculate_total: bool,
}

/// Where a search matched: HTML, with `<mark>` around what matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// Of which email.
    pub email_id: EmailId,
    /// In it.
    pub subject: Option<String>,
    /// Around a match in the body.
    pub preview: Option<String>,
}
