//! Payments as a saga: which step comes next, and what follows from the provider's word.
//!
//! An attempt's state is written down before its step is taken, and each step is idempotent at the provider by the
//! attempt's id. So a crash at any point is answered by taking the step that is written down once more.
//!
//! ```text
//! authorising ─→ capturing ─→ captured ─→ refunding ─→ refunded
//!   │   │            └─→ voided (the authorisation was lost)
//!   │   └─→ declined
//!   └─→ voiding ─→ voided                 (the hold ended first)
//! ```
//!
//! Invariant: nothing leads from `voiding` to a charge that stays: if the provider charged all the same, the charge is
//! given back.

use crate::error::{Conflict, Error};
use crate::rules::action::{self, Outcome};
use crate::store::{ChangeKind, Effects, Mail, RuleResult};
use crate::types::{
    ATTEMPTS_MAX, Attempt, AttemptId, AttemptState, Money, Reservation, State, TimeUs, US_PER_S,
};

/// How long a step that was taken is left alone before it is taken again; doubled with each try.
const RETRY_FIRST_US: TimeUs = 15 * US_PER_S;
/// The longest wait between two tries.
const RETRY_MAX_US: TimeUs = 15 * 60 * US_PER_S;

/// What the provider's books say of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The provider never heard of it.
    Unknown,
    /// It is not decided yet.
    Pending,
    /// The amount is set aside.
    Authorised,
    /// It said no, and why.
    Declined(String),
    /// The amount was charged, and so much of it given back.
    Captured {
        /// What was given back.
        refunded: Money,
    },
    /// It was given up, and can never be charged.
    Voided,
}

/// What is to be asked of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Set the amount aside.
    Authorise,
    /// Say what became of the authorisation; authorise where nothing did.
    Status,
    /// Charge what was set aside.
    Capture,
    /// Give up the authorisation, the one that comes later too.
    Void,
    /// Give back this much in all.
    Refund(Money),
}

/// The step of an attempt that was taken ([`take`], [`begin`]); `None`: it is at an end.
#[must_use]
pub fn step(attempt: &Attempt) -> Option<Step> {
    match attempt.state {
        AttemptState::Authorising if attempt.tries <= 1 => Some(Step::Authorise),
        AttemptState::Authorising => Some(Step::Status),
        AttemptState::Capturing => Some(Step::Capture),
        AttemptState::Voiding => Some(Step::Void),
        AttemptState::Refunding => Some(Step::Refund(attempt.refunded)),
        AttemptState::Declined
        | AttemptState::Captured
        | AttemptState::Voided
        | AttemptState::Refunded => None,
    }
}

/// Begins to pay: the first step is taken with it.
///
/// # Errors
/// [`Conflict::State`], [`Conflict::HoldExpired`], [`Conflict::AlreadyPaid`] or [`Conflict::PaymentUnderWay`].
pub fn begin(reservation: &Reservation, id: AttemptId, method: &str, now_us: TimeUs) -> Outcome {
    let refuse = |conflict, text: &str| Err(Error::Conflict(conflict, text.to_owned()));
    match reservation.state {
        State::Held if now_us >= reservation.hold_expires_us => return Err(action::hold_expired()),
        State::Held => {}
        State::Confirmed | State::CheckedIn | State::CheckedOut => {
            return refuse(Conflict::AlreadyPaid, "The reservation is paid already.");
        }
        State::Cancelled | State::NoShow | State::Expired => {
            let text = format!(
                "A reservation that is {} cannot be paid.",
                reservation.state.as_str()
            );
            return refuse(Conflict::State, &text);
        }
    }
    let mut attempts = reservation.attempts.iter();
    if attempts.any(|attempt| attempt.state.is_under_way()) {
        return refuse(
            Conflict::PaymentUnderWay,
            "Another payment of this reservation is under way.",
        );
    }
    if reservation.attempts.len() >= ATTEMPTS_MAX {
        return refuse(
            Conflict::State,
            "There were too many attempts to pay for this reservation. Book again.",
        );
    }
    let mut next = reservation.clone();
    next.changed_us = now_us;
    next.attempts.push(Attempt {
        id,
        method: method.to_owned(),
        amount: reservation.price.total,
        state: AttemptState::Authorising,
        refunded: 0,
        declined_for: String::new(),
        began_us: now_us,
        tries: 1,
        due_us: now_us.saturating_add(RETRY_FIRST_US),
    });
    Ok(Some(result(
        next,
        Some(ChangeKind::ReservationChanged),
        "payment.begin",
    )))
}

/// Takes the step of an attempt that is due, so that nobody else does for a while.
///
/// # Errors
/// [`Conflict::NotNow`] where it is not due: someone else took it, or it is at an end.
pub fn take(reservation: &Reservation, id: AttemptId, now_us: TimeUs) -> Outcome {
    let mut next = reservation.clone();
    let due = |attempt: &&mut Attempt| {
        attempt.id == id && attempt.state.is_under_way() && attempt.due_us <= now_us
    };
    let Some(attempt) = next.attempts.iter_mut().find(due) else {
        let text = "The step is not due.".to_owned();
        return Err(Error::Conflict(Conflict::NotNow, text));
    };
    attempt.tries = attempt.tries.saturating_add(1);
    attempt.due_us = now_us.saturating_add(retry_us(attempt.tries));
    Ok(Some(result(next, None, "payment.step")))
}

