//! Stays and what they cost.

use serde::{Deserialize, Serialize};

use super::codes::{RatePlanCode, RoomTypeCode};
use super::dates::{Date, TimeUs};
use super::hotel::Money;

/// A room of a stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Which kind.
    pub room_type: RoomTypeCode,
    /// Under which plan.
    pub rate_plan: RatePlanCode,
    /// Adults in it.
    pub adults: u32,
    /// Children in it.
    pub children: u32,
}

/// One or more rooms for the same nights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// The day of arrival, and the first night.
    pub arrival: Date,
    /// The day of departure: no night.
    pub departure: Date,
    /// The rooms.
    pub rooms: Vec<Room>,
}

impl Stay {
    /// How many nights.
    #[must_use]
    pub fn nights(&self) -> u32 {
        u32::try_from(self.departure.since(self.arrival)).unwrap_or(0)
    }
}

/// What a room costs, and what was agreed about it. It stays as it was agreed, whatever the hotel changes later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedRoom {
    /// The room.
    pub room: Room,
    /// The room type's name then.
    pub room_type_name: String,
    /// The rate plan's name then.
    pub rate_plan_name: String,
    /// The price of each night, in their order.
    pub nights: Vec<Money>,
    /// Tax on the nights.
    pub tax: Money,
    /// Local tax on the adults.
    pub city_tax: Money,
    /// Until when cancelling is free; `None`: it never is.
    pub free_until_us: Option<TimeUs>,
    /// What cancelling costs after that.
    pub penalty: Money,
}

impl PricedRoom {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> Money {
        let nights = self
            .nights
            .iter()
            .fold(0, |sum: Money, &night| sum.saturating_add(night));
        nights
            .saturating_add(self.tax)
            .saturating_add(self.city_tax)
    }

    /// What cancelling it costs at a time.
    #[must_use]
    pub fn cancellation_fee(&self, now_us: TimeUs) -> Money {
        match self.free_until_us {
            Some(free_until_us) if now_us <= free_until_us => 0,
            _ => self.penalty,
        }
    }
}

/// What a stay costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// ISO 4217.
    pub currency: String,
    /// Its digits after the point.
    pub currency_digits: u32,
    /// The rooms.
    pub rooms: Vec<PricedRoom>,
    /// All of it, with taxes.
    pub total: Money,
}

impl Price {
    /// What cancelling costs at a time.
    #[must_use]
    pub fn cancellation_fee(&self, now_us: TimeUs) -> Money {
        let fees = self.rooms.iter().map(|room| room.cancellation_fee(now_us));
        fees.fold(0, Money::saturating_add)
    }

    /// Until when cancelling all of it is free; `None`: it never is.
    #[must_use]
    pub fn free_until_us(&self) -> Option<TimeUs> {
        self.rooms
            .iter()
            .map(|room| room.free_until_us)
            .try_fold(TimeUs::MAX, |earliest, free| {
                free.map(|free| earliest.min(free))
            })
    }

    /// What cancelling costs when it is free no more.
    #[must_use]
    pub fn penalty(&self) -> Money {
        let penalties = self.rooms.iter().map(|room| room.penalty);
        penalties.fold(0, Money::saturating_add)
    }
}

/// So many rooms of a type on a night, to take (positive) or to give back (negative).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Delta {
    /// Which rooms.
    pub room_type: RoomTypeCode,
    /// Which night.
    pub night: Date,
    /// How many: never 0.
    pub rooms: i32,
}
