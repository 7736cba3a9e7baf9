//! What the host of the tests has.

use booking::bindings::concierge::booking::availability::{Price, PricedRoom, Room, Stay};
use booking::bindings::concierge::booking::catalogue::{
    Address, Caller, Hotel, HotelDetails, Localised, Meals, Penalty, Photo, Position, RatePlan,
    RoomType,
};
use booking::bindings::concierge::booking::reservations::{
    Answer, Decided, Guest_ as Guest, Payment, PaymentState, Request, Reservation, State, Waiting,
};
use serde_json::{Value, json};

use crate::playback::TOKEN;

/// 2026-11-26.
pub const TODAY: i32 = 20_783;
/// 2026-12-24.
pub const ARRIVAL: i32 = 20_811;
/// 2026-11-26T12:00:00Z.
pub const CREATED_US: u64 = 1_795_694_400_000_000;

/// An account that the host has recognised.
pub fn account() -> Caller {
    Caller::Account(TOKEN.into())
}

/// The guest of the reservation.
pub fn guest_caller() -> Caller {
    Caller::Guest("gt_0123456789abcdefABCDEF".into())
}

fn localised(language: &str, text: &str) -> Localised {
    Localised {
        language: language.into(),
        text: text.into(),
    }
}

/// The hotel `mar`.
pub fn hotel() -> Hotel {
    Hotel {
        code: "mar".into(),
        name: "Hotel Mar".into(),
        description: vec![
            localised("en", "By the sea."),
            localised("pt", "À beira-mar."),
        ],
        address: Address {
            street: "Rua do Mar 1".into(),
            city: "Cascais".into(),
            region: "Lisboa".into(),
            postal_code: "2750-642".into(),
            country: "PT".into(),
        },
        position: Some(Position {
            latitude: 38.697,
            longitude: -9.4207,
        }),
        email: "desk@hotel-mar.example".into(),
        phone: "+351 210 000 000".into(),
        time_zone: "Europe/Lisbon".into(),
        currency: "EUR".into(),
        tax_basis_points: 600,
        city_tax: 200,
        overbooking_percent: 0,
        hold_s: 900,
        check_in_from_min: 900,
        check_out_until_min: 660,
        stars_tenths: 45,
        amenities: vec!["wifi".into(), "pool".into()],
        photos: vec![Photo {
            bucket: "hotels".into(),
            key: "mar/front.jpg".into(),
            alt: vec![localised("en", "The house from the beach")],
        }],
        open: true,
    }
}

/// Its double room.
pub fn room_type() -> RoomType {
    RoomType {
        code: "double".into(),
        name: "Double room".into(),
        description: vec![localised("en", "With a balcony.")],
        rooms: 12,
        max_adults: 2,
        max_children: 1,
        max_guests: 3,
        size_m2: 24,
        beds: "One double bed".into(),
        amenities: vec!["balcony".into()],
        photos: vec![],
    }
}

/// Its flexible rate.
pub fn rate_plan() -> RatePlan {
    RatePlan {
        code: "flexible".into(),
        name: "Flexible".into(),
        description: vec![localised("en", "Free to cancel until two days before.")],
        meals: Meals::Breakfast,
        free_until_h: Some(48),
        penalty: Penalty::FirstNight,
        min_nights: 1,
        max_nights: 30,
        prices: vec![("double".into(), 12_300)],
        open: true,
    }
}

/// All of it.
pub fn details() -> HotelDetails {
    HotelDetails {
        hotel: hotel(),
        room_types: vec![room_type()],
        rate_plans: vec![rate_plan()],
        currency_digits: 2,
        today: TODAY,
    }
}

/// Three nights in a double room.
pub fn stay() -> Stay {
    Stay {
        arrival: ARRIVAL,
        departure: ARRIVAL + 3,
        rooms: vec![room()],
    }
}

fn room() -> Room {
    Room {
        room_type: "double".into(),
        rate_plan: "flexible".into(),
        adults: 2,
        children: 0,
    }
}

/// What they cost.
pub fn price() -> Price {
    Price {
        currency: "EUR".into(),
        currency_digits: 2,
        rooms: vec![PricedRoom {
            room: room(),
            room_type_name: "Double room".into(),
            rate_plan_name: "Flexible".into(),
            nights: vec![12_300, 12_300, 15_000],
            tax: 2_376,
            city_tax: 1_200,
        }],
        total: 43_176,
    }
}

/// Who stays.
pub fn guest() -> Guest {
    Guest {
        name: "Ada Lovelace".into(),
        email: "ada@example.com".into(),
        phone: "+44 20 7946 0000".into(),
        country: "GB".into(),
        language: "en".into(),
        notes: "A quiet room, please.".into(),
    }
}

