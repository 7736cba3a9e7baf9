//! Payments and what the provider tells.

use booking::bindings::concierge::booking::catalogue::{Conflict, Error};
use booking::bindings::concierge::booking::reservations::{Decided, PaymentState};
use serde_json::json;

use crate::client::{Answered, Request};
use crate::fixtures::*;
use crate::playback::{Answer, Asked, Playback};

fn pay() -> Request {
    Request::new("POST", &format!("/hotels/mar/reservations/{ID}/payments"))
        .guest()
        .key("p")
        .json(&json!({"method": "sandbox:approve"}))
}

fn paying(state: PaymentState) -> Answered {
    pay().send(&Playback::new([Answer::Pay(Ok(decided(paid(state))))]))
}

#[test]
fn what_is_paid_is_confirmed() {
    for state in [PaymentState::Authorised, PaymentState::Captured] {
        let answered = paying(state);
        assert_eq!(answered.status, 200, "{state:?}");
        assert_eq!(answered.json()["state"], "confirmed");
        assert_eq!(answered.header("etag"), "\"2\"");
    }
}

#[test]
fn what_is_not_known_yet_says_where_it_will_be() {
    let answered = paying(PaymentState::Pending);
    assert_eq!(answered.status, 202);
    let location = format!("/booking/v1/hotels/mar/reservations/{ID}");
    assert_eq!(answered.header("location"), location);
    assert_eq!(answered.json()["payment"]["state"], "pending");
}

#[test]
fn what_is_declined_says_why_and_what_is_held() {
    let answered = paying(PaymentState::Declined);
    assert_eq!(answered.problem(), (402, "payment_declined".into()));
    let body = answered.json();
    assert_eq!(body["declined_for"], "insufficient_funds");
    assert_eq!(body["reservation"]["state"], "held");
    assert_eq!(body["reservation"]["version"], 2);
}

#[test]
fn what_was_given_back_is_no_payment() {
    for state in [PaymentState::Voided, PaymentState::Refunded] {
        let answered = paying(state);
        assert_eq!(answered.problem(), (409, "payment_undone".into()));
    }
    assert_eq!(
        paying(PaymentState::None).problem(),
        (500, "internal".into())
    );
}

#[test]
fn a_payment_is_recorded_whatever_it_is() {
    for outcome in [
        Ok(paid(PaymentState::Declined)),
        Ok(paid(PaymentState::Pending)),
        Err(Error::Conflict((Conflict::HoldExpired, "Too late.".into()))),
    ] {
        let host = Playback::new([Answer::Pay(Ok(Decided {
            outcome,
            answer: None,
        }))]);
        let answered = pay().send(&host);
        let asked = host.asked();
        let [
            Asked::Pay(caller, hotel, reservation, method, idempotency, client),
            Asked::Record(_, _, recorded_key, recorded),
        ] = &asked[..]
        else {
            panic!("not recorded: {asked:?}");
        };
        assert_eq!(caller, &guest_caller());
        assert_eq!((hotel.as_str(), reservation.as_str()), ("mar", ID));
        assert_eq!(
            (method.as_str(), client.as_str()),
            ("sandbox:approve", "192.0.2.7")
        );
        assert_eq!(idempotency, recorded_key);
        assert_eq!(recorded.status, answered.status);
        assert_eq!(recorded.body, answered.body);
        assert_eq!(recorded.content_type, answered.header("content-type"));
    }
}

#[test]
fn a_payment_needs_a_key_and_a_method() {
    let host = Playback::default();
    assert_eq!(
        pay().without("idempotency-key").send(&host).problem(),
        (400, "idempotency_key_missing".into())
    );
    for body in [json!({}), json!({"method": 1}), json!({"method": ""})] {
        let answered = pay().without("content-type").json(&body).send(&host);
        assert_eq!(answered.problem(), (400, "malformed".into()), "{body}");
    }
    assert_eq!(host.asked(), []);
}

#[test]
fn what_the_provider_tells_is_passed_on_as_it_is() {
    let host = Playback::new([Answer::NotifyPayment(Ok(()))]);
    let body = b"\xff not JSON";
    let request = Request::new("POST", "/payments/notifications").body(body);
    let answered = request
        .clone()
        .header("payment-signature", "v1=abc")
        .send(&host);
    assert_eq!((answered.status, answered.body.len()), (204, 0));
    let asked = Asked::NotifyPayment(body.to_vec(), "v1=abc".into());
    assert_eq!(host.asked(), [asked]);

    let long = "x".repeat(1_025);
    for request in [
        request.clone(),
        request.clone().header("payment-signature", ""),
        request.header("payment-signature", long),
    ] {
        let host = Playback::default();
        assert_eq!(request.send(&host).problem(), (400, "malformed".into()));
        assert_eq!(host.asked(), []);
    }
}
