//! One request: routed, admitted, given to an instance, answered.

use super::answer::Refusal;
use super::body::{EdgeBody, GuestBody, RequestBody, Sent, Source};
use super::core::{Admission, Core, Routed, Target};
use super::{spin, websocket};
use crate::component::LoadedComponent;
use crate::instance::{CallError, RequestScope};
use crate::joins::{HostRead, WholeBody};
use crate::limits::EPOCH_TICK;
use crate::routes::RouteTable;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Request, Response, Uri, Version, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;

/// Names and values of a request's header fields together. S3 allows 8 KB of header fields
/// (S3 API Reference, "Common Request Headers"); a presigned URL's query comes on top.
pub(super) const HEADER_BYTES_MAX: usize = 32 << 10;
/// How often a request that an ending instance gave back is tried on another.
const DISPATCHES_MAX: u32 = 3;
/// A longer `x-request-id` is not taken over.
const REQUEST_ID_MAX_BYTES: usize = 128;

/// What a connection knows.
pub(super) struct Connection {
    pub(super) core: Arc<Core>,
    pub(super) routes: Arc<RouteTable<Routed>>,
    /// The client's address, as Spin's header has it.
    pub(super) client: HeaderValue,
    pub(super) scheme: Scheme,
    /// Ends what has no end of its own.
    pub(super) drain: CancellationToken,
    /// Its place among the connections; a WebSocket keeps it.
    pub(super) _permit: OwnedSemaphorePermit,
}

/// Answers a request. Dropping the future means that the client went away.
pub(super) async fn handle(
    connection: &Arc<Connection>,
    mut request: Request<Incoming>,
) -> Response<EdgeBody> {
    let expects_in_vain = expects_in_vain(&request);
    if let Some(response) = websocket::open(connection, &mut request).await {
        return response;
    }
    let mut response = respond(connection, request.map(Source::Client)).await;
    if expects_in_vain {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// Whether `100 Continue` is asked for and does not come, since there is no content to send (RFC 9110, 10.1.1).
///
/// The connection is not used again after that: botocore (as of 1.43) takes the status that came
/// instead for the status of the connection's next response too, and loses that one's head.
fn expects_in_vain(request: &Request<Incoming>) -> bool {
    request.version() == Version::HTTP_11
        && request.headers().contains_key(header::EXPECT)
        && http_body::Body::is_end_stream(request.body())
}

/// Answers a request, whether it came from the client or is made for one.
pub(super) async fn respond(
    connection: &Connection,
    mut request: Request<Source>,
) -> Response<EdgeBody> {
    let started = Instant::now();
    if header_bytes(request.headers()) > HEADER_BYTES_MAX {
        return Refusal::HeadTooLarge.response(None);
    }
    let path = request.uri().path_and_query().cloned();
    let path = path.as_ref().map_or("/", PathAndQuery::path);
    let Some((_, routed, captures)) = connection.routes.find(path) else {
        return Refusal::NoRoute.response(None);
    };
    let target = &routed.target;
    let component = target.pool.component();
    let scope = Arc::new(RequestScope::new(
        sent_request_id(request.headers()),
        connection.core.ticks.now(),
    ));
    let refuse = |refusal: Refusal, why: &'static str| {
        target.metrics.rejected(why);
        let response = refusal.response(Some(scope.request_id()));
        target.metrics.answered(response.status());
        response
    };
    let Some(admission) = target.admit(component.config.limits.concurrent_requests) else {
        return refuse(Refusal::Overloaded, "overload");
    };
    if announced_length(&request) > component.config.limits.body_bytes {
        return refuse(Refusal::BodyTooLarge, "body");
    }
    if component.config.route_headers {
        let (scheme, client) = (&connection.scheme, &connection.client);
        spin::set_fields(&mut request, scheme, client, &routed.spin, &captures);
    }
    let Some(request) = prepare(connection, target, &component, &scope, request) else {
        return refuse(Refusal::BadRequest, "target");
    };
    match call(connection, target, &component, &scope, admission, request).await {
        Ok(response) => {
            target.metrics.answered(response.status());
            target.metrics.latency.record(started.elapsed());
            response
        }
        Err((refusal, why)) => refuse(refusal, why),
    }
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}

fn sent_request_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get("x-request-id")?;
    let plain = id.as_bytes().iter().all(u8::is_ascii_graphic);
    (plain && (1..=REQUEST_ID_MAX_BYTES).contains(&id.len())).then(|| id.clone())
}

fn announced_length(request: &Request<Source>) -> u64 {
    http_body::Body::size_hint(request.body()).lower()
}

