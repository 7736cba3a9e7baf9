//! Why a call failed.

use serde::{Deserialize, Serialize};

use crate::types::{Date, RoomTypeCode};

/// What is wrong with an argument: the WIT enum `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Not of the form that the field has.
    Malformed,
    /// Longer or greater than the limit.
    TooLarge,
    /// The departure is not after the arrival.
    DatesOrder,
    /// More nights than may be booked at once.
    StayTooLong,
    /// Fewer nights than the rate plan asks for.
    StayTooShort,
    /// The arrival is past.
    ArrivalPast,
    /// The arrival is further ahead than can be booked.
    ArrivalTooFar,
    /// A room without a guest.
    NoGuests,
    /// More guests than the room holds.
    TooManyGuests,
    /// No room, or more than may be booked at once.
    Rooms,
    /// Not a currency of ISO 4217, or not the hotel's.
    Currency,
    /// Not a time zone of the IANA database.
    TimeZone,
    /// Not offered here, or not together.
    NotOffered,
}

/// Why something cannot be done now: the WIT enum `conflict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conflict {
    /// The reservation's state does not allow it.
    State,
    /// The hold is over.
    HoldExpired,
    /// Another payment of the same reservation is under way.
    PaymentUnderWay,
    /// It is paid already.
    AlreadyPaid,
    /// It is too early or too late for it.
    NotNow,
    /// The reservation was changed meanwhile.
    Version,
    /// More rooms are reserved than would be left.
    InUse,
    /// The price is another than the one that was agreed to.
    Price,
    /// There is room: no need to wait for it.
    Available,
}

/// Why a call failed: one case for each of the WIT variant `error`.
///
/// It is kept with an idempotency key when it was decided ([`Error::is_decided`]), in JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Error {
    /// There is no such thing, or the caller may not know of it.
    #[error("there is no such {0}")]
    NotFound(String),
    /// The token is not valid.
    #[error("the token is not valid")]
    Unauthorized,
    /// The caller may not do this.
    #[error("the caller may not do this")]
    Forbidden,
    /// An argument cannot be.
    #[error("{field}: {detail}")]
    Invalid {
        /// The field, by the record's names: `stay.rooms.0.adults`.
        field: String,
        /// What is wrong.
        reason: Reason,
        /// A sentence for people.
        detail: String,
    },
    /// No room.
    #[error("there are {left} rooms left of {room_type} on {night}")]
    SoldOut {
        /// Of which type.
        room_type: RoomTypeCode,
        /// The first night that lacks a room.
        night: Date,
        /// Rooms left that night.
        left: u32,
    },
    /// Not now. With a sentence for people.
    #[error("{1}")]
    Conflict(Conflict, String),
    /// The idempotency key was used with another request.
    #[error("the idempotency key was used with another request")]
    KeyReused,
    /// A request with the same idempotency key is under way.
    #[error("a request with the same idempotency key is under way")]
    KeyInUse,
    /// Too many calls; again after so many seconds.
    #[error("too many calls; again after {0} s")]
    SlowDown(u32),
    /// Not now; the caller may try again.
    #[error("not available now")]
    Unavailable,
    /// A fault of the host.
    #[error("an internal fault")]
    Internal,
}

impl Error {
    /// An argument that cannot be.
    pub fn invalid(field: impl Into<String>, reason: Reason, detail: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            reason,
            detail: detail.into(),
        }
    }

    /// Whether it was decided on the state of the tables, so that the same key is to have it again. What is wrong with
    /// the request itself, and what passes, is not kept: the same request may be sent again with the same key.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        matches!(self, Self::SoldOut { .. } | Self::Conflict(..))
    }
}
