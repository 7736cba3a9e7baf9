//! Writing a blob to its nodes.
//!
//! A write goes on as long as a majority of the copies does. Copies that fail,
//! or that fall behind a majority by more than [`STRAGGLER_GRACE`], are left
//! out and reported; the catalogue notes them with the commit, and the
//! background makes them good.

use std::time::Duration;

use bytes::Bytes;
use concierge_storage_nodes::{Lease, NodeClient, NodeError, ObjectId, RecordKey, RecordWriter};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::{EXTENT_SIZE_BYTES, record_key, write_error};
use crate::catalogue::DataRef;
use crate::error::Error;
use crate::placement::NodeNumber;

/// How long a write waits for the other copies once a majority is through. A
/// node that is a little slower must not cost a repair of every blob; one that
/// hangs must not hold clients.
const STRAGGLER_GRACE: Duration = Duration::from_millis(500);

/// Extents of one blob that may be waiting for their sync while the next is
/// being written.
const SYNCS_IN_FLIGHT: usize = 2;

/// A blob that is durable on a majority.
#[derive(Debug)]
pub struct Written {
    /// Where it is.
    pub data: DataRef,
    /// Nodes without a complete copy.
    pub missing: Vec<NodeNumber>,
}

/// How many copies make a majority.
const fn majority(replicas: usize) -> usize {
    replicas / 2 + 1
}

/// Waits for results until all are there, or a majority is good and the grace
/// is over. Gives those that came.
async fn gather<T>(
    mut running: FuturesUnordered<impl Future<Output = (usize, Result<T, NodeError>)>>,
    quorum: usize,
) -> Vec<(usize, Result<T, NodeError>)> {
    let mut results = Vec::with_capacity(running.len());
    let mut good = 0;
    while good < quorum {
        let Some(result) = running.next().await else {
            return results;
        };
        good += usize::from(result.1.is_ok());
        results.push(result);
    }
    let rest = async {
        while let Some(result) = running.next().await {
            results.push(result);
        }
    };
    if tokio::time::timeout(STRAGGLER_GRACE, rest).await.is_err() {
        tracing::warn!("a storage node fell behind the others");
    }
    results
}

/// Stores a blob of at most [`super::SMALL_MAX_BYTES`] as one record.
pub async fn write_small(
    targets: &[(NodeNumber, NodeClient)],
    object: ObjectId,
    lease: Lease,
    payload: Bytes,
) -> Result<Written, Error> {
    let data = DataRef {
        object,
        size: payload.len() as u64,
        extent_bytes: EXTENT_SIZE_BYTES,
        replicas: replicas_of(targets),
    };
    let key = record_key(&data, 0);
    if let [(node, client)] = targets {
        return match client.put(key, lease, payload).await {
            Ok(()) => Ok(Written {
                data,
                missing: Vec::new(),
            }),
            Err(error) => Err(refused(*node, &error)),
        };
    }
    let running = FuturesUnordered::new();
    for (index, (_, client)) in targets.iter().enumerate() {
        let payload = payload.clone();
        running.push(async move { (index, client.put(key, lease, payload).await) });
    }
    let quorum = majority(targets.len());
    let results = gather(running, quorum).await;
    let good: Vec<usize> = good_ones(&results).collect();
    if good.len() < quorum {
        return Err(first_error(targets, &results));
    }
    Ok(Written {
        data,
        missing: others(targets, &good),
    })
}

fn replicas_of(targets: &[(NodeNumber, NodeClient)]) -> u8 {
    u8::try_from(targets.len()).unwrap_or(u8::MAX)
}

fn good_ones<T>(results: &[(usize, Result<T, NodeError>)]) -> impl Iterator<Item = usize> {
    results
        .iter()
        .filter(|(_, result)| result.is_ok())
        .map(|(index, _)| *index)
}

fn others(targets: &[(NodeNumber, NodeClient)], good: &[usize]) -> Vec<NodeNumber> {
    let others = targets
        .iter()
        .enumerate()
        .filter(|(index, _)| !good.contains(index));
    others.map(|(_, (node, _))| *node).collect()
}

fn refused(node: NodeNumber, error: &NodeError) -> Error {
    tracing::warn!(node, %error, "a storage node refused a write");
    write_error(error)
}

/// The reason for the caller when no majority is to be had.
fn first_error<T>(
    targets: &[(NodeNumber, NodeClient)],
    results: &[(usize, Result<T, NodeError>)],
) -> Error {
    let mut answer = Error::Internal;
    for (index, result) in results {
        if let (Err(error), Some((node, _))) = (result, targets.get(*index)) {
            answer = refused(*node, error);
        }
    }
    answer
}

/// One copy of a large blob.
struct Copy {
    node: NodeNumber,
    client: NodeClient,
    /// The extent being written.
    writer: Option<RecordWriter>,
    /// Extents waiting for their sync, the oldest first.
    syncing: Vec<JoinHandle<Result<(), NodeError>>>,
}

/// What is done with each copy.
enum Step<'a> {
    /// Begin an extent of this capacity, after the one before.
    Begin {
        key: RecordKey,
        lease: Lease,
        capacity: u64,
    },
    /// Write to it.
    Write(&'a [Bytes]),
    /// Make everything durable.
    Finish,
}

impl Copy {
    async fn step(&mut self, step: &Step<'_>, syncs: &TaskTracker) -> Result<(), NodeError> {
        match step {
            Step::Begin {
                key,
                lease,
                capacity,
            } => {
                self.end_extent(SYNCS_IN_FLIGHT, syncs).await?;
                self.begin(*key, *lease, *capacity).await
            }
            Step::Write(pieces) => self.write(pieces).await,
            Step::Finish => self.end_extent(0, syncs).await,
        }
    }

