//! Connections that are lost, at any moment: nothing is lost with them, and nothing is done twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;

use super::server::TestServer;
use crate::error::Error;
use crate::rules::price;
use crate::store::conformance::fixture::{House, cancel, fresh_key, stay, today};
use crate::store::{Reserve, Strategy};
use crate::types::{Reservation, ReservationCode, ReservationId, Stay};

/// Ends all connections of hosts.
const TERMINATE: &str = "select pg_terminate_backend(pid) from pg_stat_activity \
    where application_name = 'concierge-booking'";

/// A request like another, for another stay: made without a question to the server.
fn like(other: &Reserve, stay: Stay) -> Reserve {
    let mut request = other.clone();
    let made = &mut request.reservation;
    made.id = ReservationId::generate();
    made.code = ReservationCode::of(made.id);
    made.occupied_until = stay.departure;
    made.stay = stay;
    request.take = price::taken(&made.stay);
    request.key = fresh_key();
    request
}

/// Reserves, and where it is not known or not possible, as a client does: again with the same key.
async fn insistent(house: &House, request: Reserve) -> Reservation {
    loop {
        match house.reserve(request.clone()).await {
            Err(Error::Unavailable | Error::KeyInUse) => tokio::task::yield_now().await,
            decided => return decided.unwrap().unwrap().outcome.unwrap(),
        }
    }
}

/// Guests book and cancel, and after each so many bookings something goes wrong; then the books are compared with what
/// the guests were told.
async fn book_while<F: Future<Output = ()>>(house: &House, each: u32, wrong: impl Fn() -> F) {
    const GUESTS: usize = 6;
    const BOOKINGS: u32 = 16;
    let first = house.request(stay(&["double"], 0, 1)).await;
    let booked = Arc::new(Semaphore::new(0));
    let mut guests = tokio::task::JoinSet::new();
    for guest in 0..GUESTS {
        let (house, first, booked) = (house.clone(), first.clone(), Arc::clone(&booked));
        guests.spawn(async move {
            let mut told = Vec::new();
            for booking in 0..BOOKINGS {
                let from = (booking % 3) as i32;
                let stay = stay(&["double"], from, from + 2);
                let request = like(&first, stay);
                let made = insistent(&house, request.clone()).await;
                assert_eq!(
                    made, request.reservation,
                    "what was asked for, and no other"
                );
                told.push(match booking as usize % GUESTS == guest {
                    true => cancelled(&house, made).await,
                    false => made,
                });
                booked.add_permits(1);
            }
            told
        });
    }
    let mut told: Vec<Reservation> = Vec::new();
    let mut left = GUESTS as u32 * BOOKINGS / each;
    while left > 0 || !guests.is_empty() {
        tokio::select! {
            some = booked.acquire_many(each), if left > 0 => {
                some.unwrap().forget();
                wrong().await;
                left -= 1;
            }
            Some(guest) = guests.join_next() => told.extend(guest.unwrap()),
        }
    }
    for made in &told {
        assert_eq!(house.find(made.id).await, *made);
    }
    let expected: Vec<u32> = today()
        .until(today().plus(5))
        .map(|night| {
            let has = |made: &&Reservation| made.reserved_nights().any(|n| n == night);
            told.iter().filter(has).count() as u32
        })
        .collect();
    assert_eq!(house.reserved("double", 5).await, expected);
    let mut kept = 0;
    let mut after = None;
    loop {
        let filter = crate::store::Filter::Recent;
        let page = house.store.reservations(&house.code, filter, after, 100);
        let (page, next) = page.await.unwrap();
        kept += page.len();
        match next {
            None => break,
            next => after = next,
        }
    }
    assert_eq!(kept, told.len(), "no reservation that nobody was told of");
}

/// Cancels without a key: what was done is found by the call's id.
async fn cancelled(house: &House, made: Reservation) -> Reservation {
    loop {
        match house.change(house.transition(made.id, cancel())).await {
            Err(Error::Unavailable) => tokio::task::yield_now().await,
            decided => return decided.unwrap().unwrap().outcome.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_connections_lose_and_double_nothing() {
    let Some(server) = TestServer::start().await else {
        return;
    };
    for strategy in [
        Strategy::Pessimistic,
        Strategy::Optimistic,
        Strategy::Constraint,
    ] {
        let database = server.database().await;
        let store = server.store(&database, strategy).await;
        let house = House::open(&store, "cut", &[("double", 1_000)]).await;
        let client = Arc::new(server.client(&database).await);
        let some_ended = Arc::new(AtomicBool::new(false));
        book_while(&house, 4, || {
            let (client, some_ended) = (Arc::clone(&client), Arc::clone(&some_ended));
            async move {
                let ended = client.query(TERMINATE, &[]).await.unwrap();
                some_ended.fetch_or(!ended.is_empty(), Ordering::Relaxed);
            }
        })
        .await;
        assert!(some_ended.load(Ordering::Relaxed));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_loses_and_doubles_nothing() {
    let Some(server) = TestServer::start().await else {
        return;
    };
    let database = server.database().await;
    let store = server.store(&database, Strategy::Constraint).await;
    let house = House::open(&store, "crash", &[("double", 1_000)]).await;
    let server = &server;
    book_while(&house, 24, || async move {
        server.kill().await;
        server.start_again().await;
    })
    .await;

    // While it is down, that is said; and it is healthy again when it is back.
    let request = house.request(stay(&["double"], 1, 2)).await;
    server.kill().await;
    while store.health().is_ok() {
        tokio::task::yield_now().await;
    }
    let refused = house.reserve(request.clone()).await;
    assert_eq!(refused, Err(Error::Unavailable));
    server.start_again().await;
    while store.health().is_err() {
        tokio::task::yield_now().await;
    }
    insistent(&house, request).await;
}
