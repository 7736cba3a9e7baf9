//! Why a call failed, and why one item of it did.

/// Why a call as a whole was not done: one case for each of the WIT variant `error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Sign in again.
    #[error("the token is not accepted")]
    InvalidToken,
    /// There is none, or the principal may not see it.
    #[error("there is no such account")]
    AccountNotFound,
    /// The principal may only read.
    #[error("the account is read-only")]
    AccountReadOnly,
    /// What may not be done.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// `if_in_state` is not the present state.
    #[error("the state is another")]
    StateMismatch,
    /// What changed is not known any more.
    #[error("the changes since that state are not known")]
    CannotCalculateChanges,
    /// More than the caller takes.
    #[error("too many changes")]
    TooManyChanges,
    /// It is not among the results.
    #[error("the anchor is not among the results")]
    AnchorNotFound,
    /// What cannot be filtered by.
    #[error("cannot filter by {0}")]
    UnsupportedFilter(String),
    /// What cannot be sorted by.
    #[error("cannot sort by {0}")]
    UnsupportedSort(String),
    /// Which argument, and what is wrong.
    #[error("{0}")]
    InvalidArguments(String),
    /// More than this limit.
    #[error("more than {0}")]
    TooLarge(u64),
    /// The account is full.
    #[error("over quota")]
    OverQuota,
    /// There is no such thing in the account.
    #[error("not found")]
    NotFound,
    /// Again after so many seconds.
    #[error("too much at once; again after {0} s")]
    SlowDown(u32),
    /// Again later.
    #[error("not available now")]
    Unavailable,
    /// A fault of the host.
    #[error("an internal fault")]
    Internal,
}

/// Why one item was not done: the WIT enum `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "RFC 8620 §5.3 and RFC 8621 §2.5, §4.6 and §7.5 define them, by these names"
)]
pub enum Reason {
    Forbidden,
    OverQuota,
    TooLarge,
    RateLimit,
    NotFound,
    InvalidProperties,
    AlreadyExists,
    MailboxHasChild,
    MailboxHasEmail,
    BlobNotFound,
    TooManyKeywords,
    TooManyMailboxes,
    InvalidEmail,
    TooManyRecipients,
    NoRecipients,
    InvalidRecipients,
    ForbiddenMailFrom,
    ForbiddenFrom,
    ForbiddenToSend,
    CannotUnsend,
}

/// One item that was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// For people.
    pub description: String,
    /// The properties at fault, as JMAP names them.
    pub properties: Vec<String>,
    /// Blobs that were not found, recipients that are not valid, the item that is there already.
    pub subjects: Vec<String>,
    /// The limit that was exceeded, or 0.
    pub limit: u64,
}

impl Refusal {
    /// With a reason and a sentence.
    pub fn new(reason: Reason, description: impl Into<String>) -> Self {
        Self {
            reason,
            description: description.into(),
            properties: Vec::new(),
            subjects: Vec::new(),
            limit: 0,
        }
    }

    /// A property that cannot be as it was given.
    pub fn property(property: &str, description: impl Into<String>) -> Self {
        Self {
            properties: vec![property.to_owned()],
            ..Self::new(Reason::InvalidProperties, description)
        }
    }

    /// There is no such item.
    pub fn not_found() -> Self {
        Self::new(Reason::NotFound, "not found")
    }

    /// With the limit that was exceeded.
    #[must_use]
    pub fn limit(self, limit: u64) -> Self {
        Self { limit, ..self }
    }
}
