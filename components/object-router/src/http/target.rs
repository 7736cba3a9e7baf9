//! Which bucket and key a request names: in the path, or the bucket in the host (User Guide, "Virtual hosting of
//! general purpose buckets").

use super::escape::{self, Plus};
use crate::error::{Code, S3Error};

/// The longest key, in bytes of UTF-8 (User Guide, "Naming Amazon S3 objects").
pub const MAX_KEY_BYTES: usize = 1024;

/// Domains under which a bucket may stand as a label, where nothing is configured. Names under `localhost` resolve to
/// the loopback address by RFC 6761 §6.3.
pub const DEFAULT_DOMAINS: &[&str] = &["s3.localhost", "localhost"];

/// The domains whose sub-domains are buckets.
#[derive(Clone, Debug)]
pub struct Domains {
    /// In lower case, the longest first, so that `s3.localhost` is tried before `localhost`.
    bases: Vec<String>,
}

impl Domains {
    /// From a list separated by commas; an empty one stands for [`DEFAULT_DOMAINS`].
    pub fn parse(list: &str) -> Self {
        let mut bases: Vec<String> = list
            .split(',')
            .map(|d| d.trim().trim_matches('.').to_ascii_lowercase())
            .filter(|d| !d.is_empty())
            .collect();
        if bases.is_empty() {
            bases = DEFAULT_DOMAINS.iter().map(|d| (*d).to_owned()).collect();
        }
        bases.sort_by_key(|base| std::cmp::Reverse(base.len()));
        Self { bases }
    }

    /// The bucket that a host names, if any.
    pub fn bucket_of<'h>(&self, host: &'h str) -> Option<&'h str> {
        let name = without_port(host);
        for base in &self.bases {
            if name.eq_ignore_ascii_case(base) {
                return None;
            }
            let cut = name
                .len()
                .checked_sub(base.len() + 1)
                .filter(|cut| *cut > 0);
            if let Some((label, rest)) = cut.and_then(|cut| name.split_at_checked(cut))
                && rest
                    .strip_prefix('.')
                    .is_some_and(|rest| rest.eq_ignore_ascii_case(base))
            {
                return Some(label);
            }
        }
        None
    }
}

impl Default for Domains {
    fn default() -> Self {
        Self::parse("")
    }
}

/// The host without its port; an address in brackets stays whole.
fn without_port(host: &str) -> &str {
    if host.starts_with('[') {
        return host;
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}

/// What a request is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The bucket; empty for the service itself.
    pub bucket: String,
    /// The key; empty for the bucket itself.
    pub key: String,
}

/// Reads the target from the raw path and the host.
pub fn parse_target(raw_path: &str, host: &str, domains: &Domains) -> Result<Target, S3Error> {
    let path = raw_path.strip_prefix('/').unwrap_or(raw_path);
    let (bucket, key) = match domains.bucket_of(host) {
        Some(bucket) => (bucket.to_ascii_lowercase(), path),
        None => {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            let bucket =
                escape::decode(bucket, Plus::Literal).map_err(|_| invalid_uri(raw_path))?;
            (bucket, key)
        }
    };
    let key = escape::decode(key, Plus::Literal).map_err(|_| invalid_uri(raw_path))?;
    let service = bucket.is_empty() && key.is_empty();
    if !service && !is_bucket(&bucket) {
        return Err(S3Error::new(Code::InvalidBucketName).detail("BucketName", bucket));
    }
    check_key(&key)?;
    Ok(Target { bucket, key })
}

/// Whether a name could ever have been a bucket's (User Guide, "General purpose bucket naming rules": until 2018 they
/// had up to 255 characters, upper case and underscores). What a new one may be called is the host's to say.
pub fn is_bucket(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

fn invalid_uri(raw_path: &str) -> S3Error {
    S3Error::new(Code::InvalidUri).detail("URI", raw_path)
}

/// Refuses a key that is too long.
pub fn check_key(key: &str) -> Result<(), S3Error> {
    if key.len() <= MAX_KEY_BYTES {
        return Ok(());
    }
    Err(S3Error::new(Code::KeyTooLong)
        .detail("Size", key.len().to_string())
        .detail("MaxSizeAllowed", MAX_KEY_BYTES.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str, host: &str) -> (String, String) {
        let target = parse_target(path, host, &Domains::default()).unwrap();
        (target.bucket, target.key)
    }

    fn pair(bucket: &str, key: &str) -> (String, String) {
        (bucket.to_owned(), key.to_owned())
    }

    #[test]
    fn path_style() {
        assert_eq!(target("/", "127.0.0.1:9000"), pair("", ""));
        assert_eq!(target("/b", "127.0.0.1:9000"), pair("b", ""));
        assert_eq!(target("/b/", "[::1]:9000"), pair("b", ""));
        assert_eq!(target("/b//k", "example.org"), pair("b", "/k"));
        assert_eq!(
            target("/b/a%20b+c/%C3%BC", "localhost:9000"),
            pair("b", "a b+c/ü")
        );
    }

    #[test]
    fn virtual_host_style() {
        assert_eq!(target("/k/l", "b.localhost:9000"), pair("b", "k/l"));
        assert_eq!(
            target("/k", "my.dotted.bucket.s3.localhost"),
            pair("my.dotted.bucket", "k")
        );
        assert_eq!(target("/", "B.S3.LOCALHOST"), pair("b", ""));
        assert_eq!(target("/b/k", "s3.localhost"), pair("b", "k"));
        assert_eq!(target("/b/k", ".localhost"), pair("b", "k"));
        assert_eq!(target("/b/k", "notlocalhost"), pair("b", "k"));
        assert_eq!(target("/b/k", "ü.example"), pair("b", "k"));
        let own = Domains::parse(" objects.example.org., ");
        assert_eq!(own.bucket_of("b.objects.example.org"), Some("b"));
        assert_eq!(own.bucket_of("b.localhost"), None);
    }

    #[test]
    fn bad_targets() {
        let code = |path: &str| {
            parse_target(path, "h", &Domains::default())
                .unwrap_err()
                .code()
        };
        assert_eq!(code("/b/%ff"), Code::InvalidUri);
        assert_eq!(code("/b/%4"), Code::InvalidUri);
        assert_eq!(code("/%zz/k"), Code::InvalidUri);
        for path in ["//k", "/b%2Fc/k", "/b%00", "/b%20c", "/%C3%BC/k"] {
            assert_eq!(code(path), Code::InvalidBucketName, "{path}");
        }
        assert_eq!(
            code(&format!("/{}/k", "b".repeat(256))),
            Code::InvalidBucketName
        );
        let long = format!("/b/{}", "k".repeat(1025));
        let error = parse_target(&long, "h", &Domains::default()).unwrap_err();
        assert_eq!(
            (error.code(), error.detail_of("Size")),
            (Code::KeyTooLong, Some("1025"))
        );
        assert!(
            parse_target(
                &format!("/b/{}", "%C3%BC".repeat(512)),
                "h",
                &Domains::default()
            )
            .is_ok()
        );
    }
}
