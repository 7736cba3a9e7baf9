//! Small records and tombstones: one thread writes all that wait in one write and one sync (group commit).
//!
//! While a sync runs, the next batch gathers in the queue, so the batches grow with the load by themselves.

use std::{
    collections::HashMap,
    io::IoSlice,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::{
    checksum::crc32c,
    error::{NodeError, is_full},
    format::{RecordHeader, RecordKind, Trailer, VolumeKind, encode_table, header_crc},
    index::{Entry, key_hash},
    key::{Lease, RecordKey},
    shared::Shared,
    space::Purpose,
    volume::{Phase, Volume},
};

/// Operations that may wait: a few seconds of work for a slow disk, beyond which "busy" is the better answer.
const QUEUE_OPERATIONS: usize = 8192;
/// Payload bytes that may wait, so that the queue's memory is bounded whatever the sizes.
const QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// Operations written at once.
const BATCH_OPERATIONS: usize = 1024;
/// Payload bytes written at once: a few milliseconds of a disk, so that nobody waits long for others' bytes.
const BATCH_BYTES: u64 = 4 * 1024 * 1024;

pub(crate) type Reply = oneshot::Sender<Result<(), NodeError>>;

/// What the thread is asked to make durable.
pub(crate) enum Operation {
    Put {
        key: RecordKey,
        lease: Lease,
        payload: Bytes,
        reply: Reply,
    },
    Delete {
        keys: Vec<RecordKey>,
        reply: Reply,
    },
    /// Compaction: a record moves here, keeping its sequence, if it is still where `from` says.
    Copy {
        key: RecordKey,
        from: Entry,
        payload: Bytes,
        reply: Reply,
    },
    /// Compaction: a tombstone moves here, keeping its sequence.
    CopyTombstone {
        key: RecordKey,
        sequence: u64,
        reply: Reply,
    },
    /// The open volume takes no more, so that compaction may have it.
    Roll {
        reply: Reply,
    },
    /// The node closes: what was queued before is written, then the thread ends.
    Stop,
}

impl Operation {
    fn payload_bytes(&self) -> u64 {
        match self {
            Self::Put { payload, .. } | Self::Copy { payload, .. } => payload.len() as u64,
            Self::Delete { .. } | Self::CopyTombstone { .. } | Self::Roll { .. } | Self::Stop => 0,
        }
    }

    fn purpose(&self) -> Purpose {
        if matches!(self, Self::Put { .. }) {
            Purpose::Data
        } else {
            Purpose::Reclaim
        }
    }

    /// Callers that went away do not want their answer.
    fn answer(self, outcome: Result<(), NodeError>) {
        match self {
            Self::Put { reply, .. }
            | Self::Delete { reply, .. }
            | Self::Copy { reply, .. }
            | Self::CopyTombstone { reply, .. }
            | Self::Roll { reply } => drop(reply.send(outcome)),
            Self::Stop => {}
        }
    }
}

/// The way to the thread.
#[derive(Clone, Debug)]
pub(crate) struct PackedQueue {
    sender: SyncSender<Operation>,
    waiting_bytes: Arc<AtomicUsize>,
}

impl PackedQueue {
    pub fn new() -> (Self, PackedReceiver) {
        let (sender, receiver) = sync_channel(QUEUE_OPERATIONS);
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        (
            Self {
                sender,
                waiting_bytes: waiting_bytes.clone(),
            },
            PackedReceiver {
                receiver,
                waiting_bytes,
            },
        )
    }

    /// Hands an operation over, or says that too many wait.
    pub fn submit(&self, operation: Operation) -> Result<(), NodeError> {
        let bytes = operation.payload_bytes() as usize;
        let before = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let sent = if before + bytes > QUEUE_BYTES {
            Err(NodeError::Busy)
        } else {
            self.sender.try_send(operation).map_err(refused)
        };
        sent.inspect_err(|_| {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        })
    }

    /// Hands over an operation, waiting for room in the queue, on a thread that may block. Gives its answer-to-be.
    pub fn submit_blocking(
        &self,
        make: impl FnOnce(Reply) -> Operation,
    ) -> Result<oneshot::Receiver<Result<(), NodeError>>, NodeError> {
        let (reply, answer) = oneshot::channel();
        let operation = make(reply);
        self.waiting_bytes
            .fetch_add(operation.payload_bytes() as usize, Ordering::Relaxed);
        self.sender.send(operation).map_err(|_| closed())?;
        Ok(answer)
    }

    /// Ends the thread, after all that was submitted before.
    pub fn stop(&self) {
        let _ = self.sender.send(Operation::Stop);
    }

    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes.load(Ordering::Relaxed)
    }
}

