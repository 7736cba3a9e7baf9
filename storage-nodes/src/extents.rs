//! Large records: regions reserved in extent volumes, written as the bytes come, and one thread that syncs for
//! all that wait.

use std::{
    collections::BTreeMap,
    io::{self, IoSlice},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::{
    checksum::{Crc32c, crc32c},
    error::{NodeError, is_full},
    format::{
        BLOCK_BYTES, RECORD_HEADER_BYTES, RecordHeader, RecordKind, Trailer, VolumeKind,
        encode_table, header_crc, table_offset, trailer_offset,
    },
    index::Entry,
    key::{Lease, RecordKey},
    packed::{Reply, closed},
    shared::Shared,
    space::Purpose,
    volume::{Phase, Volume},
};

/// Commits that share a sync at most, so that the memory of their last bytes is bounded.
const BATCH_COMMITS: usize = 256;
/// Regions that may be open at once: a writer holds some hundred KiB, and more at once only wait for each other.
const OPEN_REGIONS: usize = 1024;

/// A reserved region of an extent volume. Given up when it is dropped without being committed.
#[derive(Debug)]
pub(crate) struct Region {
    pub volume: Arc<Volume>,
    pub key: RecordKey,
    pub lease: Lease,
    pub offset: u64,
    pub capacity: u64,
    header_crc: [u8; 4],
    _permit: Permit,
}

/// One of the regions that may be open.
#[derive(Debug)]
struct Permit(Arc<AtomicUsize>);

impl Permit {
    fn take(open: &Arc<AtomicUsize>) -> Result<Self, NodeError> {
        let permit = Self(open.clone());
        if open.fetch_add(1, Ordering::Relaxed) < OPEN_REGIONS {
            Ok(permit)
        } else {
            Err(NodeError::Busy)
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Region {
    /// Where the payload begins.
    pub fn payload_offset(&self) -> u64 {
        self.offset + RECORD_HEADER_BYTES
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // Dead space from now on: it counts as such because it never became live.
        self.volume.state().open_regions.remove(&self.offset);
    }
}

/// The checksums of a payload's blocks, as it streams past.
#[derive(Default)]
pub(crate) struct BlockChecksums {
    done: Vec<u32>,
    running: Option<Crc32c>,
    in_block: u64,
}

impl BlockChecksums {
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = (BLOCK_BYTES - self.in_block) as usize;
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.running.get_or_insert_with(Crc32c::new).update(now);
            self.in_block += now.len() as u64;
            if self.in_block == BLOCK_BYTES {
                self.close_block();
            }
            bytes = later;
        }
    }

    fn close_block(&mut self) {
        if let Some(crc) = self.running.take() {
            self.done.push(crc.finish());
        }
        self.in_block = 0;
    }

    pub fn finish(mut self) -> Vec<u32> {
        self.close_block();
        self.done
    }
}

/// Where regions come from: the one extent volume that takes new ones.
#[derive(Debug)]
pub(crate) struct Reserver {
    active: Mutex<Option<Arc<Volume>>>,
    open: Arc<AtomicUsize>,
}

impl Reserver {
    pub fn new(shared: &Shared) -> Self {
        Self {
            active: Mutex::new(shared.open_volume(VolumeKind::Extents)),
            open: Arc::default(),
        }
    }

    /// Reserves a region and writes its header, so that the chain of headers leads past it. Blocks.
    pub fn reserve(
        &self,
        shared: &Shared,
        key: RecordKey,
        lease: Lease,
        capacity: u64,
        purpose: Purpose,
    ) -> Result<Region, NodeError> {
        shared.check_writable()?;
        let permit = Permit::take(&self.open)?;
        let bytes = VolumeKind::Extents.region_bytes(capacity);
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let volume = Self::volume_with_room(&mut active, shared, bytes, purpose)?;
        let offset = volume.state().end;
        volume.make_room(
            offset + bytes,
            shared.options.allocation_step_bytes(),
            &shared.space,
            purpose,
        )?;
        let header = RecordHeader {
            kind: RecordKind::Data,
            key,
            lease,
            data_shards: 1,
            parity_shards: 0,
            offset,
            capacity,
            serial: rand::random(),
        };
        let encoded = header.encode(volume.header.marker);
        volume
            .file
            .pwritev(&mut [IoSlice::new(&encoded)], offset)
            .map_err(|error| {
                if !is_full(&error) {
                    shared.stop_writing(&format!(
                        "writing volume {} failed: {error}",
                        volume.header.id
                    ));
                }
                NodeError::from_io(&error)
            })?;
        let mut state = volume.state();
        state.end = offset + bytes;
        state.open_regions.insert(offset);
        drop(state);
        Ok(Region {
            header_crc: header_crc(&encoded),
            _permit: permit,
            volume,
            key,
            lease,
            offset,
            capacity,
        })
    }

    fn volume_with_room(
        active: &mut Option<Arc<Volume>>,
        shared: &Shared,
        bytes: u64,
        purpose: Purpose,
    ) -> Result<Arc<Volume>, NodeError> {
        if let Some(volume) = active {
            let mut state = volume.state();
            let fits =
                state.end + bytes <= shared.options.volume_size_bytes || state.record_bytes() == 0;
            if fits && state.phase == Phase::Open {
                drop(state);
                return Ok(volume.clone());
            }
            if state.phase == Phase::Open {
                state.phase = Phase::Full;
            }
        }
        let made = shared.volumes.create(
            VolumeKind::Extents,
            shared.files.as_ref(),
            &shared.space,
            purpose,
        );
        let volume = made.inspect_err(|error| {
            if !matches!(error, NodeError::Full) {
                shared.stop_writing(&format!("a new volume could not be made: {error}"));
            }
        })?;
        Ok(active.insert(volume).clone())
    }

    /// The active volume takes no more, so that compaction may have it. Blocks.
    pub fn roll(&self) {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(volume) = active.take() {
            let mut state = volume.state();
            if state.phase == Phase::Open {
                state.phase = Phase::Full;
            }
        }
    }

    /// Gives back what the active volume had reserved beyond its end. Blocks.
    pub fn trim(&self, shared: &Shared) -> io::Result<()> {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        match &*active {
            Some(volume) if shared.check_writable().is_ok() => volume.trim(&shared.space),
            _ => Ok(()),
        }
    }
}

/// Writes payload bytes into a region. Blocks.
pub(crate) fn write_payload(region: &Region, at: u64, parts: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
    region
        .volume
        .file
        .pwritev(&mut slices, region.payload_offset() + at)
}

/// A region whose payload is complete.
pub(crate) struct Commit {
    pub region: Region,
    /// The last bytes of the payload, not written yet …
    pub rest: Vec<Bytes>,
    /// … and where they belong in it.
    pub rest_at: u64,
    pub length: u64,
    pub block_crcs: Vec<u32>,
    /// A copy by compaction keeps its sequence, and takes the place of this entry.
    pub copy_of: Option<Entry>,
    pub reply: Reply,
}

/// The way to the thread that syncs.
#[derive(Clone, Debug)]
pub(crate) struct CommitQueue(Sender<Message>);

/// What the thread that syncs receives.
pub(crate) enum Message {
    Commit(Commit),
    /// The node closes: what was submitted before is committed, then the thread ends.
    Stop,
}

impl CommitQueue {
    /// The queue is bounded by the writers: each has at most one commit in it, and holds its own last bytes.
    pub fn new() -> (Self, Receiver<Message>) {
        let (sender, receiver) = channel();
        (Self(sender), receiver)
    }

    pub fn submit(&self, commit: Commit) -> Result<(), NodeError> {
        self.0.send(Message::Commit(commit)).map_err(|_| closed())
    }

    /// Ends the thread, after all that was submitted before.
    pub fn stop(&self) {
        let _ = self.0.send(Message::Stop);
    }

    /// Commits and waits, on a thread that may block.
    pub fn submit_blocking(&self, make: impl FnOnce(Reply) -> Commit) -> Result<(), NodeError> {
        let (reply, answer) = oneshot::channel();
        self.submit(make(reply))?;
        answer.blocking_recv().unwrap_or_else(|_| Err(closed()))
    }
}

/// Runs until [`Message::Stop`].
pub(crate) fn run(shared: &Shared, queue: &Receiver<Message>) {
    let mut stopping = false;
    while !stopping {
        let Ok(first) = queue.recv() else { break };
        let mut by_volume: BTreeMap<u32, Vec<Commit>> = BTreeMap::new();
        for message in std::iter::once(first)
            .chain(queue.try_iter())
            .take(BATCH_COMMITS)
        {
            match message {
                Message::Commit(commit) => by_volume
                    .entry(commit.region.volume.header.id)
                    .or_default()
                    .push(commit),
                Message::Stop => stopping = true,
            }
        }
        for commits in by_volume.into_values() {
            settle(shared, commits);
        }
    }
}

/// Writes the ends of some records of one volume, syncs it once, and makes them visible.
fn settle(shared: &Shared, commits: Vec<Commit>) {
    let Some(volume) = commits.first().map(|commit| commit.region.volume.clone()) else {
        return;
    };
    let keys = commits.iter().map(|commit| commit.region.key).collect();
    let flight = shared.in_flight.take_off(keys);
    let mut written = Vec::with_capacity(commits.len());
    for commit in commits {
        let outcome = shared
            .check_writable()
            .and_then(|()| write_end(shared, &volume, &commit));
        match outcome {
            Ok(Some(entry)) => written.push((commit, entry)),
            Ok(None) => drop(commit.reply.send(Ok(()))),
            Err(error) => drop(commit.reply.send(Err(error))),
        }
    }
    if written.is_empty() {
        return;
    }
    // Every header below was written before this sync begins.
    let chain_end = volume.state().end;
    if let Err(error) = volume.file.fdatasync() {
        shared.stop_writing(&format!(
            "syncing volume {} failed: {error}",
            volume.header.id
        ));
        let error = shared.check_writable().err().unwrap_or_else(closed);
        return written.into_iter().for_each(|(commit, _)| {
            let _ = commit.reply.send(Err(error.clone()));
        });
    }
    let bytes = written.iter().map(|(commit, _)| commit.length).sum();
    shared.counters.synced(written.len() as u64, bytes);
    let replies = make_visible(shared, &volume, chain_end, written);
    drop(flight);
    replies
        .into_iter()
        .for_each(|reply| drop(reply.send(Ok(()))));
}

fn make_visible(
    shared: &Shared,
    volume: &Volume,
    chain_end: u64,
    written: Vec<(Commit, Entry)>,
) -> Vec<Reply> {
    let _visible_at_once = shared.settling();
    {
        let mut state = volume.state();
        state.settled_round += 1;
        state.settled_end = chain_end;
    }
    let settle_one = |(commit, entry): (Commit, Entry)| {
        match commit.copy_of {
            Some(from) => shared.install_copy(commit.region.key, &from, entry),
            None => shared.install(commit.region.key, entry),
        }
        // Only now: a checkpoint looks again at regions that are open, and so at records that are not indexed.
        drop(commit.region);
        commit.reply
    };
    written.into_iter().map(settle_one).collect()
}

/// Writes what is left of the payload, then the block table and the trailer. `None`: it is a copy of a record that
/// was replaced or deleted meanwhile, and nothing was written.
fn write_end(
    shared: &Shared,
    volume: &Volume,
    commit: &Commit,
) -> Result<Option<Entry>, NodeError> {
    let region = &commit.region;
    if let Some(from) = commit.copy_of
        && !shared
            .index
            .get(&region.key)
            .is_some_and(|now| now.same_place(&from))
    {
        return Ok(None);
    }
    let sequence = commit
        .copy_of
        .map_or_else(|| shared.next_sequence(), |from| from.sequence);
    let lengths = (commit.length, region.capacity);
    let entry = Entry::new(
        volume.header.id,
        region.offset,
        lengths,
        region.lease,
        sequence,
    )
    .ok_or(NodeError::TooLarge {
        limit_bytes: crate::format::MAX_RECORD_BYTES,
    })?;
    let (settled_round, settled_end) = {
        let state = volume.state();
        (state.settled_round, state.settled_end)
    };
    let mut tail = encode_table(&commit.block_crcs);
    let table_crc = crc32c(&tail);
    tail.resize(
        (trailer_offset(region.capacity) - table_offset(region.capacity)) as usize,
        0,
    );
    let trailer = Trailer {
        sequence,
        length: commit.length,
        round: settled_round + 1,
        settled_round,
        settled_end,
        table_crc,
    };
    tail.extend_from_slice(&trailer.encode(region.header_crc));
    let write = || {
        if !commit.rest.is_empty() {
            write_payload(region, commit.rest_at, &commit.rest)?;
        }
        volume.file.pwritev(
            &mut [IoSlice::new(&tail)],
            region.offset + table_offset(region.capacity),
        )
    };
    write().map_err(|error| {
        if !is_full(&error) {
            shared.stop_writing(&format!(
                "writing volume {} failed: {error}",
                volume.header.id
            ));
        }
        NodeError::from_io(&error)
    })?;
    Ok(Some(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_checksums_do_not_depend_on_the_pieces() {
        let payload: Vec<u8> = (0..(3 * BLOCK_BYTES + 17))
            .map(|n| (n * 31 % 251) as u8)
            .collect();
        let expected: Vec<u32> = payload.chunks(BLOCK_BYTES as usize).map(crc32c).collect();
        for piece in [1000, BLOCK_BYTES as usize, 200_000, payload.len()] {
            let mut checksums = BlockChecksums::default();
            payload
                .chunks(piece)
                .for_each(|bytes| checksums.update(bytes));
            assert_eq!(checksums.finish(), expected, "pieces of {piece}");
        }
        assert!(BlockChecksums::default().finish().is_empty());
    }
}
