//! What the domain speaks of: the records of `concierge:mail`, by the same names.

mod account;
mod blob_id;
pub mod calls;
mod email;
mod ids;
mod mailbox;
mod search;
mod submission;

pub use account::{Account, Changes, DataType, Outcomes, Quota, StateNumber, TimeUs, US_PER_DAY};
pub use blob_id::{BLOB_STEPS_MAX, BlobId, BlobStep};
pub use email::{
    Done, Edited, EmailRow, HeaderField, KEYWORD_MAX_BYTES, KEYWORDS_MAX, MAILBOXES_PER_EMAIL_MAX,
    Made, NewEmail, Patch, Summary, Thread, ThreadKeys,
};
pub use ids::{
    BlobHash, EmailId, InvalidId, MailboxId, PushId, SenderId, StorageId, SubmissionId, ThreadId,
};
pub use mailbox::{
    MAILBOX_DEPTH_MAX, MAILBOX_NAME_MAX_BYTES, MAILBOXES_MAX, Mailbox, MailboxDetails, MailboxEdit,
    MailboxPatch, Removal,
};
pub use search::{
    Added, Comparator, FILTER_TERMS_MAX, HeaderMatch, Page, Property, Query, QueryChanges,
    SORT_LEVELS_MAX, Term, WINDOW_MAX, Window,
};
pub use submission::{
    Address, Delivered, DeliveryStatus, Envelope, Path, Push, SENDERS_MAX, Sender, SenderEdit,
    SenderPatch, Submission, SubmissionFilter, UndoStatus, Vacation,
};
