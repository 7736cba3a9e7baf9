//! Pages that are not there, and requests that cannot be.

use booking::bindings::concierge::booking::catalogue::{Error, Reason};
use http::Method;

use crate::browser::{BOOK, BOOK_PATH, Browser};
use crate::playback::{Playback, invalid};

#[test]
fn what_is_not_there_leads_back_to_what_is() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    for address in [
        "/booking/nothing",
        "/booking/hotels/unknown",
        "/booking/hotels/UPPER",
        "/booking/hotels/unknown/wait/done",
        "/booking/static/booking-0000000000000000.css",
        "/booking/art/a/cellar.svg",
        "/booking/hotels/casa-da-ribeira/reservations/%22x/pay",
    ] {
        browser.get(address).expect(404, "This page does not exist");
    }
}

#[test]
fn methods_that_a_page_has_not_are_refused_with_those_it_has() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    for (method, address, allowed) in [
        (Method::POST, "/booking", "GET, HEAD"),
        (Method::DELETE, BOOK, "GET, HEAD, POST"),
        (
            Method::GET,
            "/booking/desk/casa-da-ribeira/reservations/x/check-in",
            "POST",
        ),
    ] {
        let refused = browser.send(method, address, "");
        refused.expect(405, "This does not work this way");
        assert_eq!(refused.header("allow"), allowed);
    }
}

#[test]
fn a_head_has_the_headers_of_a_get() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let (get, head) = (
        browser.get("/booking"),
        browser.send(Method::HEAD, "/booking", ""),
    );
    assert_eq!(head.reply.headers(), get.reply.headers());
    assert!(head.html.is_empty());
}

#[test]
fn a_search_that_cannot_be_says_what_is_wrong_and_keeps_what_was_typed() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let search = browser
        .get("/booking/search?q=Porto&arrival=2026-12-06&departure=2026-12-04&adults=0&rooms=99");
    search
        .expect(
            422,
            "<a href=\"#departure\">The departure must be after the arrival.</a>",
        )
        .expect(422, "<a href=\"#rooms\">Choose from 1 to 9 rooms.</a>")
        .expect(422, "value=\"Porto\"")
        .expect(422, "value=\"99\"")
        .expect(422, "id=\"departure-error\"");
    for (error, status, text) in [
        (
            invalid("arrival", Reason::ArrivalPast),
            422,
            "The arrival is in the past.",
        ),
        (
            invalid("departure", Reason::StayTooLong),
            422,
            "Choose fewer nights.",
        ),
        (Error::SlowDown(3), 429, "Try again in 3 seconds."),
        (Error::Unavailable, 503, "We cannot answer just now"),
    ] {
        host.fail_next("search", error);
        let refused = browser.get("/booking/search?arrival=2026-12-04&departure=2026-12-06");
        refused.expect(status, text);
    }
    browser
        .get("/booking/search?q=atlantis&arrival=2026-12-04&departure=2026-12-06")
        .expect(200, "Nothing is free for these dates.");
}

#[test]
fn a_hotel_whose_dates_cannot_be_is_shown_with_what_is_wrong() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let hotel =
        browser.get("/booking/hotels/casa-da-ribeira?arrival=2026-12-04&departure=nonsense");
    hotel
        .expect(422, "Choose a date of departure.")
        .expect(422, "Choose your dates to see prices.")
        .expect(422, "December 2026");
    // Who does not say when sees the next weekend.
    browser
        .get("/booking/hotels/casa-da-ribeira")
        .expect(200, "Fri 27 Nov 2026 – Sun 29 Nov 2026");
    browser
        .get("/booking/hotels/casa-da-ribeira?arrival=2026-12-04&departure=2026-12-05&adults=4")
        .expect(200, "This room is for up to 2 guests.");
    host.fail_next("get_hotel", Error::Unavailable);
    let closed = browser.get("/booking/hotels/casa-da-ribeira");
    closed.expect(503, "We cannot answer just now");
    assert_eq!(closed.header("retry-after"), "5");
}

#[test]
fn the_calendar_shows_what_is_free_and_where_to_arrive() {
    let host = Playback::new();
    for room_type in ["double", "river-suite", "single"] {
        host.sell_out(room_type, 20_800..20_801);
    }
    let browser = Browser::new(&host);
    let page = browser.get("/booking/hotels/casa-da-ribeira?month=2026-12");
    page.expect(200, "Sunday, 13 December 2026: sold out")
        .expect(200, "Monday, 14 December 2026: from €")
        .expect(200, "arrival=2026-12-14&departure=2026-12-16")
        .expect(200, "month=2027-01")
        .expect(200, "month=2026-11");
    // There is nothing to be booked before this month.
    let this_month = browser.get("/booking/hotels/casa-da-ribeira?month=2020-01");
    this_month.expect(200, "November 2026");
    assert!(!this_month.says("rel=\"prev\""));
}

#[test]
fn a_form_that_is_too_long_is_not_read() {
    let host = Playback::new();
    let long = format!("notes={}", "x".repeat(30_000));
    let refused = Browser::new(&host).send(Method::POST, BOOK_PATH, &long);
    refused.expect(413, "This is too long");
}

#[test]
fn a_choice_that_is_none_leads_back_to_the_hotel() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    for address in [
        BOOK_PATH,
        "/booking/hotels/casa-da-ribeira/wait?room_type=double",
    ] {
        assert_eq!(
            browser.get(address).location(),
            "/booking/hotels/casa-da-ribeira"
        );
    }
    browser
        .get(&BOOK.replace("rate_plan=flexible", "rate_plan=unknown"))
        .expect(422, "This room is not sold at this rate.");
}
