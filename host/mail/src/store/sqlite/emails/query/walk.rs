//! Going through the results of a query in their order.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::super::Failure;
use super::super::mailboxes;
use super::super::rows::{self, Kept};
use super::filter::Asker;
use super::sorted;
use super::{ITEM, Item, Order, Plan};
use crate::types::{EmailId, Query, StorageId};

/// Looking up an email costs about as much as so many rows of a scan.
const LOOKUP_ROWS: u64 = 4;

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    Stop,
}

/// What goes through a range of a list by time.
pub(in super::super::super) fn scan_sql(ascending: bool) -> String {
    let direction = if ascending { "ASC" } else { "DESC" };
    format!(
        "SELECT {ITEM} FROM listed
         WHERE account = ?1 AND list = ?2 AND received_us >= ?3 AND received_us < ?4
         ORDER BY received_us {direction}, storage {direction} LIMIT -1 OFFSET ?5"
    )
}

/// A query that is ready to be answered.
pub(super) struct Walk<'c> {
    pub(super) connection: &'c Connection,
    pub(super) account: u64,
    pub(super) plan: Plan,
    pub(super) order: Order,
    pub(super) collapse: bool,
    /// There is no such mailbox: nothing matches. (The number might be a thread's, which has a list too.)
    nothing: bool,
}

impl<'c> Walk<'c> {
    pub(super) fn of(
        connection: &'c Connection,
        account: u64,
        query: Query,
    ) -> Result<Self, Failure> {
        let plan = Plan::of(query.filter)?;
        let nothing = plan.list != rows::ALL && !mailboxes::exists(connection, account, plan.list)?;
        Ok(Self {
            connection,
            account,
            order: Order::of(query.sort)?,
            collapse: query.collapse_threads,
            plan,
            nothing,
        })
    }

    /// How many results there are, where that is written down: of all that is in a mailbox or in the account.
    pub(super) fn known_total(&self) -> Result<Option<u64>, Failure> {
        if self.nothing {
            return Ok(Some(0));
        }
        if !self.plan.is_whole_list() {
            return Ok(None);
        }
        let (sql, of) = match (self.plan.list, self.collapse) {
            (rows::ALL, false) => (
                "SELECT used_count FROM account WHERE number = ?1",
                self.account,
            ),
            (rows::ALL, true) => (
                "SELECT count(*) FROM thread WHERE account = ?1",
                self.account,
            ),
            (list, false) => ("SELECT total_emails FROM mailbox WHERE number = ?1", list),
            (list, true) => ("SELECT total_threads FROM mailbox WHERE number = ?1", list),
        };
        let mut select = self.connection.prepare_cached(sql)?;
        Ok(Some(select.query_row([of], |row| row.get(0))?))
    }

    /// How many results there are.
    pub(super) fn count(&self) -> Result<u64, Failure> {
        match self.known_total()? {
            Some(total) => Ok(total),
            None => self.results(0, u64::MAX, |_, _| Ok(Flow::On)),
        }
    }

    /// Whether the results are all emails of a range of a list, one after the other.
    fn is_plain(&self) -> bool {
        matches!(self.order, Order::Time { .. }) && self.plan.rest.is_empty() && !self.collapse
    }

    /// How many results before `position` may be passed over without being looked at.
    pub(super) fn skip(&self, position: u64, count_all: bool) -> u64 {
        match self.is_plain() && !count_all {
            true => position.min(i64::MAX as u64),
            false => 0,
        }
    }

    /// Where an email is among the results.
    pub(super) fn index_of(&self, id: EmailId) -> Result<Option<u64>, Failure> {
        let Some(kept) = rows::find_id(self.connection, self.account, id)? else {
            return Ok(None);
        };
        if !self.matches(&mut Asker::new(self.connection, self.account), &kept)? {
            return Ok(None);
        }
        if self.is_plain() {
            return Ok(Some(self.count_before(&kept)?));
        }
        let mut found = None;
        self.results(0, u64::MAX, |index, item| {
            if item.storage == kept.storage {
                found = Some(index);
                return Ok(Flow::Stop);
            }
            Ok(Flow::On)
        })?;
        Ok(found)
    }

