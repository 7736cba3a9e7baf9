//! The work behind a node: sealing, compaction and checkpoints, by one thread.
//!
//! A pass first gives full volumes their seals; then it empties those of which too much is dead and removes their
//! files; and when enough has changed it makes a checkpoint. It may be broken off anywhere.

mod compact;
mod seal;

use std::{
    collections::BTreeSet,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    checkpoint,
    ending::Pace,
    error::NodeError,
    extents::{CommitQueue, Reserver},
    format::VolumeKind,
    packed::{Operation, PackedQueue, closed},
    recover::RecoveryReport,
    shared::Shared,
    volume::{Phase, Volume},
};

/// Between passes. Full volumes and dead space can wait for so long; a node that becomes full wakes the thread.
const PAUSE: Duration = Duration::from_secs(10);
/// Between passes at least: a full node is woken at each record that it refuses.
const LEAST_PAUSE: Duration = Duration::from_secs(1);
/// A start reads what came after the last checkpoint: for so many bytes that takes about a second.
const CHECKPOINT_EVERY_BYTES: u64 = 256 * 1024 * 1024;
/// A checkpoint is due only after so many times its own length was written, so that it costs little beside that.
const CHECKPOINT_WORTH: u64 = 4;
/// Volumes that are emptied before the checkpoint that lets their files go: one checkpoint serves them all.
const RETIRED_TOGETHER: usize = 8;
/// An open volume is given to compaction when it is at least this part of its full size: one divided by this.
const ROLLED_PART: u64 = 4;

/// What the work is done with.
#[derive(Debug)]
pub(crate) struct Upkeep {
    shared: Arc<Shared>,
    packed: PackedQueue,
    commits: CommitQueue,
    reserver: Arc<Reserver>,
    /// One pass at a time.
    pass: Mutex<()>,
    /// What [`Upkeep::changes`] was at the last checkpoint, and how long that is.
    checkpointed_at: AtomicU64,
    checkpoint_bytes: AtomicU64,
    /// The start had to read volumes, so the next one would have to as well.
    stale: AtomicBool,
}

impl Upkeep {
    pub fn new(
        shared: Arc<Shared>,
        packed: PackedQueue,
        commits: CommitQueue,
        reserver: Arc<Reserver>,
        recovery: &RecoveryReport,
    ) -> Self {
        let stale = recovery.without_checkpoint.is_some() || recovery.records_replayed > 0;
        Self {
            stale: AtomicBool::new(stale),
            shared,
            packed,
            commits,
            reserver,
            pass: Mutex::default(),
            checkpointed_at: AtomicU64::new(0),
            checkpoint_bytes: AtomicU64::new(0),
        }
    }

    /// Runs until the node ends.
    pub fn run(&self) {
        let ending = &self.shared.ending;
        while ending.pause(LEAST_PAUSE).is_continue()
            && ending.pause_until_woken(PAUSE).is_continue()
        {
            let rate = self.shared.options.compact_bytes_per_second;
            match self.pass(&mut Pace::slow(ending, rate)) {
                Ok(()) => {}
                Err(NodeError::Stopped(_)) => return,
                Err(error) => {
                    tracing::warn!(%error, "the upkeep of the node failed; it will try again");
                    self.shared.note_error(&format!("upkeep failed: {error}"));
                }
            }
        }
    }

    /// Does what is to be done, and makes a checkpoint if one is due.
    pub fn pass(&self, pace: &mut Pace<'_>) -> Result<(), NodeError> {
        let _alone = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.check_writable()?;
        self.roll()?;
        self.compact(pace)?;
        seal::seal_finished(&self.shared, pace)?;
        let worth = CHECKPOINT_WORTH * self.checkpoint_bytes.load(Ordering::Relaxed);
        let stale = self.stale.load(Ordering::Relaxed);
        if stale || self.changed_bytes() >= worth.max(CHECKPOINT_EVERY_BYTES) {
            self.checkpoint()?;
        }
        Ok(())
    }

    /// Makes a checkpoint if anything has changed since the last.
    pub fn checkpoint_changes(&self) -> Result<(), NodeError> {
        let _alone = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        if self.changed_bytes() > 0 || self.stale.load(Ordering::Relaxed) {
            self.checkpoint()?;
        }
        Ok(())
    }

    /// Bytes appended since the last checkpoint, about.
    fn changed_bytes(&self) -> u64 {
        let last = self.checkpointed_at.load(Ordering::Relaxed);
        self.shared.counters.appended_bytes().saturating_sub(last)
    }

    fn checkpoint(&self) -> Result<(), NodeError> {
        let appended = self.shared.counters.appended_bytes();
        let length = checkpoint::save(&self.shared).map_err(|error| NodeError::from_io(&error))?;
        self.checkpointed_at.store(appended, Ordering::Relaxed);
        self.stale.store(false, Ordering::Relaxed);
        self.checkpoint_bytes.store(length, Ordering::Relaxed);
        self.shared.counters.checkpoint_made();
        Ok(())
    }

