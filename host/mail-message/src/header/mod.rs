//! Headers: where they end, their fields, and what the fields say.

mod block;
mod content;
mod values;

pub(crate) use block::{Block, Fields, RawField};
pub(crate) use content::{Parameters, language_tags};
pub use values::{Mailbox, addresses, date_us, message_ids, text};
pub(crate) use values::{bracketed, without_blanks};

/// A field of a header, as `concierge:mail/emails.field` has it: the value begins behind the colon, folds and all,
/// without the last line break. Octets that are not UTF-8 are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// As it was written.
    pub name: String,
    /// As it was written.
    pub value: String,
}
