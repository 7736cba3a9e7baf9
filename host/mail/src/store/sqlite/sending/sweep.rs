//! What is over its time.

use concierge_sqlite::WriteTx;
use rusqlite::params;

use super::super::Failure;
use super::{queue, submissions, vacation};
use crate::store::{IDEMPOTENCY_KEPT_US, LOG_KEPT_US, SUBMISSION_KEPT_US};
use crate::types::TimeUs;

/// Forgets submissions, keys and answers that are over their time, at most `max` of each; how many.
pub(in crate::store::sqlite) fn sweep_sending(
    tx: &WriteTx<'_>,
    now_us: TimeUs,
    max: usize,
) -> Result<usize, Failure> {
    Ok(forget_old(tx, now_us, max)?
        + delete_gone(tx, now_us, max)?
        + keys(tx, now_us, max)?
        + vacation::sweep(tx, now_us, max)?)
}

/// Submissions of which nothing waits: with them goes what was given up.
fn forget_old(tx: &WriteTx<'_>, now_us: TimeUs, max: usize) -> Result<usize, Failure> {
    let old: Vec<u64> = tx
        .prepare_cached(
            "SELECT number FROM submission
             WHERE send_at_us <= ?1 AND (gone_us IS NULL OR holds_blob) AND NOT EXISTS
                 (SELECT 1 FROM recipient WHERE submission = number AND due_us IS NOT NULL)
             LIMIT ?2",
        )?
        .query_map(
            params![now_us.checked_sub(SUBMISSION_KEPT_US), max],
            |row| row.get(0),
        )?
        .collect::<Result<_, _>>()?;
    for number in &old {
        let found = submissions::of_number(tx, *number)?;
        tx.prepare_cached("UPDATE recipient SET failed_us = NULL WHERE submission = ?1")?
            .execute([number])?;
        queue::settle(tx, *number, now_us)?;
        match found.jmap {
            true => submissions::forget(tx, found, now_us)?,
            false => delete(tx, *number)?,
        }
    }
    Ok(old.len())
}

/// Rows that only told ids to who asked what changed, which is not known any more.
fn delete_gone(tx: &WriteTx<'_>, now_us: TimeUs, max: usize) -> rusqlite::Result<usize> {
    let gone: Vec<u64> = tx
        .prepare_cached(
            "SELECT number FROM submission
             WHERE gone_us <= ?1 AND NOT holds_blob ORDER BY gone_us LIMIT ?2",
        )?
        .query_map(params![now_us.checked_sub(LOG_KEPT_US), max], |row| {
            row.get(0)
        })?
        .collect::<Result<_, _>>()?;
    for number in &gone {
        delete(tx, *number)?;
    }
    Ok(gone.len())
}

fn delete(tx: &WriteTx<'_>, submission: u64) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM recipient WHERE submission = ?1",
        "DELETE FROM submission WHERE number = ?1",
    ] {
        tx.prepare_cached(sql)?.execute([submission])?;
    }
    Ok(())
}

fn keys(tx: &WriteTx<'_>, now_us: TimeUs, max: usize) -> rusqlite::Result<usize> {
    tx.prepare_cached(
        "DELETE FROM sending_key WHERE (account, key) IN
             (SELECT account, key FROM sending_key WHERE accepted_us <= ?1 LIMIT ?2)",
    )?
    .execute(params![now_us.checked_sub(IDEMPOTENCY_KEPT_US), max])
}
