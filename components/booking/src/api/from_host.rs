//! What the host says is wrong, as problems.

use super::problem::{Code, Problem};
use crate::bindings::concierge::booking::catalogue::{Conflict, Error, Reason, Shortage};
use crate::dates;

/// Seconds after which a request is tried again that came while another with its key was under way.
const IN_USE_RETRY_S: u32 = 1;
/// Seconds after which a request is tried again that the host could not take.
const UNAVAILABLE_RETRY_S: u32 = 2;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(what) => not_found(&what),
            Error::Unauthorized => unauthorized(),
            Error::Forbidden => Problem::new(
                Code::Forbidden,
                "This needs an administrator, or staff of the hotel.",
            ),
            Error::Invalid(invalid) => {
                let field = field_name(&invalid.field);
                Problem::field(of_reason(invalid.reason), field, invalid.detail)
            }
            Error::SoldOut(shortage) => sold_out(&shortage),
            Error::Conflict((conflict, detail)) => Problem::new(of_conflict(conflict), detail),
            Error::KeyReused => Problem::new(
                Code::IdempotencyKeyReused,
                "Use a new Idempotency-Key for a new request.",
            ),
            Error::KeyInUse => Problem::new(
                Code::IdempotencyKeyInUse,
                "Wait for the first request, or ask again.",
            )
            .retry_after(IN_USE_RETRY_S),
            Error::SlowDown(seconds) => slow_down(seconds),
            Error::Unavailable => unavailable(),
            Error::Internal => Problem::new(Code::Internal, "The host's log has more of it."),
        }
    }
}

/// There is no such hotel, reservation, or whatever it is.
pub fn not_found(what: &str) -> Problem {
    Problem::new(Code::NotFound, format!("There is no such {what}.")).with("what", what)
}

/// The credentials are not good.
pub fn unauthorized() -> Problem {
    Problem::new(
        Code::Unauthorized,
        "Show a guest's token, an account's token, or an account's name and password.",
    )
}

/// Too many requests.
pub fn slow_down(seconds: u32) -> Problem {
    Problem::new(Code::SlowDown, format!("Try again in {seconds} s.")).retry_after(seconds)
}

/// The host cannot take it now.
pub fn unavailable() -> Problem {
    Problem::new(Code::Unavailable, "The same request can be sent again.")
        .retry_after(UNAVAILABLE_RETRY_S)
}

fn sold_out(shortage: &Shortage) -> Problem {
    let Shortage {
        room_type,
        night,
        left,
    } = shortage;
    let night = dates::text(*night);
    let detail = format!("In the night of {night} there are {left} rooms of {room_type} left.");
    Problem::new(Code::SoldOut, detail)
        .with("room_type", room_type.as_str())
        .with("night", night)
        .with("left", *left)
}

/// The name in the API of a field of the contract: a stay's fields stand beside the guest's, and some are spelt for
/// people.
fn field_name(field: &str) -> &str {
    let field = field.strip_prefix("stay.").unwrap_or(field);
    match field {
        "check_in_from_min" => "check_in_from",
        "check_out_until_min" => "check_out_until",
        "stars_tenths" => "stars",
        "text" | "matching" => "q",
        "near" => "lat",
        "max" => "limit",
        other => other,
    }
}

fn of_reason(reason: Reason) -> Code {
    match reason {
        Reason::Malformed => Code::Malformed,
        Reason::TooLarge => Code::TooLarge,
        Reason::DatesOrder => Code::DatesOrder,
        Reason::StayTooLong => Code::StayTooLong,
        Reason::StayTooShort => Code::StayTooShort,
        Reason::ArrivalPast => Code::ArrivalPast,
        Reason::ArrivalTooFar => Code::ArrivalTooFar,
        Reason::NoGuests => Code::NoGuests,
        Reason::TooManyGuests => Code::TooManyGuests,
        Reason::Rooms => Code::Rooms,
        Reason::Currency => Code::Currency,
        Reason::TimeZone => Code::TimeZone,
        Reason::NotOffered => Code::NotOffered,
    }
}

fn of_conflict(conflict: Conflict) -> Code {
    match conflict {
        Conflict::State => Code::WrongState,
        Conflict::HoldExpired => Code::HoldExpired,
        Conflict::PaymentUnderWay => Code::PaymentUnderWay,
        Conflict::AlreadyPaid => Code::AlreadyPaid,
        Conflict::NotNow => Code::NotNow,
        Conflict::Version => Code::VersionMismatch,
        Conflict::InUse => Code::InUse,
        Conflict::Price => Code::PriceChanged,
        Conflict::Available => Code::RoomsAvailable,
    }
}
