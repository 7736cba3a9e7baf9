//! The counting of rooms: the three strategies.
//!
//! - Constraint: one UPDATE for the nights of a room type, under the condition that the table's CHECK states too. It
//!   changes fewer rows than there are nights: some night lacks a room, or has no row yet.
//! - Pessimistic: the rows are read in the writing transaction (BEGIN IMMEDIATE: nobody else writes between the read
//!   and the write), judged here, and written.
//! - Optimistic: the rows are read on a reading connection, before the operation queues for the writer, and judged
//!   there; in the transaction each row is written if its version is still the same, else all is undone and the caller
//!   begins again.
//!
//! On other engines the rows are touched last, so that their locks are short. Here the transaction's lock is the whole
//! file, from its beginning: they are touched first, so that a refusal costs nothing else.

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Failure;
use crate::error::Error;
use crate::types::{Date, Delta, RoomTypeCode, sellable};

/// Nights in a row of one room type, with the same change for each.
struct Segment<'d> {
    room_type: &'d RoomTypeCode,
    first: Date,
    last: Date,
    rooms: i32,
}

impl Segment<'_> {
    fn nights(&self) -> impl ExactSizeIterator<Item = Date> + use<> {
        self.first.until(self.last.plus(1))
    }
}

/// Joins sorted changes of single nights.
fn segments(deltas: &[Delta]) -> Vec<Segment<'_>> {
    let mut segments: Vec<Segment<'_>> = Vec::new();
    for delta in deltas {
        match segments.last_mut() {
            Some(last)
                if *last.room_type == delta.room_type
                    && last.last.plus(1) == delta.night
                    && last.rooms == delta.rooms =>
            {
                last.last = delta.night;
            }
            _ => segments.push(Segment {
                room_type: &delta.room_type,
                first: delta.night,
                last: delta.night,
                rooms: delta.rooms,
            }),
        }
    }
    segments
}

/// A hotel, as the counting needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HotelRow {
    pub(super) number: i64,
    pub(super) version: u64,
    pub(super) overbooking_percent: u32,
}

/// A night's row as it was read; without a version where there is none.
#[derive(Debug, Clone, Copy)]
struct Count {
    sellable: u32,
    reserved: u32,
    version: Option<i64>,
}

/// What was read before the transaction, and what it means.
#[derive(Debug)]
pub(super) struct Seen {
    /// Rows that are not there follow the catalogue: they are as they were read while its version is.
    catalogue_version: u64,
    counts: Vec<Count>,
    lacking: Option<Error>,
}

/// How rooms are to be taken.
#[derive(Debug)]
pub(super) enum Way {
    /// By the strategy `pessimistic`.
    Pessimistic,
    /// By the strategy `constraint`.
    Constraint,
    /// By the strategy `optimistic`, on what was seen.
    Optimistic(Seen),
}

/// Whether rooms were taken. Where not, nothing is left of what the operation has written.
#[derive(Debug)]
pub(super) enum Taken {
    /// All of them.
    All,
    /// None, since one is lacking: [`Error::SoldOut`].
    None(Error),
    /// None, since what was seen is so no more.
    Again,
}

/// Takes and gives back rooms, all or none.
pub(super) fn take(
    tx: &WriteTx<'_>,
    hotel: HotelRow,
    deltas: &[Delta],
    way: &Way,
) -> Result<Taken, Failure> {
    match way {
        Way::Pessimistic => take_judged(tx, hotel, deltas),
        Way::Constraint => take_by_constraint(tx, hotel, deltas),
        Way::Optimistic(seen) => take_as_seen(tx, hotel, deltas, seen),
    }
}

fn take_by_constraint(
    tx: &WriteTx<'_>,
    hotel: HotelRow,
    deltas: &[Delta],
) -> Result<Taken, Failure> {
    if update_where_there_is_room(tx, hotel, deltas)? {
        return Ok(Taken::All);
    }
    tx.undo()?;
    // A night lacks a room, or only its row.
    make_rows(tx, hotel, deltas)?;
    if update_where_there_is_room(tx, hotel, deltas)? {
        return Ok(Taken::All);
    }
    tx.undo()?;
    match judge(deltas, &read(tx, hotel, deltas)?)? {
        Some(lacking) => Ok(Taken::None(lacking)),
        // Condition and rows disagree.
        None => Err(Error::Internal.into()),
    }
}

