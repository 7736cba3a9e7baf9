//! Edits: the catalogue, prices and allotments, and the inventory that follows them.

use std::sync::Arc;

use concierge_identity::AccountId;
use uuid::Uuid;

use super::fixture::{
    House, allotment, code, hotel, rate, rate_plan, room_type, sold_out, stay, today,
};
use crate::error::{Conflict, Error};
use crate::store::{Edit, Store, Webhook};
use crate::types::WebhookId;

pub(super) async fn all(store: &Arc<dyn Store>) {
    catalogues_read_back(store).await;
    hotels_are_listed(store).await;
    what_is_not_there_cannot_be_edited(store).await;
    rooms_that_are_reserved_stay(store).await;
    overbooking_that_is_used_stays(store).await;
    past_nights_do_not_matter(store).await;
    allotments_hold(store).await;
    allotments_are_set_all_or_none(store).await;
    prices_are_set_by_date(store).await;
}

fn in_use(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::Conflict(Conflict::InUse, _)))
}

async fn catalogues_read_back(store: &Arc<dyn Store>) {
    let code = "read-back".parse().unwrap();
    assert!(store.catalogue(&code).await.unwrap().is_none());
    let house = House::open(store, "read-back", &[("suite", 2), ("double", 5)]).await;
    let mut plan = rate_plan("flexible");
    plan.name = "Other".to_owned();
    let staff = vec![AccountId(Uuid::from_u128(7)), AccountId(Uuid::from_u128(3))];
    let mut version = house.version().await;
    for edit in [
        Edit::Hotel(hotel(&house.code, 10)),
        Edit::RoomType(room_type("double", 6)),
        Edit::RatePlan(rate_plan("early")),
        Edit::RatePlan(plan.clone()),
        Edit::Rates(vec![rate("double", 0, 2, Some(1))]),
        Edit::Staff(staff.clone()),
    ] {
        let before = store.feed_end().await.unwrap();
        house.edit(edit.clone()).await.unwrap();
        let next = house.version().await;
        assert!(next > version || matches!(edit, Edit::Staff(_)), "{edit:?}");
        version = next;
        let feed = store.feed(&before, 10).await.unwrap().entries;
        assert_eq!(feed.len(), 1, "caches hear of {edit:?}");
    }
    let catalogue = store.catalogue(&house.code).await.unwrap().unwrap();
    assert_eq!(*catalogue.hotel, hotel(&house.code, 10));
    assert_eq!(
        *catalogue.room_types,
        [room_type("double", 6), room_type("suite", 2)]
    );
    assert_eq!(*catalogue.rate_plans, [rate_plan("early"), plan]);
    let mut kept = catalogue.staff.to_vec();
    kept.sort();
    assert_eq!(kept, [staff[1], staff[0]]);
    assert_eq!(
        Some(catalogue.zone),
        crate::types::Zone::named("Europe/Lisbon")
    );
    house.edit(Edit::Staff(Vec::new())).await.unwrap();
    let catalogue = store.catalogue(&house.code).await.unwrap().unwrap();
    assert!(catalogue.staff.is_empty());
}

async fn hotels_are_listed(store: &Arc<dyn Store>) {
    let mut expected = Vec::new();
    for number in 0..7 {
        let code = format!("zz-listed-{number}");
        expected.push(House::open(store, &code, &[]).await.code);
    }
    let mut listed = Vec::new();
    let mut after = "zz-listed-".to_owned();
    loop {
        let page = store.hotels(&after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 3);
        after = last.to_string();
        listed.extend(page);
    }
    assert_eq!(listed, expected);
    let all = store.hotels("", 1_000).await.unwrap();
    assert!(all.is_sorted() && all.len() > expected.len());
}

