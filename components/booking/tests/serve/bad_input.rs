//! Requests that are wrong: refused before the host is asked, with a reason.

use booking::bindings::concierge::booking::catalogue::{Error, Invalid, Reason};
use booking::host::ReadError;
use serde_json::{Value, json};

use crate::client::{Answered, Request};
use crate::fixtures::*;
use crate::playback::{Answer, Asked, Playback};

fn create(body: impl AsRef<[u8]>) -> Answered {
    let host = Playback::default();
    let answered = Request::new("POST", "/hotels/mar/reservations")
        .key("k")
        .header("content-type", "application/json")
        .body(body)
        .send(&host);
    assert_eq!(host.asked(), []);
    answered
}

fn changed(pointer: &str, value: Value) -> Answered {
    let mut body = request_json();
    let at = body
        .pointer_mut(pointer)
        .unwrap_or_else(|| panic!("{pointer}"));
    *at = value;
    create(body.to_string())
}

fn wrong(answered: &Answered) -> (u16, String, Vec<String>) {
    let (status, code) = answered.problem();
    let fields = answered.errors().into_iter().map(|(field, _)| field);
    (status, code, fields.collect())
}

fn malformed(field: &str) -> (u16, String, Vec<String>) {
    (400, "malformed".into(), vec![field.into()])
}

#[test]
fn dates_that_are_none() {
    for bad in [
        json!("9999-99-99"),
        json!("2026-02-30"),
        json!("2026-12-24T00:00:00Z"),
        json!("24.12.2026"),
        json!("1969-12-31"),
        json!("-2026-12-24"),
        json!(""),
        json!(20_811),
        json!(null),
    ] {
        let answered = changed("/arrival", bad.clone());
        assert_eq!(wrong(&answered), malformed("arrival"), "{bad}");
    }
}

#[test]
fn numbers_that_are_none() {
    for bad in [
        "-1",
        "4294967296",
        "99999999999999999999999999999999",
        "1.5",
        "1e2",
        "\"2\"",
        "true",
        "null",
        "[]",
    ] {
        let body = request_json()
            .to_string()
            .replace("\"adults\":2", &format!("\"adults\":{bad}"));
        let answered = create(body);
        assert_eq!(wrong(&answered), malformed("rooms.0.adults"), "{bad}");
    }
    for not_json in [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "+1",
        "01",
        "0x1",
        "1.",
    ] {
        let body = request_json()
            .to_string()
            .replace("\"adults\":2", &format!("\"adults\":{not_json}"));
        let answered = create(body);
        assert_eq!(
            answered.problem(),
            (400, "malformed_json".into()),
            "{not_json}"
        );
    }
}

#[test]
fn bodies_that_are_not_json() {
    let deep = "[".repeat(10_000);
    let deep_notes = request_json()
        .to_string()
        .replace("\"A quiet room, please.\"", &"{\"a\":".repeat(10_000));
    for bad in [
        b"".as_slice(),
        b"{",
        b"{}{}",
        b"\xff\xfe{}",
        b"{\"arrival\":\"\xff\"}",
        b"{\"arrival\":\"\\ud800\"}",
        b"{'arrival':1}",
        b"// nothing",
        deep_notes.as_bytes(),
    ] {
        let (status, code) = create(bad).problem();
        assert_eq!(status, 400);
        assert!(
            matches!(code.as_str(), "malformed_json" | "malformed"),
            "{code}"
        );
    }
    assert_eq!(create(deep).status, 400);
    assert_eq!(create(b"{\"a\":1").problem().0, 400);
    let trailing = format!("{} x", request_json());
    assert_eq!(create(trailing).problem(), (400, "malformed_json".into()));
}

#[test]
fn fields_that_are_not_known_missing_or_twice() {
    let text = request_json().to_string();
    let unknown = text.replace("\"adults\":2", "\"adults\":2,\"adult\":2");
    assert_eq!(wrong(&create(unknown)), malformed("rooms.0.adult"));
    let twice = text.replace("\"adults\":2", "\"adults\":2,\"adults\":2");
    assert_eq!(create(twice).problem(), (400, "malformed".into()));
    let missing = text.replace("\"adults\":2,", "");
    assert_eq!(wrong(&create(missing)), malformed("rooms.0"));
    for other in ["[]", "null", "\"x\"", "1"] {
        assert_eq!(wrong(&create(other)), malformed(""), "{other}");
    }
}

