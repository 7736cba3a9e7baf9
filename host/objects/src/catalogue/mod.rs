//! The catalogue: what buckets, objects, versions and uploads there are.
//!
//! One trait of whole operations; each method that changes something is one
//! transaction, decides its preconditions inside it, and answers when it is
//! durable. Engines pass one conformance suite.
//!
//! Invariant: a blob on the storage nodes is named by exactly one of: a
//! version, a part, a garbage entry, an upload in progress of this host's
//! epoch. Whatever is named by none is an orphan.

mod records;
pub(crate) mod rules;
mod sqlite;

#[cfg(test)]
mod conformance;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use concierge_identity::AccountId;
use concierge_storage_nodes::ObjectId;
use uuid::Uuid;

use crate::error::Error;
use crate::types::{
    CompleteRequest, CorsRule, DeleteResult, ListPage, ListQuery, PutResult, Tag, TimeUs,
    UploadPage, UploadQuery, VersionPage, VersionQuery, Versioning,
};

pub use records::{
    Bucket, BucketId, CommitObject, CommitPart, Committed, Content, DEFAULT_STORAGE_CLASS, DataRef,
    DeleteVersion, ETag, FoundVersion, Garbage, Lookup, MissingReplica, NewBucket, StoredObject,
    StoredPart, Upload, UploadId, VersionId, class_name,
};
pub(crate) use sqlite::marker_error;
pub use sqlite::{DEFAULT_SHARDS, OpenError, SHARDS_MAX, SqliteCatalogue};

/// What a method of the catalogue gives.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Counters of one shard.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ShardStatus {
    /// Operations waiting.
    pub queued: u64,
    /// Transactions made durable since the start.
    pub commits: u64,
    /// Operations in them.
    pub operations: u64,
    /// Entries waiting for the collector.
    pub garbage: u64,
    /// Copies that nodes lack.
    pub missing_replicas: u64,
    /// A commit failed; the shard takes no more writes.
    pub stopped: bool,
}

/// What there is and where. See the module.
pub trait Catalogue: Send + Sync {
    // Buckets.

    /// Creates a bucket, unless the name is taken or the owner has too many.
    fn create_bucket(&self, new: NewBucket) -> Answer<'_, Arc<Bucket>>;
    /// The bucket of a name. Held in memory: no thread hop, no disk.
    fn bucket(&self, name: &str) -> Result<Arc<Bucket>, Error>;
    /// Deletes a bucket that has no version; uploads in progress go with it.
    fn delete_bucket(&self, bucket: Arc<Bucket>) -> Answer<'_, ()>;
    /// Buckets of an owner, or all, that begin with `prefix` and come after
    /// `after`: at most `max`, and whether more follow.
    fn list_buckets(
        &self,
        owner: Option<AccountId>,
        prefix: &str,
        after: &str,
        max: usize,
    ) -> Result<(Vec<Arc<Bucket>>, bool), Error>;
    /// Sets the state of versioning.
    fn set_versioning(&self, bucket: Arc<Bucket>, state: Versioning) -> Answer<'_, ()>;
    /// Replaces the tags.
    fn set_bucket_tags(&self, bucket: Arc<Bucket>, tags: Vec<Tag>) -> Answer<'_, ()>;
    /// Replaces the CORS rules.
    fn set_cors(&self, bucket: Arc<Bucket>, rules: Vec<CorsRule>) -> Answer<'_, ()>;

    // Objects.

