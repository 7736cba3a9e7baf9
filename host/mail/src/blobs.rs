//! Where the bytes of mail are.
//!
//! Which blobs there are is known to the store ([`crate::store::BlobReferences`]); the bytes of each lie under the name
//! of its [`BlobKey`]. They never change: a key is put once, read in ranges, and deleted when nothing refers to it.

use std::future::Future;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::{StreamExt, TryStreamExt};
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;

use crate::store::BlobKey;
use crate::types::calls::ByteStream;

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// What a method of a [`BlobStore`] gives.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// Keeps bytes.
pub trait BlobStore: Send + Sync {
    /// Puts `size` octets under a key; they are durable when this answers. The same key may be put twice at once, with
    /// the same bytes. [`io::ErrorKind::InvalidData`] where the stream has not `size` octets; nothing is there then.
    fn put(&self, key: BlobKey, size: u64, bytes: ByteStream) -> Answer<'_, ()>;
    /// A range of what is under a key; what lies beyond its end is left out. [`io::ErrorKind::NotFound`] where there is nothing.
    fn read(&self, key: BlobKey, range: Range<u64>) -> Answer<'_, ByteStream>;
    /// Deletes what is under a key, if there is anything.
    fn delete(&self, key: BlobKey) -> Answer<'_, ()>;
}

impl BlobKey {
    /// The name of its bytes: `SHARD/HASH.GENERATION`, in decimal, hexadecimal and decimal.
    #[must_use]
    pub fn name(&self) -> String {
        let hash = hex::encode(self.hash.0);
        format!("{}/{hash}.{}", self.shard, self.generation)
    }
}

/// Blobs as files of a directory, by their names. What a crash leaves half written lies beside them in `partial/`, and
/// goes when the directory is opened.
pub struct DirectoryBlobs {
    root: PathBuf,
    /// Numbers the files in `partial/`.
    next: AtomicU64,
}

impl DirectoryBlobs {
    /// Opens a directory, which is made if need be. Nobody else may have it open.
    ///
    /// # Errors
    /// Those of the file system.
    pub async fn open(root: &Path) -> io::Result<Self> {
        let blobs = Self {
            root: root.to_owned(),
            next: AtomicU64::new(0),
        };
        match fs::remove_dir_all(blobs.partial()).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(blobs.partial()).await?,
        }
        Ok(blobs)
    }

    fn partial(&self) -> PathBuf {
        self.root.join("partial")
    }

    async fn write(&self, key: BlobKey, size: u64, bytes: ByteStream) -> io::Result<()> {
        let path = self.root.join(key.name());
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let partial = self.partial().join(number.to_string());
        let written = async {
            write_file(&partial, size, bytes).await?;
            let directory = path.parent().unwrap_or(&self.root);
            fs::create_dir_all(directory).await?;
            sync_directory(&self.root).await?;
            fs::rename(&partial, &path).await?;
            sync_directory(directory).await
        };
        let written = written.await;
        if written.is_err() {
            // It may have been moved already, or never made; what is left goes with the next opening.
            let _ = fs::remove_file(&partial).await;
        }
        written
    }
}

impl BlobStore for DirectoryBlobs {
    fn put(&self, key: BlobKey, size: u64, bytes: ByteStream) -> Answer<'_, ()> {
        Box::pin(self.write(key, size, bytes))
    }

    fn read(&self, key: BlobKey, range: Range<u64>) -> Answer<'_, ByteStream> {
        Box::pin(async move {
            let mut file = File::open(self.root.join(key.name())).await?;
            file.seek(io::SeekFrom::Start(range.start)).await?;
            let length = range.end.saturating_sub(range.start);
            let stream = ReaderStream::with_capacity(file.take(length), CHUNK_BYTES);
            Ok(stream.boxed() as ByteStream)
        })
    }

    fn delete(&self, key: BlobKey) -> Answer<'_, ()> {
        Box::pin(async move {
            match fs::remove_file(self.root.join(key.name())).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        })
    }
}

async fn write_file(path: &Path, size: u64, mut bytes: ByteStream) -> io::Result<()> {
    let mut file = File::create(path).await?;
    let mut written = 0;
    while let Some(piece) = bytes.try_next().await? {
        written += piece.len() as u64;
        if written > size {
            break;
        }
        file.write_all(&piece).await?;
    }
    if written != size {
        let other = "the bytes are not as many as was said";
        return Err(io::Error::new(io::ErrorKind::InvalidData, other));
    }
    file.flush().await?;
    file.sync_all().await
}

/// Makes names in a directory durable.
async fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path).await?.sync_all().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::BlobHash;

    use bytes::Bytes;
    use futures::stream;
    use tempfile::TempDir;

    fn pieces(pieces: &[&'static str]) -> ByteStream {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from(*piece))).collect();
        stream::iter(pieces).boxed()
    }

    async fn bytes(blobs: &DirectoryBlobs, key: BlobKey, range: Range<u64>) -> Vec<u8> {
        let stream = blobs.read(key, range).await.unwrap();
        let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
        pieces.concat()
    }

    #[tokio::test]
    async fn bytes_are_kept_until_they_are_deleted() {
        let dir = TempDir::new().unwrap();
        let blobs = DirectoryBlobs::open(dir.path()).await.unwrap();
        let key = BlobKey {
            shard: 1,
            hash: BlobHash([7; 32]),
            generation: 2,
        };
        let missing = blobs.read(key, 0..1).await.err().unwrap();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        for wrong in [pieces(&["abcde", "f"]), pieces(&["abcdefg", "h"])] {
            let error = blobs.put(key, 7, wrong).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
        let broken = stream::iter([Ok(Bytes::from("abc")), Err(io::Error::other("gone"))]);
        blobs.put(key, 7, broken.boxed()).await.unwrap_err();
        assert!(blobs.read(key, 0..1).await.is_err());
        let mut left = std::fs::read_dir(blobs.partial()).unwrap();
        assert!(left.next().is_none(), "nothing half written is left");

        for _ in 0..2 {
            blobs.put(key, 7, pieces(&["abc", "defg"])).await.unwrap();
        }
        let blobs = DirectoryBlobs::open(dir.path()).await.unwrap();
        assert_eq!(bytes(&blobs, key, 0..7).await, b"abcdefg");
        assert_eq!(bytes(&blobs, key, 2..5).await, b"cde");
        for _ in 0..2 {
            blobs.delete(key).await.unwrap();
        }
        assert!(blobs.read(key, 0..1).await.is_err());
    }
}
