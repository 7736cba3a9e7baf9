//! Dates and times: days and microseconds since 1970-01-01 in the contract, text towards people and programs.

use jiff::Timestamp;
use jiff::civil::{Date as Civil, date};

use crate::bindings::concierge::booking::catalogue::{Date, TimeUs};

/// The day that the contract's dates count from.
const EPOCH: Civil = date(1970, 1, 1);

/// Days that are dates here: 1970-01-01 to 9999-12-31, the last year that RFC 3339 can write.
const DAYS: std::ops::RangeInclusive<Date> = 0..=2_932_896;

/// Reads `YYYY-MM-DD` (RFC 3339 `full-date`). Says what is wrong with what is no date.
pub fn parse(text: &str) -> Result<Date, String> {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shape {
        return Err("Dates are written YYYY-MM-DD, as in 2026-12-24.".to_owned());
    }
    let civil: Civil = text
        .parse()
        .map_err(|_| format!("There is no day {text} in the calendar."))?;
    day_of(civil)
        .filter(|day| DAYS.contains(day))
        .ok_or_else(|| "Dates begin at 1970-01-01.".to_owned())
}

/// Writes a date as `YYYY-MM-DD`. What is out of the calendar is written as its nearest end.
pub fn text(day: Date) -> String {
    civil(day).to_string()
}

/// The date in the calendar; the nearest end of it for what is outside.
pub fn civil(day: Date) -> Civil {
    let day = day.clamp(*DAYS.start(), *DAYS.end());
    EPOCH.saturating_add(jiff::Span::new().days(day))
}

/// The contract's number of a date.
pub fn day_of(civil: Civil) -> Option<Date> {
    let days = civil.since((jiff::Unit::Day, EPOCH)).ok()?.get_days();
    Some(days)
}

/// A month: its first day, and how many days it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    /// Its first day.
    pub first: Date,
    /// How many days it has.
    pub days: u32,
}

impl Month {
    /// Reads `YYYY-MM`. Says what is wrong with what is no month.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "Months are written YYYY-MM, as in 2026-12.".to_owned();
        if text.len() != 7 {
            return Err(wrong());
        }
        parse(&format!("{text}-01"))
            .map(Self::of)
            .map_err(|_| wrong())
    }

    /// The month that a day is in.
    pub fn of(day: Date) -> Self {
        let first = civil(day).first_of_month();
        Self {
            first: day_of(first).unwrap_or(day),
            days: u32::from(first.days_in_month().unsigned_abs()),
        }
    }

    /// `YYYY-MM`.
    pub fn text(self) -> String {
        let mut text = text(self.first);
        text.truncate(7);
        text
    }
}

/// Writes a time as RFC 3339 in UTC, to the second: what people and programs do with the times of reservations needs
/// no more.
pub fn time_text(time_us: TimeUs) -> String {
    let seconds = i64::try_from(time_us / 1_000_000).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

/// Minutes of a day.
const DAY_MIN: u32 = 24 * 60;

/// Reads `HH:MM`, a time of day, as minutes after midnight. `24:00` is the day's end.
pub fn parse_time_of_day(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<u32>().ok()).flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let time_min = hours * 60 + minutes;
    (minutes < 60 && time_min <= DAY_MIN).then_some(time_min)
}

/// Writes minutes after midnight as `HH:MM`; what is more than a day as its end.
pub fn time_of_day_text(time_min: u32) -> String {
    let time_min = time_min.min(DAY_MIN);
    format!("{:02}:{:02}", time_min / 60, time_min % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_written() {
        for (text_of, day) in [
            ("1970-01-01", 0),
            ("2024-02-29", 19_782),
            ("2026-12-24", 20_811),
            ("9999-12-31", 2_932_896),
        ] {
            assert_eq!(parse(text_of), Ok(day), "{text_of}");
            assert_eq!(text(day), text_of);
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for bad in [
            "",
            "2026-2-3",
            "2026-02-30",
            "2025-02-29",
            "9999-99-99",
            "1969-12-31",
            "0000-00-00",
            "-999-01-01",
            "2026-12-24T00:00:00Z",
            "20261224",
            "２０２６-12-24",
            "2026-12-2４",
            "+026-12-24",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn days_outside_the_calendar_are_written_as_its_ends() {
        assert_eq!(text(-1), "1970-01-01");
        assert_eq!(text(i32::MIN), "1970-01-01");
        assert_eq!(text(i32::MAX), "9999-12-31");
        assert_eq!(time_text(u64::MAX), Timestamp::MAX.to_string());
    }

    #[test]
    fn months_have_their_days() {
        let month = Month::parse("2028-02").unwrap();
        assert_eq!((text(month.first).as_str(), month.days), ("2028-02-01", 29));
        assert_eq!(Month::of(20_811).text(), "2026-12");
        for bad in [
            "2026-13",
            "2026-00",
            "2026-1",
            "2026-12-01",
            "202612",
            "é026-1",
        ] {
            assert!(Month::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_read_and_written() {
        assert_eq!(time_text(1_782_000_000_999_999), "2026-06-21T00:00:00Z");
        assert_eq!(parse_time_of_day("15:30"), Some(930));
        assert_eq!(time_of_day_text(930), "15:30");
        assert_eq!(parse_time_of_day("24:00"), Some(1_440));
        assert_eq!(time_of_day_text(1_440), "24:00");
        for bad in [
            "24:01", "25:00", "1:00", "12:60", "12", "+1:00", "12:00:00", "",
        ] {
            assert_eq!(parse_time_of_day(bad), None, "{bad}");
        }
    }
}
