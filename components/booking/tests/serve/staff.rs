//! What a hotel's staff sets and looks at.

use booking::bindings::concierge::booking::administration::{Allotment, Rate, Webhook};
use booking::bindings::concierge::booking::catalogue::{Error, Penalty};
use booking::bindings::concierge::booking::changes::{Change, Kind, Page};
use booking::bindings::concierge::booking::reports::{AuditEntry, Day};
use booking::bindings::concierge::booking::reservations::{Filter, ReservationPage};
use serde_json::{Value, json};

use crate::client::{Answered, Request};
use crate::fixtures::*;
use crate::playback::{Answer, Asked, Playback};

fn get(path: &str, host: &Playback) -> Answered {
    Request::new("GET", path).account().send(host)
}

fn send(method: &str, path: &str, body: &Value, host: &Playback) -> Answered {
    Request::new(method, path).account().json(body).send(host)
}

#[test]
fn a_hotel_has_defaults() {
    let host = Playback::new([Answer::PutHotel(Ok(()))]);
    let body = json!({
        "name": "Small",
        "address": {"city": "Porto", "country": "PT"},
        "email": "a@b.example",
        "time_zone": "Europe/Lisbon",
        "currency": "EUR",
    });
    assert_eq!(send("PUT", "/hotels/small", &body, &host).status, 204);
    let [Asked::PutHotel(caller, hotel)] = &host.asked()[..] else {
        panic!("not put");
    };
    assert_eq!(caller, &account());
    assert_eq!(
        (hotel.code.as_str(), hotel.hold_s, hotel.open),
        ("small", 900, true)
    );
    assert_eq!(
        (hotel.check_in_from_min, hotel.check_out_until_min),
        (900, 660)
    );
    assert_eq!((hotel.city_tax, hotel.stars_tenths), (0, 0));
}

#[test]
fn what_is_wrong_with_a_hotel_is_said_at_once() {
    let host = Playback::new([Answer::GetHotelForStaff(Ok(details()))]);
    let mut body = get("/hotels/mar", &host).json()["hotel"].clone();
    body["code"] = json!("other");
    body["position"] = json!({"latitude": 90.1, "longitude": -180.5});
    body["city_tax"]["currency"] = json!("USD");
    body["stars"] = json!(4.55);
    body["amenities"] = json!(vec![""; 51]);
    body["photos"][0]["key"] = json!("");
    let answered = send("PUT", "/hotels/mar", &body, &host);
    let fields: Vec<String> = answered.errors().into_iter().map(|(f, _)| f).collect();
    for field in [
        "code",
        "position.latitude",
        "position.longitude",
        "city_tax.currency",
        "stars",
        "amenities",
        "amenities.50",
        "photos.0.key",
    ] {
        assert!(
            fields.iter().any(|known| known == field),
            "{field}: {fields:?}"
        );
    }
    assert_eq!(host.asked().len(), 1, "nothing is put");
}

#[test]
fn texts_are_by_language() {
    for (bad, field) in [
        (json!({"EN": "x"}), "description"),
        (json!({"en_gb": "x"}), "description"),
        (json!({"en": 1}), "description.en"),
        (json!("x"), "description"),
        (json!({"en": "\u{0}"}), "description.en"),
    ] {
        let body = json!({
            "name": "Double", "rooms": 1, "max_adults": 1, "max_guests": 1, "description": bad,
        });
        let host = Playback::default();
        let answered = send("PUT", "/hotels/mar/room-types/double", &body, &host);
        assert_eq!(answered.problem(), (400, "malformed".into()), "{bad}");
        assert_eq!(answered.errors()[0].0, field, "{bad}");
        assert_eq!(host.asked(), []);
    }
    let twice =
        r#"{"name":"D","rooms":1,"max_adults":1,"max_guests":1,"description":{"en":"a","en":"b"}}"#;
    let answered = Request::new("PUT", "/hotels/mar/room-types/double")
        .account()
        .header("content-type", "application/json")
        .body(twice)
        .send(&Playback::default());
    assert_eq!(answered.problem(), (400, "malformed".into()));
}

