//! The bytes of blobs, as accounts see them: put under the store's protocol of claims, and decoded as they are read.

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use concierge_identity::{AccountId, Clock};
use concierge_mail_message::transfer::Decoder;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::blobs::BlobStore;
use crate::error::Error;
use crate::spool::{Spool, SpoolError, Spooled};
use crate::store::{BlobKey, Store};
use crate::types::calls::ByteStream;
use crate::types::{BlobHash, BlobId, BlobStep};

/// Largest message that is read or made, octets: 50 MB of attachments in base64, and their text.
pub(crate) const MESSAGE_MAX_BYTES: u64 = 75_000_000;

/// Messages that are in memory at once, KiB: two of the largest.
const IN_MEMORY_MAX_KIB: u32 = 160 << 10;
const _: () = assert!(MESSAGE_MAX_BYTES / 1024 < IN_MEMORY_MAX_KIB as u64);

/// The bytes of blobs.
pub(crate) struct Contents {
    store: Arc<dyn Store>,
    blobs: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
    spool: PathBuf,
    memory: Arc<Semaphore>,
}

/// A blob that the account may read.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    key: BlobKey,
    steps: Vec<BlobStep>,
    /// Of the whole blob in the store.
    whole_size: u64,
    /// Of the part, decoded.
    pub(crate) size: u64,
}

/// A message in memory, and the room that it takes there.
pub(crate) struct Loaded {
    pub(crate) bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Opened {
    /// The hash, if it is not a part of a blob.
    pub(crate) fn whole(&self) -> Option<BlobHash> {
        self.steps.is_empty().then_some(self.key.hash)
    }
}

impl Contents {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        blobs: Arc<dyn BlobStore>,
        clock: Arc<dyn Clock>,
        spool: PathBuf,
    ) -> Self {
        Self {
            store,
            blobs,
            clock,
            spool,
            memory: Arc::new(Semaphore::new(IN_MEMORY_MAX_KIB as usize)),
        }
    }

    /// A spool for a blob of at most so many octets.
    pub(crate) fn spool(&self, max_bytes: u64) -> Spool {
        Spool::new(&self.spool, max_bytes)
    }

    /// Claims bytes for an account, and puts them if they are not there. What refers to them follows within
    /// [`crate::store::BLOB_CLAIM_US`].
    pub(crate) async fn keep(&self, account: AccountId, spooled: Spooled) -> Result<(), Error> {
        let (hash, size) = (spooled.hash, spooled.size);
        let now_us = self.clock.now_us();
        let claim = self.store.claim_blob(account, hash, size, now_us).await?;
        if claim.stored {
            return Ok(());
        }
        let bytes = spooled.into_stream().await.map_err(disk)?;
        self.put(claim.key, size, bytes).await
    }

    /// Claims for one account what another has.
    pub(crate) async fn keep_opened(
        &self,
        account: AccountId,
        opened: &Opened,
    ) -> Result<(), Error> {
        let (hash, size) = (opened.key.hash, opened.whole_size);
        let now_us = self.clock.now_us();
        let claim = self.store.claim_blob(account, hash, size, now_us).await?;
        if claim.stored {
            return Ok(());
        }
        let bytes = self.blobs.read(opened.key, 0..size).await.map_err(disk)?;
        self.put(claim.key, size, bytes).await
    }

    async fn put(&self, key: BlobKey, size: u64, bytes: ByteStream) -> Result<(), Error> {
        self.blobs.put(key, size, bytes).await.map_err(disk)?;
        self.store.blob_stored(key).await
    }

    /// Finds a blob that the account may read now.
    pub(crate) async fn open(&self, account: AccountId, id: &BlobId) -> Result<Opened, Error> {
        let now_us = self.clock.now_us();
        let found = self.store.blob(account, id.whole(), now_us).await?;
        let (key, whole_size) = found.ok_or(Error::NotFound)?;
        let mut opened = Opened {
            key,
            steps: id.steps().to_vec(),
            whole_size,
            size: whole_size,
        };
        let first = opened.steps.first();
        if first.is_some_and(|step| step.range.end > whole_size) {
            return Err(Error::NotFound);
        }
        opened.size = self.measure(&opened).await?;
        Ok(opened)
    }

