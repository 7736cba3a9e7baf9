//! The host's errors as sentences for people: what happened, and what to do next.

use askama::Template;
use http::StatusCode;

use super::text::{Locale, Messages, fill};
use super::view::{self, FieldProblem, Notice, Tone};
use super::visit::Visit;
use crate::bindings::concierge::booking::catalogue::{Conflict, Error, Invalid, Reason};
use crate::reply::Reply;

/// After how many seconds to try again where the host does not say.
const RETRY_S: u32 = 5;

/// An error, explained.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) notice: Notice,
    retry_s: Option<u32>,
}

impl Failure {
    fn new(status: StatusCode, title: &str, text: impl Into<String>) -> Self {
        Self {
            status,
            notice: Notice::new(Tone::Bad, title, text),
            retry_s: None,
        }
    }

    /// Softer: nothing is lost, it only takes another try.
    fn soft(status: StatusCode, title: &str, text: impl Into<String>) -> Self {
        Self {
            status,
            notice: Notice::new(Tone::Warn, title, text),
            retry_s: None,
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn link(mut self, href: impl Into<String>, text: &'static str) -> Self {
        self.notice = self.notice.link(href, text);
        self
    }

    /// What is wrong with the fields of a form.
    pub(crate) fn of_fields(t: &Messages, fields: Vec<FieldProblem>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            notice: Notice::of_fields(t, fields),
            retry_s: None,
        }
    }

    /// The rooms of a stay that was chosen are gone.
    pub(crate) fn gone(t: &Messages) -> Self {
        Self::soft(StatusCode::CONFLICT, t.sold_out_title, t.sold_out_gone)
    }

    /// The payment provider said no.
    pub(crate) fn declined(t: &Messages) -> Self {
        Self::new(
            StatusCode::PAYMENT_REQUIRED,
            t.declined_title,
            t.declined_text,
        )
    }

    /// No reservation goes with what was shown.
    pub(crate) fn not_found_reservation(t: &Messages) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            t.find_not_found,
            t.find_not_found_text,
        )
    }

    /// The house is full on the nights that a reservation was to be moved to.
    pub(crate) fn house_full(t: &Messages) -> Self {
        Self::soft(
            StatusCode::CONFLICT,
            t.change_not_free,
            t.change_not_free_text,
        )
    }

    /// As a page of its own.
    pub(crate) fn page(self, visit: &Visit) -> Reply {
        let retry_s = self.retry_s;
        let mut reply = view::message(visit, self.status, self.notice);
        if let Some(seconds) = retry_s {
            view::retry_after(&mut reply, seconds);
        }
        reply
    }
}

/// A page as an answer; where it shows a failure, with the failure's status.
pub(crate) fn respond(template: &impl Template, failure: Option<&Failure>) -> Reply {
    let status = failure.map_or(StatusCode::OK, |failure| failure.status);
    let mut reply = view::html(status, template);
    if let Some(seconds) = failure.and_then(|failure| failure.retry_s) {
        view::retry_after(&mut reply, seconds);
    }
    reply
}

/// Explains an error of the host.
pub(crate) fn explain(l: Locale, error: &Error) -> Failure {
    let t = l.t;
    match error {
        Error::NotFound(_) => Failure::new(
            StatusCode::NOT_FOUND,
            t.page_missing_title,
            t.page_missing_text,
        ),
        Error::Unauthorized | Error::Forbidden => {
            Failure::new(StatusCode::FORBIDDEN, t.forbidden_title, t.forbidden_text)
        }
        Error::Invalid(invalid) => Failure::of_fields(t, vec![field(t, invalid)]),
        Error::SoldOut(shortage) => {
            let left = match shortage.left {
                0 => t.sold_out_none.to_owned(),
                1 => t.sold_out_some_one.to_owned(),
                n => fill(t.sold_out_some_many, &[("n", &n.to_string())]),
            };
            let night = l.date(shortage.night);
            let text = fill(t.sold_out_text, &[("date", &night), ("left", &left)]);
            Failure::new(StatusCode::CONFLICT, t.sold_out_title, text)
        }
        Error::Conflict((conflict, _)) => explain_conflict(t, *conflict),
        Error::KeyReused => Failure::soft(
            StatusCode::UNPROCESSABLE_ENTITY,
            t.key_reused_title,
            t.key_reused_text,
        ),
        Error::KeyInUse => {
            Failure::soft(StatusCode::CONFLICT, t.key_in_use_title, t.key_in_use_text)
        }
        Error::SlowDown(seconds) => {
            let text = fill(t.slow_down_text, &[("seconds", &l.seconds(*seconds))]);
            Failure {
                retry_s: Some(*seconds),
                ..Failure::soft(StatusCode::TOO_MANY_REQUESTS, t.slow_down_title, text)
            }
        }
        Error::Unavailable => Failure {
            retry_s: Some(RETRY_S),
            ..Failure::soft(
                StatusCode::SERVICE_UNAVAILABLE,
                t.unavailable_title,
                t.unavailable_text,
            )
        },
        Error::Internal => Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            t.internal_title,
            t.internal_text,
        ),
    }
}