fn refused(error: TrySendError<Operation>) -> NodeError {
    match error {
        TrySendError::Full(_) => NodeError::Busy,
        TrySendError::Disconnected(_) => closed(),
    }
}

/// The node was closed.
pub(crate) fn closed() -> NodeError {
    NodeError::Stopped("the node is closed".into())
}

pub(crate) struct PackedReceiver {
    receiver: Receiver<Operation>,
    waiting_bytes: Arc<AtomicUsize>,
}

/// Runs until [`Operation::Stop`].
pub(crate) fn run(shared: &Shared, queue: &PackedReceiver) {
    let mut writer = PackedWriter {
        shared,
        volume: shared.open_volume(VolumeKind::Packed),
        writable: true,
    };
    let queue_bytes = metrics::gauge!("concierge_storage_nodes_queue_bytes", "node" => shared.volumes.node().to_string());
    let batch_bytes = BATCH_BYTES.min(shared.options.volume_size_bytes / 4);
    let mut stopping = false;
    while !stopping {
        let Ok(first) = queue.receiver.recv() else {
            break;
        };
        let mut bytes = first.payload_bytes();
        let mut batch = vec![first];
        while batch.len() < BATCH_OPERATIONS && bytes < batch_bytes {
            let Ok(next) = queue.receiver.try_recv() else {
                break;
            };
            bytes += next.payload_bytes();
            batch.push(next);
        }
        queue_bytes.set(queue.waiting_bytes.load(Ordering::Relaxed) as f64);
        stopping = batch
            .iter()
            .any(|operation| matches!(operation, Operation::Stop));
        writer.commit(batch);
        queue
            .waiting_bytes
            .fetch_sub(bytes as usize, Ordering::Relaxed);
    }
    if let Some(volume) = &writer.volume
        && shared.check_writable().is_ok()
        && let Err(error) = volume.trim(&shared.space)
    {
        tracing::warn!(%error, "could not give back unused space of a volume");
    }
}

struct PackedWriter<'a> {
    shared: &'a Shared,
    volume: Option<Arc<Volume>>,
    writable: bool,
}

/// One record of a batch, placed.
struct Planned {
    key: RecordKey,
    kind: RecordKind,
    payload: Bytes,
    entry: Entry,
    /// A copy: where it came from.
    from: Option<Entry>,
}

/// A batch, ready to be written at one place.
struct Plan {
    records: Vec<Planned>,
    /// Headers, tables, trailers and padding, one after the other …
    frames: Vec<u8>,
    /// … and where in them each record's payload belongs.
    payload_at: Vec<usize>,
    start: u64,
    end: u64,
}

