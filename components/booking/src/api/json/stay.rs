//! Stays and what they cost.

use serde::{Deserialize, Serialize};

use super::{Day, Money};
use crate::api::checks::Checks;
use crate::bindings::concierge::booking::availability as contract;

/// A room of a stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Room {
    room_type: String,
    rate_plan: String,
    adults: u32,
    #[serde(default)]
    children: u32,
}

/// A stay: rooms for the same nights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stay {
    arrival: Day,
    departure: Day,
    rooms: Vec<Room>,
}

impl Stay {
    /// From its parts, in the contract's form.
    pub fn checked_parts(
        arrival: Day,
        departure: Day,
        rooms: Vec<Room>,
        checks: &mut Checks,
    ) -> contract::Stay {
        let mut contract_rooms = Vec::with_capacity(rooms.len());
        for (at, room) in rooms.into_iter().enumerate() {
            checks.code(format!("rooms.{at}.room_type"), &room.room_type);
            checks.code(format!("rooms.{at}.rate_plan"), &room.rate_plan);
            contract_rooms.push(contract::Room {
                room_type: room.room_type,
                rate_plan: room.rate_plan,
                adults: room.adults,
                children: room.children,
            });
        }
        contract::Stay {
            arrival: arrival.0,
            departure: departure.0,
            rooms: contract_rooms,
        }
    }

    /// In the contract's form.
    pub fn checked(self, checks: &mut Checks) -> contract::Stay {
        Self::checked_parts(self.arrival, self.departure, self.rooms, checks)
    }
}

impl From<contract::Stay> for Stay {
    fn from(stay: contract::Stay) -> Self {
        let room = |room: contract::Room| Room {
            room_type: room.room_type,
            rate_plan: room.rate_plan,
            adults: room.adults,
            children: room.children,
        };
        Self {
            arrival: Day(stay.arrival),
            departure: Day(stay.departure),
            rooms: stay.rooms.into_iter().map(room).collect(),
        }
    }
}

/// A night and its price.
#[derive(Debug, Serialize)]
struct Night {
    date: Day,
    price: Money,
}

/// A room with its prices.
#[derive(Debug, Serialize)]
struct PricedRoom {
    room_type: String,
    room_type_name: String,
    rate_plan: String,
    rate_plan_name: String,
    adults: u32,
    children: u32,
    nights: Vec<Night>,
    tax: Money,
    city_tax: Money,
}

/// A stay with its prices.
#[derive(Debug, Serialize)]
pub struct PricedStay {
    arrival: Day,
    departure: Day,
    rooms: Vec<PricedRoom>,
    total: Money,
    currency_digits: u32,
}

impl PricedStay {
    /// The stay's dates with the price's rooms.
    pub fn of(stay: &contract::Stay, price: contract::Price) -> Self {
        let currency = &price.currency;
        let room = |room: contract::PricedRoom| PricedRoom {
            room_type: room.room.room_type,
            room_type_name: room.room_type_name,
            rate_plan: room.room.rate_plan,
            rate_plan_name: room.rate_plan_name,
            adults: room.room.adults,
            children: room.room.children,
            nights: (stay.arrival..)
                .zip(room.nights)
                .map(|(date, price)| Night {
                    date: Day(date),
                    price: Money::of(price, currency),
                })
                .collect(),
            tax: Money::of(room.tax, currency),
            city_tax: Money::of(room.city_tax, currency),
        };
        Self {
            arrival: Day(stay.arrival),
            departure: Day(stay.departure),
            rooms: price.rooms.into_iter().map(room).collect(),
            total: Money::of(price.total, currency),
            currency_digits: price.currency_digits,
        }
    }
}