    /// Makes an object visible as the newest version of its key.
    fn commit_object(&self, commit: CommitObject) -> Answer<'_, Committed>;
    /// What stands under a key: the current version, or the one named.
    fn find<'a>(
        &'a self,
        bucket: BucketId,
        key: &'a str,
        version: Option<VersionId>,
    ) -> Answer<'a, Lookup>;
    /// Deletes versions, or makes delete markers; an answer each.
    fn delete_versions(
        &self,
        bucket: BucketId,
        deletions: Vec<DeleteVersion>,
        now_us: TimeUs,
    ) -> Answer<'_, Vec<Result<DeleteResult, Error>>>;
    /// Replaces the tags of a version; gives its id.
    fn set_tags(
        &self,
        bucket: BucketId,
        key: String,
        version: Option<VersionId>,
        tags: Vec<Tag>,
    ) -> Answer<'_, Committed>;
    /// A page of current objects.
    fn list_objects(&self, bucket: BucketId, query: ListQuery) -> Answer<'_, ListPage>;
    /// A page of versions.
    fn list_versions(&self, bucket: BucketId, query: VersionQuery) -> Answer<'_, VersionPage>;

    // Uploads in parts.

    /// Begins an upload.
    fn create_upload(&self, bucket: BucketId, upload: Upload) -> Answer<'_, ()>;
    /// An upload in progress.
    fn find_upload<'a>(
        &'a self,
        bucket: BucketId,
        key: &'a str,
        upload: UploadId,
    ) -> Answer<'a, Upload>;
    /// Keeps a part, replacing one of the same number.
    fn commit_part(&self, commit: CommitPart) -> Answer<'_, ()>;
    /// The parts after `marker` of an upload in progress or completed, in the
    /// order of their numbers: at most `max`, and whether more follow.
    fn parts(
        &self,
        bucket: BucketId,
        upload: UploadId,
        marker: u32,
        max: u32,
    ) -> Answer<'_, (Vec<StoredPart>, bool)>;
    /// A page of uploads in progress.
    fn list_uploads(&self, bucket: BucketId, query: UploadQuery) -> Answer<'_, UploadPage>;
    /// Joins the parts into the newest version of the key.
    fn complete_upload(
        &self,
        bucket: BucketId,
        upload: UploadId,
        request: CompleteRequest,
        now_us: TimeUs,
    ) -> Answer<'_, PutResult>;
    /// Gives an upload up.
    fn abort_upload(&self, bucket: BucketId, key: String, upload: UploadId) -> Answer<'_, ()>;

    // The work behind.

    /// How many shards there are; the work behind goes shard by shard.
    fn shards(&self) -> usize;
    /// The oldest garbage of a shard after `after`: at most `max` blobs.
    fn garbage(&self, shard: usize, after: u64, max: usize) -> Answer<'_, Vec<Garbage>>;
    /// Forgets garbage that is gone from the nodes.
    fn forget_garbage(&self, shard: usize, gone: Vec<Garbage>) -> Answer<'_, ()>;
    /// What is known of blobs that some version or part names; `None` for one
    /// that nobody names.
    fn data(&self, objects: Vec<ObjectId>) -> Answer<'_, Vec<Option<DataRef>>>;
    /// Blobs of a shard after `after` in the order of their ids.
    fn scan_data(
        &self,
        shard: usize,
        after: Option<ObjectId>,
        max: usize,
    ) -> Answer<'_, Vec<DataRef>>;
    /// Copies that nodes lack, after `after`.
    fn missing(
        &self,
        shard: usize,
        after: Option<MissingReplica>,
        max: usize,
    ) -> Answer<'_, Vec<MissingReplica>>;
    /// Forgets lacks that were made good.
    fn forget_missing(&self, shard: usize, done: Vec<MissingReplica>) -> Answer<'_, ()>;
    /// Removes a bounded number of what deleted buckets and long-answered
    /// completions left; gives how many rows went.
    fn sweep(&self, shard: usize, now_us: TimeUs, max: usize) -> Answer<'_, usize>;

    // The whole.

    /// The id of this store, made with it.
    fn store_id(&self) -> Answer<'_, Uuid>;
    /// The stored cluster maps, as their owner wrote them; `None` at first.
    fn cluster_maps(&self) -> Answer<'_, Option<String>>;
    /// Stores the cluster maps.
    fn set_cluster_maps(&self, maps: String) -> Answer<'_, ()>;
    /// Counts a start of this host, durably, and gives its number.
    fn next_epoch(&self, host: u32) -> Answer<'_, u32>;
    /// Counters of each shard.
    fn status(&self) -> Answer<'_, Vec<ShardStatus>>;
    /// Whether a commit to what is not in any shard (the names of buckets) failed, so that it takes no more writes.
    fn directory_stopped(&self) -> bool;
    /// Waits until what was accepted is durable, and takes no more.
    fn close(&self) -> Answer<'_, ()>;
}
