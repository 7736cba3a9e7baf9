//! What goes into and comes out of the store.

use concierge_identity::AccountId;

use crate::types::{
    BlobHash, DataType, Delivered, EmailId, Envelope, MailboxId, NewEmail, Patch, Path, Push,
    SenderId, StateNumber, StorageId, SubmissionId, ThreadId, TimeUs, US_PER_DAY,
};

/// How long a delivery is remembered: longer than any sender tries again (RFC 5321 §4.5.4.1: 4 to 5 days).
pub const DELIVERY_KEPT_US: TimeUs = 30 * US_PER_DAY;
/// How long destroyed emails can be brought back.
pub const GRACE_US: TimeUs = 30 * US_PER_DAY;
/// How long changes are known: a client that was away for longer starts anew.
pub const LOG_KEPT_US: TimeUs = 60 * US_PER_DAY;
/// How long an upload is kept that nothing refers to (RFC 8620 §6.1: at least an hour).
pub const UPLOAD_KEPT_US: TimeUs = US_PER_DAY;
/// How long a claim keeps a blob: longer than putting 50 MB takes over a slow line.
pub const BLOB_CLAIM_US: TimeUs = US_PER_DAY;
/// How long keys of messages that components send are remembered.
pub const IDEMPOTENCY_KEPT_US: TimeUs = 7 * US_PER_DAY;
/// How long submissions are kept after they were to be sent, entries that were given up with them.
pub const SUBMISSION_KEPT_US: TimeUs = 30 * US_PER_DAY;
/// How long one sender is not answered again by someone who is away.
pub const VACATION_PERIOD_US: TimeUs = 4 * US_PER_DAY;

/// An account to be made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// Identity's id.
    pub id: AccountId,
    /// For people.
    pub name: String,
    /// The main one first; at least one.
    pub addresses: Vec<String>,
    /// Octets of all its emails, at most.
    pub quota_octets: u64,
    /// Emails, at most.
    pub quota_count: u64,
}

/// What a principal may do with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Nothing but read.
    pub read_only: bool,
}

/// A message to be delivered once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deliver {
    /// To whom.
    pub account: AccountId,
    /// Of the message on its way; 1 to 255 bytes.
    pub delivery: String,
    /// The address that it came for.
    pub recipient: String,
    /// The message.
    pub email: NewEmail,
    /// Now.
    pub now_us: TimeUs,
}

/// How a delivery went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliverOutcome {
    /// It is there now.
    Delivered(crate::types::Made),
    /// It was delivered before.
    Before,
}

/// One change of emails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailEdit {
    /// Keeps one.
    Insert(Box<NewEmail>),
    /// Changes one.
    Update(Patch),
    /// Destroys one.
    Destroy(EmailId),
}

/// A destroyed email that can be brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestroyedEmail {
    /// By which it is brought back.
    pub storage: StorageId,
    /// When it was destroyed.
    pub destroyed_us: TimeUs,
    /// When it had come.
    pub received_us: TimeUs,
    /// Octets.
    pub size: u64,
    /// The field Subject, as it was written; empty where there is none.
    pub subject: String,
    /// Where it was.
    pub mailboxes: Vec<MailboxId>,
}

/// An email in the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmailChange {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub storage: StorageId,
    /// Its bytes, where it is there now; `None`: it is gone.
    pub blob: Option<BlobHash>,
}

/// Emails of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage {
    /// In the order of their last changes.
    pub changes: Vec<EmailChange>,
    /// What to pass as `after` next. The same as passed: there is nothing more.
    pub position: u64,
}

/// States that changed in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// Of which account.
    pub account: AccountId,
    /// The new states.
    pub states: Vec<(DataType, StateNumber)>,
}

/// Where the bytes of a blob are: under another key for each time that they were put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobKey {
    /// Whose shard's.
    pub shard: u16,
    /// Of the bytes.
    pub hash: BlobHash,
    /// Grows each time that the blob comes back after it was collected.
    pub generation: u64,
}

/// A blob, claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobClaim {
    /// Where its bytes are or go.
    pub key: BlobKey,
    /// They are there already.
    pub stored: bool,
}

