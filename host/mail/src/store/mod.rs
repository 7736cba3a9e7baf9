//! What is kept: traits of whole operations, one a capability, each operation a transaction, and the engines behind.
//!
//! Whether a principal may do something is decided by the service; the store decides on what is there. Each method that
//! changes something answers when it is durable; once submitted it runs to its end, even when who asked goes away.
//!
//! Invariant: every change of an account has a number of its own, given in the transaction that commits it, and the
//! state of a data type is the number of its last change. Who follows `*_changes` from any state that is still known
//! ends with what `get` tells.
//!
//! Invariant: a message's bytes are there as long as an email, a destroyed email within its grace, a submission or an
//! upload of less than a day ago refers to them; all are counted in the transaction that makes or ends them.

#[cfg(test)]
pub(crate) mod conformance;
mod records;
pub mod sqlite;

pub use records::{
    Accepted, Access, BLOB_CLAIM_US, BlobClaim, BlobKey, BlobUse, DELIVERY_KEPT_US, Deliver,
    DeliverOutcome, DestroyedEmail, EmailChange, EmailEdit, FeedPage, GRACE_US,
    IDEMPOTENCY_KEPT_US, KeptPush, LOG_KEPT_US, NewAccount, NewSubmission, QueueEntry, QueueFilter,
    QueueSize, QueueState, Queued, RecipientOutcome, SUBMISSION_KEPT_US, StateChange,
    SubmittedEmail, UPLOAD_KEPT_US, VACATION_PERIOD_US,
};

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use concierge_identity::AccountId;
use tokio::sync::broadcast;

use crate::error::{Error, Refusal};
use crate::types::{
    Account, BlobHash, Changes, DataType, Edited, EmailId, EmailRow, Mailbox, MailboxEdit,
    MailboxId, Outcomes, Page, PushId, Query, QueryChanges, Quota, Sender, SenderEdit, SenderId,
    StateNumber, StorageId, Submission, SubmissionFilter, SubmissionId, Thread, ThreadId, TimeUs,
    Vacation, Window,
};

/// What a method of the store gives.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Everything that is kept of mail.
pub trait Store: AccountStore + EmailStore + BlobReferences + SendingStore + PushStore {
    /// Whether it takes writes; else what is wrong.
    fn health(&self) -> Result<(), String>;
    /// Forgets a bounded number of things that are over their time: uploads, destroyed emails, log entries, deliveries,
    /// keys; how many went.
    fn sweep(&self, now_us: TimeUs, max: usize) -> Answer<'_, usize>;
    /// Waits until what was accepted is durable, and takes no more.
    fn close(&self) -> Answer<'_, ()>;
}

/// Accounts: who they are, who sees them, their states and how full they are.
///
/// Every other method of the store gives [`Error::AccountNotFound`] for an account that is not here.
pub trait AccountStore: Send + Sync {
    /// Makes an account with the mailboxes inbox, drafts, sent, junk, trash and archive, and a sender for its first
    /// address; where it is there already, gives it these addresses and quotas. [`Error::InvalidArguments`] where an
    /// address is another account's.
    fn put_account(&self, account: NewAccount) -> Answer<'_, ()>;
    /// The account of an address, which is compared without regard to case. Plus-addressing is the service's.
    fn account_of_address(&self, address: &str) -> Answer<'_, Option<AccountId>>;
    /// The accounts that a principal may see, its own first.
    fn accounts_of(&self, principal: AccountId) -> Answer<'_, Vec<Account>>;
    /// What a principal may do with an account; `None`: not even know of it.
    fn access(&self, principal: AccountId, account: AccountId) -> Answer<'_, Option<Access>>;
    /// Lets a principal see an account, or (`None`) no longer.
    fn share(
        &self,
        account: AccountId,
        principal: AccountId,
        access: Option<Access>,
    ) -> Answer<'_, ()>;
    /// The present states of all data types.
    fn states(&self, account: AccountId) -> Answer<'_, Vec<(DataType, StateNumber)>>;
    /// How full it is.
    fn quotas(&self, account: AccountId) -> Answer<'_, Vec<Quota>>;
}