/// What is asked for.
pub fn request() -> Request {
    Request {
        stay: stay(),
        guest: guest(),
        agreed_total: None,
    }
}

/// The same as JSON.
pub fn request_json() -> Value {
    json!({
        "arrival": "2026-12-24",
        "departure": "2026-12-27",
        "rooms": [{"room_type": "double", "rate_plan": "flexible", "adults": 2}],
        "guest": {
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "phone": "+44 20 7946 0000",
            "country": "GB",
            "language": "en",
            "notes": "A quiet room, please.",
        },
    })
}

/// The stay as JSON.
pub fn stay_json() -> Value {
    let mut value = request_json();
    value.as_object_mut().unwrap().remove("guest");
    value
}

/// The id of the reservation.
pub const ID: &str = "019abf2e-7d00-7000-8000-000000000001";

/// A reservation that is held.
pub fn reservation() -> Reservation {
    Reservation {
        id: ID.into(),
        code: "7KQ2M9XD".into(),
        hotel: "mar".into(),
        hotel_name: "Hotel Mar".into(),
        state: State::Held,
        stay: stay(),
        price: price(),
        guest: guest(),
        created_us: CREATED_US,
        changed_us: CREATED_US,
        hold_expires_us: Some(CREATED_US + 900_000_000),
        payment: Payment {
            state: PaymentState::None,
            amount: 0,
            refunded: 0,
            declined_for: String::new(),
        },
        cancellation_fee: 0,
        free_until_us: Some(CREATED_US + 26 * 86_400_000_000),
        version: 1,
        guest_token: "gt_0123456789abcdefABCDEF".into(),
    }
}

/// It, with a payment.
pub fn paid(state: PaymentState) -> Reservation {
    let mut reservation = reservation();
    reservation.payment.state = state;
    reservation.payment.amount = 43_176;
    reservation.version = 2;
    if matches!(state, PaymentState::Authorised | PaymentState::Captured) {
        reservation.state = State::Confirmed;
        reservation.hold_expires_us = None;
    }
    if state == PaymentState::Declined {
        reservation.payment.declined_for = "insufficient_funds".into();
    }
    reservation
}

/// What was decided just now.
pub fn decided(reservation: Reservation) -> Decided {
    Decided {
        outcome: Ok(reservation),
        answer: None,
    }
}

/// An answer that was given before, by another version of this code.
pub fn old_answer() -> Answer {
    Answer {
        status: 201,
        content_type: "application/json".into(),
        headers: vec![
            (
                "location".into(),
                "/booking/v1/hotels/mar/reservations/old".into(),
            ),
            ("etag".into(), "\"1\"".into()),
        ],
        body: serde_json::to_vec(&reservation_json()).unwrap(),
    }
}

/// The reservation as JSON.
pub fn reservation_json() -> Value {
    let eur = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    json!({
        "id": ID,
        "code": "7KQ2M9XD",
        "hotel": "mar",
        "hotel_name": "Hotel Mar",
        "state": "held",
        "arrival": "2026-12-24",
        "departure": "2026-12-27",
        "rooms": [{
            "room_type": "double",
            "room_type_name": "Double room",
            "rate_plan": "flexible",
            "rate_plan_name": "Flexible",
            "adults": 2,
            "children": 0,
            "nights": [
                {"date": "2026-12-24", "price": eur(12_300)},
                {"date": "2026-12-25", "price": eur(12_300)},
                {"date": "2026-12-26", "price": eur(15_000)},
            ],
            "tax": eur(2_376),
            "city_tax": eur(1_200),
        }],
        "total": eur(43_176),
        "currency_digits": 2,
        "guest": request_json()["guest"],
        "created_at": "2026-11-26T12:00:00Z",
        "changed_at": "2026-11-26T12:00:00Z",
        "hold_expires_at": "2026-11-26T12:15:00Z",
        "payment": {
            "state": "none",
            "amount": eur(0),
            "refunded": eur(0),
            "declined_for": null,
        },
        "cancellation_fee": eur(0),
        "free_cancellation_until": "2026-12-22T12:00:00Z",
        "version": 1,
        "guest_token": "gt_0123456789abcdefABCDEF",
    })
}

/// A place in the waiting list.
pub fn waiting() -> Waiting {
    Waiting {
        id: "019abf2e-7d00-7000-8000-000000000002".into(),
        stay: stay(),
        guest: guest(),
        created_us: CREATED_US,
        told_us: None,
    }
}
