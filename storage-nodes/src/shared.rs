//! What the threads of one node share.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    sync::{
        Arc, Condvar, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use crate::{
    counters::Counters,
    ending::Ending,
    error::NodeError,
    files::VolumeFiles,
    format::VolumeKind,
    index::{Entry, Index},
    key::RecordKey,
    options::NodeOptions,
    space::Space,
    volume::{Phase, Volume, Volumes},
};

/// How many messages `NodeStatus` shows.
const RECENT_ERRORS: usize = 16;
/// How many damaged keys are remembered; beyond, a later scrub finds them again.
const REMEMBERED_DAMAGED: usize = 100_000;

#[derive(Debug)]
pub(crate) struct Shared {
    pub files: Arc<dyn VolumeFiles>,
    pub options: NodeOptions,
    pub index: Index,
    pub volumes: Volumes,
    pub space: Space,
    pub counters: Counters,
    pub ending: Ending,
    pub in_flight: InFlight,
    pub scrub: ScrubProgress,
    /// Read-locked while what a sync made durable becomes visible, so that a checkpoint sees all of it or nothing.
    gate: RwLock<()>,
    sequence: AtomicU64,
    stopped: OnceLock<Arc<str>>,
    recent_errors: Mutex<VecDeque<String>>,
    damaged: Mutex<BTreeSet<RecordKey>>,
    any_damaged: AtomicBool,
}

impl Shared {
    pub fn new(files: Arc<dyn VolumeFiles>, options: NodeOptions, node: uuid::Uuid) -> Self {
        let space = Space::new(
            files.clone(),
            options.capacity_limit_bytes,
            options.free_space_reserve_bytes,
        );
        Self {
            files,
            options,
            index: Index::default(),
            volumes: Volumes::new(node),
            space,
            counters: Counters::default(),
            ending: Ending::default(),
            in_flight: InFlight::default(),
            scrub: ScrubProgress::default(),
            gate: RwLock::default(),
            sequence: AtomicU64::new(1),
            stopped: OnceLock::new(),
            recent_errors: Mutex::default(),
            damaged: Mutex::default(),
            any_damaged: AtomicBool::new(false),
        }
    }

    /// The number of the next commit.
    pub fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }

    /// The number of the next commit, without taking it.
    pub fn peek_sequence(&self) -> u64 {
        self.sequence.load(Ordering::Relaxed)
    }

    /// Held while durable records become visible.
    pub fn settling(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held for a moment in which nothing becomes visible.
    pub fn standstill(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps later commits above one that was found on disk.
    pub fn raise_sequence_above(&self, sequence: u64) {
        self.sequence
            .fetch_max(sequence.saturating_add(1), Ordering::Relaxed);
    }

    /// Ends all writing: what was written last is in an unknown state.
    pub fn stop_writing(&self, reason: &str) {
        if self.stopped.set(reason.into()).is_ok() {
            tracing::error!(
                reason,
                "the node has stopped writing; restart it when the disk is well"
            );
            self.note_error(reason);
        }
    }

    pub fn check_writable(&self) -> Result<(), NodeError> {
        match self.stopped.get() {
            Some(reason) => Err(NodeError::Stopped(reason.clone())),
            None => Ok(()),
        }
    }

    pub fn stopped_reason(&self) -> Option<String> {
        self.stopped.get().map(ToString::to_string)
    }

    pub fn note_error(&self, message: &str) {
        let mut errors = self
            .recent_errors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if errors.len() == RECENT_ERRORS {
            errors.pop_front();
        }
        errors.push_back(message.to_owned());
    }

    pub fn recent_errors(&self) -> Vec<String> {
        self.recent_errors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    /// Notes a record that does not match its checksums, and gives the error for it.
    pub fn corrupt(&self, key: RecordKey) -> NodeError {
        self.counters.corrupt_found();
        tracing::warn!(%key, "a record is damaged");
        self.note_error(&format!("record {key} is damaged"));
        let mut damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        if damaged.len() < REMEMBERED_DAMAGED {
            damaged.insert(key);
            self.any_damaged.store(true, Ordering::Relaxed);
        }
        NodeError::Corrupt { key }
    }

    /// The records that are known to be damaged and were not replaced or deleted since, up to `limit`.
    pub fn damaged(&self, limit: usize) -> Vec<RecordKey> {
        self.damaged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .take(limit)
            .copied()
            .collect()
    }

    pub fn damaged_count(&self) -> u64 {
        self.damaged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len() as u64
    }

    /// A record was replaced or deleted: it is damaged no more.
    pub fn forget_damage(&self, key: &RecordKey) {
        if self.any_damaged.load(Ordering::Relaxed) {
            self.damaged
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(key);
        }
    }

    /// Makes a durable record visible, unless a newer one is.
    pub fn install(&self, key: RecordKey, entry: Entry) {
        self.volumes.count_live(&entry);
        if let Some(loser) = self.index.insert(key, entry) {
            self.volumes.count_dead(&key, &loser);
            self.forget_damage(&key);
        }
    }

    /// Makes a durable tombstone take effect.
    pub fn remove(&self, key: &RecordKey, sequence: u64) {
        if let Some(old) = self.index.remove_older(key, sequence) {
            self.volumes.count_dead(key, &old);
            self.forget_damage(key);
        }
    }

    /// Makes a durable copy the place of a record, unless that was replaced or deleted meanwhile.
    pub fn install_copy(&self, key: RecordKey, from: &Entry, to: Entry) {
        self.volumes.count_live(&to);
        let loser = if self.index.relocate(&key, from, to) {
            from
        } else {
            &to
        };
        self.volumes.count_dead(&key, loser);
    }

    /// The volume of a kind that was left with room for more.
    pub fn open_volume(&self, kind: VolumeKind) -> Option<Arc<Volume>> {
        let fits = |volume: &Arc<Volume>| {
            volume.header.kind == kind && volume.state().phase == Phase::Open
        };
        self.volumes.all().into_iter().rev().find(fits)
    }
}

/// The keys of large records whose sequence is drawn and that are not visible yet.
///
/// Two threads commit. Were a key deleted by one between the draw and the sync of the other, its tombstone would be
/// newer than the record on disk, and yet take effect before it in memory: the record would be there until the
/// next start. So the thread that packs waits for the keys that it wants to touch.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    keys: Mutex<HashSet<RecordKey>>,
    landed: Condvar,
}

impl InFlight {
    /// Notes keys; they are forgotten when what is returned is dropped.
    pub fn take_off(&self, keys: Vec<RecordKey>) -> Flight<'_> {
        let mut all = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(keys.iter().copied());
        Flight {
            in_flight: self,
            keys,
        }
    }

    /// Waits until a key is not in flight: for a sync at most.
    pub fn wait_for(&self, key: &RecordKey) {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.landed.wait_while(keys, |keys| keys.contains(key));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// Keys in flight.
pub(crate) struct Flight<'a> {
    in_flight: &'a InFlight,
    keys: Vec<RecordKey>,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let all = &self.in_flight.keys;
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &self.keys {
            all.remove(key);
        }
        self.in_flight.landed.notify_all();
    }
}

/// How far the scrub is.
#[derive(Debug, Default)]
pub(crate) struct ScrubProgress {
    /// Bytes read in the pass that runs.
    pub done_bytes: AtomicU64,
    /// Bytes that the pass is to read; 0 between passes.
    pub total_bytes: AtomicU64,
    /// Passes that came to their end.
    pub passes: AtomicU64,
}
