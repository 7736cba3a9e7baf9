//! States and the change log of an account.

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, params};

use crate::types::{DataType, StateNumber};

/// What happened to a thing. The numbers are those of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Created = 1,
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
