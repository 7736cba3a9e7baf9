//! The bookings through the service, as guests and the front desk would make them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use concierge_booking::payment::sandbox::Sandbox;
use concierge_booking::store::Strategy;
use concierge_booking::store::sqlite::{SqliteOptions, SqliteStore};
use concierge_booking::types::{
    Action, Address, Caller, Date, Guest, Hotel, Idempotency, Meals, PaymentState, Penalty,
    RatePlan, Request, ReservationView, Room, RoomType, State, Stay,
};
use concierge_booking::{Booking, BookingOptions, CallRate, Error, Reason, Setup};
use concierge_identity::{AccountId, ManualClock, Principal, Role};
use indicatif::ProgressBar;

use crate::count::{Count, Event, Kind, happenings};
use crate::file::{self, Day};

const US_PER_DAY: u64 = 24 * 3_600 * 1_000_000;
/// The hour of the day at which everything happens: noon.
const NOON_US: u64 = US_PER_DAY / 2;
/// Days of one report.
const REPORT_DAYS: u32 = 366;
/// Guests that the largest booking of one room has.
const GUESTS: u32 = 60;

struct Driver {
    booking: Arc<Booking>,
    clock: Arc<ManualClock>,
    desk: Caller,
    /// The reservations of the lines that have one.
    made: HashMap<usize, ReservationView>,
}

/// Replays all; gives what happened.
pub async fn drive(
    bookings: &[file::Booking],
    rooms: &BTreeMap<Kind, u32>,
    progress: &ProgressBar,
) -> anyhow::Result<Count> {
    let directory = tempfile::tempdir()?;
    let clock = Arc::new(ManualClock::default());
    let no_limit = CallRate {
        per_s: u32::MAX,
        burst: u32::MAX,
    };
    let tables = SqliteOptions {
        directory: directory.path().to_owned(),
        shards: None,
        strategy: Strategy::Constraint,
        group_commit: true,
    };
    let setup = Setup {
        store: Arc::new(SqliteStore::open(tables).await?),
        provider: Sandbox::in_memory()?,
        webhooks: None,
        mails: None,
        clock: Arc::clone(&clock) as _,
        options: BookingOptions {
            searches: no_limit,
            writes: no_limit,
            ..BookingOptions::default()
        },
    };
    let desk = Principal::trusted(AccountId::generate(), "desk".into(), Role::Administrator);
    let mut driver = Driver {
        booking: Booking::start(setup).await?,
        clock,
        desk: Caller::Account(desk),
        made: HashMap::new(),
    };
    let all = happenings(bookings);
    let first = all.first().context("no bookings")?.day;
    driver.set_day(first);
    driver.open_hotels(rooms).await?;
    progress.set_length(all.len() as u64);
    let mut count = Count::default();
    for happening in &all {
        driver.set_day(happening.day);
        let line = &bookings[happening.line];
        match happening.event {
            Event::Book => driver.book(line, &mut count).await?,
            Event::Cancel => {
                driver
                    .act(line.line, Action::Cancel, State::Cancelled)
                    .await?
            }
            Event::NoShow => driver.act(line.line, Action::NoShow, State::NoShow).await?,
            Event::CheckIn => {
                driver
                    .act(line.line, Action::CheckIn, State::CheckedIn)
                    .await?
            }
            Event::CheckOut => {
                driver
                    .act(line.line, Action::CheckOut, State::CheckedOut)
                    .await?
            }
        }
        progress.inc(1);
    }
    let nights = bookings
        .iter()
        .map(|line| line.arrival..line.arrival + line.nights);
    let first = nights
        .clone()
        .map(|nights| nights.start)
        .min()
        .context("no nights")?;
    let last = nights.map(|nights| nights.end).max().context("no nights")?;
    count.reserved = driver.reserved(rooms, first, last).await?;
    driver.check_reports(rooms, &count, first, last).await?;
    driver.booking.close().await?;
    Ok(count)
}

