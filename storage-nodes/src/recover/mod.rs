//! Opening the volumes of a node: from the volumes alone, or from a checkpoint and what came after it.

mod resume;

use std::{
    collections::HashMap,
    io::{self, IoSlice},
    ops::ControlFlow,
    path::Path,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    error::OpenError,
    files::{OpenMode, TEMPORARY_SUFFIX, VolumeFile},
    format::{
        FORMAT_VERSION, FormatError, RECORD_HEADER_BYTES, RecordHeader, RecordKind, TRAILER_BYTES,
        Trailer, VOLUME_HEADER_BYTES, VolumeHeader, VolumeKind, trailer_offset,
    },
    index::{Entry, key_hash},
    key::{Lease, RecordKey},
    scan::{Found, look, payload_is_good, walk},
    shared::Shared,
    volume::{Phase, Volume, VolumeState, file_name, volume_id},
};

/// A stretch of a volume that could not be read as records although it had been durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamagedStretch {
    /// The volume's file.
    pub file: String,
    /// Where it begins, in bytes.
    pub from: u64,
    /// Where it ends.
    pub to: u64,
}

/// What opening a node found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryReport {
    /// Volume files that were opened.
    pub volumes: u64,
    /// Records and tombstones that were read from volumes.
    pub records_replayed: u64,
    /// Records that were known from the index checkpoint.
    pub records_from_checkpoint: u64,
    /// Bytes cut off or set aside behind the last durable record: torn, never acknowledged.
    pub torn_bytes: u64,
    /// Records with a trailer whose payload was torn; they were never acknowledged.
    pub torn_records: u64,
    /// Regions that were reserved and not finished when the node stopped.
    pub unfinished_regions: u64,
    /// Damage found within what had been durable.
    pub damaged: Vec<DamagedStretch>,
    /// Volume files whose header cannot be read; they are left as they are.
    pub unreadable: Vec<String>,
    /// Records known from the checkpoint whose volume is gone or cannot be read.
    pub lost_records: u64,
    /// Why the index checkpoint was not used, if it was not; everything was read from the volumes then.
    #[serde(default)]
    pub without_checkpoint: Option<String>,
}

impl RecoveryReport {
    /// Whether anything durable was found damaged or missing.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.damaged.is_empty() && self.unreadable.is_empty() && self.lost_records == 0
    }
}

/// Opens every volume and fills the index.
pub(crate) fn recover(
    shared: &Shared,
    dir: &Path,
    node: uuid::Uuid,
) -> Result<RecoveryReport, OpenError> {
    let mut recovery = Recovery {
        shared,
        dir,
        node,
        tombstones: HashMap::new(),
        report: RecoveryReport::default(),
    };
    let names = recovery.volume_names()?;
    let checkpoint = recovery.usable_checkpoint(&names)?;
    for name in &names {
        recovery.open_volume(name)?;
    }
    let mut marked = match checkpoint {
        Some(checkpoint) => recovery.resume(checkpoint)?,
        None => HashMap::new(),
    };
    for volume in shared.volumes.all() {
        let read = match marked.remove(&volume.header.id) {
            Some(mark) => recovery.read_on(&volume, mark),
            None => recovery.read_volume(&volume, VOLUME_HEADER_BYTES, &[]),
        };
        read.map_err(recovery.io("recover a volume"))?;
    }
    recovery.leave_one_open_of_each_kind();
    Ok(recovery.report)
}

struct Recovery<'a> {
    shared: &'a Shared,
    dir: &'a Path,
    node: uuid::Uuid,
    /// The newest tombstone of each key: volumes are not read in the order of sequences.
    tombstones: HashMap<RecordKey, u64>,
    report: RecoveryReport,
}

/// A record that exists.
struct Record {
    header: RecordHeader,
    trailer: Trailer,
    block_crcs: Vec<u32>,
}

/// What the walk of one volume learns.
struct Walk {
    settled_round: u64,
    settled_end: u64,
    highest_round: u64,
    /// Records that are not known to be settled (yet).
    held: Vec<Record>,
    gaps: Vec<(u64, u64)>,
    unfinished: Vec<RecordHeader>,
    seal: Option<(u64, u64)>,
}

