//! Rows as files have them, and what they become.

use std::collections::BTreeMap;
use std::str::FromStr;

use concierge_booking::rules::limits::STAY_NIGHTS_MAX;
use concierge_booking::types::{
    Address, Allotment, Date, Hotel, HotelCode, Localised, Meals, Money, Penalty, Photo, Position,
    Rate, RatePlan, RatePlanCode, RoomType, RoomTypeCode,
};
use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::columns::Kind;
use crate::admin::booking::Import;

/// How long rooms are held for a guest who has not paid, seconds, where the file does not say: time enough to
/// look for a card.
const HOLD_S: u32 = 15 * 60;
/// Check-in and check-out where the file does not say.
const CHECK_IN_FROM: Clock = Clock(15 * 60);
const CHECK_OUT_UNTIL: Clock = Clock(11 * 60);

/// Reads a row of a kind; else why it is none.
pub fn read<'de, D: Deserializer<'de>>(kind: Kind, row: D) -> Result<Import, D::Error> {
    Ok(match kind {
        Kind::Hotels => HotelRow::deserialize(row)?
            .hotel()
            .map_err(de::Error::custom)?,
        Kind::RoomTypes => RoomTypeRow::deserialize(row)?.into(),
        Kind::RatePlans => RatePlanRow::deserialize(row)?.into(),
        Kind::Rates => RateRow::deserialize(row)?.into(),
        Kind::Allotments => AllotmentRow::deserialize(row)?.into(),
    })
}

/// A text by language.
type Texts = BTreeMap<String, String>;

fn localised(texts: Texts) -> Vec<Localised> {
    let texts = texts.into_iter();
    texts
        .map(|(language, text)| Localised { language, text })
        .collect()
}

/// A type that is written as text.
macro_rules! from_text {
    ($($type:ty),+) => { $(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )+ };
}

from_text!(Clock, Day, PenaltyText);

/// A time of day, `HH:MM`, as minutes after midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clock(u32);

impl FromStr for Clock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (hours, minutes) = text.split_once(':')?;
            let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
            (hours < 24 && minutes < 60).then_some(Self(hours * 60 + minutes))
        };
        read().ok_or_else(|| format!("{text:?} is not a time of day, such as 15:00"))
    }
}

/// A date, `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy)]
struct Day(Date);

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            format!("{text:?} is not a date from 1970-01-01 to 9999-12-31, such as 2026-12-24")
        })
    }
}

/// A penalty: `first-night`, `everything` or `50%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PenaltyText(Penalty);

impl FromStr for PenaltyText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = |text: &str| text.strip_suffix('%')?.parse().ok();
        match text {
            "first-night" => Ok(Self(Penalty::FirstNight)),
            "everything" => Ok(Self(Penalty::Everything)),
            text => match percent(text) {
                Some(percent) => Ok(Self(Penalty::Percent(percent))),
                None => Err(format!(
                    "{text:?} is not a penalty: first-night, everything or a number with %"
                )),
            },
        }
    }
}

/// A picture in the object store.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PhotoRow {
    bucket: String,
    key: String,
    #[serde(default)]
    alt: Texts,
}

fn photos(rows: Vec<PhotoRow>) -> Vec<Photo> {
    let photo = |row: PhotoRow| Photo {
        bucket: row.bucket,
        key: row.key,
        alt: localised(row.alt),
    };
    rows.into_iter().map(photo).collect()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HotelRow {
    code: HotelCode,
    name: String,
    #[serde(default)]
    description: Texts,
    #[serde(default)]
    street: String,
    city: String,
    #[serde(default)]
    region: String,
    #[serde(default)]
    postal_code: String,
    country: String,
    #[serde(default)]
    latitude: Option<f64>,
    #[serde(default)]
    longitude: Option<f64>,
    email: String,
    #[serde(default)]
    phone: String,
    time_zone: String,
    currency: String,
    #[serde(default)]
    tax_basis_points: u32,
    #[serde(default)]
    city_tax: Money,
    #[serde(default)]
    overbooking_percent: u32,
    #[serde(default)]
    hold_s: Option<u32>,
    #[serde(default)]
    check_in_from: Option<Clock>,
    #[serde(default)]
    check_out_until: Option<Clock>,
    #[serde(default)]
    stars: Stars,
    #[serde(default)]
    amenities: Vec<String>,
    #[serde(default)]
    photos: Vec<PhotoRow>,
    #[serde(default = "yes")]
    open: bool,
}

fn yes() -> bool {
    true
}

/// Stars, kept in tenths.
#[derive(Debug, Default, Clone, Copy)]
struct Stars(u32);

impl<'de> Deserialize<'de> for Stars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stars = f64::deserialize(deserializer)?;
        let tenths = stars * 10.0;
        // Rounded only so that 4.3 * 10.0 is 43.
        let whole = tenths.round();
        if !(0.0..=50.0).contains(&whole) || (tenths - whole).abs() > 1e-6 {
            let why = format!("{stars} is not 0 to 5 stars in tenths");
            return Err(de::Error::custom(why));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and from 0 to 50"
        )]
        let tenths = whole as u32;
        Ok(Self(tenths))
    }
}

