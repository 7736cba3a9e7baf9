//! Hotel reservations: catalogue, availability, reservations that never oversell, payments.
//!
//! - [`types`]: what the domain speaks of.
//! - [`rules`]: pure functions that decide.
//! - [`store`]: one trait of whole operations, and the engines behind it.
//! - [`payment`]: the payment provider, another party.
//! - [`Booking`]: the service: one method for each function of the contract, and the work behind.
//!
//! Invariant: no night of a room type is ever reserved more often than it may be sold, whatever crashes, and
//! whoever hurries.
#![warn(clippy::indexing_slicing)]

mod authorize;
mod background;
mod cache;
mod error;
mod letters;
pub mod payment;
pub mod rules;
mod search;
mod service;
pub mod store;
mod throttle;
pub mod types;

pub use background::{MailOutbox, WebhookSender};
pub use error::{Conflict, Error, Reason};
pub use search::OFFERS_MAX;
pub use service::{Booking, BookingOptions, Setup};
pub use throttle::Rate as CallRate;
