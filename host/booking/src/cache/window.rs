//! Nights in compact arrays: what is left and what it costs, of one hotel, for 32 nights at a time.

use std::sync::Arc;
use std::time::Instant;

use super::Known;
use crate::rules::price::{NightPrices, Prices};
use crate::store::Nights;
use crate::types::{Catalogue, Date, Money, RatePlan, RatePlanCode, RoomTypeCode, sellable};

/// Nights of a window. A stay of a few nights has them in one or two.
pub(crate) const WINDOW_NIGHTS: u32 = 32;
const WIDTH: usize = WINDOW_NIGHTS as usize;

/// Stands for a night that is not sold: prices are not negative.
const NOT_SOLD: Money = -1;

/// What a window takes beside its arrays, bytes, about.
const WINDOW_OVERHEAD_BYTES: usize = 200;

/// Which window a night is in: windows begin at multiples of 32 days since 1970.
pub(crate) fn window_of(night: Date) -> i32 {
    night.days().div_euclid(WINDOW_NIGHTS as i32)
}

/// The windows that have the nights from `first` to before `end`.
pub(crate) fn windows_of(first: Date, end: Date) -> std::ops::RangeInclusive<i32> {
    window_of(first)..=window_of(end.plus(-1).max(first))
}

/// The first night of a window.
pub(crate) fn first_night(window: i32) -> Date {
    Date::EPOCH.plus(window.saturating_mul(WINDOW_NIGHTS as i32))
}

/// Prices of one room type under one rate plan.
#[derive(Debug)]
struct Rates {
    kind: usize,
    plan: usize,
    nights: [Money; WIDTH],
}

/// Nights of a hotel. Nights before the day on which it was loaded are as sold out: nobody books them.
#[derive(Debug)]
pub(crate) struct Window {
    /// The hotel as it was priced with.
    pub(crate) known: Arc<Known>,
    /// What had been told of the hotel when the load began.
    pub(super) generation: u64,
    pub(super) loaded: Instant,
    first: Date,
    left: Box<[[u32; WIDTH]]>,
    rates: Box<[Rates]>,
}

impl Window {
    /// The nights of a window, of the same version of the catalogue as `known`.
    pub(super) fn new(
        known: Arc<Known>,
        window: i32,
        nights: &Nights,
        today: Date,
        generation: u64,
        loaded: Instant,
    ) -> Self {
        let first = first_night(window);
        let catalogue = &known.catalogue;
        let left = left(catalogue, nights, first, today);
        let rates = rates(catalogue, nights, first, today);
        Self {
            generation,
            loaded,
            first,
            left,
            rates,
            known,
        }
    }

    pub(super) fn size_bytes(&self) -> usize {
        WINDOW_OVERHEAD_BYTES
            + size_of_val::<[[u32; WIDTH]]>(&self.left)
            + size_of_val::<[Rates]>(&self.rates)
    }

    /// The first night.
    pub(crate) fn first(&self) -> Date {
        self.first
    }

    /// Rooms left of a type (by its place in the catalogue) on a night.
    pub(crate) fn left(&self, kind: usize, night: Date) -> u32 {
        let left = self
            .left
            .get(kind)
            .and_then(|row| row.get(self.place(night)?));
        left.copied().unwrap_or(0)
    }

    /// Room types and rate plans that are sold together, by their places in the catalogue, with what the nights from
    /// `from` to before `until` that are in this window cost; `None` where one is not sold.
    pub(crate) fn sums(
        &self,
        from: Date,
        until: Date,
    ) -> impl Iterator<Item = (usize, usize, Option<Money>)> {
        let start = usize::try_from(from.since(self.first)).unwrap_or(0);
        let end = usize::try_from(until.since(self.first))
            .unwrap_or(0)
            .min(WIDTH);
        self.rates.iter().map(move |rates| {
            let nights = rates.nights.get(start..end).unwrap_or(&[]);
            let sold = !nights.contains(&NOT_SOLD);
            let sum = sold.then(|| nights.iter().copied().fold(0, Money::saturating_add));
            (rates.kind, rates.plan, sum)
        })
    }

