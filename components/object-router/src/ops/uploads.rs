//! ListMultipartUploads and ListParts.

use super::acl::push_account;
use super::listing::{Common, parse_max};
use crate::bindings::concierge::objects::buckets::BucketInfo;
use crate::bindings::concierge::objects::multipart::{
    PartPage, UploadInfo, UploadItem, UploadQuery,
};
use crate::call::{Call, Outcome};
use crate::error::S3Error;
use crate::headers::checksum;
use crate::host::Host;
use crate::http::date;
use crate::http::reply::Reply;
use crate::http::request::parse_decimal;
use crate::xml::Writer;

/// Lists the uploads of a bucket that were neither completed nor aborted.
pub async fn list<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let common = Common::parse(call, "max-uploads")?;
    let key_marker = call.request.query.get("key-marker").unwrap_or_default();
    // An upload id without a key means nothing, and is ignored (API Reference, "ListMultipartUploads").
    let upload_marker = call
        .request
        .query
        .filled("upload-id-marker")
        .filter(|_| !key_marker.is_empty());
    let query = UploadQuery {
        bucket: call.bucket(),
        prefix: common.prefix.clone(),
        delimiter: common.delimiter.clone(),
        after: key_marker.to_owned(),
        after_upload: upload_marker.map(str::to_owned),
        max: common.max,
    };
    let page = call.host.list_uploads(call.token(), query).await?;
    let owner = call.host.get_bucket(call.token(), call.bucket()).await?;
    let mut xml = Writer::with_capacity(512 + 300 * page.items.len());
    xml.root("ListMultipartUploadsResult");
    xml.text("Bucket", &call.request.target.bucket);
    common.key(&mut xml, "KeyMarker", key_marker);
    xml.text("UploadIdMarker", upload_marker.unwrap_or_default());
    if let Some((key, upload)) = &page.next {
        common.key(&mut xml, "NextKeyMarker", key);
        xml.text_some("NextUploadIdMarker", upload.as_deref());
    }
    common.key(&mut xml, "Prefix", &common.prefix);
    common.key_some(&mut xml, "Delimiter", common.delimiter.as_deref());
    common.encoding_type(&mut xml);
    xml.number("MaxUploads", common.max.into());
    xml.boolean("IsTruncated", page.next.is_some());
    for item in &page.items {
        if let UploadItem::Upload(upload) = item {
            xml.element("Upload", |xml| push_upload(xml, &common, upload, &owner));
        }
    }
    for item in &page.items {
        if let UploadItem::Prefix(prefix) = item {
            common.common_prefix(&mut xml, prefix);
        }
    }
    xml.close("ListMultipartUploadsResult");
    Ok(Reply::xml(xml.finish()))
}

fn push_upload(xml: &mut Writer, common: &Common, upload: &UploadInfo, owner: &BucketInfo) {
    common.key(xml, "Key", &upload.key);
    xml.text("UploadId", &upload.upload_id);
    push_people(xml, owner);
    push_terms(xml, upload);
    xml.text("Initiated", &date::xml(upload.initiated_us));
}

/// Who began an upload and whose object it will be. What is in a bucket is its owner's, whoever put it there.
fn push_people(xml: &mut Writer, owner: &BucketInfo) {
    for role in ["Initiator", "Owner"] {
        push_account(xml, role, &owner.owner_id, &owner.owner_name);
    }
}

/// The storage class and the checksum that an upload was created with.
fn push_terms(xml: &mut Writer, upload: &UploadInfo) {
    xml.text("StorageClass", &upload.storage_class);
    if let Some((algorithm, kind)) = upload.checksum {
        xml.text("ChecksumAlgorithm", checksum::wire_name(algorithm));
        xml.text("ChecksumType", checksum::kind_name(kind));
    }
}

/// Lists the parts of an upload.
pub async fn list_parts<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let query = &call.request.query;
    let max = parse_max(query.filled("max-parts"), "max-parts")?;
    let marker = match query.filled("part-number-marker") {
        None => 0,
        Some(text) => parse_decimal(text)
            .and_then(|marker| u32::try_from(marker).ok())
            .ok_or_else(|| {
                let message = "Provided part-number-marker not an integer or within integer range";
                S3Error::argument(message, "part-number-marker", text)
            })?,
    };
    let page = call
        .host
        .list_parts(call.token(), call.upload(), marker, max)
        .await?;
    let owner = call.host.get_bucket(call.token(), call.bucket()).await?;
    let mut xml = Writer::with_capacity(512 + 240 * page.parts.len());
    xml.root("ListPartsResult");
    xml.text("Bucket", &call.request.target.bucket);
    xml.text("Key", &page.upload.key);
    xml.text("UploadId", &page.upload.upload_id);
    push_people(&mut xml, &owner);
    push_terms(&mut xml, &page.upload);
    push_parts(&mut xml, &page, marker, max);
    xml.close("ListPartsResult");
    Ok(Reply::xml(xml.finish()))
}

fn push_parts(xml: &mut Writer, page: &PartPage, marker: u32, max: u32) {
    xml.number("PartNumberMarker", marker.into());
    let last = page.parts.last().map_or(marker, |part| part.number);
    xml.number("NextPartNumberMarker", last.into());
    xml.number("MaxParts", max.into());
    xml.boolean("IsTruncated", page.truncated);
    for part in &page.parts {
        xml.element("Part", |xml| {
            xml.number("PartNumber", part.number.into());
            xml.text("LastModified", &date::xml(part.modified_us));
            xml.etag(&part.etag);
            xml.number("Size", part.size);
            if let Some(stored) = &part.checksum {
                xml.text(
                    checksum::element_name(stored.algorithm),
                    &checksum::show(stored, None),
                );
            }
        });
    }
}
