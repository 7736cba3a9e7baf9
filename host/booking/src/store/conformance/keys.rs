//! Idempotency keys: whoever sends the same again has the same answer.

use std::sync::Arc;

use super::fixture::{
    House, NOW, cancel, check_out, confirm, fresh_key, key, room_type, sold_out, stay,
};
use crate::error::Error;
use crate::store::{ClaimedKey, Edit, KEY_KEPT_US, RecordedAnswer, Reserve, Store};
use crate::types::Reservation;

pub(super) async fn all(store: &Arc<dyn Store>) {
    the_same_again_changes_nothing(store).await;
    another_request_is_refused(store).await;
    scopes_and_hotels_have_keys_of_their_own(store).await;
    refusals_are_kept(store).await;
    the_first_answer_stays(store).await;
    keys_are_forgotten_after_a_day(store).await;
    changes_have_keys_too(store).await;
    one_of_many_at_once_decides(store).await;
}

fn answer(body: &str) -> RecordedAnswer {
    RecordedAnswer {
        status: 201,
        content_type: "application/json".to_owned(),
        headers: vec![("location".to_owned(), "/somewhere".to_owned())],
        body: body.as_bytes().to_owned(),
    }
}

async fn decided(house: &House, request: &Reserve) -> (bool, Result<Reservation, Error>) {
    let decided = house.reserve(request.clone()).await.unwrap().unwrap();
    (decided.now, decided.outcome)
}

async fn the_same_again_changes_nothing(store: &Arc<dyn Store>) {
    let house = House::open(store, "again", &[("double", 5)]).await;
    let mut request = house.request(stay(&["double"], 1, 2)).await;
    let (now, first) = decided(&house, &request).await;
    assert!(now && first.is_ok());
    // As a client sends it again: prepared anew, with another id, and under another catalogue.
    house
        .edit(Edit::RoomType(room_type("double", 6)))
        .await
        .unwrap();
    house
        .act(first.as_ref().unwrap().id, confirm())
        .await
        .unwrap();
    let key = request.key.clone();
    request = house.request(stay(&["double"], 1, 2)).await;
    request.key = key;
    for version in [0, request.catalogue_version] {
        request.catalogue_version = version;
        let again = decided(&house, &request).await;
        assert_eq!(again, (false, first.clone()), "as it was then");
    }
    assert_eq!(house.reserved("double", 3).await, [0, 1, 0]);
}

async fn another_request_is_refused(store: &Arc<dyn Store>) {
    let house = House::open(store, "reused", &[("double", 5)]).await;
    let mut request = house.request(stay(&["double"], 1, 2)).await;
    request.key = key("k", 1, NOW);
    assert!(decided(&house, &request).await.0);
    request.key = key("k", 2, NOW);
    assert_eq!(house.reserve(request).await, Err(Error::KeyReused));
    assert_eq!(house.reserved("double", 3).await, [0, 1, 0]);
}

async fn scopes_and_hotels_have_keys_of_their_own(store: &Arc<dyn Store>) {
    let house = House::open(store, "scope", &[("double", 5)]).await;
    let other = House::open(store, "scope-other", &[("double", 5)]).await;
    for (house, scope) in [(&house, "a"), (&house, ""), (&house, "b"), (&other, "a")] {
        let mut request = house.request(stay(&["double"], 1, 2)).await;
        request.key = key("k", 1, NOW);
        request.key.claim.scope = scope.to_owned();
        let (now, outcome) = decided(house, &request).await;
        assert!(now && outcome.is_ok(), "{scope}");
    }
    assert_eq!(house.reserved("double", 2).await, [0, 3]);
    assert_eq!(other.reserved("double", 2).await, [0, 1]);
}

async fn refusals_are_kept(store: &Arc<dyn Store>) {
    let house = House::open(store, "refusal", &[("double", 1)]).await;
    let made = house.book(stay(&["double"], 1, 2)).await.unwrap();
    let mut request = house.request(stay(&["double"], 0, 2)).await;
    let refused = Err(sold_out("double", 1, 0));
    assert_eq!(decided(&house, &request).await, (true, refused.clone()));
    house.act(made.id, cancel()).await.unwrap();
    assert_eq!(decided(&house, &request).await, (false, refused));
    request.key = fresh_key();
    let (now, outcome) = decided(&house, &request).await;
    assert!(now && outcome.is_ok());
}

