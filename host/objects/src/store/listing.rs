//! `concierge:objects/listing`.

use concierge_identity::Principal;

use super::ObjectStore;
use crate::authorize::Action;
use crate::error::Error;
use crate::types::{ListPage, ListQuery, VersionPage, VersionQuery};
use crate::validate::PAGE_MAX;

impl ObjectStore {
    /// A page of current objects, in the order of their keys' UTF-8 bytes. A
    /// page has at most 1,000 items, also where more are asked for.
    pub async fn list_objects(
        &self,
        principal: &Principal,
        mut query: ListQuery,
    ) -> Result<ListPage, Error> {
        let bucket = self
            .inner
            .bucket(principal, Action::ListBucket, &query.bucket)?;
        query.max = query.max.min(PAGE_MAX);
        self.inner.catalogue.list_objects(bucket.id, query).await
    }

    /// A page of versions, those of a key from new to old. A page has at most
    /// 1,000 items, also where more are asked for.
    pub async fn list_versions(
        &self,
        principal: &Principal,
        mut query: VersionQuery,
    ) -> Result<VersionPage, Error> {
        let bucket = self
            .inner
            .bucket(principal, Action::ListBucketVersions, &query.bucket)?;
        query.max = query.max.min(PAGE_MAX);
        self.inner.catalogue.list_versions(bucket.id, query).await
    }
}
