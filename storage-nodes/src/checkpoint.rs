//! The index checkpoint: what the index and the volumes' accounts were at one moment, so that a start need only
//! read what came later.
//!
//! It only saves time. Whatever is doubtful about it, the volumes alone are read instead, and the same comes of it.
//!
//! The file `index.checkpoint`, version 1. All integers are little-endian, all reserved bytes zero.
//!
//! ```text
//! checkpoint = header (64 bytes) · volume mark · … · group · … · empty group · dead list · …
//!              · CRC-64/NVME of all before (8)
//! group      = number of entries (8) · entry (53) · …
//! dead list  = number (8) · hash (8) · …               one for each volume that is not missing
//! ```
//!
//! Header:
//!
//! | offset | bytes | field |
//! | ---: | ---: | --- |
//! | 0 | 8 | magic `CNCRGIDX` |
//! | 8 | 2 | format version, 1 |
//! | 16 | 16 | node id (UUID) |
//! | 32 | 8 | the next sequence |
//! | 40 | 4 | the next volume id |
//! | 44 | 4 | number of volume marks |
//! | 60 | 4 | CRC-32C of bytes 0 to 60 |
//!
//! Volume mark, 72 bytes and two lists of 8 bytes each:
//!
//! | offset | bytes | field |
//! | ---: | ---: | --- |
//! | 0 | 4 | volume id |
//! | 4 | 1 | kind: 1 packed, 2 extents |
//! | 5 | 1 | phase: 1 open, 2 full, 3 sealed, 4 missing |
//! | 6 | 1 | bit 0: damaged, bit 1: suspect |
//! | 8 | 8 | marker of the volume |
//! | 16 | 8 | end of the chain |
//! | 24 | 8 | settled round |
//! | 32 | 8 | settled end: where reading goes on |
//! | 40 | 8 | seal: CRC-64/NVME |
//! | 48 | 8 | seal: its offset |
//! | 56 | 8 | number of open regions, then their offsets follow first |
//! | 64 | 8 | number of tombstones, then the hashes of their keys |
//!
//! A dead list has the hashes of the keys of dead records.
//!
//! Entry: object id (16), extent (4), shard (1), volume id (4), offset ÷ 64 (4), length (4), capacity (4), lease host
//! (4), lease epoch (4), sequence (8).
//!
//! Invariants
//! - The marks are of one moment at which nothing was half visible. The entries are copied after it, so they may
//!   hold what came later; reading on from the settled ends finds the same again.
//! - The lists of dead records are copied after the entries: no record can be missing from both.
//! - Regions that were open are looked at again, since they may be finished below the settled end.
//! - A volume's file is removed only when a checkpoint without it is durable, or when there is none. So a volume
//!   that is marked and not there was lost, and one with a lower id than the next that is there and not marked (a
//!   power cut brought it back) makes the checkpoint void.

use std::{
    io::{self, IoSlice},
    sync::Arc,
};

use uuid::Uuid;

use crate::{
    checksum::Crc64,
    fields::{Decoder, Encoder},
    files::{OpenMode, TEMPORARY_SUFFIX, VolumeFile},
    format::VolumeKind,
    index::Entry,
    key::{Lease, ObjectId, RecordKey},
    shared::Shared,
    volume::{Phase, Volume},
};

pub(crate) const CHECKPOINT_NAME: &str = "index.checkpoint";
const MAGIC: [u8; 8] = *b"CNCRGIDX";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 64;
const CRC64_BYTES: u64 = 8;
/// Written and read at once: few calls, little memory.
const PIECE_BYTES: usize = 1024 * 1024;

/// What a volume was when the checkpoint was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub id: u32,
    /// `None`: its file was missing or unreadable already.
    pub state: Option<MarkedState>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MarkedState {
    pub kind: VolumeKind,
    pub marker: [u8; 8],
    pub phase: Phase,
    pub damaged: bool,
    pub suspect: bool,
    pub end: u64,
    pub settled_round: u64,
    pub settled_end: u64,
    pub open_regions: Vec<u64>,
    pub tombstones: Vec<u64>,
}

impl Mark {
    fn missing(id: u32) -> Self {
        Self { id, state: None }
    }

