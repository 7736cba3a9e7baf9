//! What can be done with a reservation: cancel, change, check in, check out, no-show, let a hold expire.
//!
//! ```text
//! held ─→ confirmed ─→ checked-in ─→ checked-out
//!   │         ├─→ cancelled
//!   │         └─→ no-show
//!   ├─→ cancelled
//!   └─→ expired
//! ```

use crate::error::{Conflict, Error};
use crate::rules::price;
use crate::store::{ChangeKind, Effects, RuleResult};
use crate::types::{Attempt, AttemptState, Date, Money, Price, Reservation, State, Stay, TimeUs};

/// What an action gives: the reservation as it is to be, and the rooms to give back or take. `None`: it is so already.
pub type Outcome = Result<Option<RuleResult>, Error>;

/// Cancels: the rooms are free, and what was paid is given back but for the fee.
///
/// # Errors
/// [`Conflict::State`] from a state that does not allow it.
pub fn cancel(reservation: &Reservation, now_us: TimeUs, today: Date) -> Outcome {
    match reservation.state {
        State::Cancelled => return Ok(None),
        State::Held | State::Confirmed => {}
        state => return Err(wrong_state(state, "cancelled")),
    }
    let mut next = reservation.clone();
    // What is not paid costs nothing to give up.
    next.fee = match reservation.state {
        State::Confirmed => reservation.price.cancellation_fee(now_us),
        _ => 0,
    };
    settle_money(&mut next, now_us);
    Ok(Some(end(
        next,
        State::Cancelled,
        now_us,
        today,
        "reservation.cancel",
    )))
}

/// Lets a hold expire whose time is over, unless a payment is under way that may still be waited for.
///
/// # Errors
/// None; it has the form of the others.
pub fn expire(reservation: &Reservation, now_us: TimeUs, today: Date) -> Outcome {
    if reservation.state != State::Held || now_us < reservation.hold_ends_us() {
        return Ok(None);
    }
    let mut next = reservation.clone();
    settle_money(&mut next, now_us);
    Ok(Some(end(
        next,
        State::Expired,
        now_us,
        today,
        "reservation.expire",
    )))
}

/// The guest is here.
///
/// # Errors
/// [`Conflict::State`], or [`Conflict::NotNow`] before the day of arrival and from the departure on.
pub fn check_in(reservation: &Reservation, now_us: TimeUs, today: Date) -> Outcome {
    match reservation.state {
        State::CheckedIn => return Ok(None),
        State::Confirmed => {}
        state => return Err(wrong_state(state, "checked in")),
    }
    let stay = &reservation.stay;
    if today < stay.arrival || today >= stay.departure {
        let text = format!(
            "The stay is from {} to {}; today is {today}.",
            stay.arrival, stay.departure
        );
        return Err(Error::Conflict(Conflict::NotNow, text));
    }
    let mut next = reservation.clone();
    next.state = State::CheckedIn;
    next.changed_us = now_us;
    Ok(Some(RuleResult {
        reservation: next,
        deltas: Vec::new(),
        effects: changed("reservation.check-in"),
    }))
}

/// The guest goes; nights from today on are free.
///
/// # Errors
/// [`Conflict::State`].
pub fn check_out(reservation: &Reservation, now_us: TimeUs, today: Date) -> Outcome {
    match reservation.state {
        State::CheckedOut => return Ok(None),
        State::CheckedIn => {}
        state => return Err(wrong_state(state, "checked out")),
    }
    let next = reservation.clone();
    let mut result = end(
        next,
        State::CheckedOut,
        now_us,
        today,
        "reservation.check-out",
    );
    result.effects.kind = Some(ChangeKind::ReservationChanged);
    Ok(Some(result))
}

/// The guest did not come; nights from today on are free, and the fee is kept.
///
/// # Errors
/// [`Conflict::State`], or [`Conflict::NotNow`] until the day of arrival is over.
pub fn no_show(reservation: &Reservation, now_us: TimeUs, today: Date) -> Outcome {
    match reservation.state {
        State::NoShow => return Ok(None),
        State::Confirmed => {}
        state => return Err(wrong_state(state, "marked as a no-show")),
    }
    if today <= reservation.stay.arrival {
        let text = format!(
            "The guest may still come on {}; today is {today}.",
            reservation.stay.arrival
        );
        return Err(Error::Conflict(Conflict::NotNow, text));
    }
    let mut next = reservation.clone();
    next.fee = reservation.price.penalty();
    settle_money(&mut next, now_us);
    let mut result = end(next, State::NoShow, now_us, today, "reservation.no-show");
    result.effects.kind = Some(ChangeKind::ReservationChanged);
    Ok(Some(result))
}

