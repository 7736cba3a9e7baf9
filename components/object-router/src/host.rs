//! What the protocol asks of the host, as a trait: inside a component it is the contracts of `wit/`, in tests a host
//! that plays back answers.

use crate::bindings::concierge::identity::sigv4::{self, Principal, SignedRequest};
use crate::bindings::concierge::objects::blobs::{
    Attributes, Body, CopyRequest, CopyResult, DeleteRequest, DeleteResult, Error, GetRequest,
    GetResult, PutRequest, PutResult, Tag,
};
use crate::bindings::concierge::objects::buckets::{BucketInfo, BucketPage, CorsRule, Versioning};
use crate::bindings::concierge::objects::listing::{Page, Query, VersionPage, VersionQuery};
use crate::bindings::concierge::objects::multipart::{
    CompleteRequest, CreateRequest, Part, PartCopyRequest, PartCopyResult, PartPage, UploadInfo,
    UploadPage, UploadQuery,
};

/// Why the body of a request could not be read into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It is longer than was allowed.
    TooLong,
    /// It ended before its announced length, or the client went away.
    Incomplete,
    /// Too many other documents are being read.
    Busy,
}

/// One version of an object, named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The version; `None` is the current one.
    pub version_id: Option<String>,
}

/// The calls of `concierge:identity` and `concierge:objects`. Each takes the token of a principal first; what the rest
/// means, and when a call fails, is said in `wit/`.
#[allow(
    async_fn_in_trait,
    reason = "a component has one thread, so that no future need be sent to another"
)]
#[allow(
    clippy::missing_errors_doc,
    missing_docs,
    reason = "each call is documented in wit/"
)]
pub trait Host {
    /// The body of a request, still with the host.
    type Incoming;
    /// The bytes of an object, still with the host.
    type Outgoing;

    /// Reads a body of at most `max_bytes` into memory: documents only, never objects.
    async fn read(&self, body: Self::Incoming, max_bytes: usize) -> Result<Vec<u8>, ReadError>;

    async fn verify(&self, request: SignedRequest) -> Result<Principal, sigv4::Error>;

    async fn put(
        &self,
        token: String,
        request: PutRequest,
        body: Self::Incoming,
    ) -> Result<PutResult, Error>;
    async fn get(
        &self,
        token: String,
        request: GetRequest,
    ) -> Result<(GetResult, Self::Outgoing), Error>;
    async fn head(&self, token: String, request: GetRequest) -> Result<GetResult, Error>;
    async fn delete(
        &self,
        token: String,
        bucket: String,
        request: DeleteRequest,
    ) -> Result<DeleteResult, Error>;
    async fn delete_many(
        &self,
        token: String,
        bucket: String,
        requests: Vec<DeleteRequest>,
    ) -> Result<Vec<Result<DeleteResult, Error>>, Error>;
    async fn copy(&self, token: String, request: CopyRequest) -> Result<CopyResult, Error>;
    async fn get_attributes(
        &self,
        token: String,
        named: Named,
        part_marker: u32,
        max_parts: u32,
    ) -> Result<Attributes, Error>;
    async fn get_tags(
        &self,
        token: String,
        named: Named,
    ) -> Result<(Option<String>, Vec<Tag>), Error>;
    async fn set_tags(
        &self,
        token: String,
        named: Named,
        tags: Vec<Tag>,
    ) -> Result<Option<String>, Error>;

    async fn create_bucket(&self, token: String, name: String, region: String)
    -> Result<(), Error>;
    async fn get_bucket(&self, token: String, name: String) -> Result<BucketInfo, Error>;
    async fn delete_bucket(&self, token: String, name: String) -> Result<(), Error>;
    async fn list_buckets(
        &self,
        token: String,
        prefix: String,
        after: String,
        max: u32,
    ) -> Result<BucketPage, Error>;
    async fn set_versioning(
        &self,
        token: String,
        name: String,
        state: Versioning,
    ) -> Result<(), Error>;
    async fn get_bucket_tags(&self, token: String, name: String) -> Result<Vec<Tag>, Error>;
    async fn set_bucket_tags(
        &self,
        token: String,
        name: String,
        tags: Vec<Tag>,
    ) -> Result<(), Error>;
    async fn get_cors(&self, token: String, name: String) -> Result<Vec<CorsRule>, Error>;
    async fn set_cors(
        &self,
        token: String,
        name: String,
        rules: Vec<CorsRule>,
    ) -> Result<(), Error>;
    async fn match_cors(
        &self,
        name: String,
        origin: String,
        method: String,
        headers: Vec<String>,
    ) -> Result<Option<CorsRule>, Error>;

    async fn list_objects(&self, token: String, query: Query) -> Result<Page, Error>;
    async fn list_versions(&self, token: String, query: VersionQuery)
    -> Result<VersionPage, Error>;

    async fn create_upload(
        &self,
        token: String,
        request: CreateRequest,
    ) -> Result<UploadInfo, Error>;
    async fn put_part(
        &self,
        token: String,
        upload: UploadName,
        number: u32,
        info: Body,
        body: Self::Incoming,
    ) -> Result<Part, Error>;
    async fn copy_part(
        &self,
        token: String,
        request: PartCopyRequest,
    ) -> Result<PartCopyResult, Error>;
    async fn list_parts(
        &self,
        token: String,
        upload: UploadName,
        marker: u32,
        max: u32,
    ) -> Result<PartPage, Error>;
    async fn list_uploads(&self, token: String, query: UploadQuery) -> Result<UploadPage, Error>;
    async fn complete_upload(
        &self,
        token: String,
        request: CompleteRequest,
    ) -> Result<PutResult, Error>;
    async fn abort_upload(&self, token: String, upload: UploadName) -> Result<(), Error>;
}

/// An upload, named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadName {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The id that CreateMultipartUpload gave.
    pub upload_id: String,
}
