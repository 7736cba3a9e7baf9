//! What is free, and what it costs: the interface `availability`. All of it from memory, as old as the cache allows.

use super::{Booking, not_found};
use crate::cache::Windows;
use crate::error::{Error, Reason};
use crate::rules::limits::{ARRIVAL_AHEAD_DAYS_MAX, STAY_NIGHTS_MAX};
use crate::rules::price;
use crate::search;
use crate::types::{
    CalendarNight, Catalogue, Date, Offers, PricedStay, Query, RoomType, RoomTypeCalendar, Stay,
};

/// Most nights of a calendar: a leap year.
const CALENDAR_NIGHTS_MAX: u32 = 366;

impl Booking {
    /// Finds open hotels with enough free rooms of one type for all nights.
    ///
    /// # Errors
    /// [`Error::Invalid`] or [`Error::SlowDown`].
    pub async fn search(&self, query: Query) -> Result<Offers, Error> {
        self.searches.enter(&query.client)?;
        search::search(&self.cache, &query, self.now_us()).await
    }

    /// The nights from `first` on, at most 366, of one room type or all.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Invalid`].
    pub async fn calendar(
        &self,
        hotel: &str,
        room_type: Option<&str>,
        first: Date,
        nights: u32,
    ) -> Result<Vec<RoomTypeCalendar>, Error> {
        let (code, known) = self.open(hotel).await?;
        let today = self.today(&known);
        let end = calendar_end(first, nights, today)?;
        if let Some(wanted) = room_type {
            let mut kinds = known.catalogue.room_types.iter();
            if !kinds.any(|kind| kind.code.as_str() == wanted) {
                return Err(not_found("room type"));
            }
        }
        // Past nights are not kept, and nobody can have them.
        let from = first.max(today);
        let (known, windows) = match from < end {
            true => self.cache.nights(&code, from, end).await?,
            false => (known, Windows(Vec::new())),
        };
        let kinds = known.catalogue.room_types.iter().enumerate();
        let kinds =
            kinds.filter(|(_, kind)| room_type.is_none_or(|wanted| kind.code.as_str() == wanted));
        let calendars = kinds.map(|(place, kind)| RoomTypeCalendar {
            room_type: kind.code.clone(),
            nights: first
                .until(end)
                .map(|night| calendar_night(&windows, place, night, today))
                .collect(),
        });
        Ok(calendars.collect())
    }

    /// Prices a stay.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Invalid`].
    pub async fn quote(&self, hotel: &str, stay: Stay) -> Result<PricedStay, Error> {
        let (code, known) = self.open(hotel).await?;
        let today = self.today(&known);
        crate::rules::limits::check_stay(&known.catalogue, &stay, today)?;
        let (known, windows) = self
            .cache
            .nights(&code, stay.arrival, stay.departure)
            .await?;
        let price = price::price_stay(&known.catalogue, &windows, &stay, today)?;
        Ok(PricedStay {
            free_until_us: price.free_until_us(),
            penalty: price.penalty(),
            available: available(&known.catalogue, &windows, &stay),
            price,
            stay,
        })
    }
}

fn calendar_end(first: Date, nights: u32, today: Date) -> Result<Date, Error> {
    if nights == 0 || nights > CALENDAR_NIGHTS_MAX {
        let detail = format!("From 1 to {CALENDAR_NIGHTS_MAX} nights.");
        return Err(Error::invalid("nights", Reason::TooLarge, detail));
    }
    let end = first.plus(i32::try_from(nights).unwrap_or(0));
    let last_days = ARRIVAL_AHEAD_DAYS_MAX + STAY_NIGHTS_MAX as i32 + CALENDAR_NIGHTS_MAX as i32;
    if end.since(today) > last_days {
        let detail = format!("Arrivals can be booked up to {ARRIVAL_AHEAD_DAYS_MAX} days ahead.");
        return Err(Error::invalid("first", Reason::ArrivalTooFar, detail));
    }
    Ok(end)
}

fn calendar_night(windows: &Windows, kind: usize, night: Date, today: Date) -> CalendarNight {
    let window = windows.of(night).filter(|_| night >= today);
    CalendarNight {
        night,
        left: window.map_or(0, |window| window.left(kind, night)),
        price: window.and_then(|window| window.lowest(kind, night)),
    }
}

fn available(catalogue: &Catalogue, windows: &Windows, stay: &Stay) -> bool {
    let place = |kind: &RoomType| {
        let mut kinds = catalogue.room_types.iter();
        kinds.position(|own| own.code == kind.code)
    };
    price::taken(stay).iter().all(|delta| {
        let kind = catalogue.room_type(&delta.room_type).and_then(place);
        let left = kind.and_then(|kind| Some(windows.of(delta.night)?.left(kind, delta.night)));
        left.is_some_and(|left| i64::from(left) >= i64::from(delta.rooms))
    })
}
