//! Finding emails (RFC 8621 §4.4 and §4.5).

use std::collections::HashSet;
use std::sync::Arc;

use super::{EmailId, MailboxId, StateNumber, StorageId, TimeUs};

/// Terms of a filter.
pub const FILTER_TERMS_MAX: usize = 256;
/// Levels of an order.
pub const SORT_LEVELS_MAX: usize = 8;
/// Ids of a page.
pub const WINDOW_MAX: u32 = 1_000;

/// A header field that is there, or contains something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderMatch {
    /// Of the field.
    pub name: String,
    /// What it contains; `None`: it is there.
    pub value: Option<String>,
}

/// A condition, or an operator over the terms before it. A filter is a list of them in postfix order.
///
/// The store knows no texts: before it sees a filter, the search index has put a [`Term::Matches`] in the place of each
/// term from [`Term::Text`] on. It refuses the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// All of the so many results before this one.
    All(u32),
    /// Any of them.
    Any(u32),
    /// None of them.
    None(u32),
    /// It is there.
    InMailbox(MailboxId),
    /// It is in another than these.
    InMailboxOtherThan(Vec<MailboxId>),
    /// Received before.
    Before(TimeUs),
    /// Received then or later.
    After(TimeUs),
    /// Octets, at least.
    MinSize(u64),
    /// Octets, fewer than.
    MaxSize(u64),
    /// All emails of its thread have it.
    AllInThreadHaveKeyword(String),
    /// At least one has.
    SomeInThreadHaveKeyword(String),
    /// None has.
    NoneInThreadHaveKeyword(String),
    /// It has it.
    HasKeyword(String),
    /// It has it not.
    NotKeyword(String),
    /// A person would see an attachment, or would not.
    HasAttachment(bool),
    /// It is one of these: what the search index has found.
    Matches(Arc<HashSet<StorageId>>),
    /// In any of the fields below.
    Text(String),
    /// In From.
    From(String),
    /// In To.
    To(String),
    /// In Cc.
    Cc(String),
    /// In Bcc.
    Bcc(String),
    /// In the subject.
    Subject(String),
    /// In the body.
    Body(String),
    /// In the name of an attachment.
    AttachmentName(String),
    /// In a header field.
    Header(HeaderMatch),
}

/// What can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "RFC 8621 §4.4.2 defines them, by these names")]
pub enum Property {
    ReceivedAt,
    SentAt,
    Size,
    From,
    To,
    Subject,
    HasKeyword,
    AllInThreadHaveKeyword,
    SomeInThreadHaveKeyword,
}

/// One level of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparator {
    /// By what.
    pub property: Property,
    /// For the properties that are about a keyword, in lower case.
    pub keyword: String,
    /// Else descending.
    pub ascending: bool,
}

/// Which emails, in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Empty: all.
    pub filter: Vec<Term>,
    /// Empty: newest first.
    pub sort: Vec<Comparator>,
    /// Of each thread only the first.
    pub collapse_threads: bool,
}

/// Which of the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// From the start, or from the end where negative. Not looked at where there is an anchor.
    pub position: i64,
    /// The email that the window lies at.
    pub anchor: Option<EmailId>,
    /// How far behind it the window begins.
    pub anchor_offset: i64,
    /// At most [`WINDOW_MAX`].
    pub limit: u32,
    /// How many results there are is wanted.
    pub calculate_total: bool,
}

/// A page of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Of emails.
    pub query_state: StateNumber,
    /// Whether `query_changes` can be asked for.
    pub can_calculate_changes: bool,
    /// Of the first id, from the start.
    pub position: u64,
    /// In the order of the query.
    pub ids: Vec<EmailId>,
    /// Of all results.
    pub total: Option<u64>,
}

/// A result that is new, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// Which.
    pub id: EmailId,
    /// From the start.
    pub index: u64,
}

/// How the results of a query changed (RFC 8620 §5.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryChanges {
    /// As given.
    pub old_query_state: StateNumber,
    /// The present one.
    pub new_query_state: StateNumber,
    /// Of all results.
    pub total: Option<u64>,
    /// What may have been among the results and is not, or is elsewhere.
    pub removed: Vec<EmailId>,
    /// Ascending by index.
    pub added: Vec<Added>,
}
