//! How much came of whom: a bucket each, that fills again with time.

use std::collections::HashMap;
use std::time::Instant;

use super::RateOf;

/// Buckets at most. Beyond, those that are full again go, and if there are none, all: counting anew is better than
/// growing.
const BUCKETS_MAX: usize = 100_000;

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// Buckets by what is counted and of whom.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    all: HashMap<(RateOf, String), Bucket>,
}

impl Buckets {
    /// Takes one out; `false`: there is none left.
    pub(super) fn takes(&mut self, of: RateOf, key: &str, per_minute: u32) -> bool {
        let now = Instant::now();
        self.make_room(now);
        let most = f64::from(per_minute);
        let bucket = self.all.entry((of, key.to_owned())).or_insert(Bucket {
            left: most,
            at: now,
        });
        let filled = now.duration_since(bucket.at).as_secs_f64() * most / 60.0;
        bucket.left = (bucket.left + filled).min(most);
        bucket.at = now;
        if bucket.left < 1.0 {
            return false;
        }
        bucket.left -= 1.0;
        true
    }

    /// Forgets what was counted.
    pub(super) fn forget(&mut self, of: RateOf) {
        self.all.retain(|(counted, _), _| *counted != of);
    }

    fn make_room(&mut self, now: Instant) {
        if self.all.len() < BUCKETS_MAX {
            return;
        }
        // Each is full again after a minute.
        self.all
            .retain(|_, bucket| now.duration_since(bucket.at).as_secs() < 60);
        if self.all.len() >= BUCKETS_MAX {
            self.all.clear();
        }
    }
}
