//! The OpenAPI document is true: it lists what the router knows, its examples are accepted, and every operation answers
//! as it says. That every answer of all other tests does, too, is seen to in `document.rs`.

use std::collections::BTreeSet;

use booking::api::problem::Code;
use booking::api::route::{Audience, ROUTES};
use booking::bindings::concierge::booking::administration::Webhook;
use booking::bindings::concierge::booking::availability::{
    CalendarNight, Offer, Offers, PricedStay, RoomTypeCalendar,
};
use booking::bindings::concierge::booking::catalogue::HotelPage;
use booking::bindings::concierge::booking::changes::{Change, Kind, Page};
use booking::bindings::concierge::booking::reports::{AuditEntry, Day};
use booking::bindings::concierge::booking::reservations::{PaymentState, ReservationPage};
use serde_json::Value;

use crate::client::Request;
use crate::document::{DOCUMENT, faults, resolved};
use crate::fixtures::*;
use crate::playback::{Answer, Playback};

/// Every operation of the document: its path, its method, and itself.
fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn named(operation_id: &str) -> (&'static str, &'static str, &'static Value) {
    operations()
        .find(|(.., operation)| operation["operationId"] == operation_id)
        .unwrap_or_else(|| panic!("{operation_id} is not in the document"))
}

#[test]
fn the_document_lists_what_the_router_knows_and_nothing_else() {
    let known: BTreeSet<_> = ROUTES
        .iter()
        .map(|route| {
            let id = format!("{:?}", route.operation);
            (route.path.to_owned(), route.method.to_ascii_lowercase(), id)
        })
        .collect();
    assert_eq!(known.len(), ROUTES.len());
    let listed: BTreeSet<_> = operations()
        .map(|(path, method, operation)| {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            (path.to_owned(), method.to_owned(), id)
        })
        .collect();
    assert_eq!(known, listed);
}

#[test]
fn the_document_says_whom_an_operation_is_for() {
    for route in ROUTES {
        let (.., operation) = named(&format!("{:?}", route.operation));
        let tag = operation["tags"][0].as_str().unwrap();
        let staff = matches!(tag, "staff" | "provider");
        assert_eq!(route.audience == Audience::Staff, staff, "{route:?}");
    }
}

#[test]
fn the_parameters_of_a_path_are_those_of_its_pattern() {
    for (path, _, operation) in operations() {
        let expected: BTreeSet<&str> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let listed: BTreeSet<&str> = parameters
            .map(resolved)
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(expected, listed, "{path}");
    }
}

#[test]
fn the_document_lists_every_code() {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    let listed = DOCUMENT["components"]["schemas"]["ProblemCode"]["enum"].as_array();
    let listed: Vec<&str> = listed
        .unwrap()
        .iter()
        .map(|code| code.as_str().unwrap())
        .collect();
    assert_eq!(codes, listed);
    for code in Code::ALL {
        let answered =
            Request::new("GET", &format!("/problems/{}", code.name())).send(&Playback::default());
        assert_eq!(answered.status, 200);
        assert_eq!(answered.json()["status"], code.status().as_u16());
    }
}

#[test]
fn the_page_for_users_has_a_row_for_every_code() {
    let page = include_str!("../../../../docs/booking-api.md");
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let expected: Vec<String> = Code::ALL
        .iter()
        .map(|code| {
            let (name, status) = (code.name(), code.status().as_u16());
            format!("| `{name}` | {status} | {} |", code.title())
        })
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn references_lead_somewhere() {
    fn walk(value: &'static Value, seen: &mut usize) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let target = DOCUMENT.pointer(reference.strip_prefix('#').unwrap());
                    assert!(target.is_some(), "{reference}");
                    *seen += 1;
                }
                fields.values().for_each(|value| walk(value, seen));
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, seen)),
            _ => {}
        }
    }
    let mut seen = 0;
    walk(&DOCUMENT, &mut seen);
    assert!(seen > 100, "{seen}");
}

#[test]
fn examples_are_as_their_schemas_say() {
    for (path, method, operation) in operations() {
        let media = &operation["requestBody"]["content"]["application/json"];
        if media.is_null() {
            continue;
        }
        let faults = faults(&media["schema"], &media["example"]);
        assert!(faults.is_empty(), "{method} {path}: {faults:#?}");
    }
}

