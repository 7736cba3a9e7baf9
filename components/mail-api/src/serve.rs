//! The way of a request: by its path, for whom it is, and back with what all answers have.

use budget::Budget;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};

use crate::host::{Host, Principal};
use crate::problem::Problem;
use crate::reply::{self, Reply};
use crate::route::Route;
use crate::settings::Settings;
use crate::{api, autoconfig, client, credentials, events, session, transfer};

/// How long browsers remember what a preflight said, seconds: the longest that one of them takes.
const PREFLIGHT_S: &str = "86400";

/// What a request is answered with, beside the host.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// What the operator says.
    pub settings: &'a Settings,
    /// Memory for requests and their answers.
    pub memory: &'a Budget,
}

/// Answers a request, whatever is wrong with it.
pub async fn serve<H: Host>(
    host: &H,
    around: Around<'_>,
    request: Request<H::Incoming>,
) -> Reply<H::Outgoing> {
    let head_only = request.method() == Method::HEAD;
    let reply = match Route::of(request.uri().path()) {
        None => Problem::new(StatusCode::NOT_FOUND, "Nothing is served at this path.").reply(),
        Some(route) if request.method() == Method::OPTIONS => preflight(&route),
        Some(route) if !route.takes(request.method()) => wrong_method(&route),
        Some(route) => match answer(host, around, route, request).await {
            Ok(reply) => reply,
            Err(problem) => problem.reply(),
        },
    };
    with_fields_of_all(reply::finished(reply, head_only))
}

/// The answer to a request whose head is not HTTP, so that nobody can be asked for another.
pub fn unreadable<O>() -> Reply<O> {
    let problem = Problem::new(StatusCode::BAD_REQUEST, "The request cannot be read.");
    with_fields_of_all(reply::finished(problem.reply(), false))
}

async fn answer<H: Host>(
    host: &H,
    around: Around<'_>,
    route: Route,
    request: Request<H::Incoming>,
) -> Result<Reply<H::Outgoing>, Problem> {
    let (head, body) = request.into_parts();
    if let Route::Autoconfig = route {
        return Ok(autoconfig::answer(around.settings, &head));
    }
    let principal = authenticated(host, &head.headers).await?;
    match route {
        Route::Autoconfig => Ok(autoconfig::answer(around.settings, &head)),
        Route::Session => session::answer(host, around.settings, &principal, &head).await,
        Route::Api => api::answer(host, around, &principal, &head, body).await,
        Route::Upload { account } => {
            transfer::upload(host, &principal, &account, &head.headers, body).await
        }
        Route::Download {
            account,
            blob,
            name,
        } => transfer::download(host, &principal, &account, &blob, &name, &head).await,
        Route::Events => events::answer(host, &principal, &head).await,
    }
}

async fn authenticated<H: Host>(host: &H, headers: &HeaderMap) -> Result<Principal, Problem> {
    let shown = credentials::shown(headers).ok_or_else(Problem::unauthorized)?;
    Ok(host.authenticate(shown, client::address(headers)).await?)
}

fn wrong_method<O>(route: &Route) -> Reply<O> {
    let problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("This path takes {}.", route.allow()),
    );
    let mut reply = problem.reply();
    reply::set(&mut reply, ALLOW, route.allow());
    reply
}

fn preflight<O>(route: &Route) -> Reply<O> {
    let mut reply = reply::empty(StatusCode::NO_CONTENT);
    for (name, value) in [
        (ALLOW, route.allow()),
        (ACCESS_CONTROL_ALLOW_METHODS, route.allow()),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, cache-control, content-type, if-none-match, last-event-id, range",
        ),
        (ACCESS_CONTROL_MAX_AGE, PREFLIGHT_S),
    ] {
        reply::set(&mut reply, name, value);
    }
    reply
}

/// Browsers may let any page ask that shows credentials of its own. Those that a browser remembers and adds by itself
/// (Basic) help a stranger's page to nothing: with `*` it reads no answer that they brought (Fetch, "CORS check"), and
/// before it sends JSON the browser asks, to the same end. It could upload: a blob that nothing refers to, for a day.
fn with_fields_of_all<O>(mut reply: Reply<O>) -> Reply<O> {
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (
            ACCESS_CONTROL_EXPOSE_HEADERS,
            "content-disposition, content-length, content-range, etag, retry-after, www-authenticate",
        ),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        let headers = reply.headers_mut();
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    reply
}