    /// Ends open volumes of which enough is dead, so that compaction may have them.
    fn roll(&self) -> Result<(), NodeError> {
        let open = |kind| {
            let volume = self.shared.open_volume(kind)?;
            self.is_worth_rolling(&volume).then_some(())
        };
        if open(VolumeKind::Packed).is_some() {
            let answer = self
                .packed
                .submit_blocking(|reply| Operation::Roll { reply })?;
            answer.blocking_recv().unwrap_or_else(|_| Err(closed()))?;
        }
        if open(VolumeKind::Extents).is_some() {
            self.reserver.roll();
        }
        Ok(())
    }

    fn is_worth_rolling(&self, volume: &Volume) -> bool {
        let size = self.shared.options.volume_size_bytes;
        let records = volume.state().record_bytes();
        let large = records >= size / ROLLED_PART;
        let needed_now = records > 0 && self.shared.space.free_bytes() < size;
        (large || needed_now) && self.is_mostly_dead(volume)
    }

    /// Whether so much of a volume is dead that it is to be rewritten.
    fn is_mostly_dead(&self, volume: &Volume) -> bool {
        let (records, live) = {
            let state = volume.state();
            (state.record_bytes(), state.live_bytes)
        };
        let limit = u64::from(self.shared.options.compact_at_dead_percent);
        let enough = |dead: u64| dead.saturating_mul(100) >= records.saturating_mul(limit);
        let dead = records.saturating_sub(live);
        // What tombstones are needed is asked only where it matters.
        enough(dead) && {
            let needed = self.shared.volumes.needed_tombstones(volume).len() as u64;
            enough(dead.saturating_sub(needed * volume.region_bytes(0)))
        }
    }

    /// Empties the volumes that are to be rewritten, and removes them.
    fn compact(&self, pace: &mut Pace<'_>) -> Result<(), NodeError> {
        // Some may be left from a pass that was broken off.
        let volumes = self.shared.volumes.all().into_iter();
        let (mut emptied, rest): (Vec<_>, Vec<_>) =
            volumes.partition(|volume| volume.state().retiring);
        let mut wanted: Vec<_> = rest
            .into_iter()
            .filter(|volume| self.is_to_be_rewritten(volume))
            .collect();
        // What costs least and gives most comes first.
        wanted.sort_by_key(|volume| volume.state().live_bytes);
        for volume in wanted {
            match self.empty(&volume, pace) {
                Ok(true) => {
                    volume.state().retiring = true;
                    emptied.push(volume);
                }
                Ok(false) => {}
                // Others may need no room.
                Err(NodeError::Full) => {
                    tracing::warn!(
                        volume = volume.header.id,
                        "there is no room to compact a volume"
                    );
                }
                Err(error) => return Err(error),
            }
            if emptied.len() >= RETIRED_TOGETHER {
                self.retire(std::mem::take(&mut emptied))?;
            }
        }
        self.retire(emptied)
    }

    fn is_to_be_rewritten(&self, volume: &Volume) -> bool {
        let (possible, suspect) = {
            let state = volume.state();
            let stuck = state.stuck_at_bytes == Some(state.live_bytes);
            let possible = state.is_finished() && !state.damaged && !stuck;
            (possible, state.suspect)
        };
        possible && (suspect || self.is_mostly_dead(volume))
    }

    /// Removes emptied volumes, once no checkpoint speaks of them any more.
    fn retire(&self, emptied: Vec<Arc<Volume>>) -> Result<(), NodeError> {
        let ids: BTreeSet<u32> = emptied.iter().map(|volume| volume.header.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        // It cannot be; but what follows would lose the record.
        let in_use = self.shared.index.volumes_in_use(&ids);
        for volume in &emptied {
            if in_use.contains(&volume.header.id) {
                let mut state = volume.state();
                state.retiring = false;
                state.stuck_at_bytes = Some(state.live_bytes);
                self.shared
                    .note_error(&format!("volume {} is still in use", volume.header.id));
            }
        }
        match self.checkpoint() {
            Err(NodeError::Full) => {
                checkpoint::discard(&self.shared).map_err(|error| NodeError::from_io(&error))?;
            }
            made => made?,
        }
        let gone: Vec<_> = emptied
            .into_iter()
            .filter(|volume| volume.state().retiring)
            .collect();
        self.remove_files(&gone)
            .map_err(|error| NodeError::from_io(&error))
    }

    fn remove_files(&self, volumes: &[Arc<Volume>]) -> io::Result<()> {
        let shared = &self.shared;
        for volume in volumes {
            shared.volumes.remove(volume.header.id);
            shared.files.remove(&volume.name())?;
        }
        // Until this is durable a file may come back, with records that only tombstones keep dead.
        shared.files.sync_dir()?;
        for volume in volumes {
            shared.volumes.forget_dead(volume);
            let bytes = volume.state().allocated;
            shared.space.give_back(bytes);
            shared.counters.volume_removed(bytes);
            tracing::info!(volume = volume.header.id, bytes, "compacted a volume");
        }
        Ok(())
    }
}

/// Whether a volume's phase is that of one that could be sealed.
fn is_sealable(volume: &Volume) -> bool {
    let state = volume.state();
    state.phase == Phase::Full && state.is_finished() && !state.damaged && !state.retiring
}
