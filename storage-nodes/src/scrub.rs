//! Verification of what is stored: all the time and slowly, and at once when it is asked for.
//!
//! A sealed volume is read once from end to end and compared with its seal. Only when that does not match, and in
//! volumes that are not sealed yet, each record is looked at.

use std::{
    io,
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    ending::Pace,
    error::NodeError,
    format::{RecordHeader, RecordKind, VOLUME_HEADER_BYTES, VolumeKind},
    index::Entry,
    key::RecordKey,
    scan::{Found, file_checksum, look, payload_is_good, walk},
    shared::Shared,
    status::Verified,
    volume::{Phase, Volume},
};

/// Between two passes of the scrub: a small node need not be read without end.
const PAUSE: Duration = Duration::from_secs(600);
/// Records looked at between looks at the budget.
const PAGE_RECORDS: usize = 256;

/// Reads and verifies records in the order of keys. Blocks.
pub(crate) fn verify(
    shared: &Arc<Shared>,
    after: Option<RecordKey>,
    budget_bytes: u64,
) -> Result<Verified, NodeError> {
    let mut verified = Verified {
        next: after,
        ..Verified::default()
    };
    loop {
        let page = shared.index.list(verified.next, PAGE_RECORDS);
        if page.is_empty() {
            verified.next = None;
            return Ok(verified);
        }
        for (key, entry) in page {
            verified.records += 1;
            verified.bytes += u64::from(entry.length);
            verified.next = Some(key);
            if !verify_record(shared, key, &entry)? {
                shared.corrupt(key);
                verified.damaged.push(key);
            }
            if verified.bytes >= budget_bytes {
                return Ok(verified);
            }
        }
    }
}

/// Whether a record is good. One that was moved, replaced or deleted meanwhile is.
fn verify_record(shared: &Shared, key: RecordKey, entry: &Entry) -> Result<bool, NodeError> {
    let good = match shared.volumes.get(entry.volume) {
        Some(volume) => {
            record_is_good(&volume, key, entry).map_err(|error| NodeError::from_io(&error))?
        }
        None => false,
    };
    Ok(good || !is_at(shared, key, entry))
}

/// Whether a record is still where an entry says.
fn is_at(shared: &Shared, key: RecordKey, entry: &Entry) -> bool {
    let now = shared.index.get(&key);
    now.is_some_and(|now| now.same_place(entry))
}

fn record_is_good(volume: &Volume, key: RecordKey, entry: &Entry) -> io::Result<bool> {
    let found = look(&*volume.file, &volume.header, entry.offset())?;
    let Some(Found::Record {
        header,
        trailer,
        block_crcs,
    }) = found
    else {
        return Ok(false);
    };
    let same = header.key == key
        && header.kind == RecordKind::Data
        && header.capacity == u64::from(entry.capacity)
        && trailer.sequence == entry.sequence
        && trailer.length == u64::from(entry.length);
    Ok(same && payload_is_good(&*volume.file, &header, &trailer, &block_crcs)?)
}

/// Something wrong with a volume file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VolumeFault {
    /// These bytes should be a record, and are none.
    NotRecords {
        /// The volume's file.
        file: String,
        /// Where they begin.
        from: u64,
        /// Where they end.
        to: u64,
    },
    /// The bytes of a sealed volume do not match the checksum in its seal.
    SealBroken {
        /// The volume's file.
        file: String,
    },
}

/// Reads all volumes from end to end. Blocks.
pub(crate) fn check_volumes(shared: &Shared) -> Result<Vec<VolumeFault>, NodeError> {
    let mut faults = Vec::new();
    for volume in shared.volumes.all() {
        let mut pace = Pace::fast(&shared.ending);
        let checked = seal_matches(&volume, &mut pace).and_then(|matches| {
            if !matches {
                let file = volume.name();
                faults.push(VolumeFault::SealBroken { file });
            }
            walk_settled(&volume, &mut |found| {
                faults.extend(fault(shared, &volume, &found));
                ControlFlow::Continue(())
            })
        });
        checked.map_err(|error| NodeError::from_io(&error))?;
    }
    Ok(faults)
}

/// Whether the bytes of a volume match its seal; one that is not sealed does.
fn seal_matches(volume: &Volume, pace: &mut Pace<'_>) -> io::Result<bool> {
    let Phase::Sealed { crc64, seal_offset } = volume.state().phase else {
        return Ok(true);
    };
    match file_checksum(&*volume.file, seal_offset, |bytes| pace.spend(bytes)) {
        // Cut off.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        checksum => Ok(checksum? == crc64),
    }
}

/// Walks what was durable in a volume when this began.
fn walk_settled(
    volume: &Volume,
    found: &mut dyn FnMut(Found) -> ControlFlow<()>,
) -> io::Result<()> {
    let settled_end = volume.state().settled_end;
    let mut flow = ControlFlow::Continue(());
    let end = walk(
        &*volume.file,
        &volume.header,
        VOLUME_HEADER_BYTES,
        &mut |thing| {
            if thing.offset() >= settled_end {
                return ControlFlow::Break(());
            }
            flow = found(thing);
            flow
        },
    )?;
    // Where no header follows, the walk ends as at a torn tail.
    if flow.is_continue() && end.chain < settled_end {
        let _ = found(Found::Gap {
            from: end.chain,
            to: settled_end,
        });
    }
    Ok(())
}

