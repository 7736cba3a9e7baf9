//! ListObjectVersions.

use super::acl::push_owner;
use super::listing::{Common, push_entry};
use crate::bindings::concierge::objects::buckets::BucketInfo;
use crate::bindings::concierge::objects::listing::{VersionEntry, VersionItem, VersionQuery};
use crate::call::{Call, Outcome};
use crate::error::S3Error;
use crate::host::Host;
use crate::http::date;
use crate::http::reply::Reply;
use crate::xml::Writer;

/// Lists all versions and delete markers of a bucket, those of a key from new to old.
pub async fn list<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let common = Common::parse(call, "max-keys")?;
    let key_marker = call.request.query.get("key-marker").unwrap_or_default();
    let version_marker = call.request.query.filled("version-id-marker");
    if version_marker.is_some() && key_marker.is_empty() {
        let message = "A version-id marker cannot be specified without a key marker.";
        return Err(S3Error::argument(
            message,
            "version-id-marker",
            version_marker.unwrap_or_default(),
        ));
    }
    let query = VersionQuery {
        bucket: call.bucket(),
        prefix: common.prefix.clone(),
        delimiter: common.delimiter.clone(),
        after: key_marker.to_owned(),
        after_version: version_marker.map(str::to_owned),
        max: common.max,
    };
    let page = call.host.list_versions(call.token(), query).await?;
    let owner = call.host.get_bucket(call.token(), call.bucket()).await?;
    let mut xml = Writer::with_capacity(512 + 420 * page.items.len());
    xml.root("ListVersionsResult");
    xml.text("Name", &call.request.target.bucket);
    common.key(&mut xml, "Prefix", &common.prefix);
    common.key(&mut xml, "KeyMarker", key_marker);
    xml.text("VersionIdMarker", version_marker.unwrap_or_default());
    if let Some((key, version)) = &page.next {
        common.key(&mut xml, "NextKeyMarker", key);
        xml.text_some("NextVersionIdMarker", version.as_deref());
    }
    xml.number("MaxKeys", common.max.into());
    common.key_some(&mut xml, "Delimiter", common.delimiter.as_deref());
    common.encoding_type(&mut xml);
    xml.boolean("IsTruncated", page.next.is_some());
    for item in &page.items {
        if let VersionItem::Version(version) = item {
            push_version(&mut xml, &common, version, &owner);
        }
    }
    for item in &page.items {
        if let VersionItem::Prefix(prefix) = item {
            common.common_prefix(&mut xml, prefix);
        }
    }
    xml.close("ListVersionsResult");
    Ok(Reply::xml(xml.finish()))
}

fn push_version(xml: &mut Writer, common: &Common, version: &VersionEntry, owner: &BucketInfo) {
    let name = if version.delete_marker {
        "DeleteMarker"
    } else {
        "Version"
    };
    xml.element(name, |xml| {
        if version.delete_marker {
            common.key(xml, "Key", &version.object.key);
            xml.text("LastModified", &date::xml(version.object.modified_us));
        } else {
            push_entry(xml, common, &version.object);
        }
        xml.text("VersionId", &version.version_id);
        xml.boolean("IsLatest", version.latest);
        push_owner(xml, &owner.owner_id, &owner.owner_name);
    });
}
