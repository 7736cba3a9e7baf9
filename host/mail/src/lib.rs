//! Mail: mailboxes, emails, threads, states, sending.
//!
//! - [`types`]: what the domain speaks of, as `concierge:mail` has it.
//! - [`blobs`]: where the bytes of messages are.
//! - [`store`]: traits of whole operations, each a transaction, and the engines behind them.
#![warn(clippy::indexing_slicing)]

pub mod blobs;
mod error;
pub mod store;
pub mod types;

pub use error::{Error, Reason, Refusal};
