//! Files of mail: mbox, Maildir and trees of `.eml` files, for import and export.
//!
//! A reader is an iterator over messages. It holds one message at a time, at most
//! [`MESSAGE_MAX_BYTES`](crate::limits::MESSAGE_MAX_BYTES) of it, and goes on behind one that cannot be read.
//!
//! Messages come with CRLF as their line breaks, as they are stored. A writer keeps them
//! ([`LineBreaks::AsStored`]), or writes line feeds as other programs here expect them ([`LineBreaks::Unix`]).
//!
//! What is written is read again with the same bytes, with two exceptions that lie in the formats: mbox ends each
//! message with a line break, and a bare line feed becomes CRLF.

mod eml;
mod folders;
mod maildir;
mod mbox;
mod tree;

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::limits::MESSAGE_MAX_BYTES;

pub use eml::{EmlReader, EmlWriter};
pub use maildir::{MaildirReader, MaildirWriter};
pub use mbox::{MboxQuoting, MboxReader, MboxWriter};

/// A message that comes in, or goes out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stored {
    /// Names of folders, from the top. Empty: the inbox, or wherever the caller puts it.
    pub folder: Vec<String>,
    /// In lower case, as JMAP has them: `$seen`, `$answered`, `$flagged`, `$draft`, `$forwarded`.
    pub keywords: Vec<String>,
    /// It was marked to be deleted.
    pub is_deleted: bool,
    /// When it was received, microseconds since the Unix epoch, where the file tells.
    pub received_us: Option<u64>,
    /// Whole.
    pub bytes: Vec<u8>,
}

/// Why a message, or what comes behind it, cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A message of more than [`MESSAGE_MAX_BYTES`].
    #[error("{place}: the message has more than {MESSAGE_MAX_BYTES} bytes")]
    TooLarge {
        /// The file, and in an mbox the offset.
        place: String,
    },
    /// It has no header, or nothing at all.
    #[error("{place}: this is no message")]
    NotAMessage {
        /// The file, and in an mbox the offset.
        place: String,
    },
    /// Folders that lie in each other deeper than is followed.
    #[error("{place}: the folder lies too deep")]
    TooDeep {
        /// The folder.
        place: String,
    },
    /// The file or folder cannot be read.
    #[error("{place}: {error}")]
    Io {
        /// The file or folder.
        place: String,
        /// Why.
        error: io::Error,
    },
}

impl ReadError {
    fn io(path: &Path, error: io::Error) -> Self {
        Self::Io {
            place: path.display().to_string(),
            error,
        }
    }
}

/// Which line breaks are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineBreaks {
    /// Those that the message has.
    #[default]
    AsStored,
    /// Line feeds in place of CRLF.
    Unix,
}

impl LineBreaks {
    fn of(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::AsStored => Cow::Borrowed(bytes),
            Self::Unix => Cow::Owned(with_line_feeds(bytes)),
        }
    }
}

/// Bytes with CRLF in place of bare line feeds.
#[must_use]
pub fn with_crlf(bytes: &[u8]) -> Cow<'_, [u8]> {
    let is_bare = |at: usize| at == 0 || bytes.get(at - 1) != Some(&b'\r');
    let mut bare = memchr::memchr_iter(b'\n', bytes).filter(|at| is_bare(*at));
    let Some(first) = bare.next() else {
        return Cow::Borrowed(bytes);
    };
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut copied = 0;
    for at in std::iter::once(first).chain(bare) {
        out.extend_from_slice(crate::bytes::part(bytes, copied..at));
        out.push(b'\r');
        copied = at;
    }
    out.extend_from_slice(crate::bytes::part(bytes, copied..bytes.len()));
    Cow::Owned(out)
}

fn with_line_feeds(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut copied = 0;
    for at in memchr::memmem::find_iter(bytes, b"\r\n") {
        out.extend_from_slice(crate::bytes::part(bytes, copied..at));
        copied = at + 1;
    }
    out.extend_from_slice(crate::bytes::part(bytes, copied..bytes.len()));
    out
}

/// Reads a file that is one message.
fn read_message(path: &Path) -> Result<Vec<u8>, ReadError> {
    let place = || path.display().to_string();
    let file = std::fs::File::open(path).map_err(|error| ReadError::io(path, error))?;
    let mut bytes = Vec::new();
    file.take(MESSAGE_MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| ReadError::io(path, error))?;
    if bytes.len() > MESSAGE_MAX_BYTES {
        return Err(ReadError::TooLarge { place: place() });
    }
    if !is_message(&bytes) {
        return Err(ReadError::NotAMessage { place: place() });
    }
    Ok(match with_crlf(&bytes) {
        Cow::Borrowed(_) => bytes,
        Cow::Owned(converted) => converted,
    })
}

/// Whether bytes begin with a header.
fn is_message(bytes: &[u8]) -> bool {
    let block = crate::header::Block::find(bytes, 0, |_| false);
    let header = crate::bytes::part(bytes, block.header);
    crate::header::Fields::of(header).next().is_some()
}

/// Microseconds since the Unix epoch of a time of the file system.
fn time_us(time: std::time::SystemTime) -> Option<u64> {
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_micros()).ok()
}

/// Sets the time of a file to when its message was received.
fn set_time(file: &std::fs::File, received_us: Option<u64>) -> io::Result<()> {
    let Some(received_us) = received_us else {
        return Ok(());
    };
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_micros(received_us);
    file.set_modified(time)
}

/// The folder of a file that names made of folders lead to, below `root`.
fn below(root: &Path, names: impl IntoIterator<Item = String>) -> PathBuf {
    let mut path = root.to_owned();
    path.extend(names);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_are_made_crlf() {
        assert_eq!(*with_crlf(b"a\nb\r\nc\rd\n\n"), *b"a\r\nb\r\nc\rd\r\n\r\n");
        assert!(matches!(with_crlf(b"a\r\nb"), Cow::Borrowed(_)));
        assert_eq!(*with_crlf(b"\n"), *b"\r\n");
        assert_eq!(with_line_feeds(b"a\r\nb\rc\nd\r\n"), b"a\nb\rc\nd\n");
    }
}
