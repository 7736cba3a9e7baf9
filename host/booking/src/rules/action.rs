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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::fixture::{attempt, base, catalogue, held, noon_us, paid, stay, today};
    use crate::store::Nights;
    use crate::types::Delta;

    const HOUR_US: TimeUs = 3_600 * 1_000_000;

    fn done(outcome: Outcome) -> RuleResult {
        outcome.unwrap().unwrap()
    }

    fn refused(outcome: Outcome) -> Conflict {
        match outcome {
            Err(Error::Conflict(conflict, _)) => conflict,
            other => panic!("{other:?}"),
        }
    }

    fn nights(deltas: &[Delta]) -> Vec<(i32, i32)> {
        let nights = deltas.iter();
        nights
            .map(|delta| (delta.night.since(today()), delta.rooms))
            .collect()
    }

    fn price(stay: &Stay) -> Price {
        price::price_checked(&catalogue(), &base(&Nights::default()), stay).unwrap()
    }

    #[test]
    fn cancelling_in_time_gives_all_back() {
        let before = paid(
            stay("flex", 2, 5, 7),
            State::Confirmed,
            AttemptState::Captured,
        );
        let result = done(cancel(&before, noon_us(), today()));
        let after = &result.reservation;
        assert_eq!((after.state, after.fee), (State::Cancelled, 0));
        assert_eq!(nights(&result.deltas), [(5, -2), (6, -2)]);
        assert_eq!(after.reserved_nights().len(), 0);
        let paid = &after.attempts[0];
        assert_eq!(
            (paid.state, paid.refunded),
            (AttemptState::Refunding, paid.amount)
        );
        assert_eq!(result.effects.kind, Some(ChangeKind::ReservationCancelled));
        assert_eq!(
            cancel(after, noon_us(), today()),
            Ok(None),
            "it is so already"
        );
    }

    #[test]
    fn cancelling_late_costs_the_penalty() {
        let before = paid(
            stay("flex", 2, 1, 4),
            State::Confirmed,
            AttemptState::Captured,
        );
        // Check-in is tomorrow at 15:00, and it is free until a day before.
        let free_until = before.price.free_until_us().unwrap();
        assert_eq!(free_until, noon_us() + 3 * HOUR_US);
        let free = done(cancel(&before, free_until, today())).reservation;
        assert_eq!(free.fee, 0, "to the very microsecond");
        let after = done(cancel(&before, free_until + 1, today())).reservation;
        // The first night of both rooms, with 6% tax.
        assert_eq!(after.fee, 2 * 10_600);
        let paid = &after.attempts[0];
        assert_eq!(paid.refunded, paid.amount - after.fee);
    }

    #[test]
    fn what_is_not_paid_costs_nothing_to_give_up() {
        let mut before = held(stay("fixed", 1, 5, 7));
        assert_eq!(done(cancel(&before, noon_us(), today())).reservation.fee, 0);
        before
            .attempts
            .push(attempt(AttemptState::Authorising, 100));
        let after = done(cancel(&before, noon_us(), today())).reservation;
        assert_eq!(after.attempts[0].state, AttemptState::Voiding);
        assert_eq!(after.attempts[0].due_us, noon_us());
    }

    #[test]
    fn what_went_back_already_counts() {
        for state in [AttemptState::Refunded, AttemptState::Refunding] {
            let mut before = paid(stay("flex", 1, 5, 7), State::Confirmed, state);
            before.attempts[0].refunded = 1_000;
            let after = done(cancel(&before, noon_us(), today())).reservation;
            let paid = &after.attempts[0];
            assert_eq!(
                (paid.state, paid.refunded),
                (AttemptState::Refunding, paid.amount)
            );
        }
    }

    #[test]
    fn a_charge_under_way_is_given_back_when_it_is_done() {
        let before = paid(
            stay("half", 1, 5, 7),
            State::Confirmed,
            AttemptState::Capturing,
        );
        let after = done(cancel(&before, noon_us(), today())).reservation;
        let paid = &after.attempts[0];
        assert_eq!(after.fee, before.price.total / 2);
        assert_eq!(
            (paid.state, paid.refunded),
            (AttemptState::Capturing, paid.amount - after.fee)
        );
    }

    #[test]
    fn holds_expire_at_their_end_unless_a_payment_is_awaited() {
        let mut before = held(stay("flex", 3, 0, 2));
        let end_us = before.hold_expires_us;
        assert_eq!(before.due_us(), Some(end_us));
        assert_eq!(expire(&before, end_us - 1, today()), Ok(None));
        let result = done(expire(&before, end_us, today()));
        assert_eq!(result.reservation.state, State::Expired);
        assert_eq!(nights(&result.deltas), [(0, -3), (1, -3)]);

        before
            .attempts
            .push(attempt(AttemptState::Authorising, 100));
        before.attempts[0].due_us = end_us + 2 * crate::types::PAYMENT_PATIENCE_US;
        let patience_us = end_us + crate::types::PAYMENT_PATIENCE_US;
        assert_eq!(
            before.due_us(),
            Some(patience_us),
            "not before: nothing could be done"
        );
        assert_eq!(expire(&before, patience_us - 1, today()), Ok(None));
        let after = done(expire(&before, patience_us, today())).reservation;
        assert_eq!(after.state, State::Expired);
        assert_eq!(after.attempts[0].state, AttemptState::Voiding);
        assert_eq!(expire(&after, patience_us, today()), Ok(None));
    }

    #[test]
    fn guests_come_on_days_of_their_stay() {
        let before = paid(
            stay("flex", 1, 1, 3),
            State::Confirmed,
            AttemptState::Captured,
        );
        for (day, comes) in [(0, false), (1, true), (2, true), (3, false)] {
            let outcome = check_in(&before, noon_us(), today().plus(day));
            match comes {
                true => assert_eq!(done(outcome).reservation.state, State::CheckedIn),
                false => assert_eq!(refused(outcome), Conflict::NotNow),
            }
        }
        let unpaid = held(stay("flex", 1, 0, 3));
        assert_eq!(
            refused(check_in(&unpaid, noon_us(), today())),
            Conflict::State
        );
    }

    #[test]
    fn leaving_early_gives_the_nights_from_today_on_back() {
        let before = paid(
            stay("flex", 1, 0, 4),
            State::CheckedIn,
            AttemptState::Captured,
        );
        for (day, back) in [
            (0, vec![(0, -1), (1, -1), (2, -1), (3, -1)]),
            (3, vec![(3, -1)]),
            (4, vec![]),
            (9, vec![]),
        ] {
            let result = done(check_out(&before, noon_us(), today().plus(day)));
            assert_eq!(nights(&result.deltas), back);
            assert_eq!(result.reservation.occupied_until, today().plus(day.min(4)));
            assert_eq!(
                result.reservation.attempts, before.attempts,
                "what was agreed is owed"
            );
            assert_eq!(result.effects.kind, Some(ChangeKind::ReservationChanged));
        }
    }

    #[test]
    fn who_did_not_come_pays_the_penalty_and_frees_what_is_left() {
        let before = paid(
            stay("half", 1, 0, 3),
            State::Confirmed,
            AttemptState::Captured,
        );
        let early = no_show(&before, noon_us(), today());
        assert_eq!(refused(early), Conflict::NotNow);
        let result = done(no_show(&before, noon_us(), today().plus(1)));
        let after = &result.reservation;
        assert_eq!(
            (after.state, after.fee),
            (State::NoShow, before.price.total / 2)
        );
        assert_eq!(nights(&result.deltas), [(1, -1), (2, -1)]);
        assert_eq!(after.attempts[0].refunded, before.price.total - after.fee);
    }

    #[test]
    fn moving_takes_and_gives_only_what_differs() {
        let before = paid(
            stay("flex", 2, 1, 4),
            State::Confirmed,
            AttemptState::Captured,
        );
        let to = stay("flex", 2, 2, 5);
        let result = done(change(&before, &to, &price(&to), noon_us(), today()));
        assert_eq!(nights(&result.deltas), [(1, -2), (4, 2)]);
        assert_eq!(result.reservation.occupied_until, to.departure);
        assert_eq!(
            result.reservation.attempts, before.attempts,
            "as dear as before"
        );
    }

    #[test]
    fn a_shorter_stay_gives_money_back_while_cancelling_is_free() {
        let before = paid(
            stay("flex", 1, 5, 9),
            State::Confirmed,
            AttemptState::Captured,
        );
        let to = stay("flex", 1, 5, 7);
        let after = done(change(&before, &to, &price(&to), noon_us(), today())).reservation;
        let paid = &after.attempts[0];
        assert_eq!(paid.state, AttemptState::Refunding);
        assert_eq!(paid.refunded, before.price.total - after.price.total);
        let late = before.price.free_until_us().unwrap() + 1;
        let after = done(change(&before, &to, &price(&to), late, today())).reservation;
        assert_eq!(after.attempts, before.attempts);
    }

    #[test]
    fn what_is_being_paid_does_not_change() {
        let mut before = held(stay("flex", 1, 5, 9));
        let to = stay("flex", 1, 5, 7);
        let price = price(&to);
        let change = |before: &Reservation, now_us| change(before, &to, &price, now_us, today());
        assert!(change(&before, noon_us()).is_ok());
        let late = refused(change(&before, before.hold_expires_us));
        assert_eq!(late, Conflict::HoldExpired);
        before
            .attempts
            .push(attempt(AttemptState::Authorising, 100));
        assert_eq!(
            refused(change(&before, noon_us())),
            Conflict::PaymentUnderWay
        );
    }

    #[test]
    fn who_is_in_the_house_changes_only_the_departure() {
        let before = paid(
            stay("flex", 1, -2, 3),
            State::CheckedIn,
            AttemptState::Captured,
        );
        let change = |from, to| {
            let to = stay("flex", 1, from, to);
            change(&before, &to, &price(&to), noon_us(), today())
        };
        assert_eq!(refused(change(-1, 3)), Conflict::NotNow);
        assert_eq!(refused(change(-2, -1)), Conflict::NotNow);
        assert_eq!(nights(&done(change(-2, 5)).deltas), [(3, 1), (4, 1)]);
        assert_eq!(
            nights(&done(change(-2, 0)).deltas),
            [(0, -1), (1, -1), (2, -1)]
        );
    }

    #[test]
    fn what_has_ended_stays_as_it_is() {
        let to = stay("flex", 1, 5, 7);
        for state in [
            State::Cancelled,
            State::Expired,
            State::NoShow,
            State::CheckedOut,
        ] {
            let it = paid(stay("flex", 1, 0, 3), state, AttemptState::Captured);
            let later = today().plus(1);
            let outcomes = [
                (State::Cancelled, cancel(&it, noon_us(), later)),
                (State::CheckedIn, check_in(&it, noon_us(), later)),
                (State::CheckedOut, check_out(&it, noon_us(), later)),
                (State::NoShow, no_show(&it, noon_us(), later)),
                (State::Held, change(&it, &to, &price(&to), noon_us(), later)),
            ];
            for (goal, outcome) in outcomes {
                match goal == state {
                    true => assert_eq!(outcome, Ok(None)),
                    false => assert_eq!(refused(outcome), Conflict::State),
                }
            }
        }
    }
}
