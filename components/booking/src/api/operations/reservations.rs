//! Reservations: made, read, and listed.

use http::StatusCode;
use http::header::LOCATION;
use serde::Serialize;

use crate::api::call::{Call, Outcome};
use crate::api::checks::Checks;
use crate::api::json::Money;
use crate::api::json::reservation::{Request, Reservation as Json};
use crate::api::problem::{Code, Problem};
use crate::api::query::Query;
use crate::api::{decided, json_reply};
use crate::bindings::concierge::booking::catalogue::Error;
use crate::bindings::concierge::booking::reservations::{Filter, Reservation};
use crate::host::Host;
use crate::reply::{self, Reply};

/// Reservations on a page where no number is named.
const LIMIT: u32 = 50;
/// Reservations on a page (`wit/booking`).
const LIMIT_MAX: u32 = 200;

/// Holds the rooms of a stay.
pub async fn create<H: Host>(mut call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let hotel = call.hotel()?;
    let body: Request = call.json().await?;
    let idempotency = call.idempotency(&body)?;
    let mut checks = Checks::default();
    check_currency(&call, &hotel, body.agreed_total(), &mut checks).await?;
    let request = body.checked(&mut checks);
    checks.finish()?;
    let caller = call.caller().await?;
    let decided = call
        .host
        .create_reservation(
            caller.clone(),
            hotel.clone(),
            request,
            idempotency.clone(),
            call.client(),
        )
        .await?;
    decided::answer(&call, caller, hotel, Some(idempotency), decided, created).await
}

/// The contract's amounts have no currency: that the guest and the hotel mean the same one is seen here. A hotel that is
/// not to be had (any more) is for the host to refuse, which knows whether the request is repeated.
pub async fn check_currency<H: Host>(
    call: &Call<'_, H>,
    hotel: &str,
    agreed: Option<&Money>,
    checks: &mut Checks,
) -> Result<(), Problem> {
    let Some(agreed) = agreed else {
        return Ok(());
    };
    match call.host.get_hotel(hotel.to_owned()).await {
        Ok(details) => {
            agreed.amount_in(&details.hotel.currency, "agreed_total", checks);
            Ok(())
        }
        Err(Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn created(made: Reservation) -> Result<Reply, Problem> {
    let location = decided::location(&made);
    let mut answer = decided::reservation(StatusCode::CREATED, made)?;
    reply::set_text(&mut answer, LOCATION, &location);
    Ok(answer)
}

/// One reservation.
pub async fn get<H: Host>(call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let (hotel, id) = (call.hotel()?, call.id("reservation")?);
    let caller = call.account().await?;
    let found = call.host.get_reservation(caller, hotel, id).await?;
    decided::reservation(StatusCode::OK, found)
}

#[derive(Serialize)]
struct Page {
    reservations: Vec<Json>,
    next: Option<String>,
}

/// The hotel's reservations.
pub async fn list<H: Host>(call: Call<'_, H>) -> Outcome {
    let hotel = call.hotel()?;
    let query = call.query();
    let filter = filter(&query);
    let after = query.text("after");
    let max = query.number("limit", 1..=LIMIT_MAX).unwrap_or(LIMIT);
    query.finish()?;
    let caller = call.account().await?;
    let page = call
        .host
        .list_reservations(caller, hotel, filter, after, max)
        .await?;
    json_reply(
        StatusCode::OK,
        &Page {
            reservations: page.reservations.into_iter().map(Into::into).collect(),
            next: page.next,
        },
    )
}

fn filter(query: &Query) -> Filter {
    let all = [
        ("arriving", query.date("arriving").map(Filter::Arriving)),
        ("departing", query.date("departing").map(Filter::Departing)),
        ("staying", query.date("staying").map(Filter::Staying)),
        ("q", query.text("q").map(Filter::Matching)),
    ];
    let mut asked = all
        .into_iter()
        .filter_map(|(name, filter)| Some((name, filter?)));
    let first = asked.next();
    if let Some((name, _)) = asked.next() {
        let detail = "One of arriving, departing, staying and q at once.";
        query.refuse_as(Code::Malformed, name, detail);
    }
    first.map_or(Filter::Recent, |(_, filter)| filter)
}
