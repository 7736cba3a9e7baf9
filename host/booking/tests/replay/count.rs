//! The independent count: what should happen, from the file alone, with nothing of the crate.
//!
//! It also says in which order things happen. On one day: cancellations, no-shows and departures, so that what becomes
//! free can be sold; then new bookings in the order of the file, each that is cancelled on the day on which it is made
//! at once; then arrivals, and departures of those who leave on the day on which they came.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::file::{Booking, Day, End};

/// Something that happens to the booking of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    Cancel,
    NoShow,
    CheckOut,
    Book,
    CheckIn,
}

/// Something that happens on a day. They are in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Happening {
    pub day: Day,
    /// The part of the day.
    part: u8,
    pub line: usize,
    /// Within one line: what is made comes before it ends.
    step: u8,
    pub event: Event,
}

const ENDS: u8 = 0;
const BOOKINGS: u8 = 1;
const ARRIVALS: u8 = 2;

/// The day on which a no-show is noted: after the day of arrival, whatever the file says (one line has it months before).
fn no_show_day(booking: &Booking) -> Day {
    booking.ended.max(booking.arrival) + 1
}

/// The day on which the guest leaves: some leave on the day on which they came.
fn check_out_day(booking: &Booking) -> Day {
    booking
        .ended
        .clamp(booking.arrival, booking.arrival + booking.nights)
}

/// Everything that happens, in its order.
pub fn happenings(bookings: &[Booking]) -> Vec<Happening> {
    let mut all = Vec::new();
    for booking in bookings {
        let mut add = |day, part, step, event| {
            all.push(Happening {
                day,
                part,
                line: booking.line,
                step,
                event,
            });
        };
        add(booking.booked, BOOKINGS, 0, Event::Book);
        match booking.end {
            End::Cancelled if booking.ended <= booking.booked => {
                add(booking.booked, BOOKINGS, 1, Event::Cancel);
            }
            End::Cancelled => add(booking.ended, ENDS, 0, Event::Cancel),
            End::NoShow => add(no_show_day(booking), ENDS, 0, Event::NoShow),
            End::LeftTheHouse => {
                add(booking.arrival, ARRIVALS, 0, Event::CheckIn);
                let day = check_out_day(booking);
                let part = if day == booking.arrival {
                    ARRIVALS
                } else {
                    ENDS
                };
                add(day, part, 1, Event::CheckOut);
            }
        }
    }
    all.sort();
    all
}

/// A kind of room of a hotel.
pub type Kind = (String, String);

/// What comes of it all.
#[derive(Debug, Default)]
pub struct Count {
    /// Lines that found no room.
    pub no_room: BTreeSet<usize>,
    /// Lines that no hotel could take.
    pub impossible: BTreeSet<usize>,
    /// Rooms reserved at the end, by kind and night.
    pub reserved: BTreeMap<(Kind, Day), u32>,
    /// The most that were reserved at any time on any night, by kind.
    pub peak: BTreeMap<Kind, u32>,
}

/// Counts, with so many rooms of each kind (`None`: as many as anyone wants).
pub fn count(bookings: &[Booking], capacity: Option<&BTreeMap<Kind, u32>>) -> Count {
    let mut count = Count::default();
    // The first night that is not reserved, of those that have rooms.
    let mut until: HashMap<usize, Day> = HashMap::new();
    for happening in happenings(bookings) {
        let booking = &bookings[happening.line];
        let kind = (booking.hotel.clone(), booking.room_type.clone());
        let first_free = match happening.event {
            Event::Book => {
                book(&mut count, &mut until, booking, kind, capacity);
                continue;
            }
            Event::CheckIn => continue,
            // A cancelled booking is as if it had never been.
            Event::Cancel => booking.arrival,
            Event::NoShow | Event::CheckOut => happening.day,
        };
        let Some(end) = until.get_mut(&happening.line) else {
            continue;
        };
        let first_free = first_free.min(*end);
        for night in first_free..*end {
            *count.reserved.get_mut(&(kind.clone(), night)).unwrap() -= 1;
        }
        *end = first_free;
    }
    count.reserved.retain(|_, rooms| *rooms > 0);
    count
}

fn book(
    count: &mut Count,
    until: &mut HashMap<usize, Day>,
    booking: &Booking,
    kind: Kind,
    capacity: Option<&BTreeMap<Kind, u32>>,
) {
    if booking.is_impossible() {
        count.impossible.insert(booking.line);
        return;
    }
    let nights = booking.arrival..booking.arrival + booking.nights;
    let rooms = capacity.map(|capacity| capacity[&kind]);
    let reserved = |night| {
        count
            .reserved
            .get(&(kind.clone(), night))
            .copied()
            .unwrap_or(0)
    };
    if rooms.is_some_and(|rooms| nights.clone().any(|night| reserved(night) >= rooms)) {
        count.no_room.insert(booking.line);
        return;
    }
    for night in nights.clone() {
        let reserved = count.reserved.entry((kind.clone(), night)).or_default();
        *reserved += 1;
        let peak = count.peak.entry(kind.clone()).or_default();
        *peak = (*peak).max(*reserved);
    }
    until.insert(booking.line, nights.end);
}
