//! A full-text index of mail.
//!
//! - [`Index`]: one directory on disk, one writer, many readers. It knows the texts of messages and nothing else: in which
//!   mailboxes they are, their keywords and sizes are the store's.
//! - [`Term`]: what is looked for, with the meaning of RFC 8621 §4.4.1.
//! - [`snippet`]: where it was found, for people.
//!
//! The index is derived: the store feeds it changes in the order of its log, each batch with the [`Positions`] it leads
//! up to. A commit writes both, so that after a crash the index says from where it is to be fed again, and whatever is
//! wrong with it, it can be made anew.
//!
//! Invariant: a search sees all that was fed before it. What is not committed is kept in memory, within
//! [`limits`], and searched there.
//!
//! Invariant: what is committed survives `kill -9`, and nothing of what was not committed is left after it.
#![warn(clippy::indexing_slicing)]

mod document;
mod error;
mod fold;
mod index;
pub mod limits;
mod pending;
mod positions;
mod quiet;
mod schema;
mod snippet;
mod terms;
mod tokens;

pub use document::{AccountId, Change, Document, Key, StorageId, Texts};
pub use error::Error;
pub use index::Index;
pub use positions::{Positions, Shard};
pub use snippet::{Snippet, snippet};
pub use terms::{FieldTerm, Scope, Term};