/// What is wrong with a thing that was found where all was durable.
fn fault(shared: &Shared, volume: &Volume, found: &Found) -> Option<VolumeFault> {
    let file = volume.name();
    match found {
        Found::Gap { from, to } => Some(VolumeFault::NotRecords {
            file,
            from: *from,
            to: *to,
        }),
        // In extents it was given up, unless the index knows it.
        Found::Unfinished { header }
            if volume.header.kind == VolumeKind::Packed
                || entry_of(shared, volume, header).is_some_and(|entry| {
                    !record_is_good(volume, header.key, &entry).unwrap_or(false)
                }) =>
        {
            Some(VolumeFault::NotRecords {
                file,
                from: header.offset,
                to: header.offset + volume.region_bytes(header.capacity),
            })
        }
        _ => None,
    }
}

/// The index's entry of a record, if that is the one in this place.
fn entry_of(shared: &Shared, volume: &Volume, header: &RecordHeader) -> Option<Entry> {
    let entry = shared.index.get(&header.key)?;
    let here = (entry.volume, entry.offset()) == (volume.header.id, header.offset);
    here.then_some(entry)
}

/// The scrub: runs until the node ends.
pub(crate) fn run(shared: &Shared) {
    loop {
        if pass(shared).is_break() || shared.ending.pause(PAUSE).is_break() {
            return;
        }
    }
}

/// Reads everything once; `Break` when the node ends.
fn pass(shared: &Shared) -> ControlFlow<()> {
    let mut pace = Pace::slow(&shared.ending, shared.options.scrub_bytes_per_second);
    let progress = &shared.scrub;
    // Ids alone: a volume that is compacted away meanwhile must not be kept open, and its bytes with it.
    let (mut ids, mut total) = (Vec::new(), 0);
    for volume in shared.volumes.all() {
        ids.push(volume.header.id);
        total += volume.state().end;
    }
    progress.done_bytes.store(0, Ordering::Relaxed);
    progress.total_bytes.store(total, Ordering::Relaxed);
    let mut done = 0;
    for id in ids {
        pace.spend(0)?;
        let Some(volume) = shared.volumes.get(id) else {
            continue;
        };
        if let Err(error) = scrub_volume(shared, &volume, &mut pace)
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::error!(volume = id, %error, "a volume cannot be read");
            shared.note_error(&format!("volume {id} cannot be read: {error}"));
            scrub_by_index(shared, &volume, &mut pace)?;
        }
        done += volume.state().end;
        progress.done_bytes.store(done, Ordering::Relaxed);
    }
    progress.total_bytes.store(0, Ordering::Relaxed);
    progress.passes.fetch_add(1, Ordering::Relaxed);
    metrics::counter!("concierge_storage_nodes_scrub_passes_total").increment(1);
    ControlFlow::Continue(())
}

/// Looks at each record where the index says it is: the disk cannot give all of the volume, and what it can
/// give must not go unlooked at, nor what it cannot give untold.
fn scrub_by_index(shared: &Shared, volume: &Volume, pace: &mut Pace<'_>) -> ControlFlow<()> {
    for (key, entry) in shared.index.copies().flatten() {
        if entry.volume != volume.header.id {
            continue;
        }
        if !record_is_good(volume, key, &entry).unwrap_or(false) && is_at(shared, key, &entry) {
            shared.corrupt(key);
        }
        pace.spend(entry.capacity.into())?;
    }
    ControlFlow::Continue(())
}

fn scrub_volume(shared: &Shared, volume: &Arc<Volume>, pace: &mut Pace<'_>) -> io::Result<()> {
    let sealed = matches!(volume.state().phase, Phase::Sealed { .. });
    if sealed && seal_matches(volume, pace)? {
        return Ok(());
    }
    let (mut gaps, mut broken) = (Vec::new(), Ok(()));
    walk_settled(volume, &mut |found| {
        if let Found::Gap { from, to } = found {
            gaps.push(from..to);
        }
        match scrub_record(shared, volume, found, pace) {
            Ok(flow) => flow,
            Err(error) => {
                broken = Err(error);
                ControlFlow::Break(())
            }
        }
    })?;
    broken?;
    let lost = |entry: &Entry| {
        entry.volume == volume.header.id && gaps.iter().any(|gap| gap.contains(&entry.offset()))
    };
    if !gaps.is_empty() {
        volume.state().damaged = true;
        let all = shared.index.copies().flatten();
        all.filter(|(_, entry)| lost(entry))
            .for_each(|(key, _)| drop(shared.corrupt(key)));
    }
    if sealed {
        let id = volume.header.id;
        tracing::error!(volume = id, "a volume does not match its seal");
        shared.note_error(&format!("volume {id} does not match its seal"));
        // Whatever of it is good is worth being elsewhere.
        volume.state().suspect = true;
        shared.ending.wake();
    }
    Ok(())
}

/// Looks at one thing in a volume that may be damaged.
fn scrub_record(
    shared: &Shared,
    volume: &Arc<Volume>,
    found: Found,
    pace: &mut Pace<'_>,
) -> io::Result<ControlFlow<()>> {
    let (header, good) = match &found {
        Found::Record {
            header,
            trailer,
            block_crcs,
        } if header.kind == RecordKind::Data && entry_of(shared, volume, header).is_some() => {
            let good = payload_is_good(&*volume.file, header, trailer, block_crcs)?;
            (header, good)
        }
        Found::Unfinished { header } => (header, false),
        _ => return Ok(ControlFlow::Continue(())),
    };
    if !good {
        if let Some(entry) = entry_of(shared, volume, header) {
            // It may have been finished since the walk read it; what the index has is finished.
            if !record_is_good(volume, header.key, &entry)? {
                shared.corrupt(header.key);
            }
        } else if volume.header.kind == VolumeKind::Packed {
            volume.state().damaged = true;
        }
    }
    Ok(pace.spend(header.capacity))
}
