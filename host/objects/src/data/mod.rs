//! Blobs on the storage nodes: writing with a majority, reading with failover,
//! and what is in use.

mod claim;
mod nodes;
mod read;
mod uses;
mod write;

pub use claim::{Claim, claim, is_claim};
pub use nodes::Nodes;
pub use read::{BadCopy, BlobReader, ReadError, Segment};
pub use uses::{Deleting, Uploading, Uses};
pub use write::{BlobWriter, Written, write_small};

use concierge_storage_nodes::{NodeError, RecordKey};

use crate::catalogue::DataRef;
use crate::error::Error;

/// Bytes in an extent: what a large blob is cut into. Enough that its one sync
/// costs little beside its bytes; little enough that a lost copy is repaired
/// and a range is found without touching much else.
pub const EXTENT_SIZE_BYTES: u64 = 8 << 20;

/// A blob of at most so many bytes is one record that shares a volume and a
/// sync with others.
pub const SMALL_MAX_BYTES: u64 = concierge_storage_nodes::PACKED_LIMIT_BYTES;

const _: () = assert!(SMALL_MAX_BYTES <= EXTENT_SIZE_BYTES);

/// The key of one extent. Extents are kept whole: there is one shard.
pub fn record_key(data: &DataRef, extent: u32) -> RecordKey {
    RecordKey {
        object: data.object,
        extent,
        shard: 0,
    }
}

/// The keys of a blob's records.
pub fn record_keys(data: &DataRef) -> Vec<RecordKey> {
    (0..data.extents())
        .map(|extent| record_key(data, extent))
        .collect()
}

/// What a caller is told when nodes refuse a write.
fn write_error(error: &NodeError) -> Error {
    match error {
        NodeError::Full => Error::InsufficientStorage,
        NodeError::Busy => Error::SlowDown,
        _ => Error::Internal,
    }
}
