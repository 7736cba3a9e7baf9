//! The records that the interfaces share, to and from the domain's.
//!
//! What comes from a component may be anything: a code or a date that is none is the error of the contract that says
//! so. Whether it makes sense is the domain's to say.

pub(super) mod catalogue;
mod error;
mod reservation;
mod stay;

use concierge_booking::types::Date;
use concierge_booking::{Error, Reason};
use std::str::FromStr;

/// The code in a field.
pub(super) fn code<T: FromStr<Err: ToString>>(field: &str, text: String) -> Result<T, Error> {
    text.parse()
        .map_err(|error: T::Err| Error::invalid(field, Reason::Malformed, error.to_string()))
}

/// The date in a field.
pub(super) fn date(field: &str, days: i32) -> Result<Date, Error> {
    Date::try_from(days)
        .map_err(|error| Error::invalid(field, Reason::Malformed, error.to_string()))
}
