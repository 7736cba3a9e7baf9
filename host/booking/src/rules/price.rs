//! What a stay costs, and which rooms it takes.

use std::collections::{BTreeMap, HashMap};

use crate::error::{Error, Reason};
use crate::rules::limits;
use crate::store::Nights;
use crate::types::{
    Catalogue, Date, Delta, Money, Penalty, Price, PricedRoom, RatePlan, RatePlanCode, Room,
    RoomTypeCode, Stay, US_PER_S,
};

/// Basis points in one.
const BASIS_POINTS: i128 = 10_000;

/// The highest price of a night, minor units: far above any, and far below where sums would overflow.
pub const PRICE_MAX: Money = 1_000_000_000_000;

/// Prices of nights.
pub trait NightPrices {
    /// The price of a night; `None`: not sold.
    fn night(&self, plan: &RatePlan, kind: &RoomTypeCode, night: Date) -> Option<Money>;
}

/// Prices of dates as the store gives them, made fit for looking up.
#[derive(Debug, Default)]
pub struct Prices<'n> {
    set: HashMap<(&'n RatePlanCode, &'n RoomTypeCode, Date), Option<Money>>,
}

impl<'n> Prices<'n> {
    /// The prices of some nights.
    #[must_use]
    pub fn of(nights: &'n Nights) -> Self {
        let set = nights.prices.iter();
        let set = set.map(|(plan, kind, night, price)| ((plan, kind, *night), *price));
        Self { set: set.collect() }
    }
}

impl NightPrices for Prices<'_> {
    fn night(&self, plan: &RatePlan, kind: &RoomTypeCode, night: Date) -> Option<Money> {
        match self.set.get(&(&plan.code, kind, night)) {
            Some(price) => *price,
            None => plan.base_price(kind),
        }
    }
}

/// Prices for a guest who is in the house: the nights before today are as they were agreed.
#[derive(Debug)]
pub struct Agreed<'a, P> {
    /// What was agreed.
    pub stay: &'a Stay,
    /// At which price.
    pub price: &'a Price,
    /// Today.
    pub today: Date,
    /// Today's prices.
    pub prices: &'a P,
}

impl<P: NightPrices> NightPrices for Agreed<'_, P> {
    fn night(&self, plan: &RatePlan, kind: &RoomTypeCode, night: Date) -> Option<Money> {
        let agreed = || {
            let mut rooms = self.price.rooms.iter();
            let room = rooms.find(|priced| {
                priced.room.room_type == *kind && priced.room.rate_plan == plan.code
            })?;
            let index = usize::try_from(night.since(self.stay.arrival)).ok()?;
            room.nights.get(index).copied()
        };
        match night < self.today {
            true => agreed().or_else(|| self.prices.night(plan, kind, night)),
            false => self.prices.night(plan, kind, night),
        }
    }
}

/// Prices a stay after checking it; it may arrive from `today` on. `prices` has all its nights.
///
/// # Errors
/// [`Error::Invalid`] where the stay cannot be or is not sold.
pub fn price_stay(
    catalogue: &Catalogue,
    prices: &impl NightPrices,
    stay: &Stay,
    today: Date,
) -> Result<Price, Error> {
    limits::check_stay(catalogue, stay, today)?;
    price_checked(catalogue, prices, stay)
}

/// Prices a stay that was checked.
///
/// # Errors
/// [`Error::Invalid`] where a night is not sold.
pub fn price_checked(
    catalogue: &Catalogue,
    prices: &impl NightPrices,
    stay: &Stay,
) -> Result<Price, Error> {
    let rooms = stay.rooms.iter().enumerate();
    let rooms: Vec<PricedRoom> = rooms
        .map(|(index, room)| price_room(catalogue, prices, stay, index, room))
        .collect::<Result<_, _>>()?;
    Ok(Price {
        currency: catalogue.hotel.currency.clone(),
        currency_digits: currency_digits(&catalogue.hotel.currency),
        total: rooms
            .iter()
            .map(PricedRoom::total)
            .fold(0, Money::saturating_add),
        rooms,
    })
}

