//! What a seed decides.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::contents::{Fate, PAGE_BYTES, SECTOR_BYTES};

/// How much is kept, in hundredths: some losses take all that was not synced, some nothing, some tear.
const KEPT_PERCENT: [u32; 5] = [0, 10, 50, 90, 100];
/// How many of the pages that are not kept are torn, in hundredths.
const TORN_PERCENT: u32 = 25;
const SECTORS_OF_A_PAGE: usize = PAGE_BYTES / SECTOR_BYTES;

/// The choices of one loss of power. Contents and names fare differently: a name may outlive what it stands for.
#[derive(Debug)]
pub struct Choice {
    random: StdRng,
    contents_percent: u32,
    names_percent: u32,
}

impl Choice {
    pub fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut percent = || KEPT_PERCENT[random.random_range(0..KEPT_PERCENT.len())];
        let (contents_percent, names_percent) = (percent(), percent());
        Self {
            random,
            contents_percent,
            names_percent,
        }
    }

    fn happens(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    pub fn fate(&mut self) -> Fate {
        if self.happens(self.contents_percent) {
            Fate::Kept
        } else if self.contents_percent > 0 && self.happens(TORN_PERCENT) {
            Fate::Torn(SECTOR_BYTES * self.random.random_range(1..SECTORS_OF_A_PAGE))
        } else {
            Fate::Lost
        }
    }

    /// The old size, the new one, or one between.
    pub fn size_bytes(&mut self, old: u64, new: u64) -> u64 {
        if self.happens(self.contents_percent) {
            new
        } else if self.contents_percent > 0 && self.happens(TORN_PERCENT) {
            self.random.random_range(old.min(new)..=old.max(new))
        } else {
            old
        }
    }

    /// How many of so many operations are kept: the first ones.
    pub fn operations(&mut self, count: usize) -> usize {
        match self.names_percent {
            0 => 0,
            100 => count,
            _ => self.random.random_range(0..=count),
        }
    }
}
