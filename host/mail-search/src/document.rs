//! What the index is told of.

use std::fmt;

/// An account whose mail is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub u128);

/// A message in the store, unique in its account. Unlike its id in JMAP it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StorageId(pub u64);

/// A message of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Whose it is.
    pub account: AccountId,
    /// Which it is.
    pub message: StorageId,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}/{:x}", self.account.0, self.message.0)
    }
}

/// A message and its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Which message.
    pub key: Key,
    /// What it is found by.
    pub texts: Texts,
}

/// The texts of a message, decoded and without markup.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts {
    /// Names and addresses.
    pub from: String,
    /// Names and addresses.
    pub to: String,
    /// Names and addresses.
    pub cc: String,
    /// Names and addresses.
    pub bcc: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
    /// Names of attached files.
    pub attachment_names: String,
    /// The fields of the header, each in a line `NAME:VALUE`.
    pub header: String,
}

/// One change of what can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The message is there, with these texts, whether it was there before or not.
    Put(Box<Document>),
    /// It is gone.
    Remove(Key),
    /// All mail of the account is gone.
    RemoveAccount(AccountId),
}
