//! `concierge:booking/catalogue`, answered by the domain crate in this process.

use crate::joins::Services;
use crate::joins::bindings::booking::catalogue::{Caller, Error, HotelDetails, HotelPage};

pub(in crate::joins) async fn get(
    services: &Services,
    hotel: String,
) -> Result<HotelDetails, Error> {
    Ok(services.booking()?.hotel(&hotel).await?.into())
}

pub(in crate::joins) async fn get_for_staff(
    services: &Services,
    caller: Caller,
    hotel: String,
) -> Result<HotelDetails, Error> {
    let caller = services.booking_caller(caller)?;
    let details = services.booking()?.hotel_for_staff(&caller, &hotel).await?;
    Ok(details.into())
}

pub(in crate::joins) async fn list(
    services: &Services,
    caller: Caller,
    after: String,
    max: u32,
) -> Result<HotelPage, Error> {
    let caller = services.booking_caller(caller)?;
    Ok(services
        .booking()?
        .hotels(&caller, &after, max)
        .await?
        .into())
}
