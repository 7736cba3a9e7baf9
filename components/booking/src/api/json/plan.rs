//! Room types, rate plans, prices and allotments.

use serde::{Deserialize, Serialize};

use super::hotel::{Photo, photos};
use super::{Day, Money, Texts, words};
use crate::api::checks::{BULK_MAX, Checks, LINE_CHARS_MAX, NAME_CHARS_MAX, PRICES_MAX};
use crate::api::problem::Code;
use crate::bindings::concierge::booking::administration;
use crate::bindings::concierge::booking::catalogue as contract;

/// A code in a body is the path's.
pub fn same_code(sent: Option<&str>, code: &str, checks: &mut Checks) {
    if sent.is_some_and(|sent| sent != code) {
        checks.refuse(Code::Malformed, "code", format!("The path says {code}."));
    }
}

/// A kind of room.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoomType {
    #[serde(default)]
    code: Option<String>,
    name: String,
    #[serde(default)]
    description: Texts,
    rooms: u32,
    max_adults: u32,
    #[serde(default)]
    max_children: u32,
    max_guests: u32,
    #[serde(default)]
    size_m2: u32,
    #[serde(default)]
    beds: String,
    #[serde(default)]
    amenities: Vec<String>,
    #[serde(default)]
    photos: Vec<Photo>,
}

impl RoomType {
    /// In the contract's form, under the code of the path.
    pub fn checked(self, code: String, checks: &mut Checks) -> contract::RoomType {
        same_code(self.code.as_deref(), &code, checks);
        checks.needed("name", &self.name, NAME_CHARS_MAX);
        checks.line("beds", &self.beds, LINE_CHARS_MAX);
        contract::RoomType {
            code,
            name: self.name,
            description: self.description.checked("description", checks),
            rooms: self.rooms,
            max_adults: self.max_adults,
            max_children: self.max_children,
            max_guests: self.max_guests,
            size_m2: self.size_m2,
            beds: self.beds,
            amenities: words(self.amenities, "amenities", checks),
            photos: photos(self.photos, checks),
        }
    }
}

impl From<contract::RoomType> for RoomType {
    fn from(room_type: contract::RoomType) -> Self {
        Self {
            code: Some(room_type.code),
            name: room_type.name,
            description: Texts::of(room_type.description),
            rooms: room_type.rooms,
            max_adults: room_type.max_adults,
            max_children: room_type.max_children,
            max_guests: room_type.max_guests,
            size_m2: room_type.size_m2,
            beds: room_type.beds,
            amenities: room_type.amenities,
            photos: room_type.photos.into_iter().map(Into::into).collect(),
        }
    }
}

/// What comes with the room.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Meals {
    RoomOnly,
    Breakfast,
    HalfBoard,
    FullBoard,
}

/// What a cancellation costs when it comes too late: `"first_night"`, `"everything"` or `{"percent": 50}`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Penalty {
    FirstNight,
    Percent(u32),
    Everything,
}

/// The price of a room type.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypePrice {
    room_type: String,
    price: Money,
}

/// A rate plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatePlan {
    #[serde(default)]
    code: Option<String>,
    name: String,
    #[serde(default)]
    description: Texts,
    meals: Meals,
    #[serde(default)]
    free_until_h: Option<u32>,
    penalty: Penalty,
    #[serde(default = "min_nights")]
    min_nights: u32,
    max_nights: u32,
    prices: Vec<TypePrice>,
    #[serde(default = "open")]
    open: bool,
}

fn min_nights() -> u32 {
    1
}

fn open() -> bool {
    true
}

impl RatePlan {
    /// In the contract's form, under the code of the path, with prices in the hotel's currency.
    pub fn checked(self, code: String, currency: &str, checks: &mut Checks) -> contract::RatePlan {
        same_code(self.code.as_deref(), &code, checks);
        checks.needed("name", &self.name, NAME_CHARS_MAX);
        checks.count("prices", self.prices.len(), PRICES_MAX);
        let mut prices: Vec<(String, contract::Money)> = Vec::with_capacity(self.prices.len());
        for (at, TypePrice { room_type, price }) in self.prices.into_iter().enumerate() {
            let field = format!("prices.{at}");
            checks.code(format!("{field}.room_type"), &room_type);
            if prices.iter().any(|(known, _)| *known == room_type) {
                let detail = "The room type is there twice.";
                checks.refuse(Code::Malformed, format!("{field}.room_type"), detail);
            }
            let amount = price.amount_in(currency, &format!("{field}.price"), checks);
            prices.push((room_type, amount));
        }
        contract::RatePlan {
            code,
            name: self.name,
            description: self.description.checked("description", checks),
            meals: match self.meals {
                Meals::RoomOnly => contract::Meals::RoomOnly,
                Meals::Breakfast => contract::Meals::Breakfast,
                Meals::HalfBoard => contract::Meals::HalfBoard,
                Meals::FullBoard => contract::Meals::FullBoard,
            },
            free_until_h: self.free_until_h,
            penalty: match self.penalty {
                Penalty::FirstNight => contract::Penalty::FirstNight,
                Penalty::Percent(percent) => contract::Penalty::Percent(percent),
                Penalty::Everything => contract::Penalty::Everything,
            },
            min_nights: self.min_nights,
            max_nights: self.max_nights,
            prices,
            open: self.open,
        }
    }

