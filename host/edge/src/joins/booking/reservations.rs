//! `concierge:booking/reservations`, answered by the domain crate in this process.

use super::to_the_end;
use crate::joins::Services;
use crate::joins::bindings::booking::reservations::{
    Action, Answer, Caller, Decided, Error, Filter, Idempotency, Request, Reservation,
    ReservationPage, Waiting,
};

pub(in crate::joins) async fn create(
    services: &Services,
    caller: Caller,
    hotel: String,
    request: Request,
    idempotency: Idempotency,
    client: String,
) -> Result<Decided, Error> {
    let (booking, caller) = (services.booking()?, services.booking_caller(caller)?);
    let request = request.try_into()?;
    let made = to_the_end(async move {
        let idempotency = idempotency.into();
        let made = booking.create(&caller, &hotel, request, idempotency, &client);
        made.await
    });
    Ok(made.await?.into())
}

pub(in crate::joins) async fn record_answer(
    services: &Services,
    caller: Caller,
    hotel: String,
    idempotency: Idempotency,
    answer: Answer,
) -> Result<Answer, Error> {
    let (booking, caller) = (services.booking()?, services.booking_caller(caller)?);
    let recorded = to_the_end(async move {
        let (idempotency, answer) = (idempotency.into(), answer.into());
        let recorded = booking.record_answer(&caller, &hotel, idempotency, answer);
        recorded.await
    });
    Ok(recorded.await?.into())
}

pub(in crate::joins) async fn get(
    services: &Services,
    caller: Caller,
    hotel: String,
    reservation: String,
) -> Result<Reservation, Error> {
    let caller = services.booking_caller(caller)?;
    let booking = services.booking()?;
    let found = booking.reservation(&caller, &hotel, &reservation).await?;
    Ok(found.into())
}

#[allow(clippy::too_many_arguments, reason = "the contract's, and who answers")]
pub(in crate::joins) async fn act(
    services: &Services,
    caller: Caller,
    hotel: String,
    reservation: String,
    action: Action,
    version: Option<u64>,
    idempotency: Option<Idempotency>,
    client: String,
) -> Result<Decided, Error> {
    let (booking, caller) = (services.booking()?, services.booking_caller(caller)?);
    let action = action.try_into()?;
    let done = to_the_end(async move {
        let idempotency = idempotency.map(Into::into);
        let done = booking.act(
            &caller,
            &hotel,
            &reservation,
            action,
            version,
            idempotency,
            &client,
        );
        done.await
    });
    Ok(done.await?.into())
}

pub(in crate::joins) async fn list(
    services: &Services,
    caller: Caller,
    hotel: String,
    filter: Filter,
    after: Option<String>,
    max: u32,
) -> Result<ReservationPage, Error> {
    let caller = services.booking_caller(caller)?;
    let filter = filter.try_into()?;
    let booking = services.booking()?;
    let page = booking.reservations(&caller, &hotel, filter, after, max);
    Ok(page.await?.into())
}

pub(in crate::joins) async fn wait(
    services: &Services,
    hotel: String,
    request: Request,
    idempotency: Idempotency,
    client: String,
) -> Result<Waiting, Error> {
    let booking = services.booking()?;
    let request = request.try_into()?;
    let place = to_the_end(async move {
        let place = booking.wait(&hotel, request, idempotency.into(), &client);
        place.await
    });
    Ok(place.await?.into())
}

pub(in crate::joins) async fn waiting_list(
    services: &Services,
    caller: Caller,
    hotel: String,
    after: Option<String>,
    max: u32,
) -> Result<Vec<Waiting>, Error> {
    let caller = services.booking_caller(caller)?;
    let booking = services.booking()?;
    let places = booking
        .waiting_list(&caller, &hotel, after.as_deref(), max)
        .await?;
    Ok(places.into_iter().map(Into::into).collect())
}
