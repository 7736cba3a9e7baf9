//! The saga against a provider that answers late, twice or never, with crashes between any two steps.

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::rules::fixture::{held, noon_us, paid, stay, today};
use crate::types::{PAYMENT_PATIENCE_US, Price};

fn conflict(outcome: Outcome) -> Conflict {
    match outcome {
        Err(Error::Conflict(conflict, _)) => conflict,
        other => panic!("{other:?}"),
    }
}

fn begun() -> Reservation {
    let outcome = begin(
        &held(stay("flex", 1, 5, 7)),
        AttemptId::generate(),
        "card",
        noon_us(),
    );
    outcome.unwrap().unwrap().reservation
}

fn after(reservation: &Reservation, standing: &Standing) -> Option<Reservation> {
    let id = reservation.attempts[0].id;
    let learnt = learn(reservation, id, standing, noon_us(), &|_| None);
    learnt.unwrap().map(|result| result.reservation)
}

#[test]
fn paying_begins_once() {
    let held = held(stay("flex", 1, 5, 7));
    let pay = |reservation: &Reservation, now_us| {
        begin(reservation, AttemptId::generate(), "card", now_us)
    };
    let begun = pay(&held, noon_us()).unwrap().unwrap().reservation;
    assert_eq!(begun.attempts[0].amount, held.price.total);
    assert_eq!(step(&begun.attempts[0]), Some(Step::Authorise));
    assert_eq!(conflict(pay(&begun, noon_us())), Conflict::PaymentUnderWay);
    assert_eq!(
        conflict(pay(&held, held.hold_expires_us)),
        Conflict::HoldExpired
    );
    for (state, expected) in [
        (State::Confirmed, Conflict::AlreadyPaid),
        (State::CheckedIn, Conflict::AlreadyPaid),
        (State::Cancelled, Conflict::State),
        (State::Expired, Conflict::State),
    ] {
        let it = paid(stay("flex", 1, 5, 7), state, AttemptState::Captured);
        assert_eq!(conflict(pay(&it, noon_us())), expected);
    }
    let mut tried = held.clone();
    for _ in 0..ATTEMPTS_MAX {
        tried = pay(&tried, noon_us()).unwrap().unwrap().reservation;
        tried.attempts.last_mut().unwrap().state = AttemptState::Declined;
    }
    assert_eq!(conflict(pay(&tried, noon_us())), Conflict::State);
}

#[test]
fn a_step_is_taken_by_one() {
    let begun = begun();
    let id = begun.attempts[0].id;
    assert_eq!(conflict(take(&begun, id, noon_us())), Conflict::NotNow);
    let due_us = begun.attempts[0].due_us;
    let taken = take(&begun, id, due_us).unwrap().unwrap().reservation;
    assert_eq!(
        step(&taken.attempts[0]),
        Some(Step::Status),
        "it may have been done"
    );
    assert_eq!(conflict(take(&taken, id, due_us)), Conflict::NotNow);
    assert!(taken.attempts[0].due_us > due_us);
}

#[test]
fn authorised_is_confirmed_with_a_letter() {
    let begun = begun();
    let id = begun.attempts[0].id;
    let desk = crate::letters::Desk::new(crate::rules::fixture::hotel("sea").into(), noon_us());
    let letter = |next: &Reservation| Some(desk.confirmation(next));
    let result = learn(&begun, id, &Standing::Authorised, noon_us(), &letter);
    let result = result.unwrap().unwrap();
    assert_eq!(result.reservation.state, State::Confirmed);
    assert_eq!(
        result.reservation.attempts[0].state,
        AttemptState::Capturing
    );
    let mail = &result.effects.mails[0];
    assert_eq!(
        (mail.to.as_str(), mail.from.as_str()),
        ("ana@example.org", "desk@hotel.example")
    );
    assert!(mail.text.contains(begun.code.as_str()), "{}", mail.text);
    assert!(
        mail.calendar.contains("DTSTART;VALUE=DATE:20260606\r\n"),
        "{}",
        mail.calendar
    );
    // The same word again: no second letter.
    let again = learn(
        &result.reservation,
        id,
        &Standing::Authorised,
        noon_us(),
        &letter,
    );
    assert_eq!(again, Ok(None));
}

