//! Occupancy, and who did what.

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::api::call::{Call, Outcome};
use crate::api::json::{Day, Money, Time};
use crate::api::json_reply;
use crate::bindings::concierge::booking::reports::AuditEntry;
use crate::host::Host;

/// Days of a report where no number is named.
const DAYS: u32 = 30;
/// Days of a report (`wit/booking`).
const DAYS_MAX: u32 = 366;
/// Entries on a page where no number is named.
const LIMIT: u32 = 50;
/// Entries on a page.
const LIMIT_MAX: u32 = 200;

#[derive(Serialize)]
struct Occupancy {
    hotel: String,
    currency_digits: u32,
    days: Vec<DayJson>,
}

#[derive(Serialize)]
struct DayJson {
    date: Day,
    rooms: u32,
    reserved: u32,
    arrivals: u32,
    departures: u32,
    revenue: Money,
}

/// Occupancy and revenue by day; from today where no day is named.
pub async fn occupancy<H: Host>(call: Call<'_, H>) -> Outcome {
    let hotel = call.hotel()?;
    let query = call.query();
    let first = query.date("first");
    let days = query.number("days", 1..=DAYS_MAX).unwrap_or(DAYS);
    query.finish()?;
    let caller = call.account().await?;
    let details = call
        .host
        .get_hotel_for_staff(caller.clone(), hotel.clone())
        .await?;
    let first = first.unwrap_or(details.today);
    let days = call
        .host
        .occupancy(caller, hotel.clone(), first, days)
        .await?;
    let currency = &details.hotel.currency;
    let days = days.into_iter().map(|day| DayJson {
        date: Day(day.day),
        rooms: day.rooms,
        reserved: day.reserved,
        arrivals: day.arrivals,
        departures: day.departures,
        revenue: Money::of(day.revenue, currency),
    });
    json_reply(
        StatusCode::OK,
        &Occupancy {
            hotel,
            currency_digits: details.currency_digits,
            days: days.collect(),
        },
    )
}

#[derive(Serialize)]
struct Audit {
    entries: Vec<Entry>,
    /// To be passed as `before` for the entries that are older.
    next_before: Option<u64>,
}

#[derive(Serialize)]
struct Entry {
    position: u64,
    at: Time,
    who: String,
    what: String,
    subject: String,
    before: Value,
    after: Value,
}

impl From<AuditEntry> for Entry {
    fn from(entry: AuditEntry) -> Self {
        Self {
            position: entry.position,
            at: Time(entry.at_us),
            who: entry.who,
            what: entry.what,
            subject: entry.subject,
            before: value(&entry.before),
            after: value(&entry.after),
        }
    }
}

/// What the log holds is JSON, or nothing. Should it be something else it is shown as it is.
fn value(text: &str) -> Value {
    if text.is_empty() {
        return Value::Null;
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// The audit log, newest first.
pub async fn audit<H: Host>(call: Call<'_, H>) -> Outcome {
    let hotel = call.hotel()?;
    let query = call.query();
    let subject = query.text("subject");
    let before = query.long("before").unwrap_or(0);
    let max = query.number("limit", 1..=LIMIT_MAX).unwrap_or(LIMIT);
    query.finish()?;
    let caller = call.account().await?;
    let entries = call.host.audit(caller, hotel, subject, before, max).await?;
    let full = entries.len() == usize::try_from(max).unwrap_or(usize::MAX);
    let next_before = entries.last().filter(|_| full).map(|last| last.position);
    let entries = entries.into_iter().map(Into::into).collect();
    json_reply(
        StatusCode::OK,
        &Audit {
            entries,
            next_before,
        },
    )
}
