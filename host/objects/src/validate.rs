//! What names, keys, tags and settings may be.

use std::net::Ipv4Addr;

use crate::error::Error;
use crate::types::{CorsRule, Metadata, Tag};

/// A key has at most so many bytes (S3 User Guide, "Naming Amazon S3 objects").
pub const KEY_MAX_BYTES: usize = 1024;

/// User metadata has at most so many bytes of names and values together (S3
/// User Guide, "Working with object metadata").
pub const USER_METADATA_MAX_BYTES: usize = 2048;

/// Tags of an object (S3 User Guide, "Categorizing your objects using tags").
pub const OBJECT_TAGS_MAX: usize = 10;

/// Tags of a bucket (S3 User Guide, "Using cost allocation tags").
pub const BUCKET_TAGS_MAX: usize = 50;

const TAG_KEY_MAX_UTF16: usize = 128;
const TAG_VALUE_MAX_UTF16: usize = 256;

/// CORS rules of a bucket (S3 User Guide, "Elements of a CORS configuration").
pub const CORS_RULES_MAX: usize = 100;

const CORS_ID_MAX_CHARS: usize = 255;
const CORS_METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];

/// Items of a page of objects, versions, parts or uploads.
pub const PAGE_MAX: u32 = 1000;

const RESERVED_PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
const RESERVED_SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

/// S3 User Guide, "General purpose bucket naming rules".
pub fn bucket_name(name: &str) -> Result<(), Error> {
    let edge = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let bytes = name.as_bytes();
    let well_formed = (3..=63).contains(&name.len())
        && bytes
            .iter()
            .all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))
        && edge(bytes.first().copied())
        && edge(bytes.last().copied())
        && !name.contains("..")
        && name.parse::<Ipv4Addr>().is_err()
        && !RESERVED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
        && !RESERVED_SUFFIXES
            .iter()
            .any(|suffix| name.ends_with(suffix));
    well_formed.then_some(()).ok_or(Error::InvalidBucketName)
}

/// A key that an object may have.
pub fn key(key: &str) -> Result<(), Error> {
    match key.len() {
        0 => Err(Error::InvalidArgument("The key is empty".to_owned())),
        1..=KEY_MAX_BYTES => Ok(()),
        _ => Err(Error::KeyTooLong),
    }
}

/// Headers that may be kept.
pub fn metadata(metadata: &Metadata) -> Result<(), Error> {
    let user = metadata
        .user
        .iter()
        .map(|(name, value)| name.len() + value.len());
    if user.sum::<usize>() > USER_METADATA_MAX_BYTES {
        return Err(Error::MetadataTooLarge);
    }
    Ok(())
}

/// Tags of an object.
pub fn object_tags(tags: &[Tag]) -> Result<(), Error> {
    self::tags(
        tags,
        OBJECT_TAGS_MAX,
        "Object tags cannot be greater than 10",
    )
}

/// Tags of a bucket.
pub fn bucket_tags(tags: &[Tag]) -> Result<(), Error> {
    self::tags(
        tags,
        BUCKET_TAGS_MAX,
        "Bucket tag count cannot be greater than 50",
    )
}

fn tags(tags: &[Tag], max: usize, too_many: &str) -> Result<(), Error> {
    let invalid = |why: &str| Err(Error::InvalidTag(why.to_owned()));
    if tags.len() > max {
        return invalid(too_many);
    }
    for (index, tag) in tags.iter().enumerate() {
        let key_len = tag.key.encode_utf16().count();
        if key_len == 0 || key_len > TAG_KEY_MAX_UTF16 || !tag_text(&tag.key) {
            return invalid("The TagKey you have provided is invalid");
        }
        if tag.value.encode_utf16().count() > TAG_VALUE_MAX_UTF16 || !tag_text(&tag.value) {
            return invalid("The TagValue you have provided is invalid");
        }
        if tag.key.starts_with("aws:") {
            return invalid("System tags cannot be added/updated by requester");
        }
        if tags
            .iter()
            .take(index)
            .any(|earlier| earlier.key == tag.key)
        {
            return invalid("Cannot provide multiple Tags with the same key");
        }
    }
    Ok(())
}

