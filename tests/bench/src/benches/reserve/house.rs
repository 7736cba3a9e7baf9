//! Hotels to book in, and the bookings.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow};
use concierge_booking::Error;
use concierge_booking::rules::price::{self, Prices};
use concierge_booking::store::{ChangeKind, Claim, ClaimedKey, Edit, Effects, Reserve, Store, Who};
use concierge_booking::types::{
    Address, Date, Delta, Guest, Hotel, HotelCode, Meals, Penalty, Price, RatePlan, Reservation,
    ReservationCode, ReservationId, Room, RoomType, State, Stay, TimeUs, Zone,
};
use rand::RngExt as _;
use rand::rngs::SmallRng;

/// Which rooms are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// One night of one room type.
    Hot,
    /// One night of one room type in each of so many hotels, each as likely.
    Spread(u32),
}

/// More rooms than are sold here in any time: it is the counting that is measured, not being sold out.
const ROOMS: u32 = 1_000_000_000;

impl Case {
    /// As reported.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Spread(_) => "spread",
        }
    }

    /// How many hotels there are.
    pub fn hotels(self) -> u32 {
        match self {
            Self::Hot => 1,
            Self::Spread(hotels) => hotels,
        }
    }
}

/// A hotel as it was opened.
struct House {
    code: HotelCode,
    version: u64,
    price: Price,
}

/// The hotels of a case in one store.
pub struct Houses {
    store: Arc<dyn Store>,
    houses: Vec<House>,
    stay: Stay,
    take: Vec<Delta>,
}

impl Houses {
    /// Opens them.
    pub async fn open(store: Arc<dyn Store>, case: Case) -> Result<Self> {
        let now_us = now_us()?;
        let zone = Zone::named("UTC").context("no UTC")?;
        let today = Date::at(now_us, &zone);
        let stay = Stay {
            arrival: today.plus(30),
            departure: today.plus(31),
            rooms: vec![Room {
                room_type: "double".parse()?,
                rate_plan: "flexible".parse()?,
                adults: 2,
                children: 0,
            }],
        };
        let mut houses = Vec::new();
        for number in 0..case.hotels() {
            let code: HotelCode = format!("hotel-{number}").parse()?;
            for edit in edits(&code)? {
                store
                    .edit(code.clone(), edit, today, Who::System, now_us)
                    .await?;
            }
            let catalogue = store.catalogue(&code).await?.context("no hotel")?;
            let nights = store.nights(&code, stay.arrival, stay.nights()).await?;
            houses.push(House {
                price: price::price_checked(&catalogue, &Prices::of(&nights), &stay)?,
                version: catalogue.version,
                code,
            });
        }
        Ok(Self {
            take: price::taken(&stay),
            store,
            houses,
            stay,
        })
    }

    /// The next booking.
    pub fn next(&self, rng: &mut SmallRng) -> Reserve {
        let house = &self.houses[rng.random_range(0..self.houses.len())];
        let id = ReservationId::generate();
        let now_us = now_us().unwrap_or_default();
        let mut fingerprint = [0; 32];
        fingerprint[..16].copy_from_slice(id.0.as_bytes());
        Reserve {
            reservation: Reservation {
                id,
                code: ReservationCode::of(id),
                hotel: house.code.clone(),
                hotel_name: "Hotel".into(),
                state: State::Held,
                stay: self.stay.clone(),
                occupied_until: self.stay.departure,
                price: house.price.clone(),
                guest: Guest {
                    name: "Ana Silva".into(),
                    email: "ana@example.org".into(),
                    language: "en".into(),
                    ..Guest::default()
                },
                created_us: now_us,
                changed_us: now_us,
                hold_expires_us: now_us + 900_000_000,
                attempts: Vec::new(),
                fee: 0,
                version: 1,
            },
            take: self.take.clone(),
            catalogue_version: house.version,
            key: ClaimedKey {
                claim: Claim {
                    scope: String::new(),
                    key: id.to_string(),
                    fingerprint,
                },
                at_us: now_us,
            },
            who: Who::Guest,
            effects: Effects {
                kind: Some(ChangeKind::ReservationCreated),
                what: "reservation.create",
                mails: Vec::new(),
            },
        }
    }

    /// Books; false if it was put off.
    pub async fn reserve(&self, reserve: Reserve) -> Result<bool> {
        match self.store.reserve(reserve).await {
            Ok(Ok(decided)) => decided.outcome.map(|_| true).map_err(Into::into),
            Ok(Err(changed)) => Err(anyhow!("{changed:?} changed, which nobody does here")),
            Err(Error::SlowDown(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn edits(code: &HotelCode) -> Result<[Edit; 3]> {
    let hotel = Hotel {
        code: code.clone(),
        name: "Hotel".into(),
        description: Vec::new(),
        address: Address::default(),
        position: None,
        email: "desk@example.org".into(),
        phone: String::new(),
        time_zone: "UTC".into(),
        currency: "EUR".into(),
        tax_basis_points: 0,
        city_tax: 0,
        overbooking_percent: 0,
        hold_s: 900,
        check_in_from_min: 900,
        check_out_until_min: 660,
        stars_tenths: 0,
        amenities: Vec::new(),
        photos: Vec::new(),
        open: true,
    };
    let room_type = RoomType {
        code: "double".parse()?,
        name: "Double".into(),
        description: Vec::new(),
        rooms: ROOMS,
        max_adults: 2,
        max_children: 0,
        max_guests: 2,
        size_m2: 0,
        beds: String::new(),
        amenities: Vec::new(),
        photos: Vec::new(),
    };
    let plan = RatePlan {
        code: "flexible".parse()?,
        name: "Flexible".into(),
        description: Vec::new(),
        meals: Meals::Breakfast,
        free_until_h: Some(24),
        penalty: Penalty::FirstNight,
        min_nights: 1,
        max_nights: 30,
        prices: vec![(room_type.code.clone(), 10_000)],
        open: true,
    };
    Ok([
        Edit::Hotel(hotel),
        Edit::RoomType(room_type),
        Edit::RatePlan(plan),
    ])
}

fn now_us() -> Result<TimeUs> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(u64::try_from(since.as_micros())?)
}
