//! The bytes of mail in the object store.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use concierge_identity::{AccountId, Principal, Role};
use concierge_mail::blobs::{Answer, BlobStore};
use concierge_mail::store::BlobKey;
use concierge_mail::types::calls::ByteStream;
use concierge_objects::{
    Body, BodyError, ByteRange, DeleteRequest, Error, GetRequest, ObjectStore, PutRequest,
};
use futures::StreamExt;

use crate::exit::Failure;

/// The bucket that has them. It belongs to the host itself, as no account does.
const BUCKET: &str = "concierge-mail";

/// The object store as mail uses it.
pub struct ObjectBlobs {
    objects: Arc<ObjectStore>,
    host: Principal,
}

impl ObjectBlobs {
    /// Opens the bucket, which is made if need be.
    pub async fn open(objects: Arc<ObjectStore>) -> Result<Self, Failure> {
        let nobody = AccountId(uuid::Uuid::nil());
        let host = Principal::trusted(nobody, "concierge".into(), Role::User);
        match objects.create_bucket(&host, BUCKET, "").await {
            Ok(()) | Err(Error::BucketAlreadyOwnedByYou) => Ok(Self { objects, host }),
            Err(Error::BucketAlreadyExists) => Err(Failure::failed(format!(
                "the bucket {BUCKET}, which mail needs for itself, belongs to an account"
            ))),
            Err(error) => Err(Failure::failed(format!("the bucket of mail: {error}"))),
        }
    }
}

impl BlobStore for ObjectBlobs {
    fn put(&self, key: BlobKey, size: u64, bytes: ByteStream) -> Answer<'_, ()> {
        Box::pin(async move {
            let body = bytes.map(|data| data.map_err(|error| BodyError(error.to_string())));
            let request = PutRequest {
                bucket: BUCKET.to_owned(),
                key: key.name(),
                body: Body {
                    size: Some(size),
                    sha256: Some(key.hash.0.to_vec()),
                    ..Body::default()
                },
                ..PutRequest::default()
            };
            let put = self.objects.put(&self.host, request, Box::pin(body)).await;
            put.map(drop).map_err(io_error)
        })
    }

    fn read(&self, key: BlobKey, range: Range<u64>) -> Answer<'_, ByteStream> {
        Box::pin(async move {
            let Some(last) = range.end.checked_sub(1).filter(|last| *last >= range.start) else {
                return Ok(futures::stream::empty().boxed() as ByteStream);
            };
            let request = GetRequest {
                bucket: BUCKET.to_owned(),
                key: key.name(),
                range: Some(ByteRange::Span(range.start, Some(last))),
                ..GetRequest::default()
            };
            let (_, bytes) = self
                .objects
                .get(&self.host, request)
                .await
                .map_err(io_error)?;
            let bytes = bytes.map(|data| data.map_err(|error| io::Error::other(error.to_string())));
            Ok(bytes.boxed() as ByteStream)
        })
    }

    fn delete(&self, key: BlobKey) -> Answer<'_, ()> {
        Box::pin(async move {
            let request = DeleteRequest {
                key: key.name(),
                ..DeleteRequest::default()
            };
            let deleted = self.objects.delete(&self.host, BUCKET, request).await;
            deleted.map(drop).map_err(io_error)
        })
    }
}

fn io_error(error: Error) -> io::Error {
    let kind = match &error {
        Error::NoSuchKey(_) | Error::NoSuchBucket => io::ErrorKind::NotFound,
        Error::IncompleteBody | Error::BadDigest | Error::ContentSha256Mismatch => {
            io::ErrorKind::InvalidData
        }
        Error::InsufficientStorage => io::ErrorKind::StorageFull,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error.to_string())
}