/// Letters, numbers, spaces and `+ - = . _ : / @` ("Object key and value").
fn tag_text(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c))
}

/// Rules of a CORS configuration.
pub fn cors(rules: &[CorsRule]) -> Result<(), Error> {
    let invalid = |why: String| Err(Error::InvalidRequest(why));
    if rules.len() > CORS_RULES_MAX {
        return invalid(format!(
            "A CORS configuration has at most {CORS_RULES_MAX} rules"
        ));
    }
    for rule in rules {
        if rule.allowed_origins.is_empty() || rule.allowed_methods.is_empty() {
            return invalid("A CORS rule names at least one origin and one method".to_owned());
        }
        let unknown = rule
            .allowed_methods
            .iter()
            .find(|m| !CORS_METHODS.contains(&m.as_str()));
        if let Some(method) = unknown {
            return invalid(format!(
                "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            ));
        }
        let wild = |text: &&String| text.matches('*').count() > 1;
        if let Some(origin) = rule.allowed_origins.iter().find(wild) {
            return invalid(format!(
                "AllowedOrigin \"{origin}\" can not have more than one wildcard."
            ));
        }
        if let Some(header) = rule.allowed_headers.iter().find(wild) {
            return invalid(format!(
                "AllowedHeader \"{header}\" can not have more than one wildcard."
            ));
        }
        if let Some(header) = rule
            .expose_headers
            .iter()
            .find(|header| header.contains('*'))
        {
            return invalid(format!(
                "ExposeHeader \"{header}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
            ));
        }
        if rule
            .id
            .as_ref()
            .is_some_and(|id| id.chars().count() > CORS_ID_MAX_CHARS)
        {
            return invalid(format!(
                "The id of a CORS rule has at most {CORS_ID_MAX_CHARS} characters"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_follow_s3s_rules() {
        for good in ["abc", "my-bucket", "a.b.c", "123", "0a0", &"a".repeat(63)] {
            assert_eq!(bucket_name(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "ab",
            &"a".repeat(64),
            "Abc",
            "a_b",
            "-ab",
            "ab-",
            ".ab",
            "ab.",
            "a..b",
            "192.168.0.1",
            "xn--abc",
            "sthree-a",
            "abc-s3alias",
            "abc--x-s3",
            "abc.mrap",
            "ünder",
            "a b",
        ] {
            assert_eq!(bucket_name(bad), Err(Error::InvalidBucketName), "{bad}");
        }
    }

    #[test]
    fn keys_have_1_to_1024_bytes() {
        assert_eq!(key(&"k".repeat(1024)), Ok(()));
        assert_eq!(key(&"k".repeat(1025)), Err(Error::KeyTooLong));
        assert_eq!(key(&"é".repeat(513)), Err(Error::KeyTooLong));
        assert!(matches!(key(""), Err(Error::InvalidArgument(_))));
    }

    #[test]
    fn tags_follow_s3s_rules() {
        let tag = |key: &str, value: &str| Tag {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let ten: Vec<Tag> = (0..10).map(|n| tag(&n.to_string(), "")).collect();
        assert_eq!(object_tags(&ten), Ok(()));
        let eleven = [ten.as_slice(), &[tag("x", "")]].concat();
        for bad in [
            eleven,
            vec![tag("", "v")],
            vec![tag(&"k".repeat(129), "")],
            vec![tag("k", &"v".repeat(257))],
            vec![tag("aws:k", "")],
            vec![tag("k", ""), tag("k", "")],
            vec![tag("k?", "")],
            vec![tag("k", "<")],
        ] {
            assert!(
                matches!(object_tags(&bad), Err(Error::InvalidTag(_))),
                "{bad:?}"
            );
        }
        assert_eq!(object_tags(&[tag("schlüssel /@", "+-=._:")]), Ok(()));
    }

    #[test]
    fn user_metadata_has_at_most_2_kib() {
        let with = |len| Metadata {
            user: vec![("name".to_owned(), "v".repeat(len))],
            ..Metadata::default()
        };
        assert_eq!(metadata(&with(2044)), Ok(()));
        assert_eq!(metadata(&with(2045)), Err(Error::MetadataTooLarge));
    }
}
