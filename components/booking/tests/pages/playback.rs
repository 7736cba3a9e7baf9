//! A host that keeps a few hotels in memory, in the place of the real one: enough of its rules that pages can be walked
//! through, and errors on demand. The tests use it, and so does the example that shows the pages without a server.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};

use booking::bindings::concierge::booking::administration::{Allotment, Rate, Webhook};
use booking::bindings::concierge::booking::availability::{
    CalendarNight, Offer, Offers, Price, PricedRoom, PricedStay, Query, RoomTypeCalendar, Stay,
};
use booking::bindings::concierge::booking::catalogue::{
    Caller, Conflict, Date, Error, Hotel, HotelDetails, HotelPage, Invalid, RatePlan, Reason,
    RoomType, Shortage,
};
use booking::bindings::concierge::booking::changes::Page;
use booking::bindings::concierge::booking::reports::{AuditEntry, Day};
use booking::bindings::concierge::booking::reservations::{
    Action, Answer, Decided, Filter, Idempotency, Payment, PaymentState, Request, Reservation,
    ReservationPage, State, Waiting,
};
use booking::host::{Account, AuthenticationError, Credentials, Host, ReadError, Role};

use crate::hotels::{self, TODAY};

/// Now: noon of [`TODAY`] in UTC.
pub const NOW_US: u64 = (TODAY as u64 * 24 + 12) * 3_600_000_000;

/// The name and the password of the one who works at the front desk.
pub const STAFF: (&str, &str) = ("ada", "lovelace");

const MINUTE_US: u64 = 60_000_000;
const DAY_US: u64 = 24 * 60 * MINUTE_US;

/// The host.
pub struct Playback {
    pub hotels: Vec<HotelDetails>,
    pub reservations: RefCell<BTreeMap<String, Reservation>>,
    /// Reservations that were made, payments that were taken, actions that were done: what must not happen twice.
    pub effects: RefCell<Vec<String>>,
    /// Answers of the next calls, by the name of the call.
    pub failures: RefCell<VecDeque<(&'static str, Error)>>,
    /// Nights on which one more room is kept from sale than the hotel has: sold out.
    pub full: RefCell<Vec<(String, Date)>>,
    /// What is added to every night's price.
    pub dearer: Cell<i64>,
    decisions: RefCell<BTreeMap<String, (Vec<u8>, Decided)>>,
    counter: Cell<u64>,
}

impl Playback {
    /// With the hotels of the example, and nobody in them.
    pub fn new() -> Self {
        Self {
            hotels: hotels::all(),
            reservations: RefCell::default(),
            effects: RefCell::default(),
            failures: RefCell::default(),
            full: RefCell::default(),
            dearer: Cell::new(0),
            decisions: RefCell::default(),
            counter: Cell::new(0),
        }
    }

    /// Lets the next call of a name fail.
    pub fn fail_next(&self, call: &'static str, error: Error) {
        self.failures.borrow_mut().push_back((call, error));
    }

    /// Sells a room type out for the nights of a stay.
    pub fn sell_out(&self, room_type: &str, nights: std::ops::Range<Date>) {
        let mut full = self.full.borrow_mut();
        full.extend(nights.map(|night| (room_type.to_owned(), night)));
    }

    /// Puts a reservation in as if it had been made before.
    pub fn put(&self, reservation: Reservation) {
        self.reservations
            .borrow_mut()
            .insert(reservation.id.clone(), reservation);
    }

    fn failing(&self, call: &str) -> Result<(), Error> {
        let mut failures = self.failures.borrow_mut();
        match failures.iter().position(|(known, _)| *known == call) {
            Some(at) => Err(failures.remove(at).unwrap().1),
            None => Ok(()),
        }
    }

    fn next(&self) -> u64 {
        self.counter.set(self.counter.get() + 1);
        self.counter.get()
    }

    fn details(&self, hotel: &str) -> Result<&HotelDetails, Error> {
        let found = self
            .hotels
            .iter()
            .find(|details| details.hotel.code == hotel);
        found.ok_or_else(|| Error::NotFound("hotel".to_owned()))
    }

