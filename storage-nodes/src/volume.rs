//! The volumes of a node, and how much of each is alive.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
};

use uuid::Uuid;

use crate::{
    error::{NodeError, is_full},
    files::{OpenMode, TEMPORARY_SUFFIX, VolumeFile, VolumeFiles},
    format::{VOLUME_HEADER_BYTES, VolumeHeader, VolumeKind},
    index::{Entry, key_hash},
    key::RecordKey,
    space::{Purpose, Space},
};

/// One volume file that the node has open.
#[derive(Debug)]
pub(crate) struct Volume {
    pub header: VolumeHeader,
    pub file: Arc<dyn VolumeFile>,
    state: Mutex<VolumeState>,
}

/// Whether a volume still takes records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It may be appended to.
    Open,
    /// It takes no new record; writers that have a region finish.
    Full,
    /// It never changes again; the CRC-64/NVME of the bytes before the seal record, and where that is.
    Sealed { crc64: u64, seal_offset: u64 },
}

/// What changes about a volume. The lock is held for moments, never over input or output.
#[derive(Debug)]
pub(crate) struct VolumeState {
    pub phase: Phase,
    /// The end of the chain: where the next region begins.
    pub end: u64,
    /// Disk space reserved for the file, at least `end`.
    pub allocated: u64,
    /// The last sync that succeeded; the next one is one higher.
    pub settled_round: u64,
    /// Headers below are durable.
    pub settled_end: u64,
    /// Bytes of regions that hold the newest record of a key, or a tombstone that is still needed.
    pub live_bytes: u64,
    /// Regions that are reserved and neither committed nor given up, by offset.
    pub open_regions: BTreeSet<u64>,
    /// Hashes of the keys of dead data records here: tombstones elsewhere must outlive them.
    pub dead: HashSet<u64>,
    /// Hashes of the keys of the tombstones here.
    pub tombstones: Vec<u64>,
    /// Damage was found when it was opened, so compaction leaves the file alone until it is repaired.
    pub damaged: bool,
    /// Compaction has taken it; it will be removed.
    pub retiring: bool,
}

impl VolumeState {
    pub fn new(end: u64, allocated: u64) -> Self {
        Self {
            phase: Phase::Open,
            end,
            allocated,
            settled_round: 0,
            settled_end: end,
            live_bytes: 0,
            open_regions: BTreeSet::new(),
            dead: HashSet::new(),
            tombstones: Vec::new(),
            damaged: false,
            retiring: false,
        }
    }

    /// Bytes of records, dead or alive.
    pub fn record_bytes(&self) -> u64 {
        self.end.saturating_sub(VOLUME_HEADER_BYTES)
    }
}

