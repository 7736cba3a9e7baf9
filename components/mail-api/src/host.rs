//! What JMAP asks of the host, as a trait: inside a component it is the contracts of `wit/`, in tests a script
//! ([`crate::scripted`]).

use crate::bindings::concierge::mail::accounts::{
    Account, Changes, DataType, Error, Outcomes, Quota,
};
use crate::bindings::concierge::mail::emails::{self, Copied, Detail, Edited, Email, Thread};
use crate::bindings::concierge::mail::events::{Push, PushPatch, Subscription};
use crate::bindings::concierge::mail::mailboxes::{self, Mailbox};
use crate::bindings::concierge::mail::messages::{
    Blob, Content, Digests, Found, Piece, Range, References,
};
use crate::bindings::concierge::mail::search::{
    Filter, Page, Query, QueryChanges, Snippet, Window,
};
use crate::bindings::concierge::mail::submissions::{
    self, Sender, SenderEdit, Submission, Vacation,
};

pub use crate::bindings::concierge::mail::accounts::Refusal;

/// A state of a data type in an account.
pub type State = u64;

/// Why the body of a request could not be read into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It is longer than was allowed.
    TooLong,
    /// It ended before its announced length, or the client went away.
    Incomplete,
    /// Too many other requests are being read.
    Busy,
}

/// What a principal shows of itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Name and password (RFC 7617).
    Basic {
        /// The account's name.
        name: String,
        /// Its password.
        password: String,
    },
    /// The password of an application alone (RFC 6750).
    Bearer(String),
}

impl std::fmt::Debug for Credentials {
    /// Without what is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Basic { name, .. } => f.debug_struct("Basic").field("name", name).finish(),
            Self::Bearer(_) => f.write_str("Bearer"),
        }
    }
}

/// A principal that the host has recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The token that later calls show; signed by the host, and short-lived.
    pub token: String,
    /// Its name, for people.
    pub name: String,
}

/// Why the host did not recognise a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationError {
    /// Nobody has these credentials.
    Refused,
    /// Too many tries; again after so many seconds.
    SlowDown(u32),
    /// Not now.
    Unavailable,
}

/// The calls of `concierge:identity` and `concierge:mail`. Each of the latter takes the token of a principal first; what
/// the rest means, and when a call fails, is said in `wit/`.
#[allow(
    async_fn_in_trait,
    reason = "a component has one thread, so that no future need be sent to another"
)]
#[allow(
    clippy::missing_errors_doc,
    clippy::too_many_arguments,
    missing_docs,
    reason = "each call is documented in wit/, and takes what the contract says"
)]
pub trait Host {
    /// The body of a request, still with the host.
    type Incoming;
    /// Bytes that are sent, still with the host.
    type Outgoing;

    /// Reads a body of at most `bytes_max` into memory: requests only, never blobs.
    async fn read(&self, body: Self::Incoming, bytes_max: usize) -> Result<Vec<u8>, ReadError>;
    /// Microseconds since the Unix epoch, UTC.
    fn now_us(&self) -> u64;

    // concierge:identity/passwords
    async fn authenticate(
        &self,
        credentials: Credentials,
        client: String,
    ) -> Result<Principal, AuthenticationError>;

    // concierge:mail/accounts
    async fn accounts(&self, token: &str) -> Result<Vec<Account>, Error>;
    async fn states(&self, token: &str, account: &str) -> Result<Vec<(DataType, State)>, Error>;
    async fn quotas(&self, token: &str, account: &str) -> Result<Vec<Quota>, Error>;

    // concierge:mail/mailboxes
    async fn mailboxes(&self, token: &str, account: &str) -> Result<(Vec<Mailbox>, State), Error>;
    async fn mailboxes_changed(
        &self,
        token: &str,
        account: &str,
        since: State,
        max: u32,
    ) -> Result<Changes, Error>;
    async fn set_mailboxes(
        &self,
        token: &str,
        account: &str,
        if_in_state: Option<State>,
        edits: Vec<mailboxes::Edit>,
    ) -> Result<Outcomes, Error>;

