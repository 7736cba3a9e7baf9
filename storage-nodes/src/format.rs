//! The volume file format, version 1.
//!
//! A node keeps records in volume files. A volume only grows, until it is *sealed*; a sealed volume never
//! changes, and is removed as a whole when compaction has copied what still lives in it. All integers are
//! little-endian. All reserved bytes are zero.
//!
//! ```text
//! volume   = volume header (4,096 bytes) · record · record · …  [ · seal record ]
//! record   = header (96) · payload (capacity) · block table (4 × blocks) · trailer (56) · padding
//! ```
//!
//! Volume header: the same 64 bytes at offsets 0 and 2,048, the rest zero.
//!
//! | offset | bytes | field |
//! | ---: | ---: | --- |
//! | 0 | 8 | magic `CNCRGVOL` |
//! | 8 | 2 | format version, 1 |
//! | 10 | 1 | kind: 1 packed, 2 extents |
//! | 12 | 4 | volume id |
//! | 16 | 16 | node id (UUID) |
//! | 32 | 8 | marker: random, drawn for this volume |
//! | 60 | 4 | CRC-32C of bytes 0 to 60 |
//!
//! Record header:
//!
//! | offset | bytes | field |
//! | ---: | ---: | --- |
//! | 0 | 8 | marker of the volume |
//! | 8 | 1 | record version, 1 |
//! | 9 | 1 | kind: 1 data, 2 tombstone, 3 seal, 4 void |
//! | 10 | 1 | shard index |
//! | 11 | 1 | k, data shards of the extent (1: kept whole) |
//! | 12 | 1 | m, parity shards of the extent |
//! | 16 | 16 | object id (UUID) |
//! | 32 | 4 | extent |
//! | 36 | 4 | lease: host |
//! | 40 | 4 | lease: epoch |
//! | 48 | 8 | offset of this header in the volume |
//! | 56 | 8 | capacity: bytes of payload that the region reserves |
//! | 64 | 8 | serial, unlike any other of the node |
//! | 72 | 8 | seal: CRC-64/NVME of every byte of the file before this header |
//! | 92 | 4 | CRC-32C of bytes 0 to 92 |
//!
//! Block table: one CRC-32C for each 64 KiB of payload (the last block may be short), at
//! `header + 96 + capacity`, with room for the blocks of the whole capacity.
//!
//! Trailer, directly after the block table's room:
//!
//! | offset | bytes | field |
//! | ---: | ---: | --- |
//! | 0 | 8 | magic `CNCRGEND` |
//! | 8 | 8 | sequence: rises with every commit on the node |
//! | 16 | 8 | length: bytes of payload really written, at most the capacity |
//! | 24 | 8 | round: the sync of this volume that makes the record durable |
//! | 32 | 8 | settled round: the last sync of this volume that had succeeded |
//! | 40 | 8 | settled end: every header below this offset was durable then |
//! | 48 | 4 | CRC-32C of the block table's used entries |
//! | 52 | 4 | CRC-32C of the header's CRC (4 bytes) and bytes 0 to 52 |
//!
//! Regions start at multiples of 64 bytes in packed volumes and of 4,096 in extent volumes; padding fills up.
//!
//! Definitions and invariants
//! - A record *exists* when its header and trailer are valid. Its payload is good when each block matches the
//!   table; a reader checks the blocks it returns, whole, before it returns a byte of them.
//! - Of several records with one key, the highest sequence wins; a tombstone (capacity 0) that wins means the
//!   key is gone. A tombstone is kept while an older record of its key is in any volume.
//! - A header is written before the region after it is reserved, so when a record is durable, the *chain* of
//!   headers from the start of the file to it is durable too. A region without a trailer is dead space.
//! - A copy made by compaction keeps its sequence.
//! - The marker keeps a payload that contains a volume file, or is forged to look like records, from ever being
//!   taken for records when a reader resynchronises after a damaged header; so does the offset in the header.
//!
//! What is assumed of the system: after `fdatasync` returns success, the bytes written before it and the file's
//! length survive a power cut; after `fsync` on the directory, so do names. Unsynced bytes may be lost or kept
//! in any mix of 512-byte sectors, each sector old or new as a whole, and rewriting a sector that holds synced bytes
//! with the same bytes does not harm them (SQLite calls this "powersafe overwrite"). A failed `fdatasync` leaves
//! the bytes in an unknown state, so the node stops writing, and recovery writes every byte that is not known
//! to be settled again before it trusts a sync.
//!
//! Recovery walks the chain. Where a header does not check out, it looks for the next valid one; a gap below the
//! settled end is damage and is reported, above it is a torn tail. A record whose payload fails its table is
//! damaged when its round is settled (a read says so), and was never acknowledged when it is not (it is dropped).
//! Torn bytes with good records after them are covered by a void record, so that no later reader takes them for
//! damage; those with nothing after them are cut off.

