//! Accounts, their states and quotas.

use concierge_identity::AccountId;

use crate::error::Refusal;

/// Microseconds since the Unix epoch, UTC.
pub type TimeUs = u64;

/// A day.
pub const US_PER_DAY: TimeUs = 86_400_000_000;

/// A state of a data type (RFC 8620 §1.6.3): the number of its last change. It only grows.
pub type StateNumber = u64;

/// What has states of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DataType {
    /// Mailboxes.
    Mailbox,
    /// Emails.
    Email,
    /// Threads.
    Thread,
    /// Changes only when mail arrives (RFC 8621 §1.5).
    EmailDelivery,
    /// Submissions.
    EmailSubmission,
    /// Senders.
    Identity,
    /// The answer of someone who is away.
    VacationResponse,
    /// How full the account is.
    Quota,
}

impl DataType {
    /// All of them, in the order of the contract.
    pub const ALL: [Self; 8] = [
        Self::Mailbox,
        Self::Email,
        Self::Thread,
        Self::EmailDelivery,
        Self::EmailSubmission,
        Self::Identity,
        Self::VacationResponse,
        Self::Quota,
    ];
}

/// An account that a principal may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// For people.
    pub name: String,
    /// It is the principal's own.
    pub personal: bool,
    /// The principal may only read.
    pub read_only: bool,
    /// The main one first.
    pub addresses: Vec<String>,
}

/// How much is used of what an account may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Its id.
    pub id: String,
    /// `octets` or `count`.
    pub resource: String,
    /// Of it.
    pub used: u64,
    /// Nothing goes beyond.
    pub hard_limit: u64,
    /// People are told from here on.
    pub warn_limit: u64,
    /// For people.
    pub name: String,
}

/// What a `set`-like call did to each item, in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcomes<Id> {
    /// Before.
    pub old_state: StateNumber,
    /// After.
    pub new_state: StateNumber,
    /// For each item its id, or why it was not done.
    pub items: Vec<Result<Id, Refusal>>,
}

/// What changed between two states. An id is in one of the lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes<Id> {
    /// As given.
    pub old_state: StateNumber,
    /// Where the lists lead.
    pub new_state: StateNumber,
    /// `new_state` is not the present one.
    pub has_more: bool,
    /// Not there in the old state.
    pub created: Vec<Id>,
    /// There in both.
    pub updated: Vec<Id>,
    /// There in the old state alone.
    pub destroyed: Vec<Id>,
    /// Of mailboxes: only their counts changed.
    pub only_counts: bool,
}

impl<Id> Changes<Id> {
    /// The same of other ids.
    pub(crate) fn map<To>(self, mut to: impl FnMut(Id) -> To) -> Changes<To> {
        let mut list = |ids: Vec<Id>| ids.into_iter().map(&mut to).collect();
        Changes {
            old_state: self.old_state,
            new_state: self.new_state,
            has_more: self.has_more,
            created: list(self.created),
            updated: list(self.updated),
            destroyed: list(self.destroyed),
            only_counts: self.only_counts,
        }
    }

    /// The same of other ids; what has none is left out.
    pub(crate) fn try_filter_map<To, E>(
        self,
        mut to: impl FnMut(Id) -> Result<Option<To>, E>,
    ) -> Result<Changes<To>, E> {
        let mut list = |ids: Vec<Id>| {
            ids.into_iter()
                .filter_map(|id| to(id).transpose())
                .collect::<Result<Vec<_>, E>>()
        };
        Ok(Changes {
            old_state: self.old_state,
            new_state: self.new_state,
            has_more: self.has_more,
            created: list(self.created)?,
            updated: list(self.updated)?,
            destroyed: list(self.destroyed)?,
            only_counts: self.only_counts,
        })
    }
}
