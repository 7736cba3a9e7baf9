//! Why a call failed: the cases of the domain and of the contract are the same.

use crate::joins::bindings::booking::catalogue as wit;
use concierge_booking::{Conflict, Error, Reason};

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(what) => Self::NotFound(what),
            Error::Unauthorized => Self::Unauthorized,
            Error::Forbidden => Self::Forbidden,
            Error::Invalid {
                field,
                reason,
                detail,
            } => Self::Invalid(wit::Invalid {
                field,
                reason: reason.into(),
                detail,
            }),
            Error::SoldOut {
                room_type,
                night,
                left,
            } => Self::SoldOut(wit::Shortage {
                room_type: room_type.into(),
                night: night.days(),
                left,
            }),
            Error::Conflict(conflict, detail) => Self::Conflict((conflict.into(), detail)),
            Error::KeyReused => Self::KeyReused,
            Error::KeyInUse => Self::KeyInUse,
            Error::SlowDown(seconds) => Self::SlowDown(seconds),
            Error::Unavailable => Self::Unavailable,
            Error::Internal => Self::Internal,
        }
    }
}

impl From<Reason> for wit::Reason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Malformed => Self::Malformed,
            Reason::TooLarge => Self::TooLarge,
            Reason::DatesOrder => Self::DatesOrder,
            Reason::StayTooLong => Self::StayTooLong,
            Reason::StayTooShort => Self::StayTooShort,
            Reason::ArrivalPast => Self::ArrivalPast,
            Reason::ArrivalTooFar => Self::ArrivalTooFar,
            Reason::NoGuests => Self::NoGuests,
            Reason::TooManyGuests => Self::TooManyGuests,
            Reason::Rooms => Self::Rooms,
            Reason::Currency => Self::Currency,
            Reason::TimeZone => Self::TimeZone,
            Reason::NotOffered => Self::NotOffered,
        }
    }
}

impl From<Conflict> for wit::Conflict {
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::State => Self::State,
            Conflict::HoldExpired => Self::HoldExpired,
            Conflict::PaymentUnderWay => Self::PaymentUnderWay,
            Conflict::AlreadyPaid => Self::AlreadyPaid,
            Conflict::NotNow => Self::NotNow,
            Conflict::Version => Self::Version,
            Conflict::InUse => Self::InUse,
            Conflict::Price => Self::Price,
            Conflict::Available => Self::Available,
        }
    }
}