    /// Rooms of a type that are left on a night.
    fn left(&self, hotel: &str, room_type: &RoomType, night: Date) -> u32 {
        if self
            .full
            .borrow()
            .contains(&(room_type.code.clone(), night))
        {
            return 0;
        }
        let reservations = self.reservations.borrow();
        let taken = reservations
            .values()
            .filter(|r| r.hotel == hotel && is_live(r))
            .filter(|r| (r.stay.arrival..r.stay.departure).contains(&night))
            .flat_map(|r| &r.stay.rooms)
            .filter(|room| room.room_type == room_type.code)
            .count();
        // A wave of other guests, so that a calendar has something to show.
        let others = u32::try_from(night.rem_euclid(11)).unwrap() * room_type.rooms / 11;
        room_type
            .rooms
            .saturating_sub(u32::try_from(taken).unwrap())
            .saturating_sub(others)
    }

    /// The price of a night; weekends cost more.
    fn night(&self, plan: &RatePlan, room_type: &str, night: Date) -> Option<i64> {
        let base = plan.prices.iter().find(|(sold, _)| sold == room_type)?.1;
        // 1970-01-01 was a Thursday: Friday and Saturday are 1 and 2 days after.
        let weekend = matches!(night.rem_euclid(7), 1 | 2);
        Some(base + if weekend { base / 5 } else { 0 } + self.dearer.get())
    }

    pub fn price(&self, details: &HotelDetails, stay: &Stay) -> Result<PricedStay, Error> {
        let hotel = &details.hotel;
        let nights = i64::from(stay.departure - stay.arrival);
        let mut rooms = Vec::new();
        let mut available = true;
        for room in &stay.rooms {
            let room_type = details
                .room_types
                .iter()
                .find(|room_type| room_type.code == room.room_type)
                .ok_or_else(not_offered)?;
            let plan = details
                .rate_plans
                .iter()
                .find(|plan| plan.code == room.rate_plan)
                .ok_or_else(not_offered)?;
            if room.adults + room.children > room_type.max_guests {
                return Err(invalid("rooms.0.adults", Reason::TooManyGuests));
            }
            if nights < i64::from(plan.min_nights) {
                return Err(invalid("departure", Reason::StayTooShort));
            }
            let prices: Option<Vec<i64>> = (stay.arrival..stay.departure)
                .map(|night| self.night(plan, &room_type.code, night))
                .collect();
            let prices = prices.ok_or_else(not_offered)?;
            let wanted = stay
                .rooms
                .iter()
                .filter(|other| other.room_type == room.room_type)
                .count();
            available &= (stay.arrival..stay.departure)
                .all(|night| self.left(&hotel.code, room_type, night) as usize >= wanted);
            let sum: i64 = prices.iter().sum();
            rooms.push(PricedRoom {
                room: room.clone(),
                room_type_name: room_type.name.clone(),
                rate_plan_name: plan.name.clone(),
                tax: sum * i64::from(hotel.tax_basis_points) / 10_000,
                city_tax: hotel.city_tax * nights * i64::from(room.adults),
                nights: prices,
            });
        }
        let total = rooms
            .iter()
            .map(|room| room.nights.iter().sum::<i64>() + room.tax + room.city_tax)
            .sum();
        let first_night = rooms.iter().map(|room| room.nights[0]).sum();
        let free_until_h = details
            .rate_plans
            .iter()
            .find(|plan| plan.code == stay.rooms[0].rate_plan)
            .and_then(|plan| plan.free_until_h);
        let check_in = stay.arrival as u64 * DAY_US + 14 * 60 * MINUTE_US;
        Ok(PricedStay {
            stay: stay.clone(),
            price: Price {
                currency: hotel.currency.clone(),
                currency_digits: details.currency_digits,
                rooms,
                total,
            },
            free_until_us: free_until_h.map(|h| check_in - u64::from(h) * 60 * MINUTE_US),
            penalty: if free_until_h.is_some() {
                first_night
            } else {
                total
            },
            available,
        })
    }

