//! A host for tests, whose answers are written down beforehand.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

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
use crate::host::{AuthenticationError, Credentials, Host, Principal, ReadError, Refusal, State};

/// The time of a scripted host: 2026-01-01T00:00:00Z.
pub const NOW_US: u64 = 1_767_225_600_000_000;

/// What becomes of a future that waits for nothing, as all calls of a scripted host do.
///
/// # Panics
///
/// Where it waits.
#[allow(clippy::panic, reason = "a test whose script is wrong has to fail")]
pub fn run<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a scripted host never has anybody wait"),
    }
}

/// What a call is answered with, call after call. A script may look at what is asked.
pub struct Script<F: ?Sized>(RefCell<VecDeque<Box<F>>>);

impl<F: ?Sized> Default for Script<F> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<F: ?Sized> Script<F> {
    /// Adds how the next call that has no answer yet is answered.
    pub fn then(&self, answer: Box<F>) -> &Self {
        self.0.borrow_mut().push_back(answer);
        self
    }

    #[allow(clippy::panic, reason = "a test whose script is wrong has to fail")]
    fn next(&self, call: &str) -> Box<F> {
        let answer = self.0.borrow_mut().pop_front();
        answer.unwrap_or_else(|| panic!("{call} is called more often than the script has it"))
    }
}

macro_rules! scripted {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)+) => {
        /// A host with a script for each call. Bodies that come and go are bytes.
        #[derive(Default)]
        #[allow(missing_docs, reason = "the calls of Host, by their names")]
        pub struct Scripted {
            $(pub $name: Script<dyn FnOnce($($kind),*) -> $answer>,)+
        }

        impl Scripted {
            /// That every call of the script was made.
            ///
            /// # Panics
            ///
            /// Where one was not.
            pub fn finish(&self) {
                $(
                    let left = self.$name.0.borrow().len();
                    assert_eq!(left, 0, "{} is called less often than the script has it", stringify!($name));
                )+
            }
        }

        impl Host for Scripted {
            type Incoming = Vec<u8>;
            type Outgoing = Vec<u8>;

            async fn read(&self, body: Vec<u8>, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
                match body.len() > bytes_max {
                    true => Err(ReadError::TooLong),
                    false => Ok(body),
                }
            }

            fn now_us(&self) -> u64 {
                NOW_US
            }

            $(
                async fn $name(&self, $($argument: $kind),*) -> $answer {
                    self.$name.next(stringify!($name))($($argument),*)
                }
            )+
        }
    };
}

scripted! {
    // concierge:identity/passwords
    authenticate(credentials: Credentials, client: String) -> Result<Principal, AuthenticationError>;
    // concierge:mail/accounts
    accounts(token: &str) -> Result<Vec<Account>, Error>;
    states(token: &str, account: &str) -> Result<Vec<(DataType, State)>, Error>;
    quotas(token: &str, account: &str) -> Result<Vec<Quota>, Error>;
    // concierge:mail/mailboxes
    mailboxes(token: &str, account: &str) -> Result<(Vec<Mailbox>, State), Error>;
    mailboxes_changed(token: &str, account: &str, since: State, max: u32) -> Result<Changes, Error>;
    set_mailboxes(token: &str, account: &str, if_in_state: Option<State>, edits: Vec<mailboxes::Edit>) -> Result<Outcomes, Error>;
    // concierge:mail/emails
    emails(token: &str, account: &str, ids: Vec<String>, detail: Detail) -> Result<(Vec<Email>, State), Error>;
    parse_emails(token: &str, account: &str, blobs: Vec<String>, detail: Detail) -> Result<Vec<Result<Email, Refusal>>, Error>;
    emails_changed(token: &str, account: &str, since: State, max: u32) -> Result<Changes, Error>;
    set_emails(token: &str, account: &str, if_in_state: Option<State>, edits: Vec<emails::Edit>) -> Result<Edited, Error>;
    copy_emails(token: &str, from_account: &str, account: &str, if_from_in_state: Option<State>, if_in_state: Option<State>, emails: Vec<Copied>) -> Result<Edited, Error>;
    threads(token: &str, account: &str, ids: Vec<String>) -> Result<(Vec<Thread>, State), Error>;
    threads_changed(token: &str, account: &str, since: State, max: u32) -> Result<Changes, Error>;
    // concierge:mail/search
    query_emails(token: &str, account: &str, query: Query, window: Window) -> Result<Page, Error>;
    email_query_changes(token: &str, account: &str, query: Query, since: State, max: Option<u32>, up_to: Option<String>, calculate_total: bool) -> Result<QueryChanges, Error>;
    snippets(token: &str, account: &str, filter: Filter, emails: Vec<String>) -> Result<Vec<Snippet>, Error>;
    // concierge:mail/messages
    upload(token: &str, account: &str, body: Vec<u8>) -> Result<Blob, Error>;
    download(token: &str, account: &str, blob: &str, range: Range) -> Result<(Content, Vec<u8>), Error>;
    assemble(token: &str, account: &str, blobs: Vec<Vec<Piece>>) -> Result<Vec<Result<Blob, Refusal>>, Error>;
    blobs(token: &str, account: &str, blobs: Vec<String>, range: Range, data: bool, digests: Digests) -> Result<Vec<Found>, Error>;
    lookup_blobs(token: &str, account: &str, blobs: Vec<String>) -> Result<Vec<References>, Error>;
    copy_blobs(token: &str, from_account: &str, account: &str, blobs: Vec<String>) -> Result<Vec<Result<Blob, Refusal>>, Error>;
    // concierge:mail/events
    listen(token: &str, subscription: Subscription) -> Result<Vec<u8>, Error>;
    pushes(token: &str) -> Result<Vec<Push>, Error>;
    create_push(token: &str, push: Push) -> Result<Push, Error>;
    update_push(token: &str, patch: PushPatch) -> Result<Push, Error>;
    delete_push(token: &str, id: &str) -> Result<(), Error>;
    // concierge:mail/submissions
    senders(token: &str, account: &str) -> Result<(Vec<Sender>, State), Error>;
    senders_changed(token: &str, account: &str, since: State, max: u32) -> Result<Changes, Error>;
    set_senders(token: &str, account: &str, if_in_state: Option<State>, edits: Vec<SenderEdit>) -> Result<Outcomes, Error>;
    submissions(token: &str, account: &str, ids: Vec<String>) -> Result<(Vec<Submission>, State), Error>;
    submissions_changed(token: &str, account: &str, since: State, max: u32) -> Result<Changes, Error>;
    query_submissions(token: &str, account: &str, filter: submissions::Filter) -> Result<(Vec<String>, State), Error>;
    set_submissions(token: &str, account: &str, if_in_state: Option<State>, edits: Vec<submissions::Edit>) -> Result<Outcomes, Error>;
    vacation(token: &str, account: &str) -> Result<(Vacation, State), Error>;
    set_vacation(token: &str, account: &str, if_in_state: Option<State>, vacation: Vacation) -> Result<(State, State), Error>;
}
