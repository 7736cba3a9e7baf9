//! The store's face: one method for each function of `concierge:objects`.

mod blobs;
mod buckets;
mod listing;
mod multipart;
mod options;

pub use options::{NodeId, NodeSpec, ObjectStoreOptions};

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use serde::Serialize;

use crate::error::Error;

/// An S3-compatible object store: the rules about buckets, objects, versions
/// and uploads, over a catalogue and storage nodes.
pub struct ObjectStore {}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {}

/// How the store is doing.
#[derive(Debug, Clone, Serialize)]
pub struct Status {}

/// The bytes of an answer, verified block by block. An error means that the
/// rest cannot be given; what came before it was right.
pub struct ObjectStream {}

impl Stream for ObjectStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(None)
    }
}

impl ObjectStore {
    /// Opens the store in a directory, creating it if there is none.
    pub async fn open(_options: ObjectStoreOptions) -> Result<Arc<Self>, OpenError> {
        todo!()
    }

    /// Starts collecting garbage, completing replicas, repairing and moving.
    /// Once; later calls do nothing. Needs a tokio runtime that lives as long.
    pub fn start_background(self: &Arc<Self>) {
        todo!()
    }

    /// How the store is doing: shards, nodes, background work.
    pub async fn status(&self) -> Status {
        todo!()
    }

    /// Stops the background work and waits until what was accepted is written.
    pub async fn shutdown(&self) {
        todo!()
    }
}