/// An email that refers to a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobUse {
    /// Which.
    pub email: EmailId,
    /// Its thread.
    pub thread: ThreadId,
    /// Where it is.
    pub mailboxes: Vec<MailboxId>,
}

/// Something to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSubmission {
    /// Its id.
    pub id: SubmissionId,
    /// Whose.
    pub account: AccountId,
    /// `None`: a component sends it, and it is no submission of JMAP.
    pub email: Option<SubmittedEmail>,
    /// The message, claimed.
    pub blob: BlobHash,
    /// To whom; at least one recipient.
    pub envelope: Envelope,
    /// When.
    pub send_at_us: TimeUs,
    /// Of the contract's `category`: which queue.
    pub category: u8,
    /// Of a component.
    pub idempotency_key: Option<String>,
    /// Now.
    pub now_us: TimeUs,
}

/// The email that is sent, and as whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubmittedEmail {
    /// Which.
    pub email_id: EmailId,
    /// Its thread.
    pub thread_id: ThreadId,
    /// As whom.
    pub sender_id: SenderId,
}

/// What was accepted for sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub id: SubmissionId,
    /// When.
    pub accepted_us: TimeUs,
}

/// An entry of the outgoing queue: a message for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Whose.
    pub account: AccountId,
    /// Of which submission.
    pub id: SubmissionId,
    /// Which queue.
    pub category: u8,
    /// From the envelope.
    pub mail_from: Path,
    /// To whom.
    pub recipient: Path,
    /// The message.
    pub blob: BlobKey,
    /// How often it was tried, this time included.
    pub tries: u32,
    /// From when on its time counts: when it was to be sent, or somebody had it tried again.
    pub since_us: TimeUs,
}

/// How it went with an entry of the outgoing queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientOutcome {
    /// Of which try: what [`Queued::tries`] was; 0 for what was delivered without being taken. That an earlier try than
    /// the last is to be tried again says nothing any more.
    pub tries: u32,
    /// `Queued` where it is to be tried again; `No` where it is given up.
    pub delivered: Delivered,
    /// The last answer of SMTP about it.
    pub smtp_reply: String,
    /// When it is to be tried again; else at once.
    pub retry_us: Option<TimeUs>,
    /// Now.
    pub now_us: TimeUs,
}

/// Where an entry of the outgoing queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueState {
    /// It is to be sent.
    Waiting {
        /// When.
        due_us: TimeUs,
    },
    /// It is being sent.
    Taken {
        /// Who has it has it until then.
        lease_until_us: TimeUs,
    },
    /// It was given up.
    Failed {
        /// When.
        failed_us: TimeUs,
    },
}

/// Which entries of the outgoing queue; all conditions given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueFilter {
    /// Those given up, or those that wait.
    pub failed: Option<bool>,
    /// Those of an account.
    pub account: Option<AccountId>,
    /// Those of a queue.
    pub category: Option<u8>,
    /// Those of a submission.
    pub submission: Option<SubmissionId>,
}

/// How much is in the outgoing queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueSize {
    /// Entries that wait or are being sent.
    pub waiting: u64,
    /// Entries that were given up.
    pub failed: u64,
    /// When the first of those that wait is or was due.
    pub first_due_us: Option<TimeUs>,
}

/// An entry of the outgoing queue, to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueEntry {
    /// Whose.
    pub account: AccountId,
    /// Of which submission.
    pub id: SubmissionId,
    /// Which queue.
    pub category: u8,
    /// From the envelope.
    pub mail_from: Path,
    /// To whom.
    pub recipient: Path,
    /// Where it stands.
    pub state: QueueState,
    /// How often it was tried.
    pub tries: u32,
    /// From when on its time counts.
    pub since_us: TimeUs,
    /// The last answer of SMTP about it.
    pub smtp_reply: String,
}

/// A push subscription as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPush {
    /// Whose.
    pub principal: AccountId,
    /// What the client may know.
    pub push: Push,
    /// What the target must send back.
    pub code: String,
}
