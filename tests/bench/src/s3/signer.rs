//! AWS Signature Version 4 in the Authorization header (AWS General Reference,
//! "Create a signed AWS API request"). The signing key is made once a day and
//! the time once a second, so that a signature costs a few microseconds at most.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// `x-amz-content-sha256` of a body that is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

type HmacSha256 = Hmac<Sha256>;

/// An access key and where it is used.
#[derive(Clone)]
pub struct Credentials {
    pub access_key: String,
    pub secret_key: String,
    pub region: String,
}

/// What is to be signed.
pub struct ToSign<'a> {
    pub method: &'a str,
    /// Percent-encoded.
    pub path: &'a str,
    /// Percent-encoded and sorted.
    pub query: &'a str,
    /// `x-amz-content-sha256`.
    pub payload: &'a str,
    /// Headers to be sent and signed beside `host`, `x-amz-content-sha256` and
    /// `x-amz-date`; names in lower case.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Signs requests to one host.
pub struct Signer {
    credentials: Credentials,
    host: String,
    /// The second that `timestamp` is for.
    second: u64,
    timestamp: String,
    scope: String,
    key: HmacSha256,
    canonical: Vec<u8>,
}

impl Signer {
    /// Signs for `host`, the value of the Host header.
    pub fn new(credentials: Credentials, host: &str) -> Self {
        let mut signer = Self {
            host: host.to_owned(),
            second: u64::MAX,
            timestamp: String::new(),
            scope: String::new(),
            key: mac(b""),
            canonical: Vec::with_capacity(1024),
            credentials,
        };
        signer.tick();
        signer
    }

    /// Lays out the whole head of a signed request. `content_length` is sent
    /// where given.
    pub fn lay_out(
        &mut self,
        to_sign: &ToSign<'_>,
        content_length: Option<u64>,
        head: &mut Vec<u8>,
    ) {
        self.tick();
        let mut canonical = std::mem::take(&mut self.canonical);
        let query_mark = if to_sign.query.is_empty() { "" } else { "?" };
        let mut line = |parts: &[&str]| {
            parts
                .iter()
                .for_each(|part| head.extend_from_slice(part.as_bytes()))
        };
        line(&[
            to_sign.method,
            " ",
            to_sign.path,
            query_mark,
            to_sign.query,
            " HTTP/1.1\r\n",
        ]);
        let mut signed = [("", ""); MAX_SIGNED_HEADERS];
        let signed = self.signed_headers(to_sign, &mut signed);
        for (name, value) in signed {
            line(&[name, ": ", value, "\r\n"]);
        }
        let names = join_names(signed);
        let signature = signature(
            &self.key,
            &self.timestamp,
            &self.scope,
            to_sign,
            signed,
            &names,
            &mut canonical,
        );
        let key = &self.credentials.access_key;
        line(&[
            "authorization: AWS4-HMAC-SHA256 Credential=",
            key,
            "/",
            &self.scope,
        ]);
        line(&[
            ", SignedHeaders=",
            &names,
            ", Signature=",
            &signature,
            "\r\n",
        ]);
        if let Some(length) = content_length {
            line(&["content-length: ", &length.to_string(), "\r\n"]);
        }
        line(&["\r\n"]);
        self.canonical = canonical;
    }

    /// The headers to be signed, in the order of their names.
    fn signed_headers<'a>(
        &'a self,
        to_sign: &ToSign<'a>,
        into: &'a mut [(&'a str, &'a str); MAX_SIGNED_HEADERS],
    ) -> &'a [(&'a str, &'a str)] {
        let own = [
            ("host", self.host.as_str()),
            ("x-amz-content-sha256", to_sign.payload),
            ("x-amz-date", self.timestamp.as_str()),
        ];
        let all = own.iter().chain(to_sign.headers);
        let mut count = 0;
        for (slot, header) in into.iter_mut().zip(all) {
            *slot = *header;
            count += 1;
        }
        let signed = &mut into[..count];
        signed.sort_unstable();
        signed
    }

    /// Follows the clock.
    fn tick(&mut self) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        if now != self.second {
            self.second = now;
            self.set_time(now);
        }
    }

    fn set_time(&mut self, second: u64) {
        self.timestamp = timestamp(second);
        let day = &self.timestamp[..8];
        if self.scope.starts_with(day) {
            return;
        }
        let region = &self.credentials.region;
        self.scope = format!("{day}/{region}/s3/aws4_request");
        let secret = format!("AWS4{}", self.credentials.secret_key);
        let mut key = secret.into_bytes();
        for part in [day, region, "s3", "aws4_request"] {
            let mut mac = mac(&key);
            mac.update(part.as_bytes());
            key = mac.finalize().into_bytes().to_vec();
        }
        self.key = mac(&key);
    }
}

