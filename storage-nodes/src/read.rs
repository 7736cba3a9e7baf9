//! Reading records of a local node: every block is verified before a byte of it is given.

use std::{
    io,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::Stream;
use tokio::task::JoinHandle;

use crate::{
    checksum::crc32c,
    error::NodeError,
    files::zeroed,
    format::{
        BLOCK_BYTES, FormatError, RECORD_HEADER_BYTES, RecordHeader, RecordKind, TRAILER_BYTES,
        block_count, decode_tail, header_crc, table_offset, trailer_offset,
    },
    index::Entry,
    key::RecordKey,
    packed::closed,
    shared::Shared,
    volume::Volume,
};

/// Records of at most this capacity are read whole, in one call.
const WHOLE_BYTES: u64 = BLOCK_BYTES;
/// Larger ones come in pieces of this many bytes: few calls a MiB, and small enough for the processor's cache
/// while the piece is checked and passed on. One more piece may be on its way, no more.
const PIECE_BYTES: u64 = 4 * BLOCK_BYTES;
/// A record may move while it is looked up; it seldom does even once.
const LOOKUPS: usize = 8;

/// The bytes of one read.
pub(crate) enum LocalStream {
    Whole(Option<Bytes>),
    Pieces(Box<Pieces>),
}

/// A record that was found.
struct Located {
    shared: Arc<Shared>,
    volume: Arc<Volume>,
    key: RecordKey,
    entry: Entry,
}

/// Finds a record and the first bytes of a range of it.
pub(crate) async fn open(
    shared: &Arc<Shared>,
    key: RecordKey,
    range: Range<u64>,
) -> Result<LocalStream, NodeError> {
    let located = locate(shared, key)?;
    let length = u64::from(located.entry.length);
    if range.start > range.end || range.end > length {
        return Err(NodeError::OutOfRange { length });
    }
    shared.counters.read(range.end - range.start);
    if u64::from(located.entry.capacity) <= WHOLE_BYTES {
        let payload = located.read_whole().await?;
        let wanted = range.start as usize..range.end as usize;
        return Ok(LocalStream::Whole(
            (!wanted.is_empty()).then(|| payload.slice(wanted)),
        ));
    }
    let (located, block_crcs) = located.read_table().await?;
    let pieces = Pieces {
        located: Arc::new(located),
        block_crcs: block_crcs.into(),
        position: range.start,
        end: range.end,
        job: None,
    };
    Ok(LocalStream::Pieces(Box::new(pieces)))
}

fn locate(shared: &Arc<Shared>, key: RecordKey) -> Result<Located, NodeError> {
    for _ in 0..LOOKUPS {
        let entry = shared.index.get(&key).ok_or(NodeError::NotFound)?;
        if let Some(volume) = shared.volumes.get(entry.volume) {
            return Ok(Located {
                shared: shared.clone(),
                volume,
                key,
                entry,
            });
        }
    }
    // The volume is gone and nothing replaced the record: its file was lost.
    Err(shared.corrupt(key))
}

impl Located {
    fn corrupt(&self) -> NodeError {
        self.shared.corrupt(self.key)
    }

    /// The header must be the one of this record, whatever the index says.
    fn check_header(&self, encoded: &[u8]) -> Result<[u8; 4], FormatError> {
        let header = RecordHeader::decode(encoded, self.volume.header.marker, self.entry.offset())?;
        let same = header.key == self.key
            && header.kind == RecordKind::Data
            && header.capacity == u64::from(self.entry.capacity);
        if same {
            Ok(header_crc(encoded))
        } else {
            Err(FormatError::Invalid)
        }
    }

    fn check_tail(&self, tail: &[u8], header_crc: [u8; 4]) -> Result<Vec<u32>, FormatError> {
        let (crcs, trailer) = decode_tail(tail, self.entry.capacity.into(), header_crc)?;
        let same = trailer.sequence == self.entry.sequence
            && trailer.length == u64::from(self.entry.length);
        if same {
            Ok(crcs)
        } else {
            Err(FormatError::Invalid)
        }
    }

    /// Reads at an offset from memory where it is there, else on a blocking thread.
    async fn fetch(&self, offset: u64, length: u64) -> Result<Bytes, NodeError> {
        if let Some(bytes) = fetch_cached(&self.volume, offset, length)
            .map_err(|error| NodeError::from_io(&error))?
        {
            return Ok(bytes);
        }
        let volume = self.volume.clone();
        let read =
            tokio::task::spawn_blocking(move || volume.file.read_vec(length as usize, offset))
                .await;
        read.map_err(|_| closed())?
            .map(Bytes::from)
            .map_err(|error| NodeError::from_io(&error))
    }

    async fn read_whole(&self) -> Result<Bytes, NodeError> {
        let capacity = u64::from(self.entry.capacity);
        let region = self
            .fetch(
                self.entry.offset(),
                trailer_offset(capacity) + TRAILER_BYTES,
            )
            .await?;
        self.check_whole(&region).map_err(|_| self.corrupt())
    }

    fn check_whole(&self, region: &Bytes) -> Result<Bytes, FormatError> {
        let crc = self.check_header(region)?;
        let table = table_offset(self.entry.capacity.into()) as usize;
        let crcs = self.check_tail(region.get(table..).unwrap_or_default(), crc)?;
        let start = RECORD_HEADER_BYTES as usize;
        let range = start..start + self.entry.length as usize;
        let payload = region.get(range.clone()).ok_or(FormatError::Invalid)?;
        if payload.chunks(BLOCK_BYTES as usize).map(crc32c).eq(crcs) {
            Ok(region.slice(range))
        } else {
            Err(FormatError::Invalid)
        }
    }

    async fn read_table(self) -> Result<(Self, Vec<u32>), NodeError> {
        let (offset, capacity) = (self.entry.offset(), u64::from(self.entry.capacity));
        let header = self.fetch(offset, RECORD_HEADER_BYTES).await?;
        let crc = self.check_header(&header).map_err(|_| self.corrupt())?;
        let tail_bytes = trailer_offset(capacity) + TRAILER_BYTES - table_offset(capacity);
        let tail = self
            .fetch(offset + table_offset(capacity), tail_bytes)
            .await?;
        let crcs = self.check_tail(&tail, crc).map_err(|_| self.corrupt())?;
        Ok((self, crcs))
    }
}

/// `None`: the device would have to be waited for.
fn fetch_cached(volume: &Volume, offset: u64, length: u64) -> io::Result<Option<Bytes>> {
    let mut buf = zeroed(length as usize);
    Ok(volume.file.pread_cached(&mut buf, offset)?.map(|read| {
        buf.truncate(read);
        buf.freeze()
    }))
}

/// Reads the payload of one record, whole, from any thread that may block.
pub(crate) fn read_blocking(
    shared: &Arc<Shared>,
    key: RecordKey,
    entry: Entry,
    volume: Arc<Volume>,
) -> Result<Bytes, NodeError> {
    let located = Located {
        shared: shared.clone(),
        volume,
        key,
        entry,
    };
    let bytes = trailer_offset(entry.capacity.into()) + TRAILER_BYTES;
    let region = located.volume.file.read_vec(bytes as usize, entry.offset());
    let region = region
        .map(Bytes::from)
        .map_err(|error| NodeError::from_io(&error))?;
    located.check_whole(&region).map_err(|_| located.corrupt())
}

/// A range of a large record, piece by piece.
pub(crate) struct Pieces {
    located: Arc<Located>,
    block_crcs: Arc<[u32]>,
    /// The next byte to give, and the end of the range, in the payload.
    position: u64,
    end: u64,
    job: Option<JoinHandle<Result<Bytes, NodeError>>>,
}

/// The whole blocks around some bytes, and the bytes within them.
struct Piece {
    blocks: Range<u64>,
    wanted: Range<u64>,
}

impl Pieces {
    fn next_piece(&self) -> Option<Piece> {
        if self.position >= self.end {
            return None;
        }
        let start = self.position / BLOCK_BYTES * BLOCK_BYTES;
        let wanted_end = self.end.min(start + PIECE_BYTES);
        let blocks_end = wanted_end
            .next_multiple_of(BLOCK_BYTES)
            .min(self.located.entry.length.into());
        Some(Piece {
            blocks: start..blocks_end,
            wanted: self.position..wanted_end,
        })
    }

    fn begin(&mut self, piece: Piece) {
        self.position = piece.wanted.end;
        let (located, crcs) = (self.located.clone(), self.block_crcs.clone());
        self.job = Some(tokio::task::spawn_blocking(move || {
            let bytes = (piece.blocks.end - piece.blocks.start) as usize;
            let read = located
                .volume
                .file
                .read_vec(bytes, located.payload_at(piece.blocks.start));
            let read = read.map_err(|error| NodeError::from_io(&error))?;
            located.check_piece(&piece, Bytes::from(read), &crcs)
        }));
    }

    /// After a failure nothing more is given: what follows would not join what came before.
    fn give(
        &mut self,
        outcome: Result<Bytes, NodeError>,
    ) -> Poll<Option<Result<Bytes, NodeError>>> {
        if outcome.is_err() {
            self.position = self.end;
            self.job = None;
        }
        Poll::Ready(Some(outcome))
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, NodeError>>> {
        if let Some(job) = &mut self.job {
            let Poll::Ready(outcome) = Pin::new(job).poll(context) else {
                return Poll::Pending;
            };
            self.job = None;
            // The device is slow: let it fetch the next piece while this one is passed on.
            if let Some(piece) = self.next_piece() {
                self.begin(piece);
            }
            return self.give(outcome.unwrap_or_else(|_| Err(closed())));
        }
        let Some(piece) = self.next_piece() else {
            return Poll::Ready(None);
        };
        let at = self.located.payload_at(piece.blocks.start);
        match fetch_cached(
            &self.located.volume,
            at,
            piece.blocks.end - piece.blocks.start,
        ) {
            Err(error) => self.give(Err(NodeError::from_io(&error))),
            Ok(Some(bytes)) => {
                self.position = piece.wanted.end;
                let outcome = self.located.check_piece(&piece, bytes, &self.block_crcs);
                self.give(outcome)
            }
            Ok(None) => {
                self.begin(piece);
                self.poll(context)
            }
        }
    }
}

impl Located {
    fn payload_at(&self, position: u64) -> u64 {
        self.entry.offset() + RECORD_HEADER_BYTES + position
    }

    fn check_piece(&self, piece: &Piece, bytes: Bytes, crcs: &[u32]) -> Result<Bytes, NodeError> {
        let first = (piece.blocks.start / BLOCK_BYTES) as usize;
        let count = block_count(piece.blocks.end - piece.blocks.start) as usize;
        let expected = crcs.get(first..first + count).unwrap_or_default();
        let whole = bytes.len() as u64 == piece.blocks.end - piece.blocks.start;
        if !whole
            || !bytes
                .chunks(BLOCK_BYTES as usize)
                .map(crc32c)
                .eq(expected.iter().copied())
        {
            return Err(self.corrupt());
        }
        let from = (piece.wanted.start - piece.blocks.start) as usize;
        Ok(bytes.slice(from..from + (piece.wanted.end - piece.wanted.start) as usize))
    }
}

impl Stream for LocalStream {
    type Item = Result<Bytes, NodeError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(Ok)),
            Self::Pieces(pieces) => pieces.poll(context),
        }
    }
}
