//! What a node says of itself.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{counters::CounterValues, key::RecordKey, recover::RecoveryReport};

/// The state of a node. All sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The node's own id, made when its directory was.
    pub node: Uuid,
    /// Records that can be read.
    pub records: u64,
    /// Volume files.
    pub volumes: u64,
    /// How many of them are sealed.
    pub sealed_volumes: u64,
    /// Disk space that the volumes take.
    pub used_bytes: u64,
    /// Of that, the regions of records that can be read, and of tombstones.
    pub live_bytes: u64,
    /// Of that, what compaction can give back (and of tombstones those that are not needed any more).
    pub dead_bytes: u64,
    /// What new data may still take.
    pub free_bytes: u64,
    /// Payload bytes that wait to be written.
    pub queued_bytes: u64,
    /// Records known to be damaged, neither replaced nor deleted since.
    pub damaged_records: u64,
    /// Why the node accepts no more writes, if so.
    pub stopped: Option<String>,
    /// The last errors, oldest first.
    pub recent_errors: Vec<String>,
    /// Counts since the node was opened.
    pub counters: CounterValues,
    /// How far the scrub is.
    #[serde(default)]
    pub scrub: ScrubStatus,
    /// What opening it found.
    pub recovery: RecoveryReport,
}

/// How far the scrub is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrubStatus {
    /// Passes over all volumes since the node was opened.
    pub passes: u64,
    /// Bytes read in the pass that runs.
    pub done_bytes: u64,
    /// Bytes that it is to read; 0 between passes.
    pub total_bytes: u64,
}

/// What one step of verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Records that do not match their checksums.
    pub damaged: Vec<RecordKey>,
    /// Where the next step goes on, or `None` at the end.
    pub next: Option<RecordKey>,
    /// Records that were read.
    pub records: u64,
    /// Bytes that were read.
    pub bytes: u64,
}