impl PackedWriter<'_> {
    fn commit(&mut self, batch: Vec<Operation>) {
        if !self.writable {
            return answer(
                batch,
                &self.shared.check_writable().err().unwrap_or_else(closed),
            );
        }
        if let Err(error) = self.shared.check_writable() {
            return answer(batch, &error);
        }
        let idle =
            |operation: &Operation| matches!(operation, Operation::Roll { .. } | Operation::Stop);
        if batch.iter().all(idle) {
            self.roll(&batch);
            return answer_done(batch);
        }
        let purpose = if batch
            .iter()
            .any(|operation| operation.purpose() == Purpose::Data)
        {
            Purpose::Data
        } else {
            Purpose::Reclaim
        };
        match self.write(&batch, purpose) {
            Ok(()) => answer_done(batch),
            // No room for new data: what gives space back must still get through.
            Err(NodeError::Full) if purpose == Purpose::Data => {
                let (data, reclaim): (Vec<_>, Vec<_>) = batch
                    .into_iter()
                    .partition(|operation| operation.purpose() == Purpose::Data);
                answer(data, &NodeError::Full);
                if !reclaim.is_empty() {
                    self.commit(reclaim);
                }
            }
            Err(error) => answer(batch, &error),
        }
    }

    fn write(&mut self, batch: &[Operation], purpose: Purpose) -> Result<(), NodeError> {
        let upper_bound: u64 = batch.iter().map(size_bound).sum();
        let volume = self.volume_with_room(upper_bound, purpose)?;
        if let Some(plan) = self.plan(batch, &volume) {
            let step = self.shared.options.allocation_step_bytes();
            volume.make_room(plan.end, step, &self.shared.space, purpose)?;
            self.store(&volume, &plan)?;
            self.settle(&volume, plan);
        }
        self.roll(batch);
        Ok(())
    }

    /// Ends the volume if that was asked for.
    fn roll(&mut self, batch: &[Operation]) {
        let asked = |operation: &Operation| matches!(operation, Operation::Roll { .. });
        if batch.iter().any(asked)
            && let Some(volume) = self.volume.take()
        {
            volume.state().phase = Phase::Full;
        }
    }

    fn volume_with_room(&mut self, bytes: u64, purpose: Purpose) -> Result<Arc<Volume>, NodeError> {
        if let Some(volume) = &self.volume {
            let mut state = volume.state();
            let fits = state.end + bytes <= self.shared.options.volume_size_bytes
                || state.record_bytes() == 0;
            if fits && state.phase == Phase::Open {
                drop(state);
                return Ok(volume.clone());
            }
            if state.phase == Phase::Open {
                state.phase = Phase::Full;
            }
        }
        let shared = self.shared;
        let made = shared.volumes.create(
            VolumeKind::Packed,
            shared.files.as_ref(),
            &shared.space,
            purpose,
        );
        let volume = made.inspect_err(|error| self.stop_unless_full(error))?;
        Ok(self.volume.insert(volume).clone())
    }

    /// Places every record of the batch; `None` when there is nothing to write.
    fn plan(&self, batch: &[Operation], volume: &Volume) -> Option<Plan> {
        let (start, settled_round) = {
            let state = volume.state();
            (state.end, state.settled_round)
        };
        let mut planner = Planner {
            shared: self.shared,
            volume,
            plan: Plan {
                records: Vec::new(),
                frames: Vec::new(),
                payload_at: Vec::new(),
                start,
                end: start,
            },
            settled_round,
            fresh: HashMap::new(),
        };
        for operation in batch {
            planner.add(operation);
        }
        (!planner.plan.records.is_empty()).then_some(planner.plan)
    }

    fn store(&mut self, volume: &Volume, plan: &Plan) -> Result<(), NodeError> {
        let mut parts = Vec::with_capacity(2 * plan.records.len() + 1);
        let mut rest = plan.frames.as_slice();
        let mut taken = 0;
        for (record, at) in plan.records.iter().zip(&plan.payload_at) {
            let (frame, after) = rest.split_at_checked(at - taken).unwrap_or((rest, &[]));
            (rest, taken) = (after, *at);
            parts.push(IoSlice::new(frame));
            parts.push(IoSlice::new(&record.payload));
        }
        parts.push(IoSlice::new(rest));
        if let Err(error) = volume.file.pwritev(&mut parts, plan.start) {
            return Err(self.undo(volume, &error));
        }
        volume.file.fdatasync().map_err(|error| {
            self.writable = false;
            self.shared.stop_writing(&format!(
                "syncing volume {} failed: {error}",
                volume.header.id
            ));
            self.shared.check_writable().err().unwrap_or_else(closed)
        })
    }

    /// A write failed half-way. On a full disk what it left is cut off, so that no reader ever takes it for
    /// records; after any other failure the node stops, and the next start finds what there is.
    fn undo(&mut self, volume: &Volume, error: &std::io::Error) -> NodeError {
        if is_full(error) && volume.trim(&self.shared.space).is_ok() {
            return NodeError::Full;
        }
        self.writable = false;
        self.shared.stop_writing(&format!(
            "writing volume {} failed: {error}",
            volume.header.id
        ));
        self.shared.check_writable().err().unwrap_or_else(closed)
    }

    fn stop_unless_full(&self, error: &NodeError) {
        if !matches!(error, NodeError::Full) {
            self.shared
                .stop_writing(&format!("a new volume could not be made: {error}"));
        }
    }

    /// The batch is durable: makes it visible.
    fn settle(&self, volume: &Volume, plan: Plan) {
        let _visible_at_once = self.shared.settling();
        let (mut data, mut bytes, mut deleted) = (0, 0, 0);
        let mut tombstones = Vec::new();
        for record in plan.records {
            if record.kind == RecordKind::Tombstone {
                deleted += 1;
                tombstones.push(key_hash(&record.key));
                self.shared.remove(&record.key, record.entry.sequence);
                continue;
            }
            data += 1;
            bytes += record.payload.len() as u64;
            match record.from {
                Some(from) => self.shared.install_copy(record.key, &from, record.entry),
                None => self.shared.install(record.key, record.entry),
            }
        }
        let mut state = volume.state();
        state.settled_round += 1;
        state.end = plan.end;
        state.settled_end = plan.end;
        state.tombstones.extend(tombstones);
        drop(state);
        self.shared.counters.synced(data, bytes);
        self.shared.counters.deleted(deleted);
    }
}

