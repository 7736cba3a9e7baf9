//! Who calls, and how it is shown.

use booking::bindings::concierge::booking::catalogue::Caller;
use booking::host::{AuthenticationError, Credentials};

use crate::client::Request;
use crate::fixtures::*;
use crate::playback::{Answer, Asked, Playback};

fn read() -> Request {
    Request::new("GET", &format!("/hotels/mar/reservations/{ID}"))
}

fn found() -> Playback {
    Playback::new([Answer::GetReservation(Ok(reservation()))])
}

fn caller(host: &Playback) -> Caller {
    match host.asked().into_iter().next() {
        Some(Asked::GetReservation(caller, ..)) => caller,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_guests_token_is_not_an_accounts() {
    let host = found();
    read().guest().send(&host);
    assert_eq!(caller(&host), guest_caller());
    assert_eq!(host.shown(), []);
}

#[test]
fn accounts_show_a_token_or_a_password() {
    for (field, credentials) in [
        (
            "Bearer ct_account",
            Credentials::Bearer("ct_account".into()),
        ),
        (
            "Basic YWRhOnNlY3JldDpzZWNyZXQ=",
            Credentials::Basic {
                name: "ada".into(),
                password: "secret:secret".into(),
            },
        ),
    ] {
        let host = found();
        read().header("authorization", field).send(&host);
        assert_eq!(caller(&host), account());
        assert_eq!(host.shown(), [(credentials, "192.0.2.7".into())]);
    }
}

#[test]
fn what_the_host_does_not_know_is_refused() {
    for (error, status, code, retry_after) in [
        (AuthenticationError::Refused, 401, "unauthorized", ""),
        (AuthenticationError::SlowDown(9), 429, "slow_down", "9"),
        (AuthenticationError::Unavailable, 503, "unavailable", "2"),
    ] {
        let host = Playback::refusing(error);
        let answered = read().account().send(&host);
        assert_eq!(answered.problem(), (status, code.into()));
        assert_eq!(answered.header("retry-after"), retry_after);
        assert_eq!(host.asked(), []);
    }
}

#[test]
fn what_cannot_be_read_is_not_taken_for_nothing() {
    for field in ["Bearer", "Digest x", "Basic ###", "Basic YWRh", "\u{7f}"] {
        for path in ["/hotels/mar", "/hotels/mar/reservations/X"] {
            let host = Playback::default();
            let request = Request::new("GET", path);
            let field = field.replace('\u{7f}', "\u{e9}");
            let answered = request.header("authorization", field).send(&host);
            assert_eq!(answered.problem(), (401, "unauthorized".into()));
            assert_eq!(host.asked(), []);
        }
    }
}

#[test]
fn a_refusal_says_how_to_show_oneself() {
    let answered = read().send(&Playback::default());
    assert_eq!(answered.problem(), (401, "unauthorized".into()));
    assert_eq!(
        answered.header("www-authenticate"),
        "Bearer realm=\"booking\" | Basic realm=\"booking\", charset=\"UTF-8\""
    );
}
