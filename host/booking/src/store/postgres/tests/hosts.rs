//! Several hosts on one server: row locks decide between them.

use std::collections::HashMap;
use std::sync::Arc;

use super::server::TestServer;
use crate::error::Error;
use crate::store::conformance::fixture::{House, cancel, stay, today};
use crate::store::{Decided, Store, Strategy};
use crate::types::Reservation;

const HOSTS: usize = 3;
const ROOMS: u32 = 4;
/// Nights for which all hurry.
const NIGHTS: u32 = 5;

async fn houses(server: &TestServer, strategy: Strategy, code: &str) -> Vec<House> {
    let database = server.database().await;
    let mut houses = Vec::new();
    for _ in 0..HOSTS {
        let store: Arc<dyn Store> = server.store(&database, strategy).await;
        houses.push(match houses.first() {
            None => House::open(&store, code, &[("double", ROOMS), ("suite", ROOMS)]).await,
            Some(first) => House {
                store,
                code: House::clone(first).code,
            },
        });
    }
    houses
}

/// All hosts sell the same rooms at once, for stays that overlap, and take some back: in the end each night has as many
/// rooms reserved as there are reservations that have it, and no more than there are.
async fn the_last_rooms_are_sold_once(strategy: Strategy) {
    let Some(server) = TestServer::start().await else {
        return;
    };
    let houses = houses(&server, strategy, "rush").await;
    let mut guests = tokio::task::JoinSet::new();
    for guest in 0..60_usize {
        let house = houses[guest % HOSTS].clone();
        let from = (guest % 4) as i32;
        // In either order: stays of both types lock in the order of the tables, not of the guests.
        let rooms = [["double", "suite"], ["suite", "double"]][guest % 2];
        let request = house.request(stay(&rooms, from, from + 2)).await;
        guests.spawn(async move {
            let made = house.reserve(request).await.unwrap().unwrap().outcome;
            match made {
                Ok(made) if guest % 5 == 0 => house.act(made.id, cancel()).await,
                other => other,
            }
        });
    }
    let outcomes: Vec<Result<Reservation, Error>> = guests.join_all().await;
    let live: Vec<_> = outcomes.iter().flatten().collect();
    let sold_out =
        |outcome: &Result<_, Error>| matches!(outcome, Err(Error::SoldOut { left: 0, .. }));
    let refused = outcomes.iter().filter(|outcome| sold_out(outcome)).count();
    assert_eq!(live.len() + refused, outcomes.len(), "{outcomes:?}");
    assert!(refused > 0 && live.len() > 1);
    for house in &houses {
        for kind in ["double", "suite"] {
            let expected: Vec<u32> = today()
                .until(today().plus(NIGHTS as i32))
                .map(|night| {
                    let has = |made: &&&Reservation| made.reserved_nights().any(|n| n == night);
                    live.iter().filter(has).count() as u32
                })
                .collect();
            assert_eq!(house.reserved(kind, NIGHTS).await, expected);
            assert!(
                expected.iter().all(|&reserved| reserved <= ROOMS),
                "{expected:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_rooms_are_sold_once_pessimistic() {
    the_last_rooms_are_sold_once(Strategy::Pessimistic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_rooms_are_sold_once_optimistic() {
    the_last_rooms_are_sold_once(Strategy::Optimistic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_rooms_are_sold_once_constraint() {
    the_last_rooms_are_sold_once(Strategy::Constraint).await;
}

/// The same key comes to all hosts at once, again and again: one of them decides; the others say the same, or that it is
/// under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_decided_by_one_host() {
    let Some(server) = TestServer::start().await else {
        return;
    };
    let houses = houses(&server, Strategy::Constraint, "keys").await;
    for round in 0..4 {
        let key = crate::store::conformance::fixture::fresh_key();
        let mut clicks = tokio::task::JoinSet::new();
        for click in 0..12 {
            let house = houses[click % HOSTS].clone();
            let mut request = house.request(stay(&["double"], 20, 21)).await;
            request.key = key.clone();
            clicks.spawn(async move { house.reserve(request).await });
        }
        let mut decided: HashMap<bool, Vec<Decided>> = HashMap::new();
        for click in clicks.join_all().await {
            match click {
                Ok(Ok(one)) => decided.entry(one.now).or_default().push(one),
                other => assert_eq!(other, Err(Error::KeyInUse)),
            }
        }
        assert_eq!(decided[&true].len(), 1);
        let first = &decided[&true][0].outcome;
        assert!(first.is_ok(), "{first:?}");
        assert!(decided.values().flatten().all(|one| one.outcome == *first));
        let reserved = houses[0].rows("double", 30).await;
        assert_eq!(reserved[0].reserved, round + 1);
    }
}

/// A key that another host works on, in whatever way, is in use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_under_way_elsewhere_is_in_use() {
    let Some(server) = TestServer::start().await else {
        return;
    };
    let database = server.database().await;
    let store = server.store(&database, Strategy::Constraint).await;
    let house = House::open(&store, "in-use", &[("double", 2)]).await;
    let request = house.request(stay(&["double"], 1, 2)).await;
    let key = crate::store::postgres::reply::Key::of(&house.code, &request.key);
    let mut elsewhere = server.client(&database).await;
    let transaction = elsewhere.transaction().await.unwrap();
    let lock = "select pg_advisory_xact_lock($1)";
    transaction.execute(lock, &[&key.lock]).await.unwrap();
    let refused = house.reserve(request.clone()).await;
    assert_eq!(refused, Err(Error::KeyInUse));
    transaction.rollback().await.unwrap();
    let made = house.reserve(request.clone()).await.unwrap().unwrap();
    assert!(made.now && made.outcome.is_ok());

    let mut change = house.transition(request.reservation.id, cancel());
    change.key = Some(crate::store::conformance::fixture::fresh_key());
    let key = crate::store::postgres::reply::Key::of(&house.code, change.key.as_ref().unwrap());
    let transaction = elsewhere.transaction().await.unwrap();
    transaction.execute(lock, &[&key.lock]).await.unwrap();
    assert_eq!(house.change(change.clone()).await, Err(Error::KeyInUse));
    assert_eq!(house.reserved("double", 2).await, [0, 1]);
    transaction.rollback().await.unwrap();
    assert!(house.change(change).await.unwrap().unwrap().now);
    assert_eq!(house.reserved("double", 2).await, [0, 0]);
}
