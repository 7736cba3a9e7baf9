//! Reservations and their payments.

use serde::{Deserialize, Serialize};

use super::calls::PaymentState;
use super::codes::{AttemptId, HotelCode, ReservationCode, ReservationId, WaitingId};
use super::dates::{Date, TimeUs, US_PER_S};
use super::hotel::Money;
use super::stay::{Price, Stay};

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Rooms are kept until the hold expires.
    Held,
    /// It is agreed and paid.
    Confirmed,
    /// The guest is in the house.
    CheckedIn,
    /// The guest has left.
    CheckedOut,
    /// It was cancelled.
    Cancelled,
    /// The guest did not come.
    NoShow,
    /// The hold expired.
    Expired,
}

impl State {
    /// Whether it has rooms reserved: those nights that it does not use are given back on the way out of these states.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Held | Self::Confirmed | Self::CheckedIn)
    }

    /// The word for it in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::CheckedIn => "checked-in",
            Self::CheckedOut => "checked-out",
            Self::Cancelled => "cancelled",
            Self::NoShow => "no-show",
            Self::Expired => "expired",
        }
    }
}

/// Who stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// Name.
    pub name: String,
    /// Address of mail.
    pub email: String,
    /// Telephone.
    pub phone: String,
    /// ISO 3166-1, two capitals, or empty.
    pub country: String,
    /// BCP 47: in which language to write to the guest.
    pub language: String,
    /// Wishes.
    pub notes: String,
}

/// Where an attempt to pay stands: the saga's durable log. Each state is written down before its step is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptState {
    /// The provider is being asked to set the amount aside.
    Authorising,
    /// It said no. An end.
    Declined,
    /// The amount is set aside, the reservation confirmed; it is being charged.
    Capturing,
    /// The amount is charged. An end, until money is given back.
    Captured,
    /// The authorisation, if there is or will be one, is being given up: the compensation. Nothing that the provider
    /// says later leads from here to a charge.
    Voiding,
    /// It was given up. An end.
    Voided,
    /// `refunded` is being given back.
    Refunding,
    /// It was given back. An end.
    Refunded,
}

impl AttemptState {
    /// Whether there is a step to take.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        matches!(
            self,
            Self::Authorising | Self::Capturing | Self::Voiding | Self::Refunding
        )
    }

    /// What is shown of it.
    #[must_use]
    pub fn shown(self) -> PaymentState {
        match self {
            Self::Authorising => PaymentState::Pending,
            Self::Declined => PaymentState::Declined,
            Self::Capturing => PaymentState::Authorised,
            Self::Captured => PaymentState::Captured,
            Self::Voiding | Self::Voided => PaymentState::Voided,
            Self::Refunding | Self::Refunded => PaymentState::Refunded,
        }
    }

    /// How much it matters beside other attempts: money that moved, then money that may still move, then the rest.
    pub(super) fn weight(self) -> u8 {
        match self {
            Self::Capturing | Self::Captured | Self::Refunding | Self::Refunded => 2,
            Self::Authorising => 1,
            Self::Declined | Self::Voiding | Self::Voided => 0,
        }
    }
}

/// An attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its id, and the provider's idempotency key.
    pub id: AttemptId,
    /// The provider's token for a card or an account.
    pub method: String,
    /// What was asked for.
    pub amount: Money,
    /// Where it stands.
    pub state: AttemptState,
    /// What was given back, or is being given back.
    pub refunded: Money,
    /// The provider's word for no.
    pub declined_for: String,
    /// When it began.
    pub began_us: TimeUs,
    /// How often the present step was tried.
    pub tries: u32,
    /// When the present step is due (again).
    pub due_us: TimeUs,
}

/// How long the outcome of an authorisation is waited for after the hold's end, microseconds. After that the attempt is
/// given up: the rooms are worth more to others than to a payment that does not come.
pub const PAYMENT_PATIENCE_US: TimeUs = 10 * 60 * US_PER_S;

/// Attempts to pay for one reservation. More is not a guest with a bad card.
pub const ATTEMPTS_MAX: usize = 10;

/// A reservation, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Its id.
    pub id: ReservationId,
    /// Its code, for people; unique in the hotel.
    pub code: ReservationCode,
    /// The hotel.
    pub hotel: HotelCode,
    /// The hotel's name then.
    pub hotel_name: String,
    /// Where it stands.
    pub state: State,
    /// What was booked.
    pub stay: Stay,
    /// The day from which its rooms are not reserved for it: the departure, or earlier if the guest left early or the
    /// reservation ended before. Nights from the arrival to before this day count as reserved.
    pub occupied_until: Date,
    /// What was agreed.
    pub price: Price,
    /// Who stays.
    pub guest: Guest,
    /// When it was made.
    pub created_us: TimeUs,
    /// When it was changed last.
    pub changed_us: TimeUs,
    /// When the hold ends; meaningful while held.
    pub hold_expires_us: TimeUs,
    /// Attempts to pay, oldest first; at most [`ATTEMPTS_MAX`].
    pub attempts: Vec<Attempt>,
    /// What cancelling cost, once cancelled or not shown up.
    pub fee: Money,
    /// Counts changes, from 1.
    pub version: u64,
}

impl Reservation {
    /// The attempt of an id.
    #[must_use]
    pub fn attempt(&self, id: AttemptId) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.id == id)
    }

    /// When the host has to look at it again without being asked: the hold's end or a step of a payment.
    #[must_use]
    pub fn due_us(&self) -> Option<TimeUs> {
        let steps = self
            .attempts
            .iter()
            .filter(|attempt| attempt.state.is_under_way());
        let step = steps.map(|attempt| attempt.due_us).min();
        let hold = (self.state == State::Held).then(|| self.hold_ends_us());
        match (step, hold) {
            (Some(step), Some(hold)) => Some(step.min(hold)),
            (step, hold) => step.or(hold),
        }
    }

    /// When the rooms of a hold are free again: at its end, or later while a payment is waited for.
    #[must_use]
    pub fn hold_ends_us(&self) -> TimeUs {
        let awaited = |attempt: &Attempt| attempt.state == AttemptState::Authorising;
        match self.attempts.iter().any(awaited) {
            true => self.hold_expires_us.saturating_add(PAYMENT_PATIENCE_US),
            false => self.hold_expires_us,
        }
    }

    /// Nights of which each of its rooms is reserved for it.
    pub fn reserved_nights(&self) -> impl ExactSizeIterator<Item = Date> {
        self.stay.arrival.until(self.occupied_until)
    }
}

/// A place in the waiting list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Its id; the order of the list.
    pub id: WaitingId,
    /// What is waited for.
    pub stay: Stay,
    /// Who waits.
    pub guest: Guest,
    /// Since when.
    pub created_us: TimeUs,
    /// When the guest was told that there is room.
    pub told_us: Option<TimeUs>,
}
