//! Payloads, signed requests, and the plain workloads: puts and gets of one size.

use std::sync::Arc;

use base64::Engine as _;
use rand::rngs::SmallRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

use super::endpoint::{BUCKET, Endpoint};
use super::signer::{Signer, ToSign, UNSIGNED_PAYLOAD};
use crate::load::{Body, Request, Workload};

/// SHA-256 of nothing: `x-amz-content-sha256` of a request without a body.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// Random bytes that a payload repeats. Larger than what any store compresses
/// or deduplicates by.
const PATTERN_BYTES: u64 = 1024 * 1024;

/// How a body is vouched for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum PayloadKind {
    /// As today's AWS SDKs send it over http: its SHA-256 signed, and a CRC32
    /// to be checked and kept.
    Sdk,
    /// Its SHA-256 signed, and no more.
    Signed,
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
}

/// A body with its digests, made once and sent often.
#[derive(Clone)]
pub struct Payload {
    /// The bytes.
    pub body: Body,
    sha256: String,
    crc32: Option<String>,
}

impl Payload {
    /// Random bytes (from `seed`) of a length.
    pub fn random(kind: PayloadKind, length: u64, seed: u64) -> Self {
        let mut pattern = vec![0; length.min(PATTERN_BYTES) as usize];
        SmallRng::seed_from_u64(seed).fill_bytes(&mut pattern);
        let body = Body::repeat(Arc::from(pattern), length);
        let sha256 = match kind {
            PayloadKind::Unsigned => UNSIGNED_PAYLOAD.to_owned(),
            PayloadKind::Sdk | PayloadKind::Signed => {
                let mut digest = Sha256::new();
                body.for_each(|piece| digest.update(piece));
                hex::encode(digest.finalize())
            }
        };
        let crc32 = (kind == PayloadKind::Sdk).then(|| crc32_base64(&body));
        Self {
            body,
            sha256,
            crc32,
        }
    }
}

fn crc32_base64(body: &Body) -> String {
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32IsoHdlc);
    body.for_each(|piece| digest.update(piece));
    let value = digest.finalize() as u32;
    base64::engine::general_purpose::STANDARD.encode(value.to_be_bytes())
}

/// What a request is about.
pub struct Target<'a> {
    pub method: &'a str,
    /// Percent-encoded; empty for the bucket itself.
    pub key: &'a str,
    /// Percent-encoded and sorted.
    pub query: &'a str,
}

/// Lays out signed requests to one endpoint.
pub struct S3Request {
    signer: Signer,
    path: String,
}

impl S3Request {
    /// For the bench's bucket at an endpoint.
    pub fn new(endpoint: &Endpoint) -> Self {
        Self {
            signer: endpoint.signer(),
            path: String::new(),
        }
    }

    /// Lays a request without a body into `request`.
    pub fn bodiless(&mut self, target: &Target<'_>, request: &mut Request) {
        self.set_path(target.key);
        let to_sign = ToSign {
            method: target.method,
            path: &self.path,
            query: target.query,
            payload: EMPTY_SHA256,
            headers: &[],
        };
        let length = matches!(target.method, "PUT" | "POST").then_some(0);
        self.signer.lay_out(&to_sign, length, &mut request.head);
        request.head_only = target.method == "HEAD";
    }

    /// Lays a request with a body into `request`.
    pub fn with_body(&mut self, target: &Target<'_>, payload: &Payload, request: &mut Request) {
        self.set_path(target.key);
        let checksum;
        let headers: &[(&str, &str)] = match &payload.crc32 {
            Some(crc32) => {
                checksum = [
                    ("x-amz-checksum-crc32", crc32.as_str()),
                    ("x-amz-sdk-checksum-algorithm", "CRC32"),
                ];
                &checksum
            }
            None => &[],
        };
        let to_sign = ToSign {
            method: target.method,
            path: &self.path,
            query: target.query,
            payload: &payload.sha256,
            headers,
        };
        self.signer
            .lay_out(&to_sign, Some(payload.body.len()), &mut request.head);
        request.body = payload.body.clone();
    }

