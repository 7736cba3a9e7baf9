//! The form Date (RFC 8621 §4.1.2.6).

use super::lexer::{Lexer, Token};

/// Octets of a field that are looked at: far more than a date with its comment has.
const DATE_BYTES_MAX: usize = 256;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// A date-time (RFC 5322 §3.3, with the obsolete forms of §4.3) as RFC 3339 writes it, in the zone it was written in.
/// `None` where it is none, or names a day or a time that there is not.
pub fn date(value: &str) -> Option<String> {
    let value = value.get(..value.floor_char_boundary(DATE_BYTES_MAX))?;
    let is_said = |token: &Token<'_>| !matches!(token, Token::Comment(_) | Token::Special(','));
    let mut tokens = Lexer::new(value).filter(is_said).peekable();
    let is_name = |token: &Token<'_>| matches!(token, Token::Atom(atom) if atom.bytes().all(|byte| byte.is_ascii_alphabetic()));
    // The name of the day.
    let _ = tokens.next_if(is_name);
    let day = number(atom(tokens.next())?, 2)?;
    let month = month(atom(tokens.next())?)?;
    let year = year(atom(tokens.next())?)?;
    let date = jiff::civil::Date::new(year, month, i8::try_from(day).ok()?).ok()?;

    let hour = number(atom(tokens.next())?, 2).filter(|hour| *hour < 24)?;
    tokens.next_if_eq(&Token::Special(':'))?;
    let minute = number(atom(tokens.next())?, 2).filter(|minute| *minute < 60)?;
    let second = match tokens.next_if_eq(&Token::Special(':')) {
        // RFC 5322 §3.3 has leap seconds, and no table here knows when there were some.
        Some(_) => number(atom(tokens.next())?, 2).filter(|second| *second <= 60)?,
        None => 0,
    };
    // Some write a colon into the zone.
    let zone: String = tokens.filter_map(|token| atom(Some(token))).collect();
    let zone = zone_written(&zone)?;
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{zone}"))
}

fn atom(token: Option<Token<'_>>) -> Option<&str> {
    match token {
        Some(Token::Atom(atom)) => Some(atom),
        _ => None,
    }
}

/// A number of one to so many digits.
fn number(text: &str, digits_max: usize) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && text.len() <= digits_max).then(|| text.parse().ok())?
}

fn month(name: &str) -> Option<i8> {
    let at = MONTHS
        .iter()
        .position(|month| name.eq_ignore_ascii_case(month))?;
    i8::try_from(at + 1).ok()
}

/// RFC 5322 §4.3: years of two and of three digits.
fn year(text: &str) -> Option<i16> {
    let year = i16::try_from(number(text, 4)?).ok()?;
    Some(match (text.len(), year) {
        (2, 0..50) => year + 2_000,
        (2 | 3, _) => year + 1_900,
        _ => year,
    })
}

/// A zone as RFC 3339 writes it. What RFC 5322 §4.3 does not know, and a time without zone, which is met, are UTC.
fn zone_written(zone: &str) -> Option<String> {
    let hours = match zone.to_ascii_uppercase().as_str() {
        "EDT" => 4,
        "EST" | "CDT" => 5,
        "CST" | "MDT" => 6,
        "MST" | "PDT" => 7,
        "PST" => 8,
        _ => 0,
    };
    if hours > 0 {
        return Some(format!("-{hours:02}:00"));
    }
    let Some(sign) = zone.chars().next().filter(|sign| matches!(sign, '+' | '-')) else {
        return Some("Z".to_owned());
    };
    let digits = zone.get(1..5).filter(|_| zone.len() == 5)?;
    let offset = number(digits, 4)?;
    let (hours, minutes) = (offset / 100, offset % 100);
    let written = match offset {
        0 => "Z".to_owned(),
        _ => format!("{sign}{hours:02}:{minutes:02}"),
    };
    (hours < 24 && minutes < 60).then_some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_keep_their_zone() {
        for (value, expected) in [
            (
                " Fri, 21 Nov 1997 09:55:06 -0600",
                "1997-11-21T09:55:06-06:00",
            ),
            (
                " Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)",
                "1969-02-13T23:32:00-03:30",
            ),
            (" 21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06Z"),
            (" 21 Nov 97 09:55:06 EST", "1997-11-21T09:55:06-05:00"),
            (" Tue, 1 Jul 2003 10:52:37 +0000", "2003-07-01T10:52:37Z"),
            (" 1 Jan 1970 00:00:01", "1970-01-01T00:00:01Z"),
            (" Thu, 31 Dec 1998 23:59:60 +0000", "1998-12-31T23:59:60Z"),
            (
                " Thu, 29 Feb 2024 00:00:00 +1400",
                "2024-02-29T00:00:00+14:00",
            ),
            (" 1 Jan 49 00:00 -0000", "2049-01-01T00:00:00Z"),
            (" 1 JAN 50 00:00 Z", "1950-01-01T00:00:00Z"),
            (" 1 Jan 100 00:00 x", "2000-01-01T00:00:00Z"),
            (
                " Sat,1 Jan 2000 9:05:06 +01:00 (CET)",
                "2000-01-01T09:05:06+01:00",
            ),
        ] {
            assert_eq!(date(value).as_deref(), Some(expected), "{value:?}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for value in [
            "",
            " soon",
            " 30 Feb 2024 00:00:00 +0000",
            " 29 Feb 2023 00:00:00 +0000",
            " 1 Foo 2024 00:00:00 +0000",
            " 1 Jan 2024 24:00:00 +0000",
            " 1 Jan 2024 00:61:00 +0000",
            " 1 Jan 2024 24:00:00 +0000",
            " 1 Jan 2024 00:00:00 +9900",
            " 1 Jan 2024 00:00:00 +1",
            " 1 Jan 12345 00:00:00 +0000",
            " 1 Jan 2024 00:00:1é +0000",
            " 1 Jan 2024 00 +0000",
            " +1 Jan 2024 00:00 +0000",
            " 1 Jan 2024",
        ] {
            assert_eq!(date(value), None, "{value:?}");
        }
    }
}
