//! How the results of a query changed (RFC 8620 §5.6).
//!
//! What cannot have changed its place among the others is left out: an email that is as it was, and where emails of a
//! thread decide on each other, whose thread is as it was. All others that were there are removed, and those that are
//! results now are added where they are now.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rusqlite::{Connection, params};

use super::super::super::Failure;
use super::super::super::log;
use super::super::rows;
use super::filter::Asker;
use super::walk::{Flow, Walk};
use crate::error::Error;
use crate::types::{Added, DataType, EmailId, Query, QueryChanges, StateNumber};

/// The changes of a query's results since a state of emails.
pub(in super::super) fn changes(
    connection: &Connection,
    account: u64,
    query: Query,
    since: StateNumber,
    max: Option<u32>,
    calculate_total: bool,
) -> Result<QueryChanges, Failure> {
    let walk = Walk::of(connection, account, query)?;
    let present = log::check_since(connection, account, DataType::Email, since)?;
    let mut total = match calculate_total {
        true => walk.known_total()?,
        false => None,
    };
    let affected = affected(&walk, since)?;
    let count_all = calculate_total && total.is_none();
    let (added, seen) = find(&walk, &affected, count_all)?;
    if count_all {
        total = Some(seen);
    }
    let was_there = affected.iter().filter(|(_, is_new)| !**is_new);
    let removed: Vec<_> = was_there.map(|(id, _)| *id).collect();
    let most = max.map_or(usize::MAX, |max| max as usize);
    if removed.len() + added.len() > most {
        return Err(Error::TooManyChanges.into());
    }
    Ok(QueryChanges {
        old_query_state: since,
        new_query_state: present,
        total,
        removed,
        added,
    })
}

/// The ids that may be elsewhere than they were, and whether each is newer than the state.
type Affected = BTreeMap<EmailId, bool>;

fn affected(walk: &Walk<'_>, since: StateNumber) -> Result<Affected, Failure> {
    let mut affected = changed_emails(walk, since)?;
    let by_thread = walk.collapse || walk.plan.is_about_threads() || walk.order.is_about_threads();
    if !by_thread {
        return Ok(affected);
    }
    let mut threads: BTreeSet<u64> = changed_threads(walk, since)?;
    for id in affected.keys() {
        if let Some(kept) = rows::find_id(walk.connection, walk.account, *id)? {
            threads.insert(kept.thread);
        }
    }
    for thread in threads {
        for id in rows::of_list(walk.connection, walk.account, thread)? {
            affected.entry(id).or_insert(false);
        }
    }
    Ok(affected)
}

fn changed_emails(walk: &Walk<'_>, since: StateNumber) -> Result<Affected, Failure> {
    let mut select = walk.connection.prepare_cached(
        "SELECT object, generation, max(kind = 1) FROM log
         WHERE account = ?1 AND type = ?2 AND number > ?3 GROUP BY object, generation",
    )?;
    let emails = log::type_number(DataType::Email);
    let changed = select.query_map(params![walk.account, emails, since], |row| {
        Ok((rows::email_id(row.get(0)?, row.get(1)?), row.get(2)?))
    })?;
    Ok(changed.collect::<Result<_, _>>()?)
}

fn changed_threads(walk: &Walk<'_>, since: StateNumber) -> Result<BTreeSet<u64>, Failure> {
    let mut select = walk.connection.prepare_cached(
        "SELECT DISTINCT object FROM log WHERE account = ?1 AND type = ?2 AND number > ?3",
    )?;
    let threads = log::type_number(DataType::Thread);
    let changed = select.query_map(params![walk.account, threads, since], |row| row.get(0))?;
    Ok(changed.collect::<Result<_, _>>()?)
}

/// Where the affected ones are among the results, and how many results there are if all were counted. Otherwise it ends
/// with the last that is to be found.
fn find(
    walk: &Walk<'_>,
    affected: &Affected,
    count_all: bool,
) -> Result<(Vec<Added>, u64), Failure> {
    let mut to_find = matching(walk, affected)?;
    let mut added = Vec::new();
    if to_find == 0 && !count_all {
        return Ok((added, 0));
    }
    let seen = walk.results(0, u64::MAX, |index, item| {
        let id = item.id();
        if affected.contains_key(&id) {
            added.push(Added { id, index });
            to_find = to_find.saturating_sub(1);
        }
        Ok(match to_find == 0 && !count_all {
            true => Flow::Stop,
            false => Flow::On,
        })
    })?;
    Ok((added, seen))
}

/// How many of the affected ones are results: of each thread one, where threads are collapsed.
fn matching(walk: &Walk<'_>, affected: &Affected) -> Result<usize, Failure> {
    let mut asker = Asker::new(walk.connection, walk.account);
    let (mut emails, mut threads) = (0, HashSet::new());
    for id in affected.keys() {
        let Some(kept) = rows::find_id(walk.connection, walk.account, *id)? else {
            continue;
        };
        if walk.matches(&mut asker, &kept)? {
            emails += 1;
            threads.insert(kept.thread);
        }
    }
    Ok(if walk.collapse { threads.len() } else { emails })
}
