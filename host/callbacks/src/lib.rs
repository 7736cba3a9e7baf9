//! Requests to addresses that users gave: webhooks, and the push services of mail's clients.
//!
//! Such an address is a stranger's. [`Poster`] reaches public addresses alone, unless it is told otherwise; [`web_push`]
//! encrypts what a push service is not to read.

mod addresses;
mod post;
pub mod web_push;

pub use addresses::is_public;
pub use post::{PostError, Poster};