    /// The lowest price of a night of a room type.
    pub(crate) fn lowest(&self, kind: usize, night: Date) -> Option<Money> {
        let place = self.place(night)?;
        let rates = self.rates.iter().filter(|rates| rates.kind == kind);
        let prices = rates.filter_map(|rates| rates.nights.get(place).copied());
        prices.filter(|&price| price != NOT_SOLD).min()
    }

    fn price(&self, plan: &RatePlanCode, kind: &RoomTypeCode, night: Date) -> Option<Money> {
        let catalogue = &self.known.catalogue;
        let place = self.place(night)?;
        let mut rates = self.rates.iter();
        let rates = rates.find(|rates| {
            catalogue
                .room_types
                .get(rates.kind)
                .is_some_and(|own| own.code == *kind)
                && catalogue
                    .rate_plans
                    .get(rates.plan)
                    .is_some_and(|own| own.code == *plan)
        })?;
        rates
            .nights
            .get(place)
            .copied()
            .filter(|&price| price != NOT_SOLD)
    }

    fn place(&self, night: Date) -> Option<usize> {
        usize::try_from(night.since(self.first))
            .ok()
            .filter(|&place| place < WIDTH)
    }
}

/// Windows of one hotel, in their order, of one version of its catalogue.
#[derive(Debug)]
pub(crate) struct Windows(pub(crate) Vec<Arc<Window>>);

impl Windows {
    /// The window of a night.
    pub(crate) fn of(&self, night: Date) -> Option<&Window> {
        let first = window_of(self.0.first()?.first);
        let place = usize::try_from(window_of(night) - first).ok()?;
        self.0.get(place).map(Arc::as_ref)
    }
}

impl NightPrices for Windows {
    fn night(&self, plan: &RatePlan, kind: &RoomTypeCode, night: Date) -> Option<Money> {
        self.of(night)?.price(&plan.code, kind, night)
    }
}

fn left(catalogue: &Catalogue, nights: &Nights, first: Date, today: Date) -> Box<[[u32; WIDTH]]> {
    let hotel = &catalogue.hotel;
    let kinds = catalogue.room_types.iter();
    let mut left: Box<[[u32; WIDTH]]> = kinds
        .map(|kind| [sellable(kind.rooms, hotel.overbooking_percent); WIDTH])
        .collect();
    for row in &nights.rows {
        let kinds = &catalogue.room_types;
        let kind = kinds.binary_search_by(|kind| kind.code.cmp(&row.room_type));
        let place = usize::try_from(row.night.since(first));
        let (Ok(kind), Ok(place)) = (kind, place) else {
            continue;
        };
        if let Some(cell) = left.get_mut(kind).and_then(|nights| nights.get_mut(place)) {
            *cell = row.sellable.saturating_sub(row.reserved);
        }
    }
    let past = usize::try_from(today.since(first)).unwrap_or(0).min(WIDTH);
    for nights in &mut left {
        nights.iter_mut().take(past).for_each(|left| *left = 0);
    }
    left
}

fn rates(catalogue: &Catalogue, nights: &Nights, first: Date, today: Date) -> Box<[Rates]> {
    let prices = Prices::of(nights);
    let mut all = Vec::new();
    for (plan_place, plan) in catalogue.rate_plans.iter().enumerate() {
        if !plan.open {
            continue;
        }
        for (kind_place, kind) in catalogue.room_types.iter().enumerate() {
            let night = |place: usize| {
                let night = first.plus(i32::try_from(place).unwrap_or(0));
                let sold = (night >= today).then(|| prices.night(plan, &kind.code, night));
                sold.flatten().unwrap_or(NOT_SOLD)
            };
            let rates = Rates {
                kind: kind_place,
                plan: plan_place,
                nights: std::array::from_fn(night),
            };
            // Most plans do not sell most room types.
            if rates.nights.iter().any(|&price| price != NOT_SOLD) {
                all.push(rates);
            }
        }
    }
    all.into()
}
