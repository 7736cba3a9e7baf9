//! `concierge:objects/multipart`.

use std::sync::Arc;

use concierge_identity::Principal;

use super::blobs::{check_settings, class_to_keep};
use super::conditions::resolve;
use super::tags::part;
use super::upload::{BODY_MAX_BYTES, Incoming, Stored, settle};
use super::{Inner, ObjectStore};
use crate::authorize::Action;
use crate::catalogue::{Bucket, CommitPart, StoredPart, Upload, UploadId};
use crate::error::Error;
use crate::types::{
    Body, BodyStream, ByteRange, ChecksumAlgorithm, ChecksumKind, CompleteRequest,
    CreateUploadRequest, Part, PartCopyRequest, PartCopyResult, PartPage, PutResult, UploadInfo,
    UploadPage, UploadQuery,
};
use crate::validate::PAGE_MAX;

/// Numbers of parts (S3 User Guide, "Amazon S3 multipart upload limits").
const PART_NUMBERS: std::ops::RangeInclusive<u32> = 1..=10_000;

impl ObjectStore {
    /// Begins an upload.
    pub async fn create_upload(
        &self,
        principal: &Principal,
        request: CreateUploadRequest,
    ) -> Result<UploadInfo, Error> {
        let inner = &self.inner;
        let bucket =
            inner.bucket_of(principal, Action::PutObject, &request.bucket, &request.key)?;
        check_settings(&request.metadata, &request.tags)?;
        inner.replicas(request.storage_class.as_deref())?;
        let upload = Upload {
            id: UploadId::generate(),
            key: request.key,
            initiated_us: inner.clock.now_us(),
            storage_class: class_to_keep(request.storage_class),
            checksum: chosen_checksum(request.checksum, request.checksum_kind)?,
            metadata: request.metadata,
            tags: request.tags,
        };
        let info = upload.info();
        inner.catalogue.create_upload(bucket.id, upload).await?;
        Ok(info)
    }

    /// Stores one part (1 to 10,000; at most 5 GiB), replacing one of the same
    /// number. Answers when it is durable.
    #[allow(clippy::too_many_arguments, reason = "mirrors the contract's function")]
    pub async fn put_part(
        &self,
        principal: &Principal,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        info: Body,
        body: BodyStream,
    ) -> Result<Part, Error> {
        let inner = &self.inner;
        let (bucket, upload) = inner
            .upload_for_part(principal, bucket, key, upload_id, number)
            .await?;
        let (algorithm, _) = upload.info().effective_checksum();
        check_part_algorithm(&upload, &info)?;
        let stored = inner
            .store_body(Incoming {
                principal,
                info,
                body,
                replicas: inner.replicas(upload.storage_class.as_deref())?,
                keep: Some(algorithm),
            })
            .await?;
        inner.commit_part(&bucket, &upload, number, stored).await
    }

    /// Stores a part whose bytes come from an object.
    pub async fn copy_part(
        &self,
        principal: &Principal,
        request: PartCopyRequest,
    ) -> Result<PartCopyResult, Error> {
        let inner = &self.inner;
        let (bucket, upload) = inner
            .upload_for_part(
                principal,
                &request.bucket,
                &request.key,
                &request.upload_id,
                request.number,
            )
            .await?;
        let source = inner
            .copy_source(
                principal,
                &request.source_bucket,
                &request.source_key,
                request.source_version_id.as_deref(),
                &request.source_conditions,
            )
            .await?;
        let range = copied_range(request.source_range, source.found.object.size)?;
        let replicas = inner.replicas(upload.storage_class.as_deref())?;
        let (algorithm, _) = upload.info().effective_checksum();
        let stored = inner
            .copy_bytes(principal, &source, range, replicas, Some(algorithm))
            .await?;
        Ok(PartCopyResult {
            source_version_id: source.shown_version(),
            part: inner
                .commit_part(&bucket, &upload, request.number, stored)
                .await?,
        })
    }

    /// Parts after `marker`, at most `max` (up to 1,000).
    pub async fn list_parts(
        &self,
        principal: &Principal,
        bucket: &str,
        key: &str,
        upload_id: &str,
        marker: u32,
        max: u32,
    ) -> Result<PartPage, Error> {
        let inner = &self.inner;
        let action = Action::ListMultipartUploadParts;
        let bucket = inner.bucket_of(principal, action, bucket, key)?;
        let id = UploadId::parse(upload_id)?;
        let upload = inner.catalogue.find_upload(bucket.id, key, id).await?;
        let (parts, truncated) = inner
            .catalogue
            .parts(bucket.id, id, marker, max.min(PAGE_MAX))
            .await?;
        Ok(PartPage {
            upload: upload.info(),
            parts: parts.into_iter().map(part).collect(),
            truncated,
        })
    }

    /// A page of the uploads in progress.
    pub async fn list_uploads(
        &self,
        principal: &Principal,
        mut query: UploadQuery,
    ) -> Result<UploadPage, Error> {
        let action = Action::ListBucketMultipartUploads;
        let bucket = self.inner.bucket(principal, action, &query.bucket)?;
        query.max = query.max.min(PAGE_MAX);
        self.inner.catalogue.list_uploads(bucket.id, query).await
    }

