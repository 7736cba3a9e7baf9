//! Limits of a stay, and which stays cannot be.

use crate::error::{Error, Reason};
use crate::types::{Catalogue, Date, Stay};

/// Most nights of a stay: half a year. Who stays longer rents.
pub const STAY_NIGHTS_MAX: u32 = 180;

/// How far ahead an arrival may be, days: three years. Weddings and congresses are booked two years ahead and more.
pub const ARRIVAL_AHEAD_DAYS_MAX: i32 = 3 * 365;

/// Most rooms in one reservation. A group that needs more makes several: an operation must stay short, since others
/// wait for the same nights.
pub const STAY_ROOMS_MAX: usize = 20;

/// Checks all of a stay that needs no look at prices or inventory. It may arrive from `today` on.
///
/// # Errors
/// [`Error::Invalid`] with the field, below `stay`.
pub fn check_stay(catalogue: &Catalogue, stay: &Stay, today: Date) -> Result<(), Error> {
    check_dates(stay, today)?;
    check_rooms(catalogue, stay)
}

/// Checks the dates of a stay that is to be booked today.
///
/// # Errors
/// [`Error::Invalid`] with the field, below `stay`.
pub fn check_dates(stay: &Stay, today: Date) -> Result<(), Error> {
    check_dates_of("stay.", stay.arrival, stay.departure, today)
}

/// As [`check_dates`], of fields that begin with `path`.
///
/// # Errors
/// [`Error::Invalid`] with the field.
pub fn check_dates_of(
    path: &str,
    arrival: Date,
    departure: Date,
    today: Date,
) -> Result<(), Error> {
    let nights = departure.since(arrival);
    let refuse = |field: &str, reason, detail: String| {
        Err(Error::invalid(format!("{path}{field}"), reason, detail))
    };
    if nights <= 0 {
        let detail = "The departure must be after the arrival.".to_owned();
        return refuse("departure", Reason::DatesOrder, detail);
    }
    if nights > STAY_NIGHTS_MAX as i32 {
        let detail = format!("A stay has at most {STAY_NIGHTS_MAX} nights.");
        return refuse("departure", Reason::StayTooLong, detail);
    }
    if arrival < today {
        let detail = format!("The arrival is past; today is {today}.");
        return refuse("arrival", Reason::ArrivalPast, detail);
    }
    if arrival.since(today) > ARRIVAL_AHEAD_DAYS_MAX {
        let detail = format!("Arrivals can be booked up to {ARRIVAL_AHEAD_DAYS_MAX} days ahead.");
        return refuse("arrival", Reason::ArrivalTooFar, detail);
    }
    Ok(())
}

fn check_rooms(catalogue: &Catalogue, stay: &Stay) -> Result<(), Error> {
    if stay.rooms.is_empty() || stay.rooms.len() > STAY_ROOMS_MAX {
        let detail = format!("A reservation has 1 to {STAY_ROOMS_MAX} rooms.");
        return Err(Error::invalid("stay.rooms", Reason::Rooms, detail));
    }
    for (index, room) in stay.rooms.iter().enumerate() {
        let refuse = |field: &str, reason, detail: String| {
            let field = format!("stay.rooms.{index}.{field}");
            Err(Error::invalid(field, reason, detail))
        };
        let Some(kind) = catalogue.room_type(&room.room_type) else {
            let detail = "There is no such room type.".to_owned();
            return refuse("room_type", Reason::NotOffered, detail);
        };
        let Some(plan) = catalogue
            .rate_plan(&room.rate_plan)
            .filter(|plan| plan.open)
        else {
            let detail = "There is no such rate plan.".to_owned();
            return refuse("rate_plan", Reason::NotOffered, detail);
        };
        let guests = room.adults.saturating_add(room.children);
        // Children alone are possible: a family's second room.
        if guests == 0 {
            let detail = "A room needs at least one guest.".to_owned();
            return refuse("adults", Reason::NoGuests, detail);
        }
        if room.adults > kind.max_adults
            || room.children > kind.max_children
            || guests > kind.max_guests
        {
            let detail = format!(
                "The room has beds for {} adults and {} children, {} guests at most.",
                kind.max_adults, kind.max_children, kind.max_guests
            );
            return refuse("adults", Reason::TooManyGuests, detail);
        }
        if stay.nights() < plan.min_nights {
            let detail = format!("This rate is for {} nights or more.", plan.min_nights);
            return refuse("rate_plan", Reason::StayTooShort, detail);
        }
        if stay.nights() > plan.max_nights {
            let detail = format!("This rate is for {} nights or fewer.", plan.max_nights);
            return refuse("rate_plan", Reason::StayTooLong, detail);
        }
    }
    Ok(())
}
