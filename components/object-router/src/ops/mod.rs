//! The operations of S3: each reads its request, asks the host, and shapes the answer.

pub mod acl;
pub mod attributes;
pub mod buckets;
pub mod copy;
pub mod cors;
pub mod delete;
pub mod get;
pub mod listing;
pub mod multipart;
pub mod object_headers;
pub mod put;
pub mod tagging;
pub mod uploads;
pub mod versions;

use crate::call::{Call, Outcome};
use crate::host::Host;
use crate::route::Operation;

/// Runs an operation.
pub async fn run<H: Host>(
    operation: Operation,
    call: &Call<'_, H>,
    body: H::Incoming,
) -> Outcome<H> {
    use Operation as Op;
    match operation {
        Op::ListBuckets => buckets::list(call).await,
        Op::CreateBucket => buckets::create(call, body).await,
        Op::HeadBucket => buckets::head(call).await,
        Op::DeleteBucket => buckets::delete(call).await,
        Op::GetBucketLocation => buckets::location(call).await,
        Op::GetBucketVersioning => buckets::get_versioning(call).await,
        Op::PutBucketVersioning => buckets::put_versioning(call, body).await,
        Op::Absent(code) => buckets::absent(call, code).await,
        Op::Unset(unset) => buckets::unset(call, unset).await,
        Op::GetBucketTagging => tagging::get_bucket(call).await,
        Op::PutBucketTagging => tagging::put_bucket(call, body).await,
        Op::DeleteBucketTagging => tagging::delete_bucket(call).await,
        Op::GetBucketCors => cors::get(call).await,
        Op::PutBucketCors => cors::put(call, body).await,
        Op::DeleteBucketCors => cors::delete(call).await,
        Op::GetBucketAcl => acl::get_bucket(call).await,
        Op::PutBucketAcl => acl::put_bucket(call, body).await,
        Op::ListObjects => listing::version_1(call).await,
        Op::ListObjectsV2 => listing::version_2(call).await,
        Op::ListObjectVersions => versions::list(call).await,
        Op::ListMultipartUploads => uploads::list(call).await,
        Op::DeleteObjects => delete::many(call, body).await,
        Op::PutObject => put::put(call, body).await,
        Op::CopyObject => copy::copy(call).await,
        Op::GetObject => get::get(call).await,
        Op::HeadObject => get::head(call).await,
        Op::DeleteObject => delete::one(call).await,
        Op::GetObjectAttributes => attributes::get(call).await,
        Op::GetObjectTagging => tagging::get_object(call).await,
        Op::PutObjectTagging => tagging::put_object(call, body).await,
        Op::DeleteObjectTagging => tagging::delete_object(call).await,
        Op::GetObjectAcl => acl::get_object(call).await,
        Op::PutObjectAcl => acl::put_object(call, body).await,
        Op::CreateMultipartUpload => multipart::create(call).await,
        Op::UploadPart => multipart::put_part(call, body).await,
        Op::UploadPartCopy => multipart::copy_part(call).await,
        Op::ListParts => uploads::list_parts(call).await,
        Op::CompleteMultipartUpload => multipart::complete(call, body).await,
        Op::AbortMultipartUpload => multipart::abort(call).await,
    }
}
