//! What guests look at, and what they ask for.

use booking::bindings::concierge::booking::availability::{
    CalendarNight, Offers, Order, Position, PricedStay, Query, RoomTypeCalendar,
};
use booking::bindings::concierge::booking::catalogue::{Caller, Error, HotelPage};
use serde_json::json;

use crate::client::Request;
use crate::fixtures::*;
use crate::playback::{Answer, Asked, Playback};

fn nothing_found() -> Answer {
    Answer::Search(Ok(Offers {
        offers: vec![],
        next: None,
    }))
}

#[test]
fn a_search_has_defaults() {
    let host = Playback::new([nothing_found()]);
    let answered =
        Request::new("GET", "/search?arrival=2026-12-24&departure=2026-12-27").send(&host);
    assert_eq!(answered.json(), json!({"offers": [], "next": null}));
    assert_eq!(answered.header("cache-control"), "no-store");
    let expected = Query {
        text: String::new(),
        near: None,
        arrival: ARRIVAL,
        departure: ARRIVAL + 3,
        rooms: 1,
        adults: 2,
        children: 0,
        currency: None,
        min_total: None,
        max_total: None,
        order: Order::Price,
        after: None,
        max: 20,
        client: "192.0.2.7".into(),
    };
    assert_eq!(host.asked(), [Asked::Search(expected)]);
}

#[test]
fn a_search_takes_everything() {
    let host = Playback::new([nothing_found()]);
    let target = "/search?q=sea+view%20%C3%A9&lat=38.7&lon=-9.4&radius_m=2500&arrival=2026-12-24\
                  &departure=2026-12-27&rooms=2&adults=3&children=1&currency=EUR&min_total=100\
                  &max_total=90000&sort=stars&after=c&limit=100";
    assert_eq!(Request::new("GET", target).send(&host).status, 200);
    let expected = Query {
        text: "sea view é".into(),
        near: Some((
            Position {
                latitude: 38.7,
                longitude: -9.4,
            },
            2_500,
        )),
        arrival: ARRIVAL,
        departure: ARRIVAL + 3,
        rooms: 2,
        adults: 3,
        children: 1,
        currency: Some("EUR".into()),
        min_total: Some(100),
        max_total: Some(90_000),
        order: Order::Stars,
        after: Some("c".into()),
        max: 100,
        client: "192.0.2.7".into(),
    };
    assert_eq!(host.asked(), [Asked::Search(expected)]);
}

#[test]
fn a_search_around_a_point_is_sorted_by_distance() {
    let host = Playback::new([nothing_found()]);
    let target = "/search?arrival=2026-12-24&departure=2026-12-27&lat=1&lon=2";
    assert_eq!(Request::new("GET", target).send(&host).status, 200);
    let [Asked::Search(query)] = &host.asked()[..] else {
        panic!("no search");
    };
    assert_eq!(query.order, Order::Distance);
    assert_eq!(query.near.map(|(_, radius_m)| radius_m), Some(10_000));
}

#[test]
fn hotels_come_in_pages_that_can_be_kept() {
    let host = Playback::new([Answer::ListHotels(Ok(HotelPage {
        hotels: vec![],
        next: Some("mar".into()),
    }))]);
    let answered = Request::new("GET", "/hotels?after=a&limit=200").send(&host);
    assert_eq!(answered.json(), json!({"hotels": [], "next": "mar"}));
    assert_eq!(answered.header("cache-control"), "public, max-age=60");
    assert_eq!(answered.header("vary"), "authorization");
    assert_eq!(
        host.asked(),
        [Asked::ListHotels(Caller::Anyone, "a".into(), 200)]
    );
}

#[test]
fn a_hotel_is_as_it_was_put() {
    let host = Playback::new([
        Answer::GetHotel(Ok(details())),
        Answer::PutHotel(Ok(())),
        Answer::PutRoomType(Ok(())),
        Answer::GetHotelForStaff(Ok(details())),
        Answer::PutRatePlan(Ok(())),
    ]);
    let got = Request::new("GET", "/hotels/mar").send(&host).json();
    assert_eq!(got["hotel"]["stars"], 4.5);
    assert_eq!(got["hotel"]["check_in_from"], "15:00");
    assert_eq!(got["rate_plans"][0]["penalty"], "first_night");
    assert_eq!(got["today"], "2026-11-26");
    for (path, value) in [
        ("/hotels/mar", &got["hotel"]),
        ("/hotels/mar/room-types/double", &got["room_types"][0]),
        ("/hotels/mar/rate-plans/flexible", &got["rate_plans"][0]),
    ] {
        let answered = Request::new("PUT", path).account().json(value).send(&host);
        assert_eq!(answered.status, 204, "{answered:?}");
    }
    let put: Vec<Asked> = host
        .asked()
        .into_iter()
        .filter(|asked| !matches!(asked, Asked::GetHotel(_) | Asked::GetHotelForStaff(..)))
        .collect();
    assert_eq!(
        put,
        [
            Asked::PutHotel(account(), hotel()),
            Asked::PutRoomType(account(), "mar".into(), room_type()),
            Asked::PutRatePlan(account(), "mar".into(), rate_plan()),
        ]
    );
}

