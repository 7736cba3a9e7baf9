//! The feed of all hotels.
//!
//! A change is in the feed with the number of its transaction, and becomes visible when that one commits, which may be
//! after transactions with higher numbers. So a reader reads only what is below the lowest transaction that still
//! runs: nothing can come to be behind it. A position is, for each server, the last transaction and the place in the
//! feed that were read.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::Row;

use super::failure::Failed;
use super::row::{big, column, hotel, kind, query, unsigned};
use super::{Engine, Shard};
use crate::error::{Error, Reason};
use crate::store::{FeedEntry, FeedPage};

/// How long the bell is waited for: where a ring was missed, a reader is late by this.
const BELL_WAIT: Duration = Duration::from_millis(500);

/// What committed behind a transaction that still runs is waited for, since most are done at once: 1 ms, and twice as
/// long each time, 63 ms together.
const HIDDEN_WAITS: u32 = 6;

/// How far a server's feed was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Position {
    xid: u64,
    seq: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.xid, self.seq)
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || {
            let detail = "This is not a position that the feed gave.";
            Error::invalid("after", Reason::Malformed, detail)
        };
        let (xid, seq) = text.split_once('.').ok_or_else(bad)?;
        Ok(Self {
            xid: xid.parse().map_err(|_| bad())?,
            seq: seq.parse().map_err(|_| bad())?,
        })
    }
}

/// Positions of all servers in one text.
fn read_positions(text: &str, shards: usize) -> Result<Vec<Position>, Error> {
    if text.is_empty() {
        return Ok(vec![Position::default(); shards]);
    }
    let positions: Vec<Position> = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
    if positions.len() != shards {
        let detail = "This is a position of other servers.";
        return Err(Error::invalid("after", Reason::Malformed, detail));
    }
    Ok(positions)
}

fn write_positions(positions: &[Position]) -> String {
    let positions = positions.iter().map(Position::to_string);
    positions.collect::<Vec<_>>().join(",")
}

/// The feed after a position.
pub(super) async fn page(engine: &Engine, after: &str, max: usize) -> Result<FeedPage, Failed> {
    let mut positions = read_positions(after, engine.shards.len())?;
    let mut waits = 0;
    loop {
        let entries = merged(engine, &mut positions, max).await?;
        if !entries.is_empty() || max == 0 || !hidden(engine, &mut waits).await? {
            return Ok(FeedPage {
                entries,
                next: write_positions(&positions),
            });
        }
    }
}

/// The position after the newest change.
pub(super) async fn end(engine: &Engine) -> Result<String, Failed> {
    // What is yet to come has this number or a higher one.
    const END: &str = "select pg_snapshot_xmin(pg_current_snapshot())::text";
    let mut waits = 0;
    while hidden(engine, &mut waits).await? {}
    let mut positions = Vec::new();
    for shard in &engine.shards {
        let rows = query(shard, END, &[]).await?;
        let row = rows.first();
        let row = row.ok_or_else(|| Failed::Fault("a statement gave no row".to_owned()))?;
        positions.push(Position {
            xid: xid(row, 0)?,
            seq: 0,
        });
    }
    Ok(write_positions(&positions))
}

/// Waits for a ring, or a moment.
pub(super) async fn bell(bell: &Notify) {
    let _rang = tokio::time::timeout(BELL_WAIT, bell.notified()).await;
}

/// The entries of all servers after the positions, by their time; moves the positions.
async fn merged(
    engine: &Engine,
    positions: &mut [Position],
    max: usize,
) -> Result<Vec<FeedEntry>, Failed> {
    let mut feeds = Vec::with_capacity(positions.len());
    for (shard, position) in engine.shards.iter().zip(positions.iter()) {
        feeds.push(read(shard, *position, max).await?);
    }
    let mut entries = Vec::new();
    while entries.len() < max {
        let heads = feeds.iter_mut().zip(positions.iter_mut());
        let heads = heads.filter_map(|(feed, position)| {
            let at_us = feed.front()?.1.at_us;
            Some((at_us, feed, position))
        });
        let Some((_, feed, position)) = heads.min_by_key(|(at_us, ..)| *at_us) else {
            break;
        };
        if let Some((read, entry)) = feed.pop_front() {
            *position = read;
            entries.push(entry);
        }
    }
    Ok(entries)
}

async fn read(
    shard: &Shard,
    after: Position,
    max: usize,
) -> Result<VecDeque<(Position, FeedEntry)>, Failed> {
    const READ: &str = "select xid::text, seq, hotel, kind, subject, at_us from booking.feed \
        where (xid, seq) > ($1::text::xid8, $2) and xid < pg_snapshot_xmin(pg_current_snapshot()) \
        order by xid, seq limit $3";
    let values: super::row::Values<'_> = &[&after.xid.to_string(), &big(after.seq), &big(max)];
    let rows = query(shard, READ, values).await?;
    let entry = |row: &Row| {
        let position = Position {
            xid: xid(row, 0)?,
            seq: unsigned(column(row, 1)?),
        };
        let entry = FeedEntry {
            hotel: hotel(row, 2)?,
            kind: kind(row, 3)?,
            subject: column(row, 4)?,
            at_us: unsigned(column(row, 5)?),
        };
        Ok((position, entry))
    };
    rows.iter().map(entry).collect()
}

/// Whether a change committed that cannot be read yet, because another transaction still runs. Waits a moment where it
/// is so; after some moments it says no.
async fn hidden(engine: &Engine, waits: &mut u32) -> Result<bool, Failed> {
    const HIDDEN: &str = "select 1 from booking.feed \
        where xid >= pg_snapshot_xmin(pg_current_snapshot()) limit 1";
    if *waits == HIDDEN_WAITS {
        return Ok(false);
    }
    for shard in &engine.shards {
        if !query(shard, HIDDEN, &[]).await?.is_empty() {
            tokio::time::sleep(Duration::from_millis(1 << *waits)).await;
            *waits += 1;
            return Ok(true);
        }
    }
    Ok(false)
}

/// A number of a transaction, as text.
fn xid(row: &Row, place: usize) -> Result<u64, Failed> {
    let text: &str = column(row, place)?;
    text.parse()
        .map_err(|_| Failed::Fault(format!("{text:?} is not the number of a transaction")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read_back() {
        let positions = [
            Position { xid: 812, seq: 44 },
            Position {
                xid: u64::MAX,
                seq: 0,
            },
        ];
        let text = write_positions(&positions);
        assert_eq!(text, format!("812.44,{}.0", u64::MAX));
        assert_eq!(read_positions(&text, 2).unwrap(), positions);
        assert_eq!(read_positions("", 2).unwrap(), [Position::default(); 2]);
        for bad in [
            "1.2",
            "1.2,",
            "1.2,3",
            "1.2,3.x",
            "1.2,3.4,5.6",
            "-1.2,3.4",
            " ",
        ] {
            assert!(read_positions(bad, 2).is_err(), "{bad:?}");
        }
    }
}