    /// Finds the whole blob of an email, which the account has.
    pub(crate) async fn open_whole(
        &self,
        account: AccountId,
        hash: BlobHash,
    ) -> Result<Opened, Error> {
        self.open(account, &hash.into()).await
    }

    /// The decoded length. What is encoded is read to the end for it, in pieces.
    async fn measure(&self, opened: &Opened) -> Result<u64, Error> {
        use concierge_mail_message::transfer::Encoding::Identity;
        match opened.steps.as_slice() {
            [] => Ok(opened.whole_size),
            [step] if step.encoding == Identity => Ok(step.range.end - step.range.start),
            _ => {
                let bytes = self.decoded(opened).await?;
                let counted = bytes.try_fold(0, async |sum, piece| Ok(sum + piece.len() as u64));
                counted.await.map_err(disk)
            }
        }
    }

    /// A range of a blob, decoded; what lies beyond its end is left out.
    pub(crate) async fn read(
        &self,
        opened: &Opened,
        range: Range<u64>,
    ) -> Result<ByteStream, Error> {
        use concierge_mail_message::transfer::Encoding::Identity;
        let end = range.end.min(opened.size);
        let range = range.start.min(end)..end;
        match opened.steps.as_slice() {
            [] => self.raw(opened.key, range).await,
            [step] if step.encoding == Identity => {
                let start = step.range.start;
                self.raw(opened.key, start + range.start..start + range.end)
                    .await
            }
            _ => Ok(slice(self.decoded(opened).await?, range)),
        }
    }

    async fn decoded(&self, opened: &Opened) -> Result<ByteStream, Error> {
        let mut steps = opened.steps.iter();
        let Some(first) = steps.next() else {
            return self.raw(opened.key, 0..opened.whole_size).await;
        };
        let mut bytes = self.raw(opened.key, first.range.clone()).await?;
        bytes = decode(bytes, Decoder::new(first.encoding));
        for step in steps {
            bytes = slice(bytes, step.range.clone());
            bytes = decode(bytes, Decoder::new(step.encoding));
        }
        Ok(bytes)
    }

    async fn raw(&self, key: BlobKey, range: Range<u64>) -> Result<ByteStream, Error> {
        if range.is_empty() {
            return Ok(stream::empty().boxed());
        }
        self.blobs.read(key, range).await.map_err(disk)
    }

    /// All bytes under a key.
    pub(crate) async fn stream(&self, key: BlobKey) -> Result<ByteStream, Error> {
        self.raw(key, 0..MESSAGE_MAX_BYTES).await
    }

    /// All bytes under a key, in memory.
    pub(crate) async fn all(&self, key: BlobKey) -> Result<Bytes, Error> {
        let pieces: Vec<Bytes> = self.stream(key).await?.try_collect().await.map_err(disk)?;
        Ok(pieces.concat().into())
    }

    /// Deletes what is under a key, if there is anything.
    pub(crate) async fn delete(&self, key: BlobKey) -> io::Result<()> {
        self.blobs.delete(key).await
    }

    /// Waits for room for so many octets in memory.
    pub(crate) async fn room(&self, size: u64) -> Result<OwnedSemaphorePermit, Error> {
        if size > MESSAGE_MAX_BYTES {
            return Err(Error::TooLarge(MESSAGE_MAX_BYTES));
        }
        let kib = u32::try_from(size / 1024 + 1).unwrap_or(IN_MEMORY_MAX_KIB);
        let room = Arc::clone(&self.memory).acquire_many_owned(kib).await;
        room.map_err(|_| Error::Unavailable)
    }

