//! A client: makes requests, signs them in form, and shows answers.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use object_router::host::ReadError;
use object_router::http::reply::{Reply, ReplyBody};
use object_router::http::request::{Method, RawRequest};
use object_router::http::target::Domains;
use object_router::serve::serve;
use sha2::{Digest as _, Sha256};

use crate::playback::{Incoming, Playback};

/// The id of every request of the tests.
pub const REQUEST_ID: &str = "0123456789ABCDEF";

/// The signature is 64 digits; whether it is good is the host's to say.
pub const SIGNATURE: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    method: &'static str,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Incoming,
    announce_length: bool,
    announce_digest: bool,
    anonymous: bool,
    tls: bool,
}

impl Request {
    pub fn new(method: &'static str, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            headers: Vec::new(),
            body: Incoming::default(),
            announce_length: true,
            announce_digest: true,
            anonymous: false,
            tls: false,
        }
    }

    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    pub fn body(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.body.bytes = bytes.as_ref().to_vec();
        self
    }

    /// With the digest of the body that some operations want.
    pub fn md5(self) -> Self {
        let digest = STANDARD.encode(Md5::digest(&self.body.bytes));
        self.header("content-md5", digest)
    }

    /// With a body that cannot be read.
    pub fn unreadable(mut self, failure: ReadError) -> Self {
        self.body.failure = Some(failure);
        self
    }

    /// Says nothing of the body's length, as with `Transfer-Encoding: chunked`.
    pub fn without_length(mut self) -> Self {
        self.announce_length = false;
        self
    }

    /// Without a digest of the body.
    pub fn unsigned_payload(self) -> Self {
        self.payload("UNSIGNED-PAYLOAD")
    }

    /// Announces this of its body.
    pub fn payload(mut self, announcement: &str) -> Self {
        self.announce_digest = false;
        self.header("x-amz-content-sha256", announcement)
    }

    /// Over a connection that is encrypted.
    pub fn over_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Without a signature; neither does the client add a header.
    pub fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// As it is sent: with the headers that every client adds, all of them signed.
    fn raw(&self) -> RawRequest {
        let mut headers = self.headers.clone();
        let has = |headers: &[(String, Vec<u8>)], wanted: &str| {
            headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        let mut add = |name: &str, value: String| {
            if !has(&headers, name) {
                headers.push((name.into(), value.into_bytes()));
            }
        };
        add("host", "s3.example".into());
        if !self.anonymous {
            add("x-amz-date", "20261125T120000Z".into());
            if self.announce_digest {
                add(
                    "x-amz-content-sha256",
                    hex::encode(Sha256::digest(&self.body.bytes)),
                );
            }
            if self.announce_length && matches!(self.method, "PUT" | "POST") {
                add("content-length", self.body.bytes.len().to_string());
            }
            let mut names: Vec<String> = headers
                .iter()
                .map(|(name, _)| name.to_ascii_lowercase())
                .collect();
            names.sort_unstable();
            names.dedup();
            let authorization = format!(
                "AWS4-HMAC-SHA256 Credential=AKID/20261125/us-east-1/s3/aws4_request, SignedHeaders={}, Signature={SIGNATURE}",
                names.join(";")
            );
            if !has(&headers, "authorization") {
                headers.push(("authorization".into(), authorization.into_bytes()));
            }
        }
        RawRequest {
            method: Method::parse(self.method),
            path_with_query: self.target.clone(),
            authority: None,
            tls: self.tls,
            headers,
        }
    }

    /// Sends it to a host.
    pub fn send(&self, host: &Playback) -> Answered {
        let domains = Domains::parse("s3.example, s3.amazonaws.com");
        let serving = serve(host, self.raw(), self.body.clone(), &domains, REQUEST_ID);
        // The host never waits, so that a single poll runs a request to its end.
        let mut serving = pin!(serving);
        match serving
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(reply) => Answered::new(reply),
            Poll::Pending => panic!("the request waits for something that is not the host"),
        }
    }
}

/// An answer as the client sees it.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
}

impl Answered {
    fn new(reply: Reply<Vec<u8>>) -> Self {
        let mut headers: Vec<(String, String)> = reply
            .headers
            .into_iter()
            .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
            .collect();
        for common in [("x-amz-request-id", REQUEST_ID), ("server", "concierge")] {
            let at = headers
                .iter()
                .position(|(name, value)| (name.as_str(), value.as_str()) == common);
            headers.remove(at.unwrap_or_else(|| panic!("{common:?} is missing")));
        }
        headers.sort_unstable();
        let body = match reply.body {
            ReplyBody::Empty => None,
            ReplyBody::Bytes(bytes) | ReplyBody::Stream(bytes) => Some(bytes),
        };
        if let Some(body) = &body {
            let length = headers.iter().find(|(name, _)| name == "content-length");
            assert_eq!(
                length.map(|(_, value)| value.clone()),
                Some(body.len().to_string()),
                "the length of the body"
            );
        }
        Self {
            status: reply.status,
            headers,
            body,
        }
    }

    /// The headers, sorted, without those that every answer has.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// The values of a header, joined.
    pub fn header(&self, wanted: &str) -> Option<String> {
        let values: Vec<&str> = self
            .headers
            .iter()
            .filter(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then(|| values.join(" | "))
    }

    /// The body as text; empty without one.
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.body.as_deref().unwrap_or_default()).unwrap()
    }

    /// The document behind its declaration.
    pub fn xml(&self) -> &str {
        assert_eq!(
            self.header("content-type").as_deref(),
            Some("application/xml")
        );
        self.text()
            .strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
            .unwrap_or_else(|| panic!("no declaration: {}", self.text()))
    }

    /// The text of the first element of a name.
    pub fn element(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.text().split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
    }

    /// The status and the code of an error document.
    pub fn error(&self) -> (u16, &str) {
        (self.status, self.element("Code").unwrap_or(""))
    }
}

/// A document in S3's namespace.
pub fn document(root: &str, inner: &str) -> String {
    format!("<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}</{root}>")
}
