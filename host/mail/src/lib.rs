//! Mail: mailboxes, emails, threads, states, sending.
//!
//! - [`types`]: what the domain speaks of, as `concierge:mail` has it.
//! - [`blobs`]: where the bytes of messages are.
//! - [`search`]: finds emails by their texts.
//! - [`service`]: what the contract's functions do.
//! - [`store`]: traits of whole operations, each a transaction, and the engines behind them.
#![warn(clippy::indexing_slicing)]

mod authorize;
mod background;
pub mod blobs;
mod error;
mod events;
pub mod search;
pub mod service;
mod spool;
pub mod store;
pub mod types;

pub use background::{
    LEASE_US, Outbound, PushFailure, PushRequest, PushSender, Pushed, QueueOptions, Relay, Relayed,
};
pub use error::{Error, Reason, Refusal};
pub use service::Mail;
