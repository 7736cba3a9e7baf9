//! Searching all open hotels: words, distance, guests, price; sorted, a page at a time.
//!
//! Hotels and nights come from memory ([`crate::cache`]); what is not there, or is too old, is loaded first.

use std::cmp::Ordering;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::cache::{Cache, Entry, Known, Windows};
use crate::error::{Error, Reason};
use crate::rules::{check, limits, price};
use crate::types::{
    Date, HotelCode, Money, Offer, Offers, Order, Position, Query, TimeUs, US_PER_S,
};

/// Most offers of a page.
pub const OFFERS_MAX: u32 = 100;
/// Longest text of a search, bytes.
const TEXT_MAX_BYTES: usize = 200;
/// Most guests of a search.
const GUESTS_MAX: u32 = 200;
/// Longest cursor, bytes: a name and a code in base 64.
const CURSOR_MAX_BYTES: usize = 1_000;
/// The Earth's mean radius (IUGG), metres.
const EARTH_RADIUS_M: f64 = 6_371_008.8;
/// The day that it is somewhere on Earth, at the latest and at the earliest: zones are from 12 h behind UTC to 14 h
/// ahead of it.
const ZONES_BEHIND_US: TimeUs = 12 * 3_600 * US_PER_S;
const ZONES_AHEAD_US: TimeUs = 14 * 3_600 * US_PER_S;
/// Hotels loaded at once.
const LOADS_AT_ONCE: usize = 32;

/// The fullest room that a search needs, and what all of them pay local tax for.
struct Party {
    rooms: u32,
    adults: u32,
    room_adults: u32,
    room_children: u32,
    room_guests: u32,
}

/// A search that was checked.
struct Search<'q> {
    query: &'q Query,
    words: Vec<String>,
    party: Party,
    after: Option<Key>,
    /// Whether the arrival is not past anywhere: hotels need not be asked which day it is.
    certain: bool,
    now_us: TimeUs,
}

/// Where something found stands in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    number: i64,
    name: Arc<str>,
    code: HotelCode,
}

/// A key as a cursor has it, in JSON: number, name, code.
#[derive(Serialize, Deserialize)]
struct Cursor(i64, String, HotelCode);

impl Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let own = (self.number, &self.name, &self.code);
        own.cmp(&(other.number, &other.name, &other.code))
    }
}

struct Candidate {
    entry: Arc<Entry>,
    known: Arc<Known>,
    distance_m: Option<u32>,
}

struct Found {
    key: Key,
    known: Arc<Known>,
    distance_m: Option<u32>,
    best: Best,
}

/// The cheapest rooms of a hotel that fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Best {
    kind: usize,
    plan: usize,
    total: Money,
    left: u32,
}

/// Finds hotels.
///
/// # Errors
/// [`Error::Invalid`], or what the store says where it is asked.
pub(crate) async fn search(cache: &Cache, query: &Query, now_us: TimeUs) -> Result<Offers, Error> {
    let search = Search::new(query, now_us)?;
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for entry in cache.all().iter() {
        let Some(candidate) = search.candidate(entry) else {
            continue;
        };
        match cache.fresh(entry, query.arrival, query.departure) {
            Some((known, windows)) => found.extend(search.found(&candidate, known, &windows)),
            None => missing.push(candidate),
        }
    }
    let loads = missing.iter().map(|candidate| async {
        let nights = cache.nights_of(&candidate.entry, query.arrival, query.departure);
        let (known, windows) = nights.await?;
        Ok::<_, Error>(search.found(candidate, known, &windows))
    });
    let loads: Vec<_> = loads.collect();
    let loaded: Vec<_> = stream::iter(loads)
        .buffer_unordered(LOADS_AT_ONCE)
        .try_collect()
        .await?;
    found.extend(loaded.into_iter().flatten());
    Ok(search.page(found))
}

