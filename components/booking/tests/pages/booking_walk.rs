//! From the search to the confirmation, and what happens on the way when a form is sent twice.

use booking::bindings::concierge::booking::catalogue::{Conflict, Error};
use http::Method;

use crate::browser::{ADA, BOOK, BOOK_PATH, Browser, book, hold};
use crate::playback::Playback;

#[test]
fn a_guest_finds_a_room_books_it_and_pays() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let start = browser.get("/booking");
    start
        .expect(200, "Casa da Ribeira")
        .expect(200, "value=\"2026-11-27\"");

    let results = browser.get("/booking/search?q=porto&arrival=2026-12-04&departure=2026-12-06");
    results
        .expect(200, "Free rooms: porto")
        .expect(200, "€317.85");
    assert!(!results.says("Hotel Alpenrose"));

    let hotel =
        browser.get("/booking/hotels/casa-da-ribeira?arrival=2026-12-04&departure=2026-12-06");
    hotel
        .expect(200, "A merchant's house above the Douro")
        .expect(200, "€376.88");
    assert!(
        hotel.html.contains(&BOOK.replace('&', "&#38;")),
        "{}",
        hotel.html
    );

    let form = browser.get(BOOK);
    form.expect(200, "2 nights × €174.00")
        .expect(200, "Free cancellation until Wed 2 Dec 2026, 14:00 (local time). After that cancelling costs €174.00.")
        .expect(200, "We keep your room for 15 minutes");
    let held = browser.send(Method::POST, BOOK_PATH, &form.form().fill(&ADA).encoded());
    let pay = browser.follow(&held);
    pay.expect(200, "until Thu 26 Nov 2026, 12:15: about 15 minutes.")
        .expect(200, "This is a test payment.")
        .expect(200, "Pay €376.88");

    let paid = browser.send(Method::POST, held.location(), &pay.form().encoded());
    let confirmation = browser.follow(&paid);
    confirmation
        .expect(200, "Your room is booked")
        .expect(200, "Thank you, Ada Lovelace.")
        .expect(200, "A quiet room, please.");
    assert_eq!(*host.effects.borrow(), ["hold 7K3MQ002", "pay 7K3MQ002"]);

    // What is paid is not paid again.
    let again = browser.get(held.location());
    assert_eq!(again.location(), paid.location());
}

#[test]
fn a_double_click_and_a_reload_book_and_pay_once() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let form = browser.get(BOOK).form().fill(&ADA).encoded();
    let first = browser.send(Method::POST, BOOK_PATH, &form);
    let second = browser.send(Method::POST, BOOK_PATH, &form);
    // Also from a browser that has kept no cookies.
    let third = Browser::new(&host).send(Method::POST, BOOK_PATH, &form);
    for again in [&second, &third] {
        assert_eq!(again.location(), first.location());
        assert_eq!(again.header("set-cookie"), first.header("set-cookie"));
    }
    let pay = browser.get(first.location()).form().encoded();
    let paid = browser.send(Method::POST, first.location(), &pay);
    let paid_again = browser.send(Method::POST, first.location(), &pay);
    assert_eq!(paid.location(), paid_again.location());
    assert_eq!(host.effects.borrow().len(), 2, "{:?}", host.effects);
}

#[test]
fn forms_have_keys_that_nobody_else_has() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let key = |address: &str| {
        browser
            .get(address)
            .form()
            .get("idempotency_key")
            .to_owned()
    };
    let (one, other) = (key(BOOK), key(BOOK));
    assert_ne!(one, other);
    assert_eq!(one.len(), 32);
    let pay = format!("{}/pay", hold(&browser));
    assert_ne!(key(&pay), key(&pay));
}

#[test]
fn a_form_with_errors_keeps_what_was_typed_and_its_key() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let form = browser.get(BOOK).form();
    let typed = form.clone().fill(&[
        ("name", ""),
        ("email", "not an address"),
        ("phone", "+44 1 \"23\""),
        ("notes", "Two lines:\n<b>here</b> & there"),
    ]);
    let refused = browser.send(Method::POST, BOOK_PATH, &typed.encoded());
    refused
        .expect(422, "Please look at this again")
        .expect(422, "<a href=\"#name\">Tell us the name of the guest.</a>")
        .expect(422, "<title>Error: Your details")
        .expect(422, "aria-describedby=\"email-hint email-error\"");
    assert_eq!(refused.form(), typed);
    assert!(refused.says("role=\"alert\""));
    assert!(host.effects.borrow().is_empty());

    // Once corrected it is sent with the key that it had from the beginning.
    let corrected = refused
        .form()
        .fill(&[("name", "Ada"), ("email", "ada@example.com")]);
    assert_eq!(
        corrected.get("idempotency_key"),
        form.get("idempotency_key")
    );
    let held = browser.send(Method::POST, BOOK_PATH, &corrected.encoded());
    assert_eq!(held.status.as_u16(), 303);
}

