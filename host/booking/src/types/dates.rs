//! Dates, times and time zones.
//!
//! A date is a day of the hotel's own calendar. Which day it is there, and when a day begins, depends on the
//! hotel's time zone; nothing else does.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// Microseconds since the Unix epoch, UTC.
pub type TimeUs = u64;

/// Microseconds in a second.
pub const US_PER_S: u64 = 1_000_000;

/// Minutes in a day.
pub const MINUTES_PER_DAY: u32 = 24 * 60;

/// The first day of the calendar here, 1970-01-01.
const EPOCH: civil::Date = civil::date(1970, 1, 1);

/// The last date that is taken for one: 9999-12-31, as far as four digits of ISO 8601 go.
const LAST: i32 = 2_932_896;

/// A day, or the night that begins on it: days since 1970-01-01, from there to 9999-12-31.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i32", into = "i32")]
pub struct Date(i32);

/// A number or a text that is not a date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a date from 1970-01-01 to 9999-12-31")]
pub struct InvalidDate(pub String);

impl Date {
    /// The first date, 1970-01-01.
    pub const EPOCH: Self = Self(0);

    /// Days since 1970-01-01.
    #[must_use]
    pub fn days(self) -> i32 {
        self.0
    }

    /// So many days later (or earlier); stops at the calendar's ends.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days).clamp(0, LAST))
    }

    /// Days from `earlier` to this day.
    #[must_use]
    pub fn since(self, earlier: Self) -> i32 {
        self.0 - earlier.0
    }

    /// The days from this one to before `end`.
    pub fn until(self, end: Self) -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
        (self.0..end.0.max(self.0)).map(Self)
    }

    /// The date that it is at a time in a time zone.
    #[must_use]
    pub fn at(time_us: TimeUs, zone: &Zone) -> Self {
        let micros = i64::try_from(time_us).unwrap_or(i64::MAX);
        let time = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
        Self::from_civil(zone.0.to_datetime(time).date())
    }

    /// Year, month (1 to 12), day of the month, and day of the week (0: Monday).
    #[must_use]
    pub fn parts(self) -> (i16, usize, i8, usize) {
        let date = self.civil();
        let month = usize::try_from(date.month()).unwrap_or(1);
        let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
        (date.year(), month, date.day(), weekday)
    }

    fn from_civil(date: civil::Date) -> Self {
        let days = (date - EPOCH).get_days();
        Self(days.clamp(0, LAST))
    }

    fn civil(self) -> civil::Date {
        EPOCH.saturating_add(self.0.days())
    }

    /// The time at which it is so many minutes after midnight of this day. Where the clocks are put
    /// forward over it, the time by which they were put forward later.
    #[must_use]
    pub fn time_us(self, minutes: u32, zone: &Zone) -> TimeUs {
        let minutes = minutes.min(MINUTES_PER_DAY);
        let local = self
            .civil()
            .to_datetime(civil::Time::midnight())
            .saturating_add(i64::from(minutes).minutes());
        let time = zone.0.to_ambiguous_timestamp(local).compatible();
        time.map_or(0, |time| u64::try_from(time.as_microsecond()).unwrap_or(0))
    }
}

impl TryFrom<i32> for Date {
    type Error = InvalidDate;

    fn try_from(days: i32) -> Result<Self, InvalidDate> {
        match days {
            0..=LAST => Ok(Self(days)),
            _ => Err(InvalidDate(format!("day {days}"))),
        }
    }
}

impl From<Date> for i32 {
    fn from(date: Date) -> Self {
        date.0
    }
}

impl FromStr for Date {
    type Err = InvalidDate;

    /// Reads `YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self, InvalidDate> {
        let invalid = || InvalidDate(format!("{:?}", text.chars().take(32).collect::<String>()));
        let date: civil::Date = text.parse().map_err(|_| invalid())?;
        if text.len() != 10 || date < EPOCH {
            return Err(invalid());
        }
        Ok(Self::from_civil(date))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.civil().fmt(f)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.civil().fmt(f)
    }
}

/// A time as RFC 3339 writes it, in UTC, to the second.
#[must_use]
pub fn rfc3339(time_us: TimeUs) -> String {
    let seconds = i64::try_from(time_us / US_PER_S).unwrap_or(i64::MAX);
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    time.to_string()
}

/// A time zone of the IANA database, which is compiled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of a name (`Europe/Lisbon`); `None` if there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }

    /// The time zone of UTC.
    #[must_use]
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_back() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("2026-11-26", 20_783),
            ("9999-12-31", LAST),
        ] {
            let date: Date = text.parse().unwrap();
            assert_eq!(date.days(), days);
            assert_eq!(date.to_string(), text);
        }
        for bad in [
            "",
            "1969-12-31",
            "2026-02-30",
            "20261126",
            "2026-11-26T10:00",
            "x",
        ] {
            assert!(bad.parse::<Date>().is_err(), "{bad:?}");
        }
        assert!(Date::try_from(-1).is_err());
        assert!(Date::try_from(LAST + 1).is_err());
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_785_000_000_999_999), "2026-07-25T17:20:00Z");
    }

    #[test]
    fn the_day_is_the_hotels_own() {
        // 2026-06-30 23:30 in Lisbon (UTC+1) is 22:30 UTC, and already July in Tokyo.
        let lisbon = Zone::named("Europe/Lisbon").unwrap();
        let tokyo = Zone::named("Asia/Tokyo").unwrap();
        let day: Date = "2026-06-30".parse().unwrap();
        let time_us = day.time_us(23 * 60 + 30, &lisbon);
        assert_eq!(Date::at(time_us, &lisbon), day);
        assert_eq!(Date::at(time_us, &tokyo), day.plus(1));
        assert!(Zone::named("Europe/Atlantis").is_none());
    }

    #[test]
    fn a_time_that_the_clocks_jump_over_is_the_later_one() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let spring: Date = "2026-03-29".parse().unwrap();
        assert_eq!(
            spring.time_us(2 * 60 + 30, &berlin),
            spring.time_us(3 * 60 + 30, &berlin)
        );
    }
}