impl<'q> Search<'q> {
    fn new(query: &'q Query, now_us: TimeUs) -> Result<Self, Error> {
        let utc = crate::types::Zone::utc();
        let earliest = Date::at(now_us.saturating_sub(ZONES_BEHIND_US), &utc);
        let latest = Date::at(now_us.saturating_add(ZONES_AHEAD_US), &utc);
        limits::check_dates_of("", query.arrival, query.departure, earliest)?;
        if query.text.len() > TEXT_MAX_BYTES {
            let detail = format!("At most {TEXT_MAX_BYTES} bytes.");
            return Err(Error::invalid("text", Reason::TooLarge, detail));
        }
        match query.near {
            Some((position, _)) => check::position("near", position)?,
            None if query.order == Order::Distance => {
                let detail = "By distance needs a point.";
                return Err(Error::invalid("near", Reason::Malformed, detail));
            }
            None => {}
        }
        if let Some(currency) = &query.currency {
            check::currency("currency", currency)?;
        }
        if query.max == 0 || query.max > OFFERS_MAX {
            let detail = format!("From 1 to {OFFERS_MAX}.");
            return Err(Error::invalid("max", Reason::TooLarge, detail));
        }
        Ok(Self {
            words: query
                .text
                .to_lowercase()
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            party: Party::new(query)?,
            after: query.after.as_deref().map(read_cursor).transpose()?,
            certain: query.arrival >= latest,
            query,
            now_us,
        })
    }

    /// Whether a hotel is looked at, before its nights are.
    fn candidate(&self, entry: &Arc<Entry>) -> Option<Candidate> {
        let known = entry.known();
        let hotel = &known.catalogue.hotel;
        let wanted = hotel.open
            && self
                .query
                .currency
                .as_ref()
                .is_none_or(|currency| *currency == hotel.currency)
            && self
                .words
                .iter()
                .all(|word| known.words.contains(word.as_str()))
            && (self.certain || self.query.arrival >= known.today(self.now_us));
        if !wanted {
            return None;
        }
        let distance_m = match self.query.near {
            None => None,
            Some((centre, radius_m)) => {
                let distance_m = distance_m(centre, known.position()?);
                if distance_m > f64::from(radius_m) {
                    return None;
                }
                // Below half the Earth's circumference: the cast keeps it.
                Some(distance_m.round() as u32)
            }
        };
        Some(Candidate {
            entry: Arc::clone(entry),
            known,
            distance_m,
        })
    }

    fn found(&self, candidate: &Candidate, known: Arc<Known>, windows: &Windows) -> Option<Found> {
        let best = self.best(&known, windows)?;
        let (number, name) = match self.query.order {
            Order::Distance => (i64::from(candidate.distance_m.unwrap_or(u32::MAX)), None),
            Order::Price => (best.total, None),
            Order::Stars => (-i64::from(known.catalogue.hotel.stars_tenths), None),
            Order::Name => (0, Some(Arc::clone(&known.name))),
        };
        let key = Key {
            number,
            name: name.unwrap_or_default(),
            code: candidate.known.catalogue.hotel.code.clone(),
        };
        let before = self
            .after
            .as_ref()
            .is_some_and(|after| key.cmp(after).is_le());
        (!before).then(|| Found {
            key,
            distance_m: candidate.distance_m,
            best,
            known,
        })
    }

    fn best(&self, known: &Known, windows: &Windows) -> Option<Best> {
        let catalogue = &known.catalogue;
        let query = self.query;
        let (first, rest) = windows.0.split_first()?;
        let mut best: Option<Best> = None;
        for (kind, plan, sum) in first.sums(query.arrival, query.departure) {
            let room_type = catalogue.room_types.get(kind)?;
            let rate_plan = catalogue.rate_plans.get(plan)?;
            let nights = u32::try_from(query.departure.since(query.arrival)).unwrap_or(0);
            let fits = self.party.fits(room_type)
                && (rate_plan.min_nights..=rate_plan.max_nights).contains(&nights);
            let Some(mut sum) = sum.filter(|_| fits) else {
                continue;
            };
            let mut sold = true;
            for window in rest {
                let mut others = window.sums(window.first(), query.departure);
                let other = others.find(|(k, p, _)| (*k, *p) == (kind, plan));
                match other.and_then(|(_, _, sum)| sum) {
                    Some(more) => sum = sum.saturating_add(more),
                    None => sold = false,
                }
            }
            let total = self.total(known, sum, nights);
            let asked = query.min_total.is_none_or(|min| total >= min)
                && query.max_total.is_none_or(|max| total <= max);
            let cheaper = best.is_none_or(|best| total < best.total);
            if !sold || !asked || !cheaper {
                continue;
            }
            let left = self.left(kind, windows);
            if left >= self.party.rooms {
                best = Some(Best {
                    kind,
                    plan,
                    total,
                    left,
                });
            }
        }
        best
    }

