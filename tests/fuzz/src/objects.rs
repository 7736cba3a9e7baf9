//! What the targets of the object store do with their bytes.

use concierge_objects::{Framing, chunked};
use object_router::bindings::concierge::objects::blobs::Tag;
use object_router::headers::{
    checksum, conditions, copy_source, encoded_word, metadata, range, tagging,
};
use object_router::http::request::{Method, RawRequest, Request, parse_request};
use object_router::http::target::{Domains, MAX_KEY_BYTES};
use object_router::sigv4::{Signed, parse_signed};
use object_router::xml;

/// The volume file reader: finds what it can in any bytes, within them.
pub fn volume(data: &[u8]) {
    let Ok(volume) = concierge_storage_nodes::scan_bytes(data) else {
        return;
    };
    let length = data.len() as u64;
    for record in &volume.records {
        assert!(
            record.header.offset < length,
            "a record begins behind the end"
        );
        if let Some(payload) = &record.payload {
            assert_eq!(
                payload.len() as u64,
                record.trailer.length,
                "a payload is not as long as its trailer says"
            );
            assert!(
                payload.len() <= data.len(),
                "a payload is longer than the file"
            );
        }
    }
    for (from, to) in &volume.gaps {
        assert!(from <= to && *to <= length, "a gap lies outside");
    }
}

/// The `aws-chunked` decoder; the first byte names the framing. What is found must not depend on how the body comes in
/// pieces.
pub fn chunks(data: &[u8]) {
    let Some((framing, rest)) = data.split_first() else {
        return;
    };
    let framing = match framing % 3 {
        0 => Framing::AwsChunked,
        1 => Framing::AwsChunkedSigned,
        _ => Framing::AwsChunkedSignedTrailer,
    };
    let whole = chunked::decode_all(framing, [rest]);
    let one_by_one = chunked::decode_all(framing, rest.chunks(1));
    assert_eq!(whole, one_by_one, "the pieces decide");
    if let Ok(bytes) = whole {
        assert!(bytes.len() < rest.len(), "more came out than went in");
    }
}

/// The documents that clients of S3 send. A set of tags that is read is the same when it is written and read again.
pub fn xml(data: &[u8]) {
    let _ = xml::parse_access_control(data);
    let _ = xml::parse_cors(data);
    let _ = xml::parse_create_bucket(data);
    let _ = xml::parse_versioning(data);
    if let Ok(document) = xml::parse_delete(data) {
        assert!((1..=xml::MAX_DELETES).contains(&document.objects.len()));
        assert!(document.objects.iter().all(|object| !object.key.is_empty()));
    }
    if let Ok(parts) = xml::parse_complete_multipart(data) {
        assert!((1..=xml::MAX_PARTS).contains(&parts.len()));
    }
    if let Ok(tags) = xml::parse_tagging(data) {
        let written = write_tagging(&tags);
        let read = xml::parse_tagging(written.as_bytes());
        assert_eq!(read.as_ref(), Ok(&tags), "{written}");
    }
}

fn write_tagging(tags: &[Tag]) -> String {
    let mut out = xml::Writer::new();
    out.root("Tagging");
    out.element("TagSet", |out| {
        for tag in tags {
            out.element("Tag", |out| {
                out.text("Key", &tag.key);
                out.text("Value", &tag.value);
            });
        }
    });
    out.close("Tagging");
    out.finish()
}

/// A request of S3 up to its signature, as lines: `METHOD TARGET`, then `name: value`. The canonical request of a
/// request is also that of its canonical form.
pub fn signature(data: &[u8]) {
    let raw = raw_request(data);
    let Ok(request) = parse_request(raw.clone(), &Domains::default()) else {
        return;
    };
    assert!(request.target.key.len() <= MAX_KEY_BYTES);
    headers(&request);
    let Ok(signed) = parse_signed(&request) else {
        return;
    };
    check_form(&signed);
    let path = signed.request.canonical_request.split('\n').nth(1);
    let query = raw.path_with_query.split_once('?').map(|(_, query)| query);
    let again = RawRequest {
        path_with_query: [path, query]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("?"),
        ..raw
    };
    let again = parse_request(again, &Domains::default()).map(|request| parse_signed(&request));
    assert_eq!(
        again.ok(),
        Some(Ok(signed)),
        "the canonical form has another"
    );
}

fn raw_request(data: &[u8]) -> RawRequest {
    let mut lines = data.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (method, target) = first.split_once(' ').unwrap_or((&first, "/"));
    let headers = lines
        .map(|line| {
            let at = line.iter().position(|byte| *byte == b':');
            let (name, value) = line.split_at(at.unwrap_or(line.len()));
            let value = value.strip_prefix(b":").unwrap_or(value);
            (String::from_utf8_lossy(name).into_owned(), value.to_vec())
        })
        .collect();
    RawRequest {
        method: Method::parse(method),
        path_with_query: target.to_owned(),
        authority: None,
        tls: false,
        headers,
    }
}

/// What `wit/identity/sigv4.wit` says of each field.
fn check_form(signed: &Signed) {
    let request = &signed.request;
    assert!(request.canonical_request.len() <= 64 << 10);
    assert!((1..=128).contains(&request.access_key_id.len()));
    assert_eq!(request.timestamp.len(), 16);
    assert_eq!(request.scope_date, request.timestamp[..8]);
    assert_eq!(request.signature.len(), 64);
    assert!(
        request
            .expires_s
            .is_none_or(|life| (1..=604_800).contains(&life))
    );
}

/// The headers that are read before or after the signature.
fn headers(request: &Request) {
    let headers = &request.headers;
    let _ = checksum::parse_announced(headers, true);
    let _ = checksum::parse_md5(headers);
    let _ = conditions::parse_read(headers);
    let _ = conditions::parse_write(headers);
    let _ = copy_source::parse_copy_source(headers);
    let _ = range::parse_range(headers);
    let _ = tagging::parse_tagging(headers);
    if let Ok(metadata) = metadata::parse_metadata(headers) {
        for (_, value) in &metadata.user {
            let encoded = encoded_word::encode(value);
            assert!(encoded.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t')));
            let plain = encoded == *value;
            assert!(plain || encoded_word::decode(&encoded) == *value);
        }
    }
}
