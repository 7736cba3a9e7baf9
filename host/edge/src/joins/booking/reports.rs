//! `concierge:booking/reports`, answered by the domain crate in this process.

use super::convert::date;
use crate::joins::Services;
use crate::joins::bindings::booking::reports::{AuditEntry, Caller, Date, Day, Error};
use concierge_booking::store::{self, Who};
use concierge_booking::types::OccupancyDay;

pub(in crate::joins) async fn occupancy(
    services: &Services,
    caller: Caller,
    hotel: String,
    first: Date,
    days: u32,
) -> Result<Vec<Day>, Error> {
    let caller = services.booking_caller(caller)?;
    let first = date("first", first)?;
    let booking = services.booking()?;
    let days = booking.occupancy(&caller, &hotel, first, days).await?;
    Ok(days.into_iter().map(Into::into).collect())
}

pub(in crate::joins) async fn audit(
    services: &Services,
    caller: Caller,
    hotel: String,
    subject: Option<String>,
    before: u64,
    max: u32,
) -> Result<Vec<AuditEntry>, Error> {
    let caller = services.booking_caller(caller)?;
    let booking = services.booking()?;
    let entries = booking.audit(&caller, &hotel, subject, before, max).await?;
    Ok(entries.into_iter().map(Into::into).collect())
}

impl From<OccupancyDay> for Day {
    fn from(day: OccupancyDay) -> Self {
        Self {
            day: day.day.days(),
            rooms: day.rooms,
            reserved: day.reserved,
            arrivals: day.arrivals,
            departures: day.departures,
            revenue: day.revenue,
        }
    }
}

impl From<store::AuditEntry> for AuditEntry {
    fn from(entry: store::AuditEntry) -> Self {
        Self {
            position: entry.position,
            at_us: entry.at_us,
            who: match entry.who {
                Who::Account(id) => id.to_string(),
                Who::Guest => "guest".to_owned(),
                Who::System => "system".to_owned(),
            },
            what: entry.what,
            subject: entry.subject,
            before: entry.before,
            after: entry.after,
        }
    }
}
