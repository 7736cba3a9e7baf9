//! The bookings in the file: two hotels in Portugal, 2015 to 2017 (Antonio, Almeida and Nunes: "Hotel booking demand
//! datasets", Data in Brief 22, 2019).

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, bail};
use flate2::read::GzDecoder;
use jiff::civil;
use serde::Deserialize;

/// Where the data is, unless `CONCIERGE_TEST_DATA` says otherwise: beside the repository, since it is not ours to give.
const DIRECTORY: &str = "../shared/data";
const NAME: &str = "hotel-bookings.csv.gz";

/// A day: days since 1970-01-01.
pub type Day = i32;

/// How a booking ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Cancelled,
    LeftTheHouse,
    NoShow,
}

/// A line of the file.
#[derive(Debug, Clone)]
pub struct Booking {
    /// Its place in the file, from 0.
    pub line: usize,
    pub hotel: String,
    pub room_type: String,
    pub booked: Day,
    pub arrival: Day,
    pub nights: i32,
    pub adults: u32,
    /// With babies.
    pub children: u32,
    pub end: End,
    /// The day of the cancellation or the check-out.
    pub ended: Day,
}

impl Booking {
    /// Whether it is one that no hotel could take, whatever is free.
    pub fn is_impossible(&self) -> bool {
        self.nights == 0 || self.adults + self.children == 0
    }
}

#[derive(Deserialize)]
struct Row {
    hotel: String,
    lead_time: i32,
    arrival_date_year: i16,
    arrival_date_month: String,
    arrival_date_day_of_month: i8,
    stays_in_weekend_nights: i32,
    stays_in_week_nights: i32,
    adults: u32,
    children: String,
    babies: u32,
    reserved_room_type: String,
    reservation_status: String,
    reservation_status_date: String,
}

/// The path of the file, if it is there.
///
/// # Panics
/// Where it is not there although `CI` is set: there nothing is skipped.
pub fn find() -> Option<PathBuf> {
    let directory = std::env::var_os("CONCIERGE_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(DIRECTORY),
        PathBuf::from,
    );
    let path = directory.join(NAME);
    if path.exists() {
        return Some(path);
    }
    let missing = format!("{} is not there", path.display());
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    eprintln!("skipped: {missing}");
    None
}

/// Reads all bookings.
pub fn read() -> anyhow::Result<Option<Vec<Booking>>> {
    let Some(path) = find() else { return Ok(None) };
    let mut reader = csv::Reader::from_reader(GzDecoder::new(File::open(&path)?));
    let rows = reader.deserialize().enumerate();
    let bookings =
        rows.map(|(line, row)| booking(line, row?).with_context(|| format!("line {line}")));
    bookings.collect::<anyhow::Result<_>>().map(Some)
}

fn booking(line: usize, row: Row) -> anyhow::Result<Booking> {
    let month = month(&row.arrival_date_month)?;
    let arrival = civil::Date::new(row.arrival_date_year, month, row.arrival_date_day_of_month)?;
    let arrival = day(arrival)?;
    let ended = civil::Date::strptime("%m/%d/%Y", &row.reservation_status_date)?;
    let children: u32 = match row.children.as_str() {
        "NA" => 0,
        number => number.parse()?,
    };
    Ok(Booking {
        line,
        hotel: row.hotel.to_lowercase().replace(' ', "-"),
        room_type: row.reserved_room_type.to_lowercase(),
        booked: arrival - row.lead_time,
        arrival,
        nights: row.stays_in_weekend_nights + row.stays_in_week_nights,
        adults: row.adults,
        children: children + row.babies,
        end: match row.reservation_status.as_str() {
            "Canceled" => End::Cancelled,
            "Check-Out" => End::LeftTheHouse,
            "No-Show" => End::NoShow,
            other => bail!("{other:?} is not a state"),
        },
        ended: day(ended)?,
    })
}

fn month(name: &str) -> anyhow::Result<i8> {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let place = NAMES.iter().position(|month| *month == name);
    Ok(i8::try_from(place.context("not a month")? + 1)?)
}

fn day(date: civil::Date) -> anyhow::Result<Day> {
    Ok((date - civil::date(1970, 1, 1)).get_days())
}
