//! Types of values (RFC 8620 §1.2 to §1.4).

use std::str::FromStr as _;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The greatest `UnsignedInt`: 2⁵³ − 1, which every JSON reader has exactly.
pub const UNSIGNED_INT_MAX: u64 = (1 << 53) - 1;

/// `UnsignedInt`: 0 to 2⁵³ − 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnsignedInt(pub u64);

impl UnsignedInt {
    /// As 32 bits, the greatest where it is greater: for limits, which are lower anyway.
    pub fn saturated(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

impl<'de> Deserialize<'de> for UnsignedInt {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(reader)?;
        if number > UNSIGNED_INT_MAX {
            return Err(D::Error::custom("a number is above 2^53 - 1"));
        }
        Ok(Self(number))
    }
}

/// `Int`: −2⁵³ + 1 to 2⁵³ − 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Int(pub i64);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(reader)?;
        if number.unsigned_abs() > UNSIGNED_INT_MAX {
            return Err(D::Error::custom("a number is beyond 2^53 - 1"));
        }
        Ok(Self(number))
    }
}

/// `UTCDate`, as microseconds since the Unix epoch. None before 1970 or after 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UtcDate(pub u64);

impl UtcDate {
    /// Reads an RFC 3339 date-time in UTC with capital letters, as §1.4 has it.
    pub fn parse(text: &str) -> Option<Self> {
        let shape = text.bytes().all(|byte| b"0123456789-:.TZ".contains(&byte));
        let complete = text.len() >= "2014-10-30T06:12:00Z".len();
        if !shape || !complete || !text.ends_with('Z') {
            return None;
        }
        let time = jiff::Timestamp::from_str(text).ok()?;
        u64::try_from(time.as_microsecond()).ok().map(Self)
    }

    /// As clients read it: fractions of a second only where they are not zero.
    pub fn text(self) -> String {
        let micros = i64::try_from(self.0).unwrap_or(i64::MAX);
        jiff::Timestamp::from_microsecond(micros)
            .unwrap_or(jiff::Timestamp::MAX)
            .to_string()
    }
}

impl<'de> Deserialize<'de> for UtcDate {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = String::deserialize(reader)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom("a date is not of the form YYYY-MM-DDTHH:MM:SSZ"))
    }
}

/// Whether a text is an `Id` (§1.2): 1 to 255 of `A`–`Z`, `a`–`z`, `0`–`9`, `-` and `_`.
pub fn is_id(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// A state as the host counts them, or `None` for a text that never was one.
pub fn state(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading = text.len() > 1 && text.starts_with('0');
    (digits && !leading).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_those_that_every_reader_has() {
        let unsigned = |value| serde_json::from_value::<UnsignedInt>(value).ok();
        assert_eq!(unsigned(json!(0)), Some(UnsignedInt(0)));
        assert_eq!(
            unsigned(json!(UNSIGNED_INT_MAX)),
            Some(UnsignedInt(UNSIGNED_INT_MAX))
        );
        for value in [
            json!(UNSIGNED_INT_MAX + 1),
            json!(-1),
            json!(1.5),
            json!("1"),
        ] {
            assert_eq!(unsigned(value.clone()), None, "{value}");
        }
        let int = |value| serde_json::from_value::<Int>(value).ok();
        assert_eq!(
            int(json!(-9_007_199_254_740_991_i64)),
            Some(Int(-9_007_199_254_740_991))
        );
        assert_eq!(int(json!(-9_007_199_254_740_992_i64)), None);
    }

    #[test]
    fn dates_are_utc() {
        let date = UtcDate::parse("2014-10-30T06:12:00Z");
        assert_eq!(date, Some(UtcDate(1_414_649_520_000_000)));
        assert_eq!(date.unwrap().text(), "2014-10-30T06:12:00Z");
        assert_eq!(UtcDate(1_500_000).text(), "1970-01-01T00:00:01.5Z");
        for text in [
            "",
            "2014-10-30",
            "2014-10-30T06:12:00+01:00",
            "2014-10-30t06:12:00z",
            "2014-10-30 06:12:00Z",
            "2014-13-30T06:12:00Z",
            "1969-10-30T06:12:00Z",
            "20141030T061200Z",
        ] {
            assert_eq!(UtcDate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn states_and_ids() {
        assert_eq!(state("0"), Some(0));
        assert_eq!(state("18446744073709551615"), Some(u64::MAX));
        for text in ["", "00", "+1", "-1", "a", "18446744073709551616"] {
            assert_eq!(state(text), None, "{text}");
        }
        assert!(is_id("b-_9Z"));
        assert!(!is_id("") && !is_id("a b") && !is_id("#a") && !is_id(&"a".repeat(256)));
    }
}