fn take_judged(tx: &WriteTx<'_>, hotel: HotelRow, deltas: &[Delta]) -> Result<Taken, Failure> {
    let counts = read(tx, hotel, deltas)?;
    if let Some(lacking) = judge(deltas, &counts)? {
        return Ok(Taken::None(lacking));
    }
    if counts.iter().any(|count| count.version.is_none()) {
        make_rows(tx, hotel, deltas)?;
    }
    let mut update = tx.prepare_cached(
        "UPDATE inventory SET reserved = reserved + ?5, version = version + 1
         WHERE hotel = ?1 AND room_type = ?2 AND night BETWEEN ?3 AND ?4",
    )?;
    for segment in segments(deltas) {
        update.execute(params![
            hotel.number,
            segment.room_type.as_str(),
            segment.first.days(),
            segment.last.days(),
            segment.rooms
        ])?;
    }
    Ok(Taken::All)
}

/// Reads what [`Way::Optimistic`] needs, on a reading connection that stands in a snapshot.
pub(super) fn see(
    connection: &Connection,
    hotel: HotelRow,
    deltas: &[Delta],
) -> Result<Seen, Failure> {
    let counts = read(connection, hotel, deltas)?;
    Ok(Seen {
        catalogue_version: hotel.version,
        lacking: judge(deltas, &counts)?,
        counts,
    })
}

fn take_as_seen(
    tx: &WriteTx<'_>,
    hotel: HotelRow,
    deltas: &[Delta],
    seen: &Seen,
) -> Result<Taken, Failure> {
    // It was so during this call, which is all that a refusal says.
    if let Some(lacking) = &seen.lacking {
        return Ok(Taken::None(lacking.clone()));
    }
    for (delta, count) in deltas.iter().zip(&seen.counts) {
        let written = match count.version {
            Some(version) => write_if_same(tx, hotel, delta, count, version)?,
            None if hotel.version == seen.catalogue_version => {
                insert_if_none(tx, hotel, delta, count)?
            }
            None => false,
        };
        if !written {
            tx.undo()?;
            return Ok(Taken::Again);
        }
    }
    Ok(Taken::All)
}

fn write_if_same(
    tx: &WriteTx<'_>,
    hotel: HotelRow,
    delta: &Delta,
    count: &Count,
    version: i64,
) -> Result<bool, Failure> {
    let written = tx
        .prepare_cached(
            "UPDATE inventory SET reserved = ?4, version = version + 1
             WHERE hotel = ?1 AND room_type = ?2 AND night = ?3 AND version = ?5",
        )?
        .execute(params![
            hotel.number,
            delta.room_type.as_str(),
            delta.night.days(),
            i64::from(count.reserved) + i64::from(delta.rooms),
            version
        ])?;
    Ok(written == 1)
}

fn insert_if_none(
    tx: &WriteTx<'_>,
    hotel: HotelRow,
    delta: &Delta,
    count: &Count,
) -> Result<bool, Failure> {
    let written = tx
        .prepare_cached(
            "INSERT INTO inventory (hotel, room_type, night, sellable, reserved)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (hotel, room_type, night) DO NOTHING",
        )?
        .execute(params![
            hotel.number,
            delta.room_type.as_str(),
            delta.night.days(),
            count.sellable,
            delta.rooms
        ])?;
    Ok(written == 1)
}

