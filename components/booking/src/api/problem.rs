//! Problems: answers that say what is wrong (RFC 9457), each with a code that does not change.

use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::reply::{self, Reply};

/// The type of a problem's document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Where a problem's type is explained.
pub const TYPE_PREFIX: &str = "/booking/v1/problems/";

/// Characters of what a client sent, or a parser said of it, that a detail repeats.
const DETAIL_CHARS_MAX: usize = 300;

/// One line a code: its name here, its name for clients, its status, and what it means.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $code:literal $status:ident $title:literal;)+) => {
        /// What can be wrong. Clients go by the code; the words may change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $title] $variant,)+ }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its name for clients.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The status that it comes with.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }

            /// What it means, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

codes! {
    // The request itself.
    NoSuchPath "no_such_path" NOT_FOUND "There is nothing at this path";
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "The method is not known here";
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "The body is not of a type that is read here";
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE "The body is too long";
    BodyIncomplete "body_incomplete" BAD_REQUEST "The body ended too early";
    MalformedJson "malformed_json" BAD_REQUEST "The body is not JSON";
    Malformed "malformed" BAD_REQUEST "A value is not of its form";
    TooLarge "too_large" BAD_REQUEST "A value is too long or too great";
    IdempotencyKeyMissing "idempotency_key_missing" BAD_REQUEST "The request needs an Idempotency-Key";
    IdempotencyKeyMalformed "idempotency_key_malformed" BAD_REQUEST "The Idempotency-Key is not of its form";
    IdempotencyKeyReused "idempotency_key_reused" UNPROCESSABLE_ENTITY "The Idempotency-Key was used with another request";
    IdempotencyKeyInUse "idempotency_key_in_use" CONFLICT "A request with this Idempotency-Key is under way";

    // Who asks.
    Unauthorized "unauthorized" UNAUTHORIZED "The credentials are missing, wrong or over";
    Forbidden "forbidden" FORBIDDEN "The caller may not do this";
    CrossSite "cross_site" FORBIDDEN "Another site's page may not use a browser's password";
    SlowDown "slow_down" TOO_MANY_REQUESTS "Too many requests";

    // What is asked for.
    NotFound "not_found" NOT_FOUND "There is no such thing, or the caller may not know of it";
    DatesOrder "dates_order" UNPROCESSABLE_ENTITY "The departure is not after the arrival";
    StayTooLong "stay_too_long" UNPROCESSABLE_ENTITY "The stay has more nights than can be booked at once";
    StayTooShort "stay_too_short" UNPROCESSABLE_ENTITY "The stay has fewer nights than the rate plan asks for";
    ArrivalPast "arrival_past" UNPROCESSABLE_ENTITY "The arrival is past";
    ArrivalTooFar "arrival_too_far" UNPROCESSABLE_ENTITY "The arrival is further ahead than can be booked";
    NoGuests "no_guests" UNPROCESSABLE_ENTITY "A room has no guest";
    TooManyGuests "too_many_guests" UNPROCESSABLE_ENTITY "A room has more guests than it holds";
    Rooms "rooms" UNPROCESSABLE_ENTITY "No room, or more rooms than can be booked at once";
    Currency "currency" UNPROCESSABLE_ENTITY "The currency is unknown, or not the hotel's";
    TimeZone "time_zone" UNPROCESSABLE_ENTITY "The time zone is unknown";
    NotOffered "not_offered" UNPROCESSABLE_ENTITY "The room type or rate plan is not offered";

    // Not now.
    SoldOut "sold_out" CONFLICT "There is no room";
    WrongState "wrong_state" CONFLICT "The reservation's state does not allow it";
    HoldExpired "hold_expired" CONFLICT "The hold is over";
    PaymentUnderWay "payment_under_way" CONFLICT "Another payment of the reservation is under way";
    AlreadyPaid "already_paid" CONFLICT "The reservation is paid already";
    NotNow "not_now" CONFLICT "It is too early or too late for it";
    VersionMismatch "version_mismatch" PRECONDITION_FAILED "The reservation was changed meanwhile";
    InUse "in_use" CONFLICT "More rooms are reserved than would be left";
    PriceChanged "price_changed" CONFLICT "The price is another than the one that was agreed to";
    RoomsAvailable "rooms_available" CONFLICT "There is room: no need to wait for it";
    PaymentDeclined "payment_declined" PAYMENT_REQUIRED "The payment was declined";
    PaymentUndone "payment_undone" CONFLICT "The payment was given back, since the rooms were gone";

    // The host.
    Unavailable "unavailable" SERVICE_UNAVAILABLE "Not now; try again";
    Internal "internal" INTERNAL_SERVER_ERROR "A fault of the host";
}