#[test]
fn all_that_is_wrong_with_a_guest_is_said_at_once() {
    let mut body = request_json();
    body["guest"] = json!({
        "name": " ",
        "email": "nobody",
        "phone": "1\n2",
        "country": "Portugal",
        "language": "EN_gb",
        "notes": "x".repeat(2_001),
    });
    body["rooms"][0]["room_type"] = json!("Double room");
    let answered = create(body.to_string());
    let (status, code, fields) = wrong(&answered);
    assert_eq!((status, code.as_str()), (400, "malformed"));
    assert_eq!(
        fields,
        [
            "rooms.0.room_type",
            "guest.name",
            "guest.email",
            "guest.phone",
            "guest.country",
            "guest.language",
            "guest.notes",
        ]
    );
    let reasons: Vec<String> = answered.errors().into_iter().map(|(_, r)| r).collect();
    assert_eq!(reasons.last().map(String::as_str), Some("too_large"));
}

#[test]
fn what_only_the_host_can_say_is_the_hosts_to_say() {
    // 400 nights, no room, no guest, and a past arrival are all well formed.
    let mut body = stay_json();
    body["departure"] = json!("2028-01-28");
    body["rooms"] = json!([]);
    let host = Playback::new([Answer::Quote(Err(Error::Invalid(Invalid {
        field: "departure".into(),
        reason: Reason::StayTooLong,
        detail: "A stay has at most 180 nights.".into(),
    })))]);
    let answered = Request::new("POST", "/hotels/mar/quote")
        .json(&body)
        .send(&host);
    assert_eq!(
        wrong(&answered),
        (422, "stay_too_long".into(), vec!["departure".into()])
    );
    let [Asked::Quote(_, stay)] = &host.asked()[..] else {
        panic!("the host was not asked");
    };
    assert_eq!(stay.departure - stay.arrival, 400);
}

#[test]
fn bodies_that_are_too_long_or_end_too_early() {
    let long = "x".repeat(65 * 1024);
    assert_eq!(changed("/guest/notes", json!(long)).status, 413);
    let host = Playback::default();
    let request = Request::new("POST", "/hotels/mar/quote")
        .json(&stay_json())
        .header("content-length", "65537");
    assert_eq!(
        request.send(&host).problem(),
        (413, "body_too_large".into())
    );
    for (failure, status, code) in [
        (ReadError::TooLong, 413, "body_too_large"),
        (ReadError::Incomplete, 400, "body_incomplete"),
    ] {
        let answered = Request::new("POST", "/hotels/mar/quote")
            .json(&stay_json())
            .unreadable(failure)
            .send(&host);
        assert_eq!(answered.problem(), (status, code.into()));
    }
    assert_eq!(host.asked(), []);
}

#[test]
fn parameters_that_are_wrong_are_all_named() {
    let target = "/search?arrival=2026-13-01&rooms=x&adults=-1&children=1e3&lat=91&lon=NaN&radius_m=0\
                  &min_total=9223372036854775808&sort=best&limit=101&colour=red&limit=1";
    let host = Playback::default();
    let answered = Request::new("GET", target).send(&host);
    let (status, code, mut fields) = wrong(&answered);
    fields.sort();
    fields.dedup();
    assert_eq!((status, code.as_str()), (400, "malformed"));
    assert_eq!(
        fields,
        [
            "adults",
            "arrival",
            "children",
            "colour",
            "departure",
            "lat",
            "limit",
            "lon",
            "min_total",
            "radius_m",
            "rooms",
            "sort",
        ]
    );
    assert_eq!(host.asked(), []);
}

