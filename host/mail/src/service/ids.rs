//! Ids that clients send.
//!
//! Numbers in ids begin at 1, and none is written with a leading zero: [`NUMBERED_NOTHING`] is what there is not. A
//! text that is no id becomes it, and is answered as any other id of what is not there.

use std::str::FromStr;

use crate::error::{Error, Reason, Refusal};
use crate::types::{BlobId, EmailId, MailboxId, SenderId, StorageId, SubmissionId, ThreadId};

const NUMBERED_NOTHING: u64 = 0;

/// An id of something that may not be there.
pub(crate) trait Id: FromStr {
    /// What there is not.
    const NOTHING: Self;
}

impl Id for MailboxId {
    const NOTHING: Self = Self(NUMBERED_NOTHING);
}

impl Id for ThreadId {
    const NOTHING: Self = Self(NUMBERED_NOTHING);
}

impl Id for SenderId {
    const NOTHING: Self = Self(NUMBERED_NOTHING);
}

impl Id for SubmissionId {
    const NOTHING: Self = Self(uuid::Uuid::nil());
}

impl Id for EmailId {
    const NOTHING: Self = Self {
        storage: StorageId(NUMBERED_NOTHING),
        generation: 0,
    };
}

/// The id that a text is.
pub(crate) fn id<T: Id>(text: &str) -> T {
    text.parse().unwrap_or(T::NOTHING)
}

/// The ids that texts are.
pub(crate) fn ids<T: Id>(texts: &[String]) -> Vec<T> {
    texts.iter().map(|text| id(text)).collect()
}

/// The ids among texts.
pub(crate) fn known<T: FromStr>(texts: &[String]) -> Vec<T> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// The blob that a text names.
pub(crate) fn blob(text: &str) -> Result<BlobId, Refusal> {
    text.parse().map_err(|_| blob_not_found(text))
}

/// There is no such blob, or the account may not read it.
pub(crate) fn blob_not_found(blob: &str) -> Refusal {
    Refusal {
        subjects: vec![blob.to_owned()],
        ..Refusal::new(Reason::BlobNotFound, "there is no such blob")
    }
}

/// Refuses a call with more items than it takes.
pub(crate) fn at_most(count: usize, max: usize) -> Result<(), Error> {
    match count > max {
        true => Err(Error::TooLarge(max as u64)),
        false => Ok(()),
    }
}
