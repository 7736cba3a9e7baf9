//! JMAP over WebSocket (RFC 8887), in front of the component that speaks JMAP.
//!
//! A component answers one request after another and cannot keep a socket. So the edge keeps it: each message of a client
//! enters the component as an HTTP request with the credentials of the handshake, and the component's event stream becomes
//! messages. The component knows nothing of it. Where the edge offers this is in `spin.toml`
//! (`[component.X.tool.concierge.websocket]`).

mod events;
mod message;
mod session;

use super::answer::Refusal;
use super::body::{EdgeBody, Source};
use super::handler::{Connection, respond};
use crate::manifest::WebSocketConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig as Framing};

/// The subprotocol (RFC 8887 §4.1).
const PROTOCOL: &str = "jmap";
/// The one version there is (RFC 6455 §4.1).
const VERSION: &str = "13";
/// Bytes of a key (RFC 6455 §4.1).
const KEY_BYTES: usize = 16;
/// Bytes of a message: above what a JMAP request may have, which is the component's to say.
const MESSAGE_MAX_BYTES: usize = 16 << 20;
/// Bytes that wait to be written before the session waits for the client.
const WRITE_BUFFER_MAX_BYTES: usize = MESSAGE_MAX_BYTES + (1 << 20);
/// Answers whether the credentials of a handshake are accepted, and does nothing.
const NOTHING: &str =
    r#"{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{},"0"]]}"#;

/// Answers a request for a WebSocket; `None` where it is none, or no component offers one at its path.
pub(super) async fn open(
    connection: &Arc<Connection>,
    request: &mut Request<Incoming>,
) -> Option<Response<EdgeBody>> {
    if !asks_for_one(request) {
        return None;
    }
    let path = request.uri().path();
    let (_, routed, _) = connection.routes.find(path)?;
    let component = routed.target.pool.component();
    let config = component.config.websocket.as_ref()?;
    if config.path != path {
        return None;
    }
    if is_from_elsewhere(request.headers()) {
        return Some(Refusal::ForeignOrigin.response(None));
    }
    let Some(accept) = accept(request.headers()) else {
        let mut refused = Refusal::BadHandshake.response(None);
        let version = HeaderValue::from_static(VERSION);
        refused
            .headers_mut()
            .insert(header::SEC_WEBSOCKET_VERSION, version);
        return Some(refused);
    };
    let client = Client {
        connection: Arc::clone(connection),
        config: config.clone(),
        headers: kept(request.headers()),
    };
    let checked = client.post(Bytes::from_static(NOTHING.as_bytes())).await;
    if !checked.status().is_success() {
        return Some(checked);
    }
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let io = TokioIo::new(upgraded);
                let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(framing()));
                session::run(client, socket.await).await;
            }
            Err(error) => tracing::debug!("a WebSocket was not opened: {error}"),
        }
    });
    Some(switching(&accept))
}

/// What a session asks the component with.
struct Client {
    connection: Arc<Connection>,
    config: WebSocketConfig,
    /// Of the handshake: who asks.
    headers: HeaderMap,
}

impl Client {
    /// Has the component answer a JMAP request.
    async fn post(&self, body: Bytes) -> Response<EdgeBody> {
        let mut request = self.request(Method::POST, &self.config.requests, body);
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        respond(&self.connection, request).await
    }

    /// Opens the component's event stream.
    async fn events(&self, query: &str, last_event: Option<&str>) -> Response<EdgeBody> {
        let target = format!("{}?{query}", self.config.events);
        let mut request = self.request(Method::GET, &target, Bytes::new());
        if let Some(id) = last_event.and_then(|id| HeaderValue::from_str(id).ok()) {
            request.headers_mut().insert("last-event-id", id);
        }
        respond(&self.connection, request).await
    }

