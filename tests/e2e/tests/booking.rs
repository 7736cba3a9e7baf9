//! Bookings over HTTP: from the import to the cancellation, and through crashes.

use std::time::Duration;

use anyhow::{Context, ensure};
use concierge_tests::away::{Edge, Way};
use concierge_tests::raw::{self, Request, Response};
use concierge_tests::{Server, ServerOptions, seed};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan, civil};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// A hotel of the demo, and a room type of it with few rooms.
const HOTEL: &str = "harbour-house";
const ROOM_TYPE: &str = "river-suite";
/// How many rooms there are of it.
const ROOMS: u64 = 3;

/// The tenth of the month after next: two nights in one month, and never past.
fn arrival() -> civil::Date {
    let month = Offset::UTC
        .to_datetime(Timestamp::now())
        .date()
        .first_of_month()
        .saturating_add(2.months());
    month.saturating_add(9.days())
}

fn stay() -> Value {
    json!({
        "arrival": arrival().to_string(),
        "departure": arrival().saturating_add(2.days()).to_string(),
        "rooms": [{ "room_type": ROOM_TYPE, "rate_plan": "flexible", "adults": 2 }],
    })
}

fn reservation() -> Value {
    let mut request = stay();
    request["guest"] = json!({ "name": "Ada Guest", "email": "ada@example.org", "language": "en" });
    request
}

fn request(method: &str, path: &str) -> Request {
    Request::new(method, format!("/booking/v1{path}"))
}

fn post(path: &str, key: &str, body: &Value) -> Request {
    request("POST", path)
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(body.to_string())
}

async fn send(web: &str, request: Request) -> anyhow::Result<Response> {
    raw::send(web, &request.with_default_header("host", web)).await
}

/// Sends a request whose answer is JSON of a status.
async fn json_of(web: &str, request: Request, status: u16) -> anyhow::Result<Value> {
    let shown = format!("{} {}", request.method, request.path);
    let answer = send(web, request).await?;
    ensure!(answer.status == status, "{shown}: {answer:?}");
    serde_json::from_slice(&answer.body).with_context(|| format!("{shown}: {answer:?}"))
}

/// A problem's code, with its status.
async fn problem(web: &str, request: Request) -> anyhow::Result<(u16, String)> {
    let answer = send(web, request).await?;
    ensure!(
        answer.header("content-type") == Some("application/problem+json"),
        "{answer:?}"
    );
    let problem: Value = serde_json::from_slice(&answer.body)?;
    let code = problem["code"].as_str().context("no code")?;
    Ok((answer.status, code.to_owned()))
}

/// Suites that are left on the night of the arrival, as a calendar says that asks the tables.
async fn left(web: &str) -> anyhow::Result<u64> {
    let month = arrival().strftime("%Y-%m");
    let path = format!("/hotels/{HOTEL}/calendar?month={month}&room_type={ROOM_TYPE}");
    let calendar = json_of(web, request("GET", &path), 200).await?;
    let nights = calendar["room_types"][0]["nights"].as_array();
    let nights = nights.with_context(|| format!("no nights: {calendar}"))?;
    let night = nights
        .iter()
        .find(|night| night["date"] == arrival().to_string())
        .with_context(|| format!("no such night: {calendar}"))?;
    night["left"].as_u64().context("no number")
}

async fn with_demo() -> anyhow::Result<Server> {
    // What the calendar shows is to be the tables' at every look.
    let options = ServerOptions::default().arguments(["--booking-cache-s", "0"]);
    let server = Server::start_with(options).await?;
    let output = server.command(&["booking", "demo"]).await?;
    ensure!(output.status.success(), "{output:?}");
    Ok(server)
}

