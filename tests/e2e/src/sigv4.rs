//! Signature Version 4, written for the tests from its specification and apart
//! from the program's own code, so that both can be wrong only in the same way
//! as the specification. Amazon S3 API Reference, "Authenticating Requests (AWS
//! Signature Version 4)".

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::Request;

/// The digest of nothing.
pub const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Keys to sign with.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// The region of the credential scope.
    pub region: String,
}

/// What the chunks of a signed body continue from.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The signature of the request, hexadecimal.
    pub signature: String,
    key: Vec<u8>,
    timestamp: String,
    scope: String,
}

/// SHA-256 as hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length (RFC 2104 §2).
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(message);
            mac.finalize().into_bytes().to_vec()
        }
        Err(_) => Vec::new(),
    }
}

impl Credentials {
    /// Signs now, in the header.
    pub fn signed(&self, request: Request, host: &str) -> Request {
        self.signed_at(request, host, Timestamp::now()).0
    }

    /// Signs as of `when`; gives also what signed chunks continue from. Every
    /// header that is there is signed, but those of the connection alone, which
    /// do not reach the other end (RFC 9110 §7.6.1).
    pub fn signed_at(&self, request: Request, host: &str, when: Timestamp) -> (Request, Seed) {
        let timestamp = when.strftime("%Y%m%dT%H%M%SZ").to_string();
        let payload = request
            .payload
            .clone()
            .unwrap_or_else(|| sha256_hex(&request.body));
        let request = request
            .with_default_header("host", host)
            .with_default_header("x-amz-date", &timestamp)
            .with_default_header("x-amz-content-sha256", &payload);
        let mut names: Vec<String> = request
            .headers
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .filter(|name| !["connection", "transfer-encoding"].contains(&name.as_str()))
            .collect();
        names.sort();
        names.dedup();
        let signed_headers = names.join(";");
        let canonical = canonical_request(&request, &request.query, &names, &payload);
        let seed = self.seed(&canonical, timestamp);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={signed_headers}, Signature={}",
            self.access_key_id, seed.scope, seed.signature
        );
        (request.header("authorization", authorization), seed)
    }

    /// Signs in the query, good for `expires_s` seconds from `when`.
    pub fn presigned(
        &self,
        mut request: Request,
        host: &str,
        when: Timestamp,
        expires_s: u64,
    ) -> Request {
        let timestamp = when.strftime("%Y%m%dT%H%M%SZ").to_string();
        let credential =
            format!("{}/{}", self.access_key_id, self.scope(&timestamp)).replace('/', "%2F");
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={timestamp}\
             &X-Amz-Expires={expires_s}&X-Amz-SignedHeaders=host"
        );
        request.query = if request.query.is_empty() {
            query
        } else {
            format!("{}&{query}", request.query)
        };
        let request = request.with_default_header("host", host);
        let canonical = canonical_request(
            &request,
            &request.query,
            &["host".to_owned()],
            "UNSIGNED-PAYLOAD",
        );
        let seed = self.seed(&canonical, timestamp);
        let query = format!("{}&X-Amz-Signature={}", request.query, seed.signature);
        Request { query, ..request }
    }

    fn scope(&self, timestamp: &str) -> String {
        format!(
            "{}/{}/s3/aws4_request",
            timestamp.get(..8).unwrap_or_default(),
            self.region
        )
    }

    fn seed(&self, canonical: &str, timestamp: String) -> Seed {
        let scope = self.scope(&timestamp);
        let mut key = format!("AWS4{}", self.secret_access_key).into_bytes();
        for word in scope.split('/') {
            key = hmac(&key, word.as_bytes());
        }
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{}",
            sha256_hex(canonical.as_bytes())
        );
        Seed {
            signature: hex::encode(hmac(&key, to_sign.as_bytes())),
            key,
            timestamp,
            scope,
        }
    }
}

impl Seed {
    /// The signature of the next chunk, which later ones continue from.
    pub fn sign_chunk(&mut self, data: &[u8]) -> String {
        let to_sign = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{EMPTY_SHA256}\n{}",
            self.timestamp,
            self.scope,
            self.signature,
            sha256_hex(data)
        );
        self.signature = hex::encode(hmac(&self.key, to_sign.as_bytes()));
        self.signature.clone()
    }

    /// The signature of the trailer, given as `name:value\n` lines.
    pub fn sign_trailer(&mut self, lines: &[u8]) -> String {
        let to_sign = format!(
            "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{}\n{}",
            self.timestamp,
            self.scope,
            self.signature,
            sha256_hex(lines)
        );
        self.signature = hex::encode(hmac(&self.key, to_sign.as_bytes()));
        self.signature.clone()
    }
}

fn canonical_request(request: &Request, query: &str, names: &[String], payload: &str) -> String {
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            if pair.contains('=') {
                pair.to_owned()
            } else {
                format!("{pair}=")
            }
        })
        .collect();
    pairs.sort();
    let mut headers = String::new();
    for name in names {
        let values: Vec<String> = request
            .headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| {
                String::from_utf8_lossy(value)
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        headers.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    format!(
        "{}\n{}\n{}\n{headers}\n{}\n{payload}",
        request.method,
        request.path,
        pairs.join("&"),
        names.join(";")
    )
}
