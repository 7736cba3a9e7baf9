//! A stay as an event of iCalendar (RFC 5545, with the methods of RFC 5546).

use std::fmt::Write;

use crate::types::{Date, Hotel, Reservation, TimeUs, Zone};

/// Longest line, octets, without its end (RFC 5545 §3.1).
const LINE_MAX_BYTES: usize = 75;

/// What the calendar tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Here it is, or: so it is now.
    Publish,
    /// It does not take place.
    Cancel,
}

/// The event of a stay: whole days, which do not make the guest busy.
pub(super) fn event(
    reservation: &Reservation,
    hotel: &Hotel,
    summary: &str,
    method: Method,
    now_us: TimeUs,
) -> String {
    let (method, status) = match method {
        Method::Publish => ("PUBLISH", "CONFIRMED"),
        Method::Cancel => ("CANCEL", "CANCELLED"),
    };
    let address = &hotel.address;
    let place = [
        &hotel.name,
        &address.street,
        &address.city,
        &address.country,
    ];
    let place: Vec<&str> = place
        .iter()
        .map(|part| part.as_str())
        .filter(|part| !part.is_empty())
        .collect();
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Concierge//Booking//EN".to_owned(),
        format!("METHOD:{method}"),
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{}", reservation.id),
        format!("DTSTAMP:{}", utc(now_us)),
        format!("SEQUENCE:{}", reservation.version),
        format!("DTSTART;VALUE=DATE:{}", basic(reservation.stay.arrival)),
        format!("DTEND;VALUE=DATE:{}", basic(reservation.stay.departure)),
        format!("SUMMARY:{}", escaped(summary)),
        format!("LOCATION:{}", escaped(&place.join(", "))),
        format!("STATUS:{status}"),
        "TRANSP:TRANSPARENT".to_owned(),
    ];
    if let Some(position) = hotel.position {
        lines.push(format!("GEO:{};{}", position.latitude, position.longitude));
    }
    if !hotel.email.is_empty() {
        lines.push(format!("ORGANIZER:mailto:{}", hotel.email));
    }
    lines.push("END:VEVENT".to_owned());
    lines.push("END:VCALENDAR".to_owned());
    let mut text = String::new();
    lines.iter().for_each(|line| fold(&mut text, line));
    text
}

/// Adds a content line, folded where it is too long, never within a character (RFC 5545 §3.1).
fn fold(text: &mut String, line: &str) {
    let mut used = 0;
    for c in line.chars() {
        if used + c.len_utf8() > LINE_MAX_BYTES {
            text.push_str("\r\n ");
            used = 1;
        }
        text.push(c);
        used += c.len_utf8();
    }
    text.push_str("\r\n");
}

/// A text value (RFC 5545 §3.3.11).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// `20261224`.
fn basic(date: Date) -> String {
    date.to_string().replace('-', "")
}

/// `20261224T101500Z`.
fn utc(time_us: TimeUs) -> String {
    let zone = Zone::utc();
    let minute_of_day = time_us / 60_000_000 % 1_440;
    let mut text = basic(Date::at(time_us, &zone));
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "T{:02}{:02}{:02}Z",
        minute_of_day / 60,
        minute_of_day % 60,
        time_us / 1_000_000 % 60
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_between_characters() {
        let line = "SUMMARY:".to_owned() + &"ä".repeat(100);
        let mut text = String::new();
        fold(&mut text, &line);
        assert!(text.lines().all(|line| line.len() <= LINE_MAX_BYTES));
        assert_eq!(text.replace("\r\n ", ""), line + "\r\n");
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(escaped("a;b,c\\d\ne\r"), "a\\;b\\,c\\\\d\\ne");
    }

    #[test]
    fn times_are_utc() {
        // 2026-11-26 is day 20,783.
        let time_us = (20_783 * 86_400 + 3 * 3_600 + 4 * 60 + 5) * 1_000_000;
        assert_eq!(utc(time_us), "20261126T030405Z");
    }
}
