//! `concierge:booking/payments`, answered by the domain crate in this process.

use super::to_the_end;
use crate::joins::Services;
use crate::joins::bindings::booking::payments::{Caller, Decided, Error, Idempotency};

pub(in crate::joins) async fn pay(
    services: &Services,
    caller: Caller,
    hotel: String,
    reservation: String,
    method: String,
    idempotency: Idempotency,
    client: String,
) -> Result<Decided, Error> {
    let (booking, caller) = (services.booking()?, services.booking_caller(caller)?);
    let paid = to_the_end(async move {
        let idempotency = idempotency.into();
        let paid = booking.pay(&caller, &hotel, &reservation, &method, idempotency, &client);
        paid.await
    });
    Ok(paid.await?.into())
}

pub(in crate::joins) async fn notify(
    services: &Services,
    body: Vec<u8>,
    signature: String,
) -> Result<(), Error> {
    let booking = services.booking()?;
    Ok(to_the_end(async move { booking.notify(&body, &signature).await }).await?)
}
