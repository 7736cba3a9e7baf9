//! What connects emails to threads, as it is kept: the first 16 bytes of the SHA-256 of a letter (`i` for a message id,
//! `s` for a base subject) and the text.

use sha2::{Digest, Sha256};

use crate::types::ThreadKeys;

const BYTES: usize = 16;

/// One key.
pub(super) type Key = [u8; BYTES];

/// The keys of an email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    /// Of its own id and of those that it refers to.
    pub(super) ids: Vec<Key>,
    /// Of its subject, where it has one.
    pub(super) subject: Option<Key>,
    /// It is connected with all of its subject.
    pub(super) by_subject: bool,
}

impl Keys {
    pub(super) fn of(thread: &ThreadKeys) -> Self {
        let ids = thread.message_id.iter().chain(&thread.references);
        let subject = Some(&thread.subject).filter(|subject| !subject.is_empty());
        Self {
            ids: ids.map(|id| key(b"i", id)).collect(),
            subject: subject.map(|subject| key(b"s", subject)),
            by_subject: thread.goes_by_subject(),
        }
    }

    /// The ids as one text of bytes.
    pub(super) fn ids_joined(&self) -> Vec<u8> {
        self.ids.concat()
    }

    /// From what [`Self::ids_joined`] made.
    pub(super) fn ids_from(joined: &[u8]) -> Vec<Key> {
        joined.as_chunks().0.to_vec()
    }
}

fn key(letter: &[u8], text: &str) -> Key {
    let digest = Sha256::new().chain_update(letter).chain_update(text);
    let mut key = [0; BYTES];
    for (to, from) in key.iter_mut().zip(digest.finalize()) {
        *to = from;
    }
    key
}
