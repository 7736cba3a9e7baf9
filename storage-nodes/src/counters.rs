//! What a node counts, for its status and for the metrics of the process.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Counts since the node was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    records_written: AtomicU64,
    bytes_written: AtomicU64,
    bytes_read: AtomicU64,
    records_deleted: AtomicU64,
    fsyncs: AtomicU64,
    corrupt_records: AtomicU64,
}

impl Counters {
    /// A sync that made `records` records with `bytes` payload bytes durable.
    pub fn synced(&self, records: u64, bytes: u64) {
        self.fsyncs.fetch_add(1, Ordering::Relaxed);
        self.records_written.fetch_add(records, Ordering::Relaxed);
        self.bytes_written.fetch_add(bytes, Ordering::Relaxed);
        metrics::counter!("concierge_storage_nodes_fsyncs_total").increment(1);
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

    pub fn values(&self) -> CounterValues {
        CounterValues {
            records_written: self.records_written.load(Ordering::Relaxed),
            bytes_written: self.bytes_written.load(Ordering::Relaxed),
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            records_deleted: self.records_deleted.load(Ordering::Relaxed),
            fsyncs: self.fsyncs.load(Ordering::Relaxed),
            corrupt_records: self.corrupt_records.load(Ordering::Relaxed),
        }
    }
}
