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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::fixture::{catalogue, room, stay, today};

    fn refusal(stay: &Stay) -> Option<(String, Reason)> {
        match check_stay(&catalogue(), stay, today()) {
            Ok(()) => None,
            Err(Error::Invalid { field, reason, .. }) => Some((field, reason)),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn stays_that_cannot_be_are_refused_with_the_field() {
        let nights = |from, to| stay("flex", 1, from, to);
        for (stay, field, reason) in [
            (nights(3, 3), "departure", Reason::DatesOrder),
            (nights(3, 2), "departure", Reason::DatesOrder),
            (nights(0, 400), "departure", Reason::StayTooLong),
            (nights(-1, 2), "arrival", Reason::ArrivalPast),
            (
                nights(3 * 365 + 1, 3 * 365 + 2),
                "arrival",
                Reason::ArrivalTooFar,
            ),
            (nights(0, 31), "rooms.0.rate_plan", Reason::StayTooLong),
            (stay("flex", 0, 1, 2), "rooms", Reason::Rooms),
            (stay("flex", 21, 1, 2), "rooms", Reason::Rooms),
            (
                stay("none", 1, 1, 2),
                "rooms.0.rate_plan",
                Reason::NotOffered,
            ),
        ] {
            assert_eq!(refusal(&stay), Some((format!("stay.{field}"), reason)));
        }
        for good in [
            nights(0, 1),
            nights(0, 30),
            nights(3 * 365, 3 * 365 + 1),
            stay("flex", 20, 1, 2),
        ] {
            assert_eq!(refusal(&good), None);
        }
    }

    #[test]
    fn rooms_hold_whom_they_hold() {
        let party = |adults, children| {
            let mut stay = stay("flex", 1, 1, 2);
            stay.rooms.push(room("double", "flex"));
            stay.rooms[1].adults = adults;
            stay.rooms[1].children = children;
            refusal(&stay).map(|(field, reason)| {
                assert_eq!(field, "stay.rooms.1.adults");
                reason
            })
        };
        assert_eq!(party(0, 0), Some(Reason::NoGuests));
        assert_eq!(party(0, 2), None, "children in a room of their own");
        assert_eq!(party(2, 1), None);
        for (adults, children) in [(3, 0), (2, 2), (0, 3), (u32::MAX, u32::MAX)] {
            assert_eq!(party(adults, children), Some(Reason::TooManyGuests));
        }
    }

    #[test]
    fn plans_have_a_shortest_stay_and_may_be_closed() {
        let mut catalogue = catalogue();
        let mut plans = catalogue.rate_plans.to_vec();
        plans[1].min_nights = 3;
        catalogue.rate_plans = plans.clone().into();
        let reason = |catalogue: &Catalogue, to| match check_stay(
            catalogue,
            &stay("flex", 1, 1, to),
            today(),
        ) {
            Err(Error::Invalid { reason, .. }) => Some(reason),
            other => other.map(|()| None).unwrap(),
        };
        assert_eq!(reason(&catalogue, 3), Some(Reason::StayTooShort));
        assert_eq!(reason(&catalogue, 4), None);
        plans[1].open = false;
        catalogue.rate_plans = plans.into();
        assert_eq!(reason(&catalogue, 4), Some(Reason::NotOffered));
    }
}
