//! The header fields by which Spin tells a component how it was reached (Spin: "The HTTP Trigger",
//! "Request Header Fields"). What depends on the route or on the connection only is made once.

use crate::routes::{Captures, RoutePattern};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use std::net::SocketAddr;

const PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
const FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
const MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
const BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
const RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
const COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
const CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");
/// How many fields there are beside those of the route's parameters.
const FIELDS: usize = 7;

/// What Spin says of a route.
pub(crate) struct RouteFields {
    route: HeaderValue,
    component_route: HeaderValue,
    /// `spin-path-match-NAME` of each parameter, in the pattern's order.
    parameters: Vec<Option<HeaderName>>,
}

impl RouteFields {
    pub(crate) fn new(pattern: &RoutePattern) -> Self {
        // Text that cannot stand in a field is left out.
        let field = |text: &str| {
            HeaderValue::from_bytes(text.as_bytes()).unwrap_or(HeaderValue::from_static(""))
        };
        let parameters = pattern.parameter_names().map(|name| {
            HeaderName::try_from(format!("spin-path-match-{}", name.to_ascii_lowercase())).ok()
        });
        Self {
            route: field(pattern.as_str()),
            component_route: field(pattern.prefix()),
            parameters: parameters.collect(),
        }
    }
}

/// What Spin says of a connection.
pub(super) fn client_field(client: SocketAddr) -> HeaderValue {
    // An address is ASCII.
    HeaderValue::try_from(client.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Sets the fields, in place of what the client may have sent under their names.
pub(super) fn set_fields<B>(
    request: &mut Request<B>,
    scheme: &Scheme,
    client: &HeaderValue,
    route: &RouteFields,
    captures: &Captures<'_>,
) {
    strip(request.headers_mut());
    let full_url = full_url(request, scheme);
    let path_info = HeaderValue::from_bytes(captures.path_info.as_bytes()).ok();
    let parameters = captures.parameters.iter();
    let parameters = parameters.map(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
    let headers = request.headers_mut();
    headers.reserve(FIELDS + route.parameters.len());
    headers.insert(MATCHED_ROUTE, route.route.clone());
    headers.insert(RAW_COMPONENT_ROUTE, route.route.clone());
    headers.insert(COMPONENT_ROUTE, route.component_route.clone());
    headers.insert(BASE_PATH, HeaderValue::from_static("/"));
    headers.insert(CLIENT_ADDR, client.clone());
    // Text of the request that cannot stand in a field is left out.
    for (name, value) in [(PATH_INFO, path_info), (FULL_URL, full_url)] {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    for (name, value) in route.parameters.iter().zip(parameters) {
        if let (Some(name), Some(value)) = (name, value) {
            headers.insert(name.clone(), value);
        }
    }
}

fn full_url<B>(request: &Request<B>, scheme: &Scheme) -> Option<HeaderValue> {
    let uri = request.uri();
    let host = uri
        .authority()
        .map(Authority::as_str)
        .or_else(|| request.headers().get(header::HOST)?.to_str().ok())
        .unwrap_or("localhost");
    let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let mut url = String::with_capacity(scheme.as_str().len() + 3 + host.len() + target.len());
    for part in [scheme.as_str(), "://", host, target] {
        url.push_str(part);
    }
    HeaderValue::try_from(url).ok()
}

/// A client must not be able to say these things itself.
fn strip(headers: &mut HeaderMap) {
    let sent: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("spin-"))
        .cloned()
        .collect();
    for name in sent {
        headers.remove(name);
    }
}
