//! `concierge:objects/listing`.

use concierge_identity::Principal;

use super::ObjectStore;
use crate::error::Error;
use crate::types::*;

impl ObjectStore {
    /// A page of current objects, in the order of their keys' UTF-8 bytes.
    pub async fn list_objects(
        &self,
        principal: &Principal,
        query: ListQuery,
    ) -> Result<ListPage, Error> {
        todo!()
    }

    /// A page of versions, those of a key from new to old.
    pub async fn list_versions(
        &self,
        principal: &Principal,
        query: VersionQuery,
    ) -> Result<VersionPage, Error> {
        todo!()
    }
}
