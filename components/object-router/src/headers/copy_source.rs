//! The source of a copy (API Reference, "CopyObject", x-amz-copy-source).

use crate::error::{Code, S3Error};
use crate::host::Named;
use crate::http::escape::{self, Plus};
use crate::http::headers::Headers;
use crate::http::target::{check_key, is_bucket};

const NAME: &str = "x-amz-copy-source";

/// Whether a put is a copy.
pub fn is_copy(headers: &Headers) -> bool {
    headers.has(NAME)
}

/// Reads `/BUCKET/KEY?versionId=ID`, URL-encoded, with or without the first slash.
pub fn parse_copy_source(headers: &Headers) -> Result<Named, S3Error> {
    let text = headers.single(NAME)?.unwrap_or_default();
    let malformed = || {
        S3Error::argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            NAME,
            text,
        )
    };
    if text.starts_with("arn:") {
        // An access point, which there is none of.
        return Err(S3Error::not_implemented(NAME));
    }
    let (path, version_id) = match text.split_once("?versionId=") {
        Some((_, "")) => {
            return Err(S3Error::argument(
                "Version id cannot be the empty string",
                NAME,
                text,
            ));
        }
        Some((path, version)) => (path, Some(decode(version).ok_or_else(malformed)?)),
        None => (text, None),
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    // The whole may be encoded, its slash too.
    let decoded = decode(path).ok_or_else(malformed)?;
    let decoded = decoded.strip_prefix('/').unwrap_or(&decoded);
    let (bucket, key) = decoded.split_once('/').ok_or_else(malformed)?;
    if !is_bucket(bucket) {
        return Err(S3Error::new(Code::InvalidBucketName).detail("BucketName", bucket));
    }
    if key.is_empty() {
        return Err(malformed());
    }
    check_key(key)?;
    Ok(Named {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        version_id,
    })
}

/// Unlike in a path, `+` stands for a space here: the service reads it so, hence clients write a plus as `%2B`, and some
/// write a space as `+`.
fn decode(text: &str) -> Option<String> {
    escape::decode(text, Plus::Space).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, String, Option<String>), Code> {
        let headers = Headers::new(vec![(NAME.to_owned(), text.as_bytes().to_vec())]);
        let named = parse_copy_source(&headers).map_err(|error| error.code())?;
        Ok((named.bucket, named.key, named.version_id))
    }

    #[test]
    fn reads_bucket_key_and_version() {
        let plain = Ok(("b".to_owned(), "k/l m+n".to_owned(), None));
        assert_eq!(read("/b/k/l%20m%2Bn"), plain);
        assert_eq!(read("b/k/l+m%2Bn"), plain);
        assert_eq!(read("%2Fb%2Fk%2Fl m%2Bn"), plain);
        assert_eq!(
            read("b/k?versionId=v%2D1"),
            Ok(("b".to_owned(), "k".to_owned(), Some("v-1".to_owned())))
        );
        assert_eq!(
            read("b/k%3FversionId=v"),
            Ok(("b".to_owned(), "k?versionId=v".to_owned(), None))
        );
    }

    #[test]
    fn refuses_what_names_no_object() {
        for text in ["", "/", "b", "b/", "/b/", "b/k?versionId=", "b/%ff", "//k"] {
            assert_eq!(read(text), Err(Code::InvalidArgument), "{text}");
        }
        assert_eq!(read("///k"), Err(Code::InvalidBucketName));
        assert_eq!(read("arn:aws:s3:::b/k"), Err(Code::NotImplemented));
        assert_eq!(
            read(&format!("b/{}", "k".repeat(1025))),
            Err(Code::KeyTooLong)
        );
    }
}