async fn the_first_answer_stays(store: &Arc<dyn Store>) {
    let house = House::open(store, "answer", &[("double", 5)]).await;
    let request = house.request(stay(&["double"], 1, 2)).await;
    let claim = request.key.claim.clone();
    let record = |claim, answer| store.record_answer(house.code.clone(), claim, answer);
    let unknown = record(claim.clone(), answer("early")).await;
    assert!(matches!(unknown, Err(Error::NotFound(_))), "{unknown:?}");
    let (_, outcome) = decided(&house, &request).await;
    let first = record(claim.clone(), answer("first")).await.unwrap();
    assert_eq!(first, answer("first"));
    let second = record(claim.clone(), answer("second")).await.unwrap();
    assert_eq!(second, answer("first"));
    let mut other = claim;
    other.fingerprint = [9; 32];
    let refused = record(other, answer("third")).await;
    assert_eq!(refused, Err(Error::KeyReused));
    let again = house.reserve(request).await.unwrap().unwrap();
    assert_eq!((again.now, &again.outcome), (false, &outcome));
    assert_eq!(again.answer, Some(answer("first")));
}

async fn keys_are_forgotten_after_a_day(store: &Arc<dyn Store>) {
    let house = House::open(store, "day", &[("double", 5)]).await;
    let mut request = house.request(stay(&["double"], 1, 2)).await;
    request.key = key("k", 1, NOW);
    let (_, first) = decided(&house, &request).await;
    let claim = request.key.claim.clone();
    let recorded = store.record_answer(house.code.clone(), claim, answer("first"));
    recorded.await.unwrap();
    request.key = key("k", 1, NOW + KEY_KEPT_US - 1);
    assert_eq!(decided(&house, &request).await, (false, first.clone()));
    // Whether or not somebody has swept it up.
    let mut later = house.request(stay(&["double"], 1, 2)).await;
    later.key = key("k", 2, NOW + KEY_KEPT_US);
    let decided = house.reserve(later.clone()).await.unwrap().unwrap();
    assert!(decided.now);
    assert_eq!(decided.answer, None, "the old answer went with the old key");
    assert_eq!(decided.outcome.unwrap().id, later.reservation.id);
    assert_eq!(house.reserved("double", 2).await, [0, 2]);
}

async fn changes_have_keys_too(store: &Arc<dyn Store>) {
    let house = House::open(store, "changes", &[("double", 5)]).await;
    let made = house.book(stay(&["double"], 1, 2)).await.unwrap();
    let with_key = |key: &ClaimedKey, rule| {
        let mut transition = house.transition(made.id, rule);
        transition.key = Some(key.clone());
        transition
    };
    let change = async |transition| house.change(transition).await.unwrap().unwrap();

    // What a rule refuses is kept,
    let refused = fresh_key();
    let first = change(with_key(&refused, check_out(1))).await;
    assert!(first.now && first.outcome.is_err(), "{first:?}");
    let confirmed = fresh_key();
    let first_confirmed = change(with_key(&confirmed, confirm())).await;
    assert!(first_confirmed.now);
    assert_eq!(first_confirmed.outcome.as_ref().unwrap().version, 2);
    let again = change(with_key(&refused, check_out(1))).await;
    assert_eq!((again.now, again.outcome), (false, first.outcome));

    // and what was done, as it was then.
    house.act(made.id, cancel()).await.unwrap();
    let again = change(with_key(&confirmed, confirm())).await;
    assert_eq!((again.now, again.outcome), (false, first_confirmed.outcome));

    // What was not decided is not kept.
    let passing = fresh_key();
    let busy: crate::store::Rule = Arc::new(|_| Err(Error::Unavailable));
    let failed = house.change(with_key(&passing, busy)).await;
    assert_eq!(failed, Err(Error::Unavailable));
    let done = change(with_key(&passing, confirm())).await;
    assert!(done.now && done.outcome.is_ok());

    // Nor is that nothing was to be done forgotten.
    let nothing = fresh_key();
    let leave: crate::store::Rule = Arc::new(|_| Ok(None));
    let left = change(with_key(&nothing, leave)).await;
    let left = left.outcome.unwrap();
    assert_eq!(left, house.find(made.id).await);
    let again = change(with_key(&nothing, cancel())).await;
    assert_eq!((again.now, again.outcome), (false, Ok(left.clone())));
    assert_eq!(house.find(made.id).await, left);

    let mut other = with_key(&nothing, cancel());
    other.key.as_mut().unwrap().claim.fingerprint = [9; 32];
    assert_eq!(house.change(other).await, Err(Error::KeyReused));
}

async fn one_of_many_at_once_decides(store: &Arc<dyn Store>) {
    let house = House::open(store, "at-once", &[("double", 20)]).await;
    let key = fresh_key();
    let mut clicks = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let house = house.clone();
        let mut request = house.request(stay(&["double"], 1, 2)).await;
        request.key = key.clone();
        clicks.spawn(async move { house.reserve(request).await.unwrap().unwrap() });
    }
    let decided = clicks.join_all().await;
    assert_eq!(decided.iter().filter(|decided| decided.now).count(), 1);
    assert!(decided.iter().all(|d| d.outcome == decided[0].outcome));
    assert_eq!(house.reserved("double", 2).await, [0, 1]);
}