impl Driver {
    fn set_day(&self, day: Day) {
        // 1970 is long before the data.
        self.clock
            .set_us(u64::from(day.unsigned_abs()) * US_PER_DAY + NOON_US);
    }

    async fn open_hotels(&self, rooms: &BTreeMap<Kind, u32>) -> anyhow::Result<()> {
        let hotels: BTreeSet<&str> = rooms.keys().map(|(hotel, _)| hotel.as_str()).collect();
        for hotel in hotels {
            let kinds = rooms.iter().filter(|((of, _), _)| of == hotel);
            let kinds: Vec<(&str, u32)> = kinds
                .map(|((_, kind), rooms)| (kind.as_str(), *rooms))
                .collect();
            self.booking.put_hotel(&self.desk, house(hotel)?).await?;
            for (kind, rooms) in &kinds {
                self.booking
                    .put_room_type(&self.desk, hotel, room_type(kind, *rooms)?)
                    .await?;
            }
            self.booking
                .put_rate_plan(&self.desk, hotel, rate_plan(&kinds)?)
                .await?;
        }
        Ok(())
    }

    /// Books and pays.
    async fn book(&mut self, line: &file::Booking, count: &mut Count) -> anyhow::Result<()> {
        let asked = self.booking.create(
            &Caller::Anyone,
            &line.hotel,
            request(line)?,
            key(line.line, "book"),
            "",
        );
        let made = match asked.await.and_then(|decided| decided.outcome) {
            Ok(made) => made,
            Err(Error::SoldOut { .. }) => {
                count.no_room.insert(line.line);
                return Ok(());
            }
            Err(Error::Invalid {
                reason: Reason::DatesOrder | Reason::NoGuests,
                ..
            }) => {
                count.impossible.insert(line.line);
                return Ok(());
            }
            Err(error) => bail!("line {}: {error:?}", line.line),
        };
        let guest = Caller::Guest(made.guest_token.clone());
        let id = made.id.to_string();
        let paid = self.booking.pay(
            &guest,
            &line.hotel,
            &id,
            "sandbox:approve",
            key(line.line, "pay"),
            "",
        );
        let paid = paid.await?.outcome?;
        ensure!(
            paid.state == State::Confirmed,
            "line {}: {paid:?}",
            line.line
        );
        let paid_for = matches!(
            paid.payment.state,
            PaymentState::Authorised | PaymentState::Captured
        );
        ensure!(paid_for, "line {}: {:?}", line.line, paid.payment);
        self.made.insert(line.line, made);
        Ok(())
    }

    async fn act(&self, line: usize, action: Action, becomes: State) -> anyhow::Result<()> {
        // Who found no room does not come.
        let Some(made) = self.made.get(&line) else {
            return Ok(());
        };
        let id = made.id.to_string();
        let acted = self
            .booking
            .act(&self.desk, made.hotel.as_str(), &id, action, None, None, "");
        let outcome = acted.await?.outcome;
        let state = outcome.map(|reservation| reservation.state);
        ensure!(state == Ok(becomes), "line {line}: {state:?}");
        Ok(())
    }

    /// The inventory: rooms reserved by kind and night.
    async fn reserved(
        &self,
        rooms: &BTreeMap<Kind, u32>,
        first: Day,
        last: Day,
    ) -> anyhow::Result<BTreeMap<(Kind, Day), u32>> {
        // Of nights that are past the calendar says nothing: they are looked at from the day before the first.
        self.set_day(first - 1);
        let mut reserved = BTreeMap::new();
        for (kind, there_are) in rooms {
            let mut day = first;
            while day < last {
                let nights = REPORT_DAYS.min((last - day).unsigned_abs());
                let calendar =
                    self.booking
                        .calendar(&kind.0, Some(&kind.1), Date::try_from(day)?, nights);
                for night in calendar.await?.iter().flat_map(|kind| &kind.nights) {
                    let taken = there_are - night.left;
                    if taken > 0 {
                        reserved.insert((kind.clone(), night.night.days()), taken);
                    }
                }
                day += i32::try_from(nights)?;
            }
        }
        Ok(reserved)
    }

