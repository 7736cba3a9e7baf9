//! Orphans: records on the nodes that nothing names, left by uploads that a
//! crash or a lost connection ended.
//!
//! Nothing is guessed from age. A record is an orphan only if the catalogue
//! does not know its blob and its lease says that whoever wrote it is done:
//! written by an earlier start of this host; or by this one, and not in the set
//! of uploads in progress. A record of another host is that host's to judge.
//!
//! The order of the three looks matters: first the node's list, then the
//! uploads, then the catalogue. A blob that was listed was being uploaded or
//! was named by then; and an upload that has left the set since was named
//! before it left.

use std::collections::BTreeSet;

use concierge_storage_nodes::{NodeClient, ObjectId, RecordInfo, RecordKey};

use super::Pace;
use crate::data::is_claim;
use crate::error::Error;
use crate::store::Inner;

/// Records looked at in one step.
const PAGE_RECORDS: u32 = 1000;

impl Inner {
    /// Looks at every record of every node, and deletes orphans.
    pub(crate) async fn collect_orphans(&self, pace: Pace) -> Result<(), Error> {
        // A shard that stopped may have written what it does not show: until
        // the next start nothing can be said to be unknown.
        if self
            .catalogue
            .status()
            .await?
            .iter()
            .any(|shard| shard.stopped)
        {
            return Ok(());
        }
        for (node, client) in self.nodes.all() {
            if !self.is_ours(*node, client).await {
                continue;
            }
            let mut after = None;
            loop {
                let records = match client.list(after, PAGE_RECORDS).await {
                    Ok(records) => records,
                    Err(error) => {
                        tracing::warn!(node, %error, "the records of a storage node cannot be listed");
                        break;
                    }
                };
                let Some(last) = records.last() else { break };
                after = Some(last.key);
                pace.scanned(records.len()).await;
                self.delete_orphans(client, &records).await?;
            }
        }
        Ok(())
    }

    async fn delete_orphans(
        &self,
        client: &NodeClient,
        records: &[RecordInfo],
    ) -> Result<(), Error> {
        let suspects: BTreeSet<ObjectId> = records
            .iter()
            .filter(|record| self.is_done(record))
            .map(|record| record.key.object)
            .collect();
        let suspects: Vec<_> = suspects.into_iter().collect();
        let known = self.catalogue.data(suspects.clone()).await?;
        let mut held = Vec::new();
        let orphans: BTreeSet<ObjectId> = suspects
            .into_iter()
            .zip(known)
            .filter(|(_, data)| data.is_none())
            .filter_map(|(object, _)| {
                // One that is still being read is garbage, and comes again.
                held.push(self.uses.delete(object)?);
                Some(object)
            })
            .collect();
        let keys: Vec<RecordKey> = records
            .iter()
            .filter(|record| orphans.contains(&record.key.object) && self.is_done(record))
            .map(|record| record.key)
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        let count = keys.len() as u64;
        match client.delete(keys).await {
            Ok(()) => self.progress.orphans_collected.add(count),
            Err(error) => tracing::warn!(%error, "orphans stay on a storage node"),
        }
        Ok(())
    }

    /// Whether whoever wrote a record is done with it.
    fn is_done(&self, record: &RecordInfo) -> bool {
        let lease = record.lease;
        !is_claim(&record.key)
            && lease.host == self.lease.host
            && (lease.epoch < self.lease.epoch
                || lease.epoch == self.lease.epoch && !self.uses.is_uploading(record.key.object))
    }
}