/// What the host answers to an operation that goes well, and the query that it is asked with.
fn script(operation_id: &str) -> (Vec<Answer>, &'static str) {
    let answers = match operation_id {
        "GetOpenapi" | "GetProblem" => vec![],
        "Search" => vec![Answer::Search(Ok(Offers {
            offers: vec![offer(Some(1_200)), offer(None)],
            next: Some("next".into()),
        }))],
        "ListHotels" => vec![Answer::ListHotels(Ok(HotelPage {
            hotels: vec![hotel()],
            next: None,
        }))],
        "GetHotel" => vec![Answer::GetHotelForStaff(Ok(details()))],
        "GetCalendar" | "GetIcalendar" => vec![
            Answer::GetHotel(Ok(details())),
            Answer::Calendar(Ok(vec![calendar()])),
        ],
        "PutHotel" => vec![Answer::PutHotel(Ok(()))],
        "PutRoomType" => vec![Answer::PutRoomType(Ok(()))],
        "PutRatePlan" => vec![
            Answer::GetHotelForStaff(Ok(details())),
            Answer::PutRatePlan(Ok(())),
        ],
        "SetRates" => vec![
            Answer::GetHotelForStaff(Ok(details())),
            Answer::SetRates(Ok(())),
        ],
        "SetAllotments" => vec![Answer::SetAllotments(Ok(()))],
        "Quote" => vec![Answer::Quote(Ok(PricedStay {
            stay: stay(),
            price: price(),
            free_until_us: Some(CREATED_US),
            penalty: 13_038,
            available: true,
        }))],
        "CreateReservation" => vec![
            Answer::GetHotel(Ok(details())),
            Answer::Create(Ok(decided(reservation()))),
        ],
        "ListReservations" => vec![Answer::ListReservations(Ok(ReservationPage {
            reservations: vec![reservation(), paid(PaymentState::Captured)],
            next: Some("next".into()),
        }))],
        "GetReservation" => vec![Answer::GetReservation(Ok(reservation()))],
        "Pay" => vec![Answer::Pay(Ok(decided(paid(PaymentState::Captured))))],
        "ChangeStay" | "Cancel" | "CheckIn" | "CheckOut" | "NoShow" => {
            vec![Answer::Act(Ok(decided(paid(PaymentState::Captured))))]
        }
        "Wait" => vec![Answer::GetHotel(Ok(details())), Answer::Wait(Ok(waiting()))],
        "ListWaiting" => vec![Answer::WaitingList(Ok(vec![waiting()]))],
        "GetOccupancy" => vec![
            Answer::GetHotelForStaff(Ok(details())),
            Answer::Occupancy(Ok(vec![day()])),
        ],
        "GetAudit" => vec![Answer::Audit(Ok(vec![audit_entry()]))],
        "GetStaff" => vec![Answer::GetStaff(Ok(vec!["id-of-ada".into()]))],
        "PutStaff" => vec![Answer::SetStaff(Ok(()))],
        "CreateWebhook" => vec![Answer::CreateWebhook(Ok(webhook("whsec_x")))],
        "ListWebhooks" => vec![Answer::ListWebhooks(Ok(vec![webhook("")]))],
        "DeleteWebhook" => vec![Answer::DeleteWebhook(Ok(()))],
        "ReadChanges" => vec![Answer::ReadChanges(Ok(changes()))],
        "NotifyPayment" => vec![Answer::NotifyPayment(Ok(()))],
        other => panic!("no script for {other}"),
    };
    let query = match operation_id {
        "Search" => "?arrival=2026-12-24&departure=2026-12-27",
        _ => "",
    };
    (answers, query)
}

/// Sends an operation with the document's own example as its body.
fn exampled(operation_id: &str) -> (Request, Playback) {
    let (path, method, operation) = named(operation_id);
    let (answers, query) = script(operation_id);
    let path = path
        .replace("{hotel}", "mar")
        .replace("{room_type}", "double")
        .replace("{rate_plan}", "flexible")
        .replace("{reservation}", ID)
        .replace("{webhook}", "7")
        .replace("{code}", "sold_out");
    let mut request = Request::new(&method.to_ascii_uppercase(), &format!("{path}{query}"))
        .account()
        .header("payment-signature", "v1=00");
    let example = &operation["requestBody"]["content"]["application/json"]["example"];
    if !example.is_null() {
        request = request.json(example);
    }
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    if parameters
        .map(resolved)
        .any(|parameter| parameter["name"] == "Idempotency-Key")
    {
        request = request.key("example");
    }
    (request, Playback::new(answers))
}

