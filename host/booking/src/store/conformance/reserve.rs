//! Reservations: all nights or none, and never one room too many.

use std::sync::Arc;

use super::fixture::{House, code, confirm, hotel, room_type, sold_out, stay};
use crate::error::Error;
use crate::store::{Changed, Edit, Store};
use crate::types::{ReservationCode, State};

pub(super) async fn all(store: &Arc<dyn Store>) {
    takes_all_nights(store).await;
    takes_all_or_nothing(store).await;
    says_which_night_is_sold_out(store).await;
    sells_beyond_the_rooms_as_far_as_the_hotel_says(store).await;
    prices_again_when_the_catalogue_changed(store).await;
    gives_codes_that_are_unique(store).await;
    sells_the_last_rooms_once(store).await;
    sells_a_large_stock_to_many(store).await;
}

async fn takes_all_nights(store: &Arc<dyn Store>) {
    let house = House::open(store, "take", &[("double", 3), ("suite", 1)]).await;
    let request = house
        .request(stay(&["double", "suite", "double"], 1, 4))
        .await;
    let decided = house.reserve(request.clone()).await.unwrap().unwrap();
    let made = decided.outcome.unwrap();
    assert!(decided.now);
    assert_eq!(decided.answer, None);
    assert_eq!(made, request.reservation);
    assert_eq!(house.find(made.id).await, made);
    assert_eq!(house.reserved("double", 5).await, [0, 2, 2, 2, 0]);
    assert_eq!(house.reserved("suite", 5).await, [0, 1, 1, 1, 0]);
    let rows = house.rows("double", 5).await;
    assert!(rows.iter().all(|row| row.sellable == 3), "{rows:?}");
    let elsewhere = "elsewhere".parse().unwrap();
    let found = store.reservation(&elsewhere, made.id).await.unwrap();
    assert_eq!(found, None, "a reservation is its hotel's alone");

    let nowhere = House {
        code: elsewhere,
        ..house.clone()
    };
    let mut request = request;
    request.reservation.hotel = nowhere.code.clone();
    let refused = nowhere.reserve(request).await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
}

async fn takes_all_or_nothing(store: &Arc<dyn Store>) {
    let house = House::open(store, "nothing", &[("double", 5), ("suite", 1)]).await;
    house.book(stay(&["suite"], 3, 4)).await.unwrap();
    let before = house.store.feed_end().await.unwrap();
    // The doubles would be there, and the suite in all nights but one.
    let request = house.request(stay(&["double", "suite"], 1, 5)).await;
    let decided = house.reserve(request.clone()).await.unwrap().unwrap();
    assert_eq!(decided.outcome, Err(sold_out("suite", 3, 0)));
    assert!(decided.now);
    assert_eq!(house.reserved("double", 6).await, [0; 6]);
    assert_eq!(house.reserved("suite", 6).await, [0, 0, 0, 1, 0, 0]);
    let found = store.reservation(&house.code, request.reservation.id).await;
    assert_eq!(found.unwrap(), None);
    let feed = store.feed(&before, 10).await.unwrap();
    assert_eq!(feed.entries, [], "what was refused is not told");
}

async fn says_which_night_is_sold_out(store: &Arc<dyn Store>) {
    let house = House::open(store, "which", &[("double", 3)]).await;
    for night in [4, 2, 4, 4] {
        house
            .book(stay(&["double"], night, night + 1))
            .await
            .unwrap();
    }
    let refused = house.book(stay(&["double"; 3], 0, 6)).await;
    assert_eq!(refused, Err(sold_out("double", 2, 2)));
    let refused = house.book(stay(&["double"], 0, 6)).await;
    assert_eq!(refused, Err(sold_out("double", 4, 0)));
    // More than there ever are, in nights that nobody has asked for yet.
    let refused = house.book(stay(&["double"; 4], 10, 12)).await;
    assert_eq!(refused, Err(sold_out("double", 10, 3)));
    let none = House::open(store, "which-none", &[("double", 0)]).await;
    let refused = none.book(stay(&["double"], 0, 1)).await;
    assert_eq!(refused, Err(sold_out("double", 0, 0)));
}

async fn sells_beyond_the_rooms_as_far_as_the_hotel_says(store: &Arc<dyn Store>) {
    let house = House::open(store, "beyond", &[("double", 10), ("suite", 3)]).await;
    house
        .edit(Edit::Hotel(hotel(&house.code, 25)))
        .await
        .unwrap();
    // 10 and a quarter of them, rounded down; 3 and nothing.
    for _ in 0..6 {
        house.book(stay(&["double"; 2], 1, 3)).await.unwrap();
    }
    let refused = house.book(stay(&["double"], 2, 3)).await;
    assert_eq!(refused, Err(sold_out("double", 2, 0)));
    house.book(stay(&["suite"; 3], 1, 2)).await.unwrap();
    let refused = house.book(stay(&["suite"], 1, 2)).await;
    assert_eq!(refused, Err(sold_out("suite", 1, 0)));
    assert_eq!(house.reserved("double", 3).await, [0, 12, 12]);
}