    /// Decides once for each key.
    fn decide(
        &self,
        idempotency: &Idempotency,
        decide: impl FnOnce() -> Result<Reservation, Error>,
    ) -> Result<Decided, Error> {
        let key = format!("{}\n{}", idempotency.scope, idempotency.key);
        if let Some((fingerprint, decided)) = self.decisions.borrow().get(&key) {
            return if *fingerprint == idempotency.fingerprint {
                Ok(decided.clone())
            } else {
                Err(Error::KeyReused)
            };
        }
        let decided = Decided {
            outcome: decide(),
            answer: None,
        };
        self.decisions
            .borrow_mut()
            .insert(key, (idempotency.fingerprint.clone(), decided.clone()));
        Ok(decided)
    }

    fn find(&self, caller: &Caller, hotel: &str, name: &str) -> Result<Reservation, Error> {
        let reservations = self.reservations.borrow();
        let found = reservations
            .values()
            .find(|r| r.hotel == hotel && (r.id == name || r.code == name))
            .ok_or_else(|| Error::NotFound("reservation".to_owned()))?;
        let may = match caller {
            Caller::Guest(token) => *token == found.guest_token,
            Caller::Account(token) => token == "staff",
            Caller::Anyone => false,
        };
        if may {
            Ok(found.clone())
        } else {
            Err(Error::NotFound("reservation".to_owned()))
        }
    }

    fn effect(&self, what: &str, reservation: &Reservation) {
        let line = format!("{what} {}", reservation.code);
        self.effects.borrow_mut().push(line);
        self.put(reservation.clone());
    }

    pub fn held(&self, details: &HotelDetails, request: &Request) -> Result<Reservation, Error> {
        let priced = self.price(details, &request.stay)?;
        if !priced.available {
            let room = &request.stay.rooms[0];
            return Err(Error::SoldOut(Shortage {
                room_type: room.room_type.clone(),
                night: request.stay.arrival,
                left: 0,
            }));
        }
        if request
            .agreed_total
            .is_some_and(|total| total != priced.price.total)
        {
            return Err(Error::Conflict((Conflict::Price, String::new())));
        }
        let number = self.next();
        Ok(Reservation {
            id: format!("018f4e3a-7b1c-7d00-8000-{number:012x}"),
            code: format!("7K3MQ{number:03}"),
            hotel: details.hotel.code.clone(),
            hotel_name: details.hotel.name.clone(),
            state: State::Held,
            stay: request.stay.clone(),
            guest: request.guest.clone(),
            created_us: NOW_US,
            changed_us: NOW_US,
            hold_expires_us: Some(NOW_US + u64::from(details.hotel.hold_s) * 1_000_000),
            payment: Payment {
                state: PaymentState::None,
                amount: priced.price.total,
                refunded: 0,
                declined_for: String::new(),
            },
            cancellation_fee: if priced.free_until_us.is_some() {
                0
            } else {
                priced.penalty
            },
            free_until_us: priced.free_until_us,
            price: priced.price,
            version: 1,
            guest_token: format!("gt_{number:022}"),
        })
    }

    fn paid(&self, mut r: Reservation, method: &str) -> Reservation {
        r.version += 1;
        match method {
            "sandbox:decline" => {
                r.payment.state = PaymentState::Declined;
                r.payment.declined_for = "the sandbox was told to".to_owned();
            }
            "sandbox:hang" | "sandbox:late" => r.payment.state = PaymentState::Pending,
            _ => {
                r.payment.state = PaymentState::Authorised;
                r.state = State::Confirmed;
                r.hold_expires_us = None;
            }
        }
        r
    }

