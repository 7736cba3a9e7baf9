//! Orders that no list has: all that matches is gathered and sorted.

use std::cmp::Ordering;

use rusqlite::{Connection, params};

use super::super::super::Failure;
use super::filter::{Asker, Quantifier};
use super::walk::{Flow, Walk};
use super::{Item, Order};
use crate::types::{Comparator, Property};

/// Results that are held beyond those that are wanted, before the others are let go.
const SURPLUS: usize = 1024;

/// What a level of an order compares.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(u64),
    Text(Box<str>),
}

/// All results in their order; of more than `most` only the first.
pub(super) fn all(walk: &Walk<'_>, order: &Order, most: u64) -> Result<Vec<Item>, Failure> {
    let levels = match order {
        Order::Time { .. } => &[],
        Order::Levels(levels) => levels.as_slice(),
    };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let compare = |a: &(Vec<Key>, Item), b: &(Vec<Key>, Item)| in_order(order, a, b);
    let mut asker = Asker::new(walk.connection, walk.account);
    let mut gathered: Vec<(Vec<Key>, Item)> = Vec::new();
    let mut each = |item: &Item| {
        gathered.push((keys(walk.connection, &mut asker, levels, item)?, *item));
        if gathered.len() / 2 > most.saturating_add(SURPLUS) {
            gathered.select_nth_unstable_by(most, compare);
            gathered.truncate(most);
        }
        Ok(Flow::On)
    };
    match &walk.plan.set {
        Some(_) => walk.look_up(&mut each)?,
        None => walk.scan(false, 0, &mut each)?,
    }
    gathered.sort_unstable_by(compare);
    Ok(gathered.into_iter().map(|(_, item)| item).collect())
}

fn in_order(order: &Order, a: &(Vec<Key>, Item), b: &(Vec<Key>, Item)) -> Ordering {
    let by_time = (a.1.received_us, a.1.storage).cmp(&(b.1.received_us, b.1.storage));
    let levels = match order {
        Order::Time { ascending: true } => return by_time,
        Order::Time { ascending: false } => return by_time.reverse(),
        Order::Levels(levels) => levels,
    };
    for (level, (a, b)) in levels.iter().zip(a.0.iter().zip(&b.0)) {
        let ordering = match level.ascending {
            true => a.cmp(b),
            false => b.cmp(a),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    by_time.reverse()
}

fn keys(
    connection: &Connection,
    asker: &mut Asker<'_>,
    levels: &[Comparator],
    item: &Item,
) -> rusqlite::Result<Vec<Key>> {
    let key = |level: &Comparator| key(connection, asker, level, item);
    levels.iter().map(key).collect()
}

fn key(
    connection: &Connection,
    asker: &mut Asker<'_>,
    level: &Comparator,
    item: &Item,
) -> rusqlite::Result<Key> {
    let keyword = level.keyword.as_str();
    Ok(match level.property {
        Property::ReceivedAt => Key::Number(item.received_us),
        Property::Size => Key::Number(item.size),
        // Without a Date it sorts before all that have one.
        Property::SentAt => Key::Number(sent_us(connection, item)?.map_or(0, |sent| sent + 1)),
        Property::From => text(connection, "sort_from", item)?,
        Property::To => text(connection, "sort_to", item)?,
        Property::Subject => text(connection, "sort_subject", item)?,
        Property::HasKeyword => Key::Number(asker.has_keyword(item, keyword)?.into()),
        Property::AllInThreadHaveKeyword => {
            let has = asker.thread_has(item.thread, Quantifier::All, keyword)?;
            Key::Number(has.into())
        }
        Property::SomeInThreadHaveKeyword => {
            let has = asker.thread_has(item.thread, Quantifier::Some, keyword)?;
            Key::Number(has.into())
        }
    })
}

fn sent_us(connection: &Connection, item: &Item) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached("SELECT sent_us FROM email WHERE storage = ?1")?
        .query_row([item.storage], |row| row.get(0))
}

fn text(connection: &Connection, column: &str, item: &Item) -> rusqlite::Result<Key> {
    let sql = format!("SELECT {column} FROM email WHERE storage = ?1");
    let mut select = connection.prepare_cached(&sql)?;
    let text: String = select.query_row(params![item.storage], |row| row.get(0))?;
    Ok(Key::Text(text.into()))
}
