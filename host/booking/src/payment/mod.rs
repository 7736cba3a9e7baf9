//! The payment provider: another party, with books of its own.
//!
//! Every step is idempotent by the attempt's id, and answers with what the provider's books say of the attempt now. So a
//! step whose answer was lost is asked again, and what was done twice was done once.

pub mod sandbox;

use std::future::Future;
use std::pin::Pin;

use crate::rules::saga::Standing;
use crate::types::{AttemptId, HotelCode, Money, ReservationId};

/// What a provider gives.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ProviderError>> + Send + 'a>>;

/// Why a provider did not answer. The step is asked again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the payment provider did not answer: {0}")]
pub struct ProviderError(pub String);

/// What is to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The attempt: the provider's idempotency key.
    pub attempt: AttemptId,
    /// For which hotel.
    pub hotel: HotelCode,
    /// For which reservation.
    pub reservation: ReservationId,
    /// How much, minor units.
    pub amount: Money,
    /// ISO 4217.
    pub currency: String,
    /// The provider's token for a card or an account.
    pub method: String,
}

/// What a provider tells of its own accord.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// About which hotel's payment.
    pub hotel: HotelCode,
    /// For which reservation.
    pub reservation: ReservationId,
    /// Which attempt.
    pub attempt: AttemptId,
    /// What its books say now.
    pub standing: Standing,
}

/// A payment provider.
pub trait PaymentProvider: Send + Sync {
    /// Sets an amount aside, unless the attempt was given up before.
    fn authorise<'a>(&'a self, order: &'a Order) -> Answer<'a, Standing>;
    /// Charges what was set aside.
    fn capture(&self, attempt: AttemptId) -> Answer<'_, Standing>;
    /// Gives up an attempt: what was set aside, and what would be set aside later.
    fn void(&self, attempt: AttemptId) -> Answer<'_, Standing>;
    /// Gives back so much of what was charged, in all.
    fn refund(&self, attempt: AttemptId, refunded: Money) -> Answer<'_, Standing>;
    /// What the books say.
    fn status(&self, attempt: AttemptId) -> Answer<'_, Standing>;
    /// Reads a notice; `None` if the signature over it is not the provider's.
    fn read_notice(&self, body: &[u8], signature: &str) -> Option<Notice>;
}
