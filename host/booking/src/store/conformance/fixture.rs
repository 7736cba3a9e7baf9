//! A hotel to do things to.

use std::sync::Arc;

use crate::error::Error;
use crate::rules::{action, price};
use crate::store::{ChangeKind, RuleResult};
use crate::store::{
    Changed, Claim, ClaimedKey, Decided, Edit, Effects, NightRow, Reserve, Rule, Store, Transition,
    Who,
};
use crate::types::{
    Address, Allotment, Date, Guest, Hotel, HotelCode, Meals, Penalty, Price, Rate, RatePlan,
    Reservation, ReservationCode, ReservationId, Room, RoomType, RoomTypeCode, State, Stay, TimeUs,
    US_PER_S,
};

/// 2026-11-26 12:00 UTC.
pub(crate) const NOW: TimeUs = 1_795_694_400 * US_PER_S;

pub(crate) const DAY_US: TimeUs = 24 * 3_600 * US_PER_S;

/// The day of [`NOW`].
pub(crate) fn today() -> Date {
    "2026-11-26".parse().unwrap()
}

pub(crate) fn code(text: &str) -> RoomTypeCode {
    text.parse().unwrap()
}

pub(crate) fn hotel(code: &HotelCode, overbooking_percent: u32) -> Hotel {
    Hotel {
        code: code.clone(),
        name: format!("Hotel {code}"),
        description: Vec::new(),
        address: Address::default(),
        position: None,
        email: "desk@example.org".to_owned(),
        phone: String::new(),
        time_zone: "Europe/Lisbon".to_owned(),
        currency: "EUR".to_owned(),
        tax_basis_points: 0,
        city_tax: 0,
        overbooking_percent,
        hold_s: 900,
        check_in_from_min: 900,
        check_out_until_min: 660,
        stars_tenths: 40,
        amenities: Vec::new(),
        photos: Vec::new(),
        open: true,
    }
}

pub(crate) fn room_type(code: &str, rooms: u32) -> RoomType {
    RoomType {
        code: code.parse().unwrap(),
        name: format!("Room {code}"),
        description: Vec::new(),
        rooms,
        max_adults: 2,
        max_children: 1,
        max_guests: 3,
        size_m2: 20,
        beds: String::new(),
        amenities: Vec::new(),
        photos: Vec::new(),
    }
}

pub(crate) fn rate_plan(code: &str) -> RatePlan {
    RatePlan {
        code: code.parse().unwrap(),
        name: format!("Plan {code}"),
        description: Vec::new(),
        meals: Meals::Breakfast,
        free_until_h: Some(24),
        penalty: Penalty::FirstNight,
        min_nights: 1,
        max_nights: 30,
        prices: vec![("double".parse().unwrap(), 10_000)],
        open: true,
    }
}

/// A stay of rooms of these types, from so many days after today to so many.
pub(crate) fn stay(rooms: &[&str], from: i32, to: i32) -> Stay {
    let room = |code: &&str| Room {
        room_type: code.parse().unwrap(),
        rate_plan: "flexible".parse().unwrap(),
        adults: 1,
        children: 0,
    };
    Stay {
        arrival: today().plus(from),
        departure: today().plus(to),
        rooms: rooms.iter().map(room).collect(),
    }
}

pub(crate) fn no_price() -> Price {
    Price {
        currency: "EUR".to_owned(),
        currency_digits: 2,
        rooms: Vec::new(),
        total: 0,
    }
}

/// A key that is claimed with the fingerprint of the request of a number.
pub(crate) fn key(name: &str, request: u8, at_us: TimeUs) -> ClaimedKey {
    ClaimedKey {
        claim: Claim {
            scope: "guest".to_owned(),
            key: name.to_owned(),
            fingerprint: [request; 32],
        },
        at_us,
    }
}

/// A key that nobody else has.
pub(crate) fn fresh_key() -> ClaimedKey {
    key(&uuid::Uuid::new_v4().to_string(), 0, NOW)
}

pub(crate) fn effects(kind: ChangeKind, what: &'static str) -> Effects {
    Effects {
        kind: Some(kind),
        what,
        mails: Vec::new(),
    }
}

/// A hotel in a store.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) code: HotelCode,
}

impl House {
    /// Opens a hotel with room types of so many rooms, and the rate plan `flexible`.
    pub(crate) async fn open(store: &Arc<dyn Store>, code: &str, rooms: &[(&str, u32)]) -> Self {
        let house = Self {
            store: Arc::clone(store),
            code: code.parse().unwrap(),
        };
        house
            .edit(Edit::Hotel(hotel(&house.code, 0)))
            .await
            .unwrap();
        for (code, rooms) in rooms {
            house
                .edit(Edit::RoomType(room_type(code, *rooms)))
                .await
                .unwrap();
        }
        house
            .edit(Edit::RatePlan(rate_plan("flexible")))
            .await
            .unwrap();
        house
    }

    pub(crate) async fn edit(&self, edit: Edit) -> Result<(), Error> {
        self.store
            .edit(self.code.clone(), edit, today(), Who::System, NOW)
            .await
    }

    pub(crate) async fn version(&self) -> u64 {
        let catalogue = self.store.catalogue(&self.code).await.unwrap();
        catalogue.unwrap().version
    }

