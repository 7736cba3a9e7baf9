//! What the host refuses, as problems.

use booking::bindings::concierge::booking::catalogue::{
    Conflict, Error, Invalid, Reason, Shortage,
};
use serde_json::json;

use crate::client::{Answered, Request};
use crate::fixtures::*;
use crate::playback::{Answer, Playback};

fn refused(error: Error) -> Answered {
    Request::new("GET", "/hotels/mar").send(&Playback::new([Answer::GetHotel(Err(error))]))
}

fn invalid(reason: Reason) -> Error {
    Error::Invalid(Invalid {
        field: "rooms.0.adults".into(),
        reason,
        detail: "It cannot be.".into(),
    })
}

#[test]
fn each_error_has_a_status_and_a_code() {
    for (error, status, code, retry_after) in [
        (Error::NotFound("hotel".into()), 404, "not_found", ""),
        (Error::Unauthorized, 401, "unauthorized", ""),
        (Error::Forbidden, 403, "forbidden", ""),
        (Error::KeyReused, 422, "idempotency_key_reused", ""),
        (Error::KeyInUse, 409, "idempotency_key_in_use", "1"),
        (Error::SlowDown(17), 429, "slow_down", "17"),
        (Error::Unavailable, 503, "unavailable", "2"),
        (Error::Internal, 500, "internal", ""),
    ] {
        let answered = refused(error);
        assert_eq!(answered.problem(), (status, code.into()));
        assert_eq!(answered.header("retry-after"), retry_after, "{code}");
        assert_eq!(answered.header("cache-control"), "no-store");
    }
}

#[test]
fn each_reason_has_a_code_and_names_the_field() {
    for (reason, status, code) in [
        (Reason::Malformed, 400, "malformed"),
        (Reason::TooLarge, 400, "too_large"),
        (Reason::DatesOrder, 422, "dates_order"),
        (Reason::StayTooLong, 422, "stay_too_long"),
        (Reason::StayTooShort, 422, "stay_too_short"),
        (Reason::ArrivalPast, 422, "arrival_past"),
        (Reason::ArrivalTooFar, 422, "arrival_too_far"),
        (Reason::NoGuests, 422, "no_guests"),
        (Reason::TooManyGuests, 422, "too_many_guests"),
        (Reason::Rooms, 422, "rooms"),
        (Reason::Currency, 422, "currency"),
        (Reason::TimeZone, 422, "time_zone"),
        (Reason::NotOffered, 422, "not_offered"),
    ] {
        let answered = refused(invalid(reason));
        assert_eq!(answered.problem(), (status, code.into()));
        assert_eq!(
            answered.json()["errors"],
            json!([{"field": "rooms.0.adults", "reason": code, "detail": "It cannot be."}])
        );
    }
}

#[test]
fn fields_are_named_as_the_api_names_them() {
    for (field, named) in [
        ("stay.rooms.1.adults", "rooms.1.adults"),
        ("guest.email", "guest.email"),
        ("stars_tenths", "stars"),
        ("check_in_from_min", "check_in_from"),
        ("matching", "q"),
    ] {
        let answered = refused(Error::Invalid(Invalid {
            field: field.into(),
            reason: Reason::Malformed,
            detail: "It cannot be.".into(),
        }));
        assert_eq!(answered.errors()[0].0, named);
    }
}

#[test]
fn each_conflict_has_a_code_and_the_hosts_sentence() {
    for (conflict, status, code) in [
        (Conflict::State, 409, "wrong_state"),
        (Conflict::HoldExpired, 409, "hold_expired"),
        (Conflict::PaymentUnderWay, 409, "payment_under_way"),
        (Conflict::AlreadyPaid, 409, "already_paid"),
        (Conflict::NotNow, 409, "not_now"),
        (Conflict::Version, 412, "version_mismatch"),
        (Conflict::InUse, 409, "in_use"),
        (Conflict::Price, 409, "price_changed"),
        (Conflict::Available, 409, "rooms_available"),
    ] {
        let answered = refused(Error::Conflict((conflict, "Because.".into())));
        assert_eq!(answered.problem(), (status, code.into()));
        assert_eq!(answered.json()["detail"], "Because.");
    }
}

#[test]
fn what_is_sold_out_says_which_night() {
    let answered = refused(Error::SoldOut(Shortage {
        room_type: "double".into(),
        night: ARRIVAL + 1,
        left: 2,
    }));
    assert_eq!(
        answered.json(),
        json!({
            "type": "/booking/v1/problems/sold_out",
            "title": "There is no room",
            "status": 409,
            "code": "sold_out",
            "detail": "In the night of 2026-12-25 there are 2 rooms of double left.",
            "room_type": "double",
            "night": "2026-12-25",
            "left": 2,
        })
    );
}

#[test]
fn what_is_not_found_says_which_kind_of_thing() {
    let answered = refused(Error::NotFound("hotel".into()));
    assert_eq!(answered.json()["what"], "hotel");
    let problem_type = answered.json()["type"].as_str().unwrap().to_owned();
    let explained = Request::at("GET", &problem_type).send(&Playback::default());
    assert_eq!(explained.json()["code"], "not_found");
    let unknown = Request::new("GET", "/problems/nonsense").send(&Playback::default());
    assert_eq!(unknown.problem(), (404, "not_found".into()));
}