    fn set_path(&mut self, key: &str) {
        self.path.clear();
        self.path.push('/');
        self.path.push_str(BUCKET);
        if !key.is_empty() {
            self.path.push('/');
            self.path.push_str(key);
        }
    }
}

/// Puts of one size, to keys `PREFIX/NUMBER` that begin anew after `cycle`.
pub struct Puts {
    requests: S3Request,
    prefix: String,
    payloads: Vec<Payload>,
    /// Makes a key of the prefix and a number.
    name: fn(&str, u64) -> String,
    next: u64,
    cycle: u64,
    /// Puts left before the workload ends.
    left: u64,
}

impl Puts {
    /// Without end.
    pub fn new(endpoint: &Endpoint, prefix: &str, payloads: Vec<Payload>, cycle: u64) -> Self {
        Self {
            requests: S3Request::new(endpoint),
            prefix: prefix.into(),
            payloads,
            name: key,
            next: 0,
            cycle,
            left: u64::MAX,
        }
    }

    /// Each of the first `count` keys once.
    pub fn once(endpoint: &Endpoint, prefix: &str, payloads: Vec<Payload>, count: u64) -> Self {
        Self {
            left: count,
            ..Self::new(endpoint, prefix, payloads, count)
        }
    }

    /// Makes keys in another form.
    pub fn named(self, name: fn(&str, u64) -> String) -> Self {
        Self { name, ..self }
    }
}

/// The key of a number under a prefix.
pub fn key(prefix: &str, number: u64) -> String {
    format!("{prefix}/{number:09}")
}

impl Workload for Puts {
    fn operations(&self) -> &[&'static str] {
        &["PUT"]
    }

    fn next(&mut self, _connection: usize, request: &mut Request) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let number = self.next % self.cycle;
        self.next += 1;
        let payload = &self.payloads[(number % self.payloads.len() as u64) as usize];
        let target = Target {
            method: "PUT",
            key: &(self.name)(&self.prefix, number),
            query: "",
        };
        request.reset(0);
        self.requests.with_body(&target, payload, request);
        true
    }
}

/// Which of its keys a workload of gets asks for.
enum Order {
    Random(SmallRng),
    /// Each once; the next one.
    Once(u64),
}

/// Gets of keys `PREFIX/NUMBER`.
pub struct Gets {
    requests: S3Request,
    prefix: String,
    count: u64,
    length: u64,
    order: Order,
}

impl Gets {
    /// Of the first `count` keys, all of `length` bytes, at random, without end.
    pub fn random(endpoint: &Endpoint, prefix: &str, count: u64, length: u64, seed: u64) -> Self {
        Self {
            requests: S3Request::new(endpoint),
            prefix: prefix.into(),
            count,
            length,
            order: Order::Random(SmallRng::seed_from_u64(seed)),
        }
    }

    /// Each of the first `count` keys once.
    pub fn once(endpoint: &Endpoint, prefix: &str, count: u64, length: u64) -> Self {
        Self {
            order: Order::Once(0),
            ..Self::random(endpoint, prefix, count, length, 0)
        }
    }

    fn draw(&mut self) -> Option<u64> {
        match &mut self.order {
            Order::Random(random) => Some(random.random_range(0..self.count)),
            Order::Once(next) if *next < self.count => {
                *next += 1;
                Some(*next - 1)
            }
            Order::Once(_) => None,
        }
    }
}

impl Workload for Gets {
    fn operations(&self) -> &[&'static str] {
        &["GET"]
    }

    fn next(&mut self, _connection: usize, request: &mut Request) -> bool {
        let Some(number) = self.draw() else {
            return false;
        };
        let target = Target {
            method: "GET",
            key: &key(&self.prefix, number),
            query: "",
        };
        request.reset(0);
        self.requests.bodiless(&target, request);
        request.expect_length = Some(self.length);
        true
    }
}
