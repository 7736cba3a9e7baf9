//! What goes out: the feed, what is due, mails, the audit log; and what is swept.

use std::sync::Arc;

use concierge_identity::AccountId;
use uuid::Uuid;

use super::fixture::{
    DAY_US, House, NOW, cancel, confirm, key, rate, room_type, sold_out, stay, today,
};
use crate::error::Error;
use crate::store::{
    AuditEntry, AuditQuery, ChangeKind, Edit, Effects, FEED_KEPT_US, FeedEntry, KEY_KEPT_US, Mail,
    RecordedAnswer, Rule, RuleResult, Store, Who, edits,
};
use crate::types::{MailId, ReservationId, State};

/// The whole feed after a position, two at a time.
async fn feed_after(store: &Arc<dyn Store>, after: &str) -> (Vec<FeedEntry>, String) {
    let mut all = Vec::new();
    let mut after = after.to_owned();
    loop {
        let page = store.feed(&after, 2).await.unwrap();
        assert!(page.entries.len() <= 2);
        after = page.next;
        if page.entries.is_empty() {
            return (all, after);
        }
        all.extend(page.entries);
    }
}

pub(super) async fn feed(store: &Arc<dyn Store>) {
    let (none, start) = feed_after(store, "").await;
    assert_eq!(none, []);
    assert_eq!(
        feed_after(store, &start).await,
        (Vec::new(), start.clone()),
        "a position also where there is nothing"
    );
    let end = store.feed_end().await.unwrap();
    let house = House::open(store, "feed", &[("double", 9)]).await;
    let made = house.book(stay(&["double"], 1, 2)).await.unwrap();
    house.act(made.id, confirm()).await.unwrap();
    house.act(made.id, cancel()).await.unwrap();
    let entry = |kind, subject: String| FeedEntry {
        hotel: house.code.clone(),
        kind,
        subject,
        at_us: NOW,
    };
    let id = made.id.to_string();
    let expected = [
        entry(ChangeKind::CatalogueChanged, house.code.to_string()),
        entry(ChangeKind::CatalogueChanged, "double".to_owned()),
        entry(ChangeKind::CatalogueChanged, "flexible".to_owned()),
        entry(ChangeKind::ReservationCreated, id.clone()),
        entry(ChangeKind::ReservationChanged, id.clone()),
        entry(ChangeKind::ReservationCancelled, id),
    ];
    for from in ["", start.as_str(), end.as_str()] {
        assert_eq!(feed_after(store, from).await.0, expected, "from {from:?}");
    }
    let (_, end) = feed_after(store, "").await;
    let now = store.feed_end().await.unwrap();
    assert_eq!(feed_after(store, &end).await.0, []);
    assert_eq!(feed_after(store, &now).await.0, []);
    let bad = store.feed("no position at all", 2).await;
    assert!(matches!(bad, Err(Error::Invalid { .. })), "{bad:?}");

    the_bell_rings(store, &house, &now).await;
    readers_miss_nothing(store, &now).await;
}

async fn the_bell_rings(store: &Arc<dyn Store>, house: &House, from: &str) {
    let reader = {
        let (store, from) = (Arc::clone(store), from.to_owned());
        tokio::spawn(async move {
            loop {
                let page = store.feed(&from, 10).await.unwrap();
                if !page.entries.is_empty() {
                    return page.entries;
                }
                store.feed_bell().await.unwrap();
            }
        })
    };
    let made = house.book(stay(&["double"], 1, 2)).await.unwrap();
    let heard = reader.await.unwrap();
    assert_eq!(heard[0].subject, made.id.to_string());
}

/// Many hotels change at once while the feed is read: each change is read once, each hotel's in their order.
async fn readers_miss_nothing(store: &Arc<dyn Store>, from: &str) {
    let (_, mut after) = feed_after(store, from).await;
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..6 {
        let store = Arc::clone(store);
        writers.spawn(async move {
            let house = House::open(&store, &format!("miss-{number}"), &[("double", 9)]).await;
            let mut made = Vec::new();
            for _ in 0..5 {
                let reservation = house.book(stay(&["double"], 1, 2)).await.unwrap();
                made.push(reservation.id.to_string());
            }
            (house.code, made)
        });
    }
    let mut read: Vec<FeedEntry> = Vec::new();
    let mut expected = Vec::new();
    while expected.len() < 6 {
        if let Some(written) = writers.try_join_next() {
            expected.push(written.unwrap());
        }
        let (entries, next) = feed_after(store, &after).await;
        read.extend(entries);
        after = next;
        tokio::task::yield_now().await;
    }
    read.extend(feed_after(store, &after).await.0);
    for (hotel, made) in expected {
        let told: Vec<_> = read
            .iter()
            .filter(|entry| entry.hotel == hotel && entry.kind == ChangeKind::ReservationCreated)
            .map(|entry| entry.subject.clone())
            .collect();
        assert_eq!(told, made);
    }
}

