//! Pages of this site and of others, and what HTTP asks of every answer.

use booking::bindings::concierge::booking::catalogue::Error;

use crate::client::Request;
use crate::fixtures::*;
use crate::playback::{Answer, Playback};

const PASSWORD: &str = "Basic YWRhOnNlY3JldA==";

#[test]
fn any_page_may_call_what_guests_use() {
    let answered = Request::new("OPTIONS", "/hotels/mar/reservations")
        .header("origin", "https://elsewhere.example")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "content-type,idempotency-key",
        )
        .send(&Playback::default());
    assert_eq!(answered.status, 204);
    assert_eq!(answered.header("access-control-allow-origin"), "*");
    assert_eq!(
        answered.header("access-control-allow-methods"),
        "POST, OPTIONS"
    );
    assert_eq!(
        answered.header("access-control-allow-headers"),
        "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"
    );
    assert_eq!(answered.header("access-control-max-age"), "7200");
    assert_eq!(answered.header("access-control-allow-credentials"), "");
    assert_eq!(answered.header("allow"), "POST, GET, HEAD, OPTIONS");
}

#[test]
fn no_other_page_may_call_what_staff_use() {
    for (path, method) in [
        ("/hotels/mar/reservations", "GET"),
        ("/hotels/mar", "PUT"),
        ("/changes", "GET"),
        ("/payments/notifications", "POST"),
    ] {
        let answered = Request::new("OPTIONS", path)
            .header("origin", "https://elsewhere.example")
            .header("access-control-request-method", method)
            .send(&Playback::default());
        assert_eq!(answered.status, 204);
        assert_eq!(answered.header("access-control-allow-origin"), "", "{path}");
        assert_eq!(answered.header("access-control-allow-methods"), "");
        assert_ne!(answered.header("allow"), "");
        let answered = Request::new(method, path).send(&Playback::default());
        assert_eq!(answered.header("access-control-allow-origin"), "", "{path}");
    }
}

#[test]
fn pages_read_answers_good_and_bad() {
    let host = Playback::new([
        Answer::GetHotel(Ok(details())),
        Answer::GetHotel(Err(Error::NotFound("hotel".into()))),
    ]);
    for (path, method, status) in [
        ("/hotels/mar", "GET", 200),
        ("/hotels/mar", "GET", 404),
        ("/nowhere", "GET", 404),
        ("/search", "POST", 405),
    ] {
        let answered = Request::new(method, path)
            .header("origin", "https://elsewhere.example")
            .send(&host);
        assert_eq!(answered.status, status);
        assert_eq!(answered.header("access-control-allow-origin"), "*");
        assert_eq!(
            answered.header("access-control-expose-headers"),
            "ETag, Idempotency-Replayed, Location, Retry-After"
        );
    }
    host.asked();
}

#[test]
fn another_sites_page_cannot_use_the_password_that_a_browser_knows() {
    let cancel = format!("/hotels/mar/reservations/{ID}/cancel");
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://elsewhere.example"),
        ("origin", "null"),
    ] {
        let host = Playback::default();
        let answered = Request::new("POST", &cancel)
            .header("authorization", PASSWORD)
            .header(name, value)
            .send(&host);
        assert_eq!(answered.problem(), (403, "cross_site".into()), "{value}");
        assert_eq!((host.asked().len(), host.shown().len()), (0, 0));
    }
    for (name, value) in [
        ("sec-fetch-site", "same-origin"),
        ("origin", "http://hotels.example"),
    ] {
        let host = Playback::new([Answer::Act(Ok(decided(reservation())))]);
        let answered = Request::new("POST", &cancel)
            .header("authorization", PASSWORD)
            .header(name, value)
            .send(&host);
        assert_eq!(answered.status, 200, "{value}");
    }
    // A token is nothing that a browser adds by itself.
    let host = Playback::new([Answer::Act(Ok(decided(reservation())))]);
    let answered = Request::new("POST", &cancel)
        .guest()
        .header("sec-fetch-site", "cross-site")
        .send(&host);
    assert_eq!(answered.status, 200);
}

#[test]
fn what_a_form_can_send_is_not_read() {
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "",
    ] {
        let host = Playback::default();
        let answered = Request::new("POST", "/hotels/mar/reservations")
            .key("k")
            .header("content-type", content_type)
            .body(request_json().to_string())
            .send(&host);
        assert_eq!(
            answered.problem(),
            (415, "unsupported_media_type".into()),
            "{content_type}"
        );
        assert_eq!(host.asked(), []);
    }
    let host = Playback::new([Answer::Create(Ok(decided(reservation())))]);
    let answered = Request::new("POST", "/hotels/mar/reservations")
        .key("k")
        .header("content-type", "Application/JSON; charset=utf-8")
        .body(request_json().to_string())
        .send(&host);
    assert_eq!(answered.status, 201);
}

#[test]
fn head_is_get_without_the_body() {
    let host = Playback::new([
        Answer::GetHotel(Ok(details())),
        Answer::GetHotel(Ok(details())),
    ]);
    let got = Request::new("GET", "/hotels/mar").send(&host);
    let head = Request::new("HEAD", "/hotels/mar").send(&host);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.headers, got.headers);
    let missing = Request::new("HEAD", "/nowhere").send(&Playback::default());
    assert_eq!((missing.status, missing.body.len()), (404, 0));
}

#[test]
fn methods_that_are_not_known_say_which_are() {
    for (method, path, allow) in [
        ("DELETE", "/hotels/mar", "GET, HEAD, PUT, OPTIONS"),
        ("PATCH", "/search", "GET, HEAD, OPTIONS"),
        ("GET", "/hotels/mar/rates", "POST, OPTIONS"),
        ("TRACE", "/hotels/mar/staff", "GET, HEAD, PUT, OPTIONS"),
        ("get", "/hotels", "GET, HEAD, OPTIONS"),
    ] {
        let answered = Request::new(method, path).send(&Playback::default());
        assert_eq!(answered.problem(), (405, "method_not_allowed".into()));
        assert_eq!(answered.header("allow"), allow, "{method} {path}");
    }
}

#[test]
fn paths_that_are_not_there_are_problems() {
    for path in [
        "",
        "/",
        "/nowhere",
        "/hotels/mar/",
        "/hotels/mar/reservations/a/b",
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            let answered = Request::new(method, path).send(&Playback::default());
            assert_eq!(answered.problem(), (404, "no_such_path".into()), "{path}");
        }
    }
}

#[test]
fn every_answer_says_how_it_is_to_be_taken() {
    let host = Playback::new([Answer::GetHotel(Ok(details()))]);
    let answers = [
        Request::new("GET", "/hotels/mar").send(&host),
        Request::new("GET", "/nowhere").send(&Playback::default()),
        Request::new("OPTIONS", "/hotels").send(&Playback::default()),
        Request::at("GET", "/elsewhere").send(&Playback::default()),
        Request::at("GET", "/booking/no/such/page").send(&Playback::default()),
    ];
    for answered in answers {
        assert_eq!(answered.header("x-content-type-options"), "nosniff");
        assert_ne!(answered.header("referrer-policy"), "");
        let length = answered.header("content-length");
        let expected = answered.body.len().to_string();
        assert!(
            length == expected || answered.status == 204 && length.is_empty(),
            "{length}"
        );
    }
}