    fn request(&self, method: Method, target: &str, body: Bytes) -> Request<Source> {
        let mut request = Request::new(Source::Whole(Full::new(body)));
        *request.method_mut() = method;
        if let Ok(uri) = target.parse() {
            *request.uri_mut() = uri;
        }
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// RFC 6455 §4.2.1, items 1 to 4.
fn asks_for_one<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET
        && has_token(request.headers(), header::CONNECTION, "upgrade")
        && has_token(request.headers(), header::UPGRADE, "websocket")
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|found| found.trim().eq_ignore_ascii_case(token))
}

/// Whether a page of another origin asks. A browser lets any page open a WebSocket, and adds a Basic password that it
/// remembers; what comes back must not be that page's to read (RFC 6455 §10.2).
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    let text = |value: &HeaderValue| value.to_str().map(str::to_ascii_lowercase).ok();
    let origin = text(origin);
    let origin = origin
        .as_deref()
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, authority)| authority.to_owned());
    let host = headers.get(header::HOST).and_then(text);
    origin.is_none() || origin != host
}

/// The value of `Sec-WebSocket-Accept`, if the handshake is one that is spoken here.
fn accept(headers: &HeaderMap) -> Option<String> {
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    let is_key = STANDARD
        .decode(key.as_bytes())
        .is_ok_and(|key| key.len() == KEY_BYTES);
    let is_version = headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .is_some_and(|version| version == VERSION);
    let is_ours = has_token(headers, header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
    (is_key && is_version && is_ours).then(|| derive_accept_key(key.as_bytes()))
}

/// The fields that say who asks and to which host: those that belong to the handshake stay with it.
fn kept(headers: &HeaderMap) -> HeaderMap {
    [
        header::AUTHORIZATION,
        header::HOST,
        header::ACCEPT_LANGUAGE,
        header::USER_AGENT,
    ]
    .into_iter()
    .filter_map(|name| Some((name.clone(), headers.get(name)?.clone())))
    .collect()
}

fn switching(accept: &str) -> Response<EdgeBody> {
    let mut response = Response::new(EdgeBody::text(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(
        header::SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(PROTOCOL),
    );
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

fn framing() -> Framing {
    Framing::default()
        .max_message_size(Some(MESSAGE_MAX_BYTES))
        .max_frame_size(Some(MESSAGE_MAX_BYTES))
        .max_write_buffer_size(WRITE_BUFFER_MAX_BYTES)
        // A message goes out when it is there.
        .write_buffer_size(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake() -> Request<()> {
        Request::get("/jmap/ws")
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-protocol", "other, jmap")
            // RFC 6455 §1.3.
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("authorization", "Bearer x")
            .header("cookie", "a=b")
            .body(())
            .unwrap()
    }

    #[test]
    fn a_handshake_is_known_and_answered_as_the_rfc_does() {
        let request = handshake();
        assert!(asks_for_one(&request));
        let accepted = accept(request.headers());
        assert_eq!(accepted.as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        let kept = kept(request.headers());
        assert!(kept.contains_key("authorization"));
        assert_eq!(kept.len(), 1);
    }

    #[test]
    fn pages_of_other_origins_are_told_apart() {
        let from = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("Mail.example.org:8080"));
            headers.insert("origin", HeaderValue::from_static(origin));
            is_from_elsewhere(&headers)
        };
        assert!(!is_from_elsewhere(&HeaderMap::new()));
        assert!(!from("http://mail.example.org:8080"));
        for origin in ["null", "http://evil.example", "http://mail.example.org", ""] {
            assert!(from(origin), "{origin}");
        }
    }

    #[test]
    fn other_requests_and_other_handshakes_are_not() {
        for (name, value) in [("connection", "close"), ("upgrade", "h2c")] {
            let mut request = handshake();
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(name, value);
            assert!(!asks_for_one(&request), "{name}");
        }
        for (name, value) in [
            ("sec-websocket-version", "8"),
            ("sec-websocket-protocol", "mqtt"),
            ("sec-websocket-key", "c2hvcnQ="),
            ("sec-websocket-key", "not base64"),
        ] {
            let mut request = handshake();
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(name, value);
            assert_eq!(accept(request.headers()), None, "{name}");
        }
    }
}