    // concierge:mail/emails
    async fn emails(
        &self,
        token: &str,
        account: &str,
        ids: Vec<String>,
        detail: Detail,
    ) -> Result<(Vec<Email>, State), Error>;
    async fn parse_emails(
        &self,
        token: &str,
        account: &str,
        blobs: Vec<String>,
        detail: Detail,
    ) -> Result<Vec<Result<Email, Refusal>>, Error>;
    async fn emails_changed(
        &self,
        token: &str,
        account: &str,
        since: State,
        max: u32,
    ) -> Result<Changes, Error>;
    async fn set_emails(
        &self,
        token: &str,
        account: &str,
        if_in_state: Option<State>,
        edits: Vec<emails::Edit>,
    ) -> Result<Edited, Error>;
    async fn copy_emails(
        &self,
        token: &str,
        from_account: &str,
        account: &str,
        if_from_in_state: Option<State>,
        if_in_state: Option<State>,
        emails: Vec<Copied>,
    ) -> Result<Edited, Error>;
    async fn threads(
        &self,
        token: &str,
        account: &str,
        ids: Vec<String>,
    ) -> Result<(Vec<Thread>, State), Error>;
    async fn threads_changed(
        &self,
        token: &str,
        account: &str,
        since: State,
        max: u32,
    ) -> Result<Changes, Error>;

    // concierge:mail/search
    async fn query_emails(
        &self,
        token: &str,
        account: &str,
        query: Query,
        window: Window,
    ) -> Result<Page, Error>;
    async fn email_query_changes(
        &self,
        token: &str,
        account: &str,
        query: Query,
        since: State,
        max: Option<u32>,
        up_to: Option<String>,
        calculate_total: bool,
    ) -> Result<QueryChanges, Error>;
    async fn snippets(
        &self,
        token: &str,
        account: &str,
        filter: Filter,
        emails: Vec<String>,
    ) -> Result<Vec<Snippet>, Error>;

    // concierge:mail/messages
    async fn upload(&self, token: &str, account: &str, body: Self::Incoming)
    -> Result<Blob, Error>;
    async fn download(
        &self,
        token: &str,
        account: &str,
        blob: &str,
        range: Range,
    ) -> Result<(Content, Self::Outgoing), Error>;
    async fn assemble(
        &self,
        token: &str,
        account: &str,
        blobs: Vec<Vec<Piece>>,
    ) -> Result<Vec<Result<Blob, Refusal>>, Error>;
    async fn blobs(
        &self,
        token: &str,
        account: &str,
        blobs: Vec<String>,
        range: Range,
        data: bool,
        digests: Digests,
    ) -> Result<Vec<Found>, Error>;
    async fn lookup_blobs(
        &self,
        token: &str,
        account: &str,
        blobs: Vec<String>,
    ) -> Result<Vec<References>, Error>;
    async fn copy_blobs(
        &self,
        token: &str,
        from_account: &str,
        account: &str,
        blobs: Vec<String>,
    ) -> Result<Vec<Result<Blob, Refusal>>, Error>;

    // concierge:mail/events
    async fn listen(
        &self,
        token: &str,
        subscription: Subscription,
    ) -> Result<Self::Outgoing, Error>;
    async fn pushes(&self, token: &str) -> Result<Vec<Push>, Error>;
    async fn create_push(&self, token: &str, push: Push) -> Result<Push, Error>;
    async fn update_push(&self, token: &str, patch: PushPatch) -> Result<Push, Error>;
    async fn delete_push(&self, token: &str, id: &str) -> Result<(), Error>;

    // concierge:mail/submissions
    async fn senders(&self, token: &str, account: &str) -> Result<(Vec<Sender>, State), Error>;
    async fn senders_changed(
        &self,
        token: &str,
        account: &str,
        since: State,
        max: u32,
    ) -> Result<Changes, Error>;
    async fn set_senders(
        &self,
        token: &str,
        account: &str,
        if_in_state: Option<State>,
        edits: Vec<SenderEdit>,
    ) -> Result<Outcomes, Error>;
    async fn submissions(
        &self,
        token: &str,
        account: &str,
        ids: Vec<String>,
    ) -> Result<(Vec<Submission>, State), Error>;
    async fn submissions_changed(
        &self,
        token: &str,
        account: &str,
        since: State,
        max: u32,
    ) -> Result<Changes, Error>;
    async fn query_submissions(
        &self,
        token: &str,
        account: &str,
        filter: submissions::Filter,
    ) -> Result<(Vec<String>, State), Error>;
    async fn set_submissions(
        &self,
        token: &str,
        account: &str,
        if_in_state: Option<State>,
        edits: Vec<submissions::Edit>,
    ) -> Result<Outcomes, Error>;
    async fn vacation(&self, token: &str, account: &str) -> Result<(Vacation, State), Error>;
    async fn set_vacation(
        &self,
        token: &str,
        account: &str,
        if_in_state: Option<State>,
        vacation: Vacation,
    ) -> Result<(State, State), Error>;
}
