//! Headers that ask for what is not there. A client that asks for encryption, a lock or a grant relies on it: such a
//! request is refused, never answered as if it had been done.

use crate::error::S3Error;
use crate::http::headers::Headers;

/// Headers that are refused with any value, by their beginning.
const REFUSED_PREFIXES: &[&str] = &[
    "x-amz-server-side-encryption",
    "x-amz-copy-source-server-side-encryption",
    "x-amz-object-lock-",
    "x-amz-grant-",
];

/// Headers that are refused with any value.
const REFUSED: &[&str] = &[
    "x-amz-mfa",
    "x-amz-write-offset-bytes",
    "x-amz-if-match-last-modified-time",
    "x-amz-if-match-size",
    "x-amz-rename-source",
];

/// Headers that may have the values that say what is done anyway.
const DEFAULTS_ONLY: &[(&str, &[&str])] = &[
    // The owner has full control, and nobody else has any: both canned lists say so.
    ("x-amz-acl", &["private", "bucket-owner-full-control"]),
    ("x-amz-object-ownership", &["BucketOwnerEnforced"]),
    ("x-amz-bucket-object-lock-enabled", &["false"]),
];

/// Refuses a request with a header that asks for what is not there.
pub fn check(headers: &Headers) -> Result<(), S3Error> {
    for (name, value) in headers.iter() {
        if !name.starts_with("x-amz-") {
            continue;
        }
        let refused = REFUSED.contains(&name)
            || REFUSED_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix));
        if refused {
            return Err(S3Error::not_implemented(name));
        }
        let allowed = DEFAULTS_ONLY
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, allowed)| *allowed);
        if allowed.is_some_and(|allowed| {
            !allowed
                .iter()
                .any(|known| known.eq_ignore_ascii_case(value.trim()))
        }) {
            return Err(S3Error::not_implemented(name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn check_one(name: &str, value: &str) -> Option<Code> {
        check(&Headers::new(vec![(
            name.into(),
            value.as_bytes().to_vec(),
        )]))
        .err()
        .map(|error| error.code())
    }

    #[test]
    fn refuses_what_a_client_would_rely_on() {
        for (name, value) in [
            ("X-Amz-Server-Side-Encryption", "AES256"),
            ("x-amz-server-side-encryption-customer-key", "a2V5"),
            ("x-amz-object-lock-mode", "COMPLIANCE"),
            ("x-amz-object-lock-legal-hold", "ON"),
            ("x-amz-grant-read", "id=1"),
            ("x-amz-acl", "public-read"),
            ("x-amz-object-ownership", "ObjectWriter"),
            ("x-amz-bucket-object-lock-enabled", "true"),
            ("x-amz-mfa", "serial 123456"),
            ("x-amz-write-offset-bytes", "0"),
        ] {
            assert_eq!(
                check_one(name, value),
                Some(Code::NotImplemented),
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn takes_what_says_the_default() {
        for (name, value) in [
            ("x-amz-acl", "private"),
            ("x-amz-acl", "Bucket-Owner-Full-Control"),
            ("x-amz-object-ownership", "BucketOwnerEnforced"),
            ("x-amz-bucket-object-lock-enabled", "False"),
            ("x-amz-storage-class", "STANDARD"),
            ("x-amz-meta-acl", "public-read"),
        ] {
            assert_eq!(check_one(name, value), None, "{name}: {value}");
        }
    }
}