use uuid::Uuid;

use crate::{
    checksum::crc32c,
    fields::{Decoder, Encoder},
    key::{Lease, ObjectId, RecordKey},
};

/// The newest format of volumes and of the node directory that this program reads and the one it writes.
pub const FORMAT_VERSION: u16 = 1;
/// Bytes before the first record of a volume: one page, so that records never share one with the header.
pub const VOLUME_HEADER_BYTES: u64 = 4096;
/// Where the second copy of the volume header is: in another sector than the first.
const VOLUME_HEADER_COPY: usize = 2048;
const VOLUME_HEADER_USED: usize = 64;
/// Bytes of a record header.
pub const RECORD_HEADER_BYTES: u64 = 96;
/// Bytes of a record trailer.
pub const TRAILER_BYTES: u64 = 56;
/// Bytes of payload under one checksum: a range read verifies, and so reads, at most two blocks more than it
/// returns, and the table of an 8 MiB extent is 512 bytes.
pub const BLOCK_BYTES: u64 = 64 * 1024;
/// The most payload bytes in one record: lengths fit 32 bits in the index with room to spare, and a region
/// stays small beside a volume.
pub const MAX_RECORD_BYTES: u64 = 64 * 1024 * 1024;

const VOLUME_MAGIC: [u8; 8] = *b"CNCRGVOL";
const TRAILER_MAGIC: [u8; 8] = *b"CNCRGEND";
const RECORD_VERSION: u8 = 1;
const CRC_BYTES: u64 = 4;

const _: () = assert!(2 * VOLUME_HEADER_COPY as u64 == VOLUME_HEADER_BYTES);
const _: () =
    assert!(MAX_RECORD_BYTES.is_multiple_of(BLOCK_BYTES) && MAX_RECORD_BYTES <= u32::MAX as u64);

/// How the records of a volume are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VolumeKind {
    /// Small records, whole, many in one write.
    Packed,
    /// Large records, streamed into regions reserved for them.
    Extents,
}

impl VolumeKind {
    /// Regions start at multiples of this many bytes. Extents do not share a page, so writing one never
    /// rewrites a sector of another.
    #[must_use]
    pub const fn alignment_bytes(self) -> u64 {
        match self {
            Self::Packed => 64,
            Self::Extents => 4096,
        }
    }

    /// The capacity of a record that takes exactly `bytes` in a volume of this kind, if there is one.
    #[must_use]
    pub const fn capacity_of_region(self, bytes: u64) -> Option<u64> {
        let Some(capacity) =
            bytes.checked_sub(trailer_offset(0) + TRAILER_BYTES + CRC_BYTES * block_count(bytes))
        else {
            return None;
        };
        if capacity <= MAX_RECORD_BYTES && self.region_bytes(capacity) == bytes {
            Some(capacity)
        } else {
            None
        }
    }

    /// Bytes that a record of this capacity takes in a volume of this kind.
    #[must_use]
    pub const fn region_bytes(self, capacity: u64) -> u64 {
        (trailer_offset(capacity) + TRAILER_BYTES).next_multiple_of(self.alignment_bytes())
    }
}

/// How many blocks a payload of this length has.
#[must_use]
pub const fn block_count(length: u64) -> u64 {
    length.div_ceil(BLOCK_BYTES)
}

/// Where the block table is, counted from the record header.
#[must_use]
pub const fn table_offset(capacity: u64) -> u64 {
    RECORD_HEADER_BYTES + capacity
}

/// Where the trailer is, counted from the record header.
#[must_use]
pub const fn trailer_offset(capacity: u64) -> u64 {
    table_offset(capacity) + CRC_BYTES * block_count(capacity)
}

/// What the first page of a volume says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeHeader {
    /// How its records are written.
    pub kind: VolumeKind,
    /// The number of the volume on its node; never used again.
    pub id: u32,
    /// The node that wrote it.
    pub node: Uuid,
    /// The eight bytes that begin each record header of this volume.
    pub marker: [u8; 8],
}

/// Why bytes are not a header or trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The checksum, a magic value or a field is wrong.
    #[error("the bytes are damaged or are something else")]
    Invalid,
    /// The volume was written by a newer program.
    #[error("the volume has format {0}")]
    NewerVersion(u16),
}