async fn what_is_not_there_cannot_be_edited(store: &Arc<dyn Store>) {
    let house = House::open(store, "there", &[("double", 1)]).await;
    let nowhere = House {
        code: "not-there".parse().unwrap(),
        ..house.clone()
    };
    let webhook = Webhook {
        id: WebhookId::generate(),
        url: "https://example.org/".to_owned(),
        secret: String::new(),
        last_failure: String::new(),
    };
    for (house, edit) in [
        (&nowhere, Edit::RoomType(room_type("double", 1))),
        (&nowhere, Edit::RatePlan(rate_plan("flexible"))),
        (&nowhere, Edit::Staff(Vec::new())),
        (&nowhere, Edit::AddWebhook(webhook)),
        (&house, Edit::RemoveWebhook(WebhookId::generate())),
        (&house, Edit::Rates(vec![rate("cabin", 0, 1, Some(5))])),
        (
            &house,
            Edit::Allotments(vec![allotment("cabin", 0, 1, None)]),
        ),
    ] {
        let refused = house.edit(edit.clone()).await;
        assert!(matches!(refused, Err(Error::NotFound(_))), "{edit:?}");
    }
    assert!(store.catalogue(&nowhere.code).await.unwrap().is_none());
}

async fn rooms_that_are_reserved_stay(store: &Arc<dyn Store>) {
    let house = House::open(store, "fewer", &[("double", 5), ("suite", 5)]).await;
    house.book(stay(&["double"; 3], 2, 4)).await.unwrap();
    house.book(stay(&["double"; 2], 8, 9)).await.unwrap();
    let version = house.version().await;
    let refused = house.edit(Edit::RoomType(room_type("double", 2))).await;
    assert!(in_use(&refused), "{refused:?}");
    assert_eq!(house.version().await, version, "nothing was changed");
    let catalogue = store.catalogue(&house.code).await.unwrap().unwrap();
    assert_eq!(catalogue.room_type(&code("double")).unwrap().rooms, 5);
    house.book(stay(&["double"; 2], 2, 3)).await.unwrap();

    house
        .edit(Edit::RoomType(room_type("double", 6)))
        .await
        .unwrap();
    house.book(stay(&["double"], 2, 3)).await.unwrap();
    let house = House::open(store, "as-many", &[("double", 5)]).await;
    house.book(stay(&["double"; 3], 2, 4)).await.unwrap();
    house
        .edit(Edit::RoomType(room_type("double", 3)))
        .await
        .unwrap();
    let refused = house.book(stay(&["double"], 1, 3)).await;
    assert_eq!(refused, Err(sold_out("double", 2, 0)));
    // Also nights that nobody has asked for have the new number.
    let refused = house.book(stay(&["double"; 4], 20, 21)).await;
    assert_eq!(refused, Err(sold_out("double", 20, 3)));
}

async fn overbooking_that_is_used_stays(store: &Arc<dyn Store>) {
    let house = House::open(store, "overbooked", &[("double", 10), ("suite", 4)]).await;
    let percent = async |percent| house.edit(Edit::Hotel(hotel(&house.code, percent))).await;
    percent(20).await.unwrap();
    house.book(stay(&["double"; 11], 2, 4)).await.unwrap();
    let refused = percent(0).await;
    assert!(in_use(&refused), "{refused:?}");
    let catalogue = store.catalogue(&house.code).await.unwrap().unwrap();
    assert_eq!(catalogue.hotel.overbooking_percent, 20);
    percent(10).await.unwrap();
    let refused = house.book(stay(&["double"], 3, 4)).await;
    assert_eq!(refused, Err(sold_out("double", 3, 0)));
    percent(50).await.unwrap();
    house.book(stay(&["double"; 4], 3, 4)).await.unwrap();
    house.book(stay(&["suite"; 6], 3, 4)).await.unwrap();
}

async fn past_nights_do_not_matter(store: &Arc<dyn Store>) {
    let house = House::open(store, "past", &[("double", 3)]).await;
    house.book(stay(&["double"; 3], -2, 0)).await.unwrap();
    house.book(stay(&["double"], 0, 1)).await.unwrap();
    house
        .edit(Edit::RoomType(room_type("double", 1)))
        .await
        .unwrap();
    let yesterday = today().plus(-1);
    let rows = store.nights(&house.code, yesterday, 2).await.unwrap().rows;
    let counts: Vec<_> = rows
        .iter()
        .map(|row| (row.sellable, row.reserved))
        .collect();
    assert_eq!(counts, [(3, 3), (1, 1)]);
}

