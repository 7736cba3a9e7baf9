//! Requests that come again.

use super::*;
use crate::error::Conflict;
use crate::rules::fixture::{rate_plan, stay};
use crate::store::RecordedAnswer;
use crate::types::{Action, PaymentState, Penalty, State};

fn answer(body: &str) -> RecordedAnswer {
    RecordedAnswer {
        status: 201,
        content_type: "application/json".to_owned(),
        headers: Vec::new(),
        body: body.into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_answer_is_given_again_even_when_the_request_could_not_be_made_any_more() {
    let house = House::open().await;
    let key = key("k");
    let stay = stay("flex", 1, 0, 2);
    let first = house.create_with(stay.clone(), key.clone()).await.unwrap();
    assert_eq!(first.answer, None);
    let recorded = house
        .booking
        .record_answer(&Caller::Anyone, SEA, key.clone(), answer("one"));
    assert_eq!(recorded.await.unwrap(), answer("one"));
    let recorded = house
        .booking
        .record_answer(&Caller::Anyone, SEA, key.clone(), answer("two"));
    assert_eq!(recorded.await.unwrap(), answer("one"));
    // Twenty hours later the arrival is past, and the plan is sold no more.
    house.after(20 * 3_600 * US_PER_S);
    let mut plan = rate_plan("flex", None, Penalty::Everything, &[("double", 1)]);
    plan.open = false;
    house
        .booking
        .put_rate_plan(&house.admin, SEA, plan)
        .await
        .unwrap();
    let again = house.create_with(stay.clone(), key.clone()).await.unwrap();
    assert_eq!(again.answer, Some(answer("one")));
    assert_eq!(again.outcome.unwrap().id, first.outcome.unwrap().id);
    assert_eq!(house.reserved(0).await, 1);
    // A new one is refused, and so is the same key with another request.
    assert!(matches!(
        house.create(stay.clone()).await,
        Err(Error::Invalid { .. })
    ));
    let mut other = key;
    other.fingerprint = vec![8; 32];
    assert_eq!(house.create_with(stay, other).await, Err(Error::KeyReused));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sold_out_stays_sold_out_for_the_key() {
    let house = House::open().await;
    let made = house.create(stay("flex", 5, 3, 4)).await.unwrap();
    let key = key("k");
    let refused = house
        .create_with(stay("flex", 1, 2, 5), key.clone())
        .await
        .unwrap();
    let expected = Error::SoldOut {
        room_type: "double".parse().unwrap(),
        night: fixture::today().plus(3),
        left: 0,
    };
    assert_eq!(refused.outcome, Err(expected.clone()));
    let guest = Caller::Guest(made.guest_token.clone());
    let id = made.id.to_string();
    let cancelled = house
        .booking
        .act(&guest, SEA, &id, Action::Cancel, None, None, CLIENT);
    assert_eq!(
        cancelled.await.unwrap().outcome.unwrap().state,
        State::Cancelled
    );
    let again = house.create_with(stay("flex", 1, 2, 5), key).await.unwrap();
    assert_eq!(again.outcome, Err(expected));
    assert!(house.create(stay("flex", 1, 2, 5)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_click_makes_one_reservation() {
    let house = House::open().await;
    let key = key("click");
    let clicks = (0..8).map(|_| house.create_with(stay("flex", 1, 3, 4), key.clone()));
    let clicks = futures::future::join_all(clicks).await;
    let made: Vec<_> = clicks
        .into_iter()
        .filter_map(|click| match click {
            Ok(decided) => Some(decided.outcome.unwrap().id),
            Err(Error::KeyInUse) => None,
            Err(other) => panic!("{other:?}"),
        })
        .collect();
    assert!(!made.is_empty() && made.iter().all(|id| *id == made[0]));
    assert_eq!(house.reserved(3).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_of_those_who_use_them() {
    let house = House::open().await;
    let key = key("k");
    let account = account(concierge_identity::Role::User);
    let mut made = Vec::new();
    for (caller, scope) in [
        (&Caller::Anyone, ""),
        (&Caller::Anyone, "cookie"),
        (&account, "cookie"),
    ] {
        let key = Idempotency {
            scope: scope.to_owned(),
            ..key.clone()
        };
        let created =
            house
                .booking
                .create(caller, SEA, request(stay("flex", 1, 3, 4)), key, CLIENT);
        made.push(created.await.unwrap().outcome.unwrap().id);
    }
    made.dedup();
    assert_eq!(made.len(), 3);
    for (wrong, field) in [
        (
            Idempotency {
                key: String::new(),
                ..key.clone()
            },
            "idempotency.key",
        ),
        (
            Idempotency {
                key: "ä".repeat(256),
                ..key.clone()
            },
            "idempotency.key",
        ),
        (
            Idempotency {
                fingerprint: vec![0; 31],
                ..key.clone()
            },
            "idempotency.fingerprint",
        ),
    ] {
        let refused = house.create_with(stay("flex", 1, 3, 4), wrong).await;
        assert!(
            matches!(&refused, Err(Error::Invalid { field: f, .. }) if f == field),
            "{refused:?}"
        );
    }
    let longest = Idempotency {
        key: "ä".repeat(255),
        ..key
    };
    assert!(
        house
            .create_with(stay("flex", 1, 3, 4), longest)
            .await
            .unwrap()
            .outcome
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn paying_again_under_the_same_key_tells_what_became_of_it() {
    let house = House::open().await;
    let made = house.create(stay("flex", 1, 3, 4)).await.unwrap();
    let guest = Caller::Guest(made.guest_token.clone());
    let (id, pay) = (made.id.to_string(), key("pay"));
    let paid = || {
        house
            .booking
            .pay(&guest, SEA, &id, "sandbox:late", pay.clone(), CLIENT)
    };
    let pending = paid().await.unwrap().outcome.unwrap();
    assert_eq!(
        (pending.state, pending.payment.state),
        (State::Held, PaymentState::Pending)
    );
    assert_eq!(paid().await, Err(Error::KeyInUse), "its attempt is open");
    let other = house.pay(&made, "sandbox:approve").await;
    assert_eq!(conflict(other), Conflict::PaymentUnderWay);
    house.settle_now().await;
    let done = paid().await.unwrap().outcome.unwrap();
    assert_eq!(
        (done.state, done.payment.state),
        (State::Confirmed, PaymentState::Captured)
    );
    assert_eq!(
        conflict(house.pay(&made, "sandbox:approve").await),
        Conflict::AlreadyPaid
    );
    let recorded = house
        .booking
        .record_answer(&guest, SEA, pay.clone(), answer("paid"));
    recorded.await.unwrap();
    assert_eq!(paid().await.unwrap().answer, Some(answer("paid")));
    assert_eq!(house.sandbox.entries().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_comes_again_too() {
    let house = House::open().await;
    let made = house.create(stay("flex", 1, 3, 6)).await.unwrap();
    let guest = Caller::Guest(made.guest_token.clone());
    let (id, key) = (made.id.to_string(), key("move"));
    let change = Action::Change(stay("flex", 1, 4, 6));
    let act = |version| {
        let key = Some(key.clone());
        house
            .booking
            .act(&guest, SEA, &id, change.clone(), Some(version), key, CLIENT)
    };
    let moved = act(made.version).await.unwrap().outcome.unwrap();
    assert_eq!(moved.stay.arrival, fixture::today().plus(4));
    // The version is another now, and the day of arrival past: still the same outcome.
    house.after(5 * 24 * 3_600 * US_PER_S - 6 * 3_600 * US_PER_S);
    house
        .clock
        .set_us(fixture::noon_us() + 23 * 3_600 * US_PER_S);
    assert_eq!(
        act(made.version).await.unwrap().outcome.unwrap().version,
        moved.version
    );
    let stale = house.booking.act(
        &guest,
        SEA,
        &id,
        Action::Cancel,
        Some(made.version),
        None,
        CLIENT,
    );
    assert_eq!(conflict(stale.await.unwrap().outcome), Conflict::Version);
}
