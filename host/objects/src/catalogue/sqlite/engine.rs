//! [`Catalogue`] over the files.

use std::sync::Arc;

use concierge_identity::AccountId;
use concierge_sqlite::{WriteTx, in_snapshot};
use concierge_storage_nodes::ObjectId;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::Failure;
use super::objects::{self, Place};
use super::rows::versioning_number;
use super::{
    Database, FACT_CLUSTER_MAPS, FACT_STORE, Inner, SqliteCatalogue, behind, directory, listing,
    uploads,
};
use crate::catalogue::{
    Answer, Bucket, BucketId, Catalogue, CommitObject, CommitPart, Committed, DataRef,
    DeleteVersion, Garbage, Lookup, MissingReplica, NewBucket, ShardStatus, StoredPart, Upload,
    UploadId, VersionId,
};
use crate::error::Error;
use crate::types::{
    CompleteRequest, CorsRule, DeleteResult, ListPage, ListQuery, PutResult, Tag, TimeUs,
    UploadPage, UploadQuery, VersionPage, VersionQuery, Versioning,
};

/// An answer that is there already.
fn ready<'a, T: Send + 'a>(result: Result<T, Error>) -> Answer<'a, T> {
    Box::pin(std::future::ready(result))
}

/// Marks a bucket as deleted; [`behind::sweep`] removes the rest.
pub(super) fn mark_deleted(tx: &WriteTx<'_>, bucket: BucketId) -> Result<(), Failure> {
    tx.prepare_cached("UPDATE bucket SET deleted = 1 WHERE id = ?1")?
        .execute([bucket.0.as_bytes()])?;
    Ok(())
}

fn delete_if_empty(tx: &WriteTx<'_>, bucket: BucketId) -> Result<(), Failure> {
    objects::versioning(tx, bucket)?;
    if listing::has_versions(tx, bucket)? {
        return Err(Error::BucketNotEmpty.into());
    }
    mark_deleted(tx, bucket)
}

fn add_bucket(tx: &WriteTx<'_>, bucket: BucketId) -> Result<(), Failure> {
    tx.prepare_cached("INSERT INTO bucket (id, versioning) VALUES (?1, ?2)")?
        .execute(params![
            bucket.0.as_bytes(),
            versioning_number(Versioning::Unversioned)
        ])?;
    Ok(())
}

fn set_versioning(tx: &WriteTx<'_>, bucket: BucketId, state: Versioning) -> Result<(), Failure> {
    objects::versioning(tx, bucket)?;
    tx.prepare_cached("UPDATE bucket SET versioning = ?2 WHERE id = ?1")?
        .execute(params![bucket.0.as_bytes(), versioning_number(state)])?;
    Ok(())
}

impl Inner {
    async fn create_bucket(&self, new: NewBucket) -> Result<Arc<Bucket>, Error> {
        if let Some(kept) = self.buckets.get(&new.name) {
            return Err(directory::taken(kept.owner, new.owner));
        }
        let id = BucketId::generate();
        let shard = &self.shard(id).writer;
        shard
            .write("create_bucket", move |tx| add_bucket(tx, id))
            .await?;
        let bucket = Bucket {
            id,
            name: new.name.as_str().into(),
            owner: new.owner,
            owner_name: Arc::clone(&new.owner_name),
            created_us: new.created_us,
            region: new.region.as_str().into(),
            versioning: Versioning::Unversioned,
            tags: Arc::new([]),
            cors: Arc::new([]),
        };
        let listed = self
            .directory
            .writer
            .write("create_bucket", move |tx| directory::insert(tx, id, &new))
            .await;
        if let Err(error) = listed {
            shard
                .write("drop_bucket", move |tx| mark_deleted(tx, id))
                .await?;
            return Err(error);
        }
        let bucket = Arc::new(bucket);
        self.buckets.set(Arc::clone(&bucket));
        Ok(bucket)
    }

    async fn delete_bucket(&self, bucket: &Bucket) -> Result<(), Error> {
        let id = bucket.id;
        self.shard(id)
            .writer
            .write("delete_bucket", move |tx| delete_if_empty(tx, id))
            .await?;
        let name = Arc::clone(&bucket.name);
        self.directory
            .writer
            .write("delete_bucket", move |tx| directory::remove(tx, id, &name))
            .await?;
        self.buckets.remove(bucket);
        Ok(())
    }
}

