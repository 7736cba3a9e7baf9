//! Walking the records of a volume.

use std::{io, ops::ControlFlow};

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

impl Found {
    /// Where it begins.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match self {
            Self::Record { header, .. } | Self::Unfinished { header } => header.offset,
            Self::Gap { from, .. } => *from,
            Self::Seal { offset, .. } => *offset,
        }
    }
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
    found: &mut dyn FnMut(Found) -> ControlFlow<()>,
) -> io::Result<ChainEnd> {
    let mut window = Window::new(source, WINDOW_BYTES)?;
    let mut position = from;
    let mut end = ChainEnd {
        chain: from,
        records: from,
    };
    while position + RECORD_HEADER_BYTES <= window.length {
        let Some(region) = window.region(volume, position)? else {
            let Some(next) = window.resynchronise(volume, position)? else {
                break;
            };
            let gap = Found::Gap {
                from: position,
                to: next,
            };
            position = next;
            if found(gap).is_break() {
                break;
            }
            continue;
        };
        position = region.end;
        end.chain = region.end;
        let Some(thing) = region.found else {
            continue;
        };
        if !matches!(thing, Found::Unfinished { .. }) {
            end.records = region.end;
        }
        let sealed = matches!(thing, Found::Seal { .. });
        if found(thing).is_break() || sealed {
            break;
        }
    }
    Ok(end)
}

/// What is in the region that begins at `offset`; `None` where no valid header is.
///
/// # Errors
/// Only when the source cannot be read.
pub fn look<S: Source + ?Sized>(
    source: &S,
    volume: &VolumeHeader,
    offset: u64,
) -> io::Result<Option<Found>> {
    let region = Window::new(source, 0)?.region(volume, offset)?;
    Ok(region.and_then(|region| region.found))
}

/// A region with a valid header.
struct Region {
    /// `None`: it is void.
    found: Option<Found>,
    end: u64,
}

/// A piece of the source in memory.
struct Window<'a, S: Source + ?Sized> {
    source: &'a S,
    /// Bytes fetched at once, or more where more are asked for.
    fetch_bytes: usize,
    length: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a, S: Source + ?Sized> Window<'a, S> {
    fn new(source: &'a S, fetch_bytes: usize) -> io::Result<Self> {
        Ok(Self {
            source,
            fetch_bytes,
            length: source.length()?,
            start: 0,
            bytes: Vec::new(),
        })
    }

    fn region(&mut self, volume: &VolumeHeader, offset: u64) -> io::Result<Option<Region>> {
        let encoded = self.get(offset, RECORD_HEADER_BYTES as usize)?;
        let Ok(header) = RecordHeader::decode(encoded, volume.marker, offset) else {
            return Ok(None);
        };
        let crc = header_crc(encoded);
        let end = offset + volume.kind.region_bytes(header.capacity);
        if header.kind == RecordKind::Void {
            return Ok(Some(Region { found: None, end }));
        }
        let table = table_offset(header.capacity);
        let tail_bytes = trailer_offset(header.capacity) + TRAILER_BYTES - table;
        let tail = self.get(offset + table, tail_bytes as usize)?;
        let found = match (decode_tail(tail, header.capacity, crc), header.kind) {
            (Ok(_), RecordKind::Seal(crc64)) => Found::Seal { offset, crc64 },
            (Ok((block_crcs, trailer)), _) => Found::Record {
                header,
                trailer,
                block_crcs,
            },
            (Err(_), _) => Found::Unfinished { header },
        };
        Ok(Some(Region {
            found: Some(found),
            end,
        }))
    }

    /// The bytes at `offset`; fewer than asked for where the source ends.
    fn get(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let inside =
            offset >= self.start && offset + length as u64 <= self.start + self.bytes.len() as u64;
        if !inside {
            self.bytes = self.source.read(offset, length.max(self.fetch_bytes))?;
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

/// The CRC-64/NVME of the first `end` bytes of a source. `pace` is told how many bytes were read, after each piece,
/// and may break off.
///
/// # Errors
/// When the source cannot be read or ends early ([`io::ErrorKind::UnexpectedEof`]), and
/// [`io::ErrorKind::Interrupted`] when `pace` broke it off.
pub fn file_checksum<S: Source + ?Sized>(
    source: &S,
    end: u64,
    mut pace: impl FnMut(u64) -> ControlFlow<()>,
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
        if pace(wanted).is_break() {
            return Err(io::ErrorKind::Interrupted.into());
        }
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
    let _ = walk(&bytes, &header, VOLUME_HEADER_BYTES, &mut |found| {
        volume.take(bytes, found);
        ControlFlow::Continue(())
    });
    Ok(volume)
}

impl ScannedVolume {
    fn take(&mut self, bytes: &[u8], found: Found) {
        match found {
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
                self.records.push(ScannedRecord {
                    header,
                    trailer,
                    payload: good.then(payload).flatten(),
                });
            }
            Found::Unfinished { .. } => self.unfinished += 1,
            Found::Gap { from, to } => self.gaps.push((from, to)),
            Found::Seal { offset, crc64 } => {
                let crc = file_checksum(&bytes, offset, |_| ControlFlow::Continue(()));
                self.seal = Some(crc.is_ok_and(|crc| crc == crc64));
            }
        }
    }
}
