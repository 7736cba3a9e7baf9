//! Dates and times for people.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Messages;
use crate::dates::{civil, day_of};
use crate::pages::language::Language;

/// Monday is 0.
pub fn weekday_index(date: Date) -> usize {
    usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default()
}

/// The weekend that comes after a day, from Friday to Sunday: what a search begins with.
pub fn next_weekend(today: i32) -> (i32, i32) {
    let days = civil(today).weekday().until(jiff::civil::Weekday::Friday);
    let friday = today.saturating_add(i32::from(if days == 0 { 7 } else { days }));
    (friday, friday.saturating_add(2))
}

/// `Thu 24 Dec 2026`, `Do., 24. Dez. 2026`.
pub fn short(language: Language, t: &Messages, days: i32) -> String {
    let date = civil(days);
    let weekday = word(t.weekdays_short, weekday_index(date));
    let month = word(t.months_short, month_index(date));
    match language {
        Language::English => format!("{weekday} {} {month} {}", date.day(), date.year()),
        Language::German => format!("{weekday}, {}. {month} {}", date.day(), date.year()),
    }
}

/// `Thursday, 24 December 2026`, `Donnerstag, 24. Dezember 2026`.
pub fn long(language: Language, t: &Messages, days: i32) -> String {
    let date = civil(days);
    let weekday = word(t.weekdays, weekday_index(date));
    let month = word(t.months, month_index(date));
    match language {
        Language::English => format!("{weekday}, {} {month} {}", date.day(), date.year()),
        Language::German => format!("{weekday}, {}. {month} {}", date.day(), date.year()),
    }
}

/// A weekday's names.
pub(crate) struct Weekday {
    pub(crate) short: &'static str,
    pub(crate) long: &'static str,
}

/// The weekdays from Monday on.
pub(crate) fn weekdays(t: &Messages) -> Vec<Weekday> {
    let (short, long) = (t.weekdays_short.split(' '), t.weekdays.split(' '));
    short
        .zip(long)
        .map(|(short, long)| Weekday { short, long })
        .collect()
}

/// `December 2026`.
pub fn month(t: &Messages, date: Date) -> String {
    format!("{} {}", word(t.months, month_index(date)), date.year())
}

/// A moment as the clocks of a place show it: `Thu 24 Dec 2026, 15:42`. A place whose zone is not known has the time
/// in UTC, and says so.
pub fn moment(language: Language, t: &Messages, at_us: u64, zone: &str) -> String {
    let Some(at) = i64::try_from(at_us)
        .ok()
        .and_then(|us| Timestamp::from_microsecond(us).ok())
    else {
        return String::new();
    };
    let (zone, suffix) = match TimeZone::get(zone) {
        Ok(zone) => (zone, ""),
        Err(_) => (TimeZone::UTC, " UTC"),
    };
    let local = zone.to_datetime(at);
    let date = short(language, t, day_of(local.date()).unwrap_or(0));
    let time = format!("{:02}:{:02}{suffix}", local.hour(), local.minute());
    match language {
        Language::English => format!("{date}, {time}"),
        Language::German => format!("{date}, {time} Uhr"),
    }
}

fn month_index(date: Date) -> usize {
    usize::try_from(date.month()).unwrap_or(1).saturating_sub(1)
}

/// A word of a list that is separated by single spaces.
fn word(list: &'static str, index: usize) -> &'static str {
    list.split(' ').nth(index).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Language::{English, German};
    use super::*;
    use crate::pages::text::{ENGLISH, GERMAN};

    #[test]
    fn dates_are_written_as_the_language_does() {
        assert_eq!(short(English, &ENGLISH, 20_811), "Thu 24 Dec 2026");
        assert_eq!(short(German, &GERMAN, 20_811), "Do., 24. Dez. 2026");
        assert_eq!(
            long(English, &ENGLISH, 20_811),
            "Thursday, 24 December 2026"
        );
        assert_eq!(
            long(German, &GERMAN, 20_811),
            "Donnerstag, 24. Dezember 2026"
        );
    }

    #[test]
    fn moments_are_in_the_zone_of_the_place_and_keep_its_summer_time() {
        // 2026-07-01T10:30:00Z and 2026-12-01T10:30:00Z.
        let (summer, winter) = (1_782_901_800_000_000, 1_796_121_000_000_000);
        let text = |at, zone| moment(English, &ENGLISH, at, zone);
        assert_eq!(text(summer, "Europe/Berlin"), "Wed 1 Jul 2026, 12:30");
        assert_eq!(text(winter, "Europe/Berlin"), "Tue 1 Dec 2026, 11:30");
        assert_eq!(text(winter, "Asia/Tokyo"), "Tue 1 Dec 2026, 19:30");
        assert_eq!(text(winter, "Nowhere/None"), "Tue 1 Dec 2026, 10:30 UTC");
        assert_eq!(
            moment(German, &GERMAN, winter, "Europe/Berlin"),
            "Di., 1. Dez. 2026, 11:30 Uhr"
        );
        assert_eq!(text(u64::MAX, "UTC"), "");
    }

    #[test]
    fn the_next_weekend_begins_on_a_friday_to_come() {
        // 2026-11-26 is a Thursday.
        let thursday = crate::dates::parse("2026-11-26").unwrap();
        let weekend = |offset: i32| {
            let (from, to) = next_weekend(thursday + offset);
            (crate::dates::text(from), crate::dates::text(to))
        };
        assert_eq!(weekend(0), ("2026-11-27".into(), "2026-11-29".into()));
        assert_eq!(weekend(1), ("2026-12-04".into(), "2026-12-06".into()));
        assert_eq!(weekend(2), ("2026-12-04".into(), "2026-12-06".into()));
    }
}
