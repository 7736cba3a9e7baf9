//! Compaction: what lives in a volume is copied to others.
//!
//! Copies keep their sequence, so it does not matter which of the two a start finds, or whether it finds both. A
//! record is copied only when all of it is good: a bad one stays where it is, and its file with it, until it is
//! replaced from another node or deleted.

use std::{collections::HashSet, io, ops::ControlFlow, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::Upkeep;
use crate::{
    checksum::crc32c,
    ending::Pace,
    error::NodeError,
    extents::{Commit, write_payload},
    format::{
        BLOCK_BYTES, RECORD_HEADER_BYTES, RecordHeader, RecordKind, VOLUME_HEADER_BYTES, VolumeKind,
    },
    index::{Entry, key_hash},
    key::RecordKey,
    options::PACKED_LIMIT_BYTES,
    packed::{Operation, closed},
    read::read_blocking,
    scan::{Found, walk},
    space::Purpose,
    volume::{Phase, Volume},
};

/// Small copies that wait for one sync.
const GROUP_COPIES: usize = 256;
/// Their bytes, so that clients' writes do not wait long behind them.
const GROUP_BYTES: u64 = 4 * 1024 * 1024;
/// Large records are copied in pieces of so many blocks.
const PIECE_BLOCKS: usize = 16;

impl Upkeep {
    /// Copies all that lives in a volume to others. False: some of it could not be, or the node ends.
    pub(super) fn empty(
        &self,
        volume: &Arc<Volume>,
        pace: &mut Pace<'_>,
    ) -> Result<bool, NodeError> {
        // Nothing is added to it any more, and this is the only thread that cuts it.
        let unsealed = volume.state().phase == Phase::Full;
        if unsealed {
            volume
                .trim(&self.shared.space)
                .map_err(|error| NodeError::from_io(&error))?;
        }
        let mut emptying = Emptying {
            upkeep: self,
            volume,
            needed: self.shared.volumes.needed_tombstones(volume),
            pace,
            group: Vec::new(),
            group_bytes: 0,
            left: false,
        };
        let mut outcome = Ok(());
        let walked = walk(
            &*volume.file,
            &volume.header,
            VOLUME_HEADER_BYTES,
            &mut |found| match emptying.take(found) {
                Ok(flow) => flow,
                Err(error) => {
                    outcome = Err(error);
                    ControlFlow::Break(())
                }
            },
        );
        let flushed = emptying.flush();
        let walked = walked.map_err(|error| NodeError::from_io(&error))?;
        outcome.and(flushed)?;
        let ended = self.shared.ending.pause(Duration::ZERO).is_break();
        if !ended && !emptying.left && walked.chain < volume.state().end {
            // Where no header follows, the walk ends as at a torn tail; and here is none.
            emptying.damaged(walked.chain);
        }
        let left = emptying.left;
        let mut state = volume.state();
        let emptied = !ended && !left && state.live_bytes == 0 && !state.damaged;
        if !emptied && !ended {
            state.stuck_at_bytes = Some(state.live_bytes);
        }
        Ok(emptied)
    }
}

struct Emptying<'a, 'p> {
    upkeep: &'a Upkeep,
    volume: &'a Arc<Volume>,
    needed: HashSet<u64>,
    pace: &'a mut Pace<'p>,
    /// Answers to small copies on their way.
    group: Vec<oneshot::Receiver<Result<(), NodeError>>>,
    group_bytes: u64,
    /// Something could not be copied.
    left: bool,
}

impl Emptying<'_, '_> {
    fn take(&mut self, found: Found) -> Result<ControlFlow<()>, NodeError> {
        match found {
            Found::Record {
                header,
                trailer,
                block_crcs,
            } => {
                let hash = key_hash(&header.key);
                if header.kind == RecordKind::Tombstone {
                    if self.needed.contains(&hash) {
                        self.copy_tombstone(header.key, trailer.sequence)?;
                    }
                    return Ok(self.pace.spend(self.volume.region_bytes(0)));
                }
                let Some(entry) = self.entry_of(&header) else {
                    return Ok(self.pace.spend(0));
                };
                let copied = if trailer.length <= PACKED_LIMIT_BYTES {
                    self.copy_small(header.key, entry)
                } else {
                    self.copy_large(header.key, entry, &block_crcs)
                };
                match copied {
                    Err(NodeError::Corrupt { .. }) => self.left = true,
                    other => other?,
                }
                Ok(self.pace.spend(trailer.length))
            }
            Found::Unfinished { header } => {
                let packed = self.volume.header.kind == VolumeKind::Packed;
                if self.entry_of(&header).is_some() {
                    self.upkeep.shared.corrupt(header.key);
                    self.left = true;
                } else if packed {
                    self.damaged(header.offset);
                }
                Ok(ControlFlow::Continue(()))
            }
            Found::Gap { from, .. } => {
                self.damaged(from);
                Ok(ControlFlow::Break(()))
            }
            Found::Seal { .. } => Ok(ControlFlow::Continue(())),
        }
    }

    /// The index's entry of a record, if that is the one in this place.
    fn entry_of(&self, header: &RecordHeader) -> Option<Entry> {
        let entry = self.upkeep.shared.index.get(&header.key)?;
        let here = (entry.volume, entry.offset()) == (self.volume.header.id, header.offset);
        here.then_some(entry)
    }

    fn damaged(&mut self, offset: u64) {
        self.left = true;
        self.volume.state().damaged = true;
        let id = self.volume.header.id;
        tracing::error!(volume = id, offset, "a volume is damaged");
        let shared = &self.upkeep.shared;
        shared.note_error(&format!("volume {id} is damaged at {offset}"));
    }

    fn copy_tombstone(&mut self, key: RecordKey, sequence: u64) -> Result<(), NodeError> {
        self.submit(0, |reply| Operation::CopyTombstone {
            key,
            sequence,
            reply,
        })
    }

    fn copy_small(&mut self, key: RecordKey, from: Entry) -> Result<(), NodeError> {
        let shared = &self.upkeep.shared;
        let payload = read_blocking(shared, key, from, self.volume.clone())?;
        self.submit(payload.len() as u64, |reply| Operation::Copy {
            key,
            from,
            payload,
            reply,
        })
    }

    fn submit(
        &mut self,
        bytes: u64,
        make: impl FnOnce(crate::packed::Reply) -> Operation,
    ) -> Result<(), NodeError> {
        self.group.push(self.upkeep.packed.submit_blocking(make)?);
        self.group_bytes += bytes;
        if self.group.len() >= GROUP_COPIES || self.group_bytes >= GROUP_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Waits for the small copies on their way.
    fn flush(&mut self) -> Result<(), NodeError> {
        self.group_bytes = 0;
        let mut outcome = Ok(());
        for answer in self.group.drain(..) {
            let answer = answer.blocking_recv().unwrap_or_else(|_| Err(closed()));
            outcome = outcome.and(answer);
        }
        outcome
    }

    fn copy_large(
        &mut self,
        key: RecordKey,
        from: Entry,
        block_crcs: &[u32],
    ) -> Result<(), NodeError> {
        let upkeep = self.upkeep;
        let shared = &upkeep.shared;
        let length = u64::from(from.length);
        let region = upkeep
            .reserver
            .reserve(shared, key, from.lease, length, Purpose::Reclaim)?;
        let mut done = 0;
        for crcs in block_crcs.chunks(PIECE_BLOCKS) {
            let wanted = (crcs.len() as u64 * BLOCK_BYTES).min(length - done);
            let at = from.offset() + RECORD_HEADER_BYTES + done;
            let piece = self.volume.file.read_vec(wanted as usize, at);
            let piece = piece.map_err(|error| NodeError::from_io(&error))?;
            let sums = piece.chunks(BLOCK_BYTES as usize).map(crc32c);
            if piece.len() as u64 != wanted || !sums.eq(crcs.iter().copied()) {
                return Err(shared.corrupt(key));
            }
            let written: io::Result<()> = write_payload(&region, done, &[Bytes::from(piece)]);
            written.map_err(|error| NodeError::from_io(&error))?;
            done += wanted;
        }
        if done != length {
            return Err(shared.corrupt(key));
        }
        upkeep.commits.submit_blocking(|reply| Commit {
            region,
            rest: Vec::new(),
            rest_at: length,
            length,
            block_crcs: block_crcs.to_vec(),
            copy_of: Some(from),
            reply,
        })
    }
}
