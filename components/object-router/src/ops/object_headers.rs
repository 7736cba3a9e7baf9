//! The headers that tell of an object in the answers of GET, HEAD and `304 Not Modified`.

use crate::bindings::concierge::objects::blobs::{GetResult, ObjectInfo};
use crate::error::S3Error;
use crate::headers::{checksum, metadata};
use crate::http::date;
use crate::http::query::Query;
use crate::http::reply::{HeaderList, Reply};

/// The storage class that is not named in an answer (API Reference, "GetObject", x-amz-storage-class).
const STANDARD: &str = "STANDARD";

/// Parameters that replace a header of the answer (API Reference, "GetObject").
const OVERRIDES: &[(&str, &str)] = &[
    ("response-content-type", "content-type"),
    ("response-content-language", "content-language"),
    ("response-expires", "expires"),
    ("response-cache-control", "cache-control"),
    ("response-content-disposition", "content-disposition"),
    ("response-content-encoding", "content-encoding"),
];

/// An answer that has everything but its body.
pub fn of_object<S>(result: &GetResult, checksums: bool, part_asked: bool) -> Reply<S> {
    let status = if result.range.is_some() { 206 } else { 200 };
    let mut reply = Reply {
        status,
        headers: Vec::with_capacity(16),
        body: crate::http::reply::ReplyBody::Empty,
    };
    let info = &result.info;
    reply.set("content-length", &result.length.to_string());
    if let Some((first, last)) = result.range {
        reply.set(
            "content-range",
            &format!("bytes {first}-{last}/{}", info.size),
        );
    }
    reply.set("accept-ranges", "bytes");
    set_identity(&mut reply, info);
    metadata::set(&mut reply, &info.metadata);
    if info.storage_class != STANDARD {
        reply.set("x-amz-storage-class", &info.storage_class);
    }
    if info.tag_count > 0 {
        reply.set("x-amz-tagging-count", &info.tag_count.to_string());
    }
    if part_asked && let Some(parts) = info.parts {
        reply.set("x-amz-mp-parts-count", &parts.to_string());
    }
    // The stored checksum is of the whole object; with a piece of it the client would compare unlike things.
    let whole = result.range.is_none() || result.length == info.size;
    if checksums && whole {
        checksum::set(&mut reply, info.checksum.as_ref(), info.parts);
    }
    reply
}

/// Replaces the headers that the query asks to be replaced.
pub fn override_headers<S>(reply: &mut Reply<S>, query: &Query) -> Result<(), S3Error> {
    for (parameter, name) in OVERRIDES {
        let Some(value) = query.filled(parameter) else {
            continue;
        };
        if value.bytes().any(|b| b < b' ' && b != b'\t' || b == 0x7f) {
            return Err(S3Error::argument(
                "Header value cannot be represented",
                parameter,
                value,
            ));
        }
        reply.headers.retain(|(known, _)| known != name);
        reply.set(name, value);
    }
    Ok(())
}

/// The headers of `304 Not Modified` (RFC 9110 §15.4.5).
pub fn of_not_modified(info: &ObjectInfo) -> HeaderList {
    let mut reply: Reply<()> = Reply::empty(304);
    set_identity(&mut reply, info);
    reply.set_some("cache-control", info.metadata.cache_control.as_deref());
    reply.set_some("expires", info.metadata.expires.as_deref());
    reply.headers
}

fn set_identity<S>(reply: &mut Reply<S>, info: &ObjectInfo) {
    reply.set("etag", &quoted(&info.etag));
    reply.set("last-modified", &date::http(info.modified_us));
    reply.set_some("x-amz-version-id", info.version_id.as_deref());
}

/// An entity tag with its quotes.
pub fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}
