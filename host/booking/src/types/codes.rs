//! What things are called: codes that people give, and identifiers that are made here.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest code of a hotel, room type or rate plan, in bytes: fits a path segment and a label of DNS.
pub const CODE_MAX_BYTES: usize = 64;

/// A text that is not a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a code: 1 to 64 of a-z, 0-9 and '-', beginning with a letter or a digit")]
pub struct InvalidCode(pub String);

fn parse_code(text: &str) -> Result<Arc<str>, InvalidCode> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if text.is_empty()
        || text.len() > CODE_MAX_BYTES
        || text.starts_with('-')
        || !text.bytes().all(allowed)
    {
        return Err(InvalidCode(text.chars().take(CODE_MAX_BYTES + 1).collect()));
    }
    Ok(text.into())
}

macro_rules! code {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The code as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidCode;

            fn from_str(text: &str) -> Result<Self, InvalidCode> {
                parse_code(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidCode;

            fn try_from(text: String) -> Result<Self, InvalidCode> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> Self {
                code.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

code! {
    /// A hotel. What belongs to it is kept on the shard that its code is hashed to.
    HotelCode
}
code! {
    /// A kind of room, in its hotel.
    RoomTypeCode
}
code! {
    /// A rate plan, in its hotel.
    RatePlanCode
}

macro_rules! identifier {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier (UUIDv7).
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

identifier! {
    /// A reservation.
    ReservationId
}
identifier! {
    /// A place in the waiting list.
    WaitingId
}
identifier! {
    /// An attempt to pay; the payment provider's idempotency key.
    AttemptId
}
identifier! {
    /// A webhook.
    WebhookId
}
identifier! {
    /// A mail in the outbox; the mail service's idempotency key.
    MailId
}

/// The digits of Crockford's base 32: none that is easily taken for another.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a reservation's code: 40 bits, and two reservations of a hotel never have the same (the store sees to it).
const RESERVATION_CODE_CHARS: u32 = 8;

/// The code of a reservation, for people to read aloud: 8 digits of Crockford's base 32.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReservationCode(String);

impl ReservationCode {
    /// The code of the lowest 40 bits, which are to be random.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        let digit = |place: u32| {
            let digit = (bits >> (5 * place)) & 31;
            // The digit is below 32.
            CROCKFORD.get(digit as usize).map_or('0', |&b| b as char)
        };
        Self((0..RESERVATION_CODE_CHARS).map(digit).collect())
    }

    /// The code of the random part of a reservation's id (RFC 9562 §5.7: the last 62 bits).
    #[must_use]
    pub fn of(id: ReservationId) -> Self {
        Self::from_bits(id.0.as_u64_pair().1)
    }

    /// Reads a code as people write it: any case, `O` for `0`, `I` and `L` for `1`, with hyphens and spaces.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |c: char| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        };
        let kept = text.chars().filter(|c| !matches!(c, '-' | ' '));
        let code: String = kept
            .map(digit)
            .take(RESERVATION_CODE_CHARS as usize + 1)
            .collect();
        let fits = code.len() == RESERVATION_CODE_CHARS as usize
            && code.bytes().all(|b| CROCKFORD.contains(&b));
        fits.then_some(Self(code))
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReservationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ReservationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_checked() {
        for good in ["a", "0", "grand-hotel", &"a".repeat(64)] {
            assert_eq!(good.parse::<HotelCode>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "A", "a b", "ä", "a/b", "a_b", &"a".repeat(65)] {
            assert!(bad.parse::<HotelCode>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn reservation_codes_read_back_as_people_write_them() {
        let code = ReservationCode::from_bits(0x01_2345_6789);
        assert_eq!(code.as_str().len(), 8);
        let spoken = format!("{}-{}", &code.as_str()[..4], &code.as_str()[4..]).to_lowercase();
        assert_eq!(ReservationCode::parse(&spoken), Some(code));
        assert_eq!(
            ReservationCode::parse("OIL0 OIL0"),
            ReservationCode::parse("01100110")
        );
        for bad in ["", "0123456", "012345678", "U1234567", "0123456ä"] {
            assert_eq!(ReservationCode::parse(bad), None, "{bad:?}");
        }
    }
}