#[test]
fn penalties_are_of_three_kinds() {
    for (penalty, expected) in [
        (json!("first_night"), Penalty::FirstNight),
        (json!("everything"), Penalty::Everything),
        (json!({"percent": 50}), Penalty::Percent(50)),
    ] {
        let host = Playback::new([
            Answer::GetHotelForStaff(Ok(details())),
            Answer::PutRatePlan(Ok(())),
        ]);
        let body = json!({
            "name": "Strict", "meals": "room_only", "penalty": penalty, "max_nights": 7, "prices": [],
        });
        let answered = send("PUT", "/hotels/mar/rate-plans/strict", &body, &host);
        assert_eq!(answered.status, 204, "{answered:?}");
        let asked = host.asked();
        let Asked::PutRatePlan(_, _, plan) = &asked[1] else {
            panic!("not put");
        };
        assert_eq!(plan.penalty, expected);
        assert_eq!((plan.min_nights, plan.free_until_h), (1, None));
    }
}

#[test]
fn prices_are_in_the_hotels_currency() {
    let host = Playback::new([Answer::GetHotelForStaff(Ok(details()))]);
    let body = json!({
        "name": "Strict", "meals": "room_only", "penalty": "everything", "max_nights": 7,
        "prices": [
            {"room_type": "double", "price": {"amount": 1, "currency": "EUR"}},
            {"room_type": "double", "price": {"amount": 1, "currency": "JPY"}},
        ],
    });
    let answered = send("PUT", "/hotels/mar/rate-plans/strict", &body, &host);
    let pair = |field: &str, reason: &str| (field.to_owned(), reason.to_owned());
    assert_eq!(
        answered.errors(),
        [
            pair("prices.1.room_type", "malformed"),
            pair("prices.1.price.currency", "currency"),
        ]
    );
    let host = Playback::new([Answer::GetHotelForStaff(Ok(details()))]);
    let body = json!({"rates": [{
        "rate_plan": "flexible", "room_type": "double", "first": "2026-12-24", "last": "2026-12-23",
        "price": {"amount": 1, "currency": "USD"},
    }]});
    let answered = send("POST", "/hotels/mar/rates", &body, &host);
    assert_eq!(
        answered.errors(),
        [
            pair("rates.0.last", "dates_order"),
            pair("rates.0.price.currency", "currency"),
        ]
    );
}

#[test]
fn rates_and_allotments_are_set() {
    let host = Playback::new([
        Answer::GetHotelForStaff(Ok(details())),
        Answer::SetRates(Ok(())),
        Answer::SetAllotments(Ok(())),
    ]);
    let rates = json!({"rates": [
        {"rate_plan": "flexible", "room_type": "double", "first": "2026-12-24", "last": "2026-12-25",
         "price": {"amount": 18_900, "currency": "EUR"}},
        {"rate_plan": "flexible", "room_type": "double", "first": "2026-12-25", "last": "2026-12-25",
         "price": null},
    ]});
    assert_eq!(send("POST", "/hotels/mar/rates", &rates, &host).status, 204);
    let allotments = json!({"allotments": [
        {"room_type": "double", "first": "2026-12-24", "last": "2026-12-25", "rooms": 4},
        {"room_type": "double", "first": "2026-12-25", "last": "2026-12-25", "rooms": null},
    ]});
    let answered = send("POST", "/hotels/mar/allotments", &allotments, &host);
    assert_eq!(answered.status, 204);
    let rate = |first, last, price| Rate {
        rate_plan: "flexible".into(),
        room_type: "double".into(),
        first,
        last,
        price,
    };
    let allotment = |first, last, rooms| Allotment {
        room_type: "double".into(),
        first,
        last,
        rooms,
    };
    let (mar, one, two) = ("mar".to_owned(), ARRIVAL, ARRIVAL + 1);
    assert_eq!(
        host.asked()[1..],
        [
            Asked::SetRates(
                account(),
                mar.clone(),
                vec![rate(one, two, Some(18_900)), rate(two, two, None)]
            ),
            Asked::SetAllotments(
                account(),
                mar,
                vec![allotment(one, two, Some(4)), allotment(two, two, None)]
            ),
        ]
    );
    // What is not sold is said, and not left out.
    let missing = json!({"allotments": [
        {"room_type": "double", "first": "2026-12-24", "last": "2026-12-25"},
    ]});
    let answered = send("POST", "/hotels/mar/allotments", &missing, &host);
    assert_eq!(answered.problem(), (400, "malformed".into()));
}

