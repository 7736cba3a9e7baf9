//! Metadata that is kept with an object: content headers and user metadata (User Guide, "Working with object metadata").

use crate::bindings::concierge::objects::blobs::Metadata;
use crate::error::S3Error;
use crate::http::headers::Headers;
use crate::http::reply::Reply;

const USER_PREFIX: &str = "x-amz-meta-";

/// The type of an object that was stored without one (API Reference, "PutObject").
pub const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// Reads the metadata of a put.
pub fn parse_metadata(headers: &Headers) -> Result<Metadata, S3Error> {
    let kept = |name| {
        headers
            .single(name)
            .map(|value| value.filter(|text| !text.is_empty()).map(str::to_owned))
    };
    Ok(Metadata {
        content_type: kept("content-type")?,
        content_encoding: content_encoding(headers),
        content_language: kept("content-language")?,
        content_disposition: kept("content-disposition")?,
        cache_control: kept("cache-control")?,
        expires: kept("expires")?,
        website_redirect_location: kept("x-amz-website-redirect-location")?,
        user: user_metadata(headers),
    })
}

/// `Content-Encoding` without `aws-chunked`, which is of the transfer and not of the object (API Reference, "Signature
/// Calculations for the Authorization Header: Transferring Payload in Multiple Chunks").
fn content_encoding(headers: &Headers) -> Option<String> {
    let codings: Vec<&str> = headers
        .all("content-encoding")
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    (!codings.is_empty()).then(|| codings.join(","))
}

/// Names without their prefix; a name that was sent twice has its values joined by a comma (RFC 9110 §5.2).
fn user_metadata(headers: &Headers) -> Vec<(String, String)> {
    let mut user: Vec<(String, String)> = Vec::new();
    for (name, value) in headers.iter() {
        let Some(name) = name.strip_prefix(USER_PREFIX) else {
            continue;
        };
        let value = value.trim();
        match user.iter_mut().find(|(known, _)| known == name) {
            Some((_, joined)) => {
                joined.push(',');
                joined.push_str(value);
            }
            None => user.push((name.to_owned(), value.to_owned())),
        }
    }
    user
}

/// Puts metadata into an answer.
pub fn set<S>(reply: &mut Reply<S>, metadata: &Metadata) {
    reply.set(
        "content-type",
        metadata
            .content_type
            .as_deref()
            .unwrap_or(DEFAULT_CONTENT_TYPE),
    );
    reply.set_some("content-encoding", metadata.content_encoding.as_deref());
    reply.set_some("content-language", metadata.content_language.as_deref());
    reply.set_some(
        "content-disposition",
        metadata.content_disposition.as_deref(),
    );
    reply.set_some("cache-control", metadata.cache_control.as_deref());
    reply.set_some("expires", metadata.expires.as_deref());
    reply.set_some(
        "x-amz-website-redirect-location",
        metadata.website_redirect_location.as_deref(),
    );
    for (name, value) in &metadata.user {
        reply
            .headers
            .push((format!("{USER_PREFIX}{name}"), value.as_bytes().to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_belongs_to_the_object() {
        let fields = [
            ("Content-Type", "text/plain"),
            ("content-encoding", "aws-chunked,gzip"),
            ("cache-control", ""),
            ("x-amz-meta-Colour", " red "),
            ("x-amz-meta-colour", "blue"),
            ("x-amz-meta-ü", "grün"),
            ("x-amz-date", "20260101T000000Z"),
        ];
        let list = fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()))
            .collect();
        let metadata = parse_metadata(&Headers::new(list)).unwrap();
        assert_eq!(metadata.content_type.as_deref(), Some("text/plain"));
        assert_eq!(metadata.content_encoding.as_deref(), Some("gzip"));
        assert_eq!(metadata.cache_control, None);
        assert_eq!(
            metadata.user,
            [
                ("colour".into(), "red,blue".into()),
                ("ü".into(), "grün".into())
            ]
        );
    }

    #[test]
    fn aws_chunked_alone_leaves_no_encoding() {
        let headers = Headers::new(vec![("content-encoding".into(), b"aws-chunked".to_vec())]);
        assert_eq!(parse_metadata(&headers).unwrap().content_encoding, None);
    }
}