impl Code {
    /// By its name for clients.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Its path in the body (`rooms.0.adults`), or the name of the parameter or header field.
    pub field: String,
    /// One of [`Code`]'s names.
    pub reason: &'static str,
    /// A sentence for people.
    pub detail: String,
}

/// A problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    members: Map<String, Value>,
    fields: Vec<(HeaderName, String)>,
}

/// Its document (RFC 9457 §3).
#[derive(Serialize)]
struct Document<'p> {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'p str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'p [FieldError],
    #[serde(flatten)]
    members: &'p Map<String, Value>,
}

impl Problem {
    /// A problem, with a sentence for people about this occurrence.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: shortened(detail.into()),
            errors: Vec::new(),
            members: Map::new(),
            fields: Vec::new(),
        }
    }

    /// A field that is wrong.
    pub fn field(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(code, detail);
        problem.errors.push(FieldError {
            field: field.into(),
            reason: code.name(),
            detail: problem.detail.clone(),
        });
        problem
    }

    /// Several fields that are wrong; the first gives the problem its code. `None` without any.
    pub fn fields(errors: Vec<(Code, String, String)>) -> Option<Self> {
        let (code, field, detail) = errors.first()?;
        let mut problem = Self::new(*code, format!("{field}: {detail}"));
        problem.errors = errors
            .into_iter()
            .map(|(code, field, detail)| FieldError {
                field,
                reason: code.name(),
                detail: shortened(detail),
            })
            .collect();
        Some(problem)
    }

    /// With a member of its own.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// With the methods that are known.
    #[must_use]
    pub fn allowing(mut self, methods: &str) -> Self {
        self.fields.push((ALLOW, methods.to_owned()));
        self
    }

    /// To be tried again after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.fields.push((RETRY_AFTER, seconds.to_string()));
        self
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// As an answer.
    pub fn reply(&self) -> Reply {
        let document = Document {
            r#type: format!("{TYPE_PREFIX}{}", self.code.name()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            code: self.code.name(),
            detail: &self.detail,
            errors: &self.errors,
            members: &self.members,
        };
        // Strings and numbers: nothing that cannot be written.
        let bytes = serde_json::to_vec(&document).unwrap_or_default();
        let mut answer = reply::document(self.code.status(), CONTENT_TYPE, bytes);
        for (name, value) in &self.fields {
            reply::set_text(&mut answer, name.clone(), value);
        }
        if self.code == Code::Unauthorized {
            // RFC 9110 §11.6.1: a 401 says how.
            for challenge in [
                "Bearer realm=\"booking\"",
                "Basic realm=\"booking\", charset=\"UTF-8\"",
            ] {
                let value = HeaderValue::from_static(challenge);
                answer.headers_mut().append(WWW_AUTHENTICATE, value);
            }
        }
        answer
    }
}

fn shortened(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(DETAIL_CHARS_MAX) {
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_names_of_their_own() {
        let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(Code::named(code.name()), Some(*code));
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
        assert_eq!(Code::named(""), None);
    }

    #[test]
    fn a_document_says_all_of_it() {
        let problem = Problem::field(Code::Malformed, "rooms.0.adults", "Not a number.")
            .with("hotel", "a")
            .retry_after(3);
        let reply = problem.reply();
        assert_eq!(reply.status(), 400);
        assert_eq!(reply.headers()["content-type"], CONTENT_TYPE);
        assert_eq!(reply.headers()["retry-after"], "3");
        let document: Value = serde_json::from_slice(reply.body()).unwrap();
        assert_eq!(
            document,
            serde_json::json!({
                "type": "/booking/v1/problems/malformed",
                "title": "A value is not of its form",
                "status": 400,
                "code": "malformed",
                "detail": "Not a number.",
                "errors": [{"field": "rooms.0.adults", "reason": "malformed", "detail": "Not a number."}],
                "hotel": "a",
            })
        );
    }

    #[test]
    fn details_do_not_grow_with_what_was_sent() {
        let problem = Problem::new(Code::Malformed, "é".repeat(10_000));
        assert_eq!(problem.detail.chars().count(), DETAIL_CHARS_MAX + 1);
    }
}