    /// Joins the parts into an object without moving their bytes. Repeating a
    /// completion that succeeded gives the same answer.
    pub async fn complete_upload(
        &self,
        principal: &Principal,
        request: CompleteRequest,
    ) -> Result<PutResult, Error> {
        let inner = &self.inner;
        let bucket =
            inner.bucket_of(principal, Action::PutObject, &request.bucket, &request.key)?;
        let id = UploadId::parse(&request.upload_id)?;
        if request
            .conditions
            .if_none_match
            .as_ref()
            .is_some_and(|tag| tag != "*")
        {
            return Err(Error::InvalidRequest(
                "If-None-Match of a write can only be *".to_owned(),
            ));
        }
        let now_us = inner.clock.now_us();
        inner
            .catalogue
            .complete_upload(bucket.id, id, request, now_us)
            .await
    }

    /// Gives an upload up; its parts are collected.
    pub async fn abort_upload(
        &self,
        principal: &Principal,
        bucket: &str,
        key: &str,
        upload_id: &str,
    ) -> Result<(), Error> {
        let action = Action::AbortMultipartUpload;
        let bucket = self.inner.bucket_of(principal, action, bucket, key)?;
        let id = UploadId::parse(upload_id)?;
        self.inner
            .catalogue
            .abort_upload(bucket.id, key.to_owned(), id)
            .await
    }
}

/// What checksum an upload is to have (S3 User Guide, "Checking object
/// integrity for data uploads": full object for CRCs, composite for all but
/// CRC64NVME).
fn chosen_checksum(
    algorithm: Option<ChecksumAlgorithm>,
    kind: Option<ChecksumKind>,
) -> Result<Option<(ChecksumAlgorithm, ChecksumKind)>, Error> {
    let Some(algorithm) = algorithm else {
        return match kind {
            None => Ok(None),
            Some(_) => Err(Error::InvalidRequest(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header".to_owned(),
            )),
        };
    };
    let kind = kind.unwrap_or(algorithm.default_multipart_kind());
    let possible = match kind {
        ChecksumKind::FullObject => algorithm.combines(),
        ChecksumKind::Composite => algorithm != ChecksumAlgorithm::Crc64nvme,
    };
    if possible {
        return Ok(Some((algorithm, kind)));
    }
    let kind = match kind {
        ChecksumKind::FullObject => "FULL_OBJECT",
        ChecksumKind::Composite => "COMPOSITE",
    };
    Err(Error::InvalidRequest(format!(
        "The {kind} checksum type cannot be used with the {} checksum algorithm",
        name(algorithm)
    )))
}

/// An algorithm as S3's messages write it.
fn name(algorithm: ChecksumAlgorithm) -> &'static str {
    algorithm
        .header_name()
        .trim_start_matches("x-amz-checksum-")
}

/// A part must have the checksum that the upload was begun with.
fn check_part_algorithm(upload: &Upload, info: &Body) -> Result<(), Error> {
    let named = info.checksum.as_ref().map(|checksum| checksum.algorithm);
    let trailer = info
        .trailer
        .as_deref()
        .and_then(ChecksumAlgorithm::from_header_name);
    match (upload.checksum, named.or(trailer)) {
        (Some((wanted, _)), Some(actual)) if wanted != actual => {
            Err(Error::InvalidRequest(format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                name(wanted),
                name(actual)
            )))
        }
        _ => Ok(()),
    }
}

/// The bytes a part is copied from. Unlike a read, a copy does not cut a range
/// that goes beyond the source (S3 API Reference, "UploadPartCopy").
fn copied_range(range: Option<ByteRange>, size: u64) -> Result<(u64, u64), Error> {
    let (from, to) = match range {
        None => (0, size),
        Some(ByteRange::Span(_, Some(last))) if last >= size => {
            return Err(Error::InvalidRange(size));
        }
        Some(range) => resolve(range, size)?.ok_or_else(|| {
            Error::InvalidArgument(
                "The x-amz-copy-source-range value must be of the form bytes=first-last".to_owned(),
            )
        })?,
    };
    if to - from > BODY_MAX_BYTES {
        return Err(Error::EntityTooLarge);
    }
    Ok((from, to))
}

impl Inner {
    /// The upload that a part is for.
    async fn upload_for_part(
        &self,
        principal: &Principal,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
    ) -> Result<(Arc<Bucket>, Upload), Error> {
        let bucket = self.bucket_of(principal, Action::PutObject, bucket, key)?;
        if !PART_NUMBERS.contains(&number) {
            return Err(Error::InvalidArgument(
                "Part number must be an integer between 1 and 10000, inclusive".to_owned(),
            ));
        }
        let id = UploadId::parse(upload_id)?;
        let upload = self.catalogue.find_upload(bucket.id, key, id).await?;
        Ok((bucket, upload))
    }

    async fn commit_part(
        &self,
        bucket: &Bucket,
        upload: &Upload,
        number: u32,
        stored: Stored,
    ) -> Result<Part, Error> {
        let kept = StoredPart {
            number,
            size: stored.size,
            md5: stored.md5,
            modified_us: self.clock.now_us(),
            checksum: Some(stored.checksum),
            data: stored.data,
        };
        let commit = CommitPart {
            bucket: bucket.id,
            key: upload.key.clone(),
            upload: upload.id,
            part: kept.clone(),
            missing: stored.missing,
        };
        let catalogue = Arc::clone(&self.catalogue);
        settle(
            stored.blob,
            async move { catalogue.commit_part(commit).await },
        )
        .await?;
        Ok(part(kept))
    }
}
