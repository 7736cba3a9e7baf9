//! Errors of a request as a whole (RFC 8620 §3.6.1), as problem details (RFC 7807, now RFC 9457).

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::bindings::concierge::mail::accounts::Error;
use crate::host::{AuthenticationError, ReadError};
use crate::reply::{self, Reply};

/// Characters of a detail: it may repeat what a client sent, or what a parser said of it.
const DETAIL_CHARS_MAX: usize = 300;

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    kind: Option<&'static str>,
    detail: String,
    limit: Option<&'static str>,
    retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem of HTTP, without a type of its own.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind: None,
            detail: shortened(detail.into()),
            limit: None,
            retry_after_s: None,
        }
    }

    fn of(kind: &'static str, status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: Some(kind),
            ..Self::new(status, detail)
        }
    }

    /// `using` has a capability that is not known here.
    pub fn unknown_capability(detail: impl Into<String>) -> Self {
        let kind = "urn:ietf:params:jmap:error:unknownCapability";
        Self::of(kind, StatusCode::BAD_REQUEST, detail)
    }

    /// The body is not JSON, or not said to be.
    pub fn not_json(detail: impl Into<String>) -> Self {
        let kind = "urn:ietf:params:jmap:error:notJSON";
        Self::of(kind, StatusCode::BAD_REQUEST, detail)
    }

    /// The body is JSON, and not a Request.
    pub fn not_request(detail: impl Into<String>) -> Self {
        let kind = "urn:ietf:params:jmap:error:notRequest";
        Self::of(kind, StatusCode::BAD_REQUEST, detail)
    }

    /// A limit of the core capability, by its name there, was exceeded.
    pub fn limit(limit: &'static str, detail: impl Into<String>) -> Self {
        let kind = "urn:ietf:params:jmap:error:limit";
        Self {
            limit: Some(limit),
            ..Self::of(kind, StatusCode::BAD_REQUEST, detail)
        }
    }

    /// To be tried again after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The credentials are missing, wrong or over.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "The credentials are missing, wrong or over.",
        )
    }

    /// As an answer.
    pub fn reply<O>(&self) -> Reply<O> {
        let mut document = json!({
            "type": self.kind.unwrap_or("about:blank"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let (Some(limit), Some(members)) = (self.limit, document.as_object_mut()) {
            members.insert("limit".to_owned(), limit.into());
        }
        let bytes = serde_json::to_vec(&document).unwrap_or_default();
        let mut answer = reply::document(self.status, "application/problem+json", bytes);
        if let Some(seconds) = self.retry_after_s {
            reply::set_text(&mut answer, RETRY_AFTER, &seconds.to_string());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §11.6.1: a 401 says how.
            for challenge in [
                "Bearer realm=\"jmap\"",
                "Basic realm=\"jmap\", charset=\"UTF-8\"",
            ] {
                let value = HeaderValue::from_static(challenge);
                answer.headers_mut().append(WWW_AUTHENTICATE, value);
            }
        }
        answer
    }
}

impl From<AuthenticationError> for Problem {
    fn from(error: AuthenticationError) -> Self {
        match error {
            AuthenticationError::Refused => Self::unauthorized(),
            AuthenticationError::SlowDown(seconds) => slow_down(seconds),
            AuthenticationError::Unavailable => unavailable(),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooLong => Self::limit("maxSizeRequest", "The request is too long."),
            ReadError::Incomplete => Self::not_json("The connection ended before the body did."),
            ReadError::Busy => {
                Self::limit("maxConcurrentRequests", "Too many requests at once.").retry_after(1)
            }
        }
    }
}

impl From<Error> for Problem {
    /// What the host refuses outside of method calls: sessions, uploads, downloads and events.
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidToken => Self::unauthorized(),
            Error::AccountNotFound | Error::NotFound => {
                Self::new(StatusCode::NOT_FOUND, "There is no such thing.")
            }
            Error::AccountReadOnly => {
                Self::new(StatusCode::FORBIDDEN, "The account may only be read.")
            }
            Error::Forbidden(what) => Self::new(StatusCode::FORBIDDEN, what),
            Error::TooLarge(limit) => Self {
                limit: Some("maxSizeUpload"),
                ..Self::of(
                    "urn:ietf:params:jmap:error:limit",
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("At most {limit} bytes."),
                )
            },
            Error::OverQuota => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "The account's quota does not admit it.",
            ),
            Error::SlowDown(seconds) => slow_down(seconds),
            Error::Unavailable => unavailable(),
            Error::InvalidArguments(what) => Self::new(StatusCode::BAD_REQUEST, what),
            Error::Internal
            | Error::StateMismatch
            | Error::CannotCalculateChanges
            | Error::TooManyChanges
            | Error::AnchorNotFound
            | Error::UnsupportedFilter(_)
            | Error::UnsupportedSort(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The host failed.")
            }
        }
    }
}

fn slow_down(seconds: u32) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "Too much at once.").retry_after(seconds)
}

fn unavailable() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Not now; try again.").retry_after(1)
}

/// Cuts a text that may repeat what a client sent.
pub fn shortened(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(DETAIL_CHARS_MAX) {
        text.truncate(at);
        text.push('…');
    }
    text
}
