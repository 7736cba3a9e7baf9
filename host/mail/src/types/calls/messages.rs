//! `concierge:mail/messages`.

use crate::types::{BlobId, EmailId, MailboxId, ThreadId};

/// Largest upload, octets: what a message may carry (`maxSizeUpload` of RFC 8620 §2).
pub const UPLOAD_MAX_BYTES: u64 = 50_000_000;
/// Bytes of a blob that [`Found`] has at most.
pub const FOUND_MAX_BYTES: u64 = 1 << 20;
/// Blobs that one call puts together.
pub const ASSEMBLED_MAX: usize = 64;
/// Pieces of each (`maxDataSources` of RFC 9404 §3).
pub const PIECES_MAX: usize = 64;

/// A blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its id.
    pub id: BlobId,
    /// Octets.
    pub size: u64,
}

/// The bytes that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Of the stream.
    pub length: u64,
    /// Of the whole blob.
    pub size: u64,
}

/// Which bytes of a blob.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    /// From the start.
    pub offset: u64,
    /// `None`: to the end.
    pub length: Option<u64>,
}

/// A piece of a blob that is put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These.
    Bytes(Vec<u8>),
    /// Those of a blob.
    Blob(String, Range),
}

/// What is known of a small blob (RFC 9404 §4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub id: BlobId,
    /// Of the whole blob, octets.
    pub size: u64,
    /// Those of the range, if they are wanted.
    pub bytes: Vec<u8>,
    /// The range goes beyond the end.
    pub truncated: bool,
    /// Over the range, if it is wanted.
    pub sha_1: Option<Vec<u8>>,
    /// Over the range, if it is wanted.
    pub sha_256: Option<Vec<u8>>,
}

/// Digests over a range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digests {
    /// RFC 3174.
    pub sha_1: bool,
    /// FIPS 180-4.
    pub sha_256: bool,
}

/// What refers to a blob (RFC 9404 §4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct References {
    /// The blob, as it was asked for.
    pub id: String,
    /// Those whose message it is, or is in.
    pub emails: Vec<EmailId>,
    /// Theirs, each once.
    pub threads: Vec<ThreadId>,
    /// Theirs, each once.
    pub mailboxes: Vec<MailboxId>,
}