impl VolumeHeader {
    /// The first page of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut used = Encoder::new(VOLUME_HEADER_USED);
        used.put(&VOLUME_MAGIC);
        used.put(&FORMAT_VERSION.to_le_bytes());
        used.put(&[match self.kind {
            VolumeKind::Packed => 1,
            VolumeKind::Extents => 2,
        }]);
        used.skip_to(12);
        used.put(&self.id.to_le_bytes());
        used.put(self.node.as_bytes());
        used.put(&self.marker);
        let used = used.finish_with_crc(&[]);
        let mut page = used.clone();
        page.resize(VOLUME_HEADER_COPY, 0);
        page.extend_from_slice(&used);
        page.resize(2 * VOLUME_HEADER_COPY, 0);
        page
    }

    /// Reads the first page of a volume, from either copy.
    ///
    /// # Errors
    /// [`FormatError`] when neither copy is valid.
    pub fn decode(page: &[u8]) -> Result<Self, FormatError> {
        let copy = |at: usize| Self::decode_copy(page.get(at..).unwrap_or_default());
        match copy(0) {
            Err(FormatError::Invalid) => copy(VOLUME_HEADER_COPY),
            first => first,
        }
    }

    fn decode_copy(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut fields =
            Decoder::checked(bytes, VOLUME_HEADER_USED, &[]).ok_or(FormatError::Invalid)?;
        if fields.take::<8>() != VOLUME_MAGIC {
            return Err(FormatError::Invalid);
        }
        let version = u16::from_le_bytes(fields.take());
        if version > FORMAT_VERSION {
            return Err(FormatError::NewerVersion(version));
        }
        let kind = match fields.take::<1>() {
            [1] => VolumeKind::Packed,
            [2] => VolumeKind::Extents,
            _ => return Err(FormatError::Invalid),
        };
        fields.skip(1);
        let id = u32::from_le_bytes(fields.take());
        let node = Uuid::from_bytes(fields.take());
        Ok(Self {
            kind,
            id,
            node,
            marker: fields.take(),
        })
    }
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// A payload.
    Data,
    /// The key was deleted.
    Tombstone,
    /// The volume ends here, and all bytes before have this CRC-64/NVME.
    Seal(u64),
    /// Dead space that recovery made of torn bytes, so that the chain leads past them; it has no trailer.
    Void,
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// What the record is.
    pub kind: RecordKind,
    /// Its key; all zero for a seal.
    pub key: RecordKey,
    /// Who wrote it.
    pub lease: Lease,
    /// Data shards of the extent; 1 where it is kept whole.
    pub data_shards: u8,
    /// Parity shards of the extent.
    pub parity_shards: u8,
    /// Where the header is in its volume.
    pub offset: u64,
    /// Bytes of payload that the region has room for.
    pub capacity: u64,
    /// A number that no other record of the node has.
    pub serial: u64,
}

impl RecordHeader {
    /// The header as bytes, for the volume with this marker. The last four are its checksum.
    #[must_use]
    pub fn encode(&self, marker: [u8; 8]) -> Vec<u8> {
        let (kind, detail) = match self.kind {
            RecordKind::Data => (1, 0),
            RecordKind::Tombstone => (2, 0),
            RecordKind::Seal(crc) => (3, crc),
            RecordKind::Void => (4, 0),
        };
        let mut bytes = Encoder::new(RECORD_HEADER_BYTES as usize);
        bytes.put(&marker);
        bytes.put(&[
            RECORD_VERSION,
            kind,
            self.key.shard,
            self.data_shards,
            self.parity_shards,
        ]);
        bytes.skip_to(16);
        bytes.put(self.key.object.0.as_bytes());
        bytes.put(&self.key.extent.to_le_bytes());
        bytes.put(&self.lease.host.to_le_bytes());
        bytes.put(&self.lease.epoch.to_le_bytes());
        bytes.skip_to(48);
        bytes.put(&self.offset.to_le_bytes());
        bytes.put(&self.capacity.to_le_bytes());
        bytes.put(&self.serial.to_le_bytes());
        bytes.put(&detail.to_le_bytes());
        bytes.finish_with_crc(&[])
    }

