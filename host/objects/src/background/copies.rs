//! Copies: those missing since the acknowledgement, and bad ones.
//!
//! A copy is only ever written from another that was verified block by block
//! on the way, and a bad one is replaced, not deleted first: until the good
//! bytes are durable nothing is taken away.

use bytes::{Bytes, BytesMut};
use concierge_storage_nodes::{NodeClient, NodeError, RecordKey};
use futures::StreamExt;
use tokio::sync::mpsc;

use super::Pace;
use crate::catalogue::{DataRef, MissingReplica};
use crate::data::{BadCopy, SMALL_MAX_BYTES, record_key};
use crate::error::Error;
use crate::placement::NodeNumber;
use crate::store::Inner;

/// Missing copies taken at once.
const PAGE_MISSING: usize = 256;

/// What became of an attempt to write a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copied {
    /// It is there now.
    Written,
    /// It was there.
    Present,
    /// No other node has a good one.
    NoSource,
    /// A node could not be used; another time.
    Later,
}

impl Inner {
    /// Writes the copies that nodes lack.
    pub(crate) async fn complete_copies(&self, pace: Pace) -> Result<(), Error> {
        for shard in 0..self.catalogue.shards() {
            let mut after = None;
            loop {
                let lacks = self.catalogue.missing(shard, after, PAGE_MISSING).await?;
                let Some(last) = lacks.last() else { break };
                after = Some(*last);
                let objects = lacks.iter().map(|lack| lack.object).collect();
                let known = self.catalogue.data(objects).await?;
                let mut done = Vec::new();
                for (lack, data) in lacks.into_iter().zip(known) {
                    if self.make_good(lack, data, pace).await {
                        done.push(lack);
                    }
                }
                if !done.is_empty() {
                    self.catalogue.forget_missing(shard, done).await?;
                }
            }
        }
        Ok(())
    }

    /// Whether a lack is one no longer.
    async fn make_good(&self, lack: MissingReplica, data: Option<DataRef>, pace: Pace) -> bool {
        // Deleted meanwhile, or another node's to have now.
        let Some(data) = data else { return true };
        if !self.nodes.is_target(&data, lack.node) {
            return true;
        }
        match self.complete_copy(&data, lack.node, pace).await {
            Copied::Written => {
                self.progress.copies_completed.add(1);
                true
            }
            Copied::Present => true,
            Copied::NoSource | Copied::Later => false,
        }
    }

    /// Writes what a node lacks of a blob.
    pub(super) async fn complete_copy(
        &self,
        data: &DataRef,
        node: NodeNumber,
        pace: Pace,
    ) -> Copied {
        // While it is held the collector does not delete it, so that nothing
        // is written behind its back.
        let Some(_held) = self.uses.read([data.object]) else {
            return Copied::Later;
        };
        let Some(client) = self.nodes.client(node) else {
            return Copied::Later;
        };
        let mut outcome = Copied::Present;
        for extent in 0..data.extents() {
            let length = data.extent_len(extent);
            match client.stat(record_key(data, extent)).await {
                Ok(Some(info)) if info.length == length => continue,
                Ok(_) => {}
                Err(_) => return Copied::Later,
            }
            match self.copy_extent(data, extent, node, client).await {
                Copied::Written | Copied::Present => outcome = Copied::Written,
                failed => return failed,
            }
            pace.copied(length).await;
        }
        outcome
    }

    /// Writes one record of a blob to a node, from whichever other node has it.
    async fn copy_extent(
        &self,
        data: &DataRef,
        extent: u32,
        node: NodeNumber,
        target: &NodeClient,
    ) -> Copied {
        let key = record_key(data, extent);
        let length = data.extent_len(extent);
        let mut outcome = Copied::NoSource;
        for (other, source) in self.nodes.candidates(data) {
            if other == node {
                continue;
            }
            match self.copy_record(key, length, &source, target).await {
                Ok(()) => return Copied::Written,
                Err(
                    NodeError::NotFound | NodeError::Corrupt { .. } | NodeError::OutOfRange { .. },
                ) => {}
                Err(error) => {
                    tracing::debug!(%key, from = other, to = node, %error, "a copy was not made");
                    outcome = Copied::Later;
                }
            }
        }
        outcome
    }