pub(super) async fn due(store: &Arc<dyn Store>) {
    let house = House::open(store, "due", &[("double", 9)]).await;
    let mut made = Vec::new();
    for minute in [3, 1, 2] {
        let mut request = house.request(stay(&["double"], 1, 2)).await;
        request.reservation.hold_expires_us = NOW + minute * 60_000_000;
        let decided = house.reserve(request).await.unwrap().unwrap();
        made.push(decided.outcome.unwrap());
    }
    let due = async |now_us, max| -> Vec<ReservationId> {
        let due = store.due(now_us, max).await.unwrap();
        assert!(due.iter().all(|due| due.hotel == house.code));
        assert!(due.is_sorted_by_key(|due| due.due_us));
        due.iter().map(|due| due.reservation).collect()
    };
    let later = NOW + 4 * 60_000_000;
    assert_eq!(due(NOW, 10).await, []);
    assert_eq!(due(NOW + 90_000_000, 10).await, [made[1].id]);
    assert_eq!(due(later, 10).await, [made[1].id, made[2].id, made[0].id]);
    assert_eq!(due(later, 2).await, [made[1].id, made[2].id]);
    house.act(made[1].id, confirm()).await.unwrap();
    house.act(made[2].id, cancel()).await.unwrap();
    assert_eq!(due(later, 10).await, [made[0].id]);
}

pub(crate) fn mail(subject: &str) -> Mail {
    Mail {
        id: MailId::generate(),
        from: "desk@example.org".to_owned(),
        from_name: "Hotel".to_owned(),
        to: "ana@example.org".to_owned(),
        to_name: "Ana Gr\u{fc}n".to_owned(),
        subject: subject.to_owned(),
        text: "Line\nline".to_owned(),
        calendar: "BEGIN:VCALENDAR".to_owned(),
    }
}

pub(super) async fn mails(store: &Arc<dyn Store>) {
    let house = House::open(store, "mails", &[("double", 1)]).await;
    let mails = [mail("one"), mail("two"), mail("three")];
    let mut request = house.request(stay(&["double"], 1, 2)).await;
    request.effects.mails = mails[..2].to_vec();
    let decided = house.reserve(request.clone()).await.unwrap().unwrap();
    let id = decided.outcome.unwrap().id;
    let again = house.reserve(request).await.unwrap().unwrap();
    assert!(!again.now, "nothing is sent again");
    let mut refused = house.request(stay(&["double"], 1, 2)).await;
    refused.effects.mails = vec![mail("never")];
    let refused = house.reserve(refused).await.unwrap().unwrap();
    assert_eq!(refused.outcome, Err(sold_out("double", 1, 0)));
    let last = mails[2].clone();
    let rule: Rule = Arc::new(move |reservation| {
        Ok(Some(RuleResult {
            reservation: reservation.clone(),
            deltas: Vec::new(),
            effects: Effects {
                kind: None,
                what: "reservation.write",
                mails: vec![last.clone()],
            },
        }))
    });
    let before = store.feed_end().await.unwrap();
    house.act(id, rule).await.unwrap();
    assert_eq!(feed_after(store, &before).await.0, [], "no kind, no entry");
    let outbox = async |max| -> Vec<Mail> {
        let queued = store.outbox(max).await.unwrap();
        assert!(queued.iter().all(|queued| queued.hotel == house.code));
        queued.into_iter().map(|queued| queued.mail).collect()
    };
    assert_eq!(outbox(10).await, mails);
    assert_eq!(outbox(1).await, mails[..1]);
    for _ in 0..2 {
        let sent = store.mail_sent(house.code.clone(), mails[0].id).await;
        sent.unwrap();
        assert_eq!(outbox(10).await, mails[1..]);
    }
}

