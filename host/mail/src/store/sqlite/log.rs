//! States and the change log of an account.

use std::collections::BTreeMap;

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, params};

use super::Failure;
use crate::error::Error;
use crate::store::LOG_KEPT_US;
use crate::types::{Changes, DataType, StateNumber, TimeUs, US_PER_DAY};

/// What happened to a thing. The numbers are those of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Created = 1,
    Updated = 2,
    /// Of a mailbox: its counts alone.
    Counts = 3,
    Destroyed = 4,
}

/// A thing in the log: its number, and of an email its generation.
pub(super) type Object = (u64, u32);

/// The number of a data type in tables. Numbers are never used again.
pub(super) fn type_number(data_type: DataType) -> u8 {
    match data_type {
        DataType::Mailbox => 1,
        DataType::Email => 2,
        DataType::Thread => 3,
        DataType::EmailDelivery => 4,
        DataType::EmailSubmission => 5,
        DataType::Identity => 6,
        DataType::VacationResponse => 7,
        DataType::Quota => 8,
    }
}

/// The data type of a number.
pub(super) fn type_of_number(number: u8) -> Option<DataType> {
    let mut all = DataType::ALL.into_iter();
    all.find(|data_type| type_number(*data_type) == number)
}

/// The state of a data type; 0 before its first change.
pub(super) fn state(
    connection: &Connection,
    account: u64,
    data_type: DataType,
) -> rusqlite::Result<StateNumber> {
    let mut select =
        connection.prepare_cached("SELECT number FROM state WHERE account = ?1 AND type = ?2")?;
    let found = select.query_row(params![account, type_number(data_type)], |row| row.get(0));
    Ok(found.optional()?.unwrap_or(0))
}

/// Gives a data type a new state.
pub(super) fn touch(
    tx: &WriteTx<'_>,
    account: u64,
    data_type: DataType,
) -> rusqlite::Result<StateNumber> {
    let number = tx.next_sequence();
    tx.prepare_cached(
        "INSERT INTO state VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET number = excluded.number",
    )?
    .execute(params![account, type_number(data_type), number])?;
    Ok(number)
}

/// Writes down what happened to a thing.
pub(super) fn record(
    tx: &WriteTx<'_>,
    account: u64,
    data_type: DataType,
    kind: Kind,
    (object, generation): Object,
) -> rusqlite::Result<()> {
    let number = touch(tx, account, data_type)?;
    tx.prepare_cached("INSERT OR REPLACE INTO log VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            number,
            account,
            type_number(data_type),
            kind as u8,
            object,
            generation
        ])?;
    Ok(())
}

/// Refuses where the state is another than was asked for.
pub(super) fn expect_state(
    connection: &Connection,
    account: u64,
    data_type: DataType,
    expected: Option<StateNumber>,
) -> Result<StateNumber, Failure> {
    let present = state(connection, account, data_type)?;
    match expected {
        Some(expected) if expected != present => Err(Error::StateMismatch.into()),
        _ => Ok(present),
    }
}

/// Refuses states that never were, and those after which changes are forgotten. Gives the present state.
pub(super) fn check_since(
    connection: &Connection,
    account: u64,
    data_type: DataType,
    since: StateNumber,
) -> Result<StateNumber, Failure> {
    let present = state(connection, account, data_type)?;
    let floor: StateNumber = connection
        .prepare_cached("SELECT floor FROM log_trim")?
        .query_row([], |row| row.get(0))?;
    match since == present || (since < present && since >= floor) {
        true => Ok(present),
        false => Err(Error::CannotCalculateChanges.into()),
    }
}

/// What is known of a thing within the log that is looked at.
#[derive(Default, Clone, Copy)]
struct Seen {
    created: bool,
    updated: bool,
    destroyed: bool,
}

