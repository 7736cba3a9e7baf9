//! Walking the records of a volume.

use std::io;

use crate::{
    checksum::{Crc64, crc32c},
    format::{
        BLOCK_BYTES, FormatError, RECORD_HEADER_BYTES, RecordHeader, RecordKind, TRAILER_BYTES,
        Trailer, VOLUME_HEADER_BYTES, VolumeHeader, decode_tail, header_crc, table_offset,
        trailer_offset,
    },
};

/// Bytes fetched at once while walking: enough for dozens of small records, little beside an extent.
const WINDOW_BYTES: usize = 256 * 1024;

/// Something that can be read at an offset: a file, or bytes in memory.
pub trait Source {
    /// Its length in bytes.
    ///
    /// # Errors
    /// Whatever the system says.
    fn length(&self) -> io::Result<u64>;
    /// Reads up to `length` bytes at `offset`, fewer only where it ends.
    ///
    /// # Errors
    /// Whatever the system says.
    fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>>;
}

impl Source for &[u8] {
    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(self.len());
        let end = start.saturating_add(length).min(self.len());
        Ok(self.get(start..end).unwrap_or_default().to_vec())
    }
}

impl Source for dyn crate::files::VolumeFile + '_ {
    fn length(&self) -> io::Result<u64> {
        crate::files::VolumeFile::length(self)
    }

    fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.read_vec(length, offset)
    }
}

/// One thing found in a volume, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A record that exists: header, block table and trailer are valid. Its payload was not looked at.
    Record {
        /// Its header.
        header: RecordHeader,
        /// Its trailer.
        trailer: Trailer,
        /// The checksums of its blocks.
        block_crcs: Vec<u32>,
    },
    /// A region without a valid trailer: given up, torn, or damaged.
    Unfinished {
        /// Its header.
        header: RecordHeader,
    },
    /// Bytes where a header should begin and none does, up to where the chain goes on.
    Gap {
        /// Where it begins.
        from: u64,
        /// Where it ends.
        to: u64,
    },
    /// The volume is sealed.
    Seal {
        /// Where the seal record is.
        offset: u64,
        /// The checksum of all bytes before.
        crc64: u64,
    },
}

/// Where a walk came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainEnd {
    /// The end of the last region with a valid header.
    pub chain: u64,
    /// The end of the last record that exists.
    pub records: u64,
}

/// Walks the chain of records from `from`, which is [`VOLUME_HEADER_BYTES`] or the start of a region.
///
/// # Errors
/// Only when the source cannot be read; damage is told as [`Found`].
pub fn walk<S: Source + ?Sized>(
    source: &S,
    volume: &VolumeHeader,
    from: u64,
    found: &mut dyn FnMut(Found),
) -> io::Result<ChainEnd> {
    let mut window = Window {
        source,
        length: source.length()?,
        start: 0,
        bytes: Vec::new(),
    };
    let mut position = from;
    let mut end = ChainEnd {
        chain: from,
        records: from,
    };
    while position + RECORD_HEADER_BYTES <= window.length {
        let encoded = window.get(position, RECORD_HEADER_BYTES as usize)?;
        let Ok(header) = RecordHeader::decode(encoded, volume.marker, position) else {
            let Some(next) = window.resynchronise(volume, position)? else {
                break;
            };
            found(Found::Gap {
                from: position,
                to: next,
            });
            position = next;
            continue;
        };
        let crc = header_crc(encoded);
        let region_end = position + volume.kind.region_bytes(header.capacity);
        end.chain = region_end;
        if header.kind == RecordKind::Void {
            position = region_end;
            continue;
        }
        let tail_bytes =
            trailer_offset(header.capacity) + TRAILER_BYTES - table_offset(header.capacity);
        let tail = window.get(
            position + table_offset(header.capacity),
            tail_bytes as usize,
        )?;
        match decode_tail(tail, header.capacity, crc) {
            Ok((block_crcs, trailer)) => {
                end.records = region_end;
                if let RecordKind::Seal(crc64) = header.kind {
                    found(Found::Seal {
                        offset: position,
                        crc64,
                    });
                    break;
                }
                found(Found::Record {
                    header,
                    trailer,
                    block_crcs,
                });
            }
            Err(_) => found(Found::Unfinished { header }),
        }
        position = region_end;
    }
    Ok(end)
}