fn explain_conflict(t: &Messages, conflict: Conflict) -> Failure {
    let (title, text) = match conflict {
        Conflict::State | Conflict::InUse => (t.state_title, t.state_text),
        Conflict::HoldExpired => (t.hold_expired_title, t.hold_expired_text),
        Conflict::PaymentUnderWay => (t.pay_under_way_title, t.pay_under_way_text),
        Conflict::AlreadyPaid => (t.already_paid_title, t.already_paid_text),
        Conflict::NotNow => (t.not_now_title, t.not_now_text),
        Conflict::Version => (t.version_title, t.version_text),
        // Whoever knows both prices says them.
        Conflict::Price => (t.price_changed_title, ""),
        Conflict::Available => (t.wait_available_title, t.wait_available_text),
    };
    Failure::soft(StatusCode::CONFLICT, title, text)
}

/// What the host found wrong, beside the field of the page that it is about.
fn field(t: &Messages, invalid: &Invalid) -> FieldProblem {
    let last = invalid.field.rsplit('.').next().unwrap_or_default();
    let known = match last {
        "arrival" => "arrival",
        "departure" => "departure",
        "adults" => "adults",
        "children" => "children",
        "rooms" => "rooms",
        "name" => "name",
        "email" => "email",
        "phone" => "phone",
        "notes" => "notes",
        _ => "",
    };
    let (id, text) = match invalid.reason {
        Reason::DatesOrder => ("departure", t.wrong_dates_order),
        Reason::StayTooLong => ("departure", t.wrong_too_long),
        Reason::StayTooShort => ("departure", t.wrong_too_short),
        Reason::ArrivalPast => ("arrival", t.wrong_arrival_past),
        Reason::ArrivalTooFar => ("arrival", t.wrong_arrival_far),
        Reason::NoGuests => ("adults", t.wrong_adults),
        Reason::TooManyGuests => ("adults", t.wrong_too_many_guests),
        Reason::NotOffered => ("rates", t.wrong_not_offered),
        Reason::Malformed | Reason::TooLarge if known == "name" => (known, t.wrong_name),
        Reason::Malformed | Reason::TooLarge if known == "email" => (known, t.wrong_email),
        Reason::Malformed
        | Reason::TooLarge
        | Reason::Rooms
        | Reason::Currency
        | Reason::TimeZone => {
            let text = fill(t.wrong_other, &[("detail", &invalid.detail)]);
            let id = if known.is_empty() { "main" } else { known };
            return FieldProblem { id, text };
        }
    };
    FieldProblem {
        id,
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::concierge::booking::catalogue::Shortage;
    use crate::pages::language::Language;

    #[test]
    fn every_error_has_a_status_a_title_and_a_sentence_in_each_language() {
        let shortage = Shortage {
            room_type: "double".to_owned(),
            night: 20_811,
            left: 1,
        };
        let conflict = |conflict| Error::Conflict((conflict, String::new()));
        for (error, status) in [
            (Error::NotFound("hotel".to_owned()), 404),
            (Error::Unauthorized, 403),
            (Error::Forbidden, 403),
            (Error::SoldOut(shortage), 409),
            (conflict(Conflict::State), 409),
            (conflict(Conflict::HoldExpired), 409),
            (conflict(Conflict::PaymentUnderWay), 409),
            (conflict(Conflict::AlreadyPaid), 409),
            (conflict(Conflict::NotNow), 409),
            (conflict(Conflict::Version), 409),
            (conflict(Conflict::Available), 409),
            (Error::KeyReused, 422),
            (Error::KeyInUse, 409),
            (Error::SlowDown(7), 429),
            (Error::Unavailable, 503),
            (Error::Internal, 500),
        ] {
            let mut titles = Vec::new();
            for language in Language::ALL {
                let failure = explain(Locale::of(language), &error);
                assert_eq!(failure.status.as_u16(), status, "{error:?}");
                assert!(!failure.notice.text.is_empty(), "{error:?}");
                titles.push(failure.notice.title);
            }
            titles.dedup();
            assert_eq!(titles.len(), Language::ALL.len(), "{error:?}");
        }
    }

    #[test]
    fn what_is_wrong_leads_to_its_field() {
        let of = |field: &str, reason| {
            let invalid = Invalid {
                field: field.to_owned(),
                reason,
                detail: "detail".to_owned(),
            };
            let failure = explain(Locale::of(Language::English), &Error::Invalid(invalid));
            assert_eq!(failure.status, StatusCode::UNPROCESSABLE_ENTITY);
            failure.notice.fields.first().unwrap().clone()
        };
        assert_eq!(of("guest.email", Reason::Malformed).id, "email");
        assert_eq!(
            of("stay.rooms.0.adults", Reason::TooManyGuests).id,
            "adults"
        );
        assert_eq!(of("stay.departure", Reason::StayTooLong).id, "departure");
        let other = of("guest.language", Reason::Malformed);
        assert_eq!(other.id, "main");
        assert!(other.text.contains("detail"));
    }
}
