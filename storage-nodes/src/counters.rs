//! What a node counts, for its status and for the metrics of the process.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Counts since the node was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CounterValues {
    /// Records made durable.
    pub records_written: u64,
    /// Payload bytes made durable.
    pub bytes_written: u64,
    /// Payload bytes read.
    pub bytes_read: u64,
    /// Tombstones made durable.
    pub records_deleted: u64,
    /// Times that a volume was synced.
    pub fsyncs: u64,
    /// Records that did not match their checksums when they were read or scrubbed.
    pub corrupt_records: u64,
    /// Volumes that were sealed.
    pub volumes_sealed: u64,
    /// Volumes that compaction emptied and removed.
    pub volumes_removed: u64,
    /// Disk space that this gave back.
    pub reclaimed_bytes: u64,
    /// Checkpoints of the index.
    pub checkpoints: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    records_written: AtomicU64,
    bytes_written: AtomicU64,
    bytes_read: AtomicU64,
    records_deleted: AtomicU64,
    fsyncs: AtomicU64,
    corrupt_records: AtomicU64,
    volumes_sealed: AtomicU64,
    volumes_removed: AtomicU64,
    reclaimed_bytes: AtomicU64,
    checkpoints: AtomicU64,
}

/// What a record takes beside its payload, about.
const FRAME_BYTES: u64 = 192;

impl Counters {
    /// A sync that made `records` records with `bytes` payload bytes durable.
    pub fn synced(&self, records: u64, bytes: u64) {
        self.fsyncs.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("concierge_storage_nodes_fsyncs_total").increment(1);
        if records == 0 {
            return;
        }
        self.records_written.fetch_add(records, Ordering::Relaxed);
        self.bytes_written.fetch_add(bytes, Ordering::Relaxed);
        metrics::counter!("concierge_storage_nodes_records_written_total").increment(records);
        metrics::counter!("concierge_storage_nodes_written_bytes_total").increment(bytes);
        metrics::histogram!("concierge_storage_nodes_batch_records").record(records as f64);
    }

    pub fn deleted(&self, records: u64) {
        self.records_deleted.fetch_add(records, Ordering::Relaxed);
        metrics::counter!("concierge_storage_nodes_records_deleted_total").increment(records);
    }

    pub fn read(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
        metrics::counter!("concierge_storage_nodes_read_bytes_total").increment(bytes);
    }

    pub fn corrupt_found(&self) {
        self.corrupt_records.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("concierge_storage_nodes_corrupt_records_total").increment(1);
    }

    /// Bytes appended to volumes, about.
    pub fn appended_bytes(&self) -> u64 {
        let records = self.records_written.load(Ordering::Relaxed)
            + self.records_deleted.load(Ordering::Relaxed);
        self.bytes_written.load(Ordering::Relaxed) + FRAME_BYTES * records
    }

    pub fn volume_sealed(&self) {
        self.volumes_sealed.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("concierge_storage_nodes_volumes_sealed_total").increment(1);
    }

    /// Compaction removed a volume that took so many bytes.
    pub fn volume_removed(&self, bytes: u64) {
        self.volumes_removed.fetch_add(1, Ordering::Relaxed);
        self.reclaimed_bytes.fetch_add(bytes, Ordering::Relaxed);
        metrics::counter!("concierge_storage_nodes_volumes_removed_total").increment(1);
        metrics::counter!("concierge_storage_nodes_reclaimed_bytes_total").increment(bytes);
    }

    pub fn checkpoint_made(&self) {
        self.checkpoints.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("concierge_storage_nodes_checkpoints_total").increment(1);
    }

    pub fn values(&self) -> CounterValues {
        CounterValues {
            records_written: self.records_written.load(Ordering::Relaxed),
            bytes_written: self.bytes_written.load(Ordering::Relaxed),
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            records_deleted: self.records_deleted.load(Ordering::Relaxed),
            fsyncs: self.fsyncs.load(Ordering::Relaxed),
            corrupt_records: self.corrupt_records.load(Ordering::Relaxed),
            volumes_sealed: self.volumes_sealed.load(Ordering::Relaxed),
            volumes_removed: self.volumes_removed.load(Ordering::Relaxed),
            reclaimed_bytes: self.reclaimed_bytes.load(Ordering::Relaxed),
            checkpoints: self.checkpoints.load(Ordering::Relaxed),
        }
    }
}