impl SqliteCatalogue {
    /// Reads a database in one snapshot on the blocking pool.
    fn blocking<T: Send + 'static>(
        &self,
        operation: &'static str,
        database: impl Fn(&Inner) -> &Database + Send + 'static,
        read: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<'_, T> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            tokio::task::spawn_blocking(move || {
                database(&inner).read(operation, |connection| in_snapshot(connection, read))
            })
            .await
            .unwrap_or(Err(Error::Internal))
        })
    }

    fn in_bucket<T: Send + 'static>(
        &self,
        operation: &'static str,
        bucket: BucketId,
        read: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<'_, T> {
        self.blocking(operation, move |inner| inner.shard(bucket), read)
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "shard numbers come from 0..self.shards()"
    )]
    fn in_shard<T: Send + 'static>(
        &self,
        operation: &'static str,
        shard: usize,
        read: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<'_, T> {
        self.blocking(operation, move |inner| &inner.shards[shard], read)
    }

    /// Writes to the shard of a bucket.
    fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        bucket: BucketId,
        work: impl FnOnce(&WriteTx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(self.inner.shard(bucket).writer.write(operation, work))
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "shard numbers come from 0..self.shards()"
    )]
    fn write_shard<T: Send + 'static>(
        &self,
        operation: &'static str,
        shard: usize,
        work: impl FnOnce(&WriteTx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(self.inner.shards[shard].writer.write(operation, work))
    }

    fn write_directory<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&WriteTx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(self.inner.directory.writer.write(operation, work))
    }
}

