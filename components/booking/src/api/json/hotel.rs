//! Hotels.

use serde::{Deserialize, Serialize};

use super::{Day, Money, Texts, TimeOfDay, plan, words};
use crate::api::checks::{Checks, LINE_CHARS_MAX, LIST_MAX, NAME_CHARS_MAX, PHONE_CHARS_MAX};
use crate::api::problem::Code;
use crate::bindings::concierge::booking::catalogue as contract;

/// How long a hold lasts where nothing is said: long enough to find a card.
const HOLD_S: u32 = 15 * 60;
/// 15:00.
const CHECK_IN_FROM: TimeOfDay = TimeOfDay(15 * 60);
/// 11:00.
const CHECK_OUT_UNTIL: TimeOfDay = TimeOfDay(11 * 60);
/// Characters of an object's key (Amazon S3).
const KEY_CHARS_MAX: usize = 1_024;

/// A postal address.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Address {
    #[serde(default)]
    street: String,
    #[serde(default)]
    city: String,
    #[serde(default)]
    region: String,
    #[serde(default)]
    postal_code: String,
    country: String,
}

/// A point on the Earth, degrees.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    latitude: f64,
    longitude: f64,
}

/// A picture in the object store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Photo {
    bucket: String,
    key: String,
    #[serde(default)]
    alt: Texts,
}

/// A hotel.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hotel {
    /// In a request it may be left out, since the path says it.
    #[serde(default)]
    code: Option<String>,
    name: String,
    #[serde(default)]
    description: Texts,
    address: Address,
    #[serde(default)]
    position: Option<Position>,
    #[serde(default)]
    email: String,
    #[serde(default)]
    phone: String,
    time_zone: String,
    currency: String,
    #[serde(default)]
    tax_basis_points: u32,
    #[serde(default)]
    city_tax: Option<Money>,
    #[serde(default)]
    overbooking_percent: u32,
    #[serde(default = "hold_s")]
    hold_s: u32,
    #[serde(default = "check_in_from")]
    check_in_from: TimeOfDay,
    #[serde(default = "check_out_until")]
    check_out_until: TimeOfDay,
    #[serde(default)]
    stars: f64,
    #[serde(default)]
    amenities: Vec<String>,
    #[serde(default)]
    photos: Vec<Photo>,
    #[serde(default = "open")]
    open: bool,
}

fn hold_s() -> u32 {
    HOLD_S
}

fn check_in_from() -> TimeOfDay {
    CHECK_IN_FROM
}

fn check_out_until() -> TimeOfDay {
    CHECK_OUT_UNTIL
}

fn open() -> bool {
    true
}

impl Hotel {
    /// In the contract's form, under the code of the path.
    pub fn checked(self, code: String, checks: &mut Checks) -> contract::Hotel {
        plan::same_code(self.code.as_deref(), &code, checks);
        checks.needed("name", &self.name, NAME_CHARS_MAX);
        if !self.email.is_empty() {
            checks.email("email", &self.email);
        }
        checks.line("phone", &self.phone, PHONE_CHARS_MAX);
        checks.needed("time_zone", &self.time_zone, LINE_CHARS_MAX);
        let city_tax = self
            .city_tax
            .map_or(0, |tax| tax.amount_in(&self.currency, "city_tax", checks));
        contract::Hotel {
            code,
            name: self.name,
            description: self.description.checked("description", checks),
            address: self.address.checked(checks),
            position: self.position.map(|position| position.checked(checks)),
            email: self.email,
            phone: self.phone,
            time_zone: self.time_zone,
            currency: self.currency,
            tax_basis_points: self.tax_basis_points,
            city_tax,
            overbooking_percent: self.overbooking_percent,
            hold_s: self.hold_s,
            check_in_from_min: self.check_in_from.0,
            check_out_until_min: self.check_out_until.0,
            stars_tenths: tenths(self.stars, checks),
            amenities: words(self.amenities, "amenities", checks),
            photos: photos(self.photos, checks),
            open: self.open,
        }
    }
}

