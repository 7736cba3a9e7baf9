//! `concierge:booking`: each function is the method of the same name of the booking domain.

pub(super) mod administration;
pub(super) mod availability;
pub(super) mod catalogue;
pub(super) mod changes;
mod convert;
pub(super) mod payments;
pub(super) mod reports;
pub(super) mod reservations;

use super::Services;
use super::bindings::booking::catalogue as wit;
use concierge_booking::types::Caller;
use concierge_booking::{Booking, Error};
use std::sync::Arc;

impl Services {
    /// Bookings in this process.
    fn booking(&self) -> Result<Arc<Booking>, Error> {
        // A component that imports the interface is not loaded where there is nothing behind it.
        self.booking.clone().ok_or(Error::Internal)
    }

    /// Who calls: an account by the token that proves it.
    fn booking_caller(&self, caller: wit::Caller) -> Result<Caller, Error> {
        let token = match caller {
            wit::Caller::Anyone => return Ok(Caller::Anyone),
            wit::Caller::Guest(token) => return Ok(Caller::Guest(token)),
            wit::Caller::Account(token) => token,
        };
        let identity = self.identity.as_ref().ok_or(Error::Internal)?;
        let principal = identity.principal(&token).map_err(|error| {
            tracing::debug!("a token was refused: {error}");
            Error::Unauthorized
        })?;
        match self.admits(principal.account) {
            true => Ok(Caller::Account(principal)),
            false => Err(Error::Forbidden),
        }
    }
}

/// Does what changes something. Once begun it runs to its end, also when who asked goes away meanwhile: a
/// change that is made of several steps is not cut between them.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!("a change of bookings did not run to its end: {error}");
        Err(Error::Internal)
    })
}