    /// A request for a stay, for the version that the catalogue has now.
    pub(crate) async fn request(&self, stay: Stay) -> Reserve {
        let id = ReservationId::generate();
        let reservation = Reservation {
            id,
            code: ReservationCode::of(id),
            hotel: self.code.clone(),
            hotel_name: String::new(),
            state: State::Held,
            occupied_until: stay.departure,
            price: no_price(),
            guest: Guest {
                name: "Ana Gr\u{fc}n".to_owned(),
                email: "ana@example.org".to_owned(),
                ..Guest::default()
            },
            created_us: NOW,
            changed_us: NOW,
            hold_expires_us: NOW + 900 * US_PER_S,
            attempts: Vec::new(),
            fee: 0,
            version: 1,
            stay,
        };
        Reserve {
            take: price::taken(&reservation.stay),
            reservation,
            catalogue_version: self.version().await,
            key: fresh_key(),
            who: Who::Guest,
            effects: effects(ChangeKind::ReservationCreated, "reservation.create"),
        }
    }

    /// Reserves, again and again while too many others do: with the optimistic strategy that is a fair answer.
    pub(crate) async fn reserve(
        &self,
        request: Reserve,
    ) -> Result<Result<Decided, Changed>, Error> {
        loop {
            match self.store.reserve(request.clone()).await {
                Err(Error::SlowDown(_)) => tokio::task::yield_now().await,
                decided => return decided,
            }
        }
    }

    /// Reserves a stay; what was decided.
    pub(crate) async fn book(&self, stay: Stay) -> Result<Reservation, Error> {
        let request = self.request(stay).await;
        self.reserve(request).await.unwrap().unwrap().outcome
    }

    /// A change by a rule, without a key.
    pub(crate) fn transition(&self, id: ReservationId, rule: Rule) -> Transition {
        Transition {
            hotel: self.code.clone(),
            reservation: id,
            catalogue_version: None,
            key: None,
            who: Who::System,
            now_us: NOW,
            rule,
        }
    }

    /// Changes, again and again while too many others do.
    pub(crate) async fn change(
        &self,
        transition: Transition,
    ) -> Result<Result<Decided, Changed>, Error> {
        loop {
            match self.store.change(transition.clone()).await {
                Err(Error::SlowDown(_)) => tokio::task::yield_now().await,
                decided => return decided,
            }
        }
    }

    /// Changes by a rule; what was decided.
    pub(crate) async fn act(&self, id: ReservationId, rule: Rule) -> Result<Reservation, Error> {
        let transition = self.transition(id, rule);
        self.change(transition).await.unwrap().unwrap().outcome
    }

    pub(crate) async fn find(&self, id: ReservationId) -> Reservation {
        let found = self.store.reservation(&self.code, id).await.unwrap();
        found.unwrap()
    }

    /// (sellable, reserved) of the rows of a room type, from today for so many nights.
    pub(crate) async fn rows(&self, kind: &str, nights: u32) -> Vec<NightRow> {
        let nights = self.store.nights(&self.code, today(), nights).await;
        let rows = nights.unwrap().rows.into_iter();
        rows.filter(|row| row.room_type.as_str() == kind).collect()
    }

    /// Rooms reserved of a room type, from today for so many nights; 0 where there is no row.
    pub(crate) async fn reserved(&self, kind: &str, nights: u32) -> Vec<u32> {
        let rows = self.rows(kind, nights).await;
        let of = |night| rows.iter().find(|row| row.night == night);
        let nights = today().until(today().plus(nights as i32));
        nights
            .map(|night| of(night).map_or(0, |row| row.reserved))
            .collect()
    }
}

/// Sells so many rooms of a type, or as many as there are, for nights from so many days after today to so many.
pub(crate) fn allotment(kind: &str, first: i32, last: i32, rooms: Option<u32>) -> Allotment {
    Allotment {
        room_type: code(kind),
        first: today().plus(first),
        last: today().plus(last),
        rooms,
    }
}

pub(crate) fn rate(kind: &str, first: i32, last: i32, price: Option<i64>) -> Rate {
    Rate {
        rate_plan: "flexible".parse().unwrap(),
        room_type: code(kind),
        first: today().plus(first),
        last: today().plus(last),
        price,
    }
}

/// So many rooms are left, in the night that is so many days after today.
pub(crate) fn sold_out(kind: &str, night: i32, left: u32) -> Error {
    Error::SoldOut {
        room_type: code(kind),
        night: today().plus(night),
        left,
    }
}

// Rules.

/// Confirms, as a payment does.
pub(crate) fn confirm() -> Rule {
    Arc::new(|reservation| {
        let mut next = reservation.clone();
        next.state = State::Confirmed;
        Ok(Some(RuleResult {
            reservation: next,
            deltas: Vec::new(),
            effects: effects(ChangeKind::ReservationChanged, "reservation.confirm"),
        }))
    })
}

pub(crate) fn cancel() -> Rule {
    Arc::new(|reservation| action::cancel(reservation, NOW, today()))
}

/// Another stay.
pub(crate) fn move_to(stay: Stay) -> Rule {
    Arc::new(move |reservation| action::change(reservation, &stay, &no_price(), NOW, today()))
}

/// Checks in, so many days after today.
pub(crate) fn check_in(days: i32) -> Rule {
    Arc::new(move |reservation| action::check_in(reservation, NOW, today().plus(days)))
}

/// Checks out, so many days after today.
pub(crate) fn check_out(days: i32) -> Rule {
    Arc::new(move |reservation| action::check_out(reservation, NOW, today().plus(days)))
}
