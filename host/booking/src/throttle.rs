//! How many calls are let in: token buckets by name, and keys that are under way. Both are bounded in memory.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Error;

/// Most buckets of one generation. More clients at once than that are an attack, or deserve to begin anew.
const BUCKETS_MAX: usize = 100_000;

/// Most operations under a key at once; each waits for the store.
const KEYS_MAX: usize = 20_000;

/// How fast a bucket fills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Calls a second; 0: no limit.
    pub per_s: u32,
    /// Calls at once.
    pub burst: u32,
}

impl Rate {
    /// No limit.
    pub const UNLIMITED: Self = Self { per_s: 0, burst: 0 };

    /// After how long an untouched bucket is full, and need not be kept.
    fn fills_in(self) -> Duration {
        Duration::from_secs_f64(f64::from(self.burst.max(1)) / f64::from(self.per_s.max(1)))
    }
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

/// Buckets in two generations: one that was not touched for the whole of a generation is full again, and forgotten.
pub(crate) struct Throttle {
    rate: Rate,
    generations: Mutex<Generations>,
}

struct Generations {
    young: HashMap<String, Bucket>,
    old: HashMap<String, Bucket>,
    began: Instant,
}

impl Throttle {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            generations: Mutex::new(Generations {
                young: HashMap::new(),
                old: HashMap::new(),
                began: Instant::now(),
            }),
        }
    }

    /// Lets a call of a name in.
    ///
    /// # Errors
    /// [`Error::SlowDown`] with the seconds until the next is let in.
    pub(crate) fn enter(&self, name: &str) -> Result<(), Error> {
        self.enter_at(name, Instant::now())
    }

    fn enter_at(&self, name: &str, now: Instant) -> Result<(), Error> {
        if self.rate.per_s == 0 {
            return Ok(());
        }
        let mut generations = lock(&self.generations);
        generations.turn(now, self.rate.fills_in());
        let burst = f64::from(self.rate.burst.max(1));
        let per_s = f64::from(self.rate.per_s);
        let bucket = generations.bucket(name, burst, now);
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * per_s).min(burst);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            let wait_s = ((1.0 - bucket.tokens) / per_s).ceil();
            // At least 1, and small: the cast keeps it.
            return Err(Error::SlowDown(wait_s.clamp(1.0, 3_600.0) as u32));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

impl Generations {
    fn turn(&mut self, now: Instant, every: Duration) {
        let over = now.saturating_duration_since(self.began) > every;
        if over || self.young.len() >= BUCKETS_MAX {
            self.old = std::mem::take(&mut self.young);
            self.began = now;
        }
    }

    fn bucket(&mut self, name: &str, burst: f64, now: Instant) -> &mut Bucket {
        let kept = self.old.remove(name);
        self.young.entry(name.to_owned()).or_insert_with(|| {
            kept.unwrap_or(Bucket {
                tokens: burst,
                at: now,
            })
        })
    }
}

/// Idempotency keys of operations that are under way on this host.
#[derive(Default)]
pub(crate) struct KeysUnderWay {
    keys: Mutex<HashSet<(String, String, String)>>,
}

/// An operation that is under way under a key.
pub(crate) struct KeyGuard<'k> {
    keys: &'k KeysUnderWay,
    key: (String, String, String),
}

impl KeysUnderWay {
    /// Enters an operation of a hotel under a key of a scope.
    ///
    /// # Errors
    /// [`Error::KeyInUse`] while another is under way, [`Error::SlowDown`] when too many are.
    pub(crate) fn enter(&self, hotel: &str, scope: &str, key: &str) -> Result<KeyGuard<'_>, Error> {
        let key = (hotel.to_owned(), scope.to_owned(), key.to_owned());
        let mut keys = lock(&self.keys);
        if keys.len() >= KEYS_MAX {
            return Err(Error::SlowDown(1));
        }
        match keys.insert(key.clone()) {
            true => Ok(KeyGuard { keys: self, key }),
            false => Err(Error::KeyInUse),
        }
    }
}

impl Drop for KeyGuard<'_> {
    fn drop(&mut self) {
        lock(&self.keys.keys).remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds it leaves it half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_lets_its_burst_in_and_then_its_rate() {
        let throttle = Throttle::new(Rate { per_s: 2, burst: 3 });
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(throttle.enter_at("a", start), Ok(()));
        }
        assert_eq!(throttle.enter_at("a", start), Err(Error::SlowDown(1)));
        assert_eq!(throttle.enter_at("b", start), Ok(()));
        let later = start + Duration::from_millis(500);
        assert_eq!(throttle.enter_at("a", later), Ok(()));
        assert_eq!(throttle.enter_at("a", later), Err(Error::SlowDown(1)));
    }

    #[test]
    fn buckets_are_forgotten_when_they_are_full_and_not_before() {
        let throttle = Throttle::new(Rate {
            per_s: 1,
            burst: 10,
        });
        let start = Instant::now();
        for _ in 0..10 {
            throttle.enter_at("a", start).unwrap();
        }
        let kept = start + Duration::from_secs(11);
        throttle.enter_at("b", kept).unwrap();
        // Of the generation before, and with what flowed in since.
        for _ in 0..10 {
            throttle.enter_at("a", kept).unwrap();
        }
        assert_eq!(throttle.enter_at("a", kept), Err(Error::SlowDown(1)));
        throttle
            .enter_at("b", kept + Duration::from_secs(11))
            .unwrap();
        throttle
            .enter_at("b", kept + Duration::from_secs(22))
            .unwrap();
        let generations = lock(&throttle.generations);
        assert!(!generations.young.contains_key("a") && !generations.old.contains_key("a"));
    }

    #[test]
    fn a_key_is_under_way_once() {
        let keys = KeysUnderWay::default();
        let guard = keys.enter("h", "s", "k").unwrap();
        assert_eq!(keys.enter("h", "s", "k").err(), Some(Error::KeyInUse));
        assert!(keys.enter("h", "other", "k").is_ok());
        drop(guard);
        assert!(keys.enter("h", "s", "k").is_ok());
    }
}