#[test]
fn parameters_that_do_not_go_together() {
    let stay = "arrival=2026-12-24&departure=2026-12-27";
    for (query, field, code) in [
        ("sort=distance", "sort", "malformed"),
        ("lat=1", "lon", "malformed"),
        ("lon=1", "lat", "malformed"),
        ("radius_m=5", "lat", "malformed"),
        ("min_total=1", "currency", "currency"),
    ] {
        let host = Playback::default();
        let answered = Request::new("GET", &format!("/search?{stay}&{query}")).send(&host);
        assert_eq!(
            answered.errors(),
            [(field.to_owned(), code.to_owned())],
            "{query}"
        );
        assert_eq!(host.asked(), []);
    }
    let target = "/hotels/mar/reservations?arriving=2026-12-24&q=ada";
    let answered = Request::new("GET", target)
        .account()
        .send(&Playback::default());
    assert_eq!(wrong(&answered), malformed("q"));
}

#[test]
fn parameters_where_there_are_none() {
    for (method, path) in [
        ("GET", "/openapi.json?x=1"),
        ("GET", "/hotels/mar?x=1"),
        ("GET", "/hotels/mar/reservations/X?token=gt_secret"),
        ("POST", "/hotels/mar/reservations?x=1"),
        ("GET", "/hotels/mar/calendar?month=2026-1&x"),
    ] {
        let host = Playback::default();
        let answered = Request::new(method, path)
            .guest()
            .key("k")
            .json(&request_json())
            .send(&host);
        assert_eq!(answered.problem(), (400, "malformed".into()), "{path}");
        assert_eq!(host.asked(), []);
    }
}

#[test]
fn names_in_paths_that_cannot_be_are_not_found() {
    let long = "x".repeat(65);
    for (path, what) in [
        ("/hotels/Hotel%20Mar", "hotel"),
        ("/hotels/%2e%2e", "hotel"),
        ("/hotels/a%2Fb", "hotel"),
        ("/hotels/a%00", "hotel"),
        (&format!("/hotels/{long}"), "hotel"),
        ("/hotels/mar/reservations/a%20b", "reservation"),
        (&format!("/hotels/mar/reservations/{long}"), "reservation"),
    ] {
        let host = Playback::default();
        let answered = Request::new("GET", path).guest().send(&host);
        assert_eq!(answered.problem(), (404, "not_found".into()), "{path}");
        assert_eq!(answered.json()["what"], what);
        assert_eq!(host.asked(), []);
    }
}

/// Anything at all is answered, and nothing of it makes the component stop: bodies and queries from a generator, half of
/// them good ones with a few bytes changed. A seed that fails is printed, and can be put in the place of the first.
#[test]
fn whatever_comes_is_answered() {
    const SEEDS: std::ops::Range<u64> = 0..2_000;
    let good = request_json().to_string();
    let query = "arrival=2026-12-24&departure=2026-12-27&lat=1&lon=2&radius_m=3&q=a%20b&limit=5";
    for seed in SEEDS {
        let mut random = Generator(seed);
        let body = mutated(good.as_bytes(), &mut random);
        let query = mutated(query.as_bytes(), &mut random);
        let query: String = query
            .iter()
            .map(|byte| char::from(*byte))
            .filter(|c| c.is_ascii_graphic() && !matches!(c, '#' | '<' | '>' | '"'))
            .collect();
        let host = Playback::failing();
        let created = Request::new("POST", "/hotels/mar/reservations")
            .key("k")
            .header("content-type", "application/json")
            .body(&body);
        let searched = Request::new("GET", &format!("/search?{query}"));
        for request in [created, searched] {
            let answered = request.send(&host);
            assert!(
                matches!(answered.status, 400 | 413 | 422 | 500),
                "seed {seed}: {answered:?}"
            );
        }
    }
}

/// SplitMix64.
struct Generator(u64);

impl Generator {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}

fn mutated(good: &[u8], random: &mut Generator) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes[at] = random.next().to_le_bytes()[0],
            1 => {
                bytes.remove(at);
            }
            2 => bytes.insert(at, b"{}[]\",:0-9e.%&=+\\"[random.below(17)]),
            3 => bytes.truncate(at.max(1)),
            _ => {
                let piece: Vec<u8> = bytes[at..(at + 20).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}