#[test]
fn a_thousand_at_once_and_no_more() {
    let allotment =
        json!({"room_type": "a", "first": "2026-12-24", "last": "2026-12-24", "rooms": 1});
    for (count, status) in [(1_000, 204), (1_001, 400)] {
        let host = Playback::new((status == 204).then_some(Answer::SetAllotments(Ok(()))));
        let body = json!({"allotments": vec![allotment.clone(); count]});
        let answered = send("POST", "/hotels/mar/allotments", &body, &host);
        assert_eq!(answered.status, status);
        host.asked();
    }
}

#[test]
fn reservations_are_listed_by_day_or_by_name() {
    for (query, filter) in [
        ("", Filter::Recent),
        ("?arriving=2026-12-24", Filter::Arriving(ARRIVAL)),
        ("?departing=2026-12-24", Filter::Departing(ARRIVAL)),
        ("?staying=2026-12-24", Filter::Staying(ARRIVAL)),
        ("?q=ada+l", Filter::Matching("ada l".into())),
    ] {
        let host = Playback::new([Answer::ListReservations(Ok(ReservationPage {
            reservations: vec![reservation()],
            next: None,
        }))]);
        let answered = get(&format!("/hotels/mar/reservations{query}"), &host);
        assert_eq!(answered.json()["reservations"][0], reservation_json());
        assert_eq!(
            host.asked(),
            [Asked::ListReservations(
                account(),
                "mar".into(),
                filter,
                None,
                50
            )]
        );
    }
}

#[test]
fn a_full_page_says_what_comes_next() {
    for (limit, next) in [(1, json!(waiting().id)), (2, json!(null))] {
        let host = Playback::new([Answer::WaitingList(Ok(vec![waiting()]))]);
        let answered = get(&format!("/hotels/mar/waiting-list?limit={limit}"), &host);
        assert_eq!(answered.json()["next"], next);
    }
    let entry = |position| AuditEntry {
        position,
        at_us: CREATED_US,
        who: "id-of-ada".into(),
        what: "rates.set".into(),
        subject: "flexible".into(),
        before: String::new(),
        after: r#"{"price":100}"#.into(),
    };
    for (limit, next) in [(2, json!(6)), (3, json!(null))] {
        let host = Playback::new([Answer::Audit(Ok(vec![entry(7), entry(6)]))]);
        let target = format!("/hotels/mar/audit?limit={limit}&subject=flexible&before=8");
        let body = get(&target, &host).json();
        assert_eq!(body["next_before"], next);
        assert_eq!(
            body["entries"][0],
            json!({
                "position": 7,
                "at": "2026-11-26T12:00:00Z",
                "who": "id-of-ada",
                "what": "rates.set",
                "subject": "flexible",
                "before": null,
                "after": {"price": 100},
            })
        );
        let asked = Asked::Audit(account(), "mar".into(), Some("flexible".into()), 8, limit);
        assert_eq!(host.asked(), [asked]);
    }
}