fn update_where_there_is_room(
    tx: &WriteTx<'_>,
    hotel: HotelRow,
    deltas: &[Delta],
) -> Result<bool, Failure> {
    let mut update = tx.prepare_cached(
        "UPDATE inventory SET reserved = reserved + ?5, version = version + 1
         WHERE hotel = ?1 AND room_type = ?2 AND night BETWEEN ?3 AND ?4
           AND reserved + ?5 BETWEEN 0 AND sellable",
    )?;
    for segment in segments(deltas) {
        let changed = update.execute(params![
            hotel.number,
            segment.room_type.as_str(),
            segment.first.days(),
            segment.last.days(),
            segment.rooms
        ])?;
        if changed != segment.nights().len() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes the rows that are not there.
fn make_rows(tx: &WriteTx<'_>, hotel: HotelRow, deltas: &[Delta]) -> Result<(), Failure> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO inventory (hotel, room_type, night, sellable) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (hotel, room_type, night) DO NOTHING",
    )?;
    for segment in segments(deltas) {
        let kind = segment.room_type;
        let sellable = sellable_unset(tx, hotel, kind)?;
        for night in segment.nights() {
            insert.execute(params![hotel.number, kind.as_str(), night.days(), sellable])?;
        }
    }
    Ok(())
}

/// How many rooms may be sold in a night for which nothing else is set.
pub(super) fn sellable_unset(
    connection: &Connection,
    hotel: HotelRow,
    kind: &RoomTypeCode,
) -> Result<u32, Failure> {
    let rooms = connection
        .prepare_cached("SELECT rooms FROM room_type WHERE hotel = ?1 AND code = ?2")?
        .query_row(params![hotel.number, kind.as_str()], |row| row.get(0))
        .optional()?
        .ok_or_else(|| Error::NotFound("room type".to_owned()))?;
    Ok(sellable(rooms, hotel.overbooking_percent))
}

/// The rows of the nights of `deltas`, in their order.
fn read(connection: &Connection, hotel: HotelRow, deltas: &[Delta]) -> Result<Vec<Count>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT night, sellable, reserved, version FROM inventory
         WHERE hotel = ?1 AND room_type = ?2 AND night BETWEEN ?3 AND ?4 ORDER BY night",
    )?;
    let mut counts = Vec::with_capacity(deltas.len());
    for segment in segments(deltas) {
        let kind = segment.room_type;
        let mut found = select.query(params![
            hotel.number,
            kind.as_str(),
            segment.first.days(),
            segment.last.days()
        ])?;
        let mut next = read_count(found.next()?)?;
        for night in segment.nights() {
            match next {
                Some((of, count)) if of == night.days() => {
                    counts.push(count);
                    next = read_count(found.next()?)?;
                }
                _ => counts.push(Count {
                    sellable: sellable_unset(connection, hotel, kind)?,
                    reserved: 0,
                    version: None,
                }),
            }
        }
    }
    Ok(counts)
}

fn read_count(row: Option<&Row<'_>>) -> rusqlite::Result<Option<(i32, Count)>> {
    let Some(row) = row else { return Ok(None) };
    let count = Count {
        sellable: row.get(1)?,
        reserved: row.get(2)?,
        version: Some(row.get(3)?),
    };
    Ok(Some((row.get(0)?, count)))
}

/// What is lacking first, if anything is.
fn judge(deltas: &[Delta], counts: &[Count]) -> Result<Option<Error>, Failure> {
    for (delta, count) in deltas.iter().zip(counts) {
        let after = i64::from(count.reserved) + i64::from(delta.rooms);
        if after < 0 {
            tracing::error!(
                ?delta,
                ?count,
                "more rooms would be given back than were taken"
            );
            return Err(Error::Internal.into());
        }
        if after > i64::from(count.sellable) {
            return Ok(Some(Error::SoldOut {
                room_type: delta.room_type.clone(),
                night: delta.night,
                left: count.sellable.saturating_sub(count.reserved),
            }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nights_are_joined_where_the_change_is_the_same() {
        let delta = |kind: &str, night: i32, rooms| Delta {
            room_type: kind.parse().unwrap(),
            night: Date::try_from(night).unwrap(),
            rooms,
        };
        let deltas = [
            delta("a", 1, 1),
            delta("a", 2, 1),
            delta("a", 3, 2),
            delta("a", 5, 2),
            delta("b", 6, 2),
            delta("b", 7, -2),
        ];
        let joined: Vec<_> = segments(&deltas)
            .iter()
            .map(|s| {
                (
                    s.room_type.to_string(),
                    s.first.days(),
                    s.last.days(),
                    s.rooms,
                )
            })
            .collect();
        let expected = [
            ("a", 1, 2, 1),
            ("a", 3, 3, 2),
            ("a", 5, 5, 2),
            ("b", 6, 6, 2),
            ("b", 7, 7, -2),
        ];
        assert_eq!(
            joined,
            expected.map(|(kind, first, last, rooms)| (kind.to_owned(), first, last, rooms))
        );
    }
}