/// More headers are never signed here.
const MAX_SIGNED_HEADERS: usize = 8;

/// The signature in hexadecimal digits.
fn signature(
    key: &HmacSha256,
    timestamp: &str,
    scope: &str,
    to_sign: &ToSign<'_>,
    signed: &[(&str, &str)],
    names: &str,
    canonical: &mut Vec<u8>,
) -> String {
    canonical.clear();
    let mut add = |parts: &[&str]| {
        parts
            .iter()
            .for_each(|part| canonical.extend_from_slice(part.as_bytes()))
    };
    add(&[
        to_sign.method,
        "\n",
        to_sign.path,
        "\n",
        to_sign.query,
        "\n",
    ]);
    for (name, value) in signed {
        add(&[name, ":", value, "\n"]);
    }
    add(&["\n", names, "\n", to_sign.payload]);
    let digest = hex::encode(Sha256::digest(&canonical));
    let mut mac = key.clone();
    for part in ["AWS4-HMAC-SHA256\n", timestamp, "\n", scope, "\n", &digest] {
        mac.update(part.as_bytes());
    }
    hex::encode(mac.finalize().into_bytes())
}

/// `host;x-amz-date`
fn join_names(signed: &[(&str, &str)]) -> String {
    let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
    names.join(";")
}

fn mac(key: &[u8]) -> HmacSha256 {
    #[allow(
        clippy::expect_used,
        reason = "HMAC takes a key of any length (RFC 2104 §2)"
    )]
    HmacSha256::new_from_slice(key).expect("HMAC takes any key")
}

/// `YYYYMMDD'T'HHMMSS'Z'`
fn timestamp(second: u64) -> String {
    let time = i64::try_from(second)
        .ok()
        .and_then(|second| jiff::Timestamp::from_second(second).ok())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Amazon S3 API Reference, "Signature Calculations for the Authorization
    /// Header: Transferring Payload in a Single Chunk", the examples' key.
    fn example_signer() -> Signer {
        let credentials = Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            region: "us-east-1".into(),
        };
        let mut signer = Signer::new(credentials, "examplebucket.s3.amazonaws.com");
        signer.scope.clear();
        signer.set_time(1_369_353_600);
        assert_eq!(signer.timestamp, "20130524T000000Z");
        signer
    }

    fn sign(to_sign: &ToSign<'_>) -> String {
        let signer = example_signer();
        let mut slots = [("", ""); MAX_SIGNED_HEADERS];
        let signed = signer.signed_headers(to_sign, &mut slots);
        let names = join_names(signed);
        let Signer {
            key,
            timestamp,
            scope,
            ..
        } = &signer;
        signature(
            key,
            timestamp,
            scope,
            to_sign,
            signed,
            &names,
            &mut Vec::new(),
        )
    }

    const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn signs_the_get_object_example() {
        let to_sign = ToSign {
            method: "GET",
            path: "/test.txt",
            query: "",
            payload: EMPTY_SHA256,
            headers: &[("range", "bytes=0-9")],
        };
        assert_eq!(
            sign(&to_sign),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }

    #[test]
    fn signs_the_list_objects_example() {
        let to_sign = ToSign {
            method: "GET",
            path: "/",
            query: "max-keys=2&prefix=J",
            payload: EMPTY_SHA256,
            headers: &[],
        };
        assert_eq!(
            sign(&to_sign),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
    }
}
