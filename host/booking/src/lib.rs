//! Hotel reservations: catalogue, availability, reservations that never oversell, payments.
//!
//! - [`types`]: what the domain speaks of.
//! - [`rules`]: pure functions that decide.
//! - [`store`]: one trait of whole operations, and the engines behind it.
//!
//! Invariant: no night of a room type is ever reserved more often than it may be sold, whatever crashes, and
//! whoever hurries.
#![warn(clippy::indexing_slicing)]

mod error;
pub mod rules;
pub mod store;
pub mod types;

pub use error::{Conflict, Error, Reason};
