//! What goes wrong with an index.

use std::io;

use thiserror::Error;

/// Why something was not done.
#[derive(Debug, Error)]
pub enum Error {
    /// The index was written in another form: make it anew ([`Index::create`](crate::Index::create)).
    #[error("the search index has format {found:?} and not {expected:?}: it must be made anew")]
    Format {
        /// What is on disk.
        found: String,
        /// What this program writes.
        expected: String,
    },
    /// The index is damaged: make it anew.
    #[error("the search index is damaged and must be made anew: {0}")]
    Damaged(String),
    /// Another process writes it.
    #[error("another process has the search index open")]
    Locked,
    /// A commit failed, so that it is not known what is on disk. Nothing is taken until the index is opened again.
    #[error("the search index has stopped after an error; it must be opened again")]
    Stopped,
    /// What is looked for is too long, or has too many words.
    #[error("what is looked for is too long")]
    TermTooLong,
    /// The file system failed.
    #[error("the search index cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// The engine failed.
    #[error("the search index failed: {0}")]
    Engine(tantivy::TantivyError),
}

impl Error {
    /// Whether making the index anew is what helps.
    #[must_use]
    pub fn needs_rebuild(&self) -> bool {
        matches!(self, Self::Format { .. } | Self::Damaged(_))
    }
}

impl From<tantivy::TantivyError> for Error {
    fn from(error: tantivy::TantivyError) -> Self {
        use tantivy::TantivyError as E;
        match error {
            E::LockFailure(..) => Self::Locked,
            E::DataCorruption(_)
            | E::SchemaError(_)
            | E::IncompatibleIndex(_)
            | E::OpenReadError(_)
            | E::OpenDirectoryError(_) => Self::Damaged(error.to_string()),
            error => Self::Engine(error),
        }
    }
}