/// A piece of the source in memory.
struct Window<'a, S: Source + ?Sized> {
    source: &'a S,
    length: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<S: Source + ?Sized> Window<'_, S> {
    /// The bytes at `offset`; fewer than asked for where the source ends.
    fn get(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let inside =
            offset >= self.start && offset + length as u64 <= self.start + self.bytes.len() as u64;
        if !inside {
            self.bytes = self.source.read(offset, length.max(WINDOW_BYTES))?;
            self.start = offset;
        }
        let from = (offset - self.start) as usize;
        let to = from.saturating_add(length).min(self.bytes.len());
        Ok(self.bytes.get(from..to).unwrap_or_default())
    }

    /// The next place after `position` where a valid header begins.
    fn resynchronise(&mut self, volume: &VolumeHeader, position: u64) -> io::Result<Option<u64>> {
        let step = volume.kind.alignment_bytes();
        let mut candidate = position + step;
        while candidate + RECORD_HEADER_BYTES <= self.length {
            let bytes = self.get(candidate, RECORD_HEADER_BYTES as usize)?;
            if bytes.starts_with(&volume.marker)
                && RecordHeader::decode(bytes, volume.marker, candidate).is_ok()
            {
                return Ok(Some(candidate));
            }
            candidate += step;
        }
        Ok(None)
    }
}

/// Whether the payload of a record matches its block table, read in pieces of one block.
///
/// # Errors
/// Only when the source cannot be read.
pub fn payload_is_good<S: Source + ?Sized>(
    source: &S,
    header: &RecordHeader,
    trailer: &Trailer,
    block_crcs: &[u32],
) -> io::Result<bool> {
    let start = header.offset + RECORD_HEADER_BYTES;
    let mut done = 0;
    for crc in block_crcs {
        let wanted = BLOCK_BYTES.min(trailer.length - done);
        let block = source.read(start + done, wanted as usize)?;
        if block.len() as u64 != wanted || crc32c(&block) != *crc {
            return Ok(false);
        }
        done += wanted;
    }
    Ok(done == trailer.length)
}

/// The CRC-64/NVME of the first `end` bytes of a source. `pace` is told how many bytes were read, after each piece.
///
/// # Errors
/// When the source cannot be read or ends early.
pub fn file_checksum<S: Source + ?Sized>(
    source: &S,
    end: u64,
    mut pace: impl FnMut(u64),
) -> io::Result<u64> {
    let mut crc = Crc64::new();
    let mut done = 0;
    while done < end {
        let wanted = (WINDOW_BYTES as u64).min(end - done);
        let piece = source.read(done, wanted as usize)?;
        if piece.len() as u64 != wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        crc.update(&piece);
        done += wanted;
        pace(wanted);
    }
    Ok(crc.finish())
}

/// One record of a volume in memory, with its payload where that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedRecord {
    /// Its header.
    pub header: RecordHeader,
    /// Its trailer.
    pub trailer: Trailer,
    /// The payload, or `None` when a block of it is damaged.
    pub payload: Option<Vec<u8>>,
}

/// What [`scan_bytes`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedVolume {
    /// The volume header.
    pub header: VolumeHeader,
    /// The records that exist, in the order of the file.
    pub records: Vec<ScannedRecord>,
    /// Where headers were missing, as (from, to).
    pub gaps: Vec<(u64, u64)>,
    /// Regions with a header and no valid trailer.
    pub unfinished: usize,
    /// Whether there is a seal, and whether the bytes before it match.
    pub seal: Option<bool>,
}

/// Reads a whole volume from memory, whatever the bytes are: for tools and for fuzzing.
///
/// # Errors
/// [`FormatError`] when the bytes do not begin with a valid volume header.
pub fn scan_bytes(bytes: &[u8]) -> Result<ScannedVolume, FormatError> {
    let header = VolumeHeader::decode(bytes)?;
    let mut volume = ScannedVolume {
        header,
        records: Vec::new(),
        gaps: Vec::new(),
        unfinished: 0,
        seal: None,
    };
    // Reading from memory cannot fail.
    let _ = walk(
        &bytes,
        &header,
        VOLUME_HEADER_BYTES,
        &mut |found| match found {
            Found::Record {
                header,
                trailer,
                block_crcs,
            } => {
                let good = payload_is_good(&bytes, &header, &trailer, &block_crcs).unwrap_or(false);
                let payload = || {
                    bytes
                        .read(header.offset + RECORD_HEADER_BYTES, trailer.length as usize)
                        .ok()
                };
                volume.records.push(ScannedRecord {
                    header,
                    trailer,
                    payload: good.then(payload).flatten(),
                });
            }
            Found::Unfinished { .. } => volume.unfinished += 1,
            Found::Gap { from, to } => volume.gaps.push((from, to)),
            Found::Seal { offset, crc64 } => {
                volume.seal =
                    Some(file_checksum(&bytes, offset, |_| {}).is_ok_and(|crc| crc == crc64));
            }
        },
    );
    Ok(volume)
}
