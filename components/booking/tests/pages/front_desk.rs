//! The front desk: who may see it, what it shows, and what it does.

use booking::bindings::concierge::booking::catalogue::Error;
use booking::bindings::concierge::booking::reservations::State;
use http::Method;

use crate::browser::{Browser, Shown};
use crate::playback::Playback;
use crate::scenes::busy_house;

const DESK: &str = "/booking/desk/casa-da-ribeira";

fn staff(host: &Playback) -> Browser<'_> {
    Browser::new(host).with("authorization", "Basic YWRhOmxvdmVsYWNl")
}

/// The form that does something with a guest's reservation: where it is sent, and its fields.
fn form(page: &Shown, guest: &str, act: &str) -> (String, String) {
    let entry = page
        .html
        .split("<li class=\"entry\">")
        .find(|entry| entry.contains(&format!("<h3>{guest}")))
        .unwrap();
    let form = entry
        .split("<form action=\"")
        .skip(1)
        .find(|form| form.split('"').next().unwrap().ends_with(act))
        .unwrap();
    let action = form.split('"').next().unwrap().to_owned();
    let field = |input: &str, name: &str| {
        let (_, rest) = input.split_once(&format!("{name}=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let fields: Vec<String> = form
        .split("</form>")
        .next()
        .unwrap()
        .split("<input ")
        .skip(1)
        .map(|input| format!("{}={}", field(input, "name"), field(input, "value")))
        .collect();
    (action, fields.join("&"))
}

#[test]
fn only_staff_see_it() {
    let host = busy_house();
    for browser in [
        Browser::new(&host),
        Browser::new(&host).with("authorization", "Basic YWRhOndyb25n"),
        Browser::new(&host).with("authorization", "Bearer gt_0000000000000000000001"),
    ] {
        for address in ["/booking/desk", DESK] {
            let refused = browser.get(address);
            refused.expect(401, "Sign in to the front desk");
            assert_eq!(
                refused.header("www-authenticate"),
                "Basic realm=\"Front desk\", charset=\"UTF-8\""
            );
            assert!(!refused.says("Grace Hopper"));
        }
        let act = format!("{DESK}/reservations/7K3MQ001/check-in");
        browser
            .post(&act, &[("idempotency_key", "abc")])
            .expect(401, "Sign in");
    }
    assert!(host.effects.borrow().is_empty());
}

#[test]
fn a_day_shows_who_comes_who_stays_and_who_goes() {
    let host = busy_house();
    let browser = staff(&host);
    browser
        .get("/booking/desk")
        .expect(200, "Signed in as ada.")
        .expect(200, "Hotel Alpenrose");
    let day = browser.get(DESK);
    day.expect(200, "Thursday, 26 November 2026");
    let section = |id: &str| {
        let (_, rest) = day
            .html
            .split_once(&format!("aria-labelledby=\"{id}\""))
            .unwrap();
        rest.split("</section>").next().unwrap().to_owned()
    };
    let guests = |id: &str| {
        let section = section(id);
        let names: Vec<String> = section
            .split("<h3>")
            .skip(1)
            .map(|entry| entry.split(" <span").next().unwrap().to_owned())
            .collect();
        names
    };
    assert_eq!(
        guests("arrivals"),
        [
            "Grace Hopper",
            "Mary Jackson",
            "Emmy Noether",
            "Hedy Lamarr"
        ]
    );
    assert_eq!(guests("in-house"), ["Emmy Noether", "Katherine Johnson"]);
    assert_eq!(
        guests("departures"),
        ["Rosalind Franklin", "Barbara McClintock"]
    );
    assert!(section("arrivals").contains("Late arrival, about 23:00."));
    day.expect(200, "of 21 rooms")
        .expect(200, "href=\"/booking/desk/casa-da-ribeira?day=2026-11-27\"");

    let later = browser.get(&format!("{DESK}?day=2026-12-03"));
    later
        .expect(200, "Thursday, 3 December 2026")
        .expect(200, "Lise Meitner")
        .expect(200, ">Today</a>");
    browser
        .get(&format!("{DESK}?day=2027-01-15"))
        .expect(200, "Nobody arrives on this day.");
    // A day that is none is today.
    browser
        .get(&format!("{DESK}?day=yesterday"))
        .expect(200, "26 November 2026");
    browser
        .get("/booking/desk/unknown")
        .expect(404, "This page does not exist");
}

#[test]
fn guests_are_checked_in_and_out_once_however_often_the_button_is_pressed() {
    let host = busy_house();
    let browser = staff(&host);
    let (action, fields) = form(&browser.get(DESK), "Grace Hopper", "/check-in");
    for _ in 0..2 {
        let done = browser.send(Method::POST, &action, &fields);
        browser.follow(&done).expect(200, "7K3MQ001 is checked in.");
    }
    let (action, fields) = form(&browser.get(DESK), "Grace Hopper", "/check-out");
    let done = browser.send(Method::POST, &action, &fields);
    browser
        .follow(&done)
        .expect(200, "7K3MQ001 is checked out.");
    assert_eq!(*host.effects.borrow(), ["act 7K3MQ001", "act 7K3MQ001"]);
}

#[test]
fn what_cannot_be_taken_back_warns_first() {
    let host = busy_house();
    let browser = staff(&host);
    let page = browser.get(DESK);
    page.expect(200, "Gives the rooms back.")
        .expect(200, "Cancelling now costs the guest €");
    let (action, fields) = form(&page, "Mary Jackson", "/no-show");
    let done = browser.send(Method::POST, &action, &fields);
    browser.follow(&done).expect(200, "is marked as a no-show.");
    let (action, fields) = form(&browser.get(DESK), "Hedy Lamarr", "/cancel");
    let done = browser.send(Method::POST, &action, &fields);
    let shown = browser.follow(&done);
    shown.expect(200, "is cancelled.");
    assert!(!shown.says("Hedy Lamarr"));
    let states: Vec<State> = host
        .reservations
        .borrow()
        .values()
        .map(|r| r.state)
        .collect();
    assert!(states.contains(&State::NoShow) && states.contains(&State::Cancelled));
}

#[test]
fn what_the_host_refuses_is_said_on_the_day() {
    let host = busy_house();
    let browser = staff(&host);
    let (action, fields) = form(&browser.get(DESK), "Grace Hopper", "/check-in");
    let stale = fields.replace("version=1", "version=9");
    browser
        .send(Method::POST, &action, &stale)
        .expect(409, "The reservation was changed meanwhile")
        .expect(409, "Grace Hopper");
    host.fail_next("act", Error::Forbidden);
    browser
        .send(Method::POST, &action, &fields)
        .expect(403, "This is not open to you");
    assert!(host.effects.borrow().is_empty());
}

#[test]
fn a_guest_is_found_by_the_beginning_of_a_name_or_a_code() {
    let host = busy_house();
    let browser = staff(&host);
    browser
        .get(&format!("{DESK}?find=lise"))
        .expect(200, "Found")
        .expect(200, "Lise Meitner");
    browser
        .get(&format!("{DESK}?find=7K3MQ008"))
        .expect(200, "Lise Meitner");
    browser
        .get(&format!("{DESK}?find=nobody"))
        .expect(200, "No reservation begins like this.");
}
