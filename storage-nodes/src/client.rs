//! One way to use a node, wherever it runs.

use std::{
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::Stream;

use crate::{
    error::NodeError,
    key::{Lease, RecordInfo, RecordKey},
    node::Node,
    read::LocalStream,
    remote::{RemoteNode, RemoteStream, RemoteWriter},
    status::{NodeStatus, Verified},
    writer::LocalWriter,
};

/// A node in this process or in another.
#[derive(Clone, Debug)]
pub enum NodeClient {
    /// In this process.
    Local(Arc<Node>),
    /// In another process.
    Remote(RemoteNode),
}

impl NodeClient {
    /// See [`Node::put`].
    ///
    /// # Errors
    /// See [`Node::put`].
    pub async fn put(&self, key: RecordKey, lease: Lease, payload: Bytes) -> Result<(), NodeError> {
        match self {
            Self::Local(node) => node.put(key, lease, payload).await,
            Self::Remote(node) => node.put(key, lease, payload).await,
        }
    }

    /// See [`Node::begin`].
    ///
    /// # Errors
    /// See [`Node::begin`].
    pub async fn begin(
        &self,
        key: RecordKey,
        lease: Lease,
        capacity: u64,
    ) -> Result<RecordWriter, NodeError> {
        match self {
            Self::Local(node) => node.begin(key, lease, capacity).await,
            Self::Remote(node) => node
                .begin(key, lease, capacity)
                .await
                .map(RecordWriter::remote),
        }
    }

    /// See [`Node::read`].
    ///
    /// # Errors
    /// See [`Node::read`].
    pub async fn read(&self, key: RecordKey, range: Range<u64>) -> Result<RecordStream, NodeError> {
        match self {
            Self::Local(node) => node.read(key, range).await,
            Self::Remote(node) => node.read(key, range).await.map(RecordStream::remote),
        }
    }

    /// See [`Node::stat`].
    ///
    /// # Errors
    /// See [`Node::stat`].
    pub async fn stat(&self, key: RecordKey) -> Result<Option<RecordInfo>, NodeError> {
        match self {
            Self::Local(node) => node.stat(key).await,
            Self::Remote(node) => node.stat(key).await,
        }
    }

    /// See [`Node::delete`].
    ///
    /// # Errors
    /// See [`Node::delete`].
    pub async fn delete(&self, keys: Vec<RecordKey>) -> Result<(), NodeError> {
        match self {
            Self::Local(node) => node.delete(keys).await,
            Self::Remote(node) => node.delete(keys).await,
        }
    }

    /// See [`Node::list`].
    ///
    /// # Errors
    /// See [`Node::list`].
    pub async fn list(
        &self,
        after: Option<RecordKey>,
        limit: u32,
    ) -> Result<Vec<RecordInfo>, NodeError> {
        match self {
            Self::Local(node) => node.list(after, limit).await,
            Self::Remote(node) => node.list(after, limit).await,
        }
    }

    /// See [`Node::damaged`].
    ///
    /// # Errors
    /// See [`Node::damaged`].
    pub async fn damaged(&self) -> Result<Vec<RecordKey>, NodeError> {
        match self {
            Self::Local(node) => node.damaged().await,
            Self::Remote(node) => node.damaged().await,
        }
    }

    /// See [`Node::verify`].
    ///
    /// # Errors
    /// See [`Node::verify`].
    pub async fn verify(
        &self,
        after: Option<RecordKey>,
        budget_bytes: u64,
    ) -> Result<Verified, NodeError> {
        match self {
            Self::Local(node) => node.verify(after, budget_bytes).await,
            Self::Remote(node) => node.verify(after, budget_bytes).await,
        }
    }

    /// See [`Node::status`].
    ///
    /// # Errors
    /// See [`Node::status`].
    pub async fn status(&self) -> Result<NodeStatus, NodeError> {
        match self {
            Self::Local(node) => node.status().await,
            Self::Remote(node) => node.status().await,
        }
    }
}

/// Takes the bytes of one record. Dropped before [`RecordWriter::finish`], it gives the record up.
pub struct RecordWriter(WriterKind);

enum WriterKind {
    Local(Box<LocalWriter>),
    Remote(Box<RemoteWriter>),
}

impl RecordWriter {
    pub(crate) fn local(writer: LocalWriter) -> Self {
        Self(WriterKind::Local(Box::new(writer)))
    }

    pub(crate) fn remote(writer: RemoteWriter) -> Self {
        Self(WriterKind::Remote(Box::new(writer)))
    }

    /// Takes the next bytes. Waits when the disk or the network is behind, so memory stays bounded.
    ///
    /// # Errors
    /// [`NodeError::TooLarge`] beyond the capacity, and what stops the node. After an error the record is lost.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), NodeError> {
        match &mut self.0 {
            WriterKind::Local(writer) => writer.write(bytes).await,
            WriterKind::Remote(writer) => writer.write(bytes).await,
        }
    }

    /// Makes the record durable and visible.
    ///
    /// # Errors
    /// As [`Node::put`].
    pub async fn finish(self) -> Result<(), NodeError> {
        match self.0 {
            WriterKind::Local(writer) => writer.finish().await,
            WriterKind::Remote(writer) => writer.finish().await,
        }
    }
}

/// The bytes of one read, in order. Ends after the last byte of the range, or with an error.
pub struct RecordStream(StreamKind);

enum StreamKind {
    Local(LocalStream),
    Remote(RemoteStream),
}

impl RecordStream {
    pub(crate) fn local(stream: LocalStream) -> Self {
        Self(StreamKind::Local(stream))
    }

    pub(crate) fn remote(stream: RemoteStream) -> Self {
        Self(StreamKind::Remote(stream))
    }
}

impl Stream for RecordStream {
    type Item = Result<Bytes, NodeError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            StreamKind::Local(stream) => Pin::new(stream).poll_next(context),
            StreamKind::Remote(stream) => Pin::new(stream).poll_next(context),
        }
    }
}
