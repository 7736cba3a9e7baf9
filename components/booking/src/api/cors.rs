//! Pages of other sites (Fetch, "HTTP CORS protocol"): any may call what guests use. Nothing is ever allowed with what a
//! browser adds by itself (cookies, passwords): what such a page shows, it knows.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW,
    HeaderMap, ORIGIN,
};
use http::{HeaderValue, Method, StatusCode};

use super::route::{Audience, Resource};
use crate::reply::{self, Reply};

/// What a page may send.
const ALLOWED: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match";
/// What a page may read, beside what every page may.
const EXPOSED: &str = "ETag, Idempotency-Replayed, Location, Retry-After";
/// Seconds for which a browser need not ask again.
const MAX_AGE_S: &str = "7200";

/// Answers OPTIONS: what the path knows, and what another site's page may do there.
pub fn options(headers: &HeaderMap, resource: &Resource) -> Reply {
    let mut answer = reply::empty(StatusCode::NO_CONTENT);
    reply::set_text(&mut answer, ALLOW, &resource.methods(None));
    let asked = headers.get(ACCESS_CONTROL_REQUEST_METHOD);
    let asked = asked.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
    if asked.is_some_and(|method| allowed(resource, &method)) && headers.contains_key(ORIGIN) {
        let methods = resource.methods(Some(Audience::Guests));
        reply::set_text(&mut answer, ACCESS_CONTROL_ALLOW_METHODS, &methods);
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED),
            (ACCESS_CONTROL_MAX_AGE, MAX_AGE_S),
        ] {
            reply::set(&mut answer, name, HeaderValue::from_static(value));
        }
    }
    answer
}

/// Lets a page of another site read an answer, whatever it is.
pub fn decorate(method: &Method, resource: Option<&Resource>, answer: &mut Reply) {
    // A path that is not there is no secret.
    if resource.is_none_or(|resource| allowed(resource, method)) {
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
        ] {
            reply::set(answer, name, HeaderValue::from_static(value));
        }
    }
}

/// What guests use; and what nobody can, so that the answer can be read.
fn allowed(resource: &Resource, method: &Method) -> bool {
    resource
        .route(method)
        .is_none_or(|route| route.audience == Audience::Guests)
}
