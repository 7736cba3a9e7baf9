//! Whether a browser sends a request on behalf of another site.
//!
//! A browser that knows a password for this place (RFC 7617) or has a cookie of it adds them to what any page makes it
//! send. Such a request changes nothing here.

use http::header::{HOST, HeaderMap, ORIGIN};

/// Whether a page of another site had a browser send this. What no browser sent has neither of the fields, and is not
/// from another site.
pub fn is_cross_site(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    // Fetch Metadata, §2.3. `none`: the user did it, by the address bar or a bookmark.
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    // Browsers without it name the origin of what can change things (Fetch, "Origin header").
    let Some(origin) = text(ORIGIN.as_str()) else {
        return false;
    };
    let host = text(HOST.as_str()).unwrap_or("");
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    host.is_empty() || authority.is_none_or(|authority| !authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn cross_site(fields: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        is_cross_site(&headers)
    }

    #[test]
    fn only_what_another_page_sends_is_cross_site() {
        assert!(!cross_site(&[]));
        assert!(!cross_site(&[("host", "a.example")]));
        assert!(!cross_site(&[("sec-fetch-site", "same-origin")]));
        assert!(!cross_site(&[("sec-fetch-site", "none")]));
        assert!(!cross_site(&[
            ("host", "a.example:8080"),
            ("origin", "http://A.example:8080")
        ]));
        for site in ["cross-site", "same-site", "", "Same-Origin"] {
            assert!(cross_site(&[("sec-fetch-site", site)]), "{site}");
        }
        for origin in ["http://b.example", "null", "http://a.example:81", ""] {
            let fields = [("host", "a.example"), ("origin", origin)];
            assert!(cross_site(&fields), "{origin}");
        }
        assert!(cross_site(&[("origin", "http://a.example")]));
    }
}
