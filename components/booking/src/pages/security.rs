//! The headers of every page.

use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, VARY};

use crate::reply::Reply;

/// Nothing but what this component serves; no script or style in a page; no frame around it; forms go nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// Adds to an answer what it does not have yet of the headers that all pages have.
pub(crate) fn harden(reply: &mut Reply) {
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        // Not `no-referrer`: with it browsers say `Origin: null` of the pages' own forms (Fetch §3.1), which
        // [`crate::cross_site`] could not tell from another site's. Other sites learn no address from this one either.
        (REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        // Kept by the browser for its way back, so that what was typed and the form's key are still there.
        (CACHE_CONTROL, "private, no-cache"),
        (VARY, "accept-language, cookie"),
    ] {
        reply
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

/// An answer that nobody may keep: what it shows is one guest's, or the staff's.
pub(crate) fn keep_nowhere(mut reply: Reply) -> Reply {
    reply
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_nothing_inline_and_nothing_foreign() {
        assert!(!POLICY.contains("unsafe") && !POLICY.contains("http") && !POLICY.contains('*'));
    }
}
