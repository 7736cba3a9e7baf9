//! Hotels with enough free rooms.

use http::StatusCode;
use serde::Serialize;

use crate::api::call::{Call, Outcome};
use crate::api::json::Money;
use crate::api::json::hotel::Hotel;
use crate::api::json_reply;
use crate::api::problem::{Code, Problem};
use crate::api::query::Query as Parameters;
use crate::bindings::concierge::booking::availability::{Offer, Order, Position, Query};
use crate::host::Host;

/// The circle's radius where none is named, metres.
const RADIUS_M: u32 = 10_000;
/// The widest circle, metres.
const RADIUS_M_MAX: u32 = 500_000;
/// Rooms of one search: more than can be booked at once, so that the host says what is wrong with more.
const ROOMS_MAX: u32 = 1_000;
/// Guests of one search.
const GUESTS_MAX: u32 = 10_000;
/// Offers on a page where no number is named.
const LIMIT: u32 = 20;
/// Offers on a page (`wit/booking`).
const LIMIT_MAX: u32 = 100;

#[derive(Serialize)]
struct Found {
    offers: Vec<OfferJson>,
    next: Option<String>,
}

#[derive(Serialize)]
struct OfferJson {
    hotel: Hotel,
    distance_m: Option<u32>,
    room_type: String,
    room_type_name: String,
    rate_plan: String,
    rate_plan_name: String,
    total: Money,
    currency_digits: u32,
    left: u32,
}

impl From<Offer> for OfferJson {
    fn from(offer: Offer) -> Self {
        Self {
            total: Money::of(offer.total, &offer.hotel.currency),
            hotel: offer.hotel.into(),
            distance_m: offer.distance_m,
            room_type: offer.room_type,
            room_type_name: offer.room_type_name,
            rate_plan: offer.rate_plan,
            rate_plan_name: offer.rate_plan_name,
            currency_digits: offer.currency_digits,
            left: offer.left,
        }
    }
}

/// Searches.
pub async fn search<H: Host>(call: Call<'_, H>) -> Outcome {
    let query = parse(call.query(), call.client())?;
    let found = call.host.search(query).await?;
    json_reply(
        StatusCode::OK,
        &Found {
            offers: found.offers.into_iter().map(Into::into).collect(),
            next: found.next,
        },
    )
}

fn parse(parameters: Parameters, client: String) -> Result<Query, Problem> {
    let near = near(&parameters);
    let currency = parameters.text("currency");
    let min_total = parameters.amount("min_total");
    let max_total = parameters.amount("max_total");
    if currency.is_none() && (min_total.is_some() || max_total.is_some()) {
        let detail = "Totals are compared in a currency: name it.";
        parameters.refuse_as(Code::Currency, "currency", detail);
    }
    let query = Query {
        text: parameters.text("q").unwrap_or_default(),
        arrival: parameters.needed_date("arrival"),
        departure: parameters.needed_date("departure"),
        rooms: parameters.number("rooms", 0..=ROOMS_MAX).unwrap_or(1),
        adults: parameters.number("adults", 0..=GUESTS_MAX).unwrap_or(2),
        children: parameters.number("children", 0..=GUESTS_MAX).unwrap_or(0),
        currency,
        min_total,
        max_total,
        order: order(&parameters, near.is_some()),
        after: parameters.text("after"),
        max: parameters.number("limit", 1..=LIMIT_MAX).unwrap_or(LIMIT),
        near,
        client,
    };
    parameters.finish()?;
    Ok(query)
}

fn near(parameters: &Parameters) -> Option<(Position, u32)> {
    let latitude = parameters.degrees("lat", 90.0);
    let longitude = parameters.degrees("lon", 180.0);
    let radius_m = parameters.number("radius_m", 1..=RADIUS_M_MAX);
    match (latitude, longitude) {
        (Some(latitude), Some(longitude)) => {
            let position = Position {
                latitude,
                longitude,
            };
            Some((position, radius_m.unwrap_or(RADIUS_M)))
        }
        (None, None) if radius_m.is_none() => None,
        (None, _) => {
            parameters.refuse("lat", "A point has a latitude and a longitude.");
            None
        }
        (_, None) => {
            parameters.refuse("lon", "A point has a latitude and a longitude.");
            None
        }
    }
}

fn order(parameters: &Parameters, has_point: bool) -> Order {
    match parameters.text("sort").as_deref() {
        None if has_point => Order::Distance,
        None | Some("price") => Order::Price,
        Some("distance") if has_point => Order::Distance,
        Some("distance") => {
            parameters.refuse("sort", "A distance is from a point: give lat and lon.");
            Order::Price
        }
        Some("stars") => Order::Stars,
        Some("name") => Order::Name,
        Some(_) => {
            parameters.refuse("sort", "It is distance, price, stars or name.");
            Order::Price
        }
    }
}