    fn acted(
        &self,
        details: &HotelDetails,
        mut r: Reservation,
        action: &Action,
    ) -> Result<Reservation, Error> {
        r.version += 1;
        match action {
            Action::Cancel => {
                r.state = State::Cancelled;
                r.payment.state = PaymentState::Refunded;
                r.payment.refunded = r.payment.amount - r.cancellation_fee;
            }
            Action::Change(stay) => {
                let priced = self.price(details, stay)?;
                r.stay = stay.clone();
                r.price = priced.price;
            }
            Action::CheckIn if r.stay.arrival > TODAY => {
                return Err(Error::Conflict((Conflict::NotNow, String::new())));
            }
            Action::CheckIn => r.state = State::CheckedIn,
            Action::CheckOut => r.state = State::CheckedOut,
            Action::NoShow => r.state = State::NoShow,
        }
        Ok(r)
    }
}

fn is_live(r: &Reservation) -> bool {
    matches!(
        r.state,
        State::Held | State::Confirmed | State::CheckedIn | State::CheckedOut
    )
}

fn not_offered() -> Error {
    invalid("rooms.0.room-type", Reason::NotOffered)
}

pub fn invalid(field: &str, reason: Reason) -> Error {
    Error::Invalid(Invalid {
        field: field.to_owned(),
        reason,
        detail: format!("{field} cannot be so."),
    })
}

impl Host for Playback {
    type Incoming = Vec<u8>;

    async fn read(&self, body: Vec<u8>, max_bytes: usize) -> Result<Vec<u8>, ReadError> {
        if body.len() > max_bytes {
            Err(ReadError::TooLong)
        } else {
            Ok(body)
        }
    }

    fn now_us(&self) -> u64 {
        NOW_US
    }

    fn random(&self) -> [u8; 16] {
        let mut bytes = [7; 16];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes
    }

    async fn authenticate(
        &self,
        credentials: Credentials,
        _client: String,
    ) -> Result<Account, AuthenticationError> {
        match credentials {
            Credentials::Basic { name, password }
                if (name.as_str(), password.as_str()) == STAFF =>
            {
                Ok(Account {
                    token: "staff".to_owned(),
                    id: "1".to_owned(),
                    name,
                    role: Role::Staff,
                })
            }
            _ => Err(AuthenticationError::Refused),
        }
    }

    async fn get_hotel(&self, hotel: String) -> Result<HotelDetails, Error> {
        self.failing("get_hotel")?;
        self.details(&hotel).cloned()
    }

    async fn get_hotel_for_staff(&self, _: Caller, hotel: String) -> Result<HotelDetails, Error> {
        self.details(&hotel).cloned()
    }

    async fn list_hotels(&self, _: Caller, _after: String, _max: u32) -> Result<HotelPage, Error> {
        Ok(HotelPage {
            hotels: self
                .hotels
                .iter()
                .map(|details| details.hotel.clone())
                .collect(),
            next: None,
        })
    }

    async fn search(&self, query: Query) -> Result<Offers, Error> {
        self.failing("search")?;
        let mut offers = Vec::new();
        for details in &self.hotels {
            let hotel = &details.hotel;
            let words = format!(
                "{} {} {}",
                hotel.name, hotel.address.city, hotel.address.region
            );
            if !words.to_lowercase().contains(&query.text.to_lowercase()) {
                continue;
            }
            let best = details.room_types.iter().find_map(|room_type| {
                let plan = details
                    .rate_plans
                    .iter()
                    .rev()
                    .find(|plan| plan.prices.iter().any(|(sold, _)| *sold == room_type.code))?;
                let stay = Stay {
                    arrival: query.arrival,
                    departure: query.departure,
                    rooms: vec![hotels::room(&room_type.code, &plan.code); query.rooms as usize],
                };
                let priced = self.price(details, &stay).ok()?;
                let left = self.left(&hotel.code, room_type, query.arrival);
                priced
                    .available
                    .then_some((room_type, plan, priced.price.total, left))
            });
            if let Some((room_type, plan, total, left)) = best {
                offers.push(Offer {
                    hotel: hotel.clone(),
                    currency_digits: details.currency_digits,
                    distance_m: None,
                    room_type: room_type.code.clone(),
                    room_type_name: room_type.name.clone(),
                    rate_plan: plan.code.clone(),
                    rate_plan_name: plan.name.clone(),
                    total,
                    left,
                });
            }
        }
        Ok(Offers { offers, next: None })
    }

