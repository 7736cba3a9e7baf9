//! When a room type has no room, as a calendar that other programs subscribe to (RFC 5545).

use http::StatusCode;

use crate::api::cache;
use crate::api::call::{Call, Outcome};
use crate::api::from_host::not_found;
use crate::bindings::concierge::booking::availability::CalendarNight;
use crate::bindings::concierge::booking::catalogue::Date;
use crate::dates;
use crate::host::Host;
use crate::reply;

/// Nights that the calendar looks ahead: the most that the host tells at once.
const NIGHTS: u32 = 366;
/// Seconds for which it may be kept. Those who subscribe ask again every hour or less.
const MAX_AGE_S: u32 = 300;
/// Bytes of a line without its end (§3.1).
const LINE_BYTES_MAX: usize = 75;

/// The calendar of a room type: an event for each run of nights without a room.
pub async fn get<H: Host>(call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let (hotel, room_type) = (call.hotel()?, call.code("room_type")?);
    let details = call.host.get_hotel(hotel.clone()).await?;
    let mut room_types = details.room_types.into_iter();
    let name = room_types
        .find(|known| known.code == room_type)
        .map(|known| known.name)
        .ok_or_else(|| not_found("room type"))?;
    let calendars = call
        .host
        .calendar(
            hotel.clone(),
            Some(room_type.clone()),
            details.today,
            NIGHTS,
        )
        .await?;
    let nights = calendars
        .into_iter()
        .find(|calendar| calendar.room_type == room_type)
        .map(|calendar| calendar.nights)
        .unwrap_or_default();
    let calendar = Calendar {
        name: format!("{}: {name}", details.hotel.name),
        scope: format!("{room_type}.{hotel}"),
        today: details.today,
    };
    let text = calendar.text(&full_runs(&nights));
    let answer = reply::document(
        StatusCode::OK,
        "text/calendar; charset=utf-8",
        text.into_bytes(),
    );
    Ok(cache::public(&call.head.headers, answer, MAX_AGE_S))
}

/// Runs of nights without a room: the first night, and the day after the last.
fn full_runs(nights: &[CalendarNight]) -> Vec<(Date, Date)> {
    let mut runs: Vec<(Date, Date)> = Vec::new();
    for night in nights.iter().filter(|night| night.left == 0) {
        let after = night.night.saturating_add(1);
        match runs.last_mut() {
            Some((_, end)) if *end == night.night => *end = after,
            _ => runs.push((night.night, after)),
        }
    }
    runs
}

/// A calendar before it is written.
struct Calendar {
    name: String,
    /// What makes the ids of events unique: whose they are.
    scope: String,
    today: Date,
}

impl Calendar {
    fn text(&self, runs: &[(Date, Date)]) -> String {
        let mut out = String::new();
        for line in [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Concierge//Booking//EN",
            "CALSCALE:GREGORIAN",
        ] {
            fold(&mut out, line);
        }
        // Not of RFC 5545, and what every program shows as the calendar's name.
        fold(&mut out, &format!("X-WR-CALNAME:{}", escaped(&self.name)));
        for run in runs {
            self.event(&mut out, *run);
        }
        fold(&mut out, "END:VCALENDAR");
        out
    }

    fn event(&self, out: &mut String, (first, end): (Date, Date)) {
        let (start, end) = (compact(first), compact(end));
        fold(out, "BEGIN:VEVENT");
        fold(out, &format!("UID:{start}-{end}.{}@concierge", self.scope));
        // §3.8.7.2: when what it says was so. To the day, so that it stays the same while nothing changes.
        fold(out, &format!("DTSTAMP:{}T000000Z", compact(self.today)));
        fold(out, &format!("DTSTART;VALUE=DATE:{start}"));
        // §3.6.1: the end is not part of the event.
        fold(out, &format!("DTEND;VALUE=DATE:{end}"));
        fold(out, "SUMMARY:No room left");
        fold(out, "TRANSP:OPAQUE");
        fold(out, "END:VEVENT");
    }
}

/// `20261224` (§3.3.4).
fn compact(day: Date) -> String {
    dates::text(day).replace('-', "")
}

/// A text as a value (§3.3.11). Other control characters than the line's end cannot stand in one.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Writes a line, folded where it is too long, never within a character (§3.1).
fn fold(out: &mut String, line: &str) {
    let mut used_bytes = 0;
    for c in line.chars() {
        if used_bytes + c.len_utf8() > LINE_BYTES_MAX {
            out.push_str("\r\n ");
            used_bytes = 1;
        }
        out.push(c);
        used_bytes += c.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_whole() {
        let left = [0, 0, 1, 0, 2, 0, 0, 0];
        let nights: Vec<CalendarNight> = (100..)
            .zip(left)
            .map(|(night, left)| CalendarNight {
                night,
                left,
                price: None,
            })
            .collect();
        assert_eq!(full_runs(&nights), [(100, 102), (103, 104), (105, 108)]);
        assert_eq!(full_runs(&[]), []);
    }

    #[test]
    fn lines_are_folded_between_characters() {
        for line in [
            "x".repeat(75),
            "x".repeat(76),
            "é".repeat(200),
            format!("x{}", "🛏".repeat(60)),
        ] {
            let mut out = String::new();
            fold(&mut out, &line);
            let lines: Vec<&str> = out.strip_suffix("\r\n").unwrap().split("\r\n").collect();
            assert!(lines.iter().all(|line| line.len() <= LINE_BYTES_MAX));
            assert!(lines.iter().skip(1).all(|line| line.starts_with(' ')));
            assert_eq!(out.replace("\r\n ", ""), format!("{line}\r\n"));
        }
    }

    #[test]
    fn names_cannot_begin_another_line() {
        let name = "Sea, sun; \\ and\r\nBEGIN:VEVENT";
        assert_eq!(escaped(name), "Sea\\, sun\\; \\\\ and\\nBEGIN:VEVENT");
    }
}