    async fn begin(
        &mut self,
        key: RecordKey,
        lease: Lease,
        capacity: u64,
    ) -> Result<(), NodeError> {
        self.writer = Some(self.client.begin(key, lease, capacity).await?);
        Ok(())
    }

    async fn write(&mut self, pieces: &[Bytes]) -> Result<(), NodeError> {
        if let Some(writer) = &mut self.writer {
            for piece in pieces {
                writer.write(piece.clone()).await?;
            }
        }
        Ok(())
    }

    /// Ends the extent; its sync goes on while the next is written.
    async fn end_extent(&mut self, in_flight: usize, syncs: &TaskTracker) -> Result<(), NodeError> {
        if let Some(writer) = self.writer.take() {
            self.syncing.push(syncs.spawn(writer.finish()));
        }
        while self.syncing.len() > in_flight {
            let stopped = |error| NodeError::Io(format!("a sync was given up: {error}").into());
            self.syncing
                .remove(0)
                .await
                .unwrap_or_else(|error| Err(stopped(error)))?;
        }
        Ok(())
    }
}

/// Writes a large blob in extents as its bytes come.
pub struct BlobWriter {
    object: ObjectId,
    lease: Lease,
    replicas: usize,
    copies: Vec<Copy>,
    missing: Vec<NodeNumber>,
    /// Bytes there will be, where known.
    expected: Option<u64>,
    written: u64,
    /// Room left in the extent being written.
    room: u64,
    /// Those who sync extents, also after this was dropped.
    syncs: TaskTracker,
}

impl BlobWriter {
    /// A blob of `expected` bytes, where known, on these nodes. Whoever gives
    /// the blob up waits for `syncs` before it deletes the records.
    pub fn new(
        targets: Vec<(NodeNumber, NodeClient)>,
        object: ObjectId,
        lease: Lease,
        expected: Option<u64>,
        syncs: TaskTracker,
    ) -> Self {
        Self {
            object,
            lease,
            replicas: targets.len(),
            copies: targets
                .into_iter()
                .map(|(node, client)| Copy {
                    node,
                    client,
                    writer: None,
                    syncing: Vec::new(),
                })
                .collect(),
            missing: Vec::new(),
            expected,
            written: 0,
            room: 0,
            syncs,
        }
    }

    /// Takes the next bytes.
    pub async fn write(&mut self, pieces: impl IntoIterator<Item = Bytes>) -> Result<(), Error> {
        let mut batch = Vec::new();
        for mut piece in pieces {
            while !piece.is_empty() {
                if self.room == 0 {
                    self.flush(&mut batch).await?;
                    self.next_extent().await?;
                }
                let room = usize::try_from(self.room).unwrap_or(usize::MAX);
                let part = piece.split_to(piece.len().min(room));
                self.room -= part.len() as u64;
                self.written += part.len() as u64;
                batch.push(part);
            }
        }
        self.flush(&mut batch).await
    }

    /// Makes the blob durable.
    pub async fn finish(mut self) -> Result<Written, Error> {
        self.each(Step::Finish).await?;
        Ok(Written {
            data: DataRef {
                object: self.object,
                size: self.written,
                extent_bytes: EXTENT_SIZE_BYTES,
                replicas: u8::try_from(self.replicas).unwrap_or(u8::MAX),
            },
            missing: self.missing,
        })
    }

    async fn flush(&mut self, batch: &mut Vec<Bytes>) -> Result<(), Error> {
        let pieces = std::mem::take(batch);
        if pieces.is_empty() {
            return Ok(());
        }
        self.each(Step::Write(&pieces)).await
    }

    async fn next_extent(&mut self) -> Result<(), Error> {
        let rest = self
            .expected
            .map(|expected| expected.saturating_sub(self.written));
        let capacity = rest
            .unwrap_or(EXTENT_SIZE_BYTES)
            .clamp(1, EXTENT_SIZE_BYTES);
        let key = RecordKey {
            object: self.object,
            extent: u32::try_from(self.written / EXTENT_SIZE_BYTES)
                .map_err(|_| Error::EntityTooLarge)?,
            shard: 0,
        };
        self.room = capacity;
        let lease = self.lease;
        self.each(Step::Begin {
            key,
            lease,
            capacity,
        })
        .await
    }

    /// Does a step on each copy; drops those that fail it.
    async fn each(&mut self, step: Step<'_>) -> Result<(), Error> {
        let quorum = majority(self.replicas);
        let (step, syncs) = (&step, &self.syncs);
        if let [copy] = self.copies.as_mut_slice()
            && quorum == 1
        {
            let done = copy.step(step, syncs).await;
            return done.map_err(|error| refused(copy.node, &error));
        }
        let running = FuturesUnordered::new();
        for (index, copy) in self.copies.iter_mut().enumerate() {
            running.push(async move { (index, copy.step(step, syncs).await) });
        }
        let results = gather(running, quorum).await;
        let good: Vec<usize> = good_ones(&results).collect();
        let mut answer = Error::Internal;
        for (index, result) in &results {
            if let (Err(error), Some(copy)) = (result, self.copies.get(*index)) {
                answer = refused(copy.node, error);
            }
        }
        let mut index = 0;
        let missing = &mut self.missing;
        self.copies.retain(|copy| {
            let keep = good.contains(&index);
            index += 1;
            if !keep {
                missing.push(copy.node);
            }
            keep
        });
        if good.len() < quorum {
            Err(answer)
        } else {
            Ok(())
        }
    }
}
