//! PutObject.

use super::object_headers::quoted;
use crate::bindings::concierge::objects::blobs::{Checksum, PutRequest};
use crate::call::{Call, Outcome};
use crate::error::S3Error;
use crate::headers::{checksum, conditions, metadata, tagging};
use crate::host::Host;
use crate::http::headers::Headers;
use crate::http::reply::Reply;

/// The storage class that a request names, if any; whether there is such a class is for the host to say.
pub fn storage_class(headers: &Headers) -> Result<Option<String>, S3Error> {
    Ok(headers.single("x-amz-storage-class")?.map(str::to_owned))
}

/// Stores the body under the key.
pub async fn put<H: Host>(call: &Call<'_, H>, body: H::Incoming) -> Outcome<H> {
    let headers = &call.request.headers;
    let request = PutRequest {
        bucket: call.bucket(),
        key: call.key(),
        metadata: metadata::parse_metadata(headers)?,
        tags: tagging::parse_tagging(headers)?.unwrap_or_default(),
        storage_class: storage_class(headers)?,
        conditions: conditions::parse_write(headers)?,
        body: call.body()?,
    };
    let result = call.host.put(call.token(), request, body).await?;
    let mut reply = Reply::empty(200);
    reply.set("etag", &quoted(&result.etag));
    reply.set_some("x-amz-version-id", result.version_id.as_deref());
    set_checksum(&mut reply, result.checksum.as_ref());
    Ok(reply)
}

/// The checksum of what was stored, in one piece.
pub fn set_checksum<S>(reply: &mut Reply<S>, stored: Option<&Checksum>) {
    checksum::set(reply, stored, None);
}