#[test]
fn where_nothing_was_decided_the_same_key_is_sent_again() {
    let host = Playback::new();
    for (error, status, text) in [
        (Error::Unavailable, 503, "We cannot answer just now"),
        (Error::KeyInUse, 409, "We are still at it"),
        (Error::SlowDown(30), 429, "Try again in 30 seconds."),
        (Error::Internal, 500, "This is our fault"),
    ] {
        let browser = Browser::new(&host);
        let form = browser.get(BOOK).form().fill(&ADA);
        host.fail_next("create", error);
        let failed = browser.send(Method::POST, BOOK_PATH, &form.encoded());
        failed.expect(status, text);
        assert_eq!(failed.form(), form);
        if status == 429 {
            assert_eq!(failed.header("retry-after"), "30");
        }
        let held = browser.send(Method::POST, BOOK_PATH, &failed.form().encoded());
        assert_eq!(held.status.as_u16(), 303);
    }
}

#[test]
fn what_was_typed_survives_that_the_price_cannot_be_had() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let form = browser.get(BOOK).form().fill(&ADA);
    host.fail_next("create", Error::Unavailable);
    host.fail_next("quote", Error::Unavailable);
    let failed = browser.send(Method::POST, BOOK_PATH, &form.encoded());
    failed.expect(503, "We cannot answer just now");
    assert_eq!(failed.form(), form);
}

#[test]
fn a_decided_refusal_is_the_answer_of_its_key_and_the_next_try_has_another() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let form = browser.get(BOOK).form().fill(&ADA);
    host.sell_out("double", 20_791..20_793);
    let refused = browser.send(Method::POST, BOOK_PATH, &form.encoded());
    refused
        .expect(409, "Someone was faster")
        .expect(409, "For the night of Fri 4 Dec 2026 there is none left.")
        .expect(409, "Join the waiting list");
    let next = refused.form();
    assert_ne!(next.get("idempotency_key"), form.get("idempotency_key"));
    assert_eq!(next.get("notes"), form.get("notes"));
    // A reload sends the old key again, and has the answer that was given, though there is room now.
    host.full.borrow_mut().clear();
    let reloaded = browser.send(Method::POST, BOOK_PATH, &form.encoded());
    assert_eq!(reloaded.status.as_u16(), 409);
    assert_eq!(reloaded.html, refused.html);
    assert!(host.effects.borrow().is_empty());
    let held = browser.send(Method::POST, BOOK_PATH, &next.encoded());
    assert_eq!(held.status.as_u16(), 303);
}

#[test]
fn another_price_must_be_agreed_to() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let form = browser.get(BOOK).form().fill(&ADA);
    host.dearer.set(1_000);
    let refused = browser.send(Method::POST, BOOK_PATH, &form.encoded());
    refused.expect(
        409,
        "It was €376.88 and is €398.08 now. Nothing was booked.",
    );
    let held = browser.send(Method::POST, BOOK_PATH, &refused.form().encoded());
    assert_eq!(held.status.as_u16(), 303);
}

#[test]
fn nobody_books_without_a_key_or_a_price() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    for missing in ["idempotency_key", "agreed_total"] {
        let mut form = browser.get(BOOK).form().fill(&ADA);
        form.0.remove(missing);
        let sent_back = browser.send(Method::POST, BOOK_PATH, &form.encoded());
        assert_eq!(sent_back.location(), BOOK, "{missing}");
    }
    assert!(host.effects.borrow().is_empty());
}

#[test]
fn the_same_key_with_other_details_is_said_and_can_be_meant() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let form = browser.get(BOOK).form().fill(&ADA);
    browser.send(Method::POST, BOOK_PATH, &form.encoded());
    let other = form.fill(&[("name", "Grace Hopper")]);
    let refused = browser.send(Method::POST, BOOK_PATH, &other.encoded());
    refused.expect(422, "This form was sent before with other details");
    let held = browser.send(Method::POST, BOOK_PATH, &refused.form().encoded());
    assert_eq!(held.status.as_u16(), 303);
    assert_eq!(host.effects.borrow().len(), 2);
}

#[test]
fn an_answer_that_cannot_be_recorded_is_given_all_the_same() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let form = browser.get(BOOK).form().fill(&ADA).encoded();
    host.fail_next("record", Error::Unavailable);
    let first = browser.send(Method::POST, BOOK_PATH, &form);
    let second = browser.send(Method::POST, BOOK_PATH, &form);
    assert_eq!(first.status.as_u16(), 303);
    assert_eq!(first.location(), second.location());
    assert_eq!(host.effects.borrow().len(), 1);
}

