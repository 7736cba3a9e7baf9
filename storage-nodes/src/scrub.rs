//! Verification of what is stored.

use std::sync::Arc;

use crate::{
    checksum::crc32c,
    error::NodeError,
    format::{
        BLOCK_BYTES, RECORD_HEADER_BYTES, RecordHeader, RecordKind, TRAILER_BYTES, decode_tail,
        header_crc, table_offset, trailer_offset,
    },
    index::Entry,
    key::RecordKey,
    shared::Shared,
    status::Verified,
    volume::Volume,
};

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
pub(crate) fn verify_record(
    shared: &Shared,
    key: RecordKey,
    entry: &Entry,
) -> Result<bool, NodeError> {
    let good = match shared.volumes.get(entry.volume) {
        Some(volume) => {
            record_is_good(&volume, key, entry).map_err(|error| NodeError::from_io(&error))?
        }
        None => false,
    };
    Ok(good
        || shared
            .index
            .get(&key)
            .is_none_or(|now| !now.same_place(entry)))
}

fn record_is_good(volume: &Volume, key: RecordKey, entry: &Entry) -> std::io::Result<bool> {
    let capacity = u64::from(entry.capacity);
    let encoded = volume
        .file
        .read_vec(RECORD_HEADER_BYTES as usize, entry.offset())?;
    let Ok(header) = RecordHeader::decode(&encoded, volume.header.marker, entry.offset()) else {
        return Ok(false);
    };
    if header.key != key || header.kind != RecordKind::Data || header.capacity != capacity {
        return Ok(false);
    }
    let tail_bytes = trailer_offset(capacity) + TRAILER_BYTES - table_offset(capacity);
    let tail = volume
        .file
        .read_vec(tail_bytes as usize, entry.offset() + table_offset(capacity))?;
    let Ok((crcs, trailer)) = decode_tail(&tail, capacity, header_crc(&encoded)) else {
        return Ok(false);
    };
    if trailer.sequence != entry.sequence || trailer.length != u64::from(entry.length) {
        return Ok(false);
    }
    let (start, mut done) = (entry.offset() + RECORD_HEADER_BYTES, 0);
    for crc in crcs {
        let wanted = BLOCK_BYTES.min(trailer.length - done);
        let block = volume.file.read_vec(wanted as usize, start + done)?;
        if block.len() as u64 != wanted || crc32c(&block) != crc {
            return Ok(false);
        }
        done += wanted;
    }
    Ok(true)
}
