//! Tags and attributes of objects.

use concierge_identity::Principal;

use super::ObjectStore;
use super::lookup::{info, version_of};
use crate::authorize::Action;
use crate::catalogue::{Content, StoredPart};
use crate::error::Error;
use crate::types::{Attributes, Checksum, Part, Tag};
use crate::validate;

impl ObjectStore {
    /// The tags of a version; gives its id too.
    pub async fn get_tags(
        &self,
        principal: &Principal,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<(Option<String>, Vec<Tag>), Error> {
        let bucket = self
            .inner
            .bucket_of(principal, Action::GetObjectTagging, bucket, key)?;
        let version = version_of(version_id)?;
        let found = self.inner.find_version(&bucket, key, version).await?;
        Ok((found.id.shown(bucket.versioning), found.object.tags))
    }

    /// Replaces the tags of a version; an empty list deletes them. Gives the
    /// version's id.
    pub async fn set_tags(
        &self,
        principal: &Principal,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        tags: Vec<Tag>,
    ) -> Result<Option<String>, Error> {
        let bucket = self
            .inner
            .bucket_of(principal, Action::PutObjectTagging, bucket, key)?;
        validate::object_tags(&tags)?;
        let version = version_of(version_id)?;
        let set = self
            .inner
            .catalogue
            .set_tags(bucket.id, key.to_owned(), version, tags)
            .await?;
        Ok(set.id.shown(set.versioning))
    }

    /// Metadata, checksum and the parts after `part_marker`, at most
    /// `max_parts` (up to 1,000).
    pub async fn get_attributes(
        &self,
        principal: &Principal,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        part_marker: u32,
        max_parts: u32,
    ) -> Result<Attributes, Error> {
        let bucket = self
            .inner
            .bucket_of(principal, Action::GetObject, bucket, key)?;
        let version = version_of(version_id)?;
        let found = self.inner.find_version(&bucket, key, version).await?;
        let (parts, truncated) = match found.object.content {
            Content::Parts(upload) => {
                let max = max_parts.min(validate::PAGE_MAX);
                self.inner
                    .catalogue
                    .parts(bucket.id, upload, part_marker, max)
                    .await?
            }
            Content::Empty | Content::Data(_) => (Vec::new(), false),
        };
        Ok(Attributes {
            info: info(&bucket, key, &found),
            parts: parts.into_iter().map(part).collect(),
            truncated,
        })
    }
}

/// A part as the answers show it.
pub(super) fn part(part: StoredPart) -> Part {
    Part {
        number: part.number,
        size: part.size,
        etag: hex::encode(part.md5),
        modified_us: part.modified_us,
        checksum: part
            .checksum
            .map(|(algorithm, value)| Checksum::full(algorithm, value)),
    }
}
