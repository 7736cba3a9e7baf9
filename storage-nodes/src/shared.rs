//! What the threads of one node share.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use crate::{
    counters::Counters,
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
