//! What templates are filled with, and how they become answers.

use askama::Template;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

use super::assets::{self, Assets};
use super::form::Address;
use super::language::Language;
use super::text::Messages;
use super::visit::Visit;
use crate::bindings::concierge::booking::catalogue::Hotel;
use crate::reply::{self, Reply};

/// What every page has: the template's `p`.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) language: Language,
    pub(crate) t: &'static Messages,
    pub(crate) assets: &'static Assets,
    /// Something is wrong: the title says so first, for those who hear it.
    pub(crate) failed: bool,
    pub(crate) at_desk: bool,
    here: String,
}

/// The same page in another language.
pub(crate) struct OtherLanguage {
    pub(crate) tag: &'static str,
    pub(crate) name: &'static str,
    pub(crate) href: String,
}

impl Page {
    pub(crate) fn of(visit: &Visit) -> Self {
        Self {
            language: visit.locale.language,
            t: visit.locale.t,
            assets: assets::addresses(),
            failed: false,
            at_desk: visit.path.starts_with("/booking/desk"),
            here: visit.here(),
        }
    }

    /// A page that answers what was sent: it is elsewhere for those who ask for it.
    pub(crate) fn found_at(mut self, here: String) -> Self {
        self.here = here;
        self
    }

    /// With the word of error in its title, where there is a notice that needs it.
    pub(crate) fn with(mut self, notice: Option<&Notice>) -> Self {
        self.failed = notice.is_some_and(|notice| notice.tone.is_urgent());
        self
    }

    pub(crate) fn other_languages(&self) -> Vec<OtherLanguage> {
        let (path, query) = self.here.split_once('?').unwrap_or((&self.here, ""));
        Language::ALL
            .into_iter()
            .filter(|language| *language != self.language)
            .map(|language| {
                let choice = Address::to("").with("lang", language.tag()).finish();
                let more = if query.is_empty() { "" } else { "&" };
                OtherLanguage {
                    tag: language.tag(),
                    name: language.own_name(),
                    href: format!("{path}{choice}{more}{query}"),
                }
            })
            .collect()
    }
}

/// How loud a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Warn,
    Bad,
}

impl Tone {
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }

    /// Whether it is read out at once.
    pub(crate) fn is_urgent(self) -> bool {
        self != Self::Good
    }
}

/// What a page says above all else.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) tone: Tone,
    pub(crate) title: String,
    pub(crate) text: String,
    /// Fields to be looked at again.
    pub(crate) fields: Vec<FieldProblem>,
    /// What to do next.
    pub(crate) links: Vec<Link>,
}

impl Notice {
    pub(crate) fn new(tone: Tone, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            tone,
            title: title.into(),
            text: text.into(),
            fields: Vec::new(),
            links: Vec::new(),
        }
    }

    /// The summary of what is wrong in a form.
    pub(crate) fn of_fields(t: &Messages, fields: Vec<FieldProblem>) -> Self {
        Self {
            fields,
            ..Self::new(Tone::Bad, t.wrong_heading, "")
        }
    }

    #[must_use]
    pub(crate) fn link(mut self, href: impl Into<String>, text: &'static str) -> Self {
        self.links.push(Link {
            href: href.into(),
            text,
        });
        self
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldProblem {
    /// The id of the field in the page.
    pub(crate) id: &'static str,
    pub(crate) text: String,
}

/// A link.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) text: &'static str,
}

/// A field of a form: `_field.html`.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) id: &'static str,
    pub(crate) label: &'static str,
    /// The type of the input, or `textarea`.
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    pub(crate) error: Option<String>,
    pub(crate) hint: Option<&'static str>,
    pub(crate) autocomplete: &'static str,
    pub(crate) required: bool,
    pub(crate) max_length: usize,
}

impl Field {
    /// The ids of what describes it.
    pub(crate) fn described_by(&self) -> Option<String> {
        let hint = self.hint.map(|_| format!("{}-hint", self.id));
        let error = self.error.as_ref().map(|_| format!("{}-error", self.id));
        match (hint, error) {
            (Some(hint), Some(error)) => Some(format!("{hint} {error}")),
            (hint, error) => hint.or(error),
        }
    }
}

