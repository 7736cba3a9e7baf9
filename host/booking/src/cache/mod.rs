//! Hotels and their nights in memory, for reading. Bookings decide on the tables, never on this.
//!
//! A hotel has generations, which count what the change feed told of it. What was loaded carries the generation that
//! was when the load began, and is fresh while that is still the hotel's: so a load that raced with a change is not taken
//! for fresh. Beside that all is stale after a time to live, in case the feed is not read.
//!
//! Bounded: hotels by [`HOTELS_MAX`], nights by bytes, in the order in which they came.

mod window;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::{Duration, Instant};

use concierge_identity::Clock;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::store::{ChangeKind, Store};
use crate::types::{Catalogue, Date, HotelCode, Position};
use window::WINDOW_NIGHTS;
pub(crate) use window::{Window, Windows, first_night, windows_of};

/// Most hotels that are searched: the first in the order of their codes. A hotel takes some kilobytes.
pub(crate) const HOTELS_MAX: usize = 20_000;

/// How often a load is repeated because the catalogue changed between its parts.
const LOAD_TRIES: u32 = 4;

/// Loads from the store at once.
const LOADS_AT_ONCE: usize = 32;

/// Hotels read at once while all are listed.
const PAGE: usize = 500;

/// A hotel with what is derived from it for searching.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) catalogue: Catalogue,
    /// Name and place, in lower case, for words.
    pub(crate) words: String,
    /// The name, for the order.
    pub(crate) name: Arc<str>,
    pub(crate) currency_digits: u32,
    generation: u64,
    loaded: Instant,
}

/// A hotel's place in the cache.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Counts changes of any kind.
    generation: AtomicU64,
    /// Counts changes of the catalogue.
    catalogue_generation: AtomicU64,
    /// [`Cache::missed`] when it was read: what was told before the entry was there.
    missed: u64,
    /// Whether it is among the hotels of the cache. What is not keeps no nights.
    listed: AtomicBool,
    known: RwLock<Arc<Known>>,
    windows: RwLock<BTreeMap<i32, Arc<Window>>>,
    /// One load at a time: others wait for it and have what it brought.
    loading: tokio::sync::Mutex<()>,
}

impl Entry {
    fn new(known: Known, missed: u64) -> Self {
        Self {
            generation: AtomicU64::new(0),
            catalogue_generation: AtomicU64::new(known.generation),
            missed,
            listed: AtomicBool::new(false),
            known: RwLock::new(Arc::new(known)),
            windows: RwLock::default(),
            loading: tokio::sync::Mutex::default(),
        }
    }

    /// The hotel as it was when it was read last.
    pub(crate) fn known(&self) -> Arc<Known> {
        Arc::clone(&read(&self.known))
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn catalogue_generation(&self) -> u64 {
        self.catalogue_generation.load(Ordering::Acquire)
    }

    fn changed(&self, kind: ChangeKind) {
        if kind == ChangeKind::CatalogueChanged {
            self.catalogue_generation.fetch_add(1, Ordering::AcqRel);
        }
        self.generation.fetch_add(1, Ordering::AcqRel);
    }
}

/// Nights that are kept, oldest first.
#[derive(Default)]
struct Kept {
    bytes: usize,
    order: VecDeque<(Weak<Entry>, i32)>,
}

/// How fresh is fresh, and how much is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) ttl: Duration,
    pub(crate) bytes: usize,
}

/// The cache.
pub(crate) struct Cache {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    entries: RwLock<BTreeMap<HotelCode, Arc<Entry>>>,
    /// The same for going through: made anew when a hotel comes.
    list: RwLock<Arc<Vec<Arc<Entry>>>>,
    kept: Mutex<Kept>,
    /// Counts changes of hotels that were not known when they were told.
    missed: AtomicU64,
    loads: Semaphore,
}

