//! Answers.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

/// An answer: its head, and its body.
pub type Reply<O> = Response<Body<O>>;

/// The body of an answer.
#[derive(Debug)]
pub enum Body<O> {
    /// All of it.
    Bytes(Vec<u8>),
    /// A stream that stays with the host.
    Stream(O),
}

/// An answer without a body.
pub fn empty<O>(status: StatusCode) -> Reply<O> {
    let mut reply = Response::new(Body::Bytes(Vec::new()));
    *reply.status_mut() = status;
    reply
}

/// A document of a known type.
pub fn document<O>(status: StatusCode, content_type: &'static str, bytes: Vec<u8>) -> Reply<O> {
    let mut reply = Response::new(Body::Bytes(bytes));
    *reply.status_mut() = status;
    set(&mut reply, CONTENT_TYPE, content_type);
    reply
}

/// A JSON document.
pub fn json<O>(status: StatusCode, value: &impl Serialize) -> Reply<O> {
    // Maps have strings as keys, so that this does not fail.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    document(status, "application/json", bytes)
}

/// Sets a header field, in the place of any of its name.
pub fn set<O>(reply: &mut Reply<O>, name: HeaderName, value: &'static str) {
    reply
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}

/// Sets a header field whose value is made here. A value that cannot stand in a field is left out: nothing that is put
/// in one here has line breaks.
pub fn set_text<O>(reply: &mut Reply<O>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

/// The answer as it is sent: with its length (RFC 9110 §8.6), and for HEAD without its body (§9.3.2). A length that is
/// told already stays. None is told of what has no body by its status, and of what only GET would make.
pub fn finished<O>(mut reply: Reply<O>, head_only: bool) -> Reply<O> {
    let without_body = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
    if let Body::Bytes(bytes) = reply.body()
        && !without_body.contains(&reply.status())
        && !(head_only && bytes.is_empty())
    {
        let length = HeaderValue::from(bytes.len());
        reply.headers_mut().entry(CONTENT_LENGTH).or_insert(length);
    }
    if head_only {
        *reply.body_mut() = Body::Bytes(Vec::new());
    }
    reply
}
