//! The way of a request: to the API or to the pages, and back with what all answers have.

use http::header::{REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, StatusCode};

use crate::host::Host;
use crate::reply::{self, Reply};
use crate::{api, pages};

/// Answers a request, whatever is wrong with it.
pub async fn serve<H: Host>(host: &H, request: Request<H::Incoming>) -> Reply {
    let head_only = request.method() == Method::HEAD;
    let reply = match place(request.uri().path()) {
        Place::Api => api::answer(host, request).await,
        Place::Pages => pages::answer(host, request).await,
        Place::Elsewhere => reply::empty(StatusCode::NOT_FOUND),
    };
    let mut reply = reply::finished(reply, head_only);
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The addresses of reservations can carry the guest's token.
        (REFERRER_POLICY, "no-referrer"),
    ] {
        reply
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    reply
}

/// The answer to a request whose head is not HTTP, so that nobody can be asked for another.
pub fn unreadable() -> Reply {
    reply::finished(reply::empty(StatusCode::BAD_REQUEST), false)
}

/// Whose a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Api,
    Pages,
    Elsewhere,
}

fn place(path: &str) -> Place {
    let Some(rest) = path.strip_prefix("/booking") else {
        return Place::Elsewhere;
    };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Place::Elsewhere;
    }
    match rest.strip_prefix("/v1") {
        Some(deeper) if deeper.is_empty() || deeper.starts_with('/') => Place::Api,
        _ => Place::Pages,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_the_apis_the_pages_or_nobodys() {
        for path in ["/booking/v1", "/booking/v1/", "/booking/v1/hotels/a"] {
            assert_eq!(place(path), Place::Api, "{path}");
        }
        for path in [
            "/booking",
            "/booking/",
            "/booking/v10",
            "/booking/hotels/v1",
        ] {
            assert_eq!(place(path), Place::Pages, "{path}");
        }
        for path in ["/", "", "/bookings", "/booking-v1", "/x/booking/v1"] {
            assert_eq!(place(path), Place::Elsewhere, "{path}");
        }
    }
}