    async fn calendar(
        &self,
        hotel: String,
        _: Option<String>,
        first: Date,
        nights: u32,
    ) -> Result<Vec<RoomTypeCalendar>, Error> {
        let details = self.details(&hotel)?;
        let last = first + i32::try_from(nights).unwrap();
        let calendar = details.room_types.iter().map(|room_type| RoomTypeCalendar {
            room_type: room_type.code.clone(),
            nights: (first..last)
                .map(|night| CalendarNight {
                    night,
                    left: self.left(&hotel, room_type, night),
                    price: details
                        .rate_plans
                        .iter()
                        .filter_map(|plan| self.night(plan, &room_type.code, night))
                        .min(),
                })
                .collect(),
        });
        Ok(calendar.collect())
    }

    async fn quote(&self, hotel: String, stay: Stay) -> Result<PricedStay, Error> {
        self.failing("quote")?;
        self.price(self.details(&hotel)?, &stay)
    }

    async fn create_reservation(
        &self,
        _: Caller,
        hotel: String,
        request: Request,
        idempotency: Idempotency,
        _client: String,
    ) -> Result<Decided, Error> {
        self.failing("create")?;
        let details = self.details(&hotel)?;
        self.decide(&idempotency, || {
            self.failing("create-decided")?;
            let r = self.held(details, &request)?;
            self.effect("hold", &r);
            Ok(r)
        })
    }

    async fn record_answer(
        &self,
        _: Caller,
        _: String,
        idempotency: Idempotency,
        answer: Answer,
    ) -> Result<Answer, Error> {
        self.failing("record")?;
        let key = format!("{}\n{}", idempotency.scope, idempotency.key);
        let mut decisions = self.decisions.borrow_mut();
        let (_, decided) = decisions.get_mut(&key).ok_or(Error::Internal)?;
        Ok(decided.answer.get_or_insert(answer).clone())
    }

    async fn get_reservation(
        &self,
        caller: Caller,
        hotel: String,
        name: String,
    ) -> Result<Reservation, Error> {
        self.failing("get")?;
        self.find(&caller, &hotel, &name)
    }

    async fn act(
        &self,
        caller: Caller,
        hotel: String,
        name: String,
        action: Action,
        version: Option<u64>,
        idempotency: Option<Idempotency>,
        _client: String,
    ) -> Result<Decided, Error> {
        self.failing("act")?;
        let r = self.find(&caller, &hotel, &name)?;
        let details = self.details(&hotel)?;
        self.decide(&idempotency.ok_or(Error::Internal)?, || {
            if version.is_some_and(|version| version != r.version) {
                return Err(Error::Conflict((Conflict::Version, String::new())));
            }
            let r = self.acted(details, r, &action)?;
            self.effect("act", &r);
            Ok(r)
        })
    }

    async fn list_reservations(
        &self,
        _: Caller,
        hotel: String,
        filter: Filter,
        _: Option<String>,
        _: u32,
    ) -> Result<ReservationPage, Error> {
        let reservations = self.reservations.borrow();
        let found = reservations.values().filter(|r| r.hotel == hotel);
        let found = found.filter(|r| match &filter {
            Filter::Arriving(day) => r.stay.arrival == *day,
            Filter::Departing(day) => r.stay.departure == *day,
            Filter::Staying(day) => (r.stay.arrival..r.stay.departure).contains(day),
            Filter::Matching(text) => {
                let name = r.guest.name.to_lowercase();
                name.starts_with(&text.to_lowercase()) || r.code.starts_with(text.as_str())
            }
            Filter::Recent => true,
        });
        Ok(ReservationPage {
            reservations: found.cloned().collect(),
            next: None,
        })
    }

    async fn wait(
        &self,
        hotel: String,
        request: Request,
        idempotency: Idempotency,
        _client: String,
    ) -> Result<Waiting, Error> {
        if self.price(self.details(&hotel)?, &request.stay)?.available {
            return Err(Error::Conflict((Conflict::Available, String::new())));
        }
        let line = format!("wait {}", request.guest.name);
        let mut effects = self.effects.borrow_mut();
        if !effects.contains(&line) {
            effects.push(line);
        }
        Ok(Waiting {
            id: idempotency.key,
            stay: request.stay,
            guest: request.guest,
            created_us: NOW_US,
            told_us: None,
        })
    }