impl Volume {
    pub fn new(header: VolumeHeader, file: Arc<dyn VolumeFile>, state: VolumeState) -> Self {
        Self {
            header,
            file,
            state: Mutex::new(state),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, VolumeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn name(&self) -> String {
        file_name(self.header.kind, self.header.id)
    }

    pub fn region_bytes(&self, capacity: u64) -> u64 {
        self.header.kind.region_bytes(capacity)
    }

    /// Reserves disk space up to `needed_end`, a step of `step` bytes at a time where there is room for that.
    ///
    /// Called by the one thread that extends this volume at the time.
    pub fn make_room(
        &self,
        needed_end: u64,
        step: u64,
        space: &Space,
        purpose: Purpose,
    ) -> Result<(), NodeError> {
        let allocated = self.state().allocated;
        let Some(needed) = needed_end
            .checked_sub(allocated)
            .filter(|needed| *needed > 0)
        else {
            return Ok(());
        };
        let generous = needed.next_multiple_of(step);
        let growth = match self.grow(allocated, generous, space, purpose) {
            Err(NodeError::Full) if generous > needed => {
                self.grow(allocated, needed, space, purpose)?;
                needed
            }
            other => {
                other?;
                generous
            }
        };
        self.state().allocated = allocated + growth;
        Ok(())
    }

    fn grow(
        &self,
        from: u64,
        bytes: u64,
        space: &Space,
        purpose: Purpose,
    ) -> Result<(), NodeError> {
        space.take(bytes, purpose)?;
        self.file.allocate(from, bytes).map_err(|error| {
            space.give_back(bytes);
            NodeError::from_io(&error)
        })
    }

    /// Cuts the file to the end of its chain, giving back what was reserved beyond.
    pub fn trim(&self, space: &Space) -> io::Result<()> {
        let (end, allocated) = {
            let state = self.state();
            (state.end, state.allocated)
        };
        self.file.truncate(end)?;
        self.state().allocated = end;
        space.give_back(allocated.saturating_sub(end));
        Ok(())
    }
}

/// The name of a volume's file.
pub(crate) fn file_name(kind: VolumeKind, id: u32) -> String {
    match kind {
        VolumeKind::Packed => format!("{id:010}.packed"),
        VolumeKind::Extents => format!("{id:010}.extents"),
    }
}

/// Whether a file's name is that of a volume.
pub(crate) fn is_volume_name(name: &str) -> bool {
    name.strip_suffix(".packed")
        .or_else(|| name.strip_suffix(".extents"))
        .is_some_and(|id| id.parse::<u32>().is_ok())
}

/// All volumes of a node.
#[derive(Debug)]
pub(crate) struct Volumes {
    by_id: RwLock<BTreeMap<u32, Arc<Volume>>>,
    next_id: AtomicU32,
    node: Uuid,
}

impl Volumes {
    pub fn new(node: Uuid) -> Self {
        Self {
            by_id: RwLock::default(),
            next_id: AtomicU32::new(1),
            node,
        }
    }

    pub fn get(&self, id: u32) -> Option<Arc<Volume>> {
        self.by_id
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned()
    }

    pub fn all(&self) -> Vec<Arc<Volume>> {
        self.by_id
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    /// Adds a volume, and never gives its id or a lower one to another.
    pub fn add(&self, volume: Arc<Volume>) {
        self.reserve_ids_below(volume.header.id.saturating_add(1));
        self.by_id
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(volume.header.id, volume);
    }

    pub fn remove(&self, id: u32) {
        self.by_id
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
    }

    pub fn reserve_ids_below(&self, id: u32) {
        self.next_id.fetch_max(id, Ordering::Relaxed);
    }

    pub fn next_id(&self) -> u32 {
        self.next_id.load(Ordering::Relaxed)
    }

    /// Makes a new, empty volume; its name and header are durable when this returns.
    pub fn create(
        &self,
        kind: VolumeKind,
        files: &dyn VolumeFiles,
        space: &Space,
        purpose: Purpose,
    ) -> Result<Arc<Volume>, NodeError> {
        space.take(VOLUME_HEADER_BYTES, purpose)?;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let header = VolumeHeader {
            kind,
            id,
            node: self.node,
            marker: rand::random(),
        };
        let file = write_new_file(files, &header).map_err(|error| {
            space.give_back(VOLUME_HEADER_BYTES);
            NodeError::from_io(&error)
        })?;
        let state = VolumeState::new(VOLUME_HEADER_BYTES, VOLUME_HEADER_BYTES);
        let volume = Arc::new(Volume::new(header, file, state));
        self.add(volume.clone());
        tracing::debug!(volume = id, ?kind, "made a volume");
        Ok(volume)
    }

    /// Notes that a record is the newest of its key.
    pub fn count_live(&self, entry: &Entry) {
        if let Some(volume) = self.get(entry.volume) {
            let region = volume.region_bytes(entry.capacity.into());
            volume.state().live_bytes += region;
        }
    }

    /// Notes that a record is not the newest of its key any more.
    pub fn count_dead(&self, key: &RecordKey, entry: &Entry) {
        if let Some(volume) = self.get(entry.volume) {
            let region = volume.region_bytes(entry.capacity.into());
            let mut state = volume.state();
            state.live_bytes = state.live_bytes.saturating_sub(region);
            state.dead.insert(key_hash(key));
        }
    }
}

fn write_new_file(
    files: &dyn VolumeFiles,
    header: &VolumeHeader,
) -> io::Result<Arc<dyn VolumeFile>> {
    let name = file_name(header.kind, header.id);
    let temporary = format!("{name}{TEMPORARY_SUFFIX}");
    let write = || {
        let file = files.open(&temporary, OpenMode::Create)?;
        file.pwritev(&mut [io::IoSlice::new(&header.encode())], 0)?;
        file.fdatasync()?;
        files.rename(&temporary, &name)?;
        files.sync_dir()?;
        Ok(file)
    };
    write().inspect_err(|error: &io::Error| {
        if is_full(error) {
            // What little was written would be in the way; the next start removes it otherwise.
            let _ = files.remove(&temporary);
        }
    })
}