    fn of(volume: &Volume) -> Self {
        let state = volume.state();
        Self {
            id: volume.header.id,
            state: Some(MarkedState {
                kind: volume.header.kind,
                marker: volume.header.marker,
                phase: state.phase,
                damaged: state.damaged,
                suspect: state.suspect,
                end: state.end,
                settled_round: state.settled_round,
                settled_end: state.settled_end,
                open_regions: state.open_regions.iter().copied().collect(),
                tombstones: state.tombstones.clone(),
            }),
        }
    }
}

/// Makes a checkpoint durable in place of the one before. Volumes that retire are not in it. Gives its length.
///
/// # Errors
/// Whatever the system says; the one before is as it was then.
pub(crate) fn save(shared: &Shared) -> io::Result<u64> {
    let (next_sequence, next_volume, marked) = {
        let _nothing_moves = shared.standstill();
        let mut marked = Vec::new();
        for volume in shared.volumes.all() {
            if !volume.state().retiring {
                marked.push((Mark::of(&volume), Some(volume)));
            }
        }
        let missing = shared.volumes.missing().into_iter();
        marked.extend(missing.map(|id| (Mark::missing(id), None)));
        (shared.peek_sequence(), shared.volumes.next_id(), marked)
    };
    let temporary = format!("{CHECKPOINT_NAME}{TEMPORARY_SUFFIX}");
    let write = || {
        let mut writer = Writer::new(shared.files.open(&temporary, OpenMode::Create)?);
        let count = u32::try_from(marked.len()).map_err(io::Error::other)?;
        writer.put(&header(
            shared.volumes.node(),
            next_sequence,
            next_volume,
            count,
        ))?;
        for (mark, _) in &marked {
            writer.put_mark(mark)?;
        }
        for group in shared.index.copies() {
            writer.put_group(&group)?;
        }
        writer.put(&0_u64.to_le_bytes())?;
        // Whoever took an entry away before it was copied has noted the dead record after this.
        drop(shared.standstill());
        for volume in marked.iter().filter_map(|(_, volume)| volume.as_ref()) {
            let dead = volume.state().dead.clone();
            writer.put(&(dead.len() as u64).to_le_bytes())?;
            writer.put_numbers(&dead)?;
        }
        let length = writer.finish()?;
        shared.files.rename(&temporary, CHECKPOINT_NAME)?;
        shared.files.sync_dir()?;
        Ok(length)
    };
    write().inspect_err(|_: &io::Error| {
        // Whatever is left of it is removed at the next start otherwise.
        let _ = shared.files.remove(&temporary);
    })
}

/// Removes the checkpoint for good, if there is one: the next start reads the volumes.
///
/// # Errors
/// Whatever the system says.
pub(crate) fn discard(shared: &Shared) -> io::Result<()> {
    match shared.files.remove(CHECKPOINT_NAME) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        removed => removed?,
    }
    shared.files.sync_dir()
}

fn header(node: Uuid, next_sequence: u64, next_volume: u32, marks: u32) -> Vec<u8> {
    let mut bytes = Encoder::new(HEADER_BYTES);
    bytes.put(&MAGIC);
    bytes.put(&VERSION.to_le_bytes());
    bytes.skip_to(16);
    bytes.put(node.as_bytes());
    bytes.put(&next_sequence.to_le_bytes());
    bytes.put(&next_volume.to_le_bytes());
    bytes.put(&marks.to_le_bytes());
    bytes.finish_with_crc(&[])
}

/// Writes the file in pieces.
struct Writer {
    file: Arc<dyn VolumeFile>,
    written: u64,
    piece: Vec<u8>,
    crc: Crc64,
}

