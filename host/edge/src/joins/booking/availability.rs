//! `concierge:booking/availability`, answered by the domain crate in this process.

use super::convert::date;
use crate::joins::Services;
use crate::joins::bindings::booking::availability::{
    CalendarNight, Date, Error, Offer, Offers, Order, PricedStay, Query, RoomTypeCalendar, Stay,
};
use concierge_booking::types as domain;

pub(in crate::joins) async fn search(services: &Services, query: Query) -> Result<Offers, Error> {
    let query = query.try_into()?;
    Ok(services.booking()?.search(query).await?.into())
}

pub(in crate::joins) async fn calendar(
    services: &Services,
    hotel: String,
    room_type: Option<String>,
    first: Date,
    nights: u32,
) -> Result<Vec<RoomTypeCalendar>, Error> {
    let first = date("first", first)?;
    let booking = services.booking()?;
    let calendars = booking.calendar(&hotel, room_type.as_deref(), first, nights);
    Ok(calendars.await?.into_iter().map(Into::into).collect())
}

pub(in crate::joins) async fn quote(
    services: &Services,
    hotel: String,
    stay: Stay,
) -> Result<PricedStay, Error> {
    let stay = stay.try_into()?;
    Ok(services.booking()?.quote(&hotel, stay).await?.into())
}

impl TryFrom<Query> for domain::Query {
    type Error = concierge_booking::Error;

    fn try_from(query: Query) -> Result<Self, Self::Error> {
        Ok(Self {
            text: query.text,
            near: query
                .near
                .map(|(centre, radius_m)| (centre.into(), radius_m)),
            arrival: date("arrival", query.arrival)?,
            departure: date("departure", query.departure)?,
            rooms: query.rooms,
            adults: query.adults,
            children: query.children,
            currency: query.currency,
            min_total: query.min_total,
            max_total: query.max_total,
            order: match query.order {
                Order::Distance => domain::Order::Distance,
                Order::Price => domain::Order::Price,
                Order::Stars => domain::Order::Stars,
                Order::Name => domain::Order::Name,
            },
            after: query.after,
            max: query.max,
            client: query.client,
        })
    }
}

impl From<domain::Offers> for Offers {
    fn from(offers: domain::Offers) -> Self {
        Self {
            offers: offers.offers.into_iter().map(Into::into).collect(),
            next: offers.next,
        }
    }
}

impl From<domain::Offer> for Offer {
    fn from(offer: domain::Offer) -> Self {
        Self {
            hotel: offer.hotel.as_ref().into(),
            currency_digits: offer.currency_digits,
            distance_m: offer.distance_m,
            room_type: offer.room_type.into(),
            room_type_name: offer.room_type_name,
            rate_plan: offer.rate_plan.into(),
            rate_plan_name: offer.rate_plan_name,
            total: offer.total,
            left: offer.left,
        }
    }
}

impl From<domain::RoomTypeCalendar> for RoomTypeCalendar {
    fn from(calendar: domain::RoomTypeCalendar) -> Self {
        let night = |night: domain::CalendarNight| CalendarNight {
            night: night.night.days(),
            left: night.left,
            price: night.price,
        };
        Self {
            room_type: calendar.room_type.into(),
            nights: calendar.nights.into_iter().map(night).collect(),
        }
    }
}
