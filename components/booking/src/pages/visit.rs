//! A browser's request, taken apart.

use http::header::{ACCEPT_LANGUAGE, COOKIE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use super::form::Form;
use super::language::Language;
use super::text::Locale;
use crate::client;
use crate::credentials::{self, Shown};
use crate::host::Credentials;
use crate::reply::Reply;

/// The cookie with the token of a reservation's guest. Each reservation has its own, which browsers send to the pages of
/// this reservation alone: a guest may have several, and none grows with their number.
const GUEST_COOKIE: &str = "booking_guest";

/// How long a browser keeps it. The link in the confirmation opens the reservation again after that.
const GUEST_COOKIE_S: u32 = 90 * 24 * 3600;

/// The cookie with the language that was chosen.
const LANGUAGE_COOKIE: &str = "booking_language";

/// How long a browser keeps it.
const LANGUAGE_COOKIE_S: u32 = 365 * 24 * 3600;

/// Who asks, for what, in which language.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) path: String,
    pub(crate) query: Form,
    pub(crate) locale: Locale,
    /// The client's address, which calls are counted by.
    pub(crate) client: String,
    /// The token of a reservation's guest, from the cookie.
    pub(crate) guest_token: Option<String>,
    /// The connection is known to be over TLS.
    secure: bool,
    credentials: Option<Credentials>,
    chosen: Option<Language>,
}

impl Visit {
    /// Takes the head of a request apart.
    pub(crate) fn of(head: &Parts) -> Self {
        let query = Form::parse(head.uri.query().unwrap_or_default());
        let chosen = query.find("lang").and_then(Language::from_tag);
        let remembered = || cookie(&head.headers, LANGUAGE_COOKIE).and_then(Language::from_tag);
        let accepted =
            || text(&head.headers, ACCEPT_LANGUAGE.as_str()).and_then(Language::accepted);
        let [spoken, ..] = Language::ALL;
        let language = chosen
            .or_else(remembered)
            .or_else(accepted)
            .unwrap_or(spoken);
        Self {
            path: head.uri.path().to_owned(),
            query,
            locale: Locale::of(language),
            client: client::address(&head.headers),
            guest_token: cookie(&head.headers, GUEST_COOKIE).map(str::to_owned),
            secure: text(&head.headers, "x-forwarded-proto") == Some("https"),
            credentials: match credentials::shown(&head.headers) {
                Shown::Account(account) => Some(account),
                _ => None,
            },
            chosen,
        }
    }

    /// Name and password, where they were sent.
    pub(crate) fn credentials(&self) -> Option<Credentials> {
        self.credentials.clone()
    }

    /// The address of the page, but for the choice of a language.
    pub(crate) fn here(&self) -> String {
        format!("{}{}", self.path, self.query.query_without(&["lang"]))
    }

    /// Remembers the language, if one was chosen by this request.
    pub(crate) fn remember_language(&self, reply: &mut Reply) {
        if let Some(language) = self.chosen {
            let cookie = format!("{LANGUAGE_COOKIE}={}", language.tag());
            self.set_cookie(reply, &cookie, "/booking", LANGUAGE_COOKIE_S);
        }
    }

    /// Lets the browser open a reservation from now on.
    pub(crate) fn remember_guest(&self, reply: &mut Reply, reservation_path: &str, token: &str) {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        // A token of another form is not the host's; it must not end the cookie and begin another.
        if !token.is_empty() && token.bytes().all(plain) {
            let cookie = format!("{GUEST_COOKIE}={token}");
            self.set_cookie(reply, &cookie, reservation_path, GUEST_COOKIE_S);
        }
    }

    fn set_cookie(&self, reply: &mut Reply, cookie: &str, path: &str, max_age_s: u32) {
        let secure = if self.secure { "; Secure" } else { "" };
        let cookie =
            format!("{cookie}; Path={path}; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            reply.headers_mut().append(SET_COOKIE, cookie);
        }
    }

    /// Today's date where it is earliest (UTC−12): no hotel has an earlier one.
    pub(crate) fn earliest_today(now_us: u64) -> i32 {
        const HALF_A_DAY_US: u64 = 12 * 3600 * 1_000_000;
        days(now_us.saturating_sub(HALF_A_DAY_US))
    }

    /// Today's date in UTC.
    pub(crate) fn today(now_us: u64) -> i32 {
        days(now_us)
    }
}

fn days(at_us: u64) -> i32 {
    const DAY_US: u64 = 24 * 3600 * 1_000_000;
    i32::try_from(at_us / DAY_US).unwrap_or(i32::MAX)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The value of a cookie (RFC 6265 §5.4): of several with one name the first, which has the longest path.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
}