#[test]
fn an_account_that_is_no_staff_sees_what_anyone_sees() {
    for refusal in [Error::Forbidden, Error::NotFound("hotel".into())] {
        let host = Playback::new([
            Answer::GetHotelForStaff(Err(refusal)),
            Answer::GetHotel(Ok(details())),
        ]);
        let answered = Request::new("GET", "/hotels/mar").account().send(&host);
        assert_eq!(answered.status, 200);
        assert_eq!(answered.header("cache-control"), "private, no-cache");
    }
}

fn night(night: i32, left: u32, price: Option<i64>) -> CalendarNight {
    CalendarNight { night, left, price }
}

#[test]
fn a_calendar_is_of_a_month() {
    let calendar = || {
        Answer::Calendar(Ok(vec![RoomTypeCalendar {
            room_type: "double".into(),
            nights: vec![night(20_454, 2, Some(100)), night(20_455, 0, None)],
        }]))
    };
    let host = Playback::new([
        Answer::GetHotel(Ok(details())),
        calendar(),
        Answer::GetHotel(Ok(details())),
        calendar(),
    ]);
    let target = "/hotels/mar/calendar?month=2028-02&room_type=double";
    let answered = Request::new("GET", target).send(&host);
    assert_eq!(
        answered.json(),
        json!({
            "hotel": "mar",
            "month": "2028-02",
            "currency_digits": 2,
            "room_types": [{
                "room_type": "double",
                "nights": [
                    {"date": "2026-01-01", "left": 2, "price": {"amount": 100, "currency": "EUR"}},
                    {"date": "2026-01-02", "left": 0, "price": null},
                ],
            }],
        })
    );
    // Where none is named it is the hotel's month: 2026-11, which has 30 days.
    Request::new("GET", "/hotels/mar/calendar").send(&host);
    let asked = host.asked();
    assert_eq!(
        asked[1],
        Asked::Calendar("mar".into(), Some("double".into()), 21_215, 29)
    );
    assert_eq!(asked[3], Asked::Calendar("mar".into(), None, 20_758, 30));
}

#[test]
fn a_calendar_to_subscribe_to_has_the_nights_without_a_room() {
    let mut long = details();
    long.hotel.name = "Hotel Mar, which has a name that is longer than a line can be; 🛏".into();
    let host = Playback::new([
        Answer::GetHotel(Ok(long)),
        Answer::Calendar(Ok(vec![RoomTypeCalendar {
            room_type: "double".into(),
            nights: vec![
                night(TODAY, 0, Some(100)),
                night(TODAY + 1, 0, None),
                night(TODAY + 2, 1, Some(100)),
                night(TODAY + 3, 0, Some(100)),
            ],
        }])),
    ]);
    let answered = Request::new("GET", "/hotels/mar/room-types/double/calendar.ics").send(&host);
    assert_eq!(
        answered.header("content-type"),
        "text/calendar; charset=utf-8"
    );
    assert_eq!(answered.header("cache-control"), "public, max-age=300");
    let expected = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Concierge//Booking//EN",
        "CALSCALE:GREGORIAN",
        "X-WR-CALNAME:Hotel Mar\\, which has a name that is longer than a line can be",
        " \\; 🛏: Double room",
        "BEGIN:VEVENT",
        "UID:20261126-20261128.double.mar@concierge",
        "DTSTAMP:20261126T000000Z",
        "DTSTART;VALUE=DATE:20261126",
        "DTEND;VALUE=DATE:20261128",
        "SUMMARY:No room left",
        "TRANSP:OPAQUE",
        "END:VEVENT",
        "BEGIN:VEVENT",
        "UID:20261129-20261130.double.mar@concierge",
        "DTSTAMP:20261126T000000Z",
        "DTSTART;VALUE=DATE:20261129",
        "DTEND;VALUE=DATE:20261130",
        "SUMMARY:No room left",
        "TRANSP:OPAQUE",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ];
    assert_eq!(
        String::from_utf8(answered.body).unwrap(),
        expected.join("\r\n")
    );
    let asked = Asked::Calendar("mar".into(), Some("double".into()), TODAY, 366);
    assert_eq!(host.asked()[1], asked);
}

#[test]
fn a_calendar_of_a_room_type_that_is_not_there_is_not_found() {
    let host = Playback::new([Answer::GetHotel(Ok(details()))]);
    let answered = Request::new("GET", "/hotels/mar/room-types/suite/calendar.ics").send(&host);
    assert_eq!(answered.problem(), (404, "not_found".into()));
    assert_eq!(answered.json()["what"], "room type");
    assert_eq!(host.asked().len(), 1);
}

#[test]
fn a_quote_has_the_price_of_each_night() {
    let host = Playback::new([Answer::Quote(Ok(PricedStay {
        stay: stay(),
        price: price(),
        free_until_us: None,
        penalty: 13_038,
        available: false,
    }))]);
    let answered = Request::new("POST", "/hotels/mar/quote")
        .json(&stay_json())
        .send(&host);
    let expected = reservation_json();
    let got = answered.json();
    for same in ["arrival", "departure", "rooms", "total", "currency_digits"] {
        assert_eq!(got[same], expected[same], "{same}");
    }
    assert_eq!(got["available"], false);
    assert_eq!(got["free_cancellation_until"], json!(null));
    assert_eq!(
        got["cancellation_penalty"],
        json!({"amount": 13_038, "currency": "EUR"})
    );
    assert_eq!(host.asked(), [Asked::Quote("mar".into(), stay())]);
}

