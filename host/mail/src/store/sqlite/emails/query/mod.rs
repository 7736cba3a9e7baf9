//! Finding emails.
//!
//! Newest first, or oldest first, a page is one range scan of a list, whose rows have what the usual conditions ask
//! for; it ends with the page. What is kept meanwhile is the page, and where threads are collapsed a number for each
//! result before its end. Where the search index has found few emails these are looked up instead. Any other order has
//! to see all that matches: it holds a key and a row of each, of at most twice as many as the page's end where threads
//! are not collapsed and no total is asked for.

mod changes;
mod filter;
mod plan;
mod sorted;
mod walk;

use rusqlite::{Connection, Row};

pub(super) use changes::changes;
#[cfg(test)]
pub(in super::super) use walk::scan_sql;

use self::plan::{Order, Plan};
use self::walk::{Flow, Walk};
use super::super::Failure;
use super::super::log;
use super::flags::Flags;
use super::rows::{self, Kept};
use crate::error::Error;
use crate::types::{DataType, EmailId, Page, Query, TimeUs, WINDOW_MAX, Window};

/// An email, as a list has it.
#[derive(Debug, Clone, Copy)]
struct Item {
    storage: u64,
    generation: u32,
    thread: u64,
    received_us: TimeUs,
    size: u64,
    flags: Flags,
}

/// The columns of an [`Item`] in a list.
const ITEM: &str = "storage, generation, thread, received_us, size, flags";

impl Item {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            storage: row.get(0)?,
            generation: row.get(1)?,
            thread: row.get(2)?,
            received_us: row.get(3)?,
            size: row.get(4)?,
            flags: Flags(row.get(5)?),
        })
    }

    fn of(kept: &Kept) -> Self {
        Self {
            storage: kept.storage,
            generation: kept.generation,
            thread: kept.thread,
            received_us: kept.received_us,
            size: kept.size,
            flags: kept.flags,
        }
    }

    fn id(&self) -> EmailId {
        rows::email_id(self.storage, self.generation)
    }
}

/// A page of the results of a query.
pub(super) fn page(
    connection: &Connection,
    account: u64,
    query: Query,
    window: &Window,
) -> Result<Page, Failure> {
    let walk = Walk::of(connection, account, query)?;
    let mut total = match window.calculate_total {
        true => walk.known_total()?,
        false => None,
    };
    let position = first(&walk, window, &mut total)?;
    let end = position.saturating_add(u64::from(window.limit.min(WINDOW_MAX)));
    let count_all = window.calculate_total && total.is_none();
    let mut ids = Vec::new();
    let start = walk.skip(position, count_all);
    let seen = walk.results(
        start,
        if count_all { u64::MAX } else { end },
        |index, item| {
            if (position..end).contains(&index) {
                ids.push(item.id());
            }
            Ok(match index + 1 < end || count_all {
                true => Flow::On,
                false => Flow::Stop,
            })
        },
    )?;
    if count_all {
        total = Some(seen);
    }
    Ok(Page {
        query_state: log::state(connection, account, DataType::Email)?,
        can_calculate_changes: true,
        position,
        ids,
        total,
    })
}

/// The position of the window's first result (RFC 8620 §5.5).
fn first(walk: &Walk<'_>, window: &Window, total: &mut Option<u64>) -> Result<u64, Failure> {
    if let Some(anchor) = window.anchor {
        let index = walk.index_of(anchor)?.ok_or(Error::AnchorNotFound)?;
        return Ok(index.saturating_add_signed(window.anchor_offset));
    }
    if let Ok(position) = u64::try_from(window.position) {
        return Ok(position);
    }
    let all = match *total {
        Some(total) => total,
        None => walk.count()?,
    };
    if window.calculate_total {
        *total = Some(all);
    }
    Ok(all.saturating_sub(window.position.unsigned_abs()))
}