    /// How many emails of the range are before one of it.
    fn count_before(&self, kept: &Kept) -> rusqlite::Result<u64> {
        let before = match self.order {
            Order::Time { ascending: true } => '<',
            _ => '>',
        };
        let sql = format!(
            "SELECT count(*) FROM listed
             WHERE account = ?1 AND list = ?2 AND received_us >= ?3 AND received_us < ?4
             AND (received_us, storage) {before} (?5, ?6)"
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        let plan = &self.plan;
        let (account, list) = (self.account, plan.list);
        let range = params![
            account,
            list,
            plan.from_us,
            plan.until_us,
            kept.received_us,
            kept.storage
        ];
        select.query_row(range, |row| row.get(0))
    }

    /// Whether an email matches, other emails of its thread aside.
    pub(super) fn matches(&self, asker: &mut Asker<'_>, kept: &Kept) -> Result<bool, Failure> {
        let in_list = self.plan.list == rows::ALL || kept.mailboxes.contains(&self.plan.list);
        Ok(in_list
            && !self.nothing
            && self.plan.in_range(kept.received_us)
            && asker.all(&self.plan.rest, &Item::of(kept))?)
    }

    /// Goes through the results from the index `start` on, which [`Self::skip`] gave or is 0, until it is told to stop;
    /// how many there were up to there. `end`: how many are looked at at most.
    pub(super) fn results(
        &self,
        start: u64,
        end: u64,
        mut visit: impl FnMut(u64, &Item) -> Result<Flow, Failure>,
    ) -> Result<u64, Failure> {
        let mut index = start;
        let mut threads = HashSet::new();
        let mut each = |item: &Item| {
            if index >= end {
                return Ok(Flow::Stop);
            }
            if self.collapse && !threads.insert(item.thread) {
                return Ok(Flow::On);
            }
            let flow = visit(index, item)?;
            index += 1;
            Ok(flow)
        };
        if self.nothing {
            return Ok(index);
        }
        match &self.order {
            Order::Time { ascending } if !self.by_set(end)? => {
                self.scan(*ascending, start, &mut each)?;
            }
            order => {
                let most = if self.collapse { u64::MAX } else { end };
                for item in sorted::all(self, order, most)? {
                    if each(&item)? == Flow::Stop {
                        break;
                    }
                }
            }
        }
        Ok(index)
    }

    /// Whether looking up what the search index has found is less work than going through the list. Of N emails with M
    /// among them that were found, a scan sees N/M rows for each result.
    fn by_set(&self, end: u64) -> Result<bool, Failure> {
        let Some(set) = &self.plan.set else {
            return Ok(false);
        };
        let whole: Option<u64> = self
            .connection
            .prepare_cached("SELECT used_count FROM account WHERE number = ?1")?
            .query_row([self.account], |row| row.get(0))
            .optional()?;
        let (found, whole) = (set.len() as u64, whole.unwrap_or(0));
        let scanned = (whole / found.max(1)).saturating_mul(end).min(whole);
        Ok(found.saturating_mul(LOOKUP_ROWS) <= scanned.max(1))
    }

    /// Goes through what matches in the plan's list by time. `skip`: so many are passed over.
    pub(super) fn scan(
        &self,
        ascending: bool,
        skip: u64,
        each: &mut impl FnMut(&Item) -> Result<Flow, Failure>,
    ) -> Result<(), Failure> {
        let sql = scan_sql(ascending);
        let mut select = self.connection.prepare_cached(&sql)?;
        let plan = &self.plan;
        let range = params![self.account, plan.list, plan.from_us, plan.until_us, skip];
        let mut rows = select.query(range)?;
        let mut asker = Asker::new(self.connection, self.account);
        while let Some(row) = rows.next()? {
            let item = Item::read(row)?;
            if asker.all(&plan.rest, &item)? && each(&item)? == Flow::Stop {
                break;
            }
        }
        Ok(())
    }

    /// Goes through what matches of what the search index has found, in no order.
    pub(super) fn look_up(
        &self,
        each: &mut impl FnMut(&Item) -> Result<Flow, Failure>,
    ) -> Result<(), Failure> {
        let mut asker = Asker::new(self.connection, self.account);
        for StorageId(storage) in self.plan.set.iter().flat_map(|set| set.iter()) {
            let kept = rows::find(self.connection, self.account, *storage)?;
            if let Some(kept) = kept
                && self.matches(&mut asker, &kept)?
                && each(&Item::of(&kept))? == Flow::Stop
            {
                break;
            }
        }
        Ok(())
    }
}