#[test]
fn what_was_given_up_is_not_charged_whatever_comes_later() {
    let mut it = begun();
    it = action::expire(&it, it.hold_ends_us(), today())
        .unwrap()
        .unwrap()
        .reservation;
    assert_eq!(it.attempts[0].state, AttemptState::Voiding);
    for late in [Standing::Authorised, Standing::Pending, Standing::Unknown] {
        assert_eq!(after(&it, &late), None, "it is voided still");
    }
    let charged = after(&it, &Standing::Captured { refunded: 0 }).unwrap();
    let attempt = &charged.attempts[0];
    assert_eq!(
        (attempt.state, attempt.refunded),
        (AttemptState::Refunding, attempt.amount)
    );
    let voided = after(&it, &Standing::Voided).unwrap();
    assert_eq!(voided.attempts[0].state, AttemptState::Voided);
    assert_eq!(after(&voided, &Standing::Authorised), None);
    assert_eq!(voided.state, State::Expired);
}

#[test]
fn an_authorisation_that_is_lost_leaves_the_booking() {
    let confirmed = after(&begun(), &Standing::Authorised).unwrap();
    let lost = after(&confirmed, &Standing::Voided).unwrap();
    assert_eq!(
        (lost.state, lost.attempts[0].state),
        (State::Confirmed, AttemptState::Voided)
    );
    assert_eq!(step(&lost.attempts[0]), None);
}

/// A provider's books of one attempt, as an honest provider keeps them.
#[derive(Debug, Clone, Default)]
struct Books {
    heard: bool,
    declines: bool,
    state: Option<Standing>,
    charges: u32,
}

impl Books {
    fn standing(&self) -> Standing {
        self.state.clone().unwrap_or(match self.heard {
            true => Standing::Pending,
            false => Standing::Unknown,
        })
    }

    /// What is pending is decided.
    fn decide(&mut self) {
        if self.heard && self.state.is_none() {
            self.state = Some(match self.declines {
                true => Standing::Declined("no".to_owned()),
                false => Standing::Authorised,
            });
        }
    }

    fn ask(&mut self, step: Step, decides: bool) -> Standing {
        match step {
            Step::Status if self.heard => {}
            Step::Authorise | Step::Status => self.heard = true,
            Step::Capture => {
                if self.state == Some(Standing::Authorised) {
                    self.charges += 1;
                    self.state = Some(Standing::Captured { refunded: 0 });
                }
            }
            Step::Void => {
                if !matches!(
                    self.state,
                    Some(Standing::Captured { .. } | Standing::Declined(_))
                ) {
                    self.state = Some(Standing::Voided);
                }
            }
            Step::Refund(back) => {
                if let Some(Standing::Captured { refunded }) = &mut self.state {
                    *refunded = back.max(*refunded);
                }
            }
        }
        if decides {
            self.decide();
        }
        self.standing()
    }
}

struct World {
    reservation: Reservation,
    books: HashMap<AttemptId, Books>,
    now_us: TimeUs,
    price: Price,
}

impl World {
    fn apply(&mut self, outcome: Outcome) -> bool {
        match outcome {
            Ok(Some(result)) => {
                let before = self.reservation.state;
                self.reservation = result.reservation;
                self.reservation.version += 1;
                let ended = matches!(before, State::Cancelled | State::Expired);
                assert!(
                    !ended || self.reservation.state == before,
                    "what ended came back"
                );
                true
            }
            Ok(None) | Err(_) => false,
        }
    }

    fn any_attempt(&self, rng: &mut StdRng) -> Option<Attempt> {
        let attempts = &self.reservation.attempts;
        (!attempts.is_empty()).then(|| attempts[rng.random_range(0..attempts.len())].clone())
    }

    fn learn(&mut self, id: AttemptId, standing: &Standing) {
        let outcome = learn(&self.reservation, id, standing, self.now_us, &|_| None);
        self.apply(outcome);
    }