#[test]
fn a_reservation_is_held_and_says_where_it_is() {
    let host = Playback::new([Answer::Create(Ok(decided(reservation())))]);
    let answered = Request::new("POST", "/hotels/mar/reservations")
        .key("k")
        .json(&request_json())
        .send(&host);
    assert_eq!(answered.status, 201);
    assert_eq!(answered.json(), reservation_json());
    let location = format!("/booking/v1/hotels/mar/reservations/{ID}");
    assert_eq!(answered.header("location"), location);
    assert_eq!(answered.header("etag"), "\"1\"");
    assert_eq!(answered.header("cache-control"), "no-store");
    let Some(Asked::Create(caller, hotel, asked, idempotency, client)) =
        host.asked().into_iter().next()
    else {
        panic!("nothing was asked");
    };
    assert_eq!((caller, hotel.as_str()), (Caller::Anyone, "mar"));
    assert_eq!((asked, client.as_str()), (request(), "192.0.2.7"));
    assert_eq!(
        (idempotency.key.as_str(), idempotency.scope.as_str()),
        ("k", "")
    );
    assert_eq!(idempotency.fingerprint.len(), 32);
}

#[test]
fn the_agreed_total_must_be_in_the_hotels_currency() {
    let mut body = request_json();
    body["agreed_total"] = json!({"amount": 43_176, "currency": "USD"});
    let host = Playback::new([Answer::GetHotel(Ok(details()))]);
    let request = |body: &serde_json::Value| {
        Request::new("POST", "/hotels/mar/reservations")
            .key("k")
            .json(body)
    };
    let answered = request(&body).send(&host);
    assert_eq!(answered.problem(), (422, "currency".into()));
    assert_eq!(
        answered.errors(),
        [("agreed_total.currency".into(), "currency".into())]
    );
    assert_eq!(host.asked().len(), 1, "nothing is reserved");

    body["agreed_total"]["currency"] = json!("EUR");
    let host = Playback::new([
        Answer::GetHotel(Ok(details())),
        Answer::Create(Ok(decided(reservation()))),
    ]);
    assert_eq!(request(&body).send(&host).status, 201);
    let asked = host.asked();
    let Asked::Create(_, _, asked, ..) = &asked[1] else {
        panic!("nothing was created");
    };
    assert_eq!(asked.agreed_total, Some(43_176));
}

#[test]
fn a_repeated_request_is_answered_though_the_hotel_is_closed_now() {
    let mut body = request_json();
    body["agreed_total"] = json!({"amount": 43_176, "currency": "EUR"});
    let host = Playback::new([
        Answer::GetHotel(Err(Error::NotFound("hotel".into()))),
        Answer::Create(Ok(decided(reservation()))),
    ]);
    let answered = Request::new("POST", "/hotels/mar/reservations")
        .key("k")
        .json(&body)
        .send(&host);
    assert_eq!(answered.status, 201);
}

#[test]
fn a_guest_reads_the_reservation_with_its_token() {
    let host = Playback::new([Answer::GetReservation(Ok(reservation()))]);
    let answered = Request::new("GET", "/hotels/mar/reservations/7KQ2M9XD")
        .guest()
        .send(&host);
    assert_eq!(answered.json(), reservation_json());
    assert_eq!(answered.header("etag"), "\"1\"");
    let asked = Asked::GetReservation(guest_caller(), "mar".into(), "7KQ2M9XD".into());
    assert_eq!(host.asked(), [asked]);
}

#[test]
fn who_may_not_have_the_guests_token_does_not_see_it() {
    let mut without = reservation();
    without.guest_token = String::new();
    let host = Playback::new([Answer::GetReservation(Ok(without))]);
    let answered = Request::new("GET", &format!("/hotels/mar/reservations/{ID}"))
        .account()
        .send(&host);
    assert_eq!(answered.json().get("guest_token"), None);
}

#[test]
fn a_place_in_the_waiting_list_is_given() {
    let host = Playback::new([Answer::Wait(Ok(waiting()))]);
    let answered = Request::new("POST", "/hotels/mar/waiting-list")
        .key("k")
        .json(&request_json())
        .send(&host);
    assert_eq!(answered.status, 201);
    let body = answered.json();
    assert_eq!(body["created_at"], "2026-11-26T12:00:00Z");
    assert_eq!(body["told_at"], json!(null));
    assert_eq!(body["rooms"][0]["children"], 0);
    let [Asked::Wait(hotel, asked, idempotency, client)] = &host.asked()[..] else {
        panic!("nobody waits");
    };
    assert_eq!((hotel.as_str(), asked), ("mar", &request()));
    assert_eq!(
        (idempotency.key.as_str(), client.as_str()),
        ("k", "192.0.2.7")
    );
}
