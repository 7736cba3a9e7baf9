//! Moving: after a change of the cluster map, everything is brought to its new
//! place; then the earlier maps are forgotten.

use super::Pace;
use super::copies::Copied;
use crate::catalogue::DataRef;
use crate::data::record_keys;
use crate::error::Error;
use crate::placement::Placement;
use crate::store::Inner;

/// Blobs looked at in one step.
const PAGE_BLOBS: usize = 256;

impl Inner {
    /// Brings every blob to its place, and forgets the earlier maps when all
    /// are there.
    pub(crate) async fn move_data(&self, pace: Pace) -> Result<(), Error> {
        if !self.nodes.placement().moving() {
            return Ok(());
        }
        let mut all_there = true;
        for shard in 0..self.catalogue.shards() {
            let mut after = None;
            loop {
                let blobs = self.catalogue.scan_data(shard, after, PAGE_BLOBS).await?;
                let Some(last) = blobs.last() else { break };
                after = Some(last.object);
                pace.scanned(blobs.len()).await;
                for data in blobs {
                    all_there &= self.move_blob(&data, pace).await;
                }
            }
        }
        if all_there {
            self.forget_earlier_maps().await?;
        }
        Ok(())
    }

    /// Whether a blob is wholly at its new place and no longer at an old one.
    async fn move_blob(&self, data: &DataRef, pace: Pace) -> bool {
        let placement = self.nodes.placement();
        let targets = placement.targets(data.object, data.replicas);
        let mut moved = false;
        for node in targets {
            match self.complete_copy(data, *node, pace).await {
                Copied::Present => {}
                Copied::Written => moved = true,
                Copied::NoSource | Copied::Later => return false,
            }
        }
        let mut left = true;
        for node in self.nodes.holders(data) {
            if targets.contains(&node) {
                continue;
            }
            // A node that was taken away keeps what it has.
            if let Some(client) = self.nodes.client(node)
                && let Err(error) = client.delete(record_keys(data)).await
            {
                tracing::warn!(node, %error, "a moved blob stays at its old place too");
                left = false;
            }
        }
        self.progress.blobs_moved.add(u64::from(moved));
        left
    }

    async fn forget_earlier_maps(&self) -> Result<(), Error> {
        let settled = self.nodes.placement().maps().settled();
        let json = settled.to_json().map_err(|error| {
            tracing::error!(%error, "the cluster map cannot be written");
            Error::Internal
        })?;
        self.catalogue.set_cluster_maps(json).await?;
        tracing::info!(
            version = settled.current.version,
            "all data is at its new place"
        );
        self.nodes.set_placement(Placement::new(settled));
        Ok(())
    }
}