    /// The occupancy report says the same of all kinds together.
    async fn check_reports(
        &self,
        rooms: &BTreeMap<Kind, u32>,
        count: &Count,
        first: Day,
        last: Day,
    ) -> anyhow::Result<()> {
        let hotels: BTreeSet<&str> = rooms.keys().map(|(hotel, _)| hotel.as_str()).collect();
        for hotel in hotels {
            let mut day = first;
            while day < last {
                let days = REPORT_DAYS.min((last - day).unsigned_abs());
                let report = self
                    .booking
                    .occupancy(&self.desk, hotel, Date::try_from(day)?, days);
                for day in report.await? {
                    let of_hotel = count.reserved.iter();
                    let of_hotel = of_hotel
                        .filter(|((kind, night), _)| kind.0 == hotel && *night == day.day.days());
                    let counted: u32 = of_hotel.map(|(_, rooms)| rooms).sum();
                    ensure!(
                        day.reserved == counted,
                        "{hotel}, {}: {} and {counted}",
                        day.day,
                        day.reserved
                    );
                }
                day += i32::try_from(days)?;
            }
        }
        Ok(())
    }
}

fn key(line: usize, what: &str) -> Idempotency {
    Idempotency {
        key: format!("{what}-{line}"),
        scope: String::new(),
        fingerprint: vec![0; 32],
    }
}

fn request(line: &file::Booking) -> anyhow::Result<Request> {
    Ok(Request {
        stay: Stay {
            arrival: Date::try_from(line.arrival)?,
            departure: Date::try_from(line.arrival + line.nights)?,
            rooms: vec![Room {
                room_type: line.room_type.parse()?,
                rate_plan: "flexible".parse()?,
                adults: line.adults,
                children: line.children,
            }],
        },
        guest: Guest {
            name: format!("Guest {}", line.line),
            email: format!("guest-{}@example.org", line.line),
            ..Guest::default()
        },
        agreed_total: None,
    })
}

fn house(code: &str) -> anyhow::Result<Hotel> {
    Ok(Hotel {
        code: code.parse()?,
        name: code.to_owned(),
        description: Vec::new(),
        address: Address {
            city: "Lisboa".into(),
            country: "PT".into(),
            ..Address::default()
        },
        position: None,
        email: "desk@example.org".into(),
        phone: String::new(),
        time_zone: "Europe/Lisbon".into(),
        currency: "EUR".into(),
        tax_basis_points: 600,
        city_tax: 200,
        overbooking_percent: 0,
        hold_s: 900,
        check_in_from_min: 15 * 60,
        check_out_until_min: 11 * 60,
        stars_tenths: 40,
        amenities: Vec::new(),
        photos: Vec::new(),
        open: true,
    })
}

fn room_type(code: &str, rooms: u32) -> anyhow::Result<RoomType> {
    Ok(RoomType {
        code: code.parse()?,
        name: format!("Room {code}"),
        description: Vec::new(),
        rooms,
        max_adults: GUESTS,
        max_children: GUESTS,
        max_guests: GUESTS,
        size_m2: 0,
        beds: String::new(),
        amenities: Vec::new(),
        photos: Vec::new(),
    })
}

fn rate_plan(kinds: &[(&str, u32)]) -> anyhow::Result<RatePlan> {
    let prices = kinds.iter().map(|(kind, _)| Ok((kind.parse()?, 9_000)));
    Ok(RatePlan {
        code: "flexible".parse()?,
        name: "Flexible".into(),
        description: Vec::new(),
        meals: Meals::Breakfast,
        free_until_h: Some(24),
        penalty: Penalty::FirstNight,
        min_nights: 1,
        max_nights: 60,
        prices: prices.collect::<anyhow::Result<_>>()?,
        open: true,
    })
}
