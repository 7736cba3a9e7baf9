//! Bytes on their way into a blob: counted and hashed while they come, kept aside until all are there.
//!
//! Invariant: memory does not grow with what comes; what is more than [`IN_MEMORY_MAX_BYTES`] lies in a file without a
//! name, which is gone with whoever held it.

use std::fs::File as StdFile;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;

use crate::types::BlobHash;
use crate::types::calls::ByteStream;

/// What is kept in memory: most messages without attachments.
const IN_MEMORY_MAX_BYTES: usize = 256 << 10;

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// Why bytes were not spooled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// More than this many.
    #[error("more than {0} octets")]
    TooLarge(u64),
    /// Whoever sent them stopped.
    #[error("the bytes ended with a fault: {0}")]
    Source(io::Error),
    /// The disk.
    #[error("spooling: {0}")]
    Disk(#[from] io::Error),
}

/// Takes bytes.
pub(crate) struct Spool {
    directory: PathBuf,
    max_bytes: u64,
    hash: Sha256,
    size: u64,
    memory: Vec<u8>,
    file: Option<File>,
}

impl Spool {
    /// For at most `max_bytes`; files lie in `directory`.
    pub(crate) fn new(directory: &Path, max_bytes: u64) -> Self {
        Self {
            directory: directory.to_owned(),
            max_bytes,
            hash: Sha256::new(),
            size: 0,
            memory: Vec::new(),
            file: None,
        }
    }

    /// Takes a piece.
    pub(crate) async fn push(&mut self, piece: &[u8]) -> Result<(), SpoolError> {
        self.size += piece.len() as u64;
        if self.size > self.max_bytes {
            return Err(SpoolError::TooLarge(self.max_bytes));
        }
        self.hash.update(piece);
        self.memory.extend_from_slice(piece);
        if self.memory.len() > IN_MEMORY_MAX_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Takes a stream to its end.
    pub(crate) async fn push_all(&mut self, mut bytes: ByteStream) -> Result<(), SpoolError> {
        while let Some(piece) = bytes.try_next().await.map_err(SpoolError::Source)? {
            self.push(&piece).await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(unnamed(&self.directory).await?),
        };
        file.write_all(&self.memory).await?;
        self.memory.clear();
        Ok(())
    }

    /// No more comes.
    pub(crate) async fn finish(mut self) -> Result<Spooled, SpoolError> {
        let content = match self.file.is_some() {
            false => Content::Memory(self.memory.into()),
            true => {
                self.flush().await?;
                match self.file {
                    Some(mut file) => {
                        file.flush().await?;
                        Content::File(file)
                    }
                    None => Content::Memory(Bytes::new()),
                }
            }
        };
        Ok(Spooled {
            hash: BlobHash(self.hash.finalize().into()),
            size: self.size,
            content,
        })
    }
}

async fn unnamed(directory: &Path) -> io::Result<File> {
    let directory = directory.to_owned();
    let made = tokio::task::spawn_blocking(move || tempfile::tempfile_in(directory));
    let file: StdFile = made.await.map_err(io::Error::other)??;
    Ok(File::from_std(file))
}

/// Bytes that are all there.
pub(crate) struct Spooled {
    /// Of them.
    pub(crate) hash: BlobHash,
    /// How many.
    pub(crate) size: u64,
    content: Content,
}

enum Content {
    Memory(Bytes),
    File(File),
}

impl Spooled {
    /// Bytes that are in memory already.
    pub(crate) fn of(bytes: Bytes) -> Self {
        Self {
            hash: BlobHash(Sha256::digest(&bytes).into()),
            size: bytes.len() as u64,
            content: Content::Memory(bytes),
        }
    }

    /// All of them; the caller has room for them.
    pub(crate) async fn bytes(&mut self) -> io::Result<Bytes> {
        match &mut self.content {
            Content::Memory(bytes) => Ok(bytes.clone()),
            Content::File(file) => {
                file.rewind().await?;
                let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0));
                file.read_to_end(&mut bytes).await?;
                Ok(bytes.into())
            }
        }
    }

    /// As a stream.
    pub(crate) async fn into_stream(self) -> io::Result<ByteStream> {
        Ok(match self.content {
            Content::Memory(bytes) => stream::iter([Ok(bytes)]).boxed(),
            Content::File(mut file) => {
                file.rewind().await?;
                ReaderStream::with_capacity(file, CHUNK_BYTES).boxed()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn spooled(size: usize, max_bytes: u64) -> Result<Spooled, SpoolError> {
        let mut spool = Spool::new(&std::env::temp_dir(), max_bytes);
        let pieces: Vec<_> = content(size)
            .chunks(100_000)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        spool.push_all(stream::iter(pieces).boxed()).await?;
        spool.finish().await
    }

    fn content(size: usize) -> Vec<u8> {
        (0..size).map(|at| (at % 251) as u8).collect()
    }

    #[tokio::test]
    async fn bytes_come_out_as_they_went_in() {
        for size in [
            0,
            1,
            IN_MEMORY_MAX_BYTES,
            IN_MEMORY_MAX_BYTES + 1,
            1_000_000,
        ] {
            let mut spooled = spooled(size, size as u64).await.unwrap();
            let is_file = matches!(spooled.content, Content::File(_));
            assert_eq!(is_file, size > IN_MEMORY_MAX_BYTES);
            assert_eq!(spooled.size, size as u64);
            let digest: [u8; 32] = Sha256::digest(content(size)).into();
            assert_eq!(spooled.hash, BlobHash(digest));
            assert_eq!(spooled.bytes().await.unwrap(), content(size));
            let stream = spooled.into_stream().await.unwrap();
            let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
            assert_eq!(pieces.concat(), content(size));
        }
    }

    #[tokio::test]
    async fn what_is_too_much_is_refused() {
        let refused = spooled(1_000_000, 999_999).await;
        assert!(matches!(refused, Err(SpoolError::TooLarge(999_999))));
    }
}