/// Another stay. `price` is the new stay's. What was paid above the new total is given back if cancelling is still
/// free; what is missing is paid at the hotel.
///
/// # Errors
/// [`Conflict::State`]; [`Conflict::HoldExpired`]; [`Conflict::PaymentUnderWay`], since what is being paid must not
/// change; [`Conflict::NotNow`] where nights that were used would change.
pub fn change(
    reservation: &Reservation,
    stay: &Stay,
    price: &Price,
    now_us: TimeUs,
    today: Date,
) -> Outcome {
    match reservation.state {
        State::Held if now_us >= reservation.hold_expires_us => return Err(hold_expired()),
        State::Held | State::Confirmed | State::CheckedIn => {}
        state => return Err(wrong_state(state, "changed")),
    }
    if reservation
        .attempts
        .iter()
        .any(|attempt| attempt.state.is_under_way())
    {
        let text = "A payment is under way; try again when it is done.".to_owned();
        return Err(Error::Conflict(Conflict::PaymentUnderWay, text));
    }
    if reservation.state == State::CheckedIn
        && (stay.arrival != reservation.stay.arrival || stay.departure < today)
    {
        let text = "The guest is in the house: only the departure can change, from today on.";
        return Err(Error::Conflict(Conflict::NotNow, text.to_owned()));
    }
    let old = &reservation.stay;
    let deltas = price::moved(&old.rooms, old.arrival, reservation.occupied_until, stay);
    let mut next = reservation.clone();
    let free = reservation.price.cancellation_fee(now_us) == 0;
    next.stay = stay.clone();
    next.occupied_until = stay.departure;
    next.price = price.clone();
    next.changed_us = now_us;
    if free {
        give_back_above(&mut next, price.total, now_us);
    }
    Ok(Some(RuleResult {
        reservation: next,
        deltas,
        effects: changed("reservation.change"),
    }))
}

/// The hold is over.
#[must_use]
pub fn hold_expired() -> Error {
    let text = "The rooms were held for a while, which is over. Book again.";
    Error::Conflict(Conflict::HoldExpired, text.to_owned())
}

/// Ends a reservation: the nights from today on are given back.
fn end(
    mut next: Reservation,
    state: State,
    now_us: TimeUs,
    today: Date,
    what: &'static str,
) -> RuleResult {
    let until = next.occupied_until;
    let from = match state {
        // As if it had never been: also the nights before today, which nobody used.
        State::Cancelled | State::Expired => next.stay.arrival,
        _ => today.max(next.stay.arrival).min(until),
    };
    let deltas = price::given_back(&next.stay.rooms, from, until);
    next.occupied_until = from;
    next.state = state;
    next.changed_us = now_us;
    RuleResult {
        reservation: next,
        deltas,
        effects: Effects {
            kind: Some(ChangeKind::ReservationCancelled),
            what,
            mails: Vec::new(),
        },
    }
}

/// Gives back what was paid beyond the fee, and gives up what is only authorised or being authorised.
fn settle_money(next: &mut Reservation, now_us: TimeUs) {
    let mut keep = next.fee;
    for attempt in &mut next.attempts {
        match attempt.state {
            AttemptState::Authorising => {
                attempt.state = AttemptState::Voiding;
                attempt.tries = 0;
                attempt.due_us = now_us;
            }
            // Charged, or bound to be: what is above the fee goes back once it is charged.
            AttemptState::Capturing => {
                let back = attempt.amount.saturating_sub(keep).max(0);
                keep = keep.saturating_sub(attempt.amount).max(0);
                attempt.refunded = attempt.refunded.max(back);
            }
            // Something may go back already, or went: more may have to.
            AttemptState::Captured | AttemptState::Refunding | AttemptState::Refunded => {
                let back = attempt.amount.saturating_sub(keep).max(0);
                keep = keep.saturating_sub(attempt.amount).max(0);
                if back > attempt.refunded {
                    refund(attempt, back, now_us);
                }
            }
            AttemptState::Declined | AttemptState::Voiding | AttemptState::Voided => {}
        }
    }
}

fn refund(attempt: &mut Attempt, refunded: Money, now_us: TimeUs) {
    attempt.refunded = refunded;
    attempt.state = AttemptState::Refunding;
    attempt.tries = 0;
    attempt.due_us = now_us;
}

/// Gives back what was paid above a total.
fn give_back_above(next: &mut Reservation, total: Money, now_us: TimeUs) {
    for attempt in &mut next.attempts {
        let paid = matches!(
            attempt.state,
            AttemptState::Captured | AttemptState::Refunded
        );
        let back = attempt.amount.saturating_sub(total);
        if paid && back > attempt.refunded {
            refund(attempt, back, now_us);
        }
    }
}

fn changed(what: &'static str) -> Effects {
    Effects {
        kind: Some(ChangeKind::ReservationChanged),
        what,
        mails: Vec::new(),
    }
}

fn wrong_state(state: State, done: &str) -> Error {
    let text = format!("A reservation that is {} cannot be {done}.", state.as_str());
    Error::Conflict(Conflict::State, text)
}