impl HotelRow {
    fn hotel(self) -> Result<Import, &'static str> {
        let row = self;
        let position = match (row.latitude, row.longitude) {
            (None, None) => None,
            (Some(latitude), Some(longitude)) => Some(Position {
                latitude,
                longitude,
            }),
            _ => return Err("latitude and longitude are given together, or neither is"),
        };
        Ok(Import::Hotel(Box::new(Hotel {
            code: row.code,
            name: row.name,
            description: localised(row.description),
            address: Address {
                street: row.street,
                city: row.city,
                region: row.region,
                postal_code: row.postal_code,
                country: row.country,
            },
            position,
            email: row.email,
            phone: row.phone,
            time_zone: row.time_zone,
            currency: row.currency,
            tax_basis_points: row.tax_basis_points,
            city_tax: row.city_tax,
            overbooking_percent: row.overbooking_percent,
            hold_s: row.hold_s.unwrap_or(HOLD_S),
            check_in_from_min: row.check_in_from.unwrap_or(CHECK_IN_FROM).0,
            check_out_until_min: row.check_out_until.unwrap_or(CHECK_OUT_UNTIL).0,
            stars_tenths: row.stars.0,
            amenities: row.amenities,
            photos: photos(row.photos),
            open: row.open,
        })))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoomTypeRow {
    hotel: HotelCode,
    code: RoomTypeCode,
    name: String,
    #[serde(default)]
    description: Texts,
    rooms: u32,
    max_adults: u32,
    #[serde(default)]
    max_children: u32,
    #[serde(default)]
    max_guests: Option<u32>,
    #[serde(default)]
    size_m2: u32,
    #[serde(default)]
    beds: String,
    #[serde(default)]
    amenities: Vec<String>,
    #[serde(default)]
    photos: Vec<PhotoRow>,
}

impl From<RoomTypeRow> for Import {
    fn from(row: RoomTypeRow) -> Self {
        let guests = row.max_adults.saturating_add(row.max_children);
        let room_type = RoomType {
            code: row.code,
            name: row.name,
            description: localised(row.description),
            rooms: row.rooms,
            max_adults: row.max_adults,
            max_children: row.max_children,
            max_guests: row.max_guests.unwrap_or(guests),
            size_m2: row.size_m2,
            beds: row.beds,
            amenities: row.amenities,
            photos: photos(row.photos),
        };
        Self::RoomType {
            hotel: row.hotel,
            room_type: Box::new(room_type),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RatePlanRow {
    hotel: HotelCode,
    code: RatePlanCode,
    name: String,
    #[serde(default)]
    description: Texts,
    #[serde(default)]
    meals: Option<Meals>,
    #[serde(default)]
    free_until_h: Option<u32>,
    penalty: PenaltyText,
    #[serde(default)]
    min_nights: Option<u32>,
    #[serde(default)]
    max_nights: Option<u32>,
    prices: BTreeMap<RoomTypeCode, Money>,
    #[serde(default = "yes")]
    open: bool,
}

impl From<RatePlanRow> for Import {
    fn from(row: RatePlanRow) -> Self {
        let rate_plan = RatePlan {
            code: row.code,
            name: row.name,
            description: localised(row.description),
            meals: row.meals.unwrap_or(Meals::RoomOnly),
            free_until_h: row.free_until_h,
            penalty: row.penalty.0,
            min_nights: row.min_nights.unwrap_or(1),
            max_nights: row.max_nights.unwrap_or(STAY_NIGHTS_MAX),
            prices: row.prices.into_iter().collect(),
            open: row.open,
        };
        Self::RatePlan {
            hotel: row.hotel,
            rate_plan: Box::new(rate_plan),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RateRow {
    hotel: HotelCode,
    rate_plan: RatePlanCode,
    room_type: RoomTypeCode,
    first: Day,
    last: Day,
    #[serde(default)]
    price: Option<Money>,
}

impl From<RateRow> for Import {
    fn from(row: RateRow) -> Self {
        Self::Rates {
            hotel: row.hotel,
            rates: vec![Rate {
                rate_plan: row.rate_plan,
                room_type: row.room_type,
                first: row.first.0,
                last: row.last.0,
                price: row.price,
            }],
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllotmentRow {
    hotel: HotelCode,
    room_type: RoomTypeCode,
    first: Day,
    last: Day,
    #[serde(default)]
    rooms: Option<u32>,
}

impl From<AllotmentRow> for Import {
    fn from(row: AllotmentRow) -> Self {
        Self::Allotments {
            hotel: row.hotel,
            allotments: vec![Allotment {
                room_type: row.room_type,
                first: row.first.0,
                last: row.last.0,
                rooms: row.rooms,
            }],
        }
    }
}