impl Writer {
    fn new(file: Arc<dyn VolumeFile>) -> Self {
        Self {
            file,
            written: 0,
            piece: Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8),
            crc: Crc64::new(),
        }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.crc.update(&self.piece);
            self.write_piece()?;
        }
        Ok(())
    }

    fn write_piece(&mut self) -> io::Result<()> {
        self.file
            .pwritev(&mut [IoSlice::new(&self.piece)], self.written)?;
        self.written += self.piece.len() as u64;
        self.piece.clear();
        Ok(())
    }

    fn put_numbers(&mut self, numbers: &[u64]) -> io::Result<()> {
        numbers
            .iter()
            .try_for_each(|number| self.put(&number.to_le_bytes()))
    }

    fn put_mark(&mut self, mark: &Mark) -> io::Result<()> {
        self.put(&mark.id.to_le_bytes())?;
        let Some(state) = &mark.state else {
            let mut rest = [0; MARK_BYTES - 4];
            if let Some(phase) = rest.get_mut(1) {
                *phase = 4;
            }
            return self.put(&rest);
        };
        let kind = match state.kind {
            VolumeKind::Packed => 1,
            VolumeKind::Extents => 2,
        };
        let (phase, crc64, seal_offset) = match state.phase {
            Phase::Open => (1, 0, 0),
            Phase::Full => (2, 0, 0),
            Phase::Sealed { crc64, seal_offset } => (3, crc64, seal_offset),
        };
        let flags = u8::from(state.damaged) | (u8::from(state.suspect) << 1);
        self.put(&[kind, phase, flags, 0])?;
        self.put(&state.marker)?;
        self.put_numbers(&[
            state.end,
            state.settled_round,
            state.settled_end,
            crc64,
            seal_offset,
            state.open_regions.len() as u64,
            state.tombstones.len() as u64,
        ])?;
        self.put_numbers(&state.open_regions)?;
        self.put_numbers(&state.tombstones)
    }

    /// An empty group would be the end, so it is left out.
    fn put_group(&mut self, entries: &[(RecordKey, Entry)]) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        self.put(&(entries.len() as u64).to_le_bytes())?;
        for (key, entry) in entries {
            let mut bytes = Vec::with_capacity(ENTRY_BYTES);
            bytes.extend_from_slice(key.object.0.as_bytes());
            bytes.extend_from_slice(&key.extent.to_le_bytes());
            bytes.push(key.shard);
            for number in [
                entry.volume,
                entry.slot(),
                entry.length,
                entry.capacity,
                entry.lease.host,
                entry.lease.epoch,
            ] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            bytes.extend_from_slice(&entry.sequence.to_le_bytes());
            self.put(&bytes)?;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<u64> {
        self.crc.update(&self.piece);
        let crc = self.crc.finish();
        self.piece.extend_from_slice(&crc.to_le_bytes());
        self.write_piece()?;
        self.file.fdatasync()?;
        Ok(self.written)
    }
}

const MARK_BYTES: usize = 72;
const ENTRY_BYTES: usize = 53;

/// A checkpoint whose checksum is right, read up to its entries.
pub(crate) struct Loaded {
    pub next_sequence: u64,
    pub next_volume: u32,
    pub marks: Vec<Mark>,
    reader: Reader,
}

/// Why a checkpoint is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejected {
    #[error("there is none")]
    Absent,
    #[error("it is damaged")]
    Damaged,
    #[error("it has version {0}")]
    Version(u16),
    #[error("it is another node's")]
    OtherNode,
    #[error("volume {0} is not the one that it knows")]
    OtherVolume(u32),
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Reads a checkpoint up to its entries.
pub(crate) fn load(shared: &Shared) -> Result<Loaded, Rejected> {
    let file = match shared.files.open(CHECKPOINT_NAME, OpenMode::Existing) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Rejected::Absent),
        opened => opened?,
    };
    let length = file.length()?;
    let Some(content_bytes) = length.checked_sub(CRC64_BYTES) else {
        return Err(Rejected::Damaged);
    };
    let crc = crate::scan::file_checksum(&*file, content_bytes, |_| {
        std::ops::ControlFlow::Continue(())
    })?;
    let expected = file.read_vec(CRC64_BYTES as usize, content_bytes)?;
    if expected != crc.to_le_bytes() {
        return Err(Rejected::Damaged);
    }
    let mut reader = Reader {
        file,
        next: 0,
        end: content_bytes,
        piece: Vec::new(),
        taken: 0,
    };
    let head: [u8; HEADER_BYTES] = reader.take()?;
    let mut fields = Decoder::checked(&head, HEADER_BYTES, &[]).ok_or(Rejected::Damaged)?;
    if fields.take::<8>() != MAGIC {
        return Err(Rejected::Damaged);
    }
    let version = u16::from_le_bytes(fields.take());
    if version != VERSION {
        return Err(Rejected::Version(version));
    }
    fields.skip(6);
    if Uuid::from_bytes(fields.take()) != shared.volumes.node() {
        return Err(Rejected::OtherNode);
    }
    let next_sequence = u64::from_le_bytes(fields.take());
    let next_volume = u32::from_le_bytes(fields.take());
    let count = u32::from_le_bytes(fields.take());
    let marks = (0..count)
        .map(|_| reader.mark())
        .collect::<Result<_, _>>()?;
    Ok(Loaded {
        next_sequence,
        next_volume,
        marks,
        reader,
    })
}

