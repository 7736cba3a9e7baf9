//! Webhooks: each is told of each change of a reservation, in order, until it has it or it is given up.

use std::sync::Arc;

use super::fixture::{House, NOW, cancel, confirm, room_type, stay};
use crate::store::{ChangeKind, Edit, Store, Webhook, WebhookDelivery};
use crate::types::{Reservation, TimeUs, WebhookId};

pub(super) async fn all(store: &Arc<dyn Store>) {
    let house = House::open(store, "webhooks", &[("double", 9)]).await;
    let unheard = house.book(stay(&["double"], 1, 2)).await.unwrap();
    let (first, second) = (webhook("a"), webhook("b"));
    for webhook in [&first, &second] {
        house.edit(Edit::AddWebhook(webhook.clone())).await.unwrap();
    }
    let mut kept = store.webhooks(&house.code).await.unwrap();
    kept.sort_by(|a, b| a.url.cmp(&b.url));
    assert_eq!(kept, [first.clone(), second.clone()]);
    assert_eq!(due(store, NOW).await, [], "what was before is not told");
    assert_eq!(house.find(unheard.id).await, unheard);

    let made = things_happen(&house).await;
    deliveries_are_in_order(&house, &first, &made).await;
    failures_are_tried_again_until_given_up(&house, &second, &made).await;
    what_is_removed_is_not_told(&house, &first, &second).await;
}

pub(crate) fn webhook(name: &str) -> Webhook {
    Webhook {
        id: WebhookId::generate(),
        url: format!("https://example.org/{name}"),
        secret: "secret".to_owned(),
        last_failure: String::new(),
    }
}

/// A reservation is made, confirmed and cancelled; another is made; and in between, things that are not told.
async fn things_happen(house: &House) -> [Reservation; 2] {
    let one = house.book(stay(&["double"], 1, 2)).await.unwrap();
    house.act(one.id, confirm()).await.unwrap();
    house
        .edit(Edit::RoomType(room_type("double", 8)))
        .await
        .unwrap();
    let elsewhere = House::open(&house.store, "webhooks-other", &[("double", 9)]).await;
    elsewhere.book(stay(&["double"], 1, 2)).await.unwrap();
    house.book(stay(&["double"; 20], 1, 2)).await.unwrap_err();
    let two = house.book(stay(&["double"], 1, 2)).await.unwrap();
    house.act(one.id, cancel()).await.unwrap();
    [house.find(one.id).await, two]
}

async fn due(store: &Arc<dyn Store>, now_us: TimeUs) -> Vec<WebhookDelivery> {
    store.webhook_deliveries(now_us, 10).await.unwrap()
}

async fn due_to(house: &House, webhook: &Webhook, now_us: TimeUs) -> Option<WebhookDelivery> {
    let due = due(&house.store, now_us).await;
    let mut due = due.into_iter().filter(|due| due.webhook.id == webhook.id);
    let first = due.next();
    assert!(due.next().is_none(), "one after the other");
    first
}

async fn delivered(
    house: &House,
    webhook: &Webhook,
    delivery: u64,
    failure: Option<(String, Option<TimeUs>)>,
) {
    house
        .store
        .webhook_delivered(house.code.clone(), webhook.id, delivery, failure)
        .await
        .unwrap();
}

const TOLD: [(ChangeKind, usize); 4] = [
    (ChangeKind::ReservationCreated, 0),
    (ChangeKind::ReservationChanged, 0),
    (ChangeKind::ReservationCreated, 1),
    (ChangeKind::ReservationCancelled, 0),
];

async fn deliveries_are_in_order(house: &House, webhook: &Webhook, made: &[Reservation; 2]) {
    let mut last = 0;
    for (kind, of) in TOLD {
        let due = due_to(house, webhook, NOW).await.unwrap();
        assert_eq!((due.kind, due.tries, due.at_us), (kind, 0, NOW));
        assert_eq!((&due.hotel, &due.webhook), (&house.code, webhook));
        assert_eq!(due.reservation, made[of], "as it is now");
        let again = due_to(house, webhook, NOW).await;
        assert_eq!(again, Some(due.clone()), "until it is delivered");
        assert!(due.delivery > last);
        // What was delivered before changes nothing.
        delivered(house, webhook, last, None).await;
        last = due.delivery;
        delivered(house, webhook, due.delivery, None).await;
        delivered(house, webhook, due.delivery, None).await;
    }
    assert_eq!(due_to(house, webhook, NOW).await, None);
}

async fn failures_are_tried_again_until_given_up(
    house: &House,
    webhook: &Webhook,
    made: &[Reservation; 2],
) {
    let first = due_to(house, webhook, NOW).await.unwrap();
    let failure = |text: &str, retry_us| Some((text.to_owned(), retry_us));
    delivered(
        house,
        webhook,
        first.delivery,
        failure("no", Some(NOW + 10)),
    )
    .await;
    assert_eq!(due_to(house, webhook, NOW + 9).await, None);
    let again = due_to(house, webhook, NOW + 11).await.unwrap();
    assert_eq!((again.delivery, again.tries), (first.delivery, 1));
    assert_eq!(again.webhook.last_failure, "no");
    assert_eq!(again.reservation, made[0]);
    let given_up = failure("never", None);
    delivered(house, webhook, first.delivery, given_up).await;
    let next = due_to(house, webhook, NOW + 11).await.unwrap();
    assert!(next.delivery > first.delivery);
    assert_eq!((next.kind, next.tries), (TOLD[1].0, 0));
    assert_eq!(next.webhook.last_failure, "never");
    delivered(house, webhook, next.delivery, None).await;
    let kept = house.store.webhooks(&house.code).await.unwrap();
    let kept = kept.iter().find(|kept| kept.id == webhook.id).unwrap();
    assert_eq!(kept.last_failure, "", "it works again");
}

async fn what_is_removed_is_not_told(house: &House, first: &Webhook, second: &Webhook) {
    house.edit(Edit::RemoveWebhook(second.id)).await.unwrap();
    assert_eq!(due(&house.store, NOW + 11).await, []);
    let kept = house.store.webhooks(&house.code).await.unwrap();
    assert_eq!(kept, std::slice::from_ref(first));
    house.book(stay(&["double"], 1, 2)).await.unwrap();
    assert!(due_to(house, first, NOW).await.is_some());
    assert_eq!(due(&house.store, NOW).await.len(), 1);
    // A delivery that was under way when it was removed.
    delivered(house, second, 1, None).await;
}