/// Mailboxes, emails and threads.
pub trait EmailStore: Send + Sync {
    /// All mailboxes by sort order and name, and their state.
    fn mailboxes(&self, account: AccountId) -> Answer<'_, (Vec<Mailbox>, StateNumber)>;
    /// Changes mailboxes, each edit on its own, in their order; but names and roles may be exchanged within a call.
    /// [`Error::StateMismatch`] before anything is done.
    fn edit_mailboxes(
        &self,
        account: AccountId,
        if_in_state: Option<StateNumber>,
        edits: Vec<MailboxEdit>,
        now_us: TimeUs,
    ) -> Answer<'_, Outcomes<MailboxId>>;
    /// What changed since a state, at most `max`.
    fn mailbox_changes(
        &self,
        account: AccountId,
        since: StateNumber,
        max: usize,
    ) -> Answer<'_, Changes<MailboxId>>;

    /// Delivers a message once: the same delivery id and recipient again change nothing. [`Error::OverQuota`] where the
    /// account is full. A mailbox that is not there any more is the inbox.
    fn deliver(&self, deliver: Deliver) -> Answer<'_, DeliverOutcome>;
    /// Makes, changes and destroys emails, each edit on its own, in their order.
    fn edit_emails(
        &self,
        account: AccountId,
        if_in_state: Option<StateNumber>,
        edits: Vec<EmailEdit>,
        now_us: TimeUs,
    ) -> Answer<'_, Edited>;
    /// Emails by id, in the order of `ids`, and their state. Those that are not there are left out.
    fn emails(
        &self,
        account: AccountId,
        ids: Vec<EmailId>,
    ) -> Answer<'_, (Vec<EmailRow>, StateNumber)>;
    /// The present JMAP ids of emails; of those that are there.
    fn emails_of_storage(
        &self,
        account: AccountId,
        ids: Vec<StorageId>,
    ) -> Answer<'_, Vec<EmailId>>;
    /// What changed since a state, at most `max`.
    fn email_changes(
        &self,
        account: AccountId,
        since: StateNumber,
        max: usize,
    ) -> Answer<'_, Changes<EmailId>>;
    /// Threads by id, in the order of `ids`, and their state. Those that are not there are left out.
    fn threads(
        &self,
        account: AccountId,
        ids: Vec<ThreadId>,
    ) -> Answer<'_, (Vec<Thread>, StateNumber)>;
    /// What changed since a state, at most `max`.
    fn thread_changes(
        &self,
        account: AccountId,
        since: StateNumber,
        max: usize,
    ) -> Answer<'_, Changes<ThreadId>>;

    /// Emails that match. [`Error::UnsupportedFilter`] for texts that the search index has not resolved.
    fn query(&self, account: AccountId, query: Query, window: Window) -> Answer<'_, Page>;
    /// How the results of a query changed. [`Error::TooManyChanges`] where there are more than `max`.
    fn query_changes(
        &self,
        account: AccountId,
        query: Query,
        since: StateNumber,
        max: Option<u32>,
        calculate_total: bool,
    ) -> Answer<'_, QueryChanges>;

    /// Emails that were destroyed within the last [`GRACE_US`], newest first.
    fn destroyed(&self, account: AccountId, max: usize) -> Answer<'_, Vec<DestroyedEmail>>;
    /// Brings destroyed emails back to where they were, under new JMAP ids; those that are not known are left out.
    /// An email of a mailbox that is gone too goes to the inbox.
    fn restore(
        &self,
        account: AccountId,
        emails: Vec<StorageId>,
        now_us: TimeUs,
    ) -> Answer<'_, Vec<EmailId>>;

