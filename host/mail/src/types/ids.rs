//! Identifiers.
//!
//! Emails, threads, mailboxes and senders are numbered by the sequence of the file that keeps them, so that no two of
//! them have the same number there. In JMAP each has a letter before it: RFC 8620 §1.2 advises against ids of digits
//! alone.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not an id of its kind. To a client it is an id that there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct InvalidId;

fn number(text: &str) -> Result<u64, InvalidId> {
    // One form for each number: neither signs nor leading zeros.
    let canonical = !text.starts_with(['0', '+']) && text.len() <= 16;
    match u64::from_str_radix(text, 16) {
        Ok(number) if canonical && !text.contains(|c: char| c.is_ascii_uppercase()) => Ok(number),
        _ => Err(InvalidId),
    }
}

macro_rules! numbered {
    ($(#[doc = $doc:literal])+ $name:ident, $letter:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{:x}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                number(text.strip_prefix($letter).ok_or(InvalidId)?).map(Self)
            }
        }
    };
}

numbered! {
    /// An email as it is kept; it never changes.
    StorageId, "s"
}
numbered! {
    /// A mailbox.
    MailboxId, "m"
}
numbered! {
    /// A thread.
    ThreadId, "t"
}
numbered! {
    /// A sender: what JMAP calls an identity.
    SenderId, "i"
}

/// The JMAP id of an email: its storage id, and how often it was given a new one.
///
/// A thread's id never changes for an email (RFC 8621 §3): an email whose thread becomes part of another reappears
/// under the next generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EmailId {
    /// The email.
    pub storage: StorageId,
    /// 0 at first.
    pub generation: u32,
}

impl fmt::Display for EmailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{:x}", self.storage.0)?;
        match self.generation {
            0 => Ok(()),
            generation => write!(f, "-{generation:x}"),
        }
    }
}

impl FromStr for EmailId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let text = text.strip_prefix('e').ok_or(InvalidId)?;
        let (storage, generation) = match text.split_once('-') {
            None => (text, 0),
            Some((storage, generation)) => {
                let generation = u32::try_from(number(generation)?).map_err(|_| InvalidId)?;
                (storage, generation)
            }
        };
        Ok(Self {
            storage: StorageId(number(storage)?),
            generation,
        })
    }
}

macro_rules! uuid {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new one (UUIDv7).
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_simple().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text).map(Self).map_err(|_| InvalidId)
            }
        }
    };
}

uuid! {
    /// What was handed over for sending; also its place in the outgoing queue.
    SubmissionId
}
uuid! {
    /// A push subscription.
    PushId
}

/// SHA-256 of a whole blob; its id is `b` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlobHash(pub [u8; 32]);

impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{}", hex::encode(self.0))
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BlobHash {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.strip_prefix('b').ok_or(InvalidId)?;
        let mut hash = [0; 32];
        let lower = !digits.contains(|c: char| c.is_ascii_uppercase());
        match hex::decode_to_slice(digits, &mut hash) {
            Ok(()) if lower => Ok(Self(hash)),
            _ => Err(InvalidId),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_and_have_one_form() {
        for text in ["e1", "eff-2", "effffffffffffffff"] {
            assert_eq!(text.parse::<EmailId>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "e",
            "1",
            "e01",
            "eFF",
            "e1-",
            "e1-0",
            "e-1",
            "e+1",
            "m1",
            "e10000000000000000",
            "é",
        ] {
            assert_eq!(text.parse::<EmailId>(), Err(InvalidId), "{text}");
        }
        assert_eq!("mab".parse::<MailboxId>(), Ok(MailboxId(0xab)));
        let blob = format!("b{}", "0a".repeat(32));
        assert_eq!(blob.parse::<BlobHash>().unwrap().to_string(), blob);
        assert!(blob.to_uppercase().parse::<BlobHash>().is_err());
    }
}
