//! Positions in the feed of all shards.
//!
//! A position has a number for each shard, `1,7,0`: what was read of it. Within a shard the order is that of the
//! commits; between shards there is none, and the page that is made of them goes by time.

use std::fmt;

use super::{Inner, outgoing};
use crate::error::{Error, Reason};
use crate::store::FeedPage;

/// What was read of each shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Positions(Vec<u64>);

impl Positions {
    /// Reads a position; an empty one is before everything.
    pub(super) fn parse(text: &str, shards: usize) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(Self(vec![0; shards]));
        }
        let numbers: Option<Vec<u64>> = text.split(',').map(|part| part.parse().ok()).collect();
        match numbers {
            // SQLite's integers have a sign.
            Some(numbers)
                if numbers.len() == shards
                    && numbers.iter().all(|&number| i64::try_from(number).is_ok()) =>
            {
                Ok(Self(numbers))
            }
            _ => {
                let detail = "This is not a position of this feed.".to_owned();
                Err(Error::invalid("after", Reason::Malformed, detail))
            }
        }
    }

    /// The position after everything.
    pub(super) fn end(inner: &Inner) -> Result<Self, Error> {
        let shards = inner.shards.iter();
        let ends = shards.map(|shard| shard.read("feed_end", outgoing::last_position));
        ends.collect::<Result<_, _>>().map(Self)
    }

    /// The page after this position.
    pub(super) fn page(mut self, inner: &Inner, max: usize) -> Result<FeedPage, Error> {
        let mut all = Vec::new();
        for (number, (shard, after)) in inner.shards.iter().zip(&self.0).enumerate() {
            let found = shard.read("feed", |c| outgoing::feed(c, *after, max))?;
            all.push((number, found.into_iter().peekable()));
        }
        let mut entries = Vec::new();
        while entries.len() < max {
            // The earliest of the shards' next ones: each shard's stay in their order, also where a clock went back.
            let next = all
                .iter_mut()
                .filter_map(|(number, found)| Some((found.peek()?.1.at_us, number, found)))
                .min_by_key(|(at_us, number, _)| (*at_us, **number));
            let Some((_, number, found)) = next else {
                break;
            };
            if let (Some((position, entry)), Some(read)) = (found.next(), self.0.get_mut(*number)) {
                *read = position;
                entries.push(entry);
            }
        }
        Ok(FeedPage {
            entries,
            next: self.to_string(),
        })
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, number) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{number}")?;
        }
        Ok(())
    }
}