    async fn waiting_list(
        &self,
        _: Caller,
        _: String,
        _: Option<String>,
        _: u32,
    ) -> Result<Vec<Waiting>, Error> {
        Ok(Vec::new())
    }

    async fn pay(
        &self,
        caller: Caller,
        hotel: String,
        name: String,
        method: String,
        idempotency: Idempotency,
        _client: String,
    ) -> Result<Decided, Error> {
        self.failing("pay")?;
        let r = self.find(&caller, &hotel, &name)?;
        self.decide(&idempotency, || {
            self.failing("pay-decided")?;
            let r = self.paid(r, &method);
            self.effect("pay", &r);
            Ok(r)
        })
    }

    async fn occupancy(
        &self,
        _: Caller,
        hotel: String,
        first: Date,
        days: u32,
    ) -> Result<Vec<Day>, Error> {
        let details = self.details(&hotel)?;
        let reservations = self.reservations.borrow();
        let of = |keep: &dyn Fn(&Stay) -> bool| {
            reservations
                .values()
                .filter(|r| r.hotel == hotel && is_live(r) && keep(&r.stay))
                .map(|r| u32::try_from(r.stay.rooms.len()).unwrap())
                .sum::<u32>()
        };
        let last = first + i32::try_from(days).unwrap();
        let report = (first..last).map(|day| {
            let rooms = details
                .room_types
                .iter()
                .map(|room_type| room_type.rooms)
                .sum();
            let left: u32 = details
                .room_types
                .iter()
                .map(|room_type| self.left(&hotel, room_type, day))
                .sum();
            Day {
                day,
                rooms,
                reserved: rooms - left,
                arrivals: of(&|stay| stay.arrival == day),
                departures: of(&|stay| stay.departure == day),
                revenue: i64::from(rooms - left) * 14_350,
            }
        });
        Ok(report.collect())
    }

    // What the pages never ask for.

    async fn notify_payment(&self, _: Vec<u8>, _: String) -> Result<(), Error> {
        Err(Error::Internal)
    }
    async fn put_hotel(&self, _: Caller, _: Hotel) -> Result<(), Error> {
        Err(Error::Internal)
    }
    async fn put_room_type(&self, _: Caller, _: String, _: RoomType) -> Result<(), Error> {
        Err(Error::Internal)
    }
    async fn put_rate_plan(&self, _: Caller, _: String, _: RatePlan) -> Result<(), Error> {
        Err(Error::Internal)
    }
    async fn set_rates(&self, _: Caller, _: String, _: Vec<Rate>) -> Result<(), Error> {
        Err(Error::Internal)
    }
    async fn set_allotments(&self, _: Caller, _: String, _: Vec<Allotment>) -> Result<(), Error> {
        Err(Error::Internal)
    }
    async fn set_staff(&self, _: Caller, _: String, _: Vec<String>) -> Result<(), Error> {
        Err(Error::Internal)
    }
    async fn get_staff(&self, _: Caller, _: String) -> Result<Vec<String>, Error> {
        Err(Error::Internal)
    }
    async fn create_webhook(&self, _: Caller, _: String, _: String) -> Result<Webhook, Error> {
        Err(Error::Internal)
    }
    async fn list_webhooks(&self, _: Caller, _: String) -> Result<Vec<Webhook>, Error> {
        Err(Error::Internal)
    }
    async fn delete_webhook(&self, _: Caller, _: String, _: String) -> Result<(), Error> {
        Err(Error::Internal)
    }
    async fn audit(
        &self,
        _: Caller,
        _: String,
        _: Option<String>,
        _: u64,
        _: u32,
    ) -> Result<Vec<AuditEntry>, Error> {
        Err(Error::Internal)
    }
    async fn read_changes(&self, _: Caller, _: String, _: u32) -> Result<Page, Error> {
        Err(Error::Internal)
    }
}
