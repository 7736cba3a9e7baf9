//! Copies within the store. The bytes stream from node to node; they are
//! hashed on the way and compared with what is known of the source.

use std::sync::Arc;

use concierge_identity::Principal;
use futures::StreamExt;

use super::blobs::{check_settings, class_to_keep, commit_object};
use super::lookup::{check_copy_source, version_of};
use super::upload::{BODY_MAX_BYTES, Incoming, Stored};
use super::{Inner, ObjectStore};
use crate::authorize::Action;
use crate::catalogue::{Bucket, CommitObject, ETag, FoundVersion, StoredObject, class_name};
use crate::data::ReadError;
use crate::error::Error;
use crate::types::{
    Body, BodyError, BodyStream, Checksum, ChecksumAlgorithm, ChecksumKind, CopyRequest,
    CopyResult, ReadConditions, RequestedChecksum,
};

/// A source of a copy.
pub(super) struct CopySource {
    pub(super) bucket: Arc<Bucket>,
    pub(super) found: FoundVersion,
}

impl CopySource {
    pub(super) fn shown_version(&self) -> Option<String> {
        self.found.id.shown(self.bucket.versioning)
    }
}

impl ObjectStore {
    /// Copies within the store.
    pub async fn copy(
        &self,
        principal: &Principal,
        request: CopyRequest,
    ) -> Result<CopyResult, Error> {
        let inner = &self.inner;
        let bucket =
            inner.bucket_of(principal, Action::PutObject, &request.bucket, &request.key)?;
        if let Some(metadata) = &request.metadata {
            check_settings(metadata, &[])?;
        }
        check_settings(
            &Default::default(),
            request.tags.as_deref().unwrap_or_default(),
        )?;
        let replicas = inner.replicas(request.storage_class.as_deref())?;
        let source = inner
            .copy_source(
                principal,
                &request.source_bucket,
                &request.source_key,
                request.source_version_id.as_deref(),
                &request.source_conditions,
            )
            .await?;
        refuse_copy_onto_itself(&request, &source.found)?;
        let object = &source.found.object;
        if object.size > BODY_MAX_BYTES {
            return Err(Error::InvalidRequest(format!(
                "The specified copy source is larger than the maximum allowable size for a copy source: {BODY_MAX_BYTES}"
            )));
        }
        inner
            .check_write_early(&bucket, &request.key, &request.conditions)
            .await?;
        let keep = request
            .checksum
            .or(object.checksum.as_ref().map(|sum| sum.algorithm));
        let stored = inner
            .copy_bytes(principal, &source, (0, object.size), replicas, keep)
            .await?;
        let (algorithm, value) = stored.checksum.clone();
        let copy = StoredObject {
            size: stored.size,
            etag: ETag::single(stored.md5),
            checksum: Some(Checksum::full(algorithm, value)),
            metadata: request.metadata.unwrap_or_else(|| object.metadata.clone()),
            tags: request.tags.unwrap_or_else(|| object.tags.clone()),
            storage_class: class_to_keep(request.storage_class),
            content: stored.content(),
        };
        let commit = CommitObject {
            bucket: bucket.id,
            key: request.key,
            object: copy,
            modified_us: inner.clock.now_us(),
            conditions: request.conditions,
            missing: stored.missing,
        };
        Ok(CopyResult {
            source_version_id: source.shown_version(),
            object: commit_object(inner, stored.blob, commit).await?,
        })
    }
}

/// "This copy request is illegal because it is trying to copy an object to
/// itself without changing the object's metadata, storage class, website
/// redirect location or encryption attributes." An older version may be copied
/// onto its key: that restores it.
fn refuse_copy_onto_itself(request: &CopyRequest, found: &FoundVersion) -> Result<(), Error> {
    let itself = request.source_bucket == request.bucket
        && request.source_key == request.key
        && request.source_version_id.is_none();
    let changes = request.metadata.is_some()
        || request.tags.is_some()
        || request.checksum.is_some()
        // S3 takes a class that is named for a change, also where it is the one it had.
        || request.storage_class.is_some()
        || class_name(None) != class_name(found.object.storage_class.as_deref());
    if itself && !changes {
        return Err(Error::InvalidRequest(
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.".to_owned(),
        ));
    }
    Ok(())
}

impl Inner {
    /// Finds the source of a copy and checks the conditions on it.
    pub(super) async fn copy_source(
        &self,
        principal: &Principal,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        conditions: &ReadConditions,
    ) -> Result<CopySource, Error> {
        let bucket = self.bucket_of(principal, Action::GetObject, bucket, key)?;
        let version = version_of(version_id)?;
        let found = match self.find_version(&bucket, key, version).await {
            // S3 API Reference, "CopyObject": a version that is a delete marker
            // cannot be copied.
            Err(Error::IsDeleteMarker(_)) => {
                return Err(Error::InvalidRequest(
                    "The source of a copy request may not specifically refer to a delete marker by version id.".to_owned(),
                ));
            }
            found => found?,
        };
        check_copy_source(conditions, &found)?;
        Ok(CopySource { bucket, found })
    }

    /// Stores bytes of a source as a new blob.
    pub(super) async fn copy_bytes(
        &self,
        principal: &Principal,
        source: &CopySource,
        (from, to): (u64, u64),
        replicas: u8,
        keep: Option<ChecksumAlgorithm>,
    ) -> Result<Stored, Error> {
        let opened = self
            .open_bytes(source.bucket.id, &source.found, from, to)
            .await?;
        // Deleted since it was found: the same as if it had come first.
        let stream = opened.map_err(|error| match error {
            ReadError::Absent => Error::NoSuchKey(None),
            ReadError::Lost => error.into(),
        })?;
        let body: BodyStream =
            Box::pin(stream.map(|bytes| bytes.map_err(|error| BodyError(error.to_string()))));
        let whole = from == 0 && to == source.found.object.size;
        let known = whole.then_some(&source.found.object);
        let info = Body {
            size: Some(to - from),
            md5: known
                .filter(|object| object.etag.parts.is_none())
                .map(|object| object.etag.md5.to_vec()),
            checksum: known
                .and_then(|object| object.checksum.as_ref())
                .filter(|sum| sum.kind == ChecksumKind::FullObject)
                .map(|sum| RequestedChecksum {
                    algorithm: sum.algorithm,
                    expected: Some(sum.value.clone()),
                }),
            ..Body::default()
        };
        let stored = self
            .store_body(Incoming {
                principal,
                info,
                body,
                replicas,
                keep: keep.or(Some(ChecksumAlgorithm::Crc64nvme)),
            })
            .await;
        stored.map_err(|error| match error {
            // The body is our own: what is wrong with it is no fault of the client.
            Error::IncompleteBody | Error::BadDigest | Error::ChecksumMismatch(_) => {
                tracing::error!(bucket = &*source.bucket.name, %error, "the source of a copy is damaged");
                Error::Internal
            }
            error => error,
        })
    }
}
