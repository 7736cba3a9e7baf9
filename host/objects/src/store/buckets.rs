//! `concierge:objects/buckets`.

use concierge_identity::Principal;

use super::ObjectStore;
use crate::error::Error;
use crate::types::*;

impl ObjectStore {
    /// Creates a bucket that belongs to the principal.
    pub async fn create_bucket(
        &self,
        principal: &Principal,
        name: &str,
        region: &str,
    ) -> Result<(), Error> {
        todo!()
    }

    /// What is known of a bucket.
    pub async fn get_bucket(&self, principal: &Principal, name: &str) -> Result<BucketInfo, Error> {
        todo!()
    }

    /// Deletes an empty bucket.
    pub async fn delete_bucket(&self, principal: &Principal, name: &str) -> Result<(), Error> {
        todo!()
    }

    /// The principal's buckets (the administrator's: all) that begin with
    /// `prefix` and come after `after`, at most `max` (up to 10,000).
    pub async fn list_buckets(
        &self,
        principal: &Principal,
        prefix: &str,
        after: &str,
        max: u32,
    ) -> Result<BucketPage, Error> {
        todo!()
    }

    /// Enables or suspends versioning; `Unversioned` is refused.
    pub async fn set_versioning(
        &self,
        principal: &Principal,
        name: &str,
        state: Versioning,
    ) -> Result<(), Error> {
        todo!()
    }

    /// The bucket's tags.
    pub async fn get_bucket_tags(
        &self,
        principal: &Principal,
        name: &str,
    ) -> Result<Vec<Tag>, Error> {
        todo!()
    }

    /// Replaces the bucket's tags (up to 50); an empty list deletes them.
    pub async fn set_bucket_tags(
        &self,
        principal: &Principal,
        name: &str,
        tags: Vec<Tag>,
    ) -> Result<(), Error> {
        todo!()
    }

    /// The bucket's CORS rules.
    pub async fn get_cors(
        &self,
        principal: &Principal,
        name: &str,
    ) -> Result<Vec<CorsRule>, Error> {
        todo!()
    }

    /// Replaces the CORS rules (up to 100); an empty list deletes them.
    pub async fn set_cors(
        &self,
        principal: &Principal,
        name: &str,
        rules: Vec<CorsRule>,
    ) -> Result<(), Error> {
        todo!()
    }

    /// The first rule of a bucket that allows `method` from `origin` with
    /// `headers` (lower case), if any.
    pub async fn match_cors(
        &self,
        name: &str,
        origin: &str,
        method: &str,
        headers: &[String],
    ) -> Result<Option<CorsRule>, Error> {
        todo!()
    }
}
