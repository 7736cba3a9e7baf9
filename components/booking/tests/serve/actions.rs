//! What is done with a reservation after it was made.

use booking::bindings::concierge::booking::reservations::{Action, State};
use serde_json::json;

use crate::client::Request;
use crate::fixtures::*;
use crate::playback::{Answer, Asked, Playback};

fn act(method: &str, name: &str) -> Request {
    Request::new(method, &format!("/hotels/mar/reservations/{ID}/{name}"))
}

fn asked_to(action: Action, version: Option<u64>) -> Asked {
    Asked::Act(
        guest_caller(),
        "mar".into(),
        ID.into(),
        action,
        version,
        None,
        "192.0.2.7".into(),
    )
}

#[test]
fn each_action_is_asked_for_by_its_path() {
    for (name, action) in [
        ("cancel", Action::Cancel),
        ("check-in", Action::CheckIn),
        ("check-out", Action::CheckOut),
        ("no-show", Action::NoShow),
    ] {
        let host = Playback::new([Answer::Act(Ok(decided(reservation())))]);
        let answered = act("POST", name).guest().send(&host);
        assert_eq!(answered.status, 200, "{name}");
        // Without a key nothing is recorded.
        assert_eq!(host.asked(), [asked_to(action, None)]);
    }
}

#[test]
fn another_stay_is_asked_for() {
    let host = Playback::new([Answer::Act(Ok(decided(reservation())))]);
    let answered = act("PUT", "stay").guest().json(&stay_json()).send(&host);
    assert_eq!(answered.status, 200);
    assert_eq!(host.asked(), [asked_to(Action::Change(stay()), None)]);
}

#[test]
fn the_answer_is_the_reservation_as_it_is_now() {
    let mut cancelled = reservation();
    cancelled.state = State::Cancelled;
    cancelled.version = 7;
    cancelled.hold_expires_us = None;
    cancelled.cancellation_fee = 12_300;
    let host = Playback::new([Answer::Act(Ok(decided(cancelled)))]);
    let answered = act("POST", "cancel").guest().json(&json!({})).send(&host);
    assert_eq!(answered.header("etag"), "\"7\"");
    let body = answered.json();
    assert_eq!(body["state"], "cancelled");
    assert_eq!(body["hold_expires_at"], json!(null));
    assert_eq!(body["cancellation_fee"]["amount"], 12_300);
}

#[test]
fn a_version_is_passed_on() {
    for (field, version) in [("\"7\"", Some(7)), ("*", None), (" \"0\" ", Some(0))] {
        let host = Playback::new([Answer::Act(Ok(decided(reservation())))]);
        let answered = act("POST", "cancel")
            .guest()
            .header("if-match", field)
            .send(&host);
        assert_eq!(answered.status, 200, "{field}");
        assert_eq!(host.asked(), [asked_to(Action::Cancel, version)]);
    }
}

#[test]
fn a_version_of_another_form_is_refused() {
    for field in [
        "7",
        "W/\"7\"",
        "\"7\", \"8\"",
        "\"\"",
        "\"x\"",
        "\"+7\"",
        "\"99999999999999999999\"",
        "",
    ] {
        let host = Playback::default();
        let answered = act("POST", "cancel")
            .guest()
            .header("if-match", field)
            .send(&host);
        assert_eq!(answered.problem(), (400, "malformed".into()), "{field}");
        assert_eq!(answered.errors()[0].0, "If-Match");
        assert_eq!(host.asked(), []);
    }
}

#[test]
fn a_key_makes_an_action_repeatable() {
    let host = Playback::new([Answer::Act(Ok(decided(reservation())))]);
    let answered = act("POST", "cancel").guest().key("k").send(&host);
    assert_eq!(answered.status, 200);
    let asked = host.asked();
    let [
        Asked::Act(.., Some(one), _),
        Asked::Record(_, _, other, recorded),
    ] = &asked[..]
    else {
        panic!("not recorded: {asked:?}");
    };
    assert_eq!(one, other);
    assert_eq!(recorded.body, answered.body);
}

#[test]
fn an_action_has_no_body() {
    for body in ["{\"why\":1}", "[]", "null", "1"] {
        let host = Playback::default();
        let answered = act("POST", "cancel")
            .guest()
            .header("content-type", "application/json")
            .body(body)
            .send(&host);
        assert_eq!(answered.problem(), (400, "malformed".into()), "{body}");
        assert_eq!(host.asked(), []);
    }
}
