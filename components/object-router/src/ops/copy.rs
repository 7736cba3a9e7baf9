//! CopyObject.

use crate::bindings::concierge::objects::blobs::{CopyRequest, CopyResult};
use crate::call::{Call, Outcome};
use crate::error::{Code, S3Error};
use crate::headers::{checksum, conditions, copy_source, metadata, tagging};
use crate::host::Host;
use crate::http::date;
use crate::http::headers::Headers;
use crate::http::reply::Reply;
use crate::ops::put::storage_class;
use crate::xml::Writer;

/// Copies an object within the store. The answer is sent when the copy is durable.
pub async fn copy<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let headers = &call.request.headers;
    let source = copy_source::parse_copy_source(headers)?;
    let replace_metadata = replaces(headers, "x-amz-metadata-directive")?;
    let replace_tags = replaces(headers, "x-amz-tagging-directive")?;
    let storage_class = storage_class(headers)?;
    let checksum = checksum::named_algorithm(headers, "x-amz-checksum-algorithm")?;
    let changes = replace_metadata || replace_tags || storage_class.is_some() || checksum.is_some();
    if !replace_metadata && headers.has(metadata::REDIRECT) {
        // It would be the one header that is new beside the source's metadata; not there, so not dropped in silence.
        return Err(S3Error::not_implemented(metadata::REDIRECT));
    }
    let to_itself =
        source.bucket == call.request.target.bucket && source.key == call.request.target.key;
    if to_itself && source.version_id.is_none() && !changes {
        return Err(S3Error::request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata, storage class, website redirect location or encryption attributes.",
        ));
    }
    let request = CopyRequest {
        source_bucket: source.bucket,
        source_key: source.key,
        source_version_id: source.version_id,
        source_conditions: conditions::parse_copy_source(headers),
        bucket: call.bucket(),
        key: call.key(),
        metadata: if replace_metadata {
            Some(metadata::parse_metadata(headers)?)
        } else {
            None
        },
        tags: if replace_tags {
            Some(tagging::parse_tagging(headers)?.unwrap_or_default())
        } else {
            None
        },
        storage_class,
        checksum,
        conditions: conditions::parse_write(headers)?,
    };
    let (key, version) = (
        request.source_key.clone(),
        request.source_version_id.clone(),
    );
    let copied = call.host.copy(call.token(), request).await;
    let result = copied.map_err(|error| of_source(error.into(), key, version))?;
    let mut reply = Reply::xml(document(&result));
    reply.set_some(
        "x-amz-copy-source-version-id",
        result.source_version_id.as_deref(),
    );
    reply.set_some("x-amz-version-id", result.object.version_id.as_deref());
    Ok(reply)
}

/// Names the source in the error: only that can be missing, but for the bucket.
pub fn of_source(error: S3Error, key: String, version_id: Option<String>) -> S3Error {
    match error.code() {
        Code::NoSuchKey => error.detail("Key", key),
        Code::NoSuchVersion => error
            .detail("Key", key)
            .detail("VersionId", version_id.unwrap_or_default()),
        _ => error,
    }
}

/// Whether a directive says `REPLACE`; `COPY` is the default.
fn replaces(headers: &Headers, name: &'static str) -> Result<bool, S3Error> {
    match headers.single(name)? {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => {
            let message = match name {
                "x-amz-metadata-directive" => "Unknown metadata directive.",
                _ => "Unknown tagging directive.",
            };
            Err(S3Error::argument(message, name, other))
        }
    }
}

fn document(result: &CopyResult) -> String {
    let mut xml = Writer::new();
    xml.root("CopyObjectResult");
    xml.etag(&result.object.etag);
    xml.text("LastModified", &date::xml(result.object.modified_us));
    if let Some(stored) = &result.object.checksum {
        xml.text("ChecksumType", checksum::kind_name(stored.kind));
        xml.text(
            checksum::element_name(stored.algorithm),
            &checksum::show(stored, None),
        );
    }
    xml.close("CopyObjectResult");
    xml.finish()
}
