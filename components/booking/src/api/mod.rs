//! The JSON API under `/booking/v1`, which `openapi.json` describes.

mod body;
mod cache;
mod call;
mod checks;
mod cors;
mod decided;
mod from_host;
pub mod json;
mod operations;
pub mod problem;
mod query;
pub mod route;

use http::header::CACHE_CONTROL;
use http::{HeaderValue, Method, Request, StatusCode};

use crate::host::Host;
use crate::reply::{self, Reply};
use call::Call;
use problem::{Code, Problem};
use route::Resource;

/// Where the API's paths begin.
pub const PREFIX: &str = "/booking/v1";

/// The OpenAPI 3.1 document.
pub const OPENAPI: &[u8] = include_bytes!("openapi.json");

/// Answers a request of a program.
pub async fn answer<H: Host>(host: &H, request: Request<H::Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let resource = route::find(head.uri.path());
    let outcome = match &resource {
        None => Err(Problem::new(
            Code::NoSuchPath,
            "The paths are in /booking/v1/openapi.json.",
        )),
        Some(resource) if head.method == Method::OPTIONS => {
            return cors::options(&head.headers, resource);
        }
        Some(resource) => match resource.route(&head.method) {
            None => Err(method_not_allowed(resource)),
            Some(route) => {
                let call = Call {
                    host,
                    head: &head,
                    resource,
                    body: Some(body),
                };
                operations::run(route.operation, call).await
            }
        },
    };
    let mut answer = outcome.unwrap_or_else(|problem| problem.reply());
    cors::decorate(&head.method, resource.as_ref(), &mut answer);
    // What does not say that it may be kept may not.
    answer
        .headers_mut()
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    answer
}

fn method_not_allowed(resource: &Resource) -> Problem {
    let methods = resource.methods(None);
    Problem::new(Code::MethodNotAllowed, format!("Known here: {methods}.")).allowing(&methods)
}

/// An answer with JSON.
fn json_reply(status: StatusCode, value: &impl serde::Serialize) -> Result<Reply, Problem> {
    // Maps have strings as keys, so that this does not fail.
    let bytes = serde_json::to_vec(value)
        .map_err(|_| Problem::new(Code::Internal, "The answer could not be written."))?;
    Ok(reply::document(status, "application/json", bytes))
}
