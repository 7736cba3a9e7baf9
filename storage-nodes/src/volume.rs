//! The volumes of a node, and how much of each is alive.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
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
    /// Bytes of regions that hold the newest record of a key.
    pub live_bytes: u64,
    /// Regions that are reserved and neither committed nor given up, by offset.
    pub open_regions: BTreeSet<u64>,
    /// Hashes of the keys of dead data records here: tombstones elsewhere must outlive them. A key may be here
    /// more than once, or although it is alive; that only keeps a tombstone for longer.
    pub dead: Vec<u64>,
    /// Hashes of the keys of the tombstones here.
    pub tombstones: Vec<u64>,
    /// What stood in some of its bytes is not known any more. Its file is never removed, and no tombstone is while
    /// there is such a file: it might hide an older record of the key.
    pub damaged: bool,
    /// It is to be rewritten however much of it is alive: its file does not match its seal.
    pub suspect: bool,
    /// All that lives was copied away from it; it will be removed.
    pub retiring: bool,
    /// Bytes that were alive when compaction last failed to empty it: until that changes, it would fail again.
    pub stuck_at_bytes: Option<u64>,
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
            dead: Vec::new(),
            tombstones: Vec::new(),
            damaged: false,
            suspect: false,
            retiring: false,
            stuck_at_bytes: None,
        }
    }

    /// Bytes of records, dead or alive.
    pub fn record_bytes(&self) -> u64 {
        self.end.saturating_sub(VOLUME_HEADER_BYTES)
    }

    /// Whether nothing is added to it any more.
    pub fn is_finished(&self) -> bool {
        match self.phase {
            Phase::Open => false,
            Phase::Full => self.open_regions.is_empty(),
            Phase::Sealed { .. } => true,
        }
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

/// The id of the volume whose file has this name, if it is that of one.
pub(crate) fn volume_id(name: &str) -> Option<u32> {
    name.strip_suffix(".packed")
        .or_else(|| name.strip_suffix(".extents"))
        .and_then(|id| id.parse().ok())
}

/// All volumes of a node.
#[derive(Debug)]
pub(crate) struct Volumes {
    by_id: RwLock<BTreeMap<u32, Arc<Volume>>>,
    /// Ids of files that cannot be read or are gone although they should be there.
    missing: RwLock<BTreeSet<u32>>,
    /// How many dead records of a key there are in all volumes, by the hash of the key.
    dead: Mutex<HashMap<u64, u32>>,
    next_id: AtomicU32,
    node: Uuid,
}

impl Volumes {
    pub fn new(node: Uuid) -> Self {
        Self {
            by_id: RwLock::default(),
            missing: RwLock::default(),
            dead: Mutex::default(),
            next_id: AtomicU32::new(1),
            node,
        }
    }

    pub fn node(&self) -> Uuid {
        self.node
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

    /// Takes a volume out, so that nothing finds it any more; its file is still there.
    pub fn remove(&self, id: u32) {
        self.by_id
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
    }

    /// A removed volume's file is gone for good: its dead records need no tombstones any more.
    pub fn forget_dead(&self, volume: &Volume) {
        let gone = std::mem::take(&mut volume.state().dead);
        let mut dead = self.dead();
        for hash in gone {
            if let Some(count) = dead.get_mut(&hash) {
                *count -= 1;
                if *count == 0 {
                    dead.remove(&hash);
                }
            }
        }
    }

    /// Notes that a volume's file cannot be read or is gone.
    pub fn add_missing(&self, id: u32) {
        self.reserve_ids_below(id.saturating_add(1));
        self.missing
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id);
    }

    pub fn missing(&self) -> Vec<u32> {
        let missing = self.missing.read().unwrap_or_else(PoisonError::into_inner);
        missing.iter().copied().collect()
    }

    fn dead(&self) -> MutexGuard<'_, HashMap<u64, u32>> {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes dead records of a volume by the hashes of their keys.
    pub fn add_dead(&self, volume: &Volume, hashes: &[u64]) {
        volume.state().dead.extend_from_slice(hashes);
        let mut dead = self.dead();
        for hash in hashes {
            *dead.entry(*hash).or_default() += 1;
        }
    }

    /// The keys, by hash, whose tombstones in a volume must outlive it, since an older record may be elsewhere.
    pub fn needed_tombstones(&self, volume: &Volume) -> HashSet<u64> {
        let (tombstones, own) = {
            let state = volume.state();
            (state.tombstones.clone(), state.dead.clone())
        };
        let unknown = |volume: &Arc<Volume>| volume.state().damaged;
        if !self.missing().is_empty() || self.all().iter().any(unknown) {
            return tombstones.into_iter().collect();
        }
        let mut here: HashMap<u64, u32> = HashMap::new();
        for hash in own {
            *here.entry(hash).or_default() += 1;
        }
        let dead = self.dead();
        let elsewhere = |hash: &u64| {
            let all = dead.get(hash).copied().unwrap_or_default();
            all > here.get(hash).copied().unwrap_or_default()
        };
        tombstones.into_iter().filter(elsewhere).collect()
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
            {
                let mut state = volume.state();
                state.live_bytes = state.live_bytes.saturating_sub(region);
            }
            self.add_dead(&volume, &[key_hash(key)]);
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
