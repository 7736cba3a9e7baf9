//! What a guest does with a reservation, and that nobody else does.

use booking::bindings::concierge::booking::reservations::State;
use http::Method;

use crate::browser::{Browser, book, hold};
use crate::playback::Playback;

/// The token of the only reservation.
fn token(host: &Playback) -> String {
    let reservations = host.reservations.borrow();
    reservations.values().next().unwrap().guest_token.clone()
}

fn state(host: &Playback) -> State {
    host.reservations.borrow().values().next().unwrap().state
}

#[test]
fn without_its_cookie_a_reservation_shows_nothing() {
    let host = Playback::new();
    let reservation = book(&Browser::new(&host));
    let stranger = Browser::new(&host);
    for page in ["", "/pay", "/confirmation", "/change", "/cancel"] {
        let address = format!("{reservation}{page}");
        let shown = stranger.get(&address);
        shown.expect(403, "Open your reservation first");
        for secret in ["Ada", "ada@", "quiet", "7K3MQ", "€", "gt_0"] {
            assert!(!shown.says(secret), "{secret} at {page}");
        }
        // One that is not there looks the same.
        let id = reservation.rsplit('/').next().unwrap();
        let nothing = stranger.get(&address.replace(id, "018f4e3a-0000-7d00-8000-000000000000"));
        assert_eq!(
            (nothing.status, nothing.html.len()),
            (shown.status, shown.html.len())
        );
    }
    for (page, fields) in [
        ("/pay", vec![("method", "sandbox:approve")]),
        ("/cancel", vec![("version", "2")]),
        (
            "/change",
            vec![("arrival", "2026-12-11"), ("departure", "2026-12-12")],
        ),
    ] {
        let mut fields = fields;
        fields.push(("idempotency_key", "abc"));
        let refused = stranger.post(&format!("{reservation}{page}"), &fields);
        assert_eq!(refused.status.as_u16(), 403, "{page}");
    }
    assert_eq!(state(&host), State::Confirmed);
}

#[test]
fn the_cookie_of_one_reservation_does_not_open_another() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let one = hold(&browser);
    let other = hold(&Browser::new(&host));
    browser
        .get(&one)
        .expect(200, "Your room is waiting for you");
    browser
        .get(&other)
        .expect(403, "Open your reservation first");
    let (_, path, value) = browser.cookies.borrow().first().unwrap().clone();
    assert_eq!(path, one);
    let forged = Browser::new(&host).with("cookie", &format!("booking_guest={value}"));
    forged
        .get(&other)
        .expect(403, "Open your reservation first");
}

#[test]
fn the_link_of_a_confirmation_moves_its_token_into_the_cookie() {
    let host = Playback::new();
    let reservation = book(&Browser::new(&host));
    let browser = Browser::new(&host);
    let opened = browser.get(&format!("{reservation}?token={}", token(&host)));
    assert_eq!(opened.location(), reservation);
    assert_eq!(opened.header("cache-control"), "no-store");
    let cookie = opened.header("set-cookie");
    for attribute in [
        "; HttpOnly",
        "; SameSite=Lax",
        &format!("; Path={reservation};"),
    ] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    browser.follow(&opened).expect(200, "Your room is booked");

    let wrong = Browser::new(&host).get(&format!("{reservation}?token=gt_wrong"));
    wrong.expect(404, "We cannot find this reservation");
    assert_eq!(wrong.header("set-cookie"), "");
}

#[test]
fn over_tls_the_cookie_is_for_tls_alone() {
    let host = Playback::new();
    let reservation = book(&Browser::new(&host));
    let link = format!("{reservation}?token={}", token(&host));
    let plain = Browser::new(&host).get(&link);
    assert!(!plain.header("set-cookie").contains("Secure"));
    let tls = Browser::new(&host)
        .with("x-forwarded-proto", "https")
        .get(&link);
    assert!(tls.header("set-cookie").ends_with("; Secure"));
}

#[test]
fn code_and_key_open_a_reservation_however_they_are_typed() {
    let host = Playback::new();
    let reservation = book(&Browser::new(&host));
    let token = token(&host);
    let browser = Browser::new(&host);
    browser
        .get("/booking/reservation")
        .expect(200, "Casa da Ribeira · Porto, Norte");
    let find = |hotel: &str, code: &str, token: &str| {
        let fields = [("hotel", hotel), ("code", code), ("token", token)];
        browser.post("/booking/reservation", &fields)
    };
    let opened = find("casa-da-ribeira", " 7k3m-q002 ", &token);
    assert_eq!(opened.location(), reservation);
    browser.follow(&opened).expect(200, "Your room is booked");

    find("", "", "").expect(422, "<a href=\"#hotel\">Choose the hotel.</a>");
    let wrong = find("casa-da-ribeira", "7K3MQ002", "gt_wrong");
    wrong.expect(404, "We cannot find this reservation");
    assert_eq!(wrong.form().get("code"), "7K3MQ002");
    find("hotel-alpenrose", "7K3MQ002", &token).expect(404, "We cannot find this reservation");
}

#[test]
fn cancelling_is_asked_for_once_more_and_done_once() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let reservation = book(&browser);
    let cancel = format!("{reservation}/cancel");
    let question = browser.get(&cancel);
    question.expect(200, "Cancelling is free now.");
    assert_eq!(state(&host), State::Confirmed);
    let form = question.form().encoded();
    for _ in 0..2 {
        let done = browser.send(Method::POST, &cancel, &form);
        assert_eq!(done.location(), reservation);
    }
    browser
        .get(&reservation)
        .expect(200, "This reservation is cancelled")
        .expect(200, "€376.88 given back");
    assert_eq!(host.effects.borrow().len(), 3);
    // There is nothing more to be cancelled.
    assert_eq!(browser.get(&cancel).location(), reservation);
}

#[test]
fn a_reservation_that_was_changed_meanwhile_is_not_cancelled() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let reservation = book(&browser);
    let cancel = format!("{reservation}/cancel");
    let form = browser.get(&cancel).form().fill(&[("version", "1")]);
    let refused = browser.send(Method::POST, &cancel, &form.encoded());
    refused
        .expect(409, "The reservation was changed meanwhile")
        .expect(409, "See the reservation");
    assert_eq!(state(&host), State::Confirmed);
}

#[test]
fn other_dates_show_their_price_before_anything_is_changed() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let reservation = book(&browser);
    let change = format!("{reservation}/change");
    browser.get(&change).expect(200, "value=\"2026-12-04\"");
    let offer = browser.get(&format!("{change}?arrival=2026-12-11&departure=2026-12-14"));
    offer
        .expect(200, "€157.70 more than now.")
        .expect(200, "Fri 11 Dec 2026 – Mon 14 Dec 2026");
    let changed = browser.send(Method::POST, &change, &offer.form().encoded());
    browser
        .follow(&changed)
        .expect(200, "Your reservation was changed")
        .expect(200, "Fri 11 Dec 2026")
        .expect(200, "€534.58");

    browser
        .get(&format!("{change}?arrival=2026-12-14&departure=2026-12-14"))
        .expect(422, "The departure must be after the arrival.");
    host.sell_out("double", 20_805..20_806);
    let full = browser.get(&format!("{change}?arrival=2026-12-18&departure=2026-12-19"));
    full.expect(409, "The house is full on some of these nights");
    assert!(!full.html.contains("method=\"post\""));
}
