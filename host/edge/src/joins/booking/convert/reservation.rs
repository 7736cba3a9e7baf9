//! Reservations, their keys and answers, and the waiting list.

use super::date;
use crate::joins::bindings::booking::reservations as wit;
use concierge_booking::Error;
use concierge_booking::store::{Filter, RecordedAnswer};
use concierge_booking::types as domain;

impl From<wit::Guest> for domain::Guest {
    fn from(guest: wit::Guest) -> Self {
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

impl From<domain::Guest> for wit::Guest {
    fn from(guest: domain::Guest) -> Self {
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

impl TryFrom<wit::Request> for domain::Request {
    type Error = Error;

    fn try_from(request: wit::Request) -> Result<Self, Error> {
        Ok(Self {
            stay: request.stay.try_into()?,
            guest: request.guest.into(),
            agreed_total: request.agreed_total,
        })
    }
}

impl From<wit::Idempotency> for domain::Idempotency {
    fn from(idempotency: wit::Idempotency) -> Self {
        Self {
            key: idempotency.key,
            scope: idempotency.scope,
            fingerprint: idempotency.fingerprint,
        }
    }
}

impl From<wit::Answer> for RecordedAnswer {
    fn from(answer: wit::Answer) -> Self {
        Self {
            status: answer.status,
            content_type: answer.content_type,
            headers: answer.headers,
            body: answer.body,
        }
    }
}

impl From<RecordedAnswer> for wit::Answer {
    fn from(answer: RecordedAnswer) -> Self {
        Self {
            status: answer.status,
            content_type: answer.content_type,
            headers: answer.headers,
            body: answer.body,
        }
    }
}

impl TryFrom<wit::Action> for domain::Action {
    type Error = Error;

    fn try_from(action: wit::Action) -> Result<Self, Error> {
        Ok(match action {
            wit::Action::Cancel => Self::Cancel,
            wit::Action::Change(stay) => Self::Change(stay.try_into()?),
            wit::Action::CheckIn => Self::CheckIn,
            wit::Action::CheckOut => Self::CheckOut,
            wit::Action::NoShow => Self::NoShow,
        })
    }
}

impl TryFrom<wit::Filter> for Filter {
    type Error = Error;

    fn try_from(filter: wit::Filter) -> Result<Self, Error> {
        Ok(match filter {
            wit::Filter::Arriving(day) => Self::Arriving(date("filter.arriving", day)?),
            wit::Filter::Departing(day) => Self::Departing(date("filter.departing", day)?),
            wit::Filter::Staying(day) => Self::Staying(date("filter.staying", day)?),
            wit::Filter::Matching(text) => Self::Matching(text),
            wit::Filter::Recent => Self::Recent,
        })
    }
}

impl From<domain::State> for wit::State {
    fn from(state: domain::State) -> Self {
        match state {
            domain::State::Held => Self::Held,
            domain::State::Confirmed => Self::Confirmed,
            domain::State::CheckedIn => Self::CheckedIn,
            domain::State::CheckedOut => Self::CheckedOut,
            domain::State::Cancelled => Self::Cancelled,
            domain::State::NoShow => Self::NoShow,
            domain::State::Expired => Self::Expired,
        }
    }
}

impl From<domain::Payment> for wit::Payment {
    fn from(payment: domain::Payment) -> Self {
        Self {
            state: match payment.state {
                domain::PaymentState::None => wit::PaymentState::None,
                domain::PaymentState::Pending => wit::PaymentState::Pending,
                domain::PaymentState::Declined => wit::PaymentState::Declined,
                domain::PaymentState::Authorised => wit::PaymentState::Authorised,
                domain::PaymentState::Captured => wit::PaymentState::Captured,
                domain::PaymentState::Refunded => wit::PaymentState::Refunded,
                domain::PaymentState::Voided => wit::PaymentState::Voided,
            },
            amount: payment.amount,
            refunded: payment.refunded,
            declined_for: payment.declined_for,
        }
    }
}

impl From<domain::ReservationView> for wit::Reservation {
    fn from(reservation: domain::ReservationView) -> Self {
        Self {
            id: reservation.id.to_string(),
            code: reservation.code.to_string(),
            hotel: reservation.hotel.into(),
            hotel_name: reservation.hotel_name,
            state: reservation.state.into(),
            stay: reservation.stay.into(),
            price: reservation.price.into(),
            guest: reservation.guest.into(),
            created_us: reservation.created_us,
            changed_us: reservation.changed_us,
            hold_expires_us: reservation.hold_expires_us,
            payment: reservation.payment.into(),
            cancellation_fee: reservation.cancellation_fee,
            free_until_us: reservation.free_until_us,
            version: reservation.version,
            guest_token: reservation.guest_token,
        }
    }
}

impl From<domain::DecidedView> for wit::Decided {
    fn from(decided: domain::DecidedView) -> Self {
        Self {
            outcome: decided.outcome.map(Into::into).map_err(Into::into),
            answer: decided.answer.map(Into::into),
        }
    }
}

impl From<domain::ReservationPage> for wit::ReservationPage {
    fn from(page: domain::ReservationPage) -> Self {
        Self {
            reservations: page.reservations.into_iter().map(Into::into).collect(),
            next: page.next,
        }
    }
}

impl From<domain::Waiting> for wit::Waiting {
    fn from(waiting: domain::Waiting) -> Self {
        Self {
            id: waiting.id.to_string(),
            stay: waiting.stay.into(),
            guest: waiting.guest.into(),
            created_us: waiting.created_us,
            told_us: waiting.told_us,
        }
    }
}
