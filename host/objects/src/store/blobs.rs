//! Put, get and head of `concierge:objects/blobs`.

use std::sync::Arc;

use concierge_identity::Principal;

use super::conditions::resolve;
use super::lookup::{check_read, info, version_of};
use super::upload::{Incoming, settle};
use super::{Inner, ObjectStore, ObjectStream};
use crate::authorize::Action;
use crate::catalogue::rules::check_write;
use crate::catalogue::{
    Bucket, CommitObject, Committed, Content, ETag, FoundVersion, Lookup, StoredObject,
};
use crate::data::ReadError;
use crate::error::Error;
use crate::types::{
    BodyStream, Checksum, GetRequest, GetResult, Metadata, PutRequest, PutResult, Tag,
    WriteConditions,
};
use crate::validate;

/// How often a version is looked up again when it was deleted while it was
/// being opened. Each time another write has come in between.
const LOOKUPS_MAX: usize = 8;

impl ObjectStore {
    /// Stores a body under a key. Answers when it is durable; keeps nothing of
    /// an upload that fails. Dropped before it answers, it gives the upload up,
    /// unless the body was complete already.
    pub async fn put(
        &self,
        principal: &Principal,
        request: PutRequest,
        body: BodyStream,
    ) -> Result<PutResult, Error> {
        let inner = &self.inner;
        let bucket =
            inner.bucket_of(principal, Action::PutObject, &request.bucket, &request.key)?;
        check_settings(&request.metadata, &request.tags)?;
        let replicas = inner.replicas(request.storage_class.as_deref())?;
        inner
            .check_write_early(&bucket, &request.key, &request.conditions)
            .await?;
        let stored = inner
            .store_body(Incoming {
                principal,
                info: request.body,
                body,
                replicas,
                keep: None,
            })
            .await?;
        let (algorithm, value) = stored.checksum.clone();
        let object = StoredObject {
            size: stored.size,
            etag: ETag::single(stored.md5),
            checksum: Some(Checksum::full(algorithm, value)),
            metadata: request.metadata,
            tags: request.tags,
            storage_class: class_to_keep(request.storage_class),
            content: stored.content(),
        };
        let commit = CommitObject {
            bucket: bucket.id,
            key: request.key,
            object,
            modified_us: inner.clock.now_us(),
            conditions: request.conditions,
            missing: stored.missing,
        };
        commit_object(inner, stored.blob, commit).await
    }

    /// Gives a version's metadata and the bytes asked for.
    pub async fn get(
        &self,
        principal: &Principal,
        request: GetRequest,
    ) -> Result<(GetResult, ObjectStream), Error> {
        let inner = &self.inner;
        let bucket =
            inner.bucket_of(principal, Action::GetObject, &request.bucket, &request.key)?;
        for _ in 0..LOOKUPS_MAX {
            let (result, found, from, to) = inner.plan_read(&bucket, &request).await?;
            match inner.open_bytes(bucket.id, &found, from, to).await? {
                Ok(stream) => return Ok((result, stream)),
                Err(ReadError::Absent) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(ReadError::Absent.into())
    }

    /// As [`get`](Self::get), without the bytes.
    pub async fn head(
        &self,
        principal: &Principal,
        request: GetRequest,
    ) -> Result<GetResult, Error> {
        let inner = &self.inner;
        let bucket =
            inner.bucket_of(principal, Action::GetObject, &request.bucket, &request.key)?;
        let (result, ..) = inner.plan_read(&bucket, &request).await?;
        Ok(result)
    }
}

/// What is kept with an object.
pub(super) fn check_settings(metadata: &Metadata, tags: &[Tag]) -> Result<(), Error> {
    validate::metadata(metadata)?;
    validate::object_tags(tags)
}

/// The class to keep: nothing for the default.
pub(super) fn class_to_keep(class: Option<String>) -> Option<String> {
    class.filter(|class| class != crate::catalogue::DEFAULT_STORAGE_CLASS)
}

/// Makes an object visible.
pub(super) async fn commit_object(
    inner: &Arc<Inner>,
    blob: Option<crate::ingest::Unnamed>,
    commit: CommitObject,
) -> Result<PutResult, Error> {
    let mut result = PutResult {
        version_id: None,
        etag: commit.object.etag.to_string(),
        size: commit.object.size,
        checksum: commit.object.checksum.clone(),
        modified_us: commit.modified_us,
    };
    let catalogue = Arc::clone(&inner.catalogue);
    let Committed { id, versioning } =
        settle(blob, async move { catalogue.commit_object(commit).await }).await?;
    result.version_id = id.shown(versioning);
    Ok(result)
}

impl Inner {
    /// Spares a client the upload of a body that could not be stored. The
    /// decision that counts is made with the commit.
    pub(super) async fn check_write_early(
        &self,
        bucket: &Bucket,
        key: &str,
        conditions: &WriteConditions,
    ) -> Result<(), Error> {
        if conditions
            .if_none_match
            .as_ref()
            .is_some_and(|tag| tag != "*")
        {
            return Err(Error::InvalidRequest(
                "If-None-Match of a write can only be *".to_owned(),
            ));
        }
        if *conditions == WriteConditions::default() {
            return Ok(());
        }
        let current = match self.catalogue.find(bucket.id, key, None).await? {
            Lookup::Object(found) => Some(found.object.etag),
            Lookup::Missing | Lookup::DeleteMarker { .. } => None,
        };
        check_write(conditions, current)
    }

    /// Finds the version, checks the conditions, and works out which of its
    /// bytes are wanted.
    async fn plan_read(
        &self,
        bucket: &Bucket,
        request: &GetRequest,
    ) -> Result<(GetResult, FoundVersion, u64, u64), Error> {
        let version = version_of(request.version_id.as_deref())?;
        let found = self.find_version(bucket, &request.key, version).await?;
        let info = info(bucket, &request.key, &found);
        check_read(&request.conditions, &info)?;
        let wanted = match (request.range, request.part_number) {
            (Some(_), Some(_)) => {
                return Err(Error::InvalidRequest(
                    "Cannot specify both Range header and partNumber query parameter".to_owned(),
                ));
            }
            (Some(range), None) => resolve(range, info.size)?,
            (None, Some(number)) => self.part_range(bucket, &found, number).await?,
            (None, None) => None,
        };
        let (from, to) = wanted.unwrap_or((0, info.size));
        let result = GetResult {
            info,
            range: wanted
                .filter(|(from, to)| from < to)
                .map(|(from, to)| (from, to - 1)),
            length: to - from,
        };
        Ok((result, found, from, to))
    }

    /// The bytes of a part. An object that was not uploaded in parts has one.
    async fn part_range(
        &self,
        bucket: &Bucket,
        found: &FoundVersion,
        number: u32,
    ) -> Result<Option<(u64, u64)>, Error> {
        let Content::Parts(upload) = found.object.content else {
            return match number {
                1 => Ok(Some((0, found.object.size))),
                _ => Err(Error::InvalidPartNumber),
            };
        };
        let mut from = 0;
        for part in self.manifest(bucket.id, upload).await? {
            if part.number == number {
                return Ok(Some((from, from + part.size)));
            }
            from += part.size;
        }
        Err(Error::InvalidPartNumber)
    }
}
