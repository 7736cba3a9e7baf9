//! Changes by rules: rooms move with the reservation, or nothing moves.

use std::sync::Arc;

use super::fixture::{
    House, cancel, check_in, check_out, confirm, effects, move_to, room_type, sold_out, stay, today,
};
use crate::error::{Conflict, Error};
use crate::store::{ChangeKind, Changed, Edit, Rule, RuleResult, Store};
use crate::types::{Delta, ReservationId, State};

pub(super) async fn all(store: &Arc<dyn Store>) {
    cancelling_gives_the_rooms_back(store).await;
    moving_takes_only_what_is_new(store).await;
    moving_to_what_is_sold_out_moves_nothing(store).await;
    leaving_early_gives_the_other_nights_back(store).await;
    rules_say_no(store).await;
    rules_are_of_a_catalogue(store).await;
    nothing_is_given_back_that_was_not_taken(store).await;
    one_of_many_cancels(store).await;
}

async fn cancelling_gives_the_rooms_back(store: &Arc<dyn Store>) {
    let house = House::open(store, "cancel", &[("double", 2), ("suite", 1)]).await;
    let kept = house.book(stay(&["double"], 1, 3)).await.unwrap();
    let made = house.book(stay(&["double", "suite"], 0, 3)).await.unwrap();
    let cancelled = house.act(made.id, cancel()).await.unwrap();
    assert_eq!((cancelled.state, cancelled.version), (State::Cancelled, 2));
    assert_eq!(house.find(made.id).await, cancelled);
    assert_eq!(house.reserved("double", 3).await, [0, 1, 1]);
    assert_eq!(house.reserved("suite", 3).await, [0, 0, 0]);
    let again = house.act(made.id, cancel()).await.unwrap();
    assert_eq!(again, cancelled, "twice is once");
    assert_eq!(house.reserved("double", 3).await, [0, 1, 1]);
    assert_eq!(house.find(kept.id).await, kept);
    house.book(stay(&["double", "suite"], 0, 3)).await.unwrap();
}

async fn moving_takes_only_what_is_new(store: &Arc<dyn Store>) {
    let house = House::open(store, "move", &[("double", 1), ("suite", 1)]).await;
    let made = house.book(stay(&["double"], 1, 4)).await.unwrap();
    // The only room: its nights 2 and 3 stay.
    let moved = house.act(made.id, move_to(stay(&["double"], 2, 6))).await;
    let moved = moved.unwrap();
    assert_eq!((&moved.stay, moved.version), (&stay(&["double"], 2, 6), 2));
    assert_eq!(house.reserved("double", 7).await, [0, 0, 1, 1, 1, 1, 0]);
    let other = house.act(made.id, move_to(stay(&["suite"], 3, 5))).await;
    assert_eq!(other.unwrap().version, 3);
    assert_eq!(house.reserved("double", 7).await, [0; 7]);
    assert_eq!(house.reserved("suite", 7).await, [0, 0, 0, 1, 1, 0, 0]);
}

async fn moving_to_what_is_sold_out_moves_nothing(store: &Arc<dyn Store>) {
    let house = House::open(store, "stuck", &[("double", 1), ("suite", 1)]).await;
    let made = house.book(stay(&["double"], 1, 3)).await.unwrap();
    house.book(stay(&["double"], 4, 5)).await.unwrap();
    let before = store.feed_end().await.unwrap();
    let refused = house.act(made.id, move_to(stay(&["double"], 2, 5))).await;
    assert_eq!(refused, Err(sold_out("double", 4, 0)));
    let refused = house
        .act(made.id, move_to(stay(&["suite", "suite"], 2, 3)))
        .await;
    assert_eq!(refused, Err(sold_out("suite", 2, 1)));
    assert_eq!(house.find(made.id).await, made);
    assert_eq!(house.reserved("double", 6).await, [0, 1, 1, 0, 1, 0]);
    assert_eq!(house.reserved("suite", 6).await, [0; 6]);
    let feed = store.feed(&before, 10).await.unwrap();
    assert_eq!(feed.entries, []);
}