fn price_room(
    catalogue: &Catalogue,
    prices: &impl NightPrices,
    stay: &Stay,
    index: usize,
    room: &Room,
) -> Result<PricedRoom, Error> {
    let not_offered = |field: &str, detail: String| {
        let field = format!("stay.rooms.{index}.{field}");
        Error::invalid(field, Reason::NotOffered, detail)
    };
    let kind = catalogue
        .room_type(&room.room_type)
        .ok_or_else(|| not_offered("room_type", "There is no such room type.".to_owned()))?;
    let plan = catalogue
        .rate_plan(&room.rate_plan)
        .ok_or_else(|| not_offered("rate_plan", "There is no such rate plan.".to_owned()))?;
    let nights: Vec<Money> = stay
        .arrival
        .until(stay.departure)
        .map(|night| {
            prices.night(plan, &kind.code, night).ok_or_else(|| {
                let detail = format!("This room is not sold at this rate on {night}.");
                not_offered("rate_plan", detail)
            })
        })
        .collect::<Result<_, _>>()?;
    let hotel = &catalogue.hotel;
    let sum = nights.iter().copied().fold(0, Money::saturating_add);
    let guest_nights = Money::from(room.adults).saturating_mul(Money::from(stay.nights()));
    let mut priced = PricedRoom {
        room: room.clone(),
        room_type_name: kind.name.clone(),
        rate_plan_name: plan.name.clone(),
        tax: tax(sum, hotel.tax_basis_points),
        city_tax: hotel.city_tax.saturating_mul(guest_nights),
        nights,
        free_until_us: plan.free_until_h.map(|hours| {
            let check_in_us = stay
                .arrival
                .time_us(hotel.check_in_from_min, &catalogue.zone);
            check_in_us.saturating_sub(u64::from(hours) * 3_600 * US_PER_S)
        }),
        penalty: 0,
    };
    priced.penalty = penalty(plan.penalty, &priced, hotel.tax_basis_points);
    Ok(priced)
}

/// Tax on a sum, rounded half away from zero, as tax offices do.
pub(crate) fn tax(sum: Money, basis_points: u32) -> Money {
    let exact = i128::from(sum) * i128::from(basis_points);
    let rounded = (exact + BASIS_POINTS / 2) / BASIS_POINTS;
    Money::try_from(rounded).unwrap_or(Money::MAX)
}

fn penalty(penalty: Penalty, room: &PricedRoom, tax_basis_points: u32) -> Money {
    match penalty {
        Penalty::FirstNight => {
            let first = room.nights.first().copied().unwrap_or(0);
            first.saturating_add(tax(first, tax_basis_points))
        }
        Penalty::Percent(percent) => {
            let exact = i128::from(room.total()) * i128::from(percent.min(100)) / 100;
            Money::try_from(exact).unwrap_or(Money::MAX)
        }
        Penalty::Everything => room.total(),
    }
}

/// Digits after the point of a currency; 2 where ISO 4217 says nothing of it.
#[must_use]
pub fn currency_digits(currency: &str) -> u32 {
    iso_currency::Currency::from_code(currency)
        .and_then(iso_currency::Currency::exponent)
        .map_or(2, u32::from)
}

/// The rooms that a stay takes, sorted.
#[must_use]
pub fn taken(stay: &Stay) -> Vec<Delta> {
    difference(
        &[],
        &stay.rooms,
        stay.arrival,
        stay.arrival,
        stay.arrival,
        stay.departure,
    )
}

/// What is to be taken and given back when rooms that are reserved for the nights from `from` to before `until` become
/// a stay; sorted, without what stays as it is.
#[must_use]
pub fn moved(rooms: &[Room], from: Date, until: Date, to: &Stay) -> Vec<Delta> {
    difference(rooms, &to.rooms, from, until, to.arrival, to.departure)
}