#[test]
fn occupancy_is_by_day_from_today() {
    for (query, first, days) in [
        ("", TODAY, 30),
        ("?first=2026-12-24&days=366", ARRIVAL, 366),
    ] {
        let host = Playback::new([
            Answer::GetHotelForStaff(Ok(details())),
            Answer::Occupancy(Ok(vec![Day {
                day: first,
                rooms: 12,
                reserved: 13,
                arrivals: 2,
                departures: 1,
                revenue: -100,
            }])),
        ]);
        let body = get(&format!("/hotels/mar/reports/occupancy{query}"), &host).json();
        assert_eq!(
            body["days"][0]["revenue"],
            json!({"amount": -100, "currency": "EUR"})
        );
        assert_eq!(body["days"][0]["reserved"], 13);
        assert_eq!(
            host.asked()[1],
            Asked::Occupancy(account(), "mar".into(), first, days)
        );
    }
}

#[test]
fn staff_are_named_and_read() {
    let host = Playback::new([
        Answer::SetStaff(Ok(())),
        Answer::GetStaff(Ok(vec!["a".into(), "b".into()])),
        Answer::SetStaff(Err(Error::Forbidden)),
    ]);
    let body = json!({"accounts": ["a", "b"]});
    let put = send("PUT", "/hotels/mar/staff", &body, &host);
    assert_eq!((put.status, put.body.len()), (204, 0));
    assert_eq!(get("/hotels/mar/staff", &host).json(), body);
    let refused = send("PUT", "/hotels/mar/staff", &body, &host);
    assert_eq!(refused.problem(), (403, "forbidden".into()));
    let accounts = vec!["a".into(), "b".into()];
    assert_eq!(
        host.asked()[0],
        Asked::SetStaff(account(), "mar".into(), accounts)
    );
}

#[test]
fn webhooks_are_made_listed_and_removed() {
    let made = |secret: &str, last_failure: &str| Webhook {
        id: "7".into(),
        url: "https://pms.example/".into(),
        secret: secret.into(),
        last_failure: last_failure.into(),
    };
    let host = Playback::new([
        Answer::CreateWebhook(Ok(made("whsec_1", ""))),
        Answer::ListWebhooks(Ok(vec![made("", "500")])),
        Answer::DeleteWebhook(Ok(())),
    ]);
    let body = json!({"url": "https://pms.example/"});
    let created = send("POST", "/hotels/mar/webhooks", &body, &host);
    assert_eq!(created.status, 201);
    assert_eq!(
        created.header("location"),
        "/booking/v1/hotels/mar/webhooks/7"
    );
    assert_eq!(created.json()["secret"], "whsec_1");
    let listed = get("/hotels/mar/webhooks", &host).json();
    assert_eq!(
        listed,
        json!({"webhooks": [{"id": "7", "url": "https://pms.example/", "last_failure": "500"}]})
    );
    let deleted = Request::new("DELETE", "/hotels/mar/webhooks/7")
        .account()
        .send(&host);
    assert_eq!(deleted.status, 204);
    assert_eq!(
        host.asked()[2],
        Asked::DeleteWebhook(account(), "mar".into(), "7".into())
    );
    for bad in [
        "",
        "ftp://a.example/",
        "/hooks",
        "https://",
        "javascript:alert(1)",
        "x y",
    ] {
        let host = Playback::default();
        let answered = send("POST", "/hotels/mar/webhooks", &json!({"url": bad}), &host);
        assert_eq!(answered.problem(), (400, "malformed".into()), "{bad}");
        assert_eq!(host.asked(), []);
    }
}

#[test]
fn changes_come_in_order() {
    let host = Playback::new([Answer::ReadChanges(Ok(Page {
        changes: vec![Change {
            hotel: "mar".into(),
            kind: Kind::ReservationCancelled,
            subject: ID.into(),
            at_us: CREATED_US,
        }],
        next: "18".into(),
    }))]);
    let answered = get("/changes?after=17&limit=1000", &host);
    assert_eq!(
        answered.json(),
        json!({
            "changes": [{
                "hotel": "mar",
                "kind": "reservation_cancelled",
                "subject": ID,
                "at": "2026-11-26T12:00:00Z",
            }],
            "next": "18",
        })
    );
    assert_eq!(
        host.asked(),
        [Asked::ReadChanges(account(), "17".into(), 1_000)]
    );
}
