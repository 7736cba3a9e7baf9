//! The way of a body: framing off, digests, and onto the storage nodes.
//!
//! A small body is gathered, hashed on the spot (64 KiB take about 0.1 ms) and
//! stored as one record. A larger one streams in batches: while one is hashed
//! on the blocking pool and written to the nodes, the next is read. So a body
//! of any size needs the memory of about two batches, and hashing, the slowest
//! of the three, keeps no async thread busy.

pub mod chunked;
mod digest;
mod source;

pub use digest::{Digester, Digests, Expectations};
pub use source::{Batch, Source};

use bytes::{Bytes, BytesMut};
use concierge_storage_nodes::{Lease, NodeClient, ObjectId, RecordKey};

use tokio_util::task::TaskTracker;

use crate::data::{
    BlobWriter, EXTENT_SIZE_BYTES, SMALL_MAX_BYTES, Uploading, Written, write_small,
};
use crate::error::Error;
use crate::placement::NodeNumber;

/// Bytes of a batch. At some 650 MB/s for MD5 a batch is hashed in under a
/// millisecond, so the hop to the blocking pool (about 20 µs) is small beside
/// it, and an upload needs little memory.
const BATCH_BYTES: u64 = 512 << 10;

/// A blob on the nodes that the catalogue does not name yet. Dropped before
/// it is [`named`](Self::named), it is deleted again.
pub struct Unnamed {
    object: ObjectId,
    targets: Vec<(NodeNumber, NodeClient)>,
    /// Records that may have been written.
    records: u32,
    /// Those who are still making records durable.
    syncs: TaskTracker,
    uploading: Option<Uploading>,
}

impl Unnamed {
    /// A blob to be written to these nodes.
    pub fn new(
        object: ObjectId,
        targets: Vec<(NodeNumber, NodeClient)>,
        uploading: Uploading,
    ) -> Self {
        Self {
            object,
            targets,
            records: 0,
            syncs: TaskTracker::new(),
            uploading: Some(uploading),
        }
    }

    fn note_bytes(&mut self, size: u64) {
        self.records = u32::try_from(size.div_ceil(EXTENT_SIZE_BYTES)).unwrap_or(u32::MAX);
    }

    /// The catalogue names it now.
    pub fn named(mut self) {
        self.uploading = None;
    }

    /// Whether the catalogue names it is not known: it stays, and no collector
    /// of this process takes it. The next start will know.
    pub fn in_doubt(mut self) {
        if let Some(uploading) = self.uploading.take() {
            std::mem::forget(uploading);
        }
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        let Some(uploading) = self.uploading.take() else {
            return;
        };
        // Without a runtime the process is ending; its lease tells the next
        // start that these records are nobody's.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (object, records) = (self.object, self.records);
        let targets = std::mem::take(&mut self.targets);
        let syncs = self.syncs.clone();
        runtime.spawn(async move {
            syncs.close();
            syncs.wait().await;
            let keys: Vec<_> = (0..records)
                .map(|extent| RecordKey {
                    object,
                    extent,
                    shard: 0,
                })
                .collect();
            for (node, client) in targets {
                if let Err(error) = client.delete(keys.clone()).await {
                    tracing::debug!(node, %error, "the rest of an upload waits for the collector");
                }
            }
            drop(uploading);
        });
    }
}

/// A body that is on the nodes.
pub struct Received {
    /// Bytes.
    pub size: u64,
    /// What it was found to be.
    pub digests: Digests,
    /// Where it is; `None` if it has no bytes.
    pub written: Option<(Written, Unnamed)>,
}

/// Where a body goes.
pub struct Destination {
    /// The blob to be.
    pub blob: Unnamed,
    /// Who writes.
    pub lease: Lease,
    /// Bytes there will be, where known.
    pub expected: Option<u64>,
}

/// Reads a body to its end, checks it, and stores it.
pub async fn receive(
    mut source: Source,
    mut digester: Digester,
    destination: Destination,
) -> Result<Received, Error> {
    let batch = source.next(SMALL_MAX_BYTES + 1).await?;
    if batch.last && batch.len <= SMALL_MAX_BYTES {
        digester.update(&batch.pieces)?;
        return receive_small(&batch, digester.finish()?, destination).await;
    }
    receive_large(source, digester, destination, batch).await
}

async fn receive_small(
    batch: &Batch,
    digests: Digests,
    destination: Destination,
) -> Result<Received, Error> {
    let Destination {
        mut blob, lease, ..
    } = destination;
    let written = if batch.len == 0 {
        blob.named();
        None
    } else {
        blob.note_bytes(batch.len);
        let payload = joined(batch);
        let written = write_small(&blob.targets, blob.object, lease, payload).await?;
        Some((written, blob))
    };
    Ok(Received {
        size: batch.len,
        digests,
        written,
    })
}

/// The data of a batch in one piece; the usual body comes as one already.
fn joined(batch: &Batch) -> Bytes {
    let mut data = batch.data();
    match (data.next(), data.next()) {
        (Some(only), None) => only.clone(),
        _ => {
            let mut all = BytesMut::with_capacity(usize::try_from(batch.len).unwrap_or(0));
            batch.data().for_each(|bytes| all.extend_from_slice(bytes));
            all.freeze()
        }
    }
}

async fn receive_large(
    mut source: Source,
    mut digester: Digester,
    destination: Destination,
    mut batch: Batch,
) -> Result<Received, Error> {
    let Destination {
        mut blob,
        lease,
        expected,
    } = destination;
    let mut writer = BlobWriter::new(
        blob.targets.clone(),
        blob.object,
        lease,
        expected,
        blob.syncs.clone(),
    );
    let mut size = 0;
    loop {
        size += batch.len;
        blob.note_bytes(size);
        let data: Vec<Bytes> = batch.data().cloned().collect();
        let last = batch.last;
        let hashing = tokio::task::spawn_blocking(move || {
            let result = digester.update(&batch.pieces);
            (digester, result)
        });
        let (written, next) = if last {
            (writer.write(data).await, Ok(Batch::default()))
        } else {
            tokio::join!(writer.write(data), source.next(BATCH_BYTES))
        };
        let hashed = hashing.await.map_err(|_| Error::Internal)?;
        digester = hashed.0;
        hashed.1?;
        written?;
        if last {
            break;
        }
        batch = next?;
    }
    let digests = digester.finish()?;
    let written = writer.finish().await?;
    Ok(Received {
        size,
        digests,
        written: Some((written, blob)),
    })
}
