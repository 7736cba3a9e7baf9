//! Hotels, room types and rate plans: the catalogue.

use std::sync::Arc;

use concierge_identity::AccountId;
use serde::{Deserialize, Serialize};

use super::codes::{HotelCode, RatePlanCode, RoomTypeCode};
use super::dates::{Date, Zone};

/// An amount in minor units of the hotel's currency.
pub type Money = i64;

/// A text in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Localised {
    /// BCP 47, in lower case.
    pub language: String,
    /// The text.
    pub text: String,
}

/// A point on the Earth (WGS 84), degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// -90 to 90.
    pub latitude: f64,
    /// -180 to 180.
    pub longitude: f64,
}

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Street and number.
    pub street: String,
    /// City.
    pub city: String,
    /// State, province or region.
    pub region: String,
    /// Postal code.
    pub postal_code: String,
    /// ISO 3166-1, two capitals.
    pub country: String,
}

/// A picture in the object store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Photo {
    /// The bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// What it shows, for those who do not see it.
    pub alt: Vec<Localised>,
}

/// A hotel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hotel {
    /// Its name in addresses.
    pub code: HotelCode,
    /// Its name for people.
    pub name: String,
    /// What it is like.
    pub description: Vec<Localised>,
    /// Where it is.
    pub address: Address,
    /// Where on the map.
    pub position: Option<Position>,
    /// Where guests write to.
    pub email: String,
    /// Where guests call.
    pub phone: String,
    /// IANA.
    pub time_zone: String,
    /// ISO 4217.
    pub currency: String,
    /// Tax on top of nightly prices, hundredths of a percent.
    pub tax_basis_points: u32,
    /// Local tax for each adult and night.
    pub city_tax: Money,
    /// Rooms that may be sold beyond those there are, percent.
    pub overbooking_percent: u32,
    /// How long a hold lasts, seconds.
    pub hold_s: u32,
    /// Minutes after midnight.
    pub check_in_from_min: u32,
    /// Minutes after midnight.
    pub check_out_until_min: u32,
    /// Tenths of a star; 0: none.
    pub stars_tenths: u32,
    /// What it has.
    pub amenities: Vec<String>,
    /// Pictures.
    pub photos: Vec<Photo>,
    /// Whether it is found and sold.
    pub open: bool,
}

/// A kind of room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomType {
    /// Its name in addresses.
    pub code: RoomTypeCode,
    /// Its name for people.
    pub name: String,
    /// What it is like.
    pub description: Vec<Localised>,
    /// How many rooms there are of it.
    pub rooms: u32,
    /// Most adults in a room.
    pub max_adults: u32,
    /// Most children in a room.
    pub max_children: u32,
    /// Most adults and children in a room.
    pub max_guests: u32,
    /// Size, square metres; 0: not told.
    pub size_m2: u32,
    /// Its beds, for people.
    pub beds: String,
    /// What it has.
    pub amenities: Vec<String>,
    /// Pictures.
    pub photos: Vec<Photo>,
}

/// What comes with the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meals {
    /// Nothing.
    RoomOnly,
    /// Breakfast.
    Breakfast,
    /// Breakfast and one meal.
    HalfBoard,
    /// All meals.
    FullBoard,
}

/// What a cancellation costs when it comes too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Penalty {
    /// The first night of each room.
    FirstNight,
    /// So many percent of the total.
    Percent(u32),
    /// Everything.
    Everything,
}

/// A rate plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatePlan {
    /// Its name in addresses.
    pub code: RatePlanCode,
    /// Its name for people.
    pub name: String,
    /// What it is like.
    pub description: Vec<Localised>,
    /// What comes with the room.
    pub meals: Meals,
    /// Cancelling is free until so many hours before check-in; `None`: never.
    pub free_until_h: Option<u32>,
    /// What it costs after that.
    pub penalty: Penalty,
    /// Fewest nights.
    pub min_nights: u32,
    /// Most nights.
    pub max_nights: u32,
    /// The price of a night by room type where no other is set for the date.
    pub prices: Vec<(RoomTypeCode, Money)>,
    /// Whether it is sold.
    pub open: bool,
}

impl RatePlan {
    /// The price of a night where no other is set for the date; `None`: not sold together.
    #[must_use]
    pub fn base_price(&self, room_type: &RoomTypeCode) -> Option<Money> {
        let mut prices = self.prices.iter();
        prices
            .find(|(code, _)| code == room_type)
            .map(|&(_, price)| price)
    }
}

/// A hotel with what it has, at one moment.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// The hotel.
    pub hotel: Arc<Hotel>,
    /// Its room types, in the order of their codes.
    pub room_types: Arc<[RoomType]>,
    /// Its rate plans, in the order of their codes.
    pub rate_plans: Arc<[RatePlan]>,
    /// Who works there.
    pub staff: Arc<[AccountId]>,
    /// Counts the changes of the hotel's catalogue and prices: what was priced under another version must be priced
    /// again.
    pub version: u64,
    /// The hotel's time zone.
    pub zone: Zone,
}

impl Catalogue {
    /// The room type of a code.
    #[must_use]
    pub fn room_type(&self, code: &RoomTypeCode) -> Option<&RoomType> {
        self.room_types.iter().find(|kind| kind.code == *code)
    }

    /// The rate plan of a code.
    #[must_use]
    pub fn rate_plan(&self, code: &RatePlanCode) -> Option<&RatePlan> {
        self.rate_plans.iter().find(|plan| plan.code == *code)
    }
}

/// How many rooms may be sold where there are `rooms`: overbooking rounds down, so that a small hotel is not
/// overbooked by rounding.
#[must_use]
pub fn sellable(rooms: u32, overbooking_percent: u32) -> u32 {
    let beyond = u64::from(rooms) * u64::from(overbooking_percent) / 100;
    rooms.saturating_add(u32::try_from(beyond).unwrap_or(u32::MAX))
}

/// Prices of nights: from `first` to `last`, both included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Under which plan.
    pub rate_plan: RatePlanCode,
    /// For which rooms.
    pub room_type: RoomTypeCode,
    /// First night.
    pub first: Date,
    /// Last night.
    pub last: Date,
    /// The price of a night; `None`: not sold.
    pub price: Option<Money>,
}

/// Rooms of a type that can be sold: from `first` to `last`, both included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allotment {
    /// Which rooms.
    pub room_type: RoomTypeCode,
    /// First night.
    pub first: Date,
    /// Last night.
    pub last: Date,
    /// How many; `None`: as many as there are.
    pub rooms: Option<u32>,
}