    async fn copy_record(
        &self,
        key: RecordKey,
        length: u64,
        source: &NodeClient,
        target: &NodeClient,
    ) -> Result<(), NodeError> {
        let mut stream = source.read(key, 0..length).await?;
        if length <= SMALL_MAX_BYTES {
            let mut all = BytesMut::new();
            while let Some(bytes) = stream.next().await {
                all.extend_from_slice(&bytes?);
            }
            check_length(all.len() as u64, length)?;
            return target.put(key, self.lease, Bytes::from(all)).await;
        }
        let mut writer = target.begin(key, self.lease, length).await?;
        let mut written = 0;
        while let Some(bytes) = stream.next().await {
            let bytes = bytes?;
            written += bytes.len() as u64;
            writer.write(bytes).await?;
        }
        check_length(written, length)?;
        writer.finish().await
    }

    /// Repairs what the nodes' scrubs and reads have found.
    pub(crate) async fn repair_damaged(&self, pace: Pace) -> Result<(), Error> {
        for (node, client) in self.nodes.all() {
            let Ok(damaged) = client.damaged().await else {
                continue;
            };
            let objects = damaged.iter().map(|key| key.object).collect();
            let known = self.catalogue.data(objects).await?;
            for (key, data) in damaged.into_iter().zip(known) {
                // One that nothing names is an orphan or garbage.
                let Some(data) = data else { continue };
                self.repair(data, key.extent, *node).await;
                pace.copied(data.extent_len(key.extent)).await;
            }
        }
        Ok(())
    }

    /// Repairs what reads report, as they report it.
    pub(crate) async fn repair_reported(&self, mut reports: mpsc::Receiver<BadCopy>) {
        while let Some(bad) = reports.recv().await {
            self.repair_report(bad).await;
            Pace::SLOW.copied(bad.data.extent_len(bad.extent)).await;
        }
    }

    /// Repairs a copy that a read reported.
    pub(crate) async fn repair_report(&self, bad: BadCopy) {
        let known = self.catalogue.data(vec![bad.data.object]).await;
        let still = known.is_ok_and(|known| known.first().is_some_and(Option::is_some));
        if still && self.nodes.is_target(&bad.data, bad.node) {
            self.repair(bad.data, bad.extent, bad.node).await;
        }
    }

    async fn repair(&self, data: DataRef, extent: u32, node: NodeNumber) {
        let (Some(_held), Some(client)) = (self.uses.read([data.object]), self.nodes.client(node))
        else {
            return;
        };
        let key = record_key(&data, extent);
        // Several reads may have reported it, and one repair is enough.
        if is_good(client, key, data.extent_len(extent)).await {
            return;
        }
        match self.copy_extent(&data, extent, node, client).await {
            Copied::Written | Copied::Present => {
                tracing::info!(%key, node, "a bad copy was written anew");
                self.progress.copies_repaired.add(1);
            }
            Copied::NoSource => {
                tracing::error!(%key, node, "a copy is bad, and there is no good one");
                self.progress.copies_beyond_repair.add(1);
            }
            Copied::Later => tracing::warn!(%key, node, "a bad copy waits to be repaired"),
        }
    }
}

/// Whether a node has a record, and all of it can be read.
async fn is_good(client: &NodeClient, key: RecordKey, length: u64) -> bool {
    let Ok(mut stream) = client.read(key, 0..length).await else {
        return false;
    };
    let mut read = 0;
    while let Some(bytes) = stream.next().await {
        match bytes {
            Ok(bytes) => read += bytes.len() as u64,
            Err(_) => return false,
        }
    }
    read == length
}

fn check_length(found: u64, expected: u64) -> Result<(), NodeError> {
    if found == expected {
        Ok(())
    } else {
        Err(NodeError::Protocol("a record ended early".into()))
    }
}