impl Loaded {
    /// Gives all entries, one after the other, and then the dead records of each volume that is not missing.
    pub fn entries(
        mut self,
        mut each: impl FnMut(RecordKey, Entry),
    ) -> Result<Vec<(u32, Vec<u64>)>, Rejected> {
        loop {
            let count = self.reader.number()?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                let (key, entry) = self.reader.entry()?;
                each(key, entry);
            }
        }
        let mut dead = Vec::new();
        for mark in self.marks.iter().filter(|mark| mark.state.is_some()) {
            let count = self.reader.number()?;
            dead.push((mark.id, self.reader.list(count)?));
        }
        Ok(dead)
    }
}

/// Reads the file in pieces.
struct Reader {
    file: Arc<dyn VolumeFile>,
    next: u64,
    end: u64,
    piece: Vec<u8>,
    taken: usize,
}

impl Reader {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Rejected> {
        if self.piece.len() - self.taken < N {
            self.piece.drain(..self.taken);
            self.taken = 0;
            let wanted = (PIECE_BYTES as u64).min(self.end - self.next);
            let more = self.file.read_vec(wanted as usize, self.next)?;
            self.next += more.len() as u64;
            self.piece.extend_from_slice(&more);
        }
        let rest = self.piece.get(self.taken..).unwrap_or_default();
        let bytes = rest.first_chunk::<N>().ok_or(Rejected::Damaged)?;
        self.taken += N;
        Ok(*bytes)
    }

    fn number(&mut self) -> Result<u64, Rejected> {
        self.take().map(u64::from_le_bytes)
    }

    fn list(&mut self, count: u64) -> Result<Vec<u64>, Rejected> {
        (0..count).map(|_| self.number()).collect()
    }

    fn mark(&mut self) -> Result<Mark, Rejected> {
        let bytes: [u8; MARK_BYTES] = self.take()?;
        let mut fields = Decoder::unchecked(&bytes);
        let id = u32::from_le_bytes(fields.take());
        let [kind, phase, flags, _] = fields.take();
        if phase == 4 {
            return Ok(Mark::missing(id));
        }
        let kind = match kind {
            1 => VolumeKind::Packed,
            2 => VolumeKind::Extents,
            _ => return Err(Rejected::Damaged),
        };
        let marker = fields.take();
        let mut number = || u64::from_le_bytes(fields.take());
        let [end, settled_round, settled_end, crc64, seal_offset] =
            std::array::from_fn(|_| number());
        let [open, tombstones] = std::array::from_fn(|_| number());
        let phase = match phase {
            1 => Phase::Open,
            2 => Phase::Full,
            3 => Phase::Sealed { crc64, seal_offset },
            _ => return Err(Rejected::Damaged),
        };
        let state = MarkedState {
            kind,
            marker,
            phase,
            damaged: flags & 1 != 0,
            suspect: flags & 2 != 0,
            end,
            settled_round,
            settled_end,
            open_regions: self.list(open)?,
            tombstones: self.list(tombstones)?,
        };
        Ok(Mark {
            id,
            state: Some(state),
        })
    }