    /// Reads a blob into memory.
    pub(crate) async fn load(&self, opened: &Opened) -> Result<Loaded, Error> {
        let room = self.room(opened.size).await?;
        let mut bytes = Vec::with_capacity(usize::try_from(opened.size).unwrap_or(0));
        let mut stream = self.read(opened, 0..opened.size).await?;
        while let Some(piece) = stream.try_next().await.map_err(disk)? {
            bytes.extend_from_slice(&piece);
        }
        Ok(Loaded {
            bytes: bytes.into(),
            _room: room,
        })
    }

    /// Makes room for bytes that are in memory already.
    pub(crate) async fn loaded(&self, bytes: Bytes) -> Result<Loaded, Error> {
        let room = self.room(bytes.len() as u64).await?;
        Ok(Loaded { bytes, _room: room })
    }

    /// Reads what was spooled into memory.
    pub(crate) async fn load_spooled(&self, spooled: &mut Spooled) -> Result<Loaded, Error> {
        let room = self.room(spooled.size).await?;
        let bytes = spooled.bytes().await.map_err(disk)?;
        Ok(Loaded { bytes, _room: room })
    }
}

/// What a fault of the disk or of the object store is to the caller.
pub(crate) fn disk(error: io::Error) -> Error {
    tracing::error!(%error, "the bytes of mail");
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::InvalidData => Error::Internal,
        _ => Error::Unavailable,
    }
}

impl From<SpoolError> for Error {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::TooLarge(max) => Self::TooLarge(max),
            SpoolError::Source(_) => Self::InvalidArguments("the bytes did not end".to_owned()),
            SpoolError::Disk(error) => disk(error),
        }
    }
}

fn decode(bytes: ByteStream, decoder: Decoder) -> ByteStream {
    stream::try_unfold((bytes, Some(decoder)), async |(mut bytes, decoder)| {
        let Some(mut decoder) = decoder else {
            return Ok(None);
        };
        let mut out = Vec::new();
        let rest = match bytes.try_next().await? {
            Some(piece) => {
                decoder.feed(&piece, &mut out);
                Some(decoder)
            }
            None => {
                decoder.finish(&mut out);
                None
            }
        };
        Ok(Some((Bytes::from(out), (bytes, rest))))
    })
    .boxed()
}

/// A range of a stream. Nothing behind it is read.
fn slice(bytes: ByteStream, range: Range<u64>) -> ByteStream {
    let (skip, left) = (range.start, range.end.saturating_sub(range.start));
    stream::try_unfold((bytes, skip, left), async |(mut bytes, mut skip, left)| {
        loop {
            if left == 0 {
                return Ok(None);
            }
            let Some(mut piece) = bytes.try_next().await? else {
                return Ok(None);
            };
            let skipped = skip.min(piece.len() as u64);
            skip -= skipped;
            piece.advance(usize::try_from(skipped).unwrap_or(piece.len()));
            piece.truncate(usize::try_from(left).unwrap_or(piece.len()));
            if !piece.is_empty() {
                let left = left - piece.len() as u64;
                return Ok(Some((piece, (bytes, skip, left))));
            }
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use concierge_mail_message::transfer::Encoding;

    fn pieces(pieces: &[&'static str]) -> ByteStream {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from(*piece))).collect();
        stream::iter(pieces).boxed()
    }

    async fn all(bytes: ByteStream) -> Vec<u8> {
        let pieces: Vec<Bytes> = bytes.try_collect().await.unwrap();
        pieces.concat()
    }

    #[tokio::test]
    async fn ranges_of_streams_are_those_of_bytes() {
        let whole = b"abcdefgh";
        for start in 0..9 {
            for end in start..12 {
                let sliced = all(slice(
                    pieces(&["abc", "", "d", "efgh"]),
                    start as u64..end as u64,
                ))
                .await;
                assert_eq!(sliced, whole[start.min(8)..end.min(8)], "{start}..{end}");
            }
        }
    }

    #[tokio::test]
    async fn parts_are_decoded_across_pieces() {
        let decoder = Decoder::new(Encoding::Base64);
        let decoded = all(decode(pieces(&["aGV", "sb", "G8gd29ybGQ="]), decoder)).await;
        assert_eq!(decoded, b"hello world");
    }
}