async fn prices_again_when_the_catalogue_changed(store: &Arc<dyn Store>) {
    let house = House::open(store, "stale", &[("double", 1)]).await;
    let mut request = house.request(stay(&["double"], 1, 2)).await;
    let mut kind = room_type("double", 1);
    kind.name = "Twin".to_owned();
    house.edit(Edit::RoomType(kind)).await.unwrap();
    let decided = house.reserve(request.clone()).await.unwrap();
    assert_eq!(decided, Err(Changed::Catalogue));
    assert_eq!(house.reserved("double", 3).await, [0; 3]);
    // The key was not used by that.
    request.catalogue_version = house.version().await;
    let decided = house.reserve(request).await.unwrap().unwrap();
    assert!(decided.now && decided.outcome.is_ok(), "{decided:?}");
}

async fn gives_codes_that_are_unique(store: &Arc<dyn Store>) {
    let house = House::open(store, "codes", &[("double", 9)]).await;
    let other = House::open(store, "codes-other", &[("double", 9)]).await;
    let taken = ReservationCode::from_bits(12_345);
    let mut made = Vec::new();
    for house in [&house, &house, &house, &other] {
        let mut request = house.request(stay(&["double"], 1, 2)).await;
        request.reservation.code = taken.clone();
        let decided = house.reserve(request).await.unwrap().unwrap();
        let reservation = decided.outcome.unwrap();
        let id = store.reservation_of_code(&house.code, &reservation.code);
        assert_eq!(id.await.unwrap(), Some(reservation.id));
        assert_eq!(house.find(reservation.id).await, reservation);
        made.push(reservation.code);
    }
    assert_eq!((&made[0], &made[3]), (&taken, &taken));
    assert!(made[1] != taken && made[2] != taken && made[1] != made[2]);
    let unknown = ReservationCode::from_bits(54_321);
    let id = store.reservation_of_code(&house.code, &unknown).await;
    assert_eq!(id.unwrap(), None);
}

/// Many hurry for the last rooms, for stays that overlap: in each night exactly as many have one as there are, and
/// every refusal was true.
async fn sells_the_last_rooms_once(store: &Arc<dyn Store>) {
    const ROOMS: usize = 5;
    let house = House::open(store, "rush", &[("double", ROOMS as u32)]).await;
    let mut guests = tokio::task::JoinSet::new();
    for guest in 0..40 {
        let house = house.clone();
        let from = [0, 1, 2][guest % 3];
        // All of them have the night of day 2.
        let request = house.request(stay(&["double"], from, 3 + from)).await;
        guests.spawn(async move { house.reserve(request).await.unwrap().unwrap().outcome });
    }
    let outcomes = guests.join_all().await;
    let won: Vec<_> = outcomes.iter().flatten().collect();
    assert_eq!(won.len(), ROOMS);
    for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        let all_gone = matches!(refused, Error::SoldOut { left: 0, room_type, .. }
            if *room_type == code("double"));
        assert!(all_gone, "{refused:?}");
    }
    let counted = |night: i32| {
        let night = super::fixture::today().plus(night);
        let has = won
            .iter()
            .filter(|made| made.reserved_nights().any(|n| n == night));
        has.count() as u32
    };
    let expected: Vec<u32> = (0..6).map(counted).collect();
    assert_eq!(house.reserved("double", 6).await, expected);
    // They pay at the same time, and nothing of that takes a room.
    let mut paying = tokio::task::JoinSet::new();
    for made in &won {
        let (house, id) = (house.clone(), made.id);
        paying.spawn(async move { house.act(id, confirm()).await.unwrap() });
    }
    for paid in paying.join_all().await {
        assert_eq!((paid.state, paid.version), (State::Confirmed, 2));
    }
    assert_eq!(house.reserved("double", 6).await, expected);
}

async fn sells_a_large_stock_to_many(store: &Arc<dyn Store>) {
    let house = House::open(store, "stock", &[("double", 1_000_000)]).await;
    let mut guests = tokio::task::JoinSet::new();
    for _ in 0..24 {
        let house = house.clone();
        guests.spawn(async move {
            for _ in 0..3 {
                house.book(stay(&["double"], 1, 2)).await.unwrap();
            }
        });
    }
    guests.join_all().await;
    assert_eq!(house.reserved("double", 3).await, [0, 72, 0]);
}
