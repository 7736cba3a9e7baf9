//! What a client signed (Amazon S3 API Reference, "Authenticating Requests: Using the Authorization
//! Header"). Nothing is verified here.

use http::{HeaderMap, HeaderValue, Uri};

/// SHA-256 of nothing: what a client signs for a request without a body.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A signature and what it was made over, for the host to verify.
#[derive(Debug, PartialEq, Eq)]
pub struct Signed {
    /// The id of the key that signed.
    pub access_key_id: String,
    /// `YYYYMMDD` of the credential scope.
    pub scope_date: String,
    /// The region of the credential scope.
    pub region: String,
    /// The service of the credential scope.
    pub service: String,
    /// `x-amz-date`.
    pub timestamp: String,
    /// 64 hexadecimal digits.
    pub signature: String,
    /// Method, path, query, headers and payload digest in their canonical form.
    pub canonical_request: String,
}

impl Signed {
    /// Reads the `Authorization` header of a `GET` and builds what it must have been made over.
    /// `None`: the request is not signed, or not in this form.
    pub fn read(uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        let authorization = text(headers.get("authorization")?)?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for field in authorization.strip_prefix("AWS4-HMAC-SHA256")?.split(',') {
            match field.trim().split_once('=')? {
                ("Credential", value) => credential = Some(value),
                ("SignedHeaders", value) => signed_headers = Some(value),
                ("Signature", value) => signature = Some(value),
                _ => return None,
            }
        }
        let signed_headers = signed_headers?;
        let mut scope = credential?.split('/');
        let signed = Self {
            access_key_id: scope.next()?.to_owned(),
            scope_date: scope.next()?.to_owned(),
            region: scope.next()?.to_owned(),
            service: scope.next()?.to_owned(),
            timestamp: text(headers.get("x-amz-date")?)?.to_owned(),
            signature: signature?.to_owned(),
            canonical_request: canonical_request(uri, headers, signed_headers)?,
        };
        (scope.next() == Some("aws4_request") && scope.next().is_none()).then_some(signed)
    }
}

fn canonical_request(uri: &Uri, headers: &HeaderMap, signed_headers: &str) -> Option<String> {
    let mut query: Vec<String> = uri
        .query()
        .unwrap_or("")
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.contains('=') {
            true => pair.to_owned(),
            false => format!("{pair}="),
        })
        .collect();
    query.sort();
    let mut canonical = format!("GET\n{}\n{}\n", uri.path(), query.join("&"));
    for name in signed_headers.split(';') {
        // wasi:http gives the Host header as the authority of the URI.
        let value = match name {
            "host" => uri.authority()?.as_str(),
            _ => text(headers.get(name)?)?.trim(),
        };
        canonical.push_str(&format!("{name}:{value}\n"));
    }
    let digest = match headers.get("x-amz-content-sha256") {
        Some(digest) => text(digest)?,
        None => EMPTY_SHA256,
    };
    canonical.push_str(&format!("\n{signed_headers}\n{digest}"));
    // A signature that does not cover the host and the time could be used elsewhere and for ever.
    let covers = |wanted| signed_headers.split(';').any(|name| name == wanted);
    (covers("host") && covers("x-amz-date")).then_some(canonical)
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    fn read(uri: &str, headers: &[(&'static str, &str)]) -> Option<Signed> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        Signed::read(&uri.parse().unwrap(), &headers)
    }

    /// What curl 8 sends with `--aws-sigv4 aws:amz:us-east-1:s3`.
    const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=AKID/20261125/us-east-1/s3/aws4_request, \
        SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=0123";

    #[test]
    fn builds_what_the_client_signed() {
        let signed = read(
            "http://127.0.0.1:8080/hello-objects/photos?b&a=1",
            &[
                ("authorization", AUTHORIZATION),
                ("x-amz-date", "20261125T120000Z"),
                ("x-amz-content-sha256", EMPTY_SHA256),
            ],
        )
        .unwrap();
        assert_eq!(signed.access_key_id, "AKID");
        assert_eq!(signed.region, "us-east-1");
        assert_eq!(signed.signature, "0123");
        assert_eq!(
            signed.canonical_request,
            format!(
                "GET\n/hello-objects/photos\na=1&b=\nhost:127.0.0.1:8080\n\
                 x-amz-content-sha256:{EMPTY_SHA256}\nx-amz-date:20261125T120000Z\n\n\
                 host;x-amz-content-sha256;x-amz-date\n{EMPTY_SHA256}"
            )
        );
    }

    #[test]
    fn takes_no_signature_that_could_be_used_elsewhere() {
        let uri = "http://127.0.0.1:8080/hello-objects/photos";
        let date = ("x-amz-date", "20261125T120000Z");
        let digest = ("x-amz-content-sha256", EMPTY_SHA256);
        for (from, to) in [
            ("host;", ""),
            (";x-amz-date", ""),
            ("aws4_request", "aws5_request"),
            ("Signature=", "Sig="),
        ] {
            let broken = AUTHORIZATION.replace(from, to);
            assert_eq!(read(uri, &[("authorization", &broken), date, digest]), None);
        }
        assert_eq!(read(uri, &[date, digest]), None);
        assert_eq!(read(uri, &[("authorization", AUTHORIZATION), digest]), None);
    }
}
