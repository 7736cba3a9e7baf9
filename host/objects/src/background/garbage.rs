//! Garbage: what was deleted, replaced or given up, by the rows that said so
//! in the same transaction.

use std::collections::BTreeMap;

use concierge_storage_nodes::{ObjectId, RecordKey};

use super::Pace;
use crate::catalogue::Garbage;
use crate::data::{Deleting, record_keys};
use crate::error::Error;
use crate::placement::NodeNumber;
use crate::store::Inner;

/// Blobs deleted with one request to each node and one transaction.
const BATCH_BLOBS: usize = 256;

/// Rows of deleted buckets and old answers removed in one transaction.
const SWEEP_ROWS: usize = 256;

impl Inner {
    /// Deletes from the nodes what nothing names any more, and forgets it.
    /// What is being read, or is on a node that cannot be reached, stays for
    /// the next pass.
    pub(crate) async fn collect_garbage(&self, pace: Pace) -> Result<(), Error> {
        for shard in 0..self.catalogue.shards() {
            self.sweep(shard).await?;
            let mut after = 0;
            loop {
                let batch = self.catalogue.garbage(shard, after, BATCH_BLOBS).await?;
                let Some(end) = batch.last().map(|last| (last.entry, last.last)) else {
                    break;
                };
                let gone = self.delete_garbage(batch).await;
                pace.deleted(gone.iter().map(|garbage| garbage.data.len()).sum())
                    .await;
                // The rest of a manifest comes under the same entry, once its
                // first parts are forgotten.
                let more = !end.1 && gone.iter().any(|garbage| garbage.entry == end.0);
                after = if more { end.0 - 1 } else { end.0 };
                if !gone.is_empty() {
                    self.catalogue.forget_garbage(shard, gone).await?;
                }
            }
        }
        Ok(())
    }

    async fn sweep(&self, shard: usize) -> Result<(), Error> {
        let now_us = self.clock.now_us();
        while self.catalogue.sweep(shard, now_us, SWEEP_ROWS).await? > 0 {}
        Ok(())
    }

    /// Deletes from the nodes; gives what is gone from all of them.
    async fn delete_garbage(&self, batch: Vec<Garbage>) -> Vec<Garbage> {
        let mut held = Vec::new();
        let mut batch = batch;
        batch.retain(|garbage| match self.hold(garbage) {
            Some(holds) => {
                held.extend(holds);
                true
            }
            None => false,
        });
        let mut keys: BTreeMap<NodeNumber, Vec<RecordKey>> = BTreeMap::new();
        for data in batch.iter().flat_map(|garbage| &garbage.data) {
            for node in self.nodes.holders(data) {
                keys.entry(node).or_default().extend(record_keys(data));
            }
        }
        let mut unreachable = Vec::new();
        for (node, keys) in keys {
            let deleted = match self.nodes.client(node) {
                Some(client) => client.delete(keys).await.map_err(|error| error.to_string()),
                None => Err("it is not among the nodes".to_owned()),
            };
            if let Err(error) = deleted {
                tracing::warn!(node, error, "garbage stays on a storage node");
                unreachable.push(node);
            }
        }
        batch.retain(|garbage| {
            let mut holders = garbage
                .data
                .iter()
                .flat_map(|data| self.nodes.holders(data));
            !holders.any(|node| unreachable.contains(&node))
        });
        let blobs: usize = batch.iter().map(|garbage| garbage.data.len()).sum();
        self.progress.blobs_collected.add(blobs as u64);
        batch
    }

    /// Turns readers away from garbage; `None` while one is reading it.
    fn hold(&self, garbage: &Garbage) -> Option<Vec<Deleting>> {
        let manifest = garbage.parts.as_ref().map(|(upload, _)| ObjectId(upload.0));
        let blobs = garbage.data.iter().map(|data| data.object);
        blobs
            .chain(manifest)
            .map(|object| self.uses.delete(object))
            .collect()
    }
}