/// At most this many bytes of a volume are needed for an operation.
fn size_bound(operation: &Operation) -> u64 {
    let region = VolumeKind::Packed.region_bytes(operation.payload_bytes());
    match operation {
        Operation::Delete { keys, .. } => region * keys.len() as u64,
        Operation::Roll { .. } | Operation::Stop => 0,
        _ => region,
    }
}

struct Planner<'a> {
    shared: &'a Shared,
    volume: &'a Volume,
    plan: Plan,
    settled_round: u64,
    /// Keys that this batch puts (true) or deletes (false), which the index does not know yet.
    fresh: HashMap<RecordKey, bool>,
}

impl Planner<'_> {
    fn add(&mut self, operation: &Operation) {
        match operation {
            Operation::Put {
                key,
                lease,
                payload,
                ..
            } => {
                self.shared.in_flight.wait_for(key);
                self.fresh.insert(*key, true);
                let sequence = self.shared.next_sequence();
                self.place(
                    *key,
                    *lease,
                    RecordKind::Data,
                    payload.clone(),
                    sequence,
                    None,
                );
            }
            Operation::Delete { keys, .. } => keys.iter().for_each(|key| self.add_tombstone(*key)),
            Operation::Copy {
                key, from, payload, ..
            } => {
                if self
                    .shared
                    .index
                    .get(key)
                    .is_some_and(|entry| entry.same_place(from))
                {
                    self.place(
                        *key,
                        from.lease,
                        RecordKind::Data,
                        payload.clone(),
                        from.sequence,
                        Some(*from),
                    );
                }
            }
            Operation::CopyTombstone { key, sequence, .. } => {
                self.place(
                    *key,
                    NO_LEASE,
                    RecordKind::Tombstone,
                    Bytes::new(),
                    *sequence,
                    None,
                );
            }
            Operation::Roll { .. } | Operation::Stop => {}
        }
    }

    fn add_tombstone(&mut self, key: RecordKey) {
        self.shared.in_flight.wait_for(&key);
        let exists = self
            .fresh
            .get(&key)
            .copied()
            .unwrap_or_else(|| self.shared.index.get(&key).is_some());
        if exists {
            self.fresh.insert(key, false);
            let sequence = self.shared.next_sequence();
            self.place(
                key,
                NO_LEASE,
                RecordKind::Tombstone,
                Bytes::new(),
                sequence,
                None,
            );
        }
    }

    fn place(
        &mut self,
        key: RecordKey,
        lease: Lease,
        kind: RecordKind,
        payload: Bytes,
        sequence: u64,
        from: Option<Entry>,
    ) {
        let offset = self.plan.end;
        let length = payload.len() as u64;
        let volume = self.volume.header;
        let Some(entry) = Entry::new(volume.id, offset, (length, length), lease, sequence) else {
            return;
        };
        let header = RecordHeader {
            kind,
            key,
            lease,
            data_shards: 1,
            parity_shards: 0,
            offset,
            capacity: length,
            serial: rand::random(),
        };
        let header = header.encode(volume.marker);
        let block_crc = (length > 0).then(|| crc32c(&payload));
        let table = encode_table(block_crc.as_slice());
        let trailer = Trailer {
            sequence,
            length,
            round: self.settled_round + 1,
            settled_round: self.settled_round,
            settled_end: self.plan.start,
            table_crc: crc32c(&table),
        };
        let frames = &mut self.plan.frames;
        let frame_start = frames.len() as u64;
        frames.extend_from_slice(&header);
        self.plan.payload_at.push(frames.len());
        frames.extend_from_slice(&table);
        frames.extend_from_slice(&trailer.encode(header_crc(&header)));
        let region = volume.kind.region_bytes(length);
        frames.resize((frame_start + region - length) as usize, 0);
        self.plan.end = offset + region;
        self.plan.records.push(Planned {
            key,
            kind,
            payload,
            entry,
            from,
        });
    }
}

/// Tombstones are nobody's.
const NO_LEASE: Lease = Lease { host: 0, epoch: 0 };

fn answer(batch: Vec<Operation>, error: &NodeError) {
    batch
        .into_iter()
        .for_each(|operation| operation.answer(Err(error.clone())));
}

fn answer_done(batch: Vec<Operation>) {
    batch
        .into_iter()
        .for_each(|operation| operation.answer(Ok(())));
}