    /// From the contract's form; prices are in the hotel's currency.
    pub fn of(plan: contract::RatePlan, currency: &str) -> Self {
        let price = |(room_type, price)| TypePrice {
            room_type,
            price: Money::of(price, currency),
        };
        Self {
            code: Some(plan.code),
            name: plan.name,
            description: Texts::of(plan.description),
            meals: match plan.meals {
                contract::Meals::RoomOnly => Meals::RoomOnly,
                contract::Meals::Breakfast => Meals::Breakfast,
                contract::Meals::HalfBoard => Meals::HalfBoard,
                contract::Meals::FullBoard => Meals::FullBoard,
            },
            free_until_h: plan.free_until_h,
            penalty: match plan.penalty {
                contract::Penalty::FirstNight => Penalty::FirstNight,
                contract::Penalty::Percent(percent) => Penalty::Percent(percent),
                contract::Penalty::Everything => Penalty::Everything,
            },
            min_nights: plan.min_nights,
            max_nights: plan.max_nights,
            prices: plan.prices.into_iter().map(price).collect(),
            open: plan.open,
        }
    }
}

/// Prices of nights.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    rates: Vec<Rate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rate {
    rate_plan: String,
    room_type: String,
    first: Day,
    last: Day,
    /// Must be there, if only as `null`: what is not sold is said.
    #[serde(deserialize_with = "Option::deserialize")]
    price: Option<Money>,
}

impl Rates {
    /// In the contract's form, with prices in the hotel's currency.
    pub fn checked(self, currency: &str, checks: &mut Checks) -> Vec<administration::Rate> {
        checks.count("rates", self.rates.len(), BULK_MAX);
        let mut all = Vec::with_capacity(self.rates.len());
        for (at, rate) in self.rates.into_iter().enumerate() {
            let field = format!("rates.{at}");
            checks.code(format!("{field}.rate_plan"), &rate.rate_plan);
            checks.code(format!("{field}.room_type"), &rate.room_type);
            in_order(rate.first, rate.last, &field, checks);
            let price = rate.price.map(|price| {
                let field = format!("{field}.price");
                price.amount_in(currency, &field, checks)
            });
            all.push(administration::Rate {
                rate_plan: rate.rate_plan,
                room_type: rate.room_type,
                first: rate.first.0,
                last: rate.last.0,
                price,
            });
        }
        all
    }
}

/// How many rooms can be sold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allotments {
    allotments: Vec<Allotment>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allotment {
    room_type: String,
    first: Day,
    last: Day,
    #[serde(deserialize_with = "Option::deserialize")]
    rooms: Option<u32>,
}

impl Allotments {
    /// In the contract's form.
    pub fn checked(self, checks: &mut Checks) -> Vec<administration::Allotment> {
        checks.count("allotments", self.allotments.len(), BULK_MAX);
        let mut all = Vec::with_capacity(self.allotments.len());
        for (at, allotment) in self.allotments.into_iter().enumerate() {
            let field = format!("allotments.{at}");
            checks.code(format!("{field}.room_type"), &allotment.room_type);
            in_order(allotment.first, allotment.last, &field, checks);
            all.push(administration::Allotment {
                room_type: allotment.room_type,
                first: allotment.first.0,
                last: allotment.last.0,
                rooms: allotment.rooms,
            });
        }
        all
    }
}

fn in_order(first: Day, last: Day, field: &str, checks: &mut Checks) {
    if last.0 < first.0 {
        let detail = "The last day is before the first.";
        checks.refuse(Code::DatesOrder, format!("{field}.last"), detail);
    }
}