#[test]
fn a_declined_payment_can_be_tried_again_with_another_method() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let pay = format!("{}/pay", hold(&browser));
    let form = browser.get(&pay).form();
    let declined = form.clone().fill(&[("method", "sandbox:decline")]);
    let refused = browser.send(Method::POST, &pay, &declined.encoded());
    refused.expect(402, "The payment was declined");
    let next = refused.form();
    assert_ne!(next.get("idempotency_key"), form.get("idempotency_key"));
    assert_eq!(next.get("method"), "sandbox:approve");
    let paid = browser.send(Method::POST, &pay, &next.encoded());
    browser.follow(&paid).expect(200, "Your room is booked");
}

#[test]
fn a_payment_that_is_under_way_is_said_to_be() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let pay = format!("{}/pay", hold(&browser));
    let form = browser.get(&pay).form().fill(&[("method", "sandbox:late")]);
    let pending = browser.send(Method::POST, &pay, &form.encoded());
    let shown = browser.follow(&pending);
    shown
        .expect(200, "Your payment is under way")
        .expect(200, "Look again");
    assert!(shown.says("data-watch"));
    assert!(!shown.says("Go to payment"));
    // Nor is there a second one to be begun.
    assert_eq!(browser.get(&pay).location(), pending.location());
}

#[test]
fn a_payment_that_cannot_be_says_what_to_do_next() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let pay = format!("{}/pay", hold(&browser));
    for (call, error, text) in [
        ("pay", Error::Unavailable, "press it once more"),
        (
            "pay-decided",
            Error::Conflict((Conflict::HoldExpired, String::new())),
            "The hold has expired",
        ),
        (
            "pay-decided",
            Error::Conflict((Conflict::PaymentUnderWay, String::new())),
            "You will not be charged twice",
        ),
    ] {
        let form = browser.get(&pay).form();
        host.fail_next(call, error);
        let refused = browser.send(Method::POST, &pay, &form.encoded());
        assert!(refused.status.is_client_error() || refused.status.is_server_error());
        assert!(refused.says(text), "{text}: {}", refused.html);
    }
    browser
        .post(&pay, &[("idempotency_key", "abc")])
        .expect(422, "Choose a payment method.");
}

#[test]
fn several_rooms_are_booked_together() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let address = BOOK
        .replace("rooms=1", "rooms=2")
        .replace("adults=2", "adults=3");
    let form = browser.get(&address);
    form.expect(200, "3 adults, 2 rooms, 2 nights");
    let held = browser.send(Method::POST, BOOK_PATH, &form.form().fill(&ADA).encoded());
    assert_eq!(held.status.as_u16(), 303);
    let reservations = host.reservations.borrow();
    let rooms = &reservations.values().next().unwrap().stay.rooms;
    assert_eq!(
        rooms.iter().map(|room| room.adults).collect::<Vec<_>>(),
        [2, 1]
    );
}

#[test]
fn what_is_sold_out_offers_the_waiting_list() {
    let host = Playback::new();
    host.sell_out("double", 20_791..20_793);
    let browser = Browser::new(&host);
    let hotel =
        browser.get("/booking/hotels/casa-da-ribeira?arrival=2026-12-04&departure=2026-12-06");
    hotel.expect(200, "Sold out for these dates");
    let wait = BOOK.replace("/book?", "/wait?");
    assert!(hotel.html.contains(&wait.replace('&', "&#38;")));
    browser.get(BOOK).expect(409, "sold out");

    let form = browser.get(&wait).form().fill(&ADA);
    let path = "/booking/hotels/casa-da-ribeira/wait";
    let wrong = form.clone().fill(&[("email", "")]);
    browser
        .send(Method::POST, path, &wrong.encoded())
        .expect(422, "Enter an email address");
    for _ in 0..2 {
        let done = browser.send(Method::POST, path, &form.encoded());
        browser
            .follow(&done)
            .expect(200, "as soon as there is room at Casa da Ribeira");
    }
    assert_eq!(*host.effects.borrow(), ["wait Ada Lovelace"]);

    host.full.borrow_mut().clear();
    let available = browser.send(Method::POST, path, &form.encoded());
    available
        .expect(409, "There is room again")
        .expect(409, BOOK);
}

#[test]
fn a_reservation_that_was_booked_can_be_seen_again() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let reservation = book(&browser);
    browser.get(&reservation).expect(200, "Your room is booked");
}
