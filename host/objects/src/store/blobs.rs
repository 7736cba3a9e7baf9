//! `concierge:objects/blobs`.

use concierge_identity::Principal;

use super::{ObjectStore, ObjectStream};
use crate::error::Error;
use crate::types::*;

impl ObjectStore {
    /// Stores a body under a key. Answers when it is durable; keeps nothing of
    /// an upload that fails.
    pub async fn put(
        &self,
        principal: &Principal,
        request: PutRequest,
        body: BodyStream,
    ) -> Result<PutResult, Error> {
        todo!()
    }

    /// Gives a version's metadata and the bytes asked for.
    pub async fn get(
        &self,
        principal: &Principal,
        request: GetRequest,
    ) -> Result<(GetResult, ObjectStream), Error> {
        todo!()
    }

    /// As [`get`](Self::get), without the bytes.
    pub async fn head(
        &self,
        principal: &Principal,
        request: GetRequest,
    ) -> Result<GetResult, Error> {
        todo!()
    }

    /// Deletes one version, or the current one (a delete marker, if versioned).
    pub async fn delete(
        &self,
        principal: &Principal,
        bucket: &str,
        request: DeleteRequest,
    ) -> Result<DeleteResult, Error> {
        todo!()
    }

    /// Deletes up to 1,000; an answer for each, in their order.
    pub async fn delete_many(
        &self,
        principal: &Principal,
        bucket: &str,
        requests: Vec<DeleteRequest>,
    ) -> Result<Vec<Result<DeleteResult, Error>>, Error> {
        todo!()
    }

    /// Copies within the store.
    pub async fn copy(
        &self,
        principal: &Principal,
        request: CopyRequest,
    ) -> Result<CopyResult, Error> {
        todo!()
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
        todo!()
    }

    /// The tags of a version; gives its id too.
    pub async fn get_tags(
        &self,
        principal: &Principal,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<(Option<String>, Vec<Tag>), Error> {
        todo!()
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
        todo!()
    }
}
