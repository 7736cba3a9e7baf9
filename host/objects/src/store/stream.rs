//! The bytes of an object as a stream.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use concierge_storage_nodes::ObjectId;
use futures::Stream;

use super::Inner;
use crate::catalogue::{BucketId, Content, FoundVersion, StoredPart, UploadId};
use crate::data::{BlobReader, ReadError, SMALL_MAX_BYTES, Segment};
use crate::error::Error;

/// Parts read from the catalogue at a time.
const MANIFEST_MAX_PARTS: u32 = 10_000;

type Rest = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// The bytes of an answer, verified block by block. An error means that the
/// rest cannot be given; what came before it was right.
pub struct ObjectStream {
    first: Option<Bytes>,
    rest: Option<Rest>,
}

impl fmt::Debug for ObjectStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStream").finish_non_exhaustive()
    }
}

impl ObjectStream {
    fn empty() -> Self {
        Self {
            first: None,
            rest: None,
        }
    }

    /// Reads the first bytes, so that damage in them is an answer and not a
    /// broken body; `len` is what there is to come in all.
    async fn begin(mut reader: BlobReader, len: u64) -> Result<Self, ReadError> {
        let first = reader.next().await?;
        let whole = first
            .as_ref()
            .is_some_and(|bytes| bytes.len() as u64 == len);
        if whole {
            return Ok(Self { first, rest: None });
        }
        let rest = futures::stream::unfold(Some(reader), async |reader| {
            let mut reader = reader?;
            match reader.next().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Some(reader))),
                Ok(None) => None,
                Err(error) => Some((Err(error.into()), None)),
            }
        });
        Ok(Self {
            first,
            rest: Some(Box::pin(rest)),
        })
    }
}

impl Stream for ObjectStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(bytes) = self.first.take() {
            metrics::counter!("concierge_objects_sent_bytes_total").increment(bytes.len() as u64);
            return Poll::Ready(Some(Ok(bytes)));
        }
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(None);
        };
        let next = std::task::ready!(rest.as_mut().poll_next(cx));
        match &next {
            Some(Ok(bytes)) => metrics::counter!("concierge_objects_sent_bytes_total")
                .increment(bytes.len() as u64),
            _ => self.rest = None,
        }
        Poll::Ready(next)
    }
}

impl Inner {
    /// Opens bytes of a version. [`ReadError::Absent`] when the version was
    /// deleted since it was found.
    pub(crate) async fn open_bytes(
        &self,
        bucket: BucketId,
        found: &FoundVersion,
        from: u64,
        to: u64,
    ) -> Result<Result<ObjectStream, ReadError>, Error> {
        if from >= to {
            return Ok(Ok(ObjectStream::empty()));
        }
        // A blob of one small record is read before this returns. A larger one
        // must not be collected while it streams.
        let small = found.object.size <= SMALL_MAX_BYTES
            && matches!(found.object.content, Content::Data(_));
        let (segments, pinned) = match found.object.content {
            Content::Empty => return Ok(Ok(ObjectStream::empty())),
            Content::Data(data) => {
                let segment = Segment {
                    data,
                    range: from..to,
                };
                (VecDeque::from([segment]), data.object)
            }
            Content::Parts(upload) => {
                let parts = self.manifest(bucket, upload).await?;
                if parts.iter().map(|part| part.size).sum::<u64>() != found.object.size {
                    return Ok(Err(ReadError::Absent));
                }
                (segments(&parts, from, to), ObjectId(upload.0))
            }
        };
        let reading = match (small, self.uses.read([pinned])) {
            (true, _) => None,
            (false, None) => return Ok(Err(ReadError::Absent)),
            (false, reading) => reading,
        };
        let nodes = Arc::clone(&self.nodes);
        let reader = BlobReader::new(nodes, segments, self.repairs.clone(), reading);
        Ok(ObjectStream::begin(reader, to - from).await)
    }

    /// The parts of a completed upload.
    pub(crate) async fn manifest(
        &self,
        bucket: BucketId,
        upload: UploadId,
    ) -> Result<Vec<StoredPart>, Error> {
        let (parts, _) = self
            .catalogue
            .parts(bucket, upload, 0, MANIFEST_MAX_PARTS)
            .await?;
        Ok(parts)
    }
}

/// The pieces of parts that make up a range of the whole.
fn segments(parts: &[StoredPart], from: u64, to: u64) -> VecDeque<Segment> {
    let mut base = 0;
    let mut segments = VecDeque::new();
    for part in parts {
        let (start, end) = (from.max(base), to.min(base + part.size));
        if let Some(data) = part.data.filter(|_| start < end) {
            segments.push_back(Segment {
                data,
                range: start - base..end - base,
            });
        }
        base += part.size;
    }
    segments
}