    /// How many shards there are, each with a feed of its own.
    fn shards(&self) -> u16;
    /// Emails that came, went or were given another id after a position in a shard's feed (0: the beginning), of all
    /// accounts, at most `max`; fewer where there was nothing more. Of an email with several changes after the position
    /// only the last is told.
    fn email_feed(&self, shard: u16, after: u64, max: usize) -> Answer<'_, FeedPage>;
    /// The shard of an account.
    fn shard_of(&self, account: AccountId) -> u16;
    /// States of accounts as they change, after they are durable. Who lags reads the states.
    fn subscribe(&self) -> broadcast::Receiver<Arc<StateChange>>;
}

/// Which bytes are needed. Bytes are put and deleted by the service, under the [`BlobKey`] that the store gives, whose
/// generation makes that a blob can be put again while an earlier one of the same bytes is deleted.
pub trait BlobReferences: Send + Sync {
    /// Claims a blob for a while ([`BLOB_CLAIM_US`]), so that it is not collected before something refers to it. Says
    /// whether its bytes have to be put first.
    fn claim_blob(
        &self,
        account: AccountId,
        hash: BlobHash,
        size: u64,
        now_us: TimeUs,
    ) -> Answer<'_, BlobClaim>;
    /// Notes that the bytes of a claim are durable; from now on others need not put them.
    fn blob_stored(&self, key: BlobKey) -> Answer<'_, ()>;
    /// Whether a blob of so many octets would fit among the uploads of the account, or is one of them already: asked before
    /// its bytes are put, since only [`Self::upload`] decides.
    fn upload_fits(&self, account: AccountId, hash: BlobHash, size: u64) -> Answer<'_, bool>;
    /// Keeps a claimed blob as an upload of the account, until [`UPLOAD_KEPT_US`] after now. [`Error::OverQuota`] where the
    /// uploads that are kept would together be more than the octets that the account may have.
    fn upload(&self, account: AccountId, hash: BlobHash, now_us: TimeUs) -> Answer<'_, ()>;
    /// Where a blob is, if the account may read it now: something in it refers to it.
    fn blob(
        &self,
        account: AccountId,
        hash: BlobHash,
        now_us: TimeUs,
    ) -> Answer<'_, Option<(BlobKey, u64)>>;
    /// What refers to a blob.
    fn blob_uses(&self, account: AccountId, hash: BlobHash) -> Answer<'_, Vec<BlobUse>>;
    /// Blobs that nothing refers to, at most `max`, marked so that they are not given to anyone any more: their bytes
    /// may be deleted. The same again until [`Self::blob_deleted`].
    fn collect_blobs(&self, now_us: TimeUs, max: usize) -> Answer<'_, Vec<BlobKey>>;
    /// Forgets a blob whose bytes are deleted.
    fn blob_deleted(&self, key: BlobKey) -> Answer<'_, ()>;
}

/// Senders, submissions with the outgoing queue, and the answer of someone who is away.
pub trait SendingStore: Send + Sync {
    /// All senders, and their state.
    fn senders(&self, account: AccountId) -> Answer<'_, (Vec<Sender>, StateNumber)>;
    /// Changes senders, each edit on its own.
    fn edit_senders(
        &self,
        account: AccountId,
        if_in_state: Option<StateNumber>,
        edits: Vec<SenderEdit>,
    ) -> Answer<'_, Outcomes<SenderId>>;
    /// What changed since a state, at most `max`.
    fn sender_changes(
        &self,
        account: AccountId,
        since: StateNumber,
        max: usize,
    ) -> Answer<'_, Changes<SenderId>>;

