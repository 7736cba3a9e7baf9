//! A client: makes requests and shows answers.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use booking::host::ReadError;
use booking::serve::serve;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use crate::document;
use crate::playback::{Incoming, Playback};

/// The token of the guest of the tests.
pub const GUEST: &str = "Bearer gt_0123456789abcdefABCDEF";
/// The token of an account of the tests.
pub const ACCOUNT: &str = "Bearer ct_account";

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Incoming,
}

impl Request {
    /// A request to a path below `/booking/v1`.
    pub fn new(method: &str, path: &str) -> Self {
        Self::at(method, &format!("/booking/v1{path}"))
    }

    /// A request to any path.
    pub fn at(method: &str, target: &str) -> Self {
        let headers = HeaderMap::from_iter([
            (
                HeaderName::from_static("host"),
                HeaderValue::from_static("hotels.example"),
            ),
            (
                HeaderName::from_static("spin-client-addr"),
                HeaderValue::from_static("192.0.2.7:50123"),
            ),
        ]);
        Self {
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            target: target.into(),
            headers,
            body: Incoming::default(),
        }
    }

    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let value = HeaderValue::from_bytes(value.as_ref()).unwrap();
        self.headers.append(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub fn guest(self) -> Self {
        self.header("authorization", GUEST)
    }

    pub fn account(self) -> Self {
        self.header("authorization", ACCOUNT)
    }

    pub fn json(self, value: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(value.to_string())
    }

    pub fn body(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.body.bytes = bytes.as_ref().to_vec();
        self
    }

    /// With a body that cannot be read.
    pub fn unreadable(mut self, failure: ReadError) -> Self {
        self.body.failure = Some(failure);
        self
    }

    /// Sends it to a host. What the API answers must be as its document says.
    pub fn send(&self, host: &Playback) -> Answered {
        let answered = self.send_unchecked(host);
        document::check(&self.method, &self.target, &answered);
        answered
    }

    fn send_unchecked(&self, host: &Playback) -> Answered {
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.parse().unwrap();
        *request.headers_mut() = self.headers.clone();
        let serving = serve(host, request);
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
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answered {
    fn new(reply: booking::reply::Reply) -> Self {
        let (head, body) = reply.into_parts();
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }

    /// The values of a header field, joined; empty without it.
    pub fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter();
        let values: Vec<&str> = values.map(|value| value.to_str().unwrap()).collect();
        values.join(" | ")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// Status and code of a problem.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let code = self.json()["code"].as_str().unwrap().to_owned();
        (self.status, code)
    }

    /// Fields and reasons of a problem.
    pub fn errors(&self) -> Vec<(String, String)> {
        let document = self.json();
        let errors = document["errors"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        errors
            .iter()
            .map(|error| (text(&error["field"]), text(&error["reason"])))
            .collect()
    }
}
