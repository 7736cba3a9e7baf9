//! Dates as S3 reads and writes them.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The last second that both forms can name, 9999-12-30T22:00:00Z (jiff's `Timestamp::MAX`); later times are cut to it.
const LAST_SECOND: u64 = 253_402_207_200;

/// Microseconds since the epoch as an HTTP date (RFC 9110 §5.6.7).
pub fn http(at_us: u64) -> String {
    let seconds = (at_us / 1_000_000).min(LAST_SECOND);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Microseconds since the epoch as S3 writes times in XML: whole seconds, as in the Last-Modified header, so that a
/// listing and a HEAD agree.
pub fn xml(at_us: u64) -> String {
    let mut text = written(at_us);
    text.push_str(".000Z");
    text
}

/// Microseconds since the epoch as the errors of signing name them, `YYYY-MM-DDTHH:MM:SSZ`.
pub fn iso(at_us: u64) -> String {
    let mut text = written(at_us);
    text.push('Z');
    text
}

/// `YYYY-MM-DDTHH:MM:SS`, with room for what follows. A page of a listing writes a thousand, so no formatter is asked.
fn written(at_us: u64) -> String {
    let seconds = i64::try_from((at_us / 1_000_000).min(LAST_SECOND)).unwrap_or(0);
    let at =
        TimeZone::UTC.to_datetime(Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH));
    let year = at.year().unsigned_abs();
    let mut out = String::with_capacity("YYYY-MM-DDTHH:MM:SS.000Z".len());
    push_two(&mut out, year / 100);
    push_two(&mut out, year % 100);
    for (separator, number) in [
        ('-', at.month()),
        ('-', at.day()),
        ('T', at.hour()),
        (':', at.minute()),
        (':', at.second()),
    ] {
        out.push(separator);
        push_two(&mut out, number.unsigned_abs().into());
    }
    out
}

/// A number below 100 in two digits.
fn push_two(out: &mut String, number: u16) {
    for digit in [number / 10 % 10, number % 10] {
        out.extend(char::from_digit(digit.into(), 10));
    }
}

/// Reads an HTTP date, in any of the three forms of RFC 9110 §5.6.7, or ISO 8601, which S3 takes too in the headers of
/// conditions; gives seconds since the epoch. Dates before the epoch count as the epoch.
pub fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    if let Ok(at) = httpdate::parse_http_date(text) {
        return Some(
            at.duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
        );
    }
    let at: Timestamp = text.parse().ok()?;
    Some(u64::try_from(at.as_second()).unwrap_or(0))
}

/// Reads `YYYYMMDD'T'HHMMSS'Z'`, the form of x-amz-date; gives seconds since the epoch.
pub fn parse_amz(text: &str) -> Option<u64> {
    let b = text.as_bytes();
    if b.len() != 16 || b.get(8) != Some(&b'T') || b.get(15) != Some(&b'Z') {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i16> {
        let digits = text.get(from..to)?;
        if digits.bytes().all(|c| c.is_ascii_digit()) {
            digits.parse().ok()
        } else {
            None
        }
    };
    let small = |from: usize| -> Option<i8> { i8::try_from(number(from, from + 2)?).ok() };
    let at = DateTime::new(
        number(0, 4)?,
        small(4)?,
        small(6)?,
        small(9)?,
        small(11)?,
        small(13)?,
        0,
    )
    .ok()?;
    let seconds = TimeZone::UTC.to_timestamp(at).ok()?.as_second();
    u64::try_from(seconds).ok()
}

/// Seconds since the epoch in the form of x-amz-date, for a request that was signed with a `Date` header.
pub fn amz(at_s: u64) -> String {
    let mut text = written(at_s.saturating_mul(1_000_000));
    text.retain(|c| !matches!(c, '-' | ':'));
    text.push('Z');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_that_http_allows_and_iso_8601() {
        let expected = Some(784_111_777);
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT"), expected);
        assert_eq!(parse("Sunday, 06-Nov-94 08:49:37 GMT"), expected);
        assert_eq!(parse("Sun Nov  6 08:49:37 1994"), expected);
        assert_eq!(parse("1994-11-06T08:49:37Z"), expected);
        assert_eq!(parse_amz("19941106T084937Z"), expected);
        assert_eq!(amz(784_111_777), "19941106T084937Z");
    }

    #[test]
    fn refuses_broken_dates() {
        for broken in [
            "",
            "yesterday",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "1994-11-06T08:49",
            "784111777",
        ] {
            assert_eq!(parse(broken), None, "{broken}");
        }
        for broken in [
            "",
            "19941106T084937",
            "1994-1106T08493Z",
            "19941306T084937Z",
            "19941106T244937Z",
            "+9941106T084937Z",
        ] {
            assert_eq!(parse_amz(broken), None, "{broken}");
        }
    }

    #[test]
    fn writes_times_beyond_the_calendar_without_failing() {
        assert_eq!(http(u64::MAX), "Thu, 30 Dec 9999 22:00:00 GMT");
        assert_eq!(xml(u64::MAX), "9999-12-30T22:00:00.000Z");
        assert_eq!(xml(784_111_777_999_999), "1994-11-06T08:49:37.000Z");
        assert_eq!(xml(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(1_000_000), "1970-01-01T00:00:01Z");
        assert_eq!(amz(u64::MAX), "99991230T220000Z");
    }
}