    /// Reads the header that is expected at `offset` of the volume with this marker.
    ///
    /// # Errors
    /// [`FormatError::Invalid`] when the bytes are not a header of this place.
    pub fn decode(bytes: &[u8], marker: [u8; 8], offset: u64) -> Result<Self, FormatError> {
        if bytes.get(..8) != Some(&marker) {
            return Err(FormatError::Invalid);
        }
        let mut fields = Decoder::checked(bytes, RECORD_HEADER_BYTES as usize, &[])
            .ok_or(FormatError::Invalid)?;
        fields.skip(8);
        let [version, kind, shard, data_shards, parity_shards] = fields.take();
        fields.skip(3);
        let object = ObjectId(Uuid::from_bytes(fields.take()));
        let extent = u32::from_le_bytes(fields.take());
        let lease = Lease {
            host: u32::from_le_bytes(fields.take()),
            epoch: u32::from_le_bytes(fields.take()),
        };
        fields.skip(4);
        let own_offset = u64::from_le_bytes(fields.take());
        let capacity = u64::from_le_bytes(fields.take());
        let serial = u64::from_le_bytes(fields.take());
        let detail = u64::from_le_bytes(fields.take());
        let kind = match kind {
            1 => RecordKind::Data,
            2 => RecordKind::Tombstone,
            3 => RecordKind::Seal(detail),
            4 => RecordKind::Void,
            _ => return Err(FormatError::Invalid),
        };
        let plausible = version == RECORD_VERSION
            && own_offset == offset
            && capacity <= MAX_RECORD_BYTES
            && (matches!(kind, RecordKind::Data | RecordKind::Void) || capacity == 0);
        if !plausible {
            return Err(FormatError::Invalid);
        }
        let key = RecordKey {
            object,
            extent,
            shard,
        };
        Ok(Self {
            kind,
            key,
            lease,
            data_shards,
            parity_shards,
            offset,
            capacity,
            serial,
        })
    }
}

/// The checksum that ends an encoded header; the trailer is bound to it.
#[must_use]
pub fn header_crc(encoded: &[u8]) -> [u8; 4] {
    let start = (RECORD_HEADER_BYTES - CRC_BYTES) as usize;
    encoded
        .get(start..start + 4)
        .and_then(|crc| crc.try_into().ok())
        .unwrap_or_default()
}

/// The trailer of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// When the record was committed, among all of the node.
    pub sequence: u64,
    /// Bytes of payload.
    pub length: u64,
    /// The sync of the volume that makes the record durable.
    pub round: u64,
    /// The last sync that had succeeded before.
    pub settled_round: u64,
    /// Every header below this offset was durable then.
    pub settled_end: u64,
    /// The checksum of the block table.
    pub table_crc: u32,
}

impl Trailer {
    /// The trailer as bytes, bound to the header with this checksum.
    #[must_use]
    pub fn encode(&self, header_crc: [u8; 4]) -> Vec<u8> {
        let mut bytes = Encoder::new(TRAILER_BYTES as usize);
        bytes.put(&TRAILER_MAGIC);
        bytes.put(&self.sequence.to_le_bytes());
        bytes.put(&self.length.to_le_bytes());
        bytes.put(&self.round.to_le_bytes());
        bytes.put(&self.settled_round.to_le_bytes());
        bytes.put(&self.settled_end.to_le_bytes());
        bytes.put(&self.table_crc.to_le_bytes());
        bytes.finish_with_crc(&header_crc)
    }

    /// Reads the trailer of the record whose header has this checksum.
    ///
    /// # Errors
    /// [`FormatError::Invalid`] when it is not that.
    pub fn decode(bytes: &[u8], header_crc: [u8; 4]) -> Result<Self, FormatError> {
        let mut fields = Decoder::checked(bytes, TRAILER_BYTES as usize, &header_crc)
            .ok_or(FormatError::Invalid)?;
        if fields.take::<8>() != TRAILER_MAGIC {
            return Err(FormatError::Invalid);
        }
        Ok(Self {
            sequence: u64::from_le_bytes(fields.take()),
            length: u64::from_le_bytes(fields.take()),
            round: u64::from_le_bytes(fields.take()),
            settled_round: u64::from_le_bytes(fields.take()),
            settled_end: u64::from_le_bytes(fields.take()),
            table_crc: u32::from_le_bytes(fields.take()),
        })
    }
}

/// The block table and trailer of a record, from the bytes between its payload and its padding.
///
/// # Errors
/// [`FormatError::Invalid`] when the trailer or the table is not valid.
pub fn decode_tail(
    tail: &[u8],
    capacity: u64,
    header_crc: [u8; 4],
) -> Result<(Vec<u32>, Trailer), FormatError> {
    let room = (trailer_offset(capacity) - table_offset(capacity)) as usize;
    let (table, trailer) = tail.split_at_checked(room).ok_or(FormatError::Invalid)?;
    let trailer = Trailer::decode(trailer, header_crc)?;
    if trailer.length > capacity {
        return Err(FormatError::Invalid);
    }
    let used = (CRC_BYTES * block_count(trailer.length)) as usize;
    let table = table.get(..used).ok_or(FormatError::Invalid)?;
    if crc32c(table) != trailer.table_crc {
        return Err(FormatError::Invalid);
    }
    let (crcs, _) = table.as_chunks::<4>();
    Ok((
        crcs.iter().map(|crc| u32::from_le_bytes(*crc)).collect(),
        trailer,
    ))
}

