//! What a hotel's staff looks at, and what happened: the interfaces `reports` and `changes`.

use serde_json::Value;

use super::Booking;
use crate::authorize;
use crate::error::{Error, Reason};
use crate::store::{AuditEntry, AuditQuery, FeedPage};
use crate::types::{Caller, Date, Money, OccupancyDay, Reservation, State};

/// Most days of a report: a leap year.
const DAYS_MAX: u32 = 366;
/// Reservations read at once for a report.
const PAGE: usize = 500;
/// Most entries of a page of the audit log.
const AUDIT_MAX: u32 = 200;
/// Most changes of a page of the feed.
const CHANGES_MAX: u32 = 1_000;

impl Booking {
    /// Occupancy and revenue from `first` on, at most 366 days. Staff.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unauthorized`], [`Error::Forbidden`] or [`Error::Invalid`].
    pub async fn occupancy(
        &self,
        caller: &Caller,
        hotel: &str,
        first: Date,
        days: u32,
    ) -> Result<Vec<OccupancyDay>, Error> {
        authorize::account(caller)?;
        let (hotel, known) = self.known(hotel).await?;
        authorize::staff(caller, &known.catalogue)?;
        if days == 0 || days > DAYS_MAX {
            let detail = format!("From 1 to {DAYS_MAX} days.");
            return Err(Error::invalid("days", Reason::TooLarge, detail));
        }
        let end = first.plus(i32::try_from(days).unwrap_or(0));
        let kinds = known.catalogue.room_types.iter();
        let rooms = kinds.fold(0, |sum: u32, kind| sum.saturating_add(kind.rooms));
        let mut report = Report::new(first, end, rooms);
        let mut after = None;
        loop {
            let page = self.store.overlapping(&hotel, first, end, after, PAGE);
            let (reservations, next) = page.await?;
            reservations
                .iter()
                .for_each(|reservation| report.add(reservation));
            match next {
                Some(next) => after = Some(next),
                None => return Ok(report.days),
            }
        }
    }

    /// The audit log before a position (newest first; 0: from the newest), of one subject or all. Staff.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unauthorized`] or [`Error::Forbidden`].
    pub async fn audit(
        &self,
        caller: &Caller,
        hotel: &str,
        subject: Option<String>,
        before: u64,
        max: u32,
    ) -> Result<Vec<AuditEntry>, Error> {
        authorize::account(caller)?;
        let (hotel, known) = self.known(hotel).await?;
        authorize::staff(caller, &known.catalogue)?;
        let query = AuditQuery {
            subject,
            before,
            max: max.clamp(1, AUDIT_MAX) as usize,
        };
        let mut entries = self.store.audit(&hotel, query).await?;
        for entry in &mut entries {
            hide_methods(&mut entry.before);
            hide_methods(&mut entry.after);
        }
        Ok(entries)
    }

    /// What changed after a position (empty: from the oldest that is kept), at most `max` (up to 1,000), of the hotels
    /// that the caller works at. A page may be empty where others' hotels changed: its `next` goes on.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] without an account.
    pub async fn read_changes(
        &self,
        caller: &Caller,
        after: &str,
        max: u32,
    ) -> Result<FeedPage, Error> {
        let principal = authorize::account(caller)?;
        let max = max.clamp(1, CHANGES_MAX) as usize;
        let mut page = self.store.feed(after, max).await?;
        if principal.is_administrator() {
            return Ok(page);
        }
        let mut shown = Vec::new();
        for entry in page.entries {
            let known = self.cache.known(&entry.hotel).await?;
            if authorize::is_staff(caller, &known.catalogue) {
                shown.push(entry);
            }
        }
        page.entries = shown;
        Ok(page)
    }
}

/// Takes the tokens of payment methods out of a reservation's JSON: they are the provider's and the host's business.
fn hide_methods(json: &mut String) {
    if !json.contains("\"attempts\"") {
        return;
    }
    let Ok(mut value) = serde_json::from_str::<Value>(json) else {
        return;
    };
    let attempts = value.get_mut("attempts").and_then(Value::as_array_mut);
    for attempt in attempts.into_iter().flatten() {
        if let Some(attempt) = attempt.as_object_mut() {
            attempt.remove("method");
        }
    }
    *json = value.to_string();
}

/// Adds reservations up by day.
struct Report {
    first: Date,
    days: Vec<OccupancyDay>,
}

impl Report {
    fn new(first: Date, end: Date, rooms: u32) -> Self {
        let day = |day| OccupancyDay {
            day,
            rooms,
            reserved: 0,
            arrivals: 0,
            departures: 0,
            revenue: 0,
        };
        Self {
            first,
            days: first.until(end).map(day).collect(),
        }
    }

    fn add(&mut self, reservation: &Reservation) {
        let rooms = u32::try_from(reservation.stay.rooms.len()).unwrap_or(u32::MAX);
        let earns = matches!(
            reservation.state,
            State::Confirmed | State::CheckedIn | State::CheckedOut
        );
        for (index, night) in reservation.reserved_nights().enumerate() {
            if let Some(day) = self.day(night) {
                day.reserved = day.reserved.saturating_add(rooms);
                if earns {
                    day.revenue = day.revenue.saturating_add(night_price(reservation, index));
                }
            }
        }
        let comes = earns || reservation.state == State::Held;
        if comes && let Some(day) = self.day(reservation.stay.arrival) {
            day.arrivals = day.arrivals.saturating_add(rooms);
        }
        if comes && let Some(day) = self.day(reservation.occupied_until) {
            day.departures = day.departures.saturating_add(rooms);
        }
    }

    fn day(&mut self, day: Date) -> Option<&mut OccupancyDay> {
        let index = usize::try_from(day.since(self.first)).ok()?;
        self.days.get_mut(index)
    }
}

/// What all rooms cost in one night.
fn night_price(reservation: &Reservation, index: usize) -> Money {
    let rooms = reservation.price.rooms.iter();
    let prices = rooms.filter_map(|room| room.nights.get(index).copied());
    prices.fold(0, Money::saturating_add)
}
