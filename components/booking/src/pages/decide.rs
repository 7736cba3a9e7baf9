//! Writes that are safe to send twice: the key of a form, and the one answer that a key has.

use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

use super::form::Form;
use crate::bindings::concierge::booking::catalogue::{Caller, Error};
use crate::bindings::concierge::booking::reservations::{
    Answer, Decided, Idempotency, Reservation,
};
use crate::host::Host;
use crate::reply::{self, Reply};

/// The field of a form that has its key.
pub(crate) const KEY_FIELD: &str = "idempotency_key";

/// Longest key that is taken from a form; those made here have 32.
const MAX_KEY_BYTES: usize = 64;

/// The key of a form that is shown for the first time, or whose last key is spent: 128 random bits, so that the key
/// alone says whose it is, also where a browser keeps no cookies.
pub(crate) fn new_key<H: Host>(host: &H) -> String {
    host.random()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The key with which a form was sent; `None`: this is not a form of these pages.
pub(crate) fn sent_key(form: &Form) -> Option<&str> {
    let key = form.get(KEY_FIELD);
    let fits = (1..=MAX_KEY_BYTES).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then_some(key)
}

/// What makes a form repeatable: its key, and a digest of all its other fields and of where it was sent to.
pub(crate) fn idempotency(key: &str, path: &str, form: &Form) -> Idempotency {
    let mut digest = Sha256::new();
    let mut add = |text: &str| {
        // With its length, so that no two forms run together to the same bytes.
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text.as_bytes());
    };
    add(path);
    for (name, value) in form.sorted() {
        if name != KEY_FIELD {
            add(name);
            add(value);
        }
    }
    Idempotency {
        key: key.to_owned(),
        scope: String::new(),
        fingerprint: digest.finalize().to_vec(),
    }
}

/// The answer to what was decided: the one that was recorded when the key came first; else one that is rendered now,
/// recorded, and sent as the host gives it back, since another request with the key may have been faster.
pub(crate) async fn answer<H: Host>(
    host: &H,
    caller: Caller,
    hotel: &str,
    idempotency: Idempotency,
    decided: Decided,
    render: impl AsyncFnOnce(Result<Reservation, Error>) -> Reply,
) -> Reply {
    if let Some(recorded) = decided.answer {
        return replayed(recorded);
    }
    let reply = render(decided.outcome).await;
    let answer = recordable(&reply);
    match host
        .record_answer(caller, hotel.to_owned(), idempotency, answer)
        .await
    {
        Ok(first) => replayed(first),
        // What was decided stays decided, and rendering it again leads to the same place.
        Err(_) => reply,
    }
}

fn recordable(reply: &Reply) -> Answer {
    let mut content_type = String::new();
    let mut headers = Vec::new();
    for (name, value) in reply.headers() {
        let Ok(value) = value.to_str() else { continue };
        if name == CONTENT_TYPE {
            content_type = value.to_owned();
        } else {
            headers.push((name.as_str().to_owned(), value.to_owned()));
        }
    }
    Answer {
        status: reply.status().as_u16(),
        content_type,
        headers,
        body: reply.body().clone(),
    }
}

fn replayed(answer: Answer) -> Reply {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut reply = reply::empty(status);
    if !answer.content_type.is_empty() {
        reply::set_text(&mut reply, CONTENT_TYPE, &answer.content_type);
    }
    for (name, value) in &answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            reply.headers_mut().append(name, value);
        }
    }
    *reply.body_mut() = answer.body;
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_of_what_was_asked_and_not_of_how_it_was_sent() {
        let of =
            |path: &str, encoded: &str| idempotency("k", path, &Form::parse(encoded)).fingerprint;
        let first = of("/a", "name=x&email=y&idempotency_key=1");
        assert_eq!(first.len(), 32);
        assert_eq!(first, of("/a", "email=y&idempotency_key=2&name=x"));
        assert_ne!(first, of("/b", "name=x&email=y"));
        assert_ne!(first, of("/a", "name=x&email=z"));
        assert_ne!(of("/a", "a=bc&d="), of("/a", "a=b&cd="));
    }

    #[test]
    fn keys_have_their_form() {
        let key = |text: &str| sent_key(&Form::parse(text)).map(str::to_owned);
        assert_eq!(key("idempotency_key=0aF"), Some("0aF".to_owned()));
        assert_eq!(key("idempotency_key="), None);
        assert_eq!(key("name=x"), None);
        assert_eq!(key("idempotency_key=a%0ab"), None);
        assert_eq!(key(&format!("idempotency_key={}", "a".repeat(65))), None);
    }

    #[test]
    fn an_answer_survives_being_recorded() {
        let mut reply = reply::document(StatusCode::CONFLICT, "text/html", b"body".to_vec());
        reply::set_text(&mut reply, http::header::LOCATION, "/x");
        for cookie in ["a=1", "b=2"] {
            reply
                .headers_mut()
                .append(http::header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        let again = replayed(recordable(&reply));
        assert_eq!(again.status(), reply.status());
        assert_eq!(again.body(), reply.body());
        let cookies = again.headers().get_all(http::header::SET_COOKIE);
        assert_eq!(cookies.iter().count(), 2);
        assert_eq!(again.headers().len(), reply.headers().len());
    }
}
