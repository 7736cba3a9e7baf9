//! Hotels.

use http::StatusCode;
use serde::Serialize;

use crate::api::call::{Call, Outcome};
use crate::api::json::hotel::{Details, Hotel};
use crate::api::{cache, json_reply};
use crate::bindings::concierge::booking::catalogue::{Caller, Error, HotelDetails};
use crate::host::Host;

/// Seconds for which what a hotel says of itself may be kept.
const MAX_AGE_S: u32 = 60;
/// Hotels on a page where no number is named.
const LIMIT: u32 = 50;
/// Hotels on a page (`wit/booking`).
const LIMIT_MAX: u32 = 200;

#[derive(Serialize)]
struct Page {
    hotels: Vec<Hotel>,
    next: Option<String>,
}

/// Hotels in the order of their codes.
pub async fn list<H: Host>(call: Call<'_, H>) -> Outcome {
    let query = call.query();
    let after = query.text("after").unwrap_or_default();
    let max = query.number("limit", 1..=LIMIT_MAX).unwrap_or(LIMIT);
    query.finish()?;
    let caller = call.caller().await?;
    let page = call.host.list_hotels(caller, after, max).await?;
    let answer = json_reply(
        StatusCode::OK,
        &Page {
            hotels: page.hotels.into_iter().map(Into::into).collect(),
            next: page.next,
        },
    )?;
    Ok(cache::public(&call.head.headers, answer, MAX_AGE_S))
}

/// One hotel with its room types and rate plans.
pub async fn get<H: Host>(call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let hotel = call.hotel()?;
    let caller = call.caller().await?;
    let details = match caller {
        Caller::Account(_) => for_account(&call, caller, hotel).await?,
        Caller::Anyone | Caller::Guest(_) => call.host.get_hotel(hotel).await?,
    };
    let answer = json_reply(StatusCode::OK, &Details::from(details))?;
    Ok(cache::public(&call.head.headers, answer, MAX_AGE_S))
}

/// Staff see what is not open; to other accounts it is as to anyone.
async fn for_account<H: Host>(
    call: &Call<'_, H>,
    caller: Caller,
    hotel: String,
) -> Result<HotelDetails, Error> {
    match call.host.get_hotel_for_staff(caller, hotel.clone()).await {
        Err(Error::Forbidden | Error::NotFound(_)) => call.host.get_hotel(hotel).await,
        answer => answer,
    }
}