impl Catalogue for SqliteCatalogue {
    fn create_bucket(&self, new: NewBucket) -> Answer<'_, Arc<Bucket>> {
        Box::pin(self.inner.create_bucket(new))
    }

    fn bucket(&self, name: &str) -> Result<Arc<Bucket>, Error> {
        self.inner.buckets.get(name).ok_or(Error::NoSuchBucket)
    }

    fn delete_bucket(&self, bucket: Arc<Bucket>) -> Answer<'_, ()> {
        Box::pin(async move { self.inner.delete_bucket(&bucket).await })
    }

    fn list_buckets(
        &self,
        owner: Option<AccountId>,
        prefix: &str,
        after: &str,
        max: usize,
    ) -> Result<(Vec<Arc<Bucket>>, bool), Error> {
        Ok(self.inner.buckets.list(owner, prefix, after, max))
    }

    fn set_versioning(&self, bucket: Arc<Bucket>, state: Versioning) -> Answer<'_, ()> {
        Box::pin(async move {
            let _order = self.inner.settings.lock().await;
            let id = bucket.id;
            self.write("set_versioning", id, move |tx| {
                set_versioning(tx, id, state)
            })
            .await?;
            self.inner
                .buckets
                .change(&bucket, |kept| kept.versioning = state);
            Ok(())
        })
    }

    fn set_bucket_tags(&self, bucket: Arc<Bucket>, tags: Vec<Tag>) -> Answer<'_, ()> {
        Box::pin(async move {
            let _order = self.inner.settings.lock().await;
            let (of, tags) = (Arc::clone(&bucket), Arc::<[Tag]>::from(tags));
            let kept = Arc::clone(&tags);
            self.write_directory("set_bucket_tags", move |tx| {
                directory::set_tags(tx, &of, &tags)
            })
            .await?;
            self.inner
                .buckets
                .change(&bucket, |bucket| bucket.tags = kept);
            Ok(())
        })
    }

    fn set_cors(&self, bucket: Arc<Bucket>, rules: Vec<CorsRule>) -> Answer<'_, ()> {
        Box::pin(async move {
            let _order = self.inner.settings.lock().await;
            let (of, rules) = (Arc::clone(&bucket), Arc::<[CorsRule]>::from(rules));
            let kept = Arc::clone(&rules);
            self.write_directory("set_cors", move |tx| directory::set_cors(tx, &of, &rules))
                .await?;
            self.inner
                .buckets
                .change(&bucket, |bucket| bucket.cors = kept);
            Ok(())
        })
    }

    fn commit_object(&self, commit: CommitObject) -> Answer<'_, Committed> {
        self.write("commit_object", commit.bucket, move |tx| {
            objects::commit(tx, &commit)
        })
    }

    fn find<'a>(
        &'a self,
        bucket: BucketId,
        key: &'a str,
        version: Option<VersionId>,
    ) -> Answer<'a, Lookup> {
        let place = Place { bucket, key };
        ready(
            self.inner
                .shard(bucket)
                .read("find", |c| Ok(objects::find(c, place, version)?)),
        )
    }

    fn delete_versions(
        &self,
        bucket: BucketId,
        deletions: Vec<DeleteVersion>,
        now_us: TimeUs,
    ) -> Answer<'_, Vec<Result<DeleteResult, Error>>> {
        self.write("delete_versions", bucket, move |tx| {
            let versioning = objects::versioning(tx, bucket)?;
            deletions
                .iter()
                .map(|deletion| {
                    let place = Place {
                        bucket,
                        key: &deletion.key,
                    };
                    let done =
                        tx.savepoint(|tx| objects::delete(tx, place, deletion, versioning, now_us));
                    match done {
                        Ok(result) => Ok(Ok(result)),
                        Err(Failure::Refused(error)) => Ok(Err(error)),
                        Err(failure) => Err(failure),
                    }
                })
                .collect()
        })
    }

    fn set_tags(
        &self,
        bucket: BucketId,
        key: String,
        version: Option<VersionId>,
        tags: Vec<Tag>,
    ) -> Answer<'_, Committed> {
        self.write("set_tags", bucket, move |tx| {
            objects::set_tags(tx, Place { bucket, key: &key }, version, &tags)
        })
    }

    fn list_objects(&self, bucket: BucketId, query: ListQuery) -> Answer<'_, ListPage> {
        self.in_bucket("list_objects", bucket, move |c| {
            Ok(listing::objects(c, bucket, &query)?)
        })
    }

    fn list_versions(&self, bucket: BucketId, query: VersionQuery) -> Answer<'_, VersionPage> {
        let after = query.after_version.as_deref().map(VersionId::parse);
        match after.transpose() {
            Err(error) => ready(Err(error)),
            Ok(after) => self.in_bucket("list_versions", bucket, move |c| {
                Ok(listing::versions(c, bucket, &query, after)?)
            }),
        }
    }

    fn create_upload(&self, bucket: BucketId, upload: Upload) -> Answer<'_, ()> {
        self.write("create_upload", bucket, move |tx| {
            uploads::create(tx, bucket, &upload)
        })
    }

    fn find_upload<'a>(
        &'a self,
        bucket: BucketId,
        key: &'a str,
        upload: UploadId,
    ) -> Answer<'a, Upload> {
        ready(
            self.inner
                .shard(bucket)
                .read("find_upload", |c| uploads::find(c, bucket, key, upload)),
        )
    }

    fn commit_part(&self, commit: CommitPart) -> Answer<'_, ()> {
        self.write("commit_part", commit.bucket, move |tx| {
            uploads::commit_part(tx, &commit)
        })
    }

    fn parts(
        &self,
        bucket: BucketId,
        upload: UploadId,
        marker: u32,
        max: u32,
    ) -> Answer<'_, (Vec<StoredPart>, bool)> {
        self.in_bucket("parts", bucket, move |c| {
            Ok(uploads::parts(c, upload, marker, max)?)
        })
    }

    fn list_uploads(&self, bucket: BucketId, query: UploadQuery) -> Answer<'_, UploadPage> {
        // An id that names no upload can still stand as a marker: nothing of
        // its key comes after it.
        let after = query
            .after_upload
            .as_deref()
            .map(|id| UploadId::parse(id).unwrap_or(UploadId(Uuid::max())));
        self.in_bucket("list_uploads", bucket, move |c| {
            Ok(uploads::list(c, bucket, &query, after)?)
        })
    }

    fn complete_upload(
        &self,
        bucket: BucketId,
        upload: UploadId,
        request: CompleteRequest,
        now_us: TimeUs,
    ) -> Answer<'_, PutResult> {
        self.write("complete_upload", bucket, move |tx| {
            uploads::complete(tx, bucket, upload, &request, now_us)
        })
    }

    fn abort_upload(&self, bucket: BucketId, key: String, upload: UploadId) -> Answer<'_, ()> {
        self.write("abort_upload", bucket, move |tx| {
            uploads::abort(tx, bucket, &key, upload)
        })
    }

    fn shards(&self) -> usize {
        self.inner.shards.len()
    }

    fn garbage(&self, shard: usize, after: u64, max: usize) -> Answer<'_, Vec<Garbage>> {
        self.in_shard("garbage", shard, move |c| {
            Ok(behind::garbage(c, after, max)?)
        })
    }

    fn forget_garbage(&self, shard: usize, gone: Vec<Garbage>) -> Answer<'_, ()> {
        self.write_shard("forget_garbage", shard, move |tx| {
            behind::forget_garbage(tx, &gone)
        })
    }

    fn data(&self, objects: Vec<ObjectId>) -> Answer<'_, Vec<Option<DataRef>>> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            tokio::task::spawn_blocking(move || find_data(&inner, &objects))
                .await
                .unwrap_or(Err(Error::Internal))
        })
    }

    fn scan_data(
        &self,
        shard: usize,
        after: Option<ObjectId>,
        max: usize,
    ) -> Answer<'_, Vec<DataRef>> {
        self.in_shard("scan_data", shard, move |c| {
            Ok(behind::scan_data(c, after, max)?)
        })
    }

    fn missing(
        &self,
        shard: usize,
        after: Option<MissingReplica>,
        max: usize,
    ) -> Answer<'_, Vec<MissingReplica>> {
        self.in_shard("missing", shard, move |c| {
            Ok(behind::missing(c, after, max)?)
        })
    }

    fn forget_missing(&self, shard: usize, done: Vec<MissingReplica>) -> Answer<'_, ()> {
        self.write_shard("forget_missing", shard, move |tx| {
            behind::forget_missing(tx, &done)
        })
    }

    fn sweep(&self, shard: usize, now_us: TimeUs, max: usize) -> Answer<'_, usize> {
        Box::pin(async move {
            // Looked for often and found seldom: only what is found costs a
            // transaction.
            let found = self
                .in_shard("sweep", shard, move |c| Ok(behind::can_sweep(c, now_us)?))
                .await?;
            if !found {
                return Ok(0);
            }
            self.write_shard("sweep", shard, move |tx| behind::sweep(tx, now_us, max))
                .await
        })
    }

    fn store_id(&self) -> Answer<'_, Uuid> {
        self.write_directory("store_id", |tx| {
            let kept = directory::fact(tx, FACT_STORE)?;
            if let Some(id) = kept.and_then(|id| Uuid::try_parse(&id).ok()) {
                return Ok(id);
            }
            let id = Uuid::now_v7();
            directory::set_fact(tx, FACT_STORE, &id.as_simple().to_string())?;
            Ok(id)
        })
    }

    fn cluster_maps(&self) -> Answer<'_, Option<String>> {
        ready(self.inner.directory.read("cluster_maps", |c| {
            Ok(directory::fact(c, FACT_CLUSTER_MAPS)?)
        }))
    }

    fn set_cluster_maps(&self, maps: String) -> Answer<'_, ()> {
        self.write_directory("set_cluster_maps", move |tx| {
            directory::set_fact(tx, FACT_CLUSTER_MAPS, &maps)
        })
    }

    fn next_epoch(&self, host: u32) -> Answer<'_, u32> {
        self.write_directory("next_epoch", move |tx| directory::next_epoch(tx, host))
    }

    fn status(&self) -> Answer<'_, Vec<ShardStatus>> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            tokio::task::spawn_blocking(move || inner.shards.iter().map(shard_status).collect())
                .await
                .unwrap_or(Err(Error::Internal))
        })
    }

    fn directory_stopped(&self) -> bool {
        self.inner.directory.writer.status().stopped
    }

    fn close(&self) -> Answer<'_, ()> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            let closed = tokio::task::spawn_blocking(move || {
                for shard in &inner.shards {
                    shard.writer.close();
                }
                inner.directory.writer.close();
            });
            closed.await.map_err(|_| Error::Internal)
        })
    }
}

/// Looks blobs up in every shard: their ids do not say which.
fn find_data(inner: &Inner, objects: &[ObjectId]) -> Result<Vec<Option<DataRef>>, Error> {
    let mut found = vec![None; objects.len()];
    for shard in &inner.shards {
        shard.read("data", |connection| {
            in_snapshot(connection, |connection| {
                for (object, place) in objects.iter().zip(&mut found) {
                    if place.is_none() {
                        *place = behind::data(connection, *object)?;
                    }
                }
                Ok::<_, Failure>(())
            })
        })?;
    }
    Ok(found)
}

fn shard_status(shard: &Database) -> Result<ShardStatus, Error> {
    let (garbage, missing_replicas) =
        shard.read("status", |connection| Ok(behind::counts(connection)?))?;
    let writer = shard.writer.status();
    Ok(ShardStatus {
        queued: writer.queued,
        commits: writer.commits,
        operations: writer.operations,
        garbage,
        missing_replicas,
        stopped: writer.stopped,
    })
}
