//! Sealing: a volume that takes no more records gets a last one with a checksum over all bytes before it.

use std::io::{self, IoSlice};

use crate::{
    checksum::crc32c,
    ending::Pace,
    error::NodeError,
    format::{RecordHeader, RecordKind, Trailer, encode_table, header_crc},
    key::{Lease, ObjectId, RecordKey},
    scan::file_checksum,
    shared::Shared,
    space::Purpose,
    volume::{Phase, Volume},
};

/// Seals all volumes that are finished.
pub(super) fn seal_finished(shared: &Shared, pace: &mut Pace<'_>) -> Result<(), NodeError> {
    for volume in shared.volumes.all() {
        if super::is_sealable(&volume) && !seal(shared, &volume, pace)? {
            break;
        }
    }
    Ok(())
}

/// Seals a volume; false when it was broken off.
fn seal(shared: &Shared, volume: &Volume, pace: &mut Pace<'_>) -> Result<bool, NodeError> {
    let (offset, settled_round) = {
        let state = volume.state();
        (state.end, state.settled_round)
    };
    let end = offset + volume.region_bytes(0);
    volume.make_room(end, volume.region_bytes(0), &shared.space, Purpose::Reclaim)?;
    // Regions that were given up hold bytes that nobody synced; the checksum is over them too.
    sync(shared, volume)?;
    let crc64 = match file_checksum(&*volume.file, offset, |bytes| pace.spend(bytes)) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(false),
        checksum => checksum.map_err(|error| NodeError::from_io(&error))?,
    };
    let record = seal_record(shared, volume, offset, crc64, settled_round);
    let written = volume
        .file
        .pwritev(&mut [IoSlice::new(&record)], offset)
        .and_then(|()| volume.file.truncate(end));
    written.map_err(|error| NodeError::from_io(&error))?;
    sync(shared, volume)?;
    let allocated = {
        let mut state = volume.state();
        state.phase = Phase::Sealed {
            crc64,
            seal_offset: offset,
        };
        state.end = end;
        state.settled_end = end;
        state.settled_round += 1;
        std::mem::replace(&mut state.allocated, end)
    };
    shared.space.give_back(allocated.saturating_sub(end));
    shared.counters.volume_sealed();
    tracing::debug!(volume = volume.header.id, "sealed a volume");
    Ok(true)
}

fn sync(shared: &Shared, volume: &Volume) -> Result<(), NodeError> {
    volume.file.fdatasync().map_err(|error| {
        shared.stop_writing(&format!(
            "syncing volume {} failed: {error}",
            volume.header.id
        ));
        NodeError::from_io(&error)
    })?;
    shared.counters.synced(0, 0);
    Ok(())
}

fn seal_record(
    shared: &Shared,
    volume: &Volume,
    offset: u64,
    crc64: u64,
    settled_round: u64,
) -> Vec<u8> {
    let header = RecordHeader {
        kind: RecordKind::Seal(crc64),
        key: RecordKey {
            object: ObjectId(uuid::Uuid::nil()),
            extent: 0,
            shard: 0,
        },
        lease: Lease { host: 0, epoch: 0 },
        data_shards: 0,
        parity_shards: 0,
        offset,
        capacity: 0,
        serial: rand::random(),
    };
    let mut bytes = header.encode(volume.header.marker);
    let trailer = Trailer {
        sequence: shared.next_sequence(),
        length: 0,
        round: settled_round + 1,
        settled_round,
        settled_end: offset,
        table_crc: crc32c(&encode_table(&[])),
    };
    let bound_to = header_crc(&bytes);
    bytes.extend_from_slice(&trailer.encode(bound_to));
    bytes.resize(volume.region_bytes(0) as usize, 0);
    bytes
}