    /// Queues a message for each of its recipients. Where its idempotency key was used within
    /// [`IDEMPOTENCY_KEPT_US`] nothing is queued and the first answer is given.
    fn submit(&self, submission: NewSubmission) -> Answer<'_, Result<Accepted, Refusal>>;
    /// Takes a submission back; refused where a recipient's entry was taken.
    fn cancel_submission(
        &self,
        account: AccountId,
        id: SubmissionId,
        now_us: TimeUs,
    ) -> Answer<'_, Result<(), Refusal>>;
    /// Forgets a submission; what is queued of it is sent all the same. Others are forgotten after
    /// [`SUBMISSION_KEPT_US`], unless something of them waits.
    fn destroy_submission(
        &self,
        account: AccountId,
        id: SubmissionId,
        now_us: TimeUs,
    ) -> Answer<'_, Result<(), Refusal>>;
    /// Submissions by id (`None`: the newest, at most `max`), and their state.
    fn submissions(
        &self,
        account: AccountId,
        ids: Option<Vec<SubmissionId>>,
        max: usize,
    ) -> Answer<'_, (Vec<Submission>, StateNumber)>;
    /// What changed since a state, at most `max`.
    fn submission_changes(
        &self,
        account: AccountId,
        since: StateNumber,
        max: usize,
    ) -> Answer<'_, Changes<SubmissionId>>;
    /// Submissions that match, newest first, and the state.
    fn query_submissions(
        &self,
        account: AccountId,
        filter: SubmissionFilter,
        max: usize,
    ) -> Answer<'_, (Vec<SubmissionId>, StateNumber)>;
    /// Takes entries of the outgoing queue that are due, oldest first: nobody else has them before `lease_until_us`, and
    /// then they are due again unless their outcome was noted.
    fn take_queued(
        &self,
        now_us: TimeUs,
        lease_until_us: TimeUs,
        max: usize,
    ) -> Answer<'_, Vec<Queued>>;
    /// Makes entries that are taken due now: whoever took them is gone, as after a crash. For the start, before anything
    /// is taken.
    fn release_queued(&self, now_us: TimeUs) -> Answer<'_, ()>;
    /// Notes how it went with an entry. What an entry came to (`Yes`, `No`, `Unknown`) stays; an entry that is not there
    /// any more is none to note it of.
    fn queue_outcome(
        &self,
        account: AccountId,
        id: SubmissionId,
        recipient: String,
        outcome: RecipientOutcome,
    ) -> Answer<'_, ()>;
    /// Entries of the outgoing queue that wait or were given up, oldest first, at most `max`.
    fn queue(&self, filter: QueueFilter, max: usize) -> Answer<'_, Vec<QueueEntry>>;
    /// How much is in the outgoing queue, of all accounts.
    fn queue_size(&self) -> Answer<'_, QueueSize>;
    /// Has an entry that waits or was given up tried now; one that is being tried is left. [`Error::NotFound`] where there
    /// is none.
    fn retry_queued(
        &self,
        account: AccountId,
        id: SubmissionId,
        recipient: String,
        now_us: TimeUs,
    ) -> Answer<'_, ()>;
    /// Takes an entry out of the queue for good: it did not arrive. One that is being tried may arrive all the same.
    /// [`Error::NotFound`] where there is none.
    fn drop_queued(
        &self,
        account: AccountId,
        id: SubmissionId,
        recipient: String,
        now_us: TimeUs,
    ) -> Answer<'_, ()>;

    /// The answer of someone who is away, and its state.
    fn vacation(&self, account: AccountId) -> Answer<'_, (Vacation, StateNumber)>;
    /// Sets it; the old and the new state.
    fn set_vacation(
        &self,
        account: AccountId,
        if_in_state: Option<StateNumber>,
        vacation: Vacation,
    ) -> Answer<'_, (StateNumber, StateNumber)>;
    /// Notes that a sender is answered, unless they were within [`VACATION_PERIOD_US`]; whether it is to be now.
    fn answer_vacation(
        &self,
        account: AccountId,
        sender: String,
        now_us: TimeUs,
    ) -> Answer<'_, bool>;
}

/// Push subscriptions. They belong to principals, not to accounts.
pub trait PushStore: Send + Sync {
    /// Those of a principal.
    fn pushes(&self, principal: AccountId) -> Answer<'_, Vec<KeptPush>>;
    /// Those of all principals that may see an account.
    fn pushes_to_tell(&self, account: AccountId) -> Answer<'_, Vec<KeptPush>>;
    /// Makes or replaces one.
    fn put_push(&self, push: KeptPush) -> Answer<'_, ()>;
    /// Ends one; [`Error::NotFound`] where the principal has none of this id.
    fn delete_push(&self, principal: AccountId, id: PushId) -> Answer<'_, ()>;
}
