//! Uploads and downloads (RFC 8620 §6). The bytes stay with the host.

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RANGE,
};
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::json;

use crate::bindings::concierge::mail::messages::Range;
use crate::host::{Host, Principal};
use crate::jmap::limits::UPLOAD_BYTES_MAX;
use crate::problem::Problem;
use crate::reply::{self, Body, Reply};

/// Bytes of a media type that is repeated.
const MEDIA_TYPE_BYTES_MAX: usize = 255;
/// Bytes of a file's name that is repeated: what file systems take.
const NAME_BYTES_MAX: usize = 255;
/// What an id names never changes (§6.2): a year, in seconds, is as long as caches keep anything.
const FOR_EVER: &str = "private, immutable, max-age=31536000";
/// Characters that turn the direction of a text (Unicode TR 9, §2): with them a name shows another extension than it has.
const TURNING: [char; 12] = [
    '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}',
    '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
];
/// What is not told of a file.
const ANY_BYTES: &str = "application/octet-stream";
/// What stands for itself in `filename*` (RFC 8187 §3.2.1).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Takes an upload (§6.1).
///
/// # Errors
/// What the host says.
pub async fn upload<H: Host>(
    host: &H,
    principal: &Principal,
    account: &str,
    headers: &HeaderMap,
    body: H::Incoming,
) -> Result<Reply<H::Outgoing>, Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let announced = text(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > UPLOAD_BYTES_MAX) {
        let limit = crate::bindings::concierge::mail::accounts::Error::TooLarge(UPLOAD_BYTES_MAX);
        return Err(limit.into());
    }
    let media_type = text(CONTENT_TYPE)
        .and_then(media_type)
        .unwrap_or_else(|| ANY_BYTES.to_owned());
    let blob = host.upload(&principal.token, account, body).await?;
    let answer = json!({
        "accountId": account, "blobId": blob.id, "type": media_type, "size": blob.size,
    });
    Ok(reply::json(StatusCode::CREATED, &answer))
}

/// Gives a blob (§6.2), or a range of it (RFC 9110 §14).
///
/// # Errors
/// What the host says.
pub async fn download<H: Host>(
    host: &H,
    principal: &Principal,
    account: &str,
    blob: &str,
    name: &str,
    head: &Parts,
) -> Result<Reply<H::Outgoing>, Problem> {
    let wanted = match wanted(&head.headers) {
        Some((first, last)) => Range {
            offset: first,
            length: last.map(|last| last - first + 1),
        },
        None => Range {
            offset: 0,
            length: None,
        },
    };
    let has_range = wanted.offset > 0 || wanted.length.is_some();
    let found = host.download(&principal.token, account, blob, wanted);
    let (content, bytes) = found.await?;
    let tag = format!("\"{blob}\"");
    // Who may see the blob is known now; it never changes.
    if matches_tag(&head.headers, &tag) {
        let mut reply = reply::empty(StatusCode::NOT_MODIFIED);
        reply::set_text(&mut reply, ETAG, &tag);
        // RFC 9110 §15.4.5: a cache takes it over.
        reply::set(&mut reply, CACHE_CONTROL, FOR_EVER);
        return Ok(reply);
    }
    if has_range && wanted.offset >= content.size {
        let mut reply = reply::empty(StatusCode::RANGE_NOT_SATISFIABLE);
        reply::set_text(
            &mut reply,
            CONTENT_RANGE,
            &format!("bytes */{}", content.size),
        );
        return Ok(reply);
    }
    let mut reply = match head.method == Method::HEAD {
        true => reply::empty(StatusCode::OK),
        false => Response::new(Body::Stream(bytes)),
    };
    if has_range {
        *reply.status_mut() = StatusCode::PARTIAL_CONTENT;
        let last = (wanted.offset + content.length).saturating_sub(1);
        let range = format!("bytes {}-{last}/{}", wanted.offset, content.size);
        reply::set_text(&mut reply, CONTENT_RANGE, &range);
    }
    reply::set_text(&mut reply, CONTENT_LENGTH, &content.length.to_string());
    reply::set_text(&mut reply, CONTENT_TYPE, &asked_type(head));
    reply::set_text(&mut reply, CONTENT_DISPOSITION, &disposition(name));
    reply::set_text(&mut reply, ETAG, &tag);
    reply::set(&mut reply, ACCEPT_RANGES, "bytes");
    reply::set(&mut reply, CACHE_CONTROL, FOR_EVER);
    // Mail is written by strangers: where a browser shows it, it is nobody's page and runs nothing.
    reply::set(
        &mut reply,
        CONTENT_SECURITY_POLICY,
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    );
    Ok(reply)
}

