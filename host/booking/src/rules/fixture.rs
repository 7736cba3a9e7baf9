//! A small hotel and its reservations, for tests of the rules and of the service.

use crate::rules::price::{self, NightPrices, Prices};
use crate::store::Nights;
use crate::types::{
    Address, Attempt, AttemptId, AttemptState, Catalogue, Date, Guest, Hotel, HotelCode, Localised,
    Meals, Money, Penalty, Position, RatePlan, Reservation, ReservationCode, ReservationId, Room,
    RoomType, State, Stay, TimeUs, US_PER_S, Zone,
};

/// 2026-06-01, a Monday.
pub(crate) fn today() -> Date {
    "2026-06-01".parse().unwrap()
}

/// Noon of that day at the hotel.
pub(crate) fn noon_us() -> TimeUs {
    today().time_us(12 * 60, &Zone::named("Europe/Lisbon").unwrap())
}

pub(crate) fn hotel(code: &str) -> Hotel {
    Hotel {
        code: code.parse().unwrap(),
        name: format!("Hotel {code}"),
        description: vec![Localised {
            language: "en".to_owned(),
            text: "By the sea.".to_owned(),
        }],
        address: Address {
            street: "Rua do Mar 1".to_owned(),
            city: "Lisboa".to_owned(),
            region: "Lisboa".to_owned(),
            postal_code: "1100-148".to_owned(),
            country: "PT".to_owned(),
        },
        position: Some(Position {
            latitude: 38.7,
            longitude: -9.1,
        }),
        email: "desk@hotel.example".to_owned(),
        phone: "+351 21 000 0000".to_owned(),
        time_zone: "Europe/Lisbon".to_owned(),
        currency: "EUR".to_owned(),
        tax_basis_points: 600,
        city_tax: 200,
        overbooking_percent: 0,
        hold_s: 900,
        check_in_from_min: 15 * 60,
        check_out_until_min: 11 * 60,
        stars_tenths: 40,
        amenities: vec!["pool".to_owned()],
        photos: Vec::new(),
        open: true,
    }
}

pub(crate) fn room_type(code: &str, rooms: u32) -> RoomType {
    RoomType {
        code: code.parse().unwrap(),
        name: format!("A {code}"),
        description: Vec::new(),
        rooms,
        max_adults: 2,
        max_children: 2,
        max_guests: 3,
        size_m2: 20,
        beds: "1 double".to_owned(),
        amenities: Vec::new(),
        photos: Vec::new(),
    }
}

pub(crate) fn rate_plan(
    code: &str,
    free_until_h: Option<u32>,
    penalty: Penalty,
    prices: &[(&str, Money)],
) -> RatePlan {
    let prices = prices.iter();
    RatePlan {
        code: code.parse().unwrap(),
        name: format!("Plan {code}"),
        description: Vec::new(),
        meals: Meals::Breakfast,
        free_until_h,
        penalty,
        min_nights: 1,
        max_nights: 30,
        prices: prices
            .map(|&(kind, price)| (kind.parse().unwrap(), price))
            .collect(),
        open: true,
    }
}

/// Five doubles at 100.00 and a suite at 250.00; `flex` is free until a day before, `half` and `fixed` never are.
pub(crate) fn plans() -> [RatePlan; 3] {
    let prices = [("double", 10_000), ("suite", 25_000)];
    [
        rate_plan("fixed", None, Penalty::Everything, &[("double", 8_000)]),
        rate_plan("flex", Some(24), Penalty::FirstNight, &prices),
        rate_plan("half", None, Penalty::Percent(50), &prices),
    ]
}

pub(crate) fn catalogue() -> Catalogue {
    Catalogue {
        hotel: hotel("sea").into(),
        room_types: [room_type("double", 5), room_type("suite", 1)].into(),
        rate_plans: plans().into(),
        staff: [].into(),
        version: 1,
        zone: Zone::named("Europe/Lisbon").unwrap(),
    }
}

pub(crate) fn room(kind: &str, plan: &str) -> Room {
    Room {
        room_type: kind.parse().unwrap(),
        rate_plan: plan.parse().unwrap(),
        adults: 2,
        children: 0,
    }
}

/// A stay in doubles on a plan, from so many days from today to so many.
pub(crate) fn stay(plan: &str, rooms: usize, from: i32, to: i32) -> Stay {
    Stay {
        arrival: today().plus(from),
        departure: today().plus(to),
        rooms: vec![room("double", plan); rooms],
    }
}

pub(crate) fn guest() -> Guest {
    Guest {
        name: "Ana Sousa".to_owned(),
        email: "ana@example.org".to_owned(),
        language: "en".to_owned(),
        ..Guest::default()
    }
}

/// A held reservation, made now.
pub(crate) fn held(stay: Stay) -> Reservation {
    let catalogue = catalogue();
    let nights = Nights::default();
    let price = price::price_checked(&catalogue, &base(&nights), &stay).unwrap();
    let id = ReservationId::generate();
    Reservation {
        id,
        code: ReservationCode::of(id),
        hotel: "sea".parse::<HotelCode>().unwrap(),
        hotel_name: "Hotel sea".to_owned(),
        state: State::Held,
        occupied_until: stay.departure,
        stay,
        price,
        guest: guest(),
        created_us: noon_us(),
        changed_us: noon_us(),
        hold_expires_us: noon_us() + 900 * US_PER_S,
        attempts: Vec::new(),
        fee: 0,
        version: 1,
    }
}

/// Only the plans' own prices.
pub(crate) fn base(nights: &Nights) -> impl NightPrices {
    Prices::of(nights)
}

/// A reservation in a state, with a payment of all of it in a state.
pub(crate) fn paid(stay: Stay, state: State, payment: AttemptState) -> Reservation {
    let mut reservation = held(stay);
    reservation.state = state;
    reservation.attempts = vec![attempt(payment, reservation.price.total)];
    reservation
}

pub(crate) fn attempt(state: AttemptState, amount: Money) -> Attempt {
    Attempt {
        id: AttemptId::generate(),
        method: "sandbox:approve".to_owned(),
        amount,
        state,
        refunded: 0,
        declined_for: String::new(),
        began_us: noon_us(),
        tries: 1,
        due_us: noon_us(),
    }
}
