//! What a hotel's staff sets: the hotel, its room types, rate plans, prices and allotments.

use http::StatusCode;

use crate::api::call::{Call, Outcome};
use crate::api::checks::Checks;
use crate::api::json::hotel::Hotel;
use crate::api::json::plan::{Allotments, RatePlan, Rates, RoomType};
use crate::api::problem::Problem;
use crate::bindings::concierge::booking::catalogue::Caller;
use crate::host::Host;
use crate::reply;

/// Makes or replaces a hotel.
pub async fn put_hotel<H: Host>(mut call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let hotel = call.hotel()?;
    let caller = call.account().await?;
    let body: Hotel = call.json().await?;
    let mut checks = Checks::default();
    let hotel = body.checked(hotel, &mut checks);
    checks.finish()?;
    call.host.put_hotel(caller, hotel).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// Makes or replaces a room type.
pub async fn put_room_type<H: Host>(mut call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let (hotel, code) = (call.hotel()?, call.code("room_type")?);
    let caller = call.account().await?;
    let body: RoomType = call.json().await?;
    let mut checks = Checks::default();
    let room_type = body.checked(code, &mut checks);
    checks.finish()?;
    call.host.put_room_type(caller, hotel, room_type).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// Makes or replaces a rate plan.
pub async fn put_rate_plan<H: Host>(mut call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let (hotel, code) = (call.hotel()?, call.code("rate_plan")?);
    let caller = call.account().await?;
    let body: RatePlan = call.json().await?;
    let currency = currency(&call, &caller, &hotel).await?;
    let mut checks = Checks::default();
    let rate_plan = body.checked(code, &currency, &mut checks);
    checks.finish()?;
    call.host.put_rate_plan(caller, hotel, rate_plan).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// Sets the prices of nights.
pub async fn set_rates<H: Host>(mut call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let hotel = call.hotel()?;
    let caller = call.account().await?;
    let body: Rates = call.bulk_json().await?;
    let currency = currency(&call, &caller, &hotel).await?;
    let mut checks = Checks::default();
    let rates = body.checked(&currency, &mut checks);
    checks.finish()?;
    call.host.set_rates(caller, hotel, rates).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// Sets how many rooms can be sold.
pub async fn set_allotments<H: Host>(mut call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let hotel = call.hotel()?;
    let caller = call.account().await?;
    let body: Allotments = call.bulk_json().await?;
    let mut checks = Checks::default();
    let allotments = body.checked(&mut checks);
    checks.finish()?;
    call.host.set_allotments(caller, hotel, allotments).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// The hotel's currency, which prices that are set must be in: the contract's amounts have none.
async fn currency<H: Host>(
    call: &Call<'_, H>,
    caller: &Caller,
    hotel: &str,
) -> Result<String, Problem> {
    let details = call
        .host
        .get_hotel_for_staff(caller.clone(), hotel.to_owned())
        .await?;
    Ok(details.hotel.currency)
}
