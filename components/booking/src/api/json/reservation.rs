//! Reservations and who waits for one.

use serde::{Deserialize, Serialize};

use super::stay::{PricedStay, Room, Stay};
use super::{Day, Money, Time};
use crate::api::checks::{Checks, NAME_CHARS_MAX, NOTES_CHARS_MAX, PHONE_CHARS_MAX};
use crate::bindings::concierge::booking::reservations::{
    self as contract, Guest_ as ContractGuest,
};

/// Who stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guest {
    name: String,
    email: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    country: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    notes: String,
}

impl Guest {
    fn checked(self, checks: &mut Checks) -> ContractGuest {
        checks.needed("guest.name", &self.name, NAME_CHARS_MAX);
        checks.email("guest.email", &self.email);
        checks.line("guest.phone", &self.phone, PHONE_CHARS_MAX);
        checks.country("guest.country", &self.country);
        checks.language("guest.language", &self.language);
        checks.text("guest.notes", &self.notes, NOTES_CHARS_MAX);
        ContractGuest {
            name: self.name,
            email: self.email,
            phone: self.phone,
            country: self.country,
            language: self.language,
            notes: self.notes,
        }
    }
}

impl From<ContractGuest> for Guest {
    fn from(guest: ContractGuest) -> Self {
        Self {
            name: guest.name,
            email: guest.email,
            phone: guest.phone,
            country: guest.country,
            language: guest.language,
            notes: guest.notes,
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    arrival: Day,
    departure: Day,
    rooms: Vec<Room>,
    guest: Guest,
    #[serde(default)]
    agreed_total: Option<Money>,
}

impl Request {
    /// The total that the guest agreed to.
    pub fn agreed_total(&self) -> Option<&Money> {
        self.agreed_total.as_ref()
    }

    /// In the contract's form. Whether the total is in the hotel's currency is for the caller to look at.
    pub fn checked(self, checks: &mut Checks) -> contract::Request {
        let agreed_total = self.agreed_total.map(|total| total.amount);
        contract::Request {
            stay: Stay::checked_parts(self.arrival, self.departure, self.rooms, checks),
            guest: self.guest.checked(checks),
            agreed_total,
        }
    }
}

/// Where the payment stands.
#[derive(Debug, Serialize)]
struct Payment {
    state: &'static str,
    amount: Money,
    refunded: Money,
    declined_for: Option<String>,
}

/// A reservation.
#[derive(Debug, Serialize)]
pub struct Reservation {
    id: String,
    code: String,
    hotel: String,
    hotel_name: String,
    state: &'static str,
    #[serde(flatten)]
    stay: PricedStay,
    guest: Guest,
    created_at: Time,
    changed_at: Time,
    hold_expires_at: Option<Time>,
    payment: Payment,
    cancellation_fee: Money,
    free_cancellation_until: Option<Time>,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    guest_token: Option<String>,
}

impl From<contract::Reservation> for Reservation {
    fn from(reservation: contract::Reservation) -> Self {
        let currency = reservation.price.currency.clone();
        let payment = reservation.payment;
        Self {
            id: reservation.id,
            code: reservation.code,
            hotel: reservation.hotel,
            hotel_name: reservation.hotel_name,
            state: state(reservation.state),
            stay: PricedStay::of(&reservation.stay, reservation.price),
            guest: reservation.guest.into(),
            created_at: Time(reservation.created_us),
            changed_at: Time(reservation.changed_us),
            hold_expires_at: reservation.hold_expires_us.map(Time),
            payment: Payment {
                state: payment_state(payment.state),
                amount: Money::of(payment.amount, &currency),
                refunded: Money::of(payment.refunded, &currency),
                declined_for: filled(payment.declined_for),
            },
            cancellation_fee: Money::of(reservation.cancellation_fee, &currency),
            free_cancellation_until: reservation.free_until_us.map(Time),
            version: reservation.version,
            guest_token: filled(reservation.guest_token),
        }
    }
}

fn state(state: contract::State) -> &'static str {
    match state {
        contract::State::Held => "held",
        contract::State::Confirmed => "confirmed",
        contract::State::CheckedIn => "checked_in",
        contract::State::CheckedOut => "checked_out",
        contract::State::Cancelled => "cancelled",
        contract::State::NoShow => "no_show",
        contract::State::Expired => "expired",
    }
}

fn payment_state(state: contract::PaymentState) -> &'static str {
    match state {
        contract::PaymentState::None => "none",
        contract::PaymentState::Pending => "pending",
        contract::PaymentState::Declined => "declined",
        contract::PaymentState::Authorised => "authorised",
        contract::PaymentState::Captured => "captured",
        contract::PaymentState::Refunded => "refunded",
        contract::PaymentState::Voided => "voided",
    }
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// A place in the waiting list.
#[derive(Debug, Serialize)]
pub struct Waiting {
    id: String,
    #[serde(flatten)]
    stay: Stay,
    guest: Guest,
    created_at: Time,
    told_at: Option<Time>,
}

impl From<contract::Waiting> for Waiting {
    fn from(waiting: contract::Waiting) -> Self {
        Self {
            id: waiting.id,
            stay: waiting.stay.into(),
            guest: waiting.guest.into(),
            created_at: Time(waiting.created_us),
            told_at: waiting.told_us.map(Time),
        }
    }
}
