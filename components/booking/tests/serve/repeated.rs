//! Requests that are sent again.

use booking::bindings::concierge::booking::catalogue::{Error, Shortage};
use booking::bindings::concierge::booking::reservations::Decided;
use serde_json::{Value, json};

use crate::client::Request;
use crate::fixtures::*;
use crate::playback::{Answer, Asked, Playback};

fn create() -> Request {
    Request::new("POST", "/hotels/mar/reservations")
        .key("k")
        .json(&request_json())
}

/// The fingerprint that a request has.
fn fingerprint(request: &Request) -> Vec<u8> {
    let host = Playback::new([Answer::Create(Ok(decided(reservation())))]);
    assert_eq!(request.send(&host).status, 201);
    match host.asked().into_iter().next() {
        Some(Asked::Create(_, _, _, idempotency, _)) => idempotency.fingerprint,
        other => panic!("not created: {other:?}"),
    }
}

#[test]
fn a_key_is_needed() {
    let host = Playback::default();
    let answered = create().without("idempotency-key").send(&host);
    assert_eq!(answered.problem(), (400, "idempotency_key_missing".into()));
    let waiting = Request::new("POST", "/hotels/mar/waiting-list").json(&request_json());
    assert_eq!(
        waiting.send(&host).problem(),
        (400, "idempotency_key_missing".into())
    );
    for bad in ["\"", "a b", "", &"k".repeat(256)] {
        let answered = create().without("idempotency-key").key(bad).send(&host);
        assert_eq!(
            answered.problem(),
            (400, "idempotency_key_malformed".into()),
            "{bad}"
        );
    }
    assert_eq!(host.asked(), []);
}

#[test]
fn the_answer_is_recorded_before_it_is_sent() {
    let host = Playback::new([Answer::Create(Ok(decided(reservation())))]);
    let answered = create().send(&host);
    let asked = host.asked();
    let [
        Asked::Create(.., idempotency, _),
        Asked::Record(_, hotel, recorded_key, recorded),
    ] = &asked[..]
    else {
        panic!("not recorded: {asked:?}");
    };
    assert_eq!((hotel.as_str(), idempotency), ("mar", recorded_key));
    assert_eq!(recorded.status, 201);
    assert_eq!(recorded.content_type, "application/json");
    assert_eq!(recorded.body, answered.body);
    let location = format!("/booking/v1/hotels/mar/reservations/{ID}");
    for field in [
        ("location".to_owned(), location),
        ("etag".to_owned(), "\"1\"".to_owned()),
        ("cache-control".to_owned(), "no-store".to_owned()),
    ] {
        assert!(recorded.headers.contains(&field), "{field:?}");
    }
    // What is added to every answer is not part of it.
    assert_eq!(recorded.headers.len(), 3, "{:?}", recorded.headers);
    assert_eq!(answered.header("idempotency-replayed"), "");
}

#[test]
fn an_answer_that_was_given_is_given_again_to_the_byte() {
    let given = old_answer();
    let host = Playback::new([Answer::Create(Ok(Decided {
        outcome: Ok(reservation()),
        answer: Some(given.clone()),
    }))]);
    let answered = create().send(&host);
    assert_eq!((answered.status, &answered.body), (201, &given.body));
    assert_eq!(answered.header("idempotency-replayed"), "true");
    assert_eq!(
        answered.header("location"),
        "/booking/v1/hotels/mar/reservations/old"
    );
    assert_eq!(answered.header("access-control-allow-origin"), "*");
    assert_eq!(host.asked().len(), 1, "it is recorded already");
}

#[test]
fn of_two_that_record_the_first_is_sent() {
    let given = old_answer();
    let host =
        Playback::new([Answer::Create(Ok(decided(reservation())))]).having_recorded(given.clone());
    let answered = create().send(&host);
    assert_eq!((answered.status, answered.body), (201, given.body));
}

#[test]
fn what_cannot_be_recorded_is_not_sent() {
    let host = Playback::new([
        Answer::Create(Ok(decided(reservation()))),
        Answer::Record(Err(Error::Unavailable)),
    ]);
    let answered = create().send(&host);
    assert_eq!(answered.problem(), (503, "unavailable".into()));
    assert_eq!(answered.header("retry-after"), "2");
    assert_eq!(host.asked().len(), 2);
}

#[test]
fn a_refusal_that_was_decided_is_recorded() {
    let shortage = Shortage {
        room_type: "double".into(),
        night: ARRIVAL,
        left: 0,
    };
    let host = Playback::new([Answer::Create(Ok(Decided {
        outcome: Err(Error::SoldOut(shortage)),
        answer: None,
    }))]);
    let answered = create().send(&host);
    assert_eq!(answered.problem(), (409, "sold_out".into()));
    let asked = host.asked();
    let Asked::Record(.., recorded) = &asked[1] else {
        panic!("not recorded");
    };
    assert_eq!((recorded.status, &recorded.body), (409, &answered.body));
}

#[test]
fn what_is_not_decided_is_not_recorded() {
    for (error, status) in [
        (Error::Unavailable, 503),
        (Error::KeyReused, 422),
        (Error::KeyInUse, 409),
        (Error::SlowDown(3), 429),
    ] {
        let host = Playback::new([Answer::Create(Err(error))]);
        assert_eq!(create().send(&host).status, status);
        assert_eq!(host.asked().len(), 1);
    }
}

#[test]
fn a_request_is_itself_however_it_is_spelt() {
    let plain = fingerprint(&create());
    let mut reordered = String::from("{\n  ");
    let body = request_json();
    let fields: Vec<String> = body
        .as_object()
        .unwrap()
        .iter()
        .rev()
        .map(|(name, value)| format!("\"{name}\" : {value}"))
        .collect();
    reordered.push_str(&fields.join(" ,\n"));
    reordered.push('}');
    let respelt = create().body(reordered.replace("quiet", "qu\\u0069et"));
    assert_eq!(fingerprint(&respelt), plain);
    let mut explicit = request_json();
    explicit["rooms"][0]["children"] = json!(0);
    explicit["agreed_total"] = Value::Null;
    assert_eq!(fingerprint(&create().body(explicit.to_string())), plain);
    let quoted = create().without("idempotency-key").key("\"k\"");
    assert_eq!(fingerprint(&quoted), plain);
}

#[test]
fn another_request_is_another() {
    let plain = fingerprint(&create());
    let mut all = vec![plain];
    let mut change = |change: &dyn Fn(&mut Value)| {
        let mut body = request_json();
        change(&mut body);
        all.push(fingerprint(&create().body(body.to_string())));
    };
    change(&|body| body["arrival"] = json!("2026-12-25"));
    change(&|body| body["departure"] = json!("2026-12-28"));
    change(&|body| body["rooms"][0]["adults"] = json!(1));
    change(&|body| body["rooms"][0]["children"] = json!(1));
    change(&|body| body["guest"]["name"] = json!("Ada"));
    change(&|body| body["guest"]["notes"] = json!(""));
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn the_cookie_of_the_guest_is_the_scope() {
    let host = Playback::new([Answer::Create(Ok(decided(reservation())))]);
    create()
        .header("cookie", "a=b; concierge_guest=g-123")
        .send(&host);
    let Some(Asked::Create(.., idempotency, _)) = host.asked().into_iter().next() else {
        panic!("not created");
    };
    assert_eq!(idempotency.scope, "g-123");
}