/// A step of the booking.
pub(crate) struct StepItem {
    pub(crate) text: &'static str,
    pub(crate) current: bool,
}

/// The steps of the booking, of which one is current (from 0).
pub(crate) fn steps(t: &Messages, current: usize) -> Vec<StepItem> {
    [t.step_details, t.step_payment, t.step_done]
        .into_iter()
        .enumerate()
        .map(|(at, text)| StepItem {
            text,
            current: at == current,
        })
        .collect()
}

/// Stars, for the eye and for the ear.
pub(crate) struct Stars {
    pub(crate) shown: String,
    pub(crate) spoken: String,
}

impl Stars {
    /// Of a hotel; `None`: it has none.
    pub(crate) fn of(t: &Messages, hotel: &Hotel) -> Option<Self> {
        let tenths = hotel.stars_tenths.min(50);
        if tenths == 0 {
            return None;
        }
        let whole = usize::try_from(tenths / 10).unwrap_or_default();
        let half = if tenths % 10 >= 5 { "½" } else { "" };
        let spoken = match tenths % 10 {
            0 => whole.to_string(),
            rest => format!("{whole}.{rest}"),
        };
        Some(Self {
            shown: format!("{}{half}", "★".repeat(whole)),
            spoken: super::text::fill(t.stars, &[("n", &spoken)]),
        })
    }
}

/// Where a hotel is, in a few words.
pub(crate) fn place(hotel: &Hotel) -> String {
    let address = &hotel.address;
    let parts = [address.city.as_str(), address.region.as_str()];
    let mut words: Vec<&str> = Vec::new();
    for part in parts {
        if !part.is_empty() && !words.contains(&part) {
            words.push(part);
        }
    }
    words.join(", ")
}

/// The lines of a hotel's postal address.
pub(crate) fn address_lines(hotel: &Hotel) -> Vec<String> {
    let address = &hotel.address;
    let town = format!("{} {}", address.postal_code, address.city);
    [
        address.street.as_str(),
        town.trim(),
        address.region.as_str(),
        address.country.as_str(),
    ]
    .into_iter()
    .filter(|line| !line.is_empty())
    .map(str::to_owned)
    .collect()
}

/// The paragraphs of a text.
pub(crate) fn paragraphs(text: &str) -> Vec<String> {
    text.split('\n')
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A template as an answer.
pub(crate) fn html(status: StatusCode, template: &impl Template) -> Reply {
    match template.render() {
        Ok(html) => reply::document(status, "text/html; charset=utf-8", html.into_bytes()),
        // Templates write to memory, and nothing they are filled with can fail.
        Err(_) => reply::empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// An answer that sends the browser to another page, to GET it (RFC 9110 §15.4.4).
pub(crate) fn see_other(address: &str) -> Reply {
    let mut reply = reply::empty(StatusCode::SEE_OTHER);
    reply::set_text(&mut reply, LOCATION, address);
    reply
}

/// A page that says something and leads on: `message.html`.
#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    p: Page,
    title: String,
    paragraphs: Vec<String>,
    links: Vec<Link>,
}

/// A notice as a page of its own.
pub(crate) fn message(visit: &Visit, status: StatusCode, notice: Notice) -> Reply {
    let p = Page::of(visit).with(Some(&notice));
    let mut paragraphs = Vec::new();
    if !notice.text.is_empty() {
        paragraphs.push(notice.text);
    }
    paragraphs.extend(notice.fields.into_iter().map(|field| field.text));
    let template = Message {
        p,
        title: notice.title,
        paragraphs,
        links: notice.links,
    };
    html(status, &template)
}

/// The header of an answer that asks the browser to come again later.
pub(crate) fn retry_after(reply: &mut Reply, seconds: u32) {
    reply::set(reply, http::header::RETRY_AFTER, HeaderValue::from(seconds));
}
