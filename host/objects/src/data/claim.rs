//! Whose a storage node is.
//!
//! The collector of orphans deletes what its catalogue does not know. Over the
//! nodes of another store, or of this one after its catalogue was lost, that
//! would be everything. So each node has one record that says which store it
//! belongs to and under which number; it is written when the store first uses
//! the node. A store refuses to open over nodes that are another's, and deletes
//! nothing from a node that it has not seen to be its own.
//!
//! The record: 16 bytes the store's id, 4 bytes the node's number, big-endian.

use bytes::Bytes;
use concierge_storage_nodes::{Lease, NodeClient, NodeError, ObjectId, RecordKey};
use futures::StreamExt;
use uuid::Uuid;

use crate::placement::NodeNumber;

/// The record's key; no blob has the nil id.
const CLAIM: RecordKey = RecordKey {
    object: ObjectId(Uuid::nil()),
    extent: 0,
    shard: 0,
};

const CLAIM_BYTES: u64 = 20;

/// Whether a record is a claim and not a blob's.
pub fn is_claim(key: &RecordKey) -> bool {
    key.object == CLAIM.object
}

/// What a node says of whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// This store's, under this number.
    Ours,
    /// Of this other store, or of this one under this other number.
    Other(Uuid, NodeNumber),
}

/// Reads whose a node is; claims it if it is nobody's.
pub async fn claim(
    client: &NodeClient,
    store: Uuid,
    node: NodeNumber,
    lease: Lease,
) -> Result<Claim, NodeError> {
    if client.stat(CLAIM).await?.is_none() {
        let mut payload = store.as_bytes().to_vec();
        payload.extend_from_slice(&node.to_be_bytes());
        client.put(CLAIM, lease, Bytes::from(payload)).await?;
        return Ok(Claim::Ours);
    }
    let mut stream = client.read(CLAIM, 0..CLAIM_BYTES).await?;
    let mut payload = Vec::new();
    while let Some(bytes) = stream.next().await {
        payload.extend_from_slice(&bytes?);
    }
    let (found, number) =
        parse(&payload).ok_or_else(|| NodeError::Protocol("the node's claim is not one".into()))?;
    if (found, number) == (store, node) {
        Ok(Claim::Ours)
    } else {
        Ok(Claim::Other(found, number))
    }
}

fn parse(payload: &[u8]) -> Option<(Uuid, NodeNumber)> {
    let (store, number) = payload.split_at_checked(16)?;
    let number = NodeNumber::from_be_bytes(number.try_into().ok()?);
    Some((Uuid::from_slice(store).ok()?, number))
}