impl From<contract::Hotel> for Hotel {
    fn from(hotel: contract::Hotel) -> Self {
        Self {
            code: Some(hotel.code),
            name: hotel.name,
            description: Texts::of(hotel.description),
            address: hotel.address.into(),
            position: hotel.position.map(|position| Position {
                latitude: position.latitude,
                longitude: position.longitude,
            }),
            email: hotel.email,
            phone: hotel.phone,
            time_zone: hotel.time_zone,
            city_tax: Some(Money::of(hotel.city_tax, &hotel.currency)),
            currency: hotel.currency,
            tax_basis_points: hotel.tax_basis_points,
            overbooking_percent: hotel.overbooking_percent,
            hold_s: hotel.hold_s,
            check_in_from: TimeOfDay(hotel.check_in_from_min),
            check_out_until: TimeOfDay(hotel.check_out_until_min),
            stars: f64::from(hotel.stars_tenths) / 10.0,
            amenities: hotel.amenities,
            photos: hotel.photos.into_iter().map(Into::into).collect(),
            open: hotel.open,
        }
    }
}

/// Stars have at most one decimal.
fn tenths(stars: f64, checks: &mut Checks) -> u32 {
    let all = (0..=50_u32).find(|tenths| (f64::from(*tenths) - stars * 10.0).abs() < 1e-6);
    if all.is_none() {
        let detail = "Stars are a number from 0 to 5 with at most one decimal.";
        checks.refuse(Code::Malformed, "stars", detail);
    }
    all.unwrap_or_default()
}

impl Address {
    fn checked(self, checks: &mut Checks) -> contract::Address {
        checks.line("address.street", &self.street, LINE_CHARS_MAX);
        checks.line("address.city", &self.city, NAME_CHARS_MAX);
        checks.line("address.region", &self.region, NAME_CHARS_MAX);
        checks.line("address.postal_code", &self.postal_code, NAME_CHARS_MAX);
        checks.needed("address.country", &self.country, NAME_CHARS_MAX);
        checks.country("address.country", &self.country);
        contract::Address {
            street: self.street,
            city: self.city,
            region: self.region,
            postal_code: self.postal_code,
            country: self.country,
        }
    }
}

impl From<contract::Address> for Address {
    fn from(address: contract::Address) -> Self {
        Self {
            street: address.street,
            city: address.city,
            region: address.region,
            postal_code: address.postal_code,
            country: address.country,
        }
    }
}

impl Position {
    fn checked(self, checks: &mut Checks) -> contract::Position {
        for (field, degrees, most) in [
            ("position.latitude", self.latitude, 90.0),
            ("position.longitude", self.longitude, 180.0),
        ] {
            // JSON has neither infinities nor what is not a number.
            if degrees.abs() > most {
                let detail = format!("It is degrees from -{most} to {most}.");
                checks.refuse(Code::Malformed, field, detail);
            }
        }
        contract::Position {
            latitude: self.latitude,
            longitude: self.longitude,
        }
    }
}

/// Pictures in the contract's form.
pub fn photos(photos: Vec<Photo>, checks: &mut Checks) -> Vec<contract::Photo> {
    checks.count("photos", photos.len(), LIST_MAX);
    let mut all = Vec::with_capacity(photos.len());
    for (at, photo) in photos.into_iter().enumerate() {
        checks.needed(format!("photos.{at}.bucket"), &photo.bucket, NAME_CHARS_MAX);
        checks.needed(format!("photos.{at}.key"), &photo.key, KEY_CHARS_MAX);
        all.push(contract::Photo {
            alt: photo.alt.checked(&format!("photos.{at}.alt"), checks),
            bucket: photo.bucket,
            key: photo.key,
        });
    }
    all
}

impl From<contract::Photo> for Photo {
    fn from(photo: contract::Photo) -> Self {
        Self {
            bucket: photo.bucket,
            key: photo.key,
            alt: Texts::of(photo.alt),
        }
    }
}

/// A hotel with what it has.
#[derive(Debug, Serialize)]
pub struct Details {
    hotel: Hotel,
    room_types: Vec<plan::RoomType>,
    rate_plans: Vec<plan::RatePlan>,
    currency_digits: u32,
    today: Day,
}

impl From<contract::HotelDetails> for Details {
    fn from(details: contract::HotelDetails) -> Self {
        let currency = &details.hotel.currency;
        let plans = details.rate_plans.into_iter();
        Self {
            rate_plans: plans
                .map(|plan| plan::RatePlan::of(plan, currency))
                .collect(),
            room_types: details.room_types.into_iter().map(Into::into).collect(),
            currency_digits: details.currency_digits,
            today: Day(details.today),
            hotel: details.hotel.into(),
        }
    }
}
