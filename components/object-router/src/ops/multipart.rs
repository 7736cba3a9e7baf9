//! Uploads in parts: their creation, parts, completion and end (User Guide, "Uploading and copying objects using
//! multipart upload").

use super::get::parse_part_number;
use super::object_headers::quoted;
use super::put::storage_class;
use crate::bindings::concierge::objects::blobs::{Error, PutResult};
use crate::bindings::concierge::objects::multipart::{
    CompleteRequest, CreateRequest, PartCopyRequest, PartCopyResult, UploadInfo,
};
use crate::call::{Call, Outcome};
use crate::error::{Code, S3Error};
use crate::headers::{checksum, conditions, copy_source, metadata, range, tagging};
use crate::host::Host;
use crate::http::date;
use crate::http::escape;
use crate::http::headers::Headers;
use crate::http::reply::Reply;
use crate::http::request::parse_decimal;
use crate::ops::copy::of_source;
use crate::xml::{Writer, parse_complete_multipart};

/// The longest `CompleteMultipartUpload` document taken, in bytes: 10,000 parts with every checksum.
const MAX_DOCUMENT_BYTES: usize = 8 * 1024 * 1024;

/// CreateMultipartUpload
pub async fn create<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let headers = &call.request.headers;
    let request = CreateRequest {
        bucket: call.bucket(),
        key: call.key(),
        metadata: metadata::parse_metadata(headers)?,
        tags: tagging::parse_tagging(headers)?.unwrap_or_default(),
        storage_class: storage_class(headers)?,
        checksum: checksum::named_algorithm(headers, "x-amz-checksum-algorithm")?,
        checksum_kind: checksum::parse_kind(headers)?,
    };
    let upload = call.host.create_upload(call.token(), request).await?;
    let mut reply = Reply::xml(created_document(&call.request.target.bucket, &upload));
    if let Some((algorithm, kind)) = upload.checksum {
        reply.set("x-amz-checksum-algorithm", checksum::wire_name(algorithm));
        reply.set("x-amz-checksum-type", checksum::kind_name(kind));
    }
    Ok(reply)
}

fn created_document(bucket: &str, upload: &UploadInfo) -> String {
    let mut xml = Writer::new();
    xml.root("InitiateMultipartUploadResult");
    xml.text("Bucket", bucket);
    xml.text("Key", &upload.key);
    xml.text("UploadId", &upload.upload_id);
    xml.close("InitiateMultipartUploadResult");
    xml.finish()
}

/// UploadPart
pub async fn put_part<H: Host>(call: &Call<'_, H>, body: H::Incoming) -> Outcome<H> {
    let number = part_number(call)?;
    let part = call
        .host
        .put_part(call.token(), call.upload(), number, call.body()?, body)
        .await?;
    let mut reply = Reply::empty(200);
    reply.set("etag", &quoted(&part.etag));
    if let Some(stored) = &part.checksum {
        reply.set(
            checksum::header_name(stored.algorithm),
            &checksum::show(stored, None),
        );
    }
    Ok(reply)
}

/// UploadPartCopy
pub async fn copy_part<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let headers = &call.request.headers;
    let source = copy_source::parse_copy_source(headers)?;
    let upload = call.upload();
    let request = PartCopyRequest {
        source_bucket: source.bucket,
        source_key: source.key,
        source_version_id: source.version_id,
        source_conditions: conditions::parse_copy_source(headers),
        source_range: range::parse_copy_range(headers)?,
        bucket: upload.bucket,
        key: upload.key,
        upload_id: upload.upload_id,
        number: part_number(call)?,
    };
    let (key, version) = (
        request.source_key.clone(),
        request.source_version_id.clone(),
    );
    let result = match call.host.copy_part(call.token(), request).await {
        Err(Error::InvalidRange(size)) => return Err(range_of_no_source(headers, size)),
        other => other.map_err(|error| of_source(error.into(), key, version))?,
    };
    let mut reply = Reply::xml(copied_document(&result));
    reply.set_some(
        "x-amz-copy-source-version-id",
        result.source_version_id.as_deref(),
    );
    Ok(reply)
}