async fn leaving_early_gives_the_other_nights_back(store: &Arc<dyn Store>) {
    let house = House::open(store, "early", &[("double", 1)]).await;
    let made = house.book(stay(&["double"], 0, 4)).await.unwrap();
    house.act(made.id, confirm()).await.unwrap();
    house.act(made.id, check_in(0)).await.unwrap();
    let left = house.act(made.id, check_out(2)).await.unwrap();
    assert_eq!((left.state, left.version), (State::CheckedOut, 4));
    assert_eq!(left.occupied_until, today().plus(2));
    assert_eq!(house.reserved("double", 5).await, [1, 1, 0, 0, 0]);
    house.book(stay(&["double"], 2, 5)).await.unwrap();
}

async fn rules_say_no(store: &Arc<dyn Store>) {
    let house = House::open(store, "no", &[("double", 1)]).await;
    let made = house.book(stay(&["double"], 0, 4)).await.unwrap();
    let refused = house.act(made.id, check_out(2)).await;
    assert!(
        matches!(refused, Err(Error::Conflict(Conflict::State, _))),
        "{refused:?}"
    );
    let fault: Rule = Arc::new(|_| Err(Error::Forbidden));
    let failed = house.change(house.transition(made.id, fault)).await;
    assert_eq!(
        failed,
        Err(Error::Forbidden),
        "what is not decided is the call's own"
    );
    let nobody = house.transition(ReservationId::generate(), cancel());
    let missing = house.change(nobody).await;
    assert!(matches!(missing, Err(Error::NotFound(_))), "{missing:?}");
    assert_eq!(house.find(made.id).await, made);
}

async fn rules_are_of_a_catalogue(store: &Arc<dyn Store>) {
    let house = House::open(store, "rule-stale", &[("double", 1)]).await;
    let made = house.book(stay(&["double"], 0, 4)).await.unwrap();
    let mut transition = house.transition(made.id, move_to(stay(&["double"], 1, 4)));
    transition.catalogue_version = Some(house.version().await);
    house
        .edit(Edit::RoomType(room_type("double", 2)))
        .await
        .unwrap();
    let stale = house.change(transition.clone()).await.unwrap();
    assert_eq!(stale, Err(Changed::Catalogue));
    assert_eq!(house.find(made.id).await, made);
    transition.catalogue_version = Some(house.version().await);
    let done = house.change(transition).await.unwrap().unwrap();
    assert_eq!(done.outcome.unwrap().version, 2);
}

/// A rule that gives back more than was taken is a fault, which must not make rooms of nothing.
async fn nothing_is_given_back_that_was_not_taken(store: &Arc<dyn Store>) {
    let house = House::open(store, "nothing-back", &[("double", 3)]).await;
    let made = house.book(stay(&["double"], 1, 2)).await.unwrap();
    for (night, rooms) in [(1, -2), (2, -1)] {
        let too_much: Rule = Arc::new(move |reservation| {
            Ok(Some(RuleResult {
                reservation: reservation.clone(),
                deltas: vec![Delta {
                    room_type: super::fixture::code("double"),
                    night: today().plus(night),
                    rooms,
                }],
                effects: effects(ChangeKind::ReservationChanged, "reservation.fault"),
            }))
        });
        let failed = house.change(house.transition(made.id, too_much)).await;
        assert_eq!(failed, Err(Error::Internal));
    }
    assert_eq!(house.reserved("double", 4).await, [0, 1, 0, 0]);
    assert_eq!(house.find(made.id).await, made);
}

async fn one_of_many_cancels(store: &Arc<dyn Store>) {
    let house = House::open(store, "many-cancel", &[("double", 3)]).await;
    house.book(stay(&["double"], 0, 2)).await.unwrap();
    let made = house.book(stay(&["double"; 2], 0, 2)).await.unwrap();
    let mut clicks = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let house = house.clone();
        clicks.spawn(async move { house.act(made.id, cancel()).await.unwrap() });
    }
    for cancelled in clicks.join_all().await {
        assert_eq!((cancelled.state, cancelled.version), (State::Cancelled, 2));
    }
    assert_eq!(house.reserved("double", 3).await, [1, 1, 0]);
}
