//! Pages of reservations. Each is one range of an index, and a position is the last row's place in it.

use rusqlite::{Connection, Row, ToSql, params};
use uuid::Uuid;

use super::Failure;
use super::catalogue::hotel_row;
use super::rows::{read_json, read_uuid};
use crate::error::{Error, Reason};
use crate::rules::limits::STAY_NIGHTS_MAX;
use crate::store::Filter;
use crate::types::{Date, HotelCode, Reservation};

/// A page, and the position after it where more follow.
pub(super) type Page = (Vec<Reservation>, Option<String>);

/// The day after all days.
const NO_DAY: i32 = i32::MAX;

/// Characters of an id in a position.
const ID_CHARS: usize = 32;

/// A place in an index: the value and the id of a row.
struct Place {
    id: Uuid,
    value: String,
}

impl Place {
    /// Reads a position: the id and the value.
    fn parse(text: &str) -> Result<Self, Error> {
        let place = || {
            let (id, value) = text.split_at_checked(ID_CHARS)?;
            Some(Self {
                id: Uuid::try_parse(id).ok()?,
                value: value.to_owned(),
            })
        };
        place().ok_or_else(malformed)
    }

    fn number<T: std::str::FromStr>(&self) -> Result<T, Error> {
        self.value.parse().map_err(|_| malformed())
    }

    fn write(&self) -> String {
        format!("{}{}", self.id.simple(), self.value)
    }
}

fn malformed() -> Error {
    let detail = "This is not a position that was given.".to_owned();
    Error::invalid("after", Reason::Malformed, detail)
}

/// Reservations by their days.
struct Days {
    arrival: (i32, i32),
    departure: (i32, i32),
    occupied_beyond: i32,
}

/// A page of reservations, by a filter.
pub(super) fn reservations(
    connection: &Connection,
    hotel: &HotelCode,
    filter: &Filter,
    after: Option<&str>,
    max: usize,
) -> Result<Page, Failure> {
    let hotel = hotel_row(connection, hotel)?.number;
    let longest = STAY_NIGHTS_MAX as i32;
    let days = match filter {
        Filter::Arriving(day) => Days {
            arrival: (day.days(), day.days()),
            departure: (0, NO_DAY),
            occupied_beyond: -1,
        },
        Filter::Departing(day) => Days {
            arrival: (day.days() - longest, day.days()),
            departure: (day.days(), day.days()),
            occupied_beyond: -1,
        },
        Filter::Staying(day) => Days {
            arrival: (day.days() - longest, day.days()),
            departure: (0, NO_DAY),
            occupied_beyond: day.days(),
        },
        Filter::Matching(text) => return matching(connection, hotel, text, after, max),
        Filter::Recent => return recent(connection, hotel, after, max),
    };
    by_days(connection, hotel, &days, after, max)
}

/// A page of reservations that have a night or a departure among some days.
pub(super) fn overlapping(
    connection: &Connection,
    hotel: &HotelCode,
    (first, end): (Date, Date),
    after: Option<&str>,
    max: usize,
) -> Result<Page, Failure> {
    let hotel = hotel_row(connection, hotel)?.number;
    let days = Days {
        arrival: (
            first.days() - STAY_NIGHTS_MAX as i32,
            end.days().saturating_sub(1),
        ),
        departure: (first.days(), NO_DAY),
        occupied_beyond: -1,
    };
    by_days(connection, hotel, &days, after, max)
}

fn by_days(
    connection: &Connection,
    hotel: i64,
    days: &Days,
    after: Option<&str>,
    max: usize,
) -> Result<Page, Failure> {
    let (from, id) = match after.map(Place::parse).transpose()? {
        Some(place) => (place.number()?, place.id),
        None => (-1, Uuid::nil()),
    };
    let rows = select(
        connection,
        "SELECT document, id, arrival FROM reservation
         WHERE hotel = ?1 AND arrival BETWEEN ?2 AND ?3 AND (arrival, id) > (?4, ?5)
           AND departure BETWEEN ?6 AND ?7 AND occupied_until > ?8
         ORDER BY arrival, id LIMIT ?9",
        params![
            hotel,
            days.arrival.0,
            days.arrival.1,
            from,
            id.as_bytes(),
            days.departure.0,
            days.departure.1,
            days.occupied_beyond,
            max.saturating_add(1)
        ],
    )?;
    Ok(cut(rows, max))
}