/// The request as wasi:http wants it: with scheme and authority, and a bounded body.
fn prepare(
    connection: &Connection,
    target: &Target,
    component: &LoadedComponent,
    scope: &Arc<RequestScope>,
    request: Request<Source>,
) -> Option<Request<WasiBody>> {
    let (mut parts, body) = request.into_parts();
    let mut uri = std::mem::take(&mut parts.uri).into_parts();
    if uri.authority.is_none() {
        uri.authority = match parts.headers.get(header::HOST) {
            Some(host) => Some(Authority::try_from(host.as_bytes()).ok()?),
            None => None,
        };
    }
    uri.scheme = uri.authority.as_ref().map(|_| connection.scheme.clone());
    uri.path_and_query
        .get_or_insert_with(|| PathAndQuery::from_static("/"));
    parts.uri = Uri::from_parts(uri).ok()?;
    let sent = match parts.version {
        Version::HTTP_10 | Version::HTTP_11 if !parts.headers.contains_key(header::EXPECT) => {
            Sent::Unasked
        }
        _ => Sent::OnDemand,
    };
    let body = RequestBody::new(
        body,
        sent,
        component.config.limits.body_bytes,
        Arc::clone(scope),
        connection.core.ticks.clone(),
        target.metrics.bytes_in.clone(),
    );
    let body = WholeBody::new(body).boxed_unsync();
    Some(Request::from_parts(parts, body))
}

/// Tells the instance that no one waits, unless disarmed.
struct CancelOnDrop<'a>(Option<&'a RequestScope>);

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(scope) = self.0 {
            scope.cancel();
        }
    }
}

/// Gives the request to an instance and waits for the head of the answer.
async fn call(
    connection: &Connection,
    target: &Target,
    component: &LoadedComponent,
    scope: &Arc<RequestScope>,
    admission: Admission,
    mut request: Request<WasiBody>,
) -> Result<Response<EdgeBody>, (Refusal, &'static str)> {
    let mut guard = CancelOnDrop(Some(scope));
    for _ in 0..DISPATCHES_MAX {
        let Ok(dispatch) = target.pool.dispatch(request, scope) else {
            return Err((Refusal::Overloaded, "instances"));
        };
        let deadline = component.config.limits.first_byte;
        let reply = match until_first_byte(connection, scope, deadline, dispatch.reply).await {
            Some(reply) => reply,
            None => return Err((Refusal::TimedOut, "first_byte")),
        };
        match reply {
            _ if scope.is_body_too_large() => return Err((Refusal::BodyTooLarge, "body")),
            Ok(Ok(response)) => {
                guard.0 = None;
                let (scope, _load) = (Arc::clone(scope), dispatch.load);
                return Ok(response.map(|inner| {
                    EdgeBody::Guest(Box::new(GuestBody {
                        inner: HostRead(inner),
                        scope,
                        admission,
                        _load,
                    }))
                }));
            }
            Ok(Err(CallError::NotStarted(again))) => request = *again,
            Ok(Err(CallError::Instantiate)) => return Err((Refusal::Overloaded, "instantiate")),
            Ok(Err(CallError::Guest(code))) => {
                return Err((guest_error(component, scope, &code), "guest"));
            }
            Err(_dropped) => return Err((Refusal::ComponentFailed, "trap")),
        }
    }
    Err((Refusal::ComponentFailed, "trap"))
}

/// Waits for the reply; `None` when neither it nor a byte of the request's body came for so long.
async fn until_first_byte<T>(
    connection: &Connection,
    scope: &RequestScope,
    limit: Duration,
    reply: impl Future<Output = T>,
) -> Option<T> {
    let mut reply = std::pin::pin!(reply);
    let mut wait = limit;
    loop {
        if let Ok(reply) = tokio::time::timeout(wait, &mut reply).await {
            return Some(reply);
        }
        let idle = connection
            .core
            .ticks
            .now()
            .saturating_sub(scope.last_progress());
        let idle = EPOCH_TICK.saturating_mul(u32::try_from(idle).unwrap_or(u32::MAX));
        // The clocks are not the same; a tick more does not matter.
        wait = limit.checked_sub(idle).filter(|wait| *wait > EPOCH_TICK)?;
    }
}

fn guest_error(component: &LoadedComponent, scope: &RequestScope, code: &ErrorCode) -> Refusal {
    tracing::warn!(
        component = %component.name,
        request = %String::from_utf8_lossy(scope.request_id().as_bytes()),
        "the component answered with an error: {code:?}"
    );
    match code {
        ErrorCode::HttpRequestBodySize(_) => Refusal::BodyTooLarge,
        _ => Refusal::ComponentFailed,
    }
}
