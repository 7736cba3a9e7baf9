//! `concierge:objects/multipart`.

use concierge_identity::Principal;

use super::ObjectStore;
use crate::error::Error;
use crate::types::*;

impl ObjectStore {
    /// Begins an upload.
    pub async fn create_upload(
        &self,
        principal: &Principal,
        request: CreateUploadRequest,
    ) -> Result<UploadInfo, Error> {
        todo!()
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
        todo!()
    }

    /// Stores a part whose bytes come from an object.
    pub async fn copy_part(
        &self,
        principal: &Principal,
        request: PartCopyRequest,
    ) -> Result<PartCopyResult, Error> {
        todo!()
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
        todo!()
    }

    /// A page of the uploads in progress.
    pub async fn list_uploads(
        &self,
        principal: &Principal,
        query: UploadQuery,
    ) -> Result<UploadPage, Error> {
        todo!()
    }

    /// Joins the parts into an object without moving their bytes. Repeating a
    /// completion that succeeded gives the same answer.
    pub async fn complete_upload(
        &self,
        principal: &Principal,
        request: CompleteRequest,
    ) -> Result<PutResult, Error> {
        todo!()
    }

    /// Gives an upload up; its parts are collected.
    pub async fn abort_upload(
        &self,
        principal: &Principal,
        bucket: &str,
        key: &str,
        upload_id: &str,
    ) -> Result<(), Error> {
        todo!()
    }
}
