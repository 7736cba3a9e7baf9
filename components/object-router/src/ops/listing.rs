//! ListObjects (both versions), and what all listings share.

use super::acl::push_owner;
use crate::bindings::concierge::objects::buckets::BucketInfo;
use crate::bindings::concierge::objects::listing::{Entry, Item, Page, Query};
use crate::call::{Call, Outcome, continuation, parse_continuation};
use crate::error::S3Error;
use crate::headers::checksum;
use crate::host::Host;
use crate::http::date;
use crate::http::escape;
use crate::http::reply::Reply;
use crate::http::request::parse_decimal;
use crate::xml::Writer;

/// The most entries of a page (API Reference, "ListObjectsV2", max-keys).
pub const MAX_PAGE: u32 = 1000;

/// Bytes that an entry takes in a document, about.
const ENTRY_BYTES: usize = 320;

/// What every listing takes.
pub struct Common {
    /// Keys begin with it.
    pub prefix: String,
    /// What rolls keys up; never empty.
    pub delimiter: Option<String>,
    /// How many entries at most.
    pub max: u32,
    /// Keys are written URL-encoded, for clients whose XML cannot hold them.
    pub url: bool,
}

impl Common {
    /// Reads the parameters; `max_name` is what the limit is called.
    pub fn parse<H: Host>(call: &Call<'_, H>, max_name: &'static str) -> Result<Self, S3Error> {
        let query = &call.request.query;
        let url = match query.get("encoding-type") {
            None => false,
            Some("url") => true,
            Some(other) => {
                return Err(S3Error::argument(
                    "Invalid Encoding Method specified in Request",
                    "encoding-type",
                    other,
                ));
            }
        };
        Ok(Self {
            prefix: query.get("prefix").unwrap_or_default().to_owned(),
            delimiter: query.filled("delimiter").map(str::to_owned),
            max: parse_max(query.filled(max_name), max_name)?,
            url,
        })
    }

    /// A key as this listing writes it.
    pub fn key(&self, xml: &mut Writer, name: &str, key: &str) {
        if self.url {
            xml.text(name, &escape::encode_listing(key));
        } else {
            xml.text(name, key);
        }
    }

    /// A key that was sent, or is to be sent again; left out where there is none.
    pub fn key_some(&self, xml: &mut Writer, name: &str, key: Option<&str>) {
        if let Some(key) = key {
            self.key(xml, name, key);
        }
    }

    /// Keys rolled up.
    pub fn common_prefix(&self, xml: &mut Writer, prefix: &str) {
        xml.element("CommonPrefixes", |xml| self.key(xml, "Prefix", prefix));
    }

    /// `EncodingType`, where it was asked for.
    pub fn encoding_type(&self, xml: &mut Writer) {
        xml.text_some("EncodingType", self.url.then_some("url"));
    }
}

/// Reads the limit of a page; more than [`MAX_PAGE`] are never sent.
pub fn parse_max(text: Option<&str>, name: &str) -> Result<u32, S3Error> {
    let Some(text) = text else {
        return Ok(MAX_PAGE);
    };
    match parse_decimal(text) {
        Some(max) if max <= i32::MAX as u64 => Ok(MAX_PAGE.min(max as u32)),
        _ => Err(S3Error::argument(
            format!("Provided {name} not an integer or within integer range"),
            name,
            text,
        )),
    }
}

/// ListObjects
pub async fn version_1<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let common = Common::parse(call, "max-keys")?;
    let marker = call.request.query.get("marker").unwrap_or_default();
    let page = call
        .host
        .list_objects(call.token(), query(call, &common, marker.to_owned()))
        .await?;
    let owner = call.host.get_bucket(call.token(), call.bucket()).await?;
    let mut xml = Writer::with_capacity(512 + ENTRY_BYTES * page.items.len());
    xml.root("ListBucketResult");
    xml.text("Name", &call.request.target.bucket);
    common.key(&mut xml, "Prefix", &common.prefix);
    common.key(&mut xml, "Marker", marker);
    if common.delimiter.is_some() {
        // Without a delimiter the last key is the next marker (API Reference, "ListObjects", NextMarker).
        common.key_some(&mut xml, "NextMarker", page.next.as_deref());
    }
    xml.number("MaxKeys", common.max.into());
    common.key_some(&mut xml, "Delimiter", common.delimiter.as_deref());
    common.encoding_type(&mut xml);
    xml.boolean("IsTruncated", page.next.is_some());
    push_items(&mut xml, &common, &page, Some(&owner));
    xml.close("ListBucketResult");
    Ok(Reply::xml(xml.finish()))
}

