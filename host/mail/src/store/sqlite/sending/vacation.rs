//! The answer of someone who is away.

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::Failure;
use super::super::log;
use crate::store::VACATION_PERIOD_US;
use crate::types::{DataType, StateNumber, TimeUs, Vacation};

pub(super) fn get(
    connection: &Connection,
    account: u64,
) -> rusqlite::Result<(Vacation, StateNumber)> {
    let found = connection
        .prepare_cached(
            "SELECT enabled, from_us, to_us, subject, text, html FROM vacation WHERE account = ?1",
        )?
        .query_row([account], |row| {
            Ok(Vacation {
                enabled: row.get(0)?,
                from_us: row.get(1)?,
                to_us: row.get(2)?,
                subject: row.get(3)?,
                text: row.get(4)?,
                html: row.get(5)?,
            })
        })
        .optional()?;
    let state = log::state(connection, account, DataType::VacationResponse)?;
    Ok((found.unwrap_or_default(), state))
}

pub(super) fn set(
    tx: &WriteTx<'_>,
    account: u64,
    if_in_state: Option<StateNumber>,
    vacation: &Vacation,
) -> Result<(StateNumber, StateNumber), Failure> {
    let data_type = DataType::VacationResponse;
    let old_state = log::expect_state(tx, account, data_type, if_in_state)?;
    if get(tx, account)?.0 == *vacation {
        return Ok((old_state, old_state));
    }
    tx.prepare_cached("INSERT OR REPLACE INTO vacation VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            account,
            vacation.enabled,
            vacation.from_us,
            vacation.to_us,
            vacation.subject,
            vacation.text,
            vacation.html,
        ])?;
    Ok((old_state, log::touch(tx, account, data_type)?))
}

/// Notes that a sender is answered; whether it is to be.
pub(super) fn answer(
    tx: &WriteTx<'_>,
    account: u64,
    sender: &str,
    now_us: TimeUs,
) -> rusqlite::Result<bool> {
    let noted = tx
        .prepare_cached(
            "INSERT INTO vacation_answer VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET at_us = excluded.at_us WHERE at_us <= ?4",
        )?
        .execute(params![
            account,
            sender.to_lowercase(),
            now_us,
            now_us.checked_sub(VACATION_PERIOD_US)
        ])?;
    Ok(noted > 0)
}

/// Forgets answers that do not keep others back any more, at most `max`; how many.
pub(super) fn sweep(tx: &WriteTx<'_>, now_us: TimeUs, max: usize) -> rusqlite::Result<usize> {
    tx.prepare_cached(
        "DELETE FROM vacation_answer WHERE (account, sender) IN
             (SELECT account, sender FROM vacation_answer WHERE at_us <= ?1 LIMIT ?2)",
    )?
    .execute(params![now_us.checked_sub(VACATION_PERIOD_US), max])
}
