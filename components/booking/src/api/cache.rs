//! What may be kept of an answer, and for how long.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, CACHE_CONTROL, ETAG, HeaderMap, IF_NONE_MATCH, VARY};
use http::{HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::reply::{self, Reply};

/// Characters of the digest in an entity tag: 96 bits, so that two of the few forms that a resource has do not meet.
const TAG_CHARS: usize = 16;

/// An answer that anyone may keep for so many seconds, and that says by its entity tag (RFC 9110 §8.8.3) whether it is
/// still the same. Where the request has it, 304.
pub fn public(headers: &HeaderMap, answer: Reply, max_age_s: u32) -> Reply {
    let kept = if headers.contains_key(AUTHORIZATION) {
        // What staff see is not for others.
        "private, no-cache".to_owned()
    } else {
        format!("public, max-age={max_age_s}")
    };
    let mut answer = tagged(headers, answer);
    reply::set_text(&mut answer, CACHE_CONTROL, &kept);
    reply::set(&mut answer, VARY, HeaderValue::from_static("authorization"));
    answer
}

fn tagged(headers: &HeaderMap, mut answer: Reply) -> Reply {
    let mut tag = URL_SAFE_NO_PAD.encode(Sha256::digest(answer.body()));
    tag.truncate(TAG_CHARS);
    let tag = format!("\"{tag}\"");
    if has(headers, &tag) {
        answer = reply::empty(StatusCode::NOT_MODIFIED);
    }
    reply::set_text(&mut answer, ETAG, &tag);
    answer
}

/// Whether the client has this form of it already (RFC 9110 §13.1.2: weak comparison). The tags made here hold no comma.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let fields = headers.get_all(IF_NONE_MATCH).iter();
    fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}
