//! That nothing a stranger types, and no other site, does what it should not.

use booking::bindings::concierge::booking::reservations::State;
use http::Method;

use crate::browser::{ADA, BOOK, BOOK_PATH, Browser, book};
use crate::playback::Playback;
use crate::scenes::{guest, reserve};

const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror='x'>&amp;{{7*7}}";

/// Every tag that the pages have is their own: none of the hostile text is one.
#[track_caller]
fn assert_harmless(html: &str) {
    for tag in ["<script>", "<img src=x", "onerror='x'"] {
        assert!(!html.contains(tag), "{tag} in {html}");
    }
    assert!(!html.contains("49}}") && !html.contains(">49<"));
}

#[test]
fn what_a_guest_types_is_shown_as_text() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let form = browser.get(BOOK).form();
    let wrong = form
        .clone()
        .fill(&[("name", HOSTILE), ("email", HOSTILE), ("notes", HOSTILE)]);
    let refused = browser.send(Method::POST, BOOK_PATH, &wrong.encoded());
    refused.expect(422, HOSTILE);
    assert_harmless(&refused.html);

    let fields = [
        ("name", HOSTILE),
        ("email", "ada@example.com"),
        ("notes", HOSTILE),
    ];
    let held = browser.send(Method::POST, BOOK_PATH, &form.fill(&fields).encoded());
    let reservation = held.location().strip_suffix("/pay").unwrap();
    for page in ["", "/pay", "/cancel", "/change"] {
        assert_harmless(&browser.get(&format!("{reservation}{page}")).html);
    }
    let search = browser.get(
        "/booking/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&arrival=2026-12-04&departure=2026-12-06",
    );
    search.expect(200, "Free rooms: \"><script>alert(1)</script>");
    assert_harmless(&search.html);
    let lang = browser.get("/booking?lang=%22%3E%3Cscript%3E&x=%22%3E%3Cscript%3E");
    assert_harmless(&lang.html);
    let find = browser.post(
        "/booking/reservation",
        &[("hotel", HOSTILE), ("code", HOSTILE)],
    );
    assert_harmless(&find.html);
}

#[test]
fn what_a_hotel_types_is_shown_as_text() {
    let mut host = Playback::new();
    let details = host.hotels.first_mut().unwrap();
    let hostile = || HOSTILE.to_owned();
    details.hotel.name = hostile();
    details.hotel.address.city = hostile();
    details.hotel.email = hostile();
    details.hotel.amenities = vec![hostile()];
    details.hotel.currency = hostile();
    for text in &mut details.hotel.description {
        text.text = hostile();
    }
    for room_type in &mut details.room_types {
        room_type.name = hostile();
        room_type.beds = hostile();
    }
    for plan in &mut details.rate_plans {
        plan.name = hostile();
    }
    reserve(
        &host,
        guest(HOSTILE, HOSTILE),
        "double",
        [0, 2],
        State::Confirmed,
    );
    let browser = Browser::new(&host);
    let reservation = book(&browser);
    let staff = Browser::new(&host).with("authorization", "Basic YWRhOmxvdmVsYWNl");
    for shown in [
        browser.get("/booking"),
        browser.get("/booking/search?arrival=2026-12-04&departure=2026-12-06"),
        browser.get("/booking/hotels/casa-da-ribeira"),
        browser.get(BOOK),
        browser.get(&reservation),
        browser.get(&format!("{reservation}/cancel")),
        browser.get("/booking/reservation"),
        staff.get("/booking/desk"),
        staff.get("/booking/desk/casa-da-ribeira"),
    ] {
        shown.expect(200, HOSTILE);
        assert_harmless(&shown.html);
    }
}

#[test]
fn other_sites_send_nothing_in_a_guests_name() {
    let host = Playback::new();
    let own = Browser::new(&host);
    let form = own.get(BOOK).form().fill(&ADA).encoded();
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let foreign = Browser::new(&host).with(name, value);
        let refused = foreign.send(Method::POST, BOOK_PATH, &form);
        refused.expect(403, "This came from another site");
    }
    let staff = Browser::new(&host)
        .with("authorization", "Basic YWRhOmxvdmVsYWNl")
        .with("sec-fetch-site", "cross-site");
    let refused = staff.post(
        "/booking/desk/casa-da-ribeira/reservations/x/cancel",
        &[("version", "1")],
    );
    refused.expect(403, "This came from another site");
    assert!(host.effects.borrow().is_empty());
    let same = Browser::new(&host)
        .with("sec-fetch-site", "same-origin")
        .with("origin", "https://hotel.example");
    assert_eq!(
        same.send(Method::POST, BOOK_PATH, &form).status.as_u16(),
        303
    );
}

#[test]
fn every_page_has_the_headers_that_keep_it_safe() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let reservation = book(&browser);
    for address in [
        "/booking",
        "/booking/nothing",
        "/booking/hotels/casa-da-ribeira",
        BOOK,
        &reservation,
        "/booking/desk",
    ] {
        let shown = browser.get(address);
        let policy = shown.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none';"), "{address}");
        assert!(policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
        assert_eq!(shown.header("x-content-type-options"), "nosniff");
        assert_eq!(shown.header("referrer-policy"), "same-origin");
        assert!(matches!(
            shown.header("cache-control"),
            "private, no-cache" | "no-store"
        ));
        // The policy forbids what is inline: there must be none.
        for inline in [" style=", "<style", " onclick=", "javascript:", "<script>"] {
            assert!(!shown.html.contains(inline), "{inline} in {address}");
        }
    }
    for private in [&reservation, "/booking/desk"] {
        assert_eq!(browser.get(private).header("cache-control"), "no-store");
    }
}

#[test]
fn what_pages_load_is_there_and_kept_for_good() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let start = browser.get("/booking");
    for (extension, content_type) in [
        (".css", "text/css; charset=utf-8"),
        (".js", "text/javascript; charset=utf-8"),
        (".svg", "image/svg+xml"),
    ] {
        let address = start
            .html
            .split('"')
            .find(|part| part.starts_with("/booking/static/") && part.ends_with(extension))
            .unwrap();
        let asset = browser.get(address);
        asset.expect(200, "");
        assert_eq!(asset.header("content-type"), content_type);
        assert_eq!(
            asset.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
    }
    let art = browser.get("/booking/art/casa-da-ribeira/house.svg");
    art.expect(200, "<svg ");
    assert_eq!(art.header("content-type"), "image/svg+xml");
    assert!(art.header("content-security-policy").contains("sandbox"));
}
