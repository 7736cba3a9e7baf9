//! Mail: mailboxes, emails, threads, states, sending.
//!
//! - [`types`]: what the domain speaks of, as `concierge:mail` has it.
//! - [`store`]: traits of whole operations, each a transaction, and the engines behind them.
#![warn(clippy::indexing_slicing)]

mod error;
pub mod store;
pub mod types;

pub use error::{Error, Reason, Refusal};