/// ListObjectsV2
pub async fn version_2<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let common = Common::parse(call, "max-keys")?;
    let parameters = &call.request.query;
    let token = parameters.get("continuation-token");
    let start_after = parameters.filled("start-after");
    let after = match token {
        Some(token) => parse_continuation(token)
            .filter(|place| !place.is_empty())
            .ok_or_else(|| {
                S3Error::argument(
                    "The continuation token provided is incorrect",
                    "continuation-token",
                    token,
                )
            })?,
        None => start_after.unwrap_or_default().to_owned(),
    };
    let page = call
        .host
        .list_objects(call.token(), query(call, &common, after))
        .await?;
    let owner = match parameters.get("fetch-owner") {
        Some("true") => Some(call.host.get_bucket(call.token(), call.bucket()).await?),
        _ => None,
    };
    let mut xml = Writer::with_capacity(512 + ENTRY_BYTES * page.items.len());
    xml.root("ListBucketResult");
    xml.text("Name", &call.request.target.bucket);
    common.key(&mut xml, "Prefix", &common.prefix);
    xml.text_some("ContinuationToken", token);
    xml.text_some(
        "NextContinuationToken",
        page.next.as_deref().map(continuation).as_deref(),
    );
    common.key_some(&mut xml, "StartAfter", start_after);
    xml.number("KeyCount", page.items.len() as u64);
    xml.number("MaxKeys", common.max.into());
    common.key_some(&mut xml, "Delimiter", common.delimiter.as_deref());
    common.encoding_type(&mut xml);
    xml.boolean("IsTruncated", page.next.is_some());
    push_items(&mut xml, &common, &page, owner.as_ref());
    xml.close("ListBucketResult");
    Ok(Reply::xml(xml.finish()))
}

fn query<H: Host>(call: &Call<'_, H>, common: &Common, after: String) -> Query {
    Query {
        bucket: call.bucket(),
        prefix: common.prefix.clone(),
        delimiter: common.delimiter.clone(),
        after,
        max: common.max,
    }
}

/// First the objects and then the common prefixes, as S3 does.
fn push_items(xml: &mut Writer, common: &Common, page: &Page, owner: Option<&BucketInfo>) {
    for item in &page.items {
        if let Item::Object(entry) = item {
            xml.element("Contents", |xml| push_object(xml, common, entry, owner));
        }
    }
    for item in &page.items {
        if let Item::Prefix(prefix) = item {
            common.common_prefix(xml, prefix);
        }
    }
}

fn push_object(xml: &mut Writer, common: &Common, entry: &Entry, owner: Option<&BucketInfo>) {
    push_entry(xml, common, entry);
    if let Some(owner) = owner {
        push_owner(xml, &owner.owner_id, &owner.owner_name);
    }
}

/// What listings of objects and of versions tell alike.
pub fn push_entry(xml: &mut Writer, common: &Common, entry: &Entry) {
    common.key(xml, "Key", &entry.key);
    xml.text("LastModified", &date::xml(entry.modified_us));
    xml.etag(&entry.etag);
    if let Some((algorithm, kind)) = entry.checksum {
        xml.text("ChecksumAlgorithm", checksum::wire_name(algorithm));
        xml.text("ChecksumType", checksum::kind_name(kind));
    }
    xml.number("Size", entry.size);
    xml.text("StorageClass", &entry.storage_class);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_a_page() {
        assert_eq!(parse_max(None, "max-keys").unwrap(), 1000);
        assert_eq!(parse_max(Some("0"), "max-keys").unwrap(), 0);
        assert_eq!(parse_max(Some("7"), "max-keys").unwrap(), 7);
        assert_eq!(parse_max(Some("2147483647"), "max-keys").unwrap(), 1000);
        for text in ["-1", "x", "1.5", "2147483648", "99999999999999999999999"] {
            assert!(parse_max(Some(text), "max-keys").is_err(), "{text}");
        }
    }
}