impl Cache {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        Self {
            store,
            clock,
            limits,
            entries: RwLock::default(),
            list: RwLock::default(),
            kept: Mutex::default(),
            missed: AtomicU64::new(0),
            loads: Semaphore::new(LOADS_AT_ONCE),
        }
    }

    /// All hotels that are known, open or not.
    pub(crate) fn all(&self) -> Arc<Vec<Arc<Entry>>> {
        Arc::clone(&read(&self.list))
    }

    /// Reads the hotels that are not known yet; at the start all.
    pub(crate) async fn read_new_hotels(&self) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let page = self.store.hotels(&after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.to_string();
            let new: Vec<_> = {
                let entries = read(&self.entries);
                let new = page.into_iter().filter(|code| !entries.contains_key(code));
                new.collect()
            };
            let loads: Vec<_> = new.iter().map(|code| self.load_new(code)).collect();
            let loaded: Vec<_> = stream::iter(loads)
                .buffer_unordered(LOADS_AT_ONCE)
                .try_collect()
                .await?;
            if !self.add(loaded.into_iter().flatten().collect()) {
                tracing::warn!(
                    HOTELS_MAX,
                    "there are more hotels than are searched: those after them are found by their code alone"
                );
                break;
            }
        }
        Ok(())
    }

    /// A hotel, read from the store unless it is known and fresh; [`Error::NotFound`] if there is none.
    pub(crate) async fn known(&self, code: &HotelCode) -> Result<Arc<Known>, Error> {
        Ok(self.entry(code).await?.1)
    }

    /// As [`Self::known`], read from the store in any case.
    pub(crate) async fn reread(&self, code: &HotelCode) -> Result<Arc<Known>, Error> {
        let entry = read(&self.entries).get(code).cloned();
        match entry {
            Some(entry) => self.refresh(&entry, code).await,
            None => self.known(code).await,
        }
    }

    async fn entry(&self, code: &HotelCode) -> Result<(Arc<Entry>, Arc<Known>), Error> {
        let entry = read(&self.entries).get(code).cloned();
        if let Some(entry) = entry {
            let known = entry.known();
            let fresh = known.generation == entry.catalogue_generation()
                && known.loaded.elapsed() < self.limits.ttl;
            let known = match fresh {
                true => known,
                false => self.refresh(&entry, code).await?,
            };
            return Ok((entry, known));
        }
        let entry = self.load_new(code).await?;
        let entry = entry.ok_or_else(|| Error::NotFound("hotel".to_owned()))?;
        self.add(vec![Arc::clone(&entry)]);
        let known = entry.known();
        Ok((entry, known))
    }

    async fn load_new(&self, code: &HotelCode) -> Result<Option<Arc<Entry>>, Error> {
        let _permit = self.loads.acquire().await;
        let missed = self.missed.load(Ordering::Acquire);
        let catalogue = self.store.catalogue(code).await?;
        Ok(catalogue.map(|catalogue| Arc::new(Entry::new(known(catalogue, 0), missed))))
    }

    /// Adds hotels; false if there are too many.
    fn add(&self, new: Vec<Arc<Entry>>) -> bool {
        let mut entries = write(&self.entries);
        let mut all_kept = true;
        for entry in new {
            let code = entry.known().catalogue.hotel.code.clone();
            if entries.contains_key(&code) {
                continue;
            }
            if entries.len() >= HOTELS_MAX {
                all_kept = false;
                continue;
            }
            // A change was told while it was read: it may have been read before that.
            if entry.missed != self.missed.load(Ordering::Acquire) {
                entry.changed(ChangeKind::CatalogueChanged);
            }
            entry.listed.store(true, Ordering::Release);
            entries.insert(code, entry);
        }
        *write(&self.list) = Arc::new(entries.values().cloned().collect());
        all_kept
    }

    async fn refresh(&self, entry: &Arc<Entry>, code: &HotelCode) -> Result<Arc<Known>, Error> {
        let _loading = entry.loading.lock().await;
        self.refresh_locked(entry, code).await
    }

    async fn refresh_locked(&self, entry: &Entry, code: &HotelCode) -> Result<Arc<Known>, Error> {
        let generation = entry.catalogue_generation();
        let catalogue = self.store.catalogue(code).await?;
        let catalogue = catalogue.ok_or_else(|| Error::NotFound("hotel".to_owned()))?;
        let known = Arc::new(known(catalogue, generation));
        let mut kept = write(&entry.known);
        // A slower load of an older version must not come last.
        if known.catalogue.version >= kept.catalogue.version {
            *kept = Arc::clone(&known);
        }
        Ok(known)
    }

    /// The nights from `first` to before `end`, fresh.
    pub(crate) async fn nights(
        &self,
        code: &HotelCode,
        first: Date,
        end: Date,
    ) -> Result<(Arc<Known>, Windows), Error> {
        let (entry, _) = self.entry(code).await?;
        self.nights_of(&entry, first, end).await
    }

    /// As [`Self::nights`], of a hotel that is known.
    pub(crate) async fn nights_of(
        &self,
        entry: &Arc<Entry>,
        first: Date,
        end: Date,
    ) -> Result<(Arc<Known>, Windows), Error> {
        for _ in 0..LOAD_TRIES {
            if let Some(windows) = self.fresh(entry, first, end) {
                metrics::counter!("concierge_booking_cache_total", "outcome" => "hit").increment(1);
                return Ok(windows);
            }
            metrics::counter!("concierge_booking_cache_total", "outcome" => "miss").increment(1);
            let loaded = self.load(entry, first, end).await?;
            if let Some(windows) = of_one_version(loaded) {
                return Ok(windows);
            }
        }
        Err(Error::Unavailable)
    }

    /// The nights from `first` to before `end`, if they are here and fresh.
    pub(crate) fn fresh(
        &self,
        entry: &Entry,
        first: Date,
        end: Date,
    ) -> Option<(Arc<Known>, Windows)> {
        let generation = entry.generation();
        let now = Instant::now();
        let fresh = |window: &&Arc<Window>| {
            window.generation == generation
                && now.saturating_duration_since(window.loaded) < self.limits.ttl
        };
        let kept = read(&entry.windows);
        let windows = windows_of(first, end).map(|window| kept.get(&window).filter(fresh).cloned());
        of_one_version(windows.collect::<Option<_>>()?)
    }

    /// The nights from `first` to before `end`, however old, for prices that the store checks; `None` if they are not
    /// here.
    pub(crate) fn maybe_stale(
        &self,
        code: &HotelCode,
        first: Date,
        end: Date,
    ) -> Option<(Arc<Known>, Windows)> {
        let entry = read(&self.entries).get(code).cloned()?;
        let kept = read(&entry.windows);
        let windows = windows_of(first, end).map(|window| kept.get(&window).cloned());
        of_one_version(windows.collect::<Option<_>>()?)
    }

    async fn load(
        &self,
        entry: &Arc<Entry>,
        first: Date,
        end: Date,
    ) -> Result<Vec<Arc<Window>>, Error> {
        let _permit = self.loads.acquire().await;
        let _loading = entry.loading.lock().await;
        if let Some((_, windows)) = self.fresh(entry, first, end) {
            return Ok(windows.0);
        }
        let mut loaded = Vec::new();
        for window in windows_of(first, end) {
            loaded.push(self.load_window(entry, window).await?);
        }
        Ok(loaded)
    }

    async fn load_window(&self, entry: &Arc<Entry>, window: i32) -> Result<Arc<Window>, Error> {
        let code = entry.known().catalogue.hotel.code.clone();
        for _ in 0..LOAD_TRIES {
            let generation = entry.generation();
            let began = Instant::now();
            let first = first_night(window);
            let nights = self.store.nights(&code, first, WINDOW_NIGHTS).await?;
            let mut known = entry.known();
            if known.catalogue.version != nights.version {
                known = self.refresh_locked(entry, &code).await?;
            }
            if known.catalogue.version != nights.version {
                continue;
            }
            let today = Date::at(self.clock.now_us(), &known.catalogue.zone);
            let loaded = Window::new(known, window, &nights, today, generation, began);
            let loaded = Arc::new(loaded);
            self.keep(entry, window, Arc::clone(&loaded));
            return Ok(loaded);
        }
        Err(Error::Unavailable)
    }

    fn keep(&self, entry: &Arc<Entry>, window: i32, loaded: Arc<Window>) {
        if !entry.listed.load(Ordering::Acquire) {
            return;
        }
        let size = loaded.size_bytes();
        let before = write(&entry.windows).insert(window, loaded);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match before {
            Some(before) => kept.bytes = kept.bytes.saturating_sub(before.size_bytes()),
            None => kept.order.push_back((Arc::downgrade(entry), window)),
        }
        kept.bytes += size;
        while kept.bytes > self.limits.bytes {
            let Some((entry, window)) = kept.order.pop_front() else {
                break;
            };
            let gone = entry
                .upgrade()
                .and_then(|entry| write(&entry.windows).remove(&window));
            kept.bytes = kept
                .bytes
                .saturating_sub(gone.map_or(0, |gone| gone.size_bytes()));
        }
    }

    /// Something of a hotel changed: what is kept of it is stale.
    pub(crate) fn changed(&self, code: &HotelCode, kind: ChangeKind) {
        let entries = read(&self.entries);
        match entries.get(code) {
            Some(entry) => entry.changed(kind),
            None => {
                self.missed.fetch_add(1, Ordering::AcqRel);
            }
        }
    }

    /// What nights take, bytes.
    pub(crate) fn kept_bytes(&self) -> usize {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes
    }
}

/// Windows that were priced under one version of the catalogue; `None` if it changed between them.
fn of_one_version(windows: Vec<Arc<Window>>) -> Option<(Arc<Known>, Windows)> {
    let known = Arc::clone(&windows.first()?.known);
    let version = known.catalogue.version;
    let one = windows
        .iter()
        .all(|window| window.known.catalogue.version == version);
    one.then_some((known, Windows(windows)))
}

fn known(catalogue: Catalogue, generation: u64) -> Known {
    let hotel = &catalogue.hotel;
    let address = &hotel.address;
    let words = [
        hotel.name.as_str(),
        &address.city,
        &address.region,
        &address.country,
    ];
    Known {
        words: words.join("\n").to_lowercase(),
        name: hotel.name.to_lowercase().into(),
        currency_digits: crate::rules::price::currency_digits(&hotel.currency),
        generation,
        loaded: Instant::now(),
        catalogue,
    }
}

impl Known {
    /// Where it is.
    pub(crate) fn position(&self) -> Option<Position> {
        self.catalogue.hotel.position
    }

    /// Today's date there.
    pub(crate) fn today(&self, now_us: u64) -> Date {
        Date::at(now_us, &self.catalogue.zone)
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    // Nothing that holds it leaves it half changed.
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
