//! Metadata that is kept with an object: content headers and user metadata (User Guide, "Working with object metadata").

use crate::bindings::concierge::objects::blobs::Metadata;
use crate::error::{Code, S3Error};
use crate::headers::encoded_word;
use crate::http::headers::Headers;
use crate::http::reply::Reply;

/// Where a website would send those who ask for the object; kept and given back, for there are no websites.
pub const REDIRECT: &str = "x-amz-website-redirect-location";

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
        website_redirect_location: redirect_location(headers)?,
        user: user_metadata(headers),
    })
}

/// `Content-Encoding` without `aws-chunked`, which is of the transfer and not of the object (API Reference, "Signature
/// Calculations for the Authorization Header: Transferring Payload in Multiple Chunks").
fn content_encoding(headers: &Headers) -> Option<String> {
    let codings: Vec<&str> = headers
        .all("content-encoding")
        .flat_map(|line| line.split(','))
        .filter(|coding| !coding.trim().eq_ignore_ascii_case("aws-chunked"))
        .collect();
    // The rest is given back as it was sent, spaces and all.
    let rest = codings.join(",");
    let rest = rest.trim();
    (!rest.is_empty()).then(|| rest.to_owned())
}

/// Names without their prefix, in their order; a name that was sent twice has its values joined by a comma (RFC 9110
/// §5.2).
fn user_metadata(headers: &Headers) -> Vec<(String, String)> {
    let mut sent: Vec<(&str, &str)> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(USER_PREFIX)?, value.trim())))
        .collect();
    // Stable, so that the values of a name stay in the order sent.
    sent.sort_by_key(|(name, _)| *name);
    let mut user: Vec<(String, String)> = Vec::with_capacity(sent.len());
    for (name, value) in sent {
        let value = encoded_word::decode(value);
        match user.last_mut() {
            Some((known, joined)) if known == name => {
                joined.push(',');
                joined.push_str(&value);
            }
            _ => user.push((name.to_owned(), value.into_owned())),
        }
    }
    user
}

/// Where a redirect may lead (API Reference, "PutObject", x-amz-website-redirect-location).
fn redirect_location(headers: &Headers) -> Result<Option<String>, S3Error> {
    let Some(location) = headers.single(REDIRECT)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let begins = |prefix: &&str| location.starts_with(*prefix);
    if !["/", "http://", "https://"].iter().any(begins) {
        return Err(S3Error::new(Code::InvalidRedirectLocation));
    }
    Ok(Some(location.to_owned()))
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
    reply.set_some(REDIRECT, metadata.website_redirect_location.as_deref());
    for (name, value) in &metadata.user {
        let value = encoded_word::encode(value).into_owned();
        reply
            .headers
            .push((format!("{USER_PREFIX}{name}"), value.into_bytes()));
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
            ("x-amz-meta-b", "=?UTF-8?Q?gr=C3=BCn?="),
            ("x-amz-meta-colour", "blue"),
            ("x-amz-meta-a", "grün"),
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
                ("a".into(), "grün".into()),
                ("b".into(), "grün".into()),
                ("colour".into(), "red,blue".into()),
            ]
        );
    }

    #[test]
    fn aws_chunked_is_not_of_the_object() {
        for (sent, kept) in [
            ("aws-chunked", None),
            ("aws-chunked, gzip", Some("gzip")),
            ("gzip, AWS-Chunked", Some("gzip")),
            ("deflate, gzip", Some("deflate, gzip")),
            ("deflate, gzip,aws-chunked", Some("deflate, gzip")),
            ("", None),
        ] {
            let headers = Headers::new(vec![("content-encoding".into(), sent.into())]);
            let metadata = parse_metadata(&headers).unwrap();
            assert_eq!(metadata.content_encoding.as_deref(), kept, "{sent}");
        }
    }

    #[test]
    fn a_redirect_leads_somewhere() {
        let read = |location: &str| {
            let headers = Headers::new(vec![(REDIRECT.into(), location.into())]);
            parse_metadata(&headers).map(|metadata| metadata.website_redirect_location)
        };
        for location in ["/k", "http://h/", "https://h/"] {
            assert_eq!(read(location).unwrap().as_deref(), Some(location));
        }
        assert_eq!(
            read("ftp://h/").unwrap_err().code(),
            Code::InvalidRedirectLocation
        );
    }
}