fn recent(
    connection: &Connection,
    hotel: i64,
    after: Option<&str>,
    max: usize,
) -> Result<Page, Failure> {
    let (before_us, id) = match after.map(Place::parse).transpose()? {
        Some(place) => (place.number()?, place.id),
        None => (i64::MAX, Uuid::max()),
    };
    let rows = select(
        connection,
        "SELECT document, id, changed_us FROM reservation
         WHERE hotel = ?1 AND (changed_us, id) < (?2, ?3)
         ORDER BY changed_us DESC, id DESC LIMIT ?4",
        params![hotel, before_us, id.as_bytes(), max.saturating_add(1)],
    )?;
    Ok(cut(rows, max))
}

/// What is searched for a text, in this order: each is a range of an index, and leaves out what one before it has.
const SEARCHES: [(char, &str); 3] = [
    (
        'c',
        "SELECT document, id, code FROM reservation
         WHERE hotel = ?1 AND code >= ?2 AND code < ?3 AND (code, id) > (?6, ?7)
           AND ?4 IS NOT NULL AND ?5 IS NOT NULL
         ORDER BY code, id LIMIT ?8",
    ),
    (
        'n',
        "SELECT document, id, name FROM reservation
         WHERE hotel = ?1 AND name >= ?4 AND name < ?5 AND (name, id) > (?6, ?7)
           AND NOT (code >= ?2 AND code < ?3)
         ORDER BY name, id LIMIT ?8",
    ),
    (
        'e',
        "SELECT document, id, email FROM reservation
         WHERE hotel = ?1 AND email >= ?4 AND email < ?5 AND (email, id) > (?6, ?7)
           AND NOT (code >= ?2 AND code < ?3) AND NOT (name >= ?4 AND name < ?5)
         ORDER BY email, id LIMIT ?8",
    ),
];

fn matching(
    connection: &Connection,
    hotel: i64,
    text: &str,
    after: Option<&str>,
    max: usize,
) -> Result<Page, Failure> {
    let code = as_code(text);
    let text = text.to_lowercase();
    let (code_end, text_end) = (end_of_prefix(&code), end_of_prefix(&text));
    let (mut begun, place) = match after {
        Some(after) => {
            let mut chars = after.chars();
            (chars.next(), Some(Place::parse(chars.as_str())?))
        }
        None => (None, None),
    };
    let mut all: Vec<(Reservation, String)> = Vec::new();
    for (search, sql) in SEARCHES {
        if begun.is_some_and(|begun| begun != search) {
            continue;
        }
        let from = begun.take().and(place.as_ref());
        let rows = select(
            connection,
            sql,
            params![
                hotel,
                code,
                code_end,
                text,
                text_end,
                from.map_or("", |place| &place.value),
                from.map_or(Uuid::nil(), |place| place.id).as_bytes(),
                max.saturating_add(1).saturating_sub(all.len())
            ],
        )?;
        all.extend(
            rows.into_iter()
                .map(|(row, place)| (row, format!("{search}{place}"))),
        );
        if all.len() > max {
            break;
        }
    }
    Ok(cut(all, max))
}

/// A beginning of a reservation's code, as people write it.
fn as_code(text: &str) -> String {
    let kept = text.chars().filter(|c| !matches!(c, '-' | ' '));
    kept.map(|c| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        c => c,
    })
    .collect()
}

/// The first text after all that begin with a text, but for those that go on with the last character there is.
fn end_of_prefix(text: &str) -> String {
    format!("{text}{}", char::MAX)
}

fn select(
    connection: &Connection,
    sql: &str,
    params: &[&dyn ToSql],
) -> rusqlite::Result<Vec<(Reservation, String)>> {
    connection
        .prepare_cached(sql)?
        .query_map(params, |row| {
            Ok((read_json(row, 0)?, read_place(row)?.write()))
        })?
        .collect()
}

fn read_place(row: &Row<'_>) -> rusqlite::Result<Place> {
    let value = match row.get_ref(2)? {
        rusqlite::types::ValueRef::Integer(number) => number.to_string(),
        text => text.as_str()?.to_owned(),
    };
    Ok(Place {
        id: read_uuid(row, 1)?,
        value,
    })
}

/// The first `max` rows, and the place of the last of them where there are more.
fn cut(mut rows: Vec<(Reservation, String)>, max: usize) -> Page {
    let more = rows.len() > max;
    rows.truncate(max);
    let next = rows.last().filter(|_| more).map(|(_, place)| place.clone());
    (rows.into_iter().map(|(row, _)| row).collect(), next)
}
