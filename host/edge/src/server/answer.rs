//! The edge's own answers, for requests that no component answers.

use super::body::EdgeBody;
use http::{HeaderValue, Response, StatusCode, header};

/// When a client that met an overload may come again, in seconds.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");

/// Why the edge answers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No route of this listener matches.
    NoRoute,
    /// The head of the request is too large.
    HeadTooLarge,
    /// The request's target or host cannot be understood.
    BadRequest,
    /// It asks for a WebSocket as it is not spoken here.
    BadHandshake,
    /// A page of another origin asks for a WebSocket.
    ForeignOrigin,
    /// The body is larger than the component takes.
    BodyTooLarge,
    /// As many requests are under way as may be.
    Overloaded,
    /// The instance was stopped, or the guest answered with an error.
    ComponentFailed,
    /// No first byte in time.
    TimedOut,
}

impl Refusal {
    fn status_and_text(self) -> (StatusCode, &'static str) {
        match self {
            Self::NoRoute => (StatusCode::NOT_FOUND, "Nothing is served at this path.\n"),
            Self::HeadTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "The header fields of the request are too large.\n",
            ),
            Self::BadRequest => (
                StatusCode::BAD_REQUEST,
                "The request cannot be understood.\n",
            ),
            Self::ForeignOrigin => (
                StatusCode::FORBIDDEN,
                "Pages of other origins do not open WebSockets here.\n",
            ),
            Self::BadHandshake => (
                StatusCode::UPGRADE_REQUIRED,
                "A WebSocket here has version 13 and the subprotocol jmap.\n",
            ),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body is larger than is accepted here.\n",
            ),
            Self::Overloaded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many requests are being served; try again shortly.\n",
            ),
            Self::ComponentFailed => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "The component that serves this path failed.\n",
            ),
            Self::TimedOut => (
                StatusCode::GATEWAY_TIMEOUT,
                "The component that serves this path did not answer in time.\n",
            ),
        }
    }

    /// The answer. `request_id` is given where someone may want to look into the log.
    pub(super) fn response(self, request_id: Option<&HeaderValue>) -> Response<EdgeBody> {
        let (status, text) = self.status_and_text();
        let mut response = Response::new(EdgeBody::text(text));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        if let Some(id) = request_id {
            headers.insert("x-request-id", id.clone());
        }
        match self {
            Self::Overloaded => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER_S);
            }
            // The rest of the body is not read: the connection cannot be used again.
            Self::BodyTooLarge => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Self::NoRoute
            | Self::HeadTooLarge
            | Self::BadRequest
            | Self::BadHandshake
            | Self::ForeignOrigin
            | Self::ComponentFailed
            | Self::TimedOut => {}
        }
        response
    }
}
