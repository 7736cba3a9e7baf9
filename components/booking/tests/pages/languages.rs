//! Which language a page is in, and that it is in that one throughout.

use crate::browser::{ADA, BOOK, BOOK_PATH, Browser, book};
use crate::playback::Playback;

#[test]
fn the_browsers_language_is_spoken_unless_another_was_chosen() {
    let host = Playback::new();
    let german = Browser::new(&host).with("accept-language", "fr, de;q=0.8, en;q=0.5");
    let page = german.get("/booking");
    page.expect(200, "<html lang=\"de\">")
        .expect(200, "Ein gutes Zimmer, für Sie bereit");
    assert_eq!(page.header("vary"), "accept-language, cookie");

    let chosen = german.get("/booking?lang=en");
    chosen.expect(200, "<html lang=\"en\">");
    assert!(
        chosen
            .header("set-cookie")
            .starts_with("booking_language=en; Path=/booking;")
    );
    // The choice is remembered.
    german
        .get("/booking/hotels/casa-da-ribeira")
        .expect(200, "<html lang=\"en\">");
    // What is no language changes nothing.
    let unknown = Browser::new(&host).get("/booking?lang=xx");
    unknown.expect(200, "<html lang=\"en\">");
    assert_eq!(unknown.header("set-cookie"), "");
}

#[test]
fn the_other_language_is_a_link_to_the_same_page() {
    let host = Playback::new();
    let browser = Browser::new(&host);
    let page =
        browser.get("/booking/search?q=Porto&arrival=2026-12-04&departure=2026-12-06&lang=en");
    page.expect(
        200,
        "href=\"/booking/search?lang=de&q=Porto&arrival=2026-12-04&departure=2026-12-06\"",
    );
    // What was sent cannot be asked for: the link leads to the form.
    let refused = browser.post(
        BOOK_PATH,
        &[
            ("room_type", "double"),
            ("rate_plan", "flexible"),
            ("arrival", "2026-12-04"),
            ("departure", "2026-12-06"),
            ("idempotency_key", "abc"),
            ("agreed_total", "1"),
        ],
    );
    refused.expect(
        422,
        "href=\"/booking/hotels/casa-da-ribeira/book?lang=de&room_type=double",
    );
}

#[test]
fn money_dates_and_the_hotels_own_words_are_in_the_language_of_the_page() {
    let host = Playback::new();
    let browser = Browser::new(&host).with("accept-language", "de");
    let form = browser.get(BOOK);
    form.expect(200, "2 Nächte × 174,00\u{a0}€")
        .expect(200, "Fr., 4. Dez. 2026")
        .expect(
            200,
            "Kostenlos stornierbar bis Mi., 2. Dez. 2026, 14:00 Uhr (Ortszeit). Danach",
        );
    browser
        .get("/booking/hotels/casa-da-ribeira")
        .expect(200, "Ein Kaufmannshaus über dem Douro");
    let wrong = form.form().fill(&ADA).fill(&[("email", "")]);
    browser
        .send(http::Method::POST, BOOK_PATH, &wrong.encoded())
        .expect(422, "Geben Sie eine E-Mail-Adresse an");
    let reservation = book(&browser);
    browser
        .get(&reservation)
        .expect(200, "Ihr Zimmer ist gebucht");
    // The hotel writes to the guest in the language in which the room was booked.
    let reservations = host.reservations.borrow();
    assert_eq!(reservations.values().next().unwrap().guest.language, "de");
}
