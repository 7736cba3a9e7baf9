//! Reading blobs, from whichever node has a good copy.
//!
//! Storage nodes verify each block before they give it. Where one is damaged,
//! missing or unreachable, the next copy goes on at the byte where the first
//! one failed, and what failed is reported to be repaired. Wrong bytes are
//! never given; where no copy is left, the read ends with an error.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use concierge_storage_nodes::{NodeClient, NodeError, RecordStream};
use futures::StreamExt;
use tokio::sync::mpsc;

use super::nodes::Nodes;
use super::record_key;
use super::uses::Reading;
use crate::catalogue::DataRef;
use crate::error::Error;
use crate::placement::NodeNumber;

/// Bytes of a blob.
#[derive(Debug, Clone)]
pub struct Segment {
    /// The blob.
    pub data: DataRef,
    /// From and up to these of its bytes.
    pub range: Range<u64>,
}

/// A copy that a read found bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BadCopy {
    /// The blob.
    pub data: DataRef,
    /// Which of its records.
    pub extent: u32,
    /// On which node.
    pub node: NodeNumber,
}

/// An extent being read.
struct Current {
    stream: RecordStream,
    data: DataRef,
    extent: u32,
    node: NodeNumber,
    /// What of the extent is still to come.
    rest: Range<u64>,
    /// Copies not tried yet.
    untried: VecDeque<(NodeNumber, NodeClient)>,
}

/// Reads segments one after the other.
pub struct BlobReader {
    nodes: Arc<Nodes>,
    segments: VecDeque<Segment>,
    current: Option<Current>,
    repairs: mpsc::Sender<BadCopy>,
    _reading: Option<Reading>,
}

impl BlobReader {
    /// Reads these segments; `reading` is held meanwhile.
    pub fn new(
        nodes: Arc<Nodes>,
        segments: VecDeque<Segment>,
        repairs: mpsc::Sender<BadCopy>,
        reading: Option<Reading>,
    ) -> Self {
        Self {
            nodes,
            segments,
            current: None,
            repairs,
            _reading: reading,
        }
    }

    /// The next bytes; `None` at the end. After an error there is nothing more.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        loop {
            let Some(current) = &mut self.current else {
                if !self.begin_next().await? {
                    return Ok(None);
                }
                continue;
            };
            match current.stream.next().await {
                Some(Ok(bytes)) => {
                    current.rest.start += bytes.len() as u64;
                    return Ok(Some(bytes));
                }
                None if current.rest.is_empty() => self.current = None,
                None => {
                    self.fail_over(NodeError::Protocol("a record ended early".into()))
                        .await?
                }
                Some(Err(error)) => self.fail_over(error).await?,
            }
        }
    }

    /// Opens the next extent; false when there is none.
    async fn begin_next(&mut self) -> Result<bool, ReadError> {
        let Some(segment) = self.segments.front_mut() else {
            return Ok(false);
        };
        let data = segment.data;
        let extent = segment.range.start / data.extent_bytes.max(1);
        let base = extent * data.extent_bytes;
        let end = segment.range.end.min(base + data.extent_bytes);
        let rest = segment.range.start - base..end - base;
        segment.range.start = end;
        if segment.range.is_empty() {
            self.segments.pop_front();
        }
        if rest.is_empty() {
            return Ok(true);
        }
        let extent = u32::try_from(extent).map_err(|_| ReadError::Lost)?;
        let untried = self.nodes.candidates(&data).into();
        self.open(data, extent, rest, untried).await?;
        Ok(true)
    }

    /// Opens an extent on the first copy that can be opened.
    async fn open(
        &mut self,
        data: DataRef,
        extent: u32,
        rest: Range<u64>,
        mut untried: VecDeque<(NodeNumber, NodeClient)>,
    ) -> Result<(), ReadError> {
        let key = record_key(&data, extent);
        let mut absent = true;
        while let Some((node, client)) = untried.pop_front() {
            match client.read(key, rest.clone()).await {
                Ok(stream) => {
                    self.current = Some(Current {
                        stream,
                        data,
                        extent,
                        node,
                        rest,
                        untried,
                    });
                    return Ok(());
                }
                Err(error) => {
                    absent &= matches!(error, NodeError::NotFound);
                    self.report(data, extent, node, &error);
                }
            }
        }
        if absent {
            return Err(ReadError::Absent);
        }
        tracing::error!(%key, "no good copy is left");
        Err(ReadError::Lost)
    }

    /// Goes on with another copy where this one failed.
    async fn fail_over(&mut self, error: NodeError) -> Result<(), ReadError> {
        let Some(current) = self.current.take() else {
            return Ok(());
        };
        self.report(current.data, current.extent, current.node, &error);
        let opened = self
            .open(current.data, current.extent, current.rest, current.untried)
            .await;
        match opened {
            // The copy that was found is damaged, and no other has it.
            Err(ReadError::Absent) => Err(ReadError::Lost),
            other => other,
        }
    }

    fn report(&self, data: DataRef, extent: u32, node: NodeNumber, error: &NodeError) {
        let key = record_key(&data, extent);
        match error {
            NodeError::Corrupt { .. } | NodeError::OutOfRange { .. } => {
                tracing::warn!(%key, node, %error, "a copy is bad");
            }
            // While data moves, what is not there yet is no damage.
            NodeError::NotFound if self.nodes.placement().moving() => return,
            NodeError::NotFound => tracing::debug!(%key, node, "a copy is missing"),
            _ => {
                tracing::warn!(%key, node, %error, "a copy cannot be read");
                return;
            }
        }
        metrics::counter!("concierge_objects_bad_copies_total").increment(1);
        // A full queue loses the report; the scrub or the next read makes it again.
        let _ = self.repairs.try_send(BadCopy { data, extent, node });
    }
}

/// Why a read cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// No node has the record: it may have been deleted since it was looked up.
    Absent,
    /// There are copies, and none can be read.
    Lost,
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        if error == ReadError::Absent {
            tracing::error!("a record that the catalogue names is on no node");
        }
        Self::Internal
    }
}