pub(super) async fn audit(store: &Arc<dyn Store>) {
    let house = House::open(store, "audit", &[("double", 2)]).await;
    let clerk = Who::Account(AccountId(Uuid::from_u128(5)));
    let edit = Edit::RoomType(room_type("double", 1));
    let edited = store.edit(house.code.clone(), edit, today(), clerk.clone(), NOW + 1);
    edited.await.unwrap();
    let made = house.book(stay(&["double"], 1, 2)).await.unwrap();
    house.book(stay(&["double"], 1, 2)).await.unwrap_err();
    let mut transition = house.transition(made.id, cancel());
    transition.who = clerk.clone();
    transition.now_us = NOW + 2;
    house.change(transition.clone()).await.unwrap().unwrap();
    house.change(transition).await.unwrap().unwrap();

    let log = async |subject: Option<String>, before, max| -> Vec<AuditEntry> {
        let query = AuditQuery {
            subject,
            before,
            max,
        };
        store.audit(&house.code, query).await.unwrap()
    };
    let all = log(None, 0, 100).await;
    let what: Vec<_> = all.iter().map(|entry| entry.what.as_str()).collect();
    // Newest first; what was refused or changed nothing is not there.
    let expected = [
        "reservation.cancel",
        "reservation.create",
        "room-type.set",
        "rate-plan.set",
        "room-type.set",
        "hotel.set",
    ];
    assert_eq!(what, expected);
    assert!(all.is_sorted_by(|a, b| a.position > b.position));
    assert_eq!(
        (
            &all[0].who,
            all[0].at_us,
            &all[1].who,
            &all[2].who,
            all[2].at_us
        ),
        (&clerk, NOW + 2, &Who::Guest, &clerk, NOW + 1)
    );
    let subjects: Vec<_> = all.iter().map(|entry| entry.subject.as_str()).collect();
    let id = made.id.to_string();
    assert_eq!(
        subjects,
        [&id, &id, "double", "flexible", "double", "audit"]
    );
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(json(&all[0].before), serde_json::to_value(&made).unwrap());
    assert_eq!(json(&all[0].after)["state"], "cancelled");
    assert_eq!(all[1].before, "");
    assert_eq!(json(&all[1].after), serde_json::to_value(&made).unwrap());
    assert_eq!(json(&all[2].before)["rooms"], 2);
    assert_eq!(json(&all[2].after)["rooms"], 1);
    assert_eq!(all[4].before, "");

    assert_eq!(log(Some(id), 0, 100).await, all[..2]);
    assert_eq!(log(None, 0, 2).await, all[..2]);
    assert_eq!(log(None, all[1].position, 2).await, all[2..4]);
    assert_eq!(log(Some("nobody".to_owned()), 0, 100).await, []);
}

pub(super) async fn sweep(store: &Arc<dyn Store>) {
    let house = House::open(store, "sweep", &[("double", 9)]).await;
    let mut request = house.request(stay(&["double"], 1, 2)).await;
    request.key = key("k", 1, NOW);
    let claim = request.key.claim.clone();
    house.reserve(request).await.unwrap().unwrap();
    house
        .edit(Edit::Rates(vec![rate("double", 0, 9, Some(5))]))
        .await
        .unwrap();
    let sweep = async |now_us| {
        let mut swept = 0;
        loop {
            let some = store.sweep(now_us, 3).await.unwrap();
            if some == 0 {
                return swept;
            }
            swept += some;
        }
    };
    let prices = async || {
        let nights = store.nights(&house.code, today(), 30).await.unwrap();
        nights.prices.len()
    };
    let record = || {
        let answer = RecordedAnswer {
            status: 200,
            content_type: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        store.record_answer(house.code.clone(), claim.clone(), answer)
    };
    // The last moment of a key, and the first after it.
    assert_eq!(sweep(NOW + KEY_KEPT_US - 1).await, 0);
    record().await.unwrap();
    assert_eq!(sweep(NOW + KEY_KEPT_US + 1).await, 1);
    assert!(matches!(record().await, Err(Error::NotFound(_))));

    let (told, end) = feed_after(store, "").await;
    assert_eq!(told.len(), 5);
    assert_eq!(sweep(NOW + FEED_KEPT_US - 1).await, 0);
    assert_eq!(sweep(NOW + FEED_KEPT_US + 1).await, told.len());
    assert_eq!(feed_after(store, "").await.0, []);
    house.book(stay(&["double"], 1, 2)).await.unwrap();
    for position in ["", end.as_str()] {
        let (told, _) = feed_after(store, position).await;
        assert_eq!(told.len(), 1, "positions go on, from {position:?}");
    }

    assert_eq!(prices().await, 10);
    let days = u64::try_from(edits::PRICES_KEPT_DAYS).unwrap();
    sweep(NOW + (days - 1) * DAY_US).await;
    assert_eq!(prices().await, 10);
    sweep(NOW + (days + 5) * DAY_US).await;
    let left = prices().await;
    assert!(
        (3..=7).contains(&left),
        "of nights of the last days: {left}"
    );
    sweep(NOW + (days + 30) * DAY_US).await;
    assert_eq!(prices().await, 0);
    assert_eq!(house.reserved("double", 2).await, [0, 2], "inventory stays");
}

pub(super) async fn whole(store: &Arc<dyn Store>) {
    let house = House::open(store, "whole", &[("double", 9)]).await;
    let secret = store.secret().await.unwrap();
    assert_eq!(store.secret().await.unwrap(), secret);
    assert_ne!(secret, [0; 32]);
    store.health().unwrap();
    let made = house.book(stay(&["double"], 1, 2)).await.unwrap();
    assert_eq!(made.state, State::Held);
    let request = house.request(stay(&["double"], 1, 2)).await;
    store.close().await.unwrap();
    let refused = store.reserve(request).await;
    assert!(refused.is_err(), "it takes no more: {refused:?}");
}
