//! Stays and what they cost.

use super::{code, date};
use crate::joins::bindings::booking::availability as wit;
use concierge_booking::Error;
use concierge_booking::types as domain;

impl TryFrom<wit::Stay> for domain::Stay {
    type Error = Error;

    fn try_from(stay: wit::Stay) -> Result<Self, Error> {
        let room = |(index, room): (usize, wit::Room)| {
            let field = |name: &str| format!("stay.rooms.{index}.{name}");
            Ok(domain::Room {
                room_type: code(&field("room_type"), room.room_type)?,
                rate_plan: code(&field("rate_plan"), room.rate_plan)?,
                adults: room.adults,
                children: room.children,
            })
        };
        let rooms = stay.rooms.into_iter().enumerate().map(room);
        Ok(Self {
            arrival: date("stay.arrival", stay.arrival)?,
            departure: date("stay.departure", stay.departure)?,
            rooms: rooms.collect::<Result<_, Error>>()?,
        })
    }
}

impl From<domain::Stay> for wit::Stay {
    fn from(stay: domain::Stay) -> Self {
        Self {
            arrival: stay.arrival.days(),
            departure: stay.departure.days(),
            rooms: stay.rooms.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<domain::Room> for wit::Room {
    fn from(room: domain::Room) -> Self {
        Self {
            room_type: room.room_type.into(),
            rate_plan: room.rate_plan.into(),
            adults: room.adults,
            children: room.children,
        }
    }
}

impl From<domain::Price> for wit::Price {
    fn from(price: domain::Price) -> Self {
        let room = |room: domain::PricedRoom| wit::PricedRoom {
            room: room.room.into(),
            room_type_name: room.room_type_name,
            rate_plan_name: room.rate_plan_name,
            nights: room.nights,
            tax: room.tax,
            city_tax: room.city_tax,
        };
        Self {
            currency: price.currency,
            currency_digits: price.currency_digits,
            rooms: price.rooms.into_iter().map(room).collect(),
            total: price.total,
        }
    }
}

impl From<domain::PricedStay> for wit::PricedStay {
    fn from(priced: domain::PricedStay) -> Self {
        Self {
            stay: priced.stay.into(),
            price: priced.price.into(),
            free_until_us: priced.free_until_us,
            penalty: priced.penalty,
            available: priced.available,
        }
    }
}
