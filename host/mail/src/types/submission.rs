//! Sending, and push subscriptions (RFC 8621 §6 to §8, RFC 8620 §7.2).

use serde::{Deserialize, Serialize};

use super::{BlobHash, DataType, EmailId, PushId, SenderId, SubmissionId, ThreadId, TimeUs};

/// An address with a name for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// For people.
    pub name: Option<String>,
    /// The address.
    pub email: String,
}

/// Senders of an account: a call lists them all.
pub const SENDERS_MAX: usize = 1_000;

/// As whom the account may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// Its id; of one that is to be made: not looked at.
    pub id: SenderId,
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
    /// The person may destroy it.
    pub may_delete: bool,
}

/// What is to be changed of a sender; `None` leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of Sender")]
pub struct SenderPatch {
    pub id: SenderId,
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
    Create(Sender),
    /// Changes one.
    Update(SenderPatch),
    /// Destroys one.
    Destroy(SenderId),
}

/// An address of an SMTP envelope and its parameters (RFC 5321 §4.1.1.11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// The address.
    pub email: String,
    /// By name.
    pub parameters: Vec<(String, Option<String>)>,
}

/// To whom an email goes, and from whom it says it comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Where what cannot be delivered goes.
    pub mail_from: Path,
    /// The recipients.
    pub rcpt_to: Vec<Path>,
}

/// Whether a submission can still be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UndoStatus {
    /// It can.
    Pending,
    /// It is under way.
    Final,
    /// It was.
    Canceled,
}

/// Whether it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delivered {
    /// It is under way.
    Queued,
    /// It did.
    Yes,
    /// It did not and will not.
    No,
    /// Another server has it.
    Unknown,
}

/// Where it stands with one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryStatus {
    /// Their address.
    pub recipient: String,
    /// The last answer of SMTP about it.
    pub smtp_reply: String,
    /// Whether it arrived.
    pub delivered: Delivered,
    /// A notification said that it was displayed.
    pub displayed: bool,
}

/// An email that was handed over for sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Its id.
    pub id: SubmissionId,
    /// As whom.
    pub sender_id: SenderId,
    /// What.
    pub email_id: EmailId,
    /// Its thread.
    pub thread_id: ThreadId,
    /// To whom.
    pub envelope: Envelope,
    /// When.
    pub send_at_us: TimeUs,
    /// Whether it can be taken back.
    pub undo_status: UndoStatus,
    /// One for each recipient.
    pub deliveries: Vec<DeliveryStatus>,
    /// Delivery status notifications that came back.
    pub dsn_blobs: Vec<BlobHash>,
    /// Notifications that it was displayed.
    pub mdn_blobs: Vec<BlobHash>,
}

/// Which submissions; all conditions given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "RFC 8621 §7.3 defines them, by these names")]
pub struct SubmissionFilter {
    pub senders: Option<Vec<SenderId>>,
    pub emails: Option<Vec<EmailId>>,
    pub threads: Option<Vec<ThreadId>>,
    pub undo_status: Option<UndoStatus>,
    pub before_us: Option<TimeUs>,
    pub after_us: Option<TimeUs>,
}

/// The answer of someone who is away (RFC 8621 §8).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vacation {
    /// It is sent at all.
    pub enabled: bool,
    /// From when on.
    pub from_us: Option<TimeUs>,
    /// Until when.
    pub to_us: Option<TimeUs>,
    /// Of the answer.
    pub subject: Option<String>,
    /// Plain.
    pub text: Option<String>,
    /// As HTML.
    pub html: Option<String>,
}

/// Where changes are pushed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Its id.
    pub id: PushId,
    /// The client's name for itself.
    pub device_client_id: String,
    /// Where to.
    pub url: String,
    /// P-256 public key and authentication secret (RFC 8291), base64url.
    pub keys: Option<(String, String)>,
    /// The code that the target was sent, once the client showed it; until then nothing is pushed.
    pub verification_code: Option<String>,
    /// Until when.
    pub expires_us: TimeUs,
    /// What of; empty: all.
    pub types: Vec<DataType>,
}
