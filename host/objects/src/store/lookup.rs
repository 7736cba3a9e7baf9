//! Finding what a request is about, and whether it may.

use std::sync::Arc;

use concierge_identity::Principal;

use super::Inner;
use super::conditions::{Verdict, evaluate};
use crate::authorize::{Action, Resource, authorize};
use crate::catalogue::{Bucket, FoundVersion, Lookup, VersionId, class_name, marker_error};
use crate::error::Error;
use crate::types::{ObjectInfo, ReadConditions};
use crate::validate;

impl Inner {
    /// A bucket, if this principal may do this to it.
    pub(crate) fn bucket(
        &self,
        principal: &Principal,
        action: Action,
        name: &str,
    ) -> Result<Arc<Bucket>, Error> {
        let bucket = self.catalogue.bucket(name)?;
        authorize(principal, action, Resource::Bucket(&bucket))?;
        Ok(bucket)
    }

    /// The bucket of a key, if this principal may do this to what is there.
    pub(crate) fn bucket_of(
        &self,
        principal: &Principal,
        action: Action,
        name: &str,
        key: &str,
    ) -> Result<Arc<Bucket>, Error> {
        let bucket = self.catalogue.bucket(name)?;
        authorize(principal, action, Resource::Object(&bucket, key))?;
        validate::key(key)?;
        Ok(bucket)
    }

    /// An object's version; the current one if none is named.
    pub(crate) async fn find_version(
        &self,
        bucket: &Bucket,
        key: &str,
        version: Option<VersionId>,
    ) -> Result<FoundVersion, Error> {
        match self.catalogue.find(bucket.id, key, version).await? {
            Lookup::Object(found) => Ok(*found),
            Lookup::Missing if version.is_some() => Err(Error::NoSuchVersion),
            Lookup::Missing => Err(Error::NoSuchKey(None)),
            Lookup::DeleteMarker { id, modified_us } => {
                Err(marker_error(version, id, modified_us, bucket.versioning))
            }
        }
    }
}

/// Reads a version id of a request.
pub(super) fn version_of(text: Option<&str>) -> Result<Option<VersionId>, Error> {
    text.map(VersionId::parse).transpose()
}

/// What the answers say of a version.
pub(super) fn info(bucket: &Bucket, key: &str, found: &FoundVersion) -> ObjectInfo {
    let object = &found.object;
    ObjectInfo {
        key: key.to_owned(),
        version_id: found.id.shown(bucket.versioning),
        size: object.size,
        etag: object.etag.to_string(),
        modified_us: found.modified_us,
        metadata: object.metadata.clone(),
        checksum: object.checksum.clone(),
        storage_class: class_name(object.storage_class.as_deref()),
        parts: object.etag.parts,
        tag_count: u32::try_from(object.tags.len()).unwrap_or(u32::MAX),
    }
}

/// The conditions of a get or head.
pub(super) fn check_read(conditions: &ReadConditions, info: &ObjectInfo) -> Result<(), Error> {
    match evaluate(conditions, &info.etag, info.modified_us) {
        Verdict::Proceed => Ok(()),
        Verdict::NotModified(_) => Err(Error::NotModified(Box::new(info.clone()))),
        Verdict::Failed(header) => Err(Error::PreconditionFailed(header.to_owned())),
    }
}

/// The conditions on the source of a copy, which all answer 412 (S3 API
/// Reference, "CopyObject").
pub(super) fn check_copy_source(
    conditions: &ReadConditions,
    found: &FoundVersion,
) -> Result<(), Error> {
    match evaluate(
        conditions,
        &found.object.etag.to_string(),
        found.modified_us,
    ) {
        Verdict::Proceed => Ok(()),
        Verdict::NotModified(header) | Verdict::Failed(header) => Err(Error::PreconditionFailed(
            format!("x-amz-copy-source-{}", header.to_ascii_lowercase()),
        )),
    }
}