/// What changed since a state, of at most `max` things. Each row leads to the state of its number, at which a page may
/// end: rows of things that were made stay where they are, and a later update only ever takes the place of an earlier one.
pub(super) fn changes(
    connection: &Connection,
    account: u64,
    data_type: DataType,
    since: StateNumber,
    max: usize,
) -> Result<Changes<Object>, Failure> {
    let present = check_since(connection, account, data_type, since)?;
    let mut select = connection.prepare_cached(
        "SELECT number, kind, object, generation FROM log
         WHERE account = ?1 AND type = ?2 AND number > ?3 ORDER BY number",
    )?;
    let mut rows = select.query(params![account, type_number(data_type), since])?;
    let mut seen: BTreeMap<Object, Seen> = BTreeMap::new();
    let (mut new_state, mut has_more) = (since, false);
    while let Some(row) = rows.next()? {
        let object = (row.get(2)?, row.get(3)?);
        if seen.len() >= max && !seen.contains_key(&object) {
            has_more = true;
            break;
        }
        new_state = row.get(0)?;
        let seen = seen.entry(object).or_default();
        match row.get(1)? {
            1 => seen.created = true,
            2 => seen.updated = true,
            3 => (),
            4 => seen.destroyed = true,
            other => return Err(rusqlite::Error::IntegralValueOutOfRange(1, other).into()),
        }
    }
    if !has_more {
        new_state = present;
    }
    Ok(sorted(since, new_state, has_more, &seen))
}

/// Rows as a client is to see them. Of kind 3 alone is what is neither made, updated nor gone.
fn sorted(
    old_state: StateNumber,
    new_state: StateNumber,
    has_more: bool,
    seen: &BTreeMap<Object, Seen>,
) -> Changes<Object> {
    let of = |wanted: fn(&Seen) -> bool| {
        let matching = seen.iter().filter(|(_, seen)| wanted(seen));
        matching.map(|(object, _)| *object).collect::<Vec<_>>()
    };
    let created = of(|seen| seen.created && !seen.destroyed);
    let destroyed = of(|seen| seen.destroyed && !seen.created);
    let updated = of(|seen| !seen.created && !seen.destroyed);
    let only_counts = !updated.is_empty()
        && seen
            .values()
            .all(|seen| seen.created || seen.destroyed || !seen.updated);
    Changes {
        old_state,
        new_state,
        has_more,
        created,
        updated,
        destroyed,
        only_counts,
    }
}

/// How often it is noted how far the log is: a state is known for [`LOG_KEPT_US`] to so much longer.
const MARK_EVERY_US: TimeUs = US_PER_DAY;

/// Forgets changes that are over their time; how many rows were looked at. Of an email that is there the row of its
/// making stays, of which the feed is made.
pub(super) fn sweep_log(tx: &WriteTx<'_>, now_us: TimeUs, max: usize) -> Result<usize, Failure> {
    mark(tx, now_us)?;
    let over_us = now_us.saturating_sub(LOG_KEPT_US);
    tx.prepare_cached(
        "UPDATE log_trim SET floor = max(floor,
             (SELECT ifnull(max(number), 0) FROM log_mark WHERE at_us <= ?1))",
    )?
    .execute([over_us])?;
    tx.prepare_cached("DELETE FROM log_mark WHERE at_us <= ?1")?
        .execute([over_us])?;
    let looked_at: Vec<u64> = tx
        .prepare_cached(
            "SELECT log.number FROM log_trim JOIN log
                 ON log.number > log_trim.swept AND log.number <= log_trim.floor
             ORDER BY log.number LIMIT ?1",
        )?
        .query_map([max], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if let Some(last) = looked_at.last() {
        forget(tx, *last)?;
    }
    Ok(looked_at.len())
}

fn mark(tx: &WriteTx<'_>, now_us: TimeUs) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO log_mark SELECT ?1, ifnull((SELECT max(number) FROM log), 0)
         WHERE NOT EXISTS (SELECT 1 FROM log_mark WHERE at_us > ?2)",
    )?
    .execute([now_us, now_us.saturating_sub(MARK_EVERY_US)])?;
    Ok(())
}

fn forget(tx: &WriteTx<'_>, last: u64) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "DELETE FROM log WHERE number > (SELECT swept FROM log_trim) AND number <= ?1
             AND NOT (type = ?2 AND kind = 1 AND EXISTS (
                 SELECT 1 FROM email WHERE storage = log.object
                 AND generation = log.generation AND destroyed_us IS NULL))",
    )?
    .execute(params![last, type_number(DataType::Email)])?;
    tx.prepare_cached("UPDATE log_trim SET swept = ?1")?
        .execute([last])?;
    Ok(())
}
