//! Why a node refused or failed.

use std::{io, path::PathBuf, sync::Arc};

use crate::key::RecordKey;

/// Why an operation on a node failed. Cheap to clone: one failed batch answers many callers.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NodeError {
    /// The node holds no such record.
    #[error("the node holds no such record")]
    NotFound,
    /// The stored bytes of the record do not match their checksum. Another replica may still be good.
    #[error("record {key} is damaged on this node")]
    Corrupt {
        /// The damaged record.
        key: RecordKey,
    },
    /// No room: the capacity limit, the reserve of free disk space, or the disk itself is reached.
    /// Nothing of the record was stored.
    #[error("the node is full")]
    Full,
    /// More bytes than a record, or than this record's capacity, may hold.
    #[error("a record here may hold at most {limit_bytes} bytes")]
    TooLarge {
        /// The most that would have been taken.
        limit_bytes: u64,
    },
    /// The range asked for does not lie within the record.
    #[error("the range is outside the record's {length} bytes")]
    OutOfRange {
        /// The record's length in bytes.
        length: u64,
    },
    /// Too much work is queued already; try again a little later.
    #[error("the node is busy")]
    Busy,
    /// The node accepts no more writes, since one could not be made durable. Reads still work.
    #[error("the node has stopped writing: {0}")]
    Stopped(Arc<str>),
    /// The operating system failed to read or write.
    #[error("input or output failed: {0}")]
    Io(Arc<str>),
    /// The other side broke the node protocol, or a body ended early.
    #[error("the node protocol was broken: {0}")]
    Protocol(Arc<str>),
    /// The node server did not accept the token.
    #[error("the node refused the token")]
    Unauthorized,
    /// The node server could not be reached, or did not answer in time.
    #[error("the node cannot be reached: {0}")]
    Unreachable(Arc<str>),
}

impl NodeError {
    /// An input or output failure; a full disk becomes [`NodeError::Full`].
    pub(crate) fn from_io(error: &io::Error) -> Self {
        if is_full(error) {
            Self::Full
        } else {
            Self::Io(error.to_string().into())
        }
    }

    /// A failure of the protocol between client and server.
    pub(crate) fn protocol(reason: impl Into<Arc<str>>) -> Self {
        Self::Protocol(reason.into())
    }
}

/// Whether the file layer said that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// Why a node directory could not be opened. Each is a sentence for the person who runs the node.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the directory open.
    #[error("another process is using the node directory {0}")]
    Locked(PathBuf),
    /// The directory was written by a newer program.
    #[error(
        "the node directory {dir} has format {found}, and this program knows formats up to {known}; use a newer program"
    )]
    NewerFormat {
        /// The directory.
        dir: PathBuf,
        /// The version found.
        found: u32,
        /// The newest version this program reads.
        known: u32,
    },
    /// A file that identifies the node is damaged.
    #[error("the file {file} in the node directory {dir} is damaged: {reason}")]
    Damaged {
        /// The directory.
        dir: PathBuf,
        /// The file in it.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The directory holds volumes, but the file that names the node is gone.
    #[error(
        "the node directory {0} holds volumes but no node.json; restore that file, or name another directory"
    )]
    NoIdentity(PathBuf),
    /// An option makes no sense.
    #[error("the node cannot be opened with {option}: {reason}")]
    BadOption {
        /// The option's name.
        option: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// The operating system failed.
    #[error("cannot {action} in the node directory {dir}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The directory.
        dir: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}