/// All that a guest does, on a web listener; `run` tells the keys of several runs apart.
async fn from_search_to_cancellation(web: &str, run: &str) -> anyhow::Result<()> {
    let stay = stay();
    let (from, to) = (
        stay["arrival"].as_str().context("text")?,
        stay["departure"].as_str().context("text")?,
    );
    let path = format!("/search?q=lisbon&arrival={from}&departure={to}&adults=2");
    let found = json_of(web, request("GET", &path), 200).await?;
    assert_eq!(found["offers"][0]["hotel"]["code"], HOTEL, "{found}");
    assert_eq!(left(web).await?, ROOMS);

    let quote = request("POST", &format!("/hotels/{HOTEL}/quote"))
        .header("content-type", "application/json")
        .body(stay.to_string());
    let quote = json_of(web, quote, 200).await?;
    assert_eq!(quote["available"], true);

    let path = format!("/hotels/{HOTEL}/reservations");
    let mut booked = reservation();
    booked["agreed_total"] = quote["total"].clone();
    let first = send(web, post(&path, run, &booked)).await?;
    assert_eq!(first.status, 201, "{first:?}");
    let held: Value = serde_json::from_slice(&first.body)?;
    assert_eq!(held["state"], "held");
    assert_eq!(held["total"], quote["total"]);
    assert_eq!(left(web).await?, ROOMS - 1);

    // The same again is the same answer; another with its key is refused, as is one without.
    let again = send(web, post(&path, run, &booked)).await?;
    assert_eq!((again.status, again.body), (201, first.body.clone()));
    assert_eq!(again.headers.iter().find(|(name, _)| name == "location"), {
        let mut headers = first.headers.iter();
        headers.find(|(name, _)| name == "location")
    });
    let mut other = booked.clone();
    other["guest"]["name"] = json!("Someone Else");
    assert_eq!(
        problem(web, post(&path, run, &other)).await?,
        (422, "idempotency_key_reused".to_owned())
    );
    let without = request("POST", &path)
        .header("content-type", "application/json")
        .body(booked.to_string());
    assert_eq!(
        problem(web, without).await?,
        (400, "idempotency_key_missing".to_owned())
    );
    assert_eq!(left(web).await?, ROOMS - 1);

    let location = first.header("location").context("no location")?;
    let own = location
        .strip_prefix("/booking/v1")
        .with_context(|| format!("{location} is elsewhere"))?;
    let token = held["guest_token"].as_str().context("no token")?;
    let bearer = format!("Bearer {token}");
    let as_guest = |request: Request| request.header("authorization", &bearer);
    let payments = format!("{own}/payments");
    let pay =
        |key: &str, method: &str| as_guest(post(&payments, key, &json!({ "method": method })));

    // A stranger, and a guest of another reservation, are not told that it is there.
    let wrong = ["", "Bearer gt_AAAAAAAAAAAAAAAAAAAAAA"];
    for authorization in wrong {
        let mut asked = request("GET", own);
        if !authorization.is_empty() {
            asked = asked.header("authorization", authorization);
        }
        let (status, code) = problem(web, asked).await?;
        assert!(
            [(401, "unauthorized"), (404, "not_found")].contains(&(status, code.as_str())),
            "{authorization:?}: {status} {code}"
        );
    }

    assert_eq!(
        problem(web, pay(&format!("{run}-declined"), "sandbox:decline")).await?,
        (402, "payment_declined".to_owned())
    );
    let confirmed = json_of(web, pay(&format!("{run}-approved"), "sandbox:approve"), 200).await?;
    assert_eq!(confirmed["state"], "confirmed", "{confirmed}");
    let shown = json_of(web, as_guest(request("GET", own)), 200).await?;
    assert_eq!(shown["state"], "confirmed");

    let cancel = as_guest(request("POST", &format!("{own}/cancel")));
    let cancelled = json_of(web, cancel, 200).await?;
    assert_eq!(cancelled["state"], "cancelled", "{cancelled}");
    assert_eq!(cancelled["cancellation_fee"]["amount"], 0);
    assert_eq!(left(web).await?, ROOMS);
    Ok(())
}

#[tokio::test]
async fn a_guest_finds_books_pays_sees_and_cancels() -> anyhow::Result<()> {
    let server = with_demo().await?;
    from_search_to_cancellation(server.address("web")?, "host").await
}

