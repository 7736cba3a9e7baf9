//! Two hotels' real bookings, replayed in the order in which they came: every booking and cancellation, arrival and
//! departure, on a clock that follows the data.
//!
//! With as many rooms as were ever reserved at once, and again with nine tenths of them. What an independent count of the
//! file says (`count.rs`) must come out to the night: who finds a room and who does not, and how many rooms are reserved.
//!
//! ```console
//! $ cargo test --release -p concierge-booking --test replay -- --nocapture
//! ```

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod count;
mod drive;
mod file;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use count::{Count, Kind};
use file::Booking;

/// The rooms of the second run, in hundredths of what the first needs.
const FEWER_PERCENT: u32 = 90;

async fn replay(name: &'static str, bookings: &[Booking], rooms: &BTreeMap<Kind, u32>) -> Count {
    let expected = count::count(bookings, Some(rooms));
    let progress = match std::io::stderr().is_terminal() {
        true => indicatif::ProgressBar::new(0),
        false => indicatif::ProgressBar::hidden(),
    };
    let style =
        indicatif::ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {per_sec}");
    progress.set_style(style.unwrap());
    progress.set_prefix(name);
    let happened = drive::drive(bookings, rooms, &progress).await.unwrap();
    progress.finish();
    assert_eq!(
        happened.impossible, expected.impossible,
        "bookings that no hotel could take"
    );
    assert_eq!(
        happened.no_room, expected.no_room,
        "bookings that found no room"
    );
    for ((kind, night), reserved) in &happened.reserved {
        assert!(
            reserved <= &rooms[kind],
            "{kind:?} is oversold on day {night}"
        );
    }
    assert_eq!(happened.reserved, expected.reserved, "rooms reserved");
    eprintln!(
        "{name}: {} bookings, {} found no room, {} could not be; {} nights as counted",
        bookings.len(),
        expected.no_room.len(),
        expected.impossible.len(),
        expected.reserved.len(),
    );
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn with_as_many_rooms_as_were_ever_reserved_everyone_finds_one() {
    let Some(bookings) = file::read().unwrap() else {
        return;
    };
    let free = count::count(&bookings, None);
    let expected = replay("all rooms", &bookings, &free.peak).await;
    assert!(expected.no_room.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_fewer_rooms_exactly_those_find_none_that_do_not_fit() {
    let Some(bookings) = file::read().unwrap() else {
        return;
    };
    let free = count::count(&bookings, None);
    let fewer = free.peak.iter();
    let fewer = fewer.map(|(kind, peak)| (kind.clone(), peak * FEWER_PERCENT / 100));
    let expected = replay("fewer rooms", &bookings, &fewer.collect()).await;
    assert!(!expected.no_room.is_empty());
}
