//! Idempotency keys over HTTP (draft-ietf-httpapi-idempotency-key-header): one booking for a key, whoever hurries,
//! whatever crashes, and the same answer to the byte.

use anyhow::{Context, ensure};
use concierge_tests::booking::{Account, Answer, Client, From, Hotel, Request};
use concierge_tests::{Server, ServerOptions};
use futures::future::try_join_all;
use serde_json::{Value, json};

/// Clients that press the button at once.
const HURRIED: usize = 32;

async fn start() -> anyhow::Result<(Server, Client, Hotel)> {
    let account = Account::administrator();
    let mut options = ServerOptions::default();
    options.environment.extend(account.environment());
    let server = Server::start_with(options).await?;
    let client = Client::new(server.address("web")?)?;
    let hotel = Hotel::create(
        &client,
        account,
        "keys",
        &[("double", 3), ("suite", 1)],
        json!({}),
    );
    let hotel = hotel.await?;
    Ok((server, client, hotel))
}

/// Sends it until it is not put off any more.
async fn insist(client: &Client, hotel: &Hotel, stay: &Value, key: &str) -> anyhow::Result<Answer> {
    loop {
        let answer = hotel.reserve(client, stay, key).await?;
        if !answer.passes() {
            return Ok(answer);
        }
        answer.wait().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_with_one_key_are_one_reservation() -> anyhow::Result<()> {
    let (_server, client, hotel) = start().await?;
    let stay = hotel.stay("double", 10, 12);
    let hurried = (0..HURRIED).map(|_| insist(&client, &hotel, &stay, "double-click"));
    let answers = try_join_all(hurried).await?;
    let first = answers.first().context("no answer")?;
    ensure!(first.status == 201, "{first:?}");
    for answer in &answers {
        ensure!(
            answer.status == first.status && answer.body == first.body,
            "{answer:?}\n{first:?}"
        );
        ensure!(answer.headers.get("location") == first.headers.get("location"));
    }
    ensure!(hotel.all_reservations(&client).await?.len() == 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_not_for_another_request() -> anyhow::Result<()> {
    let (_server, client, hotel) = start().await?;
    let first = hotel
        .reserve(&client, &hotel.stay("double", 10, 12), "one")
        .await?;
    ensure!(first.status == 201, "{first:?}");
    let other = hotel
        .reserve(&client, &hotel.stay("double", 10, 13), "one")
        .await?;
    ensure!(
        (other.status, other.code().as_str()) == (422, "idempotency_key_reused"),
        "{other:?}"
    );
    let path = "/hotels/keys/reservations";
    let missing = Request {
        method: "POST",
        body: Some(hotel.stay("double", 10, 12)),
        ..Request::get(path)
    };
    let missing = client.send(missing).await?;
    ensure!(
        (missing.status, missing.code().as_str()) == (400, "idempotency_key_missing"),
        "{missing:?}"
    );
    let long = hotel
        .reserve(&client, &hotel.stay("double", 10, 12), &"k".repeat(256))
        .await?;
    ensure!(
        (long.status, long.code().as_str()) == (400, "idempotency_key_malformed"),
        "{long:?}"
    );
    let longest = hotel
        .reserve(&client, &hotel.stay("double", 10, 12), &"k".repeat(255))
        .await?;
    ensure!(longest.status == 201, "{longest:?}");
    ensure!(hotel.all_reservations(&client).await?.len() == 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accounts_keys_are_its_own() -> anyhow::Result<()> {
    let (_server, client, hotel) = start().await?;
    let stay = hotel.stay("double", 10, 12);
    let anyone = hotel.reserve(&client, &stay, "mine").await?;
    let account = Account::administrator();
    let by_account = Request {
        method: "POST",
        from: From::Account(&account),
        key: Some("mine"),
        body: Some(stay.clone()),
        ..Request::get("/hotels/keys/reservations")
    };
    let by_account = client.send(by_account).await?;
    ensure!(
        anyone.status == 201 && by_account.status == 201,
        "{anyone:?} {by_account:?}"
    );
    ensure!(anyone.text("id")? != by_account.text("id")?);
    // In another hotel it is another key, too.
    let other = Hotel::create(&client, account, "other-keys", &[("double", 1)], json!({})).await?;
    let elsewhere = other.reserve(&client, &stay, "mine").await?;
    ensure!(elsewhere.status == 201, "{elsewhere:?}");
    ensure!(elsewhere.text("id")? != anyone.text("id")?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_was_decided_stays() -> anyhow::Result<()> {
    let (_server, client, hotel) = start().await?;
    let stay = hotel.stay("suite", 10, 12);
    let taken = hotel.reserve(&client, &stay, "first").await?;
    ensure!(taken.status == 201, "{taken:?}");
    let refused = hotel.reserve(&client, &stay, "second").await?;
    ensure!(
        (refused.status, refused.code().as_str()) == (409, "sold_out"),
        "{refused:?}"
    );
    let (id, token) = (taken.text("id")?, taken.text("guest_token")?);
    let cancelled = hotel.cancel(&client, &id, &token, "give-back").await?;
    ensure!(cancelled.status == 200, "{cancelled:?}");
    let again = hotel.reserve(&client, &stay, "second").await?;
    ensure!(
        again.status == 409 && again.body == refused.body,
        "{again:?}"
    );
    let another = hotel.reserve(&client, &stay, "third").await?;
    ensure!(another.status == 201, "{another:?}");
    Ok(())
}

/// The client never saw the answer: the connection broke with the host. Whether the reservation was made before or is made
/// now, there is one, and its answer does not change any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_request_and_answer_makes_no_second_reservation() -> anyhow::Result<()> {
    let (mut server, client, hotel) = start().await?;
    let stay = hotel.stay("suite", 10, 12);
    let answered = hotel
        .reserve(&client, &hotel.stay("double", 10, 12), "answered")
        .await?;
    ensure!(answered.status == 201, "{answered:?}");
    {
        // Sent, and cut off at some moment on its way.
        let sent = hotel.reserve(&client, &stay, "cut-off");
        let (sent, killed) = tokio::join!(sent, server.kill());
        killed?;
        drop(sent);
    }
    server.start_again().await?;
    let client = Client::new(server.address("web")?)?;
    let first = insist(&client, &hotel, &stay, "cut-off").await?;
    ensure!(first.status == 201, "{first:?}");
    let second = insist(&client, &hotel, &stay, "cut-off").await?;
    ensure!(
        second.status == 201 && second.body == first.body,
        "{second:?}\n{first:?}"
    );
    let stay = hotel.stay("double", 10, 12);
    let replayed = insist(&client, &hotel, &stay, "answered").await?;
    ensure!(replayed.body == answered.body, "{replayed:?}\n{answered:?}");
    ensure!(hotel.all_reservations(&client).await?.len() == 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_has_a_key_of_its_own() -> anyhow::Result<()> {
    let (_server, client, hotel) = start().await?;
    let made = hotel
        .reserve(&client, &hotel.stay("double", 10, 12), "book")
        .await?;
    let (id, token) = (made.text("id")?, made.text("guest_token")?);
    let declined = hotel
        .pay(&client, &id, &token, "sandbox:decline", "pay")
        .await?;
    ensure!(
        (declined.status, declined.code().as_str()) == (402, "payment_declined"),
        "{declined:?}"
    );
    let again = hotel
        .pay(&client, &id, &token, "sandbox:decline", "pay")
        .await?;
    ensure!(
        again.status == 402 && again.body == declined.body,
        "{again:?}"
    );
    let other = hotel
        .pay(&client, &id, &token, "sandbox:approve", "pay")
        .await?;
    ensure!(
        (other.status, other.code().as_str()) == (422, "idempotency_key_reused"),
        "{other:?}"
    );
    let paid = hotel
        .pay(&client, &id, &token, "sandbox:approve", "pay-again")
        .await?;
    ensure!(paid.status == 200, "{paid:?}");
    let replayed = hotel
        .pay(&client, &id, &token, "sandbox:approve", "pay-again")
        .await?;
    ensure!(replayed.body == paid.body, "{replayed:?}");
    let twice = hotel
        .pay(&client, &id, &token, "sandbox:approve", "once-more")
        .await?;
    ensure!(
        (twice.status, twice.code().as_str()) == (409, "already_paid"),
        "{twice:?}"
    );
    Ok(())
}