#[tokio::test]
async fn the_same_works_away_from_the_host() -> anyhow::Result<()> {
    let server = with_demo().await?;
    for (way, run) in [(Way::Native, "native"), (Way::Bridge, "bridge")] {
        let made = server.json(&["token", "create", run, "--json"]).await?;
        let token = made["token"].as_str().context("no token")?;
        let edge = Edge::start(way, server.address("internal")?, token).await?;
        from_search_to_cancellation(edge.web()?, run).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_sold_out_is_refused_and_stays_so_for_its_key() -> anyhow::Result<()> {
    let mut server = with_demo().await?;
    let path = format!("/hotels/{HOTEL}/reservations");
    for key in 0..ROOMS {
        json_of(
            server.address("web")?,
            post(&path, &key.to_string(), &reservation()),
            201,
        )
        .await?;
    }
    let refused = send(server.address("web")?, post(&path, "late", &reservation())).await?;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.text().contains("sold_out"), "{refused:?}");
    server.kill().await?;
    server.start_again().await?;
    let again = send(server.address("web")?, post(&path, "late", &reservation())).await?;
    assert_eq!((again.status, again.body), (refused.status, refused.body));
    assert_eq!(left(server.address("web")?).await?, 0);
    Ok(())
}

/// The program is killed while a reservation is made: before, within or after its commit. Whoever repeats the request
/// has one reservation, and only one.
#[tokio::test]
async fn a_request_repeated_after_a_crash_makes_one_reservation() -> anyhow::Result<()> {
    let mut random = StdRng::seed_from_u64(seed::choose("booking"));
    let mut server = with_demo().await?;
    let path = format!("/hotels/{HOTEL}/reservations");
    for round in 0..ROOMS {
        let key = format!("round-{round}");
        let web = server.address("web")?.to_owned();
        let lost = post(&path, &key, &reservation()).with_default_header("host", &web);
        let asked = tokio::spawn(async move { raw::send(&web, &lost).await });
        let pause = Duration::from_micros(random.random_range(0..20_000));
        tokio::time::sleep(pause).await;
        server.kill().await?;
        let before = asked.await?.ok().filter(|answer| answer.complete);
        server.start_again().await?;

        let after = send(server.address("web")?, post(&path, &key, &reservation())).await?;
        assert_eq!(after.status, 201, "{after:?}");
        if let Some(before) = before {
            assert_eq!((before.status, before.body), (201, after.body));
        }
        assert_eq!(left(server.address("web")?).await?, ROOMS - 1 - round);
    }
    Ok(())
}

#[tokio::test]
async fn rows_that_cannot_be_are_named_and_the_others_taken() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    server.terminate().await?;
    let folder = tempfile::tempdir()?;
    let write = |name: &str, text: &str| -> anyhow::Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    };
    let rates = write(
        "rates.csv",
        "hotel,rate_plan,room_type,first,last,price\n\
         inn,flex,double,2027-01-01,2027-01-31,9900\n\
         inn,flex,single,2027-01-01,2027-01-31,9900\n\
         inn,flex,double,2027-01-01,2027-01-31,99.00\n",
    )?;
    let hotels = write(
        "hotels.csv",
        "code,name,city,country,email,time_zone,currency\n\
         inn,The Inn,Bath,GB,inn@example.org,Europe/London,GBP\n\
         moon,Moon Base,Crater,GB,moon@example.org,Moon/Crater,GBP\n",
    )?;
    let rest = write(
        "rest.json",
        r#"{
            "room_types": [{ "hotel": "inn", "code": "double", "name": "Double", "rooms": 2, "max_adults": 2 }],
            "rate_plans": [{ "hotel": "inn", "code": "flex", "name": "Flexible", "penalty": "first-night", "prices": { "double": 8900 } }]
        }"#,
    )?;
    let output = server
        .command(&["booking", "import", &rates, &hotels, &rest])
        .await?;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(
        String::from_utf8(output.stdout)?,
        "imported 1 hotel, 1 room type, 1 rate plan, 1 rate\n"
    );
    let said = String::from_utf8(output.stderr)?;
    for line in [
        format!("{hotels}, line 3: "),
        format!("{rates}, line 3: "),
        format!("{rates}, line 4: price: \"99.00\" is not a whole number"),
        "3 rows were rejected".to_owned(),
    ] {
        assert!(said.contains(&line), "{line:?} is not in\n{said}");
    }
    server.start_again().await?;
    let shown = server.json(&["booking", "hotels", "--json"]).await?;
    assert_eq!(shown["hotels"][0]["code"], "inn", "{shown}");
    assert_eq!(shown["hotels"][1], Value::Null);
    Ok(())
}