#[test]
fn every_operation_takes_its_example_and_answers_as_it_says() {
    for (path, method, operation) in operations() {
        let operation_id = operation["operationId"].as_str().unwrap();
        let (request, host) = exampled(operation_id);
        let answered = request.send(&host);
        assert!(answered.status < 300, "{method} {path}: {answered:?}");
        let asked = host.asked();
        assert_eq!(
            asked.is_empty(),
            matches!(operation_id, "GetOpenapi" | "GetProblem"),
            "{method} {path}"
        );
        // What it answers is described, and not by the default.
        let described = &operation["responses"][answered.status.to_string()];
        assert!(
            described.is_object(),
            "{method} {path}: {}",
            answered.status
        );
    }
}

#[test]
fn every_operation_that_needs_someone_refuses_nobody() {
    for (path, method, operation) in operations() {
        let security = operation["security"].as_array().unwrap();
        let needs = !security.iter().any(|one| one == &serde_json::json!({}));
        let operation_id = operation["operationId"].as_str().unwrap();
        if !needs {
            continue;
        }
        let (request, _) = exampled(operation_id);
        let host = Playback::default();
        let answered = request.without("authorization").send(&host);
        assert_eq!(
            answered.problem(),
            (401, "unauthorized".into()),
            "{method} {path}"
        );
        assert!(answered.header("www-authenticate").starts_with("Bearer "));
        assert_eq!(host.asked(), [], "{method} {path}");
    }
}

#[test]
fn the_document_is_served_and_can_be_kept() {
    let host = Playback::default();
    let answered = Request::new("GET", "/openapi.json").send(&host);
    assert_eq!(answered.status, 200);
    assert_eq!(answered.json(), *DOCUMENT);
    assert_eq!(answered.json()["openapi"], "3.1.0");
    assert_eq!(answered.header("cache-control"), "public, max-age=3600");
    let tag = answered.header("etag");
    for known in [tag.clone(), format!("\"other\", W/{tag}"), "*".into()] {
        let again = Request::new("GET", "/openapi.json")
            .header("if-none-match", known)
            .send(&host);
        assert_eq!((again.status, again.header("etag")), (304, tag.clone()));
        assert_eq!(again.header("content-length"), "");
    }
    let other = Request::new("GET", "/openapi.json")
        .header("if-none-match", "\"other\"")
        .send(&host);
    assert_eq!(other.status, 200);
}

fn offer(distance_m: Option<u32>) -> Offer {
    Offer {
        hotel: hotel(),
        currency_digits: 2,
        distance_m,
        room_type: "double".into(),
        room_type_name: "Double room".into(),
        rate_plan: "flexible".into(),
        rate_plan_name: "Flexible".into(),
        total: 43_176,
        left: 3,
    }
}

fn calendar() -> RoomTypeCalendar {
    let nights = [(1, Some(12_300)), (0, Some(12_300)), (3, None)];
    RoomTypeCalendar {
        room_type: "double".into(),
        nights: (TODAY..)
            .zip(nights)
            .map(|(night, (left, price))| CalendarNight { night, left, price })
            .collect(),
    }
}

fn day() -> Day {
    Day {
        day: TODAY,
        rooms: 12,
        reserved: 7,
        arrivals: 2,
        departures: 1,
        revenue: 86_100,
    }
}

fn audit_entry() -> AuditEntry {
    AuditEntry {
        position: 4,
        at_us: CREATED_US,
        who: "system".into(),
        what: "reservation.expire".into(),
        subject: ID.into(),
        before: r#"{"state":"held"}"#.into(),
        after: String::new(),
    }
}

fn webhook(secret: &str) -> Webhook {
    Webhook {
        id: "7".into(),
        url: "https://pms.example/hooks/concierge".into(),
        secret: secret.into(),
        last_failure: if secret.is_empty() { "500" } else { "" }.into(),
    }
}

fn changes() -> Page {
    let kinds = [
        Kind::ReservationCreated,
        Kind::ReservationChanged,
        Kind::ReservationCancelled,
        Kind::CatalogueChanged,
    ];
    Page {
        changes: kinds
            .map(|kind| Change {
                hotel: "mar".into(),
                kind,
                subject: ID.into(),
                at_us: CREATED_US,
            })
            .to_vec(),
        next: "17".into(),
    }
}