/// The block table as bytes, without the room for unused blocks.
#[must_use]
pub fn encode_table(block_crcs: &[u32]) -> Vec<u8> {
    block_crcs
        .iter()
        .flat_map(|crc| crc.to_le_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(offset: u64, capacity: u64) -> RecordHeader {
        RecordHeader {
            kind: RecordKind::Data,
            key: RecordKey {
                object: ObjectId(Uuid::from_u128(0xabcdef)),
                extent: 5,
                shard: 2,
            },
            lease: Lease { host: 9, epoch: 77 },
            data_shards: 4,
            parity_shards: 2,
            offset,
            capacity,
            serial: 1234,
        }
    }

    #[test]
    fn volume_headers_survive_either_copy() {
        let header = VolumeHeader {
            kind: VolumeKind::Extents,
            id: 3,
            node: Uuid::from_u128(1),
            marker: *b"01234567",
        };
        let page = header.encode();
        assert_eq!(page.len() as u64, VOLUME_HEADER_BYTES);
        for damaged in [0, 33, VOLUME_HEADER_COPY + 3] {
            let mut page = page.clone();
            page[damaged] ^= 1;
            assert_eq!(VolumeHeader::decode(&page), Ok(header));
            let other = (damaged + VOLUME_HEADER_COPY) % page.len();
            page[other] ^= 1;
            assert_eq!(VolumeHeader::decode(&page), Err(FormatError::Invalid));
        }
        assert_eq!(VolumeHeader::decode(&page[..10]), Err(FormatError::Invalid));
    }

    #[test]
    fn a_newer_volume_is_told_from_a_damaged_one() {
        let header = VolumeHeader {
            kind: VolumeKind::Packed,
            id: 3,
            node: Uuid::nil(),
            marker: [1; 8],
        };
        let mut page = header.encode();
        page[8] = 9;
        let crc = crc32c(&page[..60]);
        page[60..64].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(
            VolumeHeader::decode(&page),
            Err(FormatError::NewerVersion(9))
        );
    }

    #[test]
    fn record_headers_belong_to_one_place_of_one_volume() {
        let header = header(4096, 100);
        let bytes = header.encode([7; 8]);
        assert_eq!(bytes.len() as u64, RECORD_HEADER_BYTES);
        assert_eq!(RecordHeader::decode(&bytes, [7; 8], 4096), Ok(header));
        assert_eq!(
            RecordHeader::decode(&bytes, [7; 8], 4160),
            Err(FormatError::Invalid)
        );
        assert_eq!(
            RecordHeader::decode(&bytes, [8; 8], 4096),
            Err(FormatError::Invalid)
        );
        for byte in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[byte] ^= 0x10;
            assert_eq!(
                RecordHeader::decode(&bytes, [7; 8], 4096),
                Err(FormatError::Invalid),
                "byte {byte}"
            );
        }
    }

    #[test]
    fn trailers_belong_to_one_header() {
        let trailer = Trailer {
            sequence: 1,
            length: 2,
            round: 3,
            settled_round: 4,
            settled_end: 5,
            table_crc: 6,
        };
        let bytes = trailer.encode([1, 2, 3, 4]);
        assert_eq!(bytes.len() as u64, TRAILER_BYTES);
        assert_eq!(Trailer::decode(&bytes, [1, 2, 3, 4]), Ok(trailer));
        assert_eq!(
            Trailer::decode(&bytes, [1, 2, 3, 5]),
            Err(FormatError::Invalid)
        );
    }

    #[test]
    fn regions_hold_what_they_must() {
        assert_eq!(VolumeKind::Packed.region_bytes(0), 192);
        assert_eq!(VolumeKind::Packed.region_bytes(4096), 4288);
        assert_eq!(VolumeKind::Extents.region_bytes(8 << 20), (8 << 20) + 4096);
        for kind in [VolumeKind::Packed, VolumeKind::Extents] {
            for capacity in [
                0,
                1,
                100,
                4096,
                BLOCK_BYTES - 1,
                BLOCK_BYTES,
                BLOCK_BYTES + 1,
                9 * BLOCK_BYTES + 40,
            ] {
                let region = kind.region_bytes(capacity);
                let found = kind
                    .capacity_of_region(region)
                    .map(|capacity| kind.region_bytes(capacity));
                assert_eq!(found, Some(region), "{kind:?} {capacity}");
            }
        }
    }
}
