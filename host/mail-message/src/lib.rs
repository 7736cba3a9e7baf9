//! Messages as bytes: what they say, how they are made, and the files in which they come and go.
//!
//! - [`read`]: from the bytes of a message, whatever they are, to what mail programs want of it ([`Message`]).
//! - [`transfer`]: the bytes of a part, decoded as they are read.
//! - [`make`]: from a draft to the bytes of a message, attachments in pieces.
//! - [`mailboxes`]: mbox, Maildir and trees of `.eml` files, read and written.
//!
//! Nothing here knows of accounts, stores or wasm; files are touched in [`mailboxes`] alone.
//!
//! Invariant: reading never fails and never panics. What a message has too much of is left out ([`limits`]), and what
//! is damaged is read as far as it can be.
//!
//! Invariant: time and memory are linear in the size of the message.
//!
//! Sources: RFC 5322 (messages), RFC 2045 to 2047 and 2231 (MIME), RFC 8621 §4.1 (what JMAP tells of a message),
//! RFC 5256 §2.1 (base subjects).
#![warn(clippy::indexing_slicing)]

mod bytes;
mod charset;
mod header;
mod html;
pub mod limits;
pub mod mailboxes;
pub mod make;
mod message;
mod roles;
mod search;
mod structure;
mod subject;
mod threads;
pub mod transfer;

pub use header::{Field, Mailbox, addresses, date_us, message_ids, text};
pub use message::{BodyValue, Encoded, Message, Part, SortKeys, Texts, read};
pub use search::{SearchText, UNSEARCHED_FIELDS};
pub use subject::{BaseSubject, base_subject};
pub use threads::ThreadKeys;
