//! Taking a body in, and making it visible.

use concierge_identity::Principal;
use concierge_storage_nodes::ObjectId;
use uuid::Uuid;

use super::Inner;
use crate::catalogue::{Content, DataRef};
use crate::error::Error;
use crate::ingest::{Destination, Digester, Expectations, Received, Source, Unnamed, receive};
use crate::types::{Body, BodyStream, ChecksumAlgorithm, Framing};

/// A single body has at most 5 GiB (S3 User Guide, "Uploading objects").
pub(crate) const BODY_MAX_BYTES: u64 = 5 << 30;

/// A body and what is known of it.
pub(super) struct Incoming<'a> {
    pub(super) principal: &'a Principal,
    pub(super) info: Body,
    pub(super) body: BodyStream,
    /// Copies it is to have.
    pub(super) replicas: u8,
    /// The checksum to keep; `None` leaves it to the body.
    pub(super) keep: Option<ChecksumAlgorithm>,
}

/// A body that is on the nodes and named by nobody yet.
pub(super) struct Stored {
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    pub(super) checksum: (ChecksumAlgorithm, Vec<u8>),
    pub(super) data: Option<DataRef>,
    pub(super) missing: Vec<u32>,
    pub(super) blob: Option<Unnamed>,
}

impl Stored {
    pub(super) fn content(&self) -> Content {
        self.data.map_or(Content::Empty, Content::Data)
    }
}

impl Inner {
    /// Reads a body to its end, checks it, and stores it on its nodes.
    pub(super) async fn store_body(&self, incoming: Incoming<'_>) -> Result<Stored, Error> {
        let Incoming {
            principal,
            info,
            body,
            replicas,
            keep,
        } = incoming;
        if info.size.is_some_and(|size| size > BODY_MAX_BYTES) {
            return Err(Error::EntityTooLarge);
        }
        let (framing, expected) = (info.framing, info.size);
        let expectations = expectations(principal, info, keep)?;
        let kept = expectations.keep;
        let digester = Digester::new(expectations)?;
        let object = ObjectId(Uuid::now_v7());
        let targets = self.nodes.targets(object, replicas);
        let blob = Unnamed::new(object, targets, self.uses.upload(object));
        let destination = Destination {
            blob,
            lease: self.lease,
            expected,
        };
        let source = Source::new(body, framing, expected, BODY_MAX_BYTES);
        let Received {
            size,
            digests,
            written,
        } = receive(source, digester, destination).await?;
        metrics::counter!("concierge_objects_received_bytes_total").increment(size);
        let (written, blob) = written.unzip();
        Ok(Stored {
            size,
            md5: digests.md5,
            checksum: (kept, digests.checksum),
            data: written.as_ref().map(|written| written.data),
            missing: written.map(|written| written.missing).unwrap_or_default(),
            blob,
        })
    }
}

fn expectations(
    principal: &Principal,
    info: Body,
    keep: Option<ChecksumAlgorithm>,
) -> Result<Expectations, Error> {
    let verifier = match info.framing {
        Framing::Raw | Framing::AwsChunked => None,
        Framing::AwsChunkedSigned | Framing::AwsChunkedSignedTrailer => Some(
            principal
                .chunk_verifier()
                .ok_or(Error::ChunkSignatureMismatch)?,
        ),
    };
    let trailer = match info.trailer.as_deref() {
        None => None,
        Some(_) if matches!(info.framing, Framing::Raw | Framing::AwsChunkedSigned) => {
            return Err(Error::InvalidRequest(
                "x-amz-trailer needs a payload that is framed with a trailer".to_owned(),
            ));
        }
        Some(name) => Some(ChecksumAlgorithm::from_header_name(name).ok_or_else(|| {
            Error::InvalidRequest(
                "The value specified in the x-amz-trailer header is not supported".to_owned(),
            )
        })?),
    };
    let named = info.checksum.as_ref().map(|checksum| checksum.algorithm);
    Ok(Expectations {
        md5: info.md5,
        sha256: info.sha256,
        trailer,
        keep: keep
            .or(named)
            .or(trailer)
            .unwrap_or(ChecksumAlgorithm::Crc64nvme),
        checksum: info.checksum,
        verifier,
    })
}

/// Lets the catalogue name a blob. Runs to its end even if the caller goes
/// away: the blob must be given up only when it is certain that it has no name.
pub(super) async fn settle<T: Send + 'static>(
    blob: Option<Unnamed>,
    commit: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let settled = tokio::spawn(async move {
        let result = commit.await;
        if let Some(blob) = blob {
            match &result {
                Ok(_) => blob.named(),
                Err(Error::Internal) => blob.in_doubt(),
                Err(_) => drop(blob),
            }
        }
        result
    });
    settled.await.unwrap_or(Err(Error::Internal))
}