/// What is given back when rooms are reserved no more from `from` to before `until`; sorted.
#[must_use]
pub fn given_back(rooms: &[Room], from: Date, until: Date) -> Vec<Delta> {
    difference(rooms, &[], from, until, from, from)
}

fn difference(
    old: &[Room],
    new: &[Room],
    old_from: Date,
    old_until: Date,
    new_from: Date,
    new_until: Date,
) -> Vec<Delta> {
    let mut counts: BTreeMap<(&RoomTypeCode, Date), i32> = BTreeMap::new();
    for (rooms, from, until, sign) in [
        (old, old_from, old_until, -1),
        (new, new_from, new_until, 1),
    ] {
        for room in rooms {
            for night in from.until(until) {
                *counts.entry((&room.room_type, night)).or_default() += sign;
            }
        }
    }
    let changed = counts.into_iter().filter(|(_, rooms)| *rooms != 0);
    changed
        .map(|((room_type, night), rooms)| Delta {
            room_type: room_type.clone(),
            night,
            rooms,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::fixture::{base, catalogue, held, noon_us, rate_plan, room, stay, today};
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn a_stay_costs_its_nights_and_taxes() {
        let mut stay = stay("flex", 1, 1, 4);
        stay.rooms.push(room("suite", "half"));
        stay.rooms[1].children = 1;
        let nights = Nights {
            prices: vec![(
                "flex".parse().unwrap(),
                "double".parse().unwrap(),
                today().plus(2),
                Some(12_345),
            )],
            ..Nights::default()
        };
        let price = price_stay(&catalogue(), &Prices::of(&nights), &stay, today()).unwrap();
        assert_eq!(price.rooms[0].nights, [10_000, 12_345, 10_000]);
        // 6% of 323.45 is 19.407.
        assert_eq!(price.rooms[0].tax, 1_941);
        // Children pay no local tax.
        assert_eq!(
            price
                .rooms
                .iter()
                .map(|room| room.city_tax)
                .collect::<Vec<_>>(),
            [1_200, 1_200]
        );
        assert_eq!(price.rooms[1].nights, [25_000; 3]);
        assert_eq!(price.total, 32_345 + 1_941 + 1_200 + 75_000 + 4_500 + 1_200);
        assert_eq!((price.currency.as_str(), price.currency_digits), ("EUR", 2));
        assert_eq!(
            price.free_until_us(),
            None,
            "one room of two cannot be cancelled for nothing"
        );
        assert_eq!(price.penalty(), 10_600 + (75_000 + 4_500 + 1_200) / 2);
    }

    #[test]
    fn nights_that_are_not_sold_are_not_sold() {
        let mut nights = Nights::default();
        let (flex, double) = ("flex".parse().unwrap(), "double".parse().unwrap());
        nights.prices.push((flex, double, today().plus(2), None));
        let prices = Prices::of(&nights);
        let error = price_stay(&catalogue(), &prices, &stay("flex", 1, 1, 4), today()).unwrap_err();
        let Error::Invalid { field, reason, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(
            (field.as_str(), reason),
            ("stay.rooms.0.rate_plan", Reason::NotOffered)
        );
        assert!(price_stay(&catalogue(), &prices, &stay("flex", 1, 3, 4), today()).is_ok());
        // Not under this plan on any night.
        let mut suite = stay("fixed", 1, 1, 2);
        suite.rooms[0] = room("suite", "fixed");
        assert!(price_stay(&catalogue(), &prices, &suite, today()).is_err());
    }

    #[test]
    fn tax_rounds_half_away_from_zero() {
        for (sum, basis_points, expected) in [
            (0, 600, 0),
            (1, 5_000, 1),
            (1, 4_999, 0),
            (25, 600, 2),
            (24, 600, 1),
            (10_000, 0, 0),
        ] {
            assert_eq!(tax(sum, basis_points), expected, "{sum} {basis_points}");
        }
        assert_eq!(tax(PRICE_MAX * 180, 10_000), PRICE_MAX * 180);
    }

    #[test]
    fn who_is_in_the_house_keeps_what_was_agreed_for_the_nights_that_were() {
        let before = held(stay("flex", 1, -2, 2));
        let mut catalogue = catalogue();
        let dearer = [("double", 20_000)];
        catalogue.rate_plans = [rate_plan("flex", Some(24), Penalty::FirstNight, &dearer)].into();
        let nights = Nights::default();
        let agreed = Agreed {
            stay: &before.stay,
            price: &before.price,
            today: today(),
            prices: &base(&nights),
        };
        let longer = stay("flex", 1, -2, 3);
        let price = price_stay(&catalogue, &agreed, &longer, longer.arrival).unwrap();
        assert_eq!(
            price.rooms[0].nights,
            [10_000, 10_000, 20_000, 20_000, 20_000]
        );
    }

    #[test]
    fn yen_have_no_digits_and_dinars_three() {
        for (currency, digits) in [("EUR", 2), ("JPY", 0), ("KWD", 3), ("XXX", 2)] {
            assert_eq!(currency_digits(currency), digits, "{currency}");
        }
    }

    fn any_stay(rng: &mut StdRng) -> Stay {
        let from = rng.random_range(0..40);
        let mut stay = stay("flex", 1, from, from + rng.random_range(1..10));
        stay.rooms = (0..rng.random_range(1..6))
            .map(|_| {
                let kind = ["double", "suite"][rng.random_range(0..2)];
                let plan = ["flex", "half"][rng.random_range(0..2)];
                let mut room = room(kind, plan);
                room.adults = rng.random_range(1..3);
                room
            })
            .collect();
        stay
    }

    /// Whatever is booked: the parts make the total, no penalty is above it or below nothing, and what is taken is
    /// what is given back.
    #[test]
    fn prices_and_rooms_add_up() {
        let seed =
            std::env::var("SEED").map_or_else(|_| rand::random(), |text| text.parse().unwrap());
        println!("SEED={seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        for _ in 0..500 {
            let mut catalogue = catalogue();
            let mut hotel = catalogue.hotel.as_ref().clone();
            hotel.tax_basis_points = rng.random_range(0..=10_000);
            hotel.city_tax = rng.random_range(0..1_000);
            catalogue.hotel = hotel.into();
            let (stay, other) = (any_stay(&mut rng), any_stay(&mut rng));
            let nights = Nights::default();
            let price = price_stay(&catalogue, &base(&nights), &stay, today()).unwrap();
            assert_eq!(
                price.total,
                price.rooms.iter().map(PricedRoom::total).sum::<Money>()
            );
            for room in &price.rooms {
                assert!((0..=room.total()).contains(&room.penalty), "{room:?}");
                let exact = room.nights.iter().sum::<Money>() as f64
                    * f64::from(catalogue.hotel.tax_basis_points)
                    / 10_000.0;
                assert!((room.tax as f64 - exact).abs() <= 0.5, "{room:?}");
            }
            assert!((0..=price.penalty()).contains(&price.cancellation_fee(noon_us())));

            let rooms = |deltas: &[Delta]| {
                deltas
                    .iter()
                    .map(|delta| i64::from(delta.rooms))
                    .sum::<i64>()
            };
            let (took, back) = (
                taken(&stay),
                given_back(&stay.rooms, stay.arrival, stay.departure),
            );
            assert!(took.is_sorted() && back.is_sorted());
            assert_eq!(
                rooms(&took),
                i64::from(stay.nights()) * stay.rooms.len() as i64
            );
            assert_eq!(took.len(), back.len());
            for (took, back) in took.iter().zip(&back) {
                assert_eq!(
                    (&took.room_type, took.night, took.rooms),
                    (&back.room_type, back.night, -back.rooms)
                );
            }
            let moved = moved(&stay.rooms, stay.arrival, stay.departure, &other);
            assert!(moved.is_sorted() && moved.iter().all(|delta| delta.rooms != 0));
            assert_eq!(rooms(&moved), rooms(&taken(&other)) - rooms(&took));
        }
    }
}
