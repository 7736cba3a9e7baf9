//! The hotels, and what is asked of them.

use anyhow::Result;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::calls::Call;
use crate::load::{Request, Workload};

/// Rooms of a type in a hotel: nothing is sold out while it is measured.
const ROOMS: u32 = 100_000;
/// The hotels lie around this point, as DeathStarBench's do around San Francisco.
const CENTRE: (f64, f64) = (37.7867, -122.4112);
/// Degrees from it in which they lie.
const SPREAD: f64 = 0.5;
/// Metres around a searcher, as in DeathStarBench.
const NEAR_M: u32 = 10_000;
/// Hotels that a page shows, as in DeathStarBench.
const SHOWN: u32 = 5;
/// Days from today among which stays lie.
const DAYS: std::ops::Range<i32> = 10..40;

/// What makes the hotels.
pub fn setup(hotels: u32) -> impl Iterator<Item = Call> {
    (0..hotels).flat_map(|number| {
        let path = format!("/booking/v1/hotels/hotel-{number}");
        let (latitude, longitude) = place(number);
        let hotel = json!({
            "name": format!("Hotel {number}"),
            "address": {"street": "1 Market Street", "city": "San Francisco", "country": "US"},
            "position": {"latitude": latitude, "longitude": longitude},
            "email": "desk@example.org", "time_zone": "America/Los_Angeles", "currency": "USD",
            "stars": f64::from(number % 50) / 10.0,
        });
        let room_type = json!({
            "name": "Double", "rooms": ROOMS, "max_adults": 2, "max_guests": 2,
        });
        let price = json!({"amount": 8_000 + i64::from(number % 97) * 100, "currency": "USD"});
        let plan = json!({
            "name": "Flexible", "meals": "breakfast", "free_until_h": 24, "penalty": "first_night",
            "max_nights": 30, "prices": [{"room_type": "double", "price": price}],
        });
        [
            Call::put(path.clone(), hotel, 204),
            Call::put(format!("{path}/room-types/double"), room_type, 204),
            Call::put(format!("{path}/rate-plans/flexible"), plan, 204),
        ]
    })
}

/// Where a hotel lies: spread evenly by the golden ratio.
fn place(number: u32) -> (f64, f64) {
    let along = |ratio: f64| (f64::from(number) * ratio).fract() * 2.0 - 1.0;
    (
        CENTRE.0 + SPREAD * along(0.618_034),
        CENTRE.1 + SPREAD * along(0.754_878),
    )
}

/// A search near a point.
pub fn search(latitude: f64, longitude: f64, arrival: &str, departure: &str, sort: &str) -> Call {
    Call::get(format!(
        "/booking/v1/search?lat={latitude:.4}&lon={longitude:.4}&radius_m={NEAR_M}&arrival={arrival}\
         &departure={departure}&rooms=1&adults=1&sort={sort}&limit={SHOWN}"
    ))
}

/// The search that shows what the cache does: everywhere around, by price.
pub fn wide_search() -> Call {
    let (arrival, departure) = (date(DAYS.start), date(DAYS.start + 2));
    Call::get(format!(
        "/booking/v1/search?arrival={arrival}&departure={departure}&rooms=1&adults=1&sort=price&limit={SHOWN}"
    ))
}

/// The month in which stays lie.
pub fn month() -> String {
    date(DAYS.start).chars().take("2026-01".len()).collect()
}

/// So many days from today.
fn date(days: i32) -> String {
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    today.saturating_add(days.days()).to_string()
}

/// The mix.
pub struct Mix {
    rng: SmallRng,
    hotels: u32,
    dates: Vec<String>,
    keys: u64,
    /// Different for each run, so that keys are.
    run: u64,
}

const OPERATIONS: [&str; 4] = ["search", "recommend", "sign in", "reserve"];

impl Mix {
    /// The mix over the hotels that [`setup`] makes.
    pub fn new(hotels: u32, seed: u64) -> Self {
        Self {
            rng: SmallRng::seed_from_u64(seed),
            hotels,
            dates: (DAYS.start..DAYS.end + 6).map(date).collect(),
            keys: 0,
            run: rand::random(),
        }
    }

    fn dates(&mut self) -> (String, String) {
        let arrival = self.rng.random_range(0..self.dates.len() - 6);
        let nights = self.rng.random_range(1..6);
        (
            self.dates[arrival].clone(),
            self.dates[arrival + nights].clone(),
        )
    }

    fn point(&mut self) -> (f64, f64) {
        let mut along = || self.rng.random_range(-SPREAD..SPREAD);
        (CENTRE.0 + along(), CENTRE.1 + along())
    }

    fn call(&mut self, operation: usize) -> Call {
        match operation {
            0 => {
                let ((latitude, longitude), (arrival, departure)) = (self.point(), self.dates());
                search(latitude, longitude, &arrival, &departure, "distance")
            }
            1 => {
                let ((latitude, longitude), (arrival, departure)) = (self.point(), self.dates());
                let sort = ["distance", "stars", "price"][self.rng.random_range(0..3)];
                search(latitude, longitude, &arrival, &departure, sort)
            }
            2 => {
                let hotel = self.rng.random_range(0..self.hotels);
                Call {
                    signed_in: true,
                    ..Call::get(format!("/booking/v1/hotels/hotel-{hotel}/staff"))
                }
            }
            _ => self.reservation(),
        }
    }

    fn reservation(&mut self) -> Call {
        let hotel = self.rng.random_range(0..self.hotels);
        let (arrival, departure) = self.dates();
        self.keys += 1;
        Call {
            method: "POST",
            key: Some(format!("{:016x}-{}", self.run, self.keys)),
            body: Some(request(&arrival, &departure)),
            expect_status: 201,
            ..Call::get(format!("/booking/v1/hotels/hotel-{hotel}/reservations"))
        }
    }
}

fn request(arrival: &str, departure: &str) -> Value {
    json!({
        "arrival": arrival, "departure": departure,
        "rooms": [{"room_type": "double", "rate_plan": "flexible", "adults": 1}],
        "guest": {"name": "Cornell", "email": "cornell@example.org"},
    })
}

impl Workload for Mix {
    fn operations(&self) -> &[&'static str] {
        &OPERATIONS
    }

    fn next(&mut self, _connection: usize, request: &mut Request) -> bool {
        let operation = match self.rng.random_range(0..1_000) {
            0..600 => 0,
            600..990 => 1,
            990..995 => 2,
            _ => 3,
        };
        self.call(operation).lay_out(operation, request);
        true
    }
}

/// Checks that a search finds hotels: an empty page is fast and worth nothing.
pub fn check_found(body: &[u8]) -> Result<()> {
    let body: Value = serde_json::from_slice(body)?;
    let found = body["offers"].as_array().map_or(0, Vec::len);
    anyhow::ensure!(found > 0, "a search finds nothing: {body}");
    Ok(())
}