impl Recovery<'_> {
    fn io(&self, action: &'static str) -> impl FnOnce(io::Error) -> OpenError {
        let dir = self.dir.to_owned();
        move |source| OpenError::Io {
            action,
            dir,
            source,
        }
    }

    fn damaged(&self, file: &str, reason: &str) -> OpenError {
        OpenError::Damaged {
            dir: self.dir.to_owned(),
            file: file.to_owned(),
            reason: reason.to_owned(),
        }
    }

    /// The volumes, oldest first; files that a crash left unfinished are removed.
    fn volume_names(&self) -> Result<Vec<String>, OpenError> {
        let files = &self.shared.files;
        let (unfinished, mut names): (Vec<_>, Vec<_>) = files
            .list()
            .map_err(self.io("list the files"))?
            .into_iter()
            .partition(|name| name.ends_with(TEMPORARY_SUFFIX));
        for name in &unfinished {
            files
                .remove(name)
                .map_err(self.io("remove an unfinished file"))?;
        }
        names.retain(|name| volume_id(name).is_some());
        names.sort();
        Ok(names)
    }

    fn open_volume(&mut self, name: &str) -> Result<(), OpenError> {
        let file = self
            .shared
            .files
            .open(name, OpenMode::Existing)
            .map_err(self.io("open a volume"))?;
        let page = file
            .read_vec(VOLUME_HEADER_BYTES as usize, 0)
            .map_err(self.io("read a volume"))?;
        let header = match VolumeHeader::decode(&page) {
            Ok(header) => header,
            Err(FormatError::NewerVersion(found)) => {
                let (found, known) = (found.into(), FORMAT_VERSION.into());
                return Err(OpenError::NewerFormat {
                    dir: self.dir.to_owned(),
                    found,
                    known,
                });
            }
            Err(FormatError::Invalid) => return self.set_aside(name, &*file),
        };
        if header.node != self.node {
            return Err(self.damaged(name, "it belongs to another node"));
        }
        if file_name(header.kind, header.id) != name {
            return Err(self.damaged(name, "it is the file of another volume"));
        }
        let length = file.length().map_err(self.io("read a volume"))?;
        let volume = Arc::new(Volume::new(
            header,
            file,
            VolumeState::new(VOLUME_HEADER_BYTES, length),
        ));
        self.shared.volumes.add(volume);
        self.report.volumes += 1;
        Ok(())
    }

    /// A volume whose header is unreadable: others go on without it, and its id is not used again.
    fn set_aside(&mut self, name: &str, file: &dyn VolumeFile) -> Result<(), OpenError> {
        let length = file.length().map_err(self.io("read a volume"))?;
        self.shared.space.count(length);
        if let Some(id) = volume_id(name) {
            self.shared.volumes.add_missing(id);
        }
        self.report.unreadable.push(name.to_owned());
        Ok(())
    }

    /// Reads the records of a volume from `from` on and in the `regions` before, and makes the file fit to be trusted
    /// and appended to.
    fn read_volume(&mut self, volume: &Arc<Volume>, from: u64, regions: &[u64]) -> io::Result<()> {
        let mut learned = {
            let state = volume.state();
            Walk {
                settled_round: state.settled_round,
                settled_end: state.settled_end.max(from),
                highest_round: state.settled_round,
                held: Vec::new(),
                gaps: Vec::new(),
                unfinished: Vec::new(),
                seal: None,
            }
        };
        for offset in regions.iter().filter(|offset| **offset < from) {
            if let Some(found) = look(&*volume.file, &volume.header, *offset)? {
                self.take(volume, &mut learned, found);
            }
        }
        let end = walk(&*volume.file, &volume.header, from, &mut |found| {
            self.take(volume, &mut learned, found);
            ControlFlow::Continue(())
        })?;
        if let Some((seal_offset, crc64)) = learned.seal {
            for record in std::mem::take(&mut learned.held) {
                self.apply(volume, &record);
            }
            self.note_damage(volume, &learned, u64::MAX);
            return self.open_sealed(volume, seal_offset, crc64);
        }
        self.mend(volume, learned, end.chain)
    }

    fn take(&mut self, volume: &Arc<Volume>, learned: &mut Walk, found: Found) {
        match found {
            Found::Record {
                header,
                trailer,
                block_crcs,
            } => {
                self.report.records_replayed += 1;
                self.shared.raise_sequence_above(trailer.sequence);
                learned.settled_end = learned.settled_end.max(trailer.settled_end);
                learned.highest_round = learned.highest_round.max(trailer.round);
                if trailer.settled_round > learned.settled_round {
                    learned.settled_round = trailer.settled_round;
                    let (ready, held): (Vec<_>, Vec<_>) = std::mem::take(&mut learned.held)
                        .into_iter()
                        .partition(|record| record.trailer.round <= learned.settled_round);
                    learned.held = held;
                    ready.iter().for_each(|record| self.apply(volume, record));
                }
                let record = Record {
                    header,
                    trailer,
                    block_crcs,
                };
                if record.trailer.round <= learned.settled_round {
                    self.apply(volume, &record);
                } else {
                    learned.held.push(record);
                }
            }
            Found::Unfinished { header } => learned.unfinished.push(header),
            Found::Gap { from, to } => learned.gaps.push((from, to)),
            Found::Seal { offset, crc64 } => learned.seal = Some((offset, crc64)),
        }
    }

    fn apply(&mut self, volume: &Arc<Volume>, record: &Record) {
        let (key, sequence) = (record.header.key, record.trailer.sequence);
        if record.header.kind == RecordKind::Tombstone {
            let newest = self.tombstones.entry(key).or_default();
            *newest = sequence.max(*newest);
            self.shared.remove(&key, sequence);
            volume.state().tombstones.push(key_hash(&key));
            return;
        }
        let lengths = (record.trailer.length, record.header.capacity);
        let id = volume.header.id;
        let Some(entry) = Entry::new(
            id,
            record.header.offset,
            lengths,
            record.header.lease,
            sequence,
        ) else {
            return;
        };
        self.admit(key, entry);
    }

    fn admit(&mut self, key: RecordKey, entry: Entry) {
        let now = self.shared.index.get(&key);
        if now.is_some_and(|now| now.same_place(&entry)) {
            // The checkpoint knew it already.
            return;
        }
        if self
            .tombstones
            .get(&key)
            .is_some_and(|tombstone| *tombstone > entry.sequence)
        {
            self.shared.volumes.count_live(&entry);
            self.shared.volumes.count_dead(&key, &entry);
        } else {
            self.shared.install(key, entry);
        }
    }

    /// Reports what is damaged below `settled_end`. A packed record is written whole, so one without a trailer
    /// there is damaged too; its key is kept, so that a read says "damaged" and not "not found".
    fn note_damage(&mut self, volume: &Arc<Volume>, learned: &Walk, settled_end: u64) {
        let mut stretches: Vec<_> = learned
            .gaps
            .iter()
            .copied()
            .filter(|(from, _)| *from < settled_end)
            .collect();
        for header in learned
            .unfinished
            .iter()
            .filter(|header| header.offset < settled_end)
        {
            if volume.header.kind == VolumeKind::Extents {
                self.report.unfinished_regions += 1;
                continue;
            }
            stretches.push((
                header.offset,
                header.offset + volume.region_bytes(header.capacity),
            ));
            if header.kind == RecordKind::Data {
                let lengths = (header.capacity, header.capacity);
                if let Some(entry) =
                    Entry::new(volume.header.id, header.offset, lengths, header.lease, 0)
                {
                    self.admit(header.key, entry);
                }
            }
        }
        if stretches.is_empty() {
            return;
        }
        volume.state().damaged = true;
        for (from, to) in stretches {
            tracing::error!(file = volume.name(), from, to, "a volume is damaged");
            self.report.damaged.push(DamagedStretch {
                file: volume.name(),
                from,
                to,
            });
        }
    }

    fn open_sealed(
        &mut self,
        volume: &Arc<Volume>,
        seal_offset: u64,
        crc64: u64,
    ) -> io::Result<()> {
        let end = seal_offset + volume.region_bytes(0);
        let length = volume.file.length()?;
        let mut state = volume.state();
        state.phase = Phase::Sealed { crc64, seal_offset };
        (state.end, state.allocated, state.settled_end) = (end, length, end);
        drop(state);
        self.shared.space.count(length);
        Ok(())
    }

    /// Drops what is torn, cuts off the tail, and makes the rest durable whatever the previous process managed.
    fn mend(&mut self, volume: &Arc<Volume>, mut learned: Walk, chain_end: u64) -> io::Result<()> {
        let settled_end = learned.settled_end;
        let length = volume.file.length()?;
        if length < settled_end {
            learned.gaps.push((length, settled_end));
        }
        self.note_damage(volume, &learned, settled_end);
        let (mut end, mut torn, mut half) = (settled_end, Vec::new(), Vec::new());
        for record in std::mem::take(&mut learned.held) {
            let region_end = record.header.offset + volume.region_bytes(record.header.capacity);
            if payload_is_good(
                &*volume.file,
                &record.header,
                &record.trailer,
                &record.block_crcs,
            )? {
                self.write_again(volume, &record)?;
                self.apply(volume, &record);
                end = end.max(region_end);
            } else {
                self.report.torn_records += 1;
                half.push((record.header.offset, region_end));
            }
        }
        torn.extend(learned.gaps.iter().copied());
        torn.extend(
            learned
                .unfinished
                .iter()
                .map(|h| (h.offset, h.offset + volume.region_bytes(h.capacity))),
        );
        torn.retain(|(from, _)| *from >= settled_end);
        // A half record is covered wherever it is: later rounds would make its own count as settled, and it would
        // be taken for one that was damaged, in place of the older one of its key.
        torn.append(&mut half);
        for (from, to) in torn.into_iter().filter(|(_, to)| *to <= end) {
            self.report.torn_bytes += to - from;
            cover(volume, from, to)?;
        }
        self.report.torn_bytes += chain_end.saturating_sub(end);
        volume.file.truncate(end)?;
        volume.file.fdatasync()?;
        self.shared.space.count(end);
        let mut state = volume.state();
        (state.end, state.allocated, state.settled_end) = (end, end, end);
        state.settled_round = learned.highest_round;
        if state.damaged {
            state.phase = Phase::Full;
        }
        Ok(())
    }

    /// The previous process may have been told that a sync failed, and the system may then hold these bytes as
    /// clean without having written them. Writing them again makes the next sync mean what it says.
    fn write_again(&self, volume: &Volume, record: &Record) -> io::Result<()> {
        const PIECE_BYTES: u64 = 1024 * 1024;
        let start = record.header.offset;
        let end = start + trailer_offset(record.header.capacity) + TRAILER_BYTES;
        let mut position = start;
        while position < end {
            let bytes = volume
                .file
                .read_vec(PIECE_BYTES.min(end - position) as usize, position)?;
            volume.file.pwritev(&mut [IoSlice::new(&bytes)], position)?;
            position += bytes.len().max(1) as u64;
        }
        Ok(())
    }

    fn leave_one_open_of_each_kind(&self) {
        for kind in [VolumeKind::Packed, VolumeKind::Extents] {
            let kept = self.shared.open_volume(kind).map(|volume| volume.header.id);
            for volume in self.shared.volumes.all() {
                let mut state = volume.state();
                let other = volume.header.kind == kind && Some(volume.header.id) != kept;
                if other && state.phase == Phase::Open {
                    state.phase = Phase::Full;
                }
            }
        }
    }
}

/// Writes a void record over torn bytes, so that the chain leads past them.
fn cover(volume: &Volume, from: u64, to: u64) -> io::Result<()> {
    let Some(capacity) = volume.header.kind.capacity_of_region(to - from) else {
        return Ok(());
    };
    let header = RecordHeader {
        kind: RecordKind::Void,
        key: RecordKey {
            object: crate::key::ObjectId(uuid::Uuid::nil()),
            extent: 0,
            shard: 0,
        },
        lease: Lease { host: 0, epoch: 0 },
        data_shards: 0,
        parity_shards: 0,
        offset: from,
        capacity,
        serial: rand::random(),
    };
    debug_assert!(RECORD_HEADER_BYTES <= to - from);
    volume.file.pwritev(
        &mut [IoSlice::new(&header.encode(volume.header.marker))],
        from,
    )
}