async fn allotments_hold(store: &Arc<dyn Store>) {
    let house = House::open(store, "allotted", &[("double", 4)]).await;
    let allot = |rooms| house.edit(Edit::Allotments(vec![allotment("double", 1, 2, rooms)]));
    house.book(stay(&["double"], 2, 3)).await.unwrap();
    allot(Some(2)).await.unwrap();
    let refused = house.book(stay(&["double"; 2], 0, 4)).await;
    assert_eq!(refused, Err(sold_out("double", 2, 1)));
    let refused = house.book(stay(&["double"; 3], 1, 2)).await;
    assert_eq!(refused, Err(sold_out("double", 1, 2)));
    // More or fewer rooms, or overbooking, do not change them.
    for rooms in [9, 3] {
        house
            .edit(Edit::RoomType(room_type("double", rooms)))
            .await
            .unwrap();
        house
            .edit(Edit::Hotel(hotel(&house.code, 100)))
            .await
            .unwrap();
        let refused = house.book(stay(&["double"; 2], 2, 3)).await;
        assert_eq!(refused, Err(sold_out("double", 2, 1)));
    }
    let rows = house.rows("double", 3).await;
    let allotted: Vec<_> = rows
        .iter()
        .filter(|row| row.night > today())
        .map(|row| (row.sellable, row.reserved))
        .collect();
    assert_eq!(allotted, [(2, 0), (2, 1)]);
    // Fewer than are reserved cannot be; as many as there are can.
    let refused = allot(Some(0)).await;
    assert!(in_use(&refused), "{refused:?}");
    allot(None).await.unwrap();
    house.book(stay(&["double"; 5], 1, 3)).await.unwrap();
    let refused = house.book(stay(&["double"], 1, 3)).await;
    assert_eq!(refused, Err(sold_out("double", 2, 0)));
    // From here on they follow the rooms again.
    house
        .edit(Edit::RoomType(room_type("double", 4)))
        .await
        .unwrap();
    house.book(stay(&["double"; 2], 2, 3)).await.unwrap();
}

async fn allotments_are_set_all_or_none(store: &Arc<dyn Store>) {
    let house = House::open(store, "allot-none", &[("double", 4)]).await;
    house.book(stay(&["double"; 2], 5, 6)).await.unwrap();
    let refused = house
        .edit(Edit::Allotments(vec![
            allotment("double", 1, 2, Some(1)),
            allotment("double", 4, 6, Some(1)),
        ]))
        .await;
    assert!(in_use(&refused), "{refused:?}");
    house.book(stay(&["double"; 4], 1, 2)).await.unwrap();
    house.book(stay(&["double"; 2], 4, 7)).await.unwrap();
}

async fn prices_are_set_by_date(store: &Arc<dyn Store>) {
    let house = House::open(store, "prices", &[("double", 4), ("suite", 2)]).await;
    house
        .edit(Edit::Rates(vec![
            rate("double", 1, 4, Some(9_000)),
            rate("suite", 2, 2, Some(20_000)),
            rate("double", 3, 3, None),
        ]))
        .await
        .unwrap();
    house
        .edit(Edit::Rates(vec![rate("double", 4, 5, Some(8_000))]))
        .await
        .unwrap();
    let nights = store.nights(&house.code, today().plus(2), 3).await.unwrap();
    assert_eq!(nights.version, house.version().await);
    let found: Vec<_> = nights
        .prices
        .iter()
        .map(|(plan, kind, night, price)| {
            (plan.as_str(), kind.as_str(), night.since(today()), *price)
        })
        .collect();
    let expected = [
        ("flexible", "double", 2, Some(9_000)),
        ("flexible", "double", 3, None),
        ("flexible", "double", 4, Some(8_000)),
        ("flexible", "suite", 2, Some(20_000)),
    ];
    assert_eq!(found, expected);
    let other = house.store.nights(&house.code, today().plus(40), 3).await;
    assert_eq!(other.unwrap().prices, []);
}
