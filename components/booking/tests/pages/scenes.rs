//! A house with guests in it.

use std::future::Future;
use std::task::{Context, Poll, Waker};

use booking::bindings::concierge::booking::availability::Stay;
use booking::bindings::concierge::booking::reservations::{
    Guest_ as Guest, PaymentState, Request, Reservation, State,
};

use crate::hotels::{self, TODAY};
use crate::playback::Playback;

/// What a future gives that waits for nothing, as those over the playback host do.
pub fn ready<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the playback host answers at once"),
    }
}

/// A guest.
pub fn guest(name: &str, notes: &str) -> Guest {
    Guest {
        name: name.to_owned(),
        email: "guest@example.com".to_owned(),
        phone: String::new(),
        country: String::new(),
        language: "en".to_owned(),
        notes: notes.to_owned(),
    }
}

/// Puts a reservation of the first hotel in; `from` and `to` are days from today.
pub fn reserve(
    host: &Playback,
    guest: Guest,
    room_type: &str,
    [from, to]: [i32; 2],
    state: State,
) -> Reservation {
    let details = host.hotels.first().unwrap();
    let request = Request {
        stay: Stay {
            arrival: TODAY + from,
            departure: TODAY + to,
            rooms: vec![hotels::room(room_type, "flexible")],
        },
        guest,
        agreed_total: None,
    };
    let mut reservation = host.held(details, &request).unwrap();
    reservation.state = state;
    if state != State::Held {
        reservation.payment.state = PaymentState::Authorised;
        reservation.hold_expires_us = None;
    }
    if matches!(state, State::CheckedIn | State::CheckedOut) {
        reservation.payment.state = PaymentState::Captured;
    }
    host.put(reservation.clone());
    reservation
}

/// A house on a usual day.
pub fn busy_house() -> Playback {
    let host = Playback::new();
    for (name, notes, room_type, days, state) in [
        (
            "Grace Hopper",
            "Late arrival, about 23:00.",
            "double",
            [0, 3],
            State::Confirmed,
        ),
        ("Mary Jackson", "", "river-suite", [0, 2], State::Confirmed),
        (
            "Emmy Noether",
            "A quiet room, please.",
            "double",
            [0, 5],
            State::CheckedIn,
        ),
        ("Hedy Lamarr", "", "double", [0, 1], State::Held),
        ("Katherine Johnson", "", "double", [-2, 2], State::CheckedIn),
        (
            "Rosalind Franklin",
            "Vegetarian breakfast.",
            "river-suite",
            [-3, 0],
            State::CheckedIn,
        ),
        (
            "Barbara McClintock",
            "",
            "double",
            [-1, 0],
            State::CheckedOut,
        ),
        ("Lise Meitner", "", "double", [7, 9], State::Confirmed),
    ] {
        reserve(&host, guest(name, notes), room_type, days, state);
    }
    host.sell_out("river-suite", TODAY + 6..TODAY + 12);
    host
}
