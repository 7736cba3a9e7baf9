//! Answers.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

/// An answer: its head, and its whole body.
pub type Reply = Response<Vec<u8>>;

/// An answer without a body.
pub fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Vec::new());
    *reply.status_mut() = status;
    reply
}

/// A document of a known type.
pub fn document(status: StatusCode, content_type: &'static str, bytes: Vec<u8>) -> Reply {
    let mut reply = Response::new(bytes);
    *reply.status_mut() = status;
    set(
        &mut reply,
        CONTENT_TYPE,
        HeaderValue::from_static(content_type),
    );
    reply
}

/// Sets a header field, in the place of any of its name.
pub fn set(reply: &mut Reply, name: HeaderName, value: HeaderValue) {
    reply.headers_mut().insert(name, value);
}

/// Sets a header field whose value is made here. A value that cannot stand in a field is left out: nothing that is
/// put in one here has line breaks.
pub fn set_text(reply: &mut Reply, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        set(reply, name, value);
    }
}

/// The answer as it is sent: with its length (RFC 9110 §8.6), and for HEAD without its body (§9.3.2).
pub fn finished(mut reply: Reply, head_only: bool) -> Reply {
    let bodiless = matches!(
        reply.status(),
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    if bodiless {
        reply.body_mut().clear();
    } else {
        let length = HeaderValue::from(reply.body().len());
        set(&mut reply, CONTENT_LENGTH, length);
    }
    if head_only {
        reply.body_mut().clear();
    }
    reply
}