/// What follows from the provider's word about an attempt. `letter` writes the confirmation. A word that comes twice or
/// too late changes nothing.
///
/// # Errors
/// None; it has the form of the others.
pub fn learn(
    reservation: &Reservation,
    id: AttemptId,
    standing: &Standing,
    now_us: TimeUs,
    letter: &dyn Fn(&Reservation) -> Option<Mail>,
) -> Outcome {
    let Some(attempt) = reservation.attempt(id) else {
        return Ok(None);
    };
    let Some((turn, what)) = turn(attempt, standing) else {
        return Ok(None);
    };
    let mut next = reservation.clone();
    let confirms = matches!(turn.state, AttemptState::Capturing | AttemptState::Captured)
        && attempt.state == AttemptState::Authorising;
    if let Some(attempt) = next.attempts.iter_mut().find(|attempt| attempt.id == id) {
        turn.put_into(attempt, now_us);
        // The rooms are not kept any more: money that comes now goes back.
        if confirms && reservation.state != State::Held {
            attempt.state = AttemptState::Voiding;
        }
    }
    next.changed_us = now_us;
    if !confirms || reservation.state != State::Held {
        return Ok(Some(result(
            next,
            Some(ChangeKind::ReservationChanged),
            what,
        )));
    }
    next.state = State::Confirmed;
    let mut confirmed = result(
        next,
        Some(ChangeKind::ReservationChanged),
        "reservation.confirm",
    );
    confirmed.effects.mails = letter(&confirmed.reservation).into_iter().collect();
    Ok(Some(confirmed))
}

/// Where an attempt goes.
struct Turn {
    state: AttemptState,
    /// What is to be given back, if that changes.
    refunded: Option<Money>,
    declined_for: String,
}

impl Turn {
    fn to(state: AttemptState) -> Self {
        Self {
            state,
            refunded: None,
            declined_for: String::new(),
        }
    }

    fn put_into(self, attempt: &mut Attempt, now_us: TimeUs) {
        attempt.state = self.state;
        attempt.refunded = self.refunded.unwrap_or(attempt.refunded);
        attempt.declined_for = self.declined_for;
        attempt.tries = 0;
        attempt.due_us = now_us;
    }
}

/// The table of the saga. `None`: nothing follows, and the step is tried again when it is due.
fn turn(attempt: &Attempt, standing: &Standing) -> Option<(Turn, &'static str)> {
    use AttemptState as At;
    let declined = |state, why: &str| Turn {
        declined_for: why.to_owned(),
        ..Turn::to(state)
    };
    Some(match (attempt.state, standing) {
        (At::Authorising, Standing::Authorised) => (Turn::to(At::Capturing), "payment.authorised"),
        (At::Authorising, Standing::Captured { .. }) => {
            (Turn::to(At::Captured), "payment.captured")
        }
        (At::Authorising, Standing::Declined(why)) => {
            (declined(At::Declined, why), "payment.declined")
        }
        (At::Authorising, Standing::Voided) => {
            (declined(At::Declined, "voided"), "payment.declined")
        }
        // The reservation ended while it was charged: what is above the fee goes back.
        (At::Capturing, Standing::Captured { refunded }) if *refunded < attempt.refunded => {
            (Turn::to(At::Refunding), "payment.captured")
        }
        (At::Capturing, Standing::Captured { .. }) => (Turn::to(At::Captured), "payment.captured"),
        // It had been set aside and is no more. The guest has a confirmation, which holds: the hotel asks for the money.
        (At::Capturing, Standing::Declined(why)) => (declined(At::Voided, why), "payment.lost"),
        (At::Capturing, Standing::Voided) => (declined(At::Voided, "voided"), "payment.lost"),
        (At::Voiding, Standing::Voided | Standing::Declined(_)) => {
            (Turn::to(At::Voided), "payment.voided")
        }
        // Charged although it was given up.
        (At::Voiding, Standing::Captured { .. }) => {
            let all = Turn {
                refunded: Some(attempt.amount),
                ..Turn::to(At::Refunding)
            };
            (all, "payment.captured")
        }
        (At::Refunding, Standing::Captured { refunded }) if *refunded >= attempt.refunded => {
            (Turn::to(At::Refunded), "payment.refunded")
        }
        _ => return None,
    })
}

/// How long a step is left alone that was taken so often.
fn retry_us(tries: u32) -> TimeUs {
    let doubled = 1_u64 << tries.saturating_sub(1).min(16);
    RETRY_FIRST_US.saturating_mul(doubled).min(RETRY_MAX_US)
}

fn result(reservation: Reservation, kind: Option<ChangeKind>, what: &'static str) -> RuleResult {
    RuleResult {
        reservation,
        deltas: Vec::new(),
        effects: Effects {
            kind,
            what,
            mails: Vec::new(),
        },
    }
}

#[cfg(test)]
#[path = "saga_tests.rs"]
mod tests;