    /// As [`price::price_stay`] adds it up: taxes are rounded for each room.
    fn total(&self, known: &Known, sum: Money, nights: u32) -> Money {
        let hotel = &known.catalogue.hotel;
        let room = sum.saturating_add(price::tax(sum, hotel.tax_basis_points));
        let adult_nights = Money::from(self.party.adults).saturating_mul(Money::from(nights));
        room.saturating_mul(Money::from(self.party.rooms))
            .saturating_add(hotel.city_tax.saturating_mul(adult_nights))
    }

    fn left(&self, kind: usize, windows: &Windows) -> u32 {
        let nights = self.query.arrival.until(self.query.departure);
        let left = nights.map(|night| {
            windows
                .of(night)
                .map_or(0, |window| window.left(kind, night))
        });
        left.min().unwrap_or(0)
    }

    fn page(&self, mut found: Vec<Found>) -> Offers {
        let max = self.query.max as usize;
        let more = found.len() > max;
        if more {
            // Only the page is sorted.
            found.select_nth_unstable_by(max, |a, b| a.key.cmp(&b.key));
            found.truncate(max);
        }
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let last = found.last().filter(|_| more);
        Offers {
            next: last.map(|last| cursor(&last.key)),
            offers: found.iter().filter_map(offer).collect(),
        }
    }
}

impl Party {
    fn new(query: &Query) -> Result<Self, Error> {
        let rooms = query.rooms;
        if rooms == 0 || rooms as usize > limits::STAY_ROOMS_MAX {
            let detail = format!("From 1 to {} rooms.", limits::STAY_ROOMS_MAX);
            return Err(Error::invalid("rooms", Reason::Rooms, detail));
        }
        let guests = query.adults.saturating_add(query.children);
        if guests < rooms {
            let detail = "Each room needs a guest.";
            return Err(Error::invalid("adults", Reason::NoGuests, detail));
        }
        if guests > GUESTS_MAX {
            let detail = format!("At most {GUESTS_MAX} guests.");
            return Err(Error::invalid("adults", Reason::TooManyGuests, detail));
        }
        Ok(Self {
            rooms,
            adults: query.adults,
            room_adults: query.adults.div_ceil(rooms),
            room_children: query.children.div_ceil(rooms),
            // The rooms with one adult more are not those with one child more, as far as that goes.
            room_guests: guests.div_ceil(rooms),
        })
    }

    fn fits(&self, kind: &crate::types::RoomType) -> bool {
        self.room_adults <= kind.max_adults
            && self.room_children <= kind.max_children
            && self.room_guests <= kind.max_guests
    }
}

fn offer(found: &Found) -> Option<Offer> {
    let catalogue = &found.known.catalogue;
    let kind = catalogue.room_types.get(found.best.kind)?;
    let plan = catalogue.rate_plans.get(found.best.plan)?;
    Some(Offer {
        hotel: Arc::clone(&catalogue.hotel),
        currency_digits: found.known.currency_digits,
        distance_m: found.distance_m,
        room_type: kind.code.clone(),
        room_type_name: kind.name.clone(),
        rate_plan: plan.code.clone(),
        rate_plan_name: plan.name.clone(),
        total: found.best.total,
        left: found.best.left,
    })
}

/// The distance of two points on the Earth as a sphere (haversine formula), metres. At most 0.6% off.
fn distance_m(a: Position, b: Position) -> f64 {
    let (lat_a, lat_b) = (a.latitude.to_radians(), b.latitude.to_radians());
    let half_lat = ((lat_b - lat_a) / 2.0).sin();
    let half_lon = ((b.longitude - a.longitude).to_radians() / 2.0).sin();
    let h = half_lat * half_lat + lat_a.cos() * lat_b.cos() * half_lon * half_lon;
    2.0 * EARTH_RADIUS_M * h.min(1.0).sqrt().asin()
}

fn cursor(key: &Key) -> String {
    let cursor = Cursor(key.number, key.name.as_ref().to_owned(), key.code.clone());
    // It holds a number and two texts: it is always written.
    let json = serde_json::to_vec(&cursor).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(json)
}

fn read_cursor(text: &str) -> Result<Key, Error> {
    let json = (text.len() <= CURSOR_MAX_BYTES).then(|| URL_SAFE_NO_PAD.decode(text).ok());
    let cursor = json
        .flatten()
        .and_then(|json| serde_json::from_slice(&json).ok());
    let key = cursor.map(|Cursor(number, name, code)| Key {
        number,
        name: name.into(),
        code,
    });
    key.ok_or_else(|| {
        let detail = "It is not the place that a page gave.";
        Error::invalid("after", Reason::Malformed, detail)
    })
}
