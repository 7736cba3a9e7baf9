//! What is free in a month.

use http::StatusCode;
use serde::Serialize;

use crate::api::call::{Call, Outcome};
use crate::api::checks::is_code;
use crate::api::json::{Day, Money};
use crate::api::{cache, json_reply};
use crate::bindings::concierge::booking::availability::RoomTypeCalendar;
use crate::dates::Month;
use crate::host::Host;

/// Seconds for which a calendar may be kept: about as long as the host keeps it.
const MAX_AGE_S: u32 = 5;

#[derive(Serialize)]
struct Calendar {
    hotel: String,
    month: String,
    currency_digits: u32,
    room_types: Vec<RoomType>,
}

#[derive(Serialize)]
struct RoomType {
    room_type: String,
    nights: Vec<Night>,
}

#[derive(Serialize)]
struct Night {
    date: Day,
    left: u32,
    price: Option<Money>,
}

/// The nights of a month, of one room type or all.
pub async fn get<H: Host>(call: Call<'_, H>) -> Outcome {
    let hotel = call.hotel()?;
    let query = call.query();
    let month = query.text("month").and_then(|text| {
        Month::parse(&text)
            .map_err(|detail| query.refuse("month", detail))
            .ok()
    });
    let room_type = query.text("room_type");
    if room_type.as_deref().is_some_and(|code| !is_code(code)) {
        query.refuse("room_type", "It is not the code of a room type.");
    }
    query.finish()?;
    let details = call.host.get_hotel(hotel.clone()).await?;
    let month = month.unwrap_or_else(|| Month::of(details.today));
    let calendar = call
        .host
        .calendar(hotel.clone(), room_type, month.first, month.days)
        .await?;
    let currency = &details.hotel.currency;
    let room_types = calendar.into_iter();
    let answer = Calendar {
        hotel,
        month: month.text(),
        currency_digits: details.currency_digits,
        room_types: room_types.map(|one| json(one, currency)).collect(),
    };
    let answer = json_reply(StatusCode::OK, &answer)?;
    Ok(cache::public(&call.head.headers, answer, MAX_AGE_S))
}

fn json(calendar: RoomTypeCalendar, currency: &str) -> RoomType {
    let nights = calendar.nights.into_iter();
    RoomType {
        room_type: calendar.room_type,
        nights: nights
            .map(|night| Night {
                date: Day(night.night),
                left: night.left,
                price: night.price.map(|price| Money::of(price, currency)),
            })
            .collect(),
    }
}