    /// Something that can happen does.
    fn turn(&mut self, rng: &mut StdRng) {
        match rng.random_range(0..9) {
            0 | 1 => self.now_us += rng.random_range(0..2 * PAYMENT_PATIENCE_US),
            2 => {
                let id = AttemptId::generate();
                let outcome = begin(&self.reservation, id, "card", self.now_us);
                if self.apply(outcome) {
                    let declines = rng.random_bool(0.3);
                    self.books.insert(
                        id,
                        Books {
                            declines,
                            ..Books::default()
                        },
                    );
                }
            }
            3 => {
                let outcome = action::cancel(&self.reservation, self.now_us, today());
                self.apply(outcome);
            }
            4 => {
                let outcome = action::expire(&self.reservation, self.now_us, today());
                self.apply(outcome);
            }
            // A pending authorisation is decided, and nobody hears of it yet.
            5 => {
                if let Some(attempt) = self.any_attempt(rng) {
                    self.books.get_mut(&attempt.id).unwrap().decide();
                }
            }
            // A word of the provider's comes: now, again or out of nothing.
            6 => {
                if let Some(attempt) = self.any_attempt(rng) {
                    let standing = self.books[&attempt.id].standing();
                    self.learn(attempt.id, &standing);
                }
            }
            _ => {
                if let Some(attempt) = self.any_attempt(rng) {
                    self.step(attempt.id, rng);
                }
            }
        }
    }

    /// A step is taken; the host may crash before it asks, or before it writes down what it heard.
    fn step(&mut self, id: AttemptId, rng: &mut StdRng) {
        let outcome = take(&self.reservation, id, self.now_us);
        // The first step is taken with the beginning; the host that began may be slow.
        let first = self
            .reservation
            .attempt(id)
            .is_some_and(|attempt| attempt.tries == 1);
        if !self.apply(outcome) && !first {
            return;
        }
        let attempt = self.reservation.attempt(id).unwrap().clone();
        let Some(step) = super::step(&attempt) else {
            return;
        };
        if rng.random_bool(0.2) {
            return;
        }
        let decides = rng.random_bool(0.5);
        let standing = self.books.get_mut(&id).unwrap().ask(step, decides);
        if rng.random_bool(0.7) {
            self.learn(id, &standing);
        }
    }

    /// Time passes until nothing is due.
    fn settle(&mut self) {
        for _ in 0..200 {
            let Some(due_us) = self.reservation.due_us() else {
                return;
            };
            self.now_us = self.now_us.max(due_us);
            let outcome = action::expire(&self.reservation, self.now_us, today());
            self.apply(outcome);
            for attempt in self.reservation.attempts.clone() {
                let outcome = take(&self.reservation, attempt.id, self.now_us);
                if self.apply(outcome) {
                    let taken = self.reservation.attempt(attempt.id).unwrap();
                    let step = super::step(taken).unwrap();
                    let standing = self.books.get_mut(&attempt.id).unwrap().ask(step, true);
                    self.learn(attempt.id, &standing);
                }
            }
        }
        panic!("it does not come to its end: {:?}", self.reservation);
    }

    fn check(&self) {
        let mut kept = 0;
        let mut charged = 0;
        for attempt in &self.reservation.attempts {
            let books = &self.books[&attempt.id];
            charged += books.charges;
            assert_ne!(
                books.state,
                Some(Standing::Authorised),
                "money is set aside for ever"
            );
            if let Some(Standing::Captured { refunded }) = books.state {
                kept += attempt.amount - refunded;
            }
        }
        assert!(charged <= 1, "charged {charged} times");
        match self.reservation.state {
            State::Confirmed => assert_eq!(kept, self.price.total),
            State::Cancelled => assert_eq!(kept, self.reservation.fee),
            State::Expired => assert_eq!(kept, 0),
            state => panic!("{state:?}"),
        }
    }
}

/// Whatever happens in whatever order: in the end a booking that holds is paid once, and one that ended keeps its fee and
/// no more.
#[test]
fn money_and_rooms_agree_in_the_end() {
    let seed: u64 =
        std::env::var("SEED").map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    println!("SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut ends = HashMap::new();
    for _ in 0..5_000 {
        let plan = ["flex", "half", "fixed"][rng.random_range(0..3)];
        let reservation = held(stay(plan, 1, 5, 7));
        let mut world = World {
            price: reservation.price.clone(),
            reservation,
            books: HashMap::new(),
            now_us: noon_us(),
        };
        for _ in 0..rng.random_range(1..30) {
            world.turn(&mut rng);
        }
        world.settle();
        world.check();
        *ends.entry(world.reservation.state).or_insert(0) += 1;
    }
    // The walk has been everywhere.
    for state in [State::Confirmed, State::Cancelled, State::Expired] {
        assert!(
            ends.get(&state).is_some_and(|&times| times > 100),
            "{ends:?}"
        );
    }
}