/// A range that goes past the end of the source: unlike a read, a copy is not cut short, and its error is another.
fn range_of_no_source(headers: &Headers, size: u64) -> S3Error {
    S3Error::argument(
        format!("Range specified is not valid for source object of size: {size}"),
        "x-amz-copy-source-range",
        headers.get("x-amz-copy-source-range").unwrap_or_default(),
    )
}

fn copied_document(result: &PartCopyResult) -> String {
    let mut xml = Writer::new();
    xml.root("CopyPartResult");
    xml.etag(&result.part.etag);
    xml.text("LastModified", &date::xml(result.part.modified_us));
    if let Some(stored) = &result.part.checksum {
        xml.text(
            checksum::element_name(stored.algorithm),
            &checksum::show(stored, None),
        );
    }
    xml.close("CopyPartResult");
    xml.finish()
}

/// Both parameters must be there; a put with one of them alone is not a put of an object.
fn part_number<H: Host>(call: &Call<'_, H>) -> Result<u32, S3Error> {
    let query = &call.request.query;
    if !query.has("uploadId") {
        return Err(S3Error::argument(
            "This operation does not accept partNumber without uploadId",
            "partNumber",
            "",
        ));
    }
    let missing = || {
        S3Error::argument(
            "This operation does not accept uploadId without partNumber",
            "uploadId",
            "",
        )
    };
    parse_part_number(query.get("partNumber").ok_or_else(missing)?)
}

/// CompleteMultipartUpload. Parts are joined in the catalogue, so that the answer need not be kept alive meanwhile.
pub async fn complete<H: Host>(call: &Call<'_, H>, body: H::Incoming) -> Outcome<H> {
    let headers = &call.request.headers;
    let conditions = conditions::parse_write(headers)?;
    let checksum = checksum::parse_header(headers)?;
    let checksum_kind = checksum::parse_kind(headers)?;
    let size = object_size(call)?;
    let bytes = call.document_of_object(body, MAX_DOCUMENT_BYTES).await?;
    if bytes.is_empty() {
        return Err(S3Error::request("You must specify at least one part"));
    }
    let parts = parse_complete_multipart(&bytes)?;
    drop(bytes);
    let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let upload = call.upload();
    let request = CompleteRequest {
        bucket: upload.bucket,
        key: upload.key,
        upload_id: upload.upload_id,
        parts,
        checksum,
        checksum_kind,
        size,
        conditions,
    };
    let result = call.host.complete_upload(call.token(), request).await?;
    let mut reply = Reply::xml(completed_document(call, &result, count));
    reply.set_some("x-amz-version-id", result.version_id.as_deref());
    Ok(reply)
}

fn object_size<H: Host>(call: &Call<'_, H>) -> Result<Option<u64>, S3Error> {
    let name = "x-amz-mp-object-size";
    let Some(text) = call.request.headers.single(name)? else {
        return Ok(None);
    };
    match parse_decimal(text) {
        Some(size) => Ok(Some(size)),
        None => Err(S3Error::with(
            Code::InvalidRequest,
            format!("Value for {name} header is invalid."),
        )),
    }
}

fn completed_document<H: Host>(call: &Call<'_, H>, result: &PutResult, parts: u32) -> String {
    let target = &call.request.target;
    let scheme = if call.request.tls { "https" } else { "http" };
    let mut location = format!("{scheme}://{}/", call.request.host);
    if !call.request.bucket_in_host {
        location.push_str(&escape::encode(&target.bucket, false));
        location.push('/');
    }
    escape::encode_into(&mut location, &target.key, true);
    let mut xml = Writer::new();
    xml.root("CompleteMultipartUploadResult");
    xml.text("Location", &location);
    xml.text("Bucket", &target.bucket);
    xml.text("Key", &target.key);
    xml.etag(&result.etag);
    if let Some(stored) = &result.checksum {
        xml.text(
            checksum::element_name(stored.algorithm),
            &checksum::show(stored, Some(parts)),
        );
        xml.text("ChecksumType", checksum::kind_name(stored.kind));
    }
    xml.close("CompleteMultipartUploadResult");
    xml.finish()
}

/// AbortMultipartUpload
pub async fn abort<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    call.host.abort_upload(call.token(), call.upload()).await?;
    Ok(Reply::empty(204))
}