/// The one range that is asked for: first and last position. Others are answered with the whole, as RFC 9110 §14.2 lets.
fn wanted(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let range = headers.get(RANGE)?.to_str().ok()?.strip_prefix("bytes=")?;
    let (first, last) = range.split_once('-')?;
    let first = first.parse().ok()?;
    match last {
        "" => Some((first, None)),
        last => {
            let last = last.parse().ok().filter(|last| *last >= first)?;
            // The length is one more.
            (last - first < u64::MAX).then_some((first, Some(last)))
        }
    }
}

fn matches_tag(headers: &HeaderMap, tag: &str) -> bool {
    let mut tags = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    tags.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// The media type that the client would have it as (§6.2, `type`).
fn asked_type(head: &Parts) -> String {
    let query = head.uri.query().unwrap_or_default();
    let asked = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("accept="));
    let asked = asked.and_then(|value| {
        let value = value.replace('+', "%2B");
        percent_decode_str(&value)
            .decode_utf8()
            .ok()
            .and_then(|value| media_type(&value))
    });
    asked.unwrap_or_else(|| ANY_BYTES.to_owned())
}

/// A media type as a field may have it (RFC 9110 §8.3.1), as it is.
fn media_type(text: &str) -> Option<String> {
    let is_token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    let (kind, subtype) = essence.split_once('/')?;
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let is_type = is_token(kind) && is_token(subtype) && is_plain;
    (is_type && text.len() <= MEDIA_TYPE_BYTES_MAX).then(|| text.to_owned())
}

/// To be saved under a name (RFC 6266 §4.3): without what leads to other directories, or ends the field.
fn disposition(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_shown = |c: &char| !c.is_control() && !TURNING.contains(c);
    let mut name: String = name.chars().filter(is_shown).collect();
    while name.len() > NAME_BYTES_MAX {
        name.pop();
    }
    if name.is_empty() {
        return "attachment".to_owned();
    }
    let escaped = utf8_percent_encode(&name, ESCAPED);
    format!("attachment; filename*=UTF-8''{escaped}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, Request};

    #[test]
    fn one_range_is_understood() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, HeaderValue::from_static(value));
            wanted(&headers)
        };
        assert_eq!(of("bytes=2-5"), Some((2, Some(5))));
        assert_eq!(of("bytes=7-"), Some((7, None)));
        for other in [
            "bytes=-5",
            "bytes=5-2",
            "bytes=1-2,4-5",
            "bytes=x-",
            "items=1-2",
            "bytes=0-18446744073709551615",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn names_lead_nowhere() {
        assert_eq!(
            disposition("a b.txt"),
            "attachment; filename*=UTF-8''a%20b.txt"
        );
        assert_eq!(
            disposition("../../etc/passwd"),
            "attachment; filename*=UTF-8''passwd"
        );
        assert_eq!(
            disposition("a\r\nX: y\""),
            "attachment; filename*=UTF-8''aX%3A%20y%22"
        );
        assert_eq!(disposition("ö\\ü"), "attachment; filename*=UTF-8''%C3%BC");
        assert_eq!(
            disposition("bill\u{202e}fdp.exe"),
            "attachment; filename*=UTF-8''billfdp.exe"
        );
        assert_eq!(disposition("/"), "attachment");
        let long = disposition(&"ü".repeat(1_000));
        assert!(long.len() < 800, "{}", long.len());
    }

    #[test]
    fn types_are_repeated_where_they_are_types() {
        let asked = |query: &str| {
            let uri = format!("/jmap/download/a/b/c{query}");
            let (head, ()) = Request::get(uri).body(()).unwrap().into_parts();
            asked_type(&head)
        };
        assert_eq!(asked("?accept=text%2Fplain"), "text/plain");
        assert_eq!(asked("?accept=image/svg+xml"), "image/svg+xml");
        for other in [
            "",
            "?accept=",
            "?accept=text",
            "?accept=a/b%0d%0aX:y",
            "?accept=a/%ff",
            "?type=a/b",
        ] {
            assert_eq!(asked(other), ANY_BYTES, "{other}");
        }
    }

    #[test]
    fn tags_match_as_a_cache_sends_them() {
        let is = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static(value));
            matches_tag(&headers, "\"b1\"")
        };
        assert!(is("\"b1\""));
        assert!(is("\"x\", W/\"b1\""));
        assert!(is("*"));
        assert!(!is("\"b2\""));
    }
}