    fn entry(&mut self) -> Result<(RecordKey, Entry), Rejected> {
        let bytes: [u8; ENTRY_BYTES] = self.take()?;
        let mut fields = Decoder::unchecked(&bytes);
        let object = ObjectId(Uuid::from_bytes(fields.take()));
        let extent = u32::from_le_bytes(fields.take());
        let [shard] = fields.take();
        let mut number = || u32::from_le_bytes(fields.take());
        let [volume, slot, length, capacity, host, epoch] = std::array::from_fn(|_| number());
        let sequence = u64::from_le_bytes(fields.take());
        let key = RecordKey {
            object,
            extent,
            shard,
        };
        let lease = Lease { host, epoch };
        let entry = Entry::at_slot(volume, slot, (length, capacity), lease, sequence);
        Ok((key, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{faults::FaultyDisk, options::NodeOptions};

    fn shared(disk: &Arc<FaultyDisk>, node: Uuid) -> Shared {
        Shared::new(disk.files(), NodeOptions::default(), node)
    }

    fn filled(disk: &Arc<FaultyDisk>, node: Uuid) -> Shared {
        let shared = shared(disk, node);
        let space = &shared.space;
        let make = |kind| {
            shared
                .volumes
                .create(kind, &*shared.files, space, crate::space::Purpose::Data)
                .unwrap()
        };
        let (packed, extents) = (make(VolumeKind::Packed), make(VolumeKind::Extents));
        shared.volumes.add_missing(77);
        packed.state().phase = Phase::Sealed {
            crc64: 5,
            seal_offset: 6,
        };
        packed.state().tombstones = vec![1, 2, 3];
        shared.volumes.add_dead(&packed, &[8, 9]);
        extents.state().open_regions.extend([4096, 8192]);
        extents.state().suspect = true;
        for n in 0..30_000_u64 {
            shared.index.insert(key(n), entry(n));
        }
        shared.raise_sequence_above(40_000);
        shared
    }

    fn key(n: u64) -> RecordKey {
        RecordKey {
            object: ObjectId(Uuid::from_u128(n.into())),
            extent: 3,
            shard: n as u8,
        }
    }

    fn entry(n: u64) -> Entry {
        let lease = Lease { host: 7, epoch: 8 };
        Entry::new(2, 64 * n, (n, n + 1), lease, n).unwrap()
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let disk = FaultyDisk::new();
        let node = Uuid::new_v4();
        let shared = filled(&disk, node);
        let length = save(&shared).unwrap();
        assert_eq!(disk.content(CHECKPOINT_NAME).unwrap().len() as u64, length);
        let loaded = load(&shared).unwrap();
        assert_eq!((loaded.next_sequence, loaded.next_volume), (40_001, 78));
        let expected = [
            Mark::of(&shared.volumes.get(1).unwrap()),
            Mark::of(&shared.volumes.get(2).unwrap()),
            Mark::missing(77),
        ];
        assert_eq!(loaded.marks, expected);
        let mut found = 0;
        let dead = loaded
            .entries(|found_key, found_entry| {
                found += 1;
                assert_eq!((found_key, found_entry), {
                    let n = found_entry.sequence;
                    (key(n), entry(n))
                });
            })
            .unwrap();
        assert_eq!(found, 30_000);
        assert_eq!(dead, [(1, vec![8, 9]), (2, vec![])]);
    }

    #[test]
    fn any_flipped_bit_and_any_cut_voids_it() {
        let disk = FaultyDisk::new();
        let node = Uuid::new_v4();
        let shared = filled(&disk, node);
        let length = save(&shared).unwrap();
        for offset in (0..200).chain([length / 2, length - 9, length - 1]) {
            assert!(disk.flip_bit(CHECKPOINT_NAME, offset, offset as u8));
            assert!(matches!(load(&shared), Err(Rejected::Damaged)), "{offset}");
            assert!(disk.flip_bit(CHECKPOINT_NAME, offset, offset as u8));
        }
        assert!(load(&shared).is_ok());
        let file = shared
            .files
            .open(CHECKPOINT_NAME, OpenMode::Existing)
            .unwrap();
        for cut in [length - 1, length / 2, 64, 7, 0] {
            file.truncate(cut).unwrap();
            assert!(matches!(load(&shared), Err(Rejected::Damaged)), "{cut}");
        }
        discard(&shared).unwrap();
        assert!(matches!(load(&shared), Err(Rejected::Absent)));
        discard(&shared).unwrap();
    }

    #[test]
    fn another_nodes_is_not_used_and_a_full_disk_keeps_the_old_one() {
        let disk = FaultyDisk::new();
        let node = Uuid::new_v4();
        let first = filled(&disk, node);
        save(&first).unwrap();
        let other = shared(&disk, Uuid::new_v4());
        assert!(matches!(load(&other), Err(Rejected::OtherNode)));
        let before = disk.content(CHECKPOINT_NAME);
        disk.limit_room(Some(10_000));
        assert!(save(&first).is_err());
        assert_eq!(disk.content(CHECKPOINT_NAME), before);
        let names = first.files.list().unwrap();
        assert!(!names.iter().any(|name| name.ends_with(TEMPORARY_SUFFIX)));
    }
}
