//! Delivery once, quotas, refusals, and what was destroyed.

use super::{Engine, House, NOW_US, account, keys, patch, snapshot};
use crate::error::{Error, Reason};
use crate::store::{DeliverOutcome, EmailEdit};
use crate::types::{DataType, Done, MailboxId};

/// The same delivery for the same recipient happens once; a full account takes none.
pub(crate) async fn delivery(store: &impl Engine) {
    once(store).await;
    quotas(store).await;
    refusals(store).await;
}

async fn once(store: &impl Engine) {
    let house = House::open(store, "once").await;
    let inbox = house.role("inbox").await;
    let email = house.email(&[inbox], keys("once", &[])).await;
    let before = snapshot(&house).await;
    let DeliverOutcome::Delivered(made) = house.deliver("d1", email.clone()).await else {
        panic!("it was not delivered");
    };
    let after = snapshot(&house).await;
    assert!(after.states[&DataType::EmailDelivery] > before.states[&DataType::EmailDelivery]);
    assert_eq!(
        house.deliver("d1", email.clone()).await,
        DeliverOutcome::Before
    );
    assert_eq!(snapshot(&house).await, after, "nothing changed");

    // Still not when it was destroyed meanwhile.
    house.edit(EmailEdit::Destroy(made.id)).await.unwrap();
    assert_eq!(
        house.deliver("d1", email.clone()).await,
        DeliverOutcome::Before
    );

    let mut other = house.delivery("d1", email.clone());
    other.recipient = "ann+list@example.org".to_owned();
    let outcome = store.deliver(other).await.unwrap();
    assert!(matches!(outcome, DeliverOutcome::Delivered(_)));

    // Many at once: one is delivered.
    let deliveries = (0..8).map(|_| store.deliver(house.delivery("d2", email.clone())));
    let outcomes = futures::future::join_all(deliveries).await;
    let delivered = |outcome: &&Result<_, _>| matches!(outcome, Ok(DeliverOutcome::Delivered(_)));
    assert_eq!(outcomes.iter().filter(delivered).count(), 1);

    // A mailbox that is not there is the inbox.
    let mut lost = email;
    lost.mailboxes = vec![MailboxId(u64::from(u32::MAX))];
    let DeliverOutcome::Delivered(made) = house.deliver("d3", lost).await else {
        panic!("it was not delivered");
    };
    assert_eq!(snapshot(&house).await.emails[&made.id].mailboxes, [inbox]);
}

async fn quotas(store: &impl Engine) {
    let mut new = account("full");
    (new.quota_octets, new.quota_count) = (250, 3);
    let account = new.id;
    store.put_account(new.clone()).await.unwrap();
    let house = House { store, account };
    let inbox = [house.role("inbox").await];
    let email = house.email(&inbox, keys("full", &[])).await;
    let first = house.insert(email.clone()).await;
    house.insert(email.clone()).await;
    let full = store.deliver(house.delivery("d1", email.clone())).await;
    assert_eq!(full, Err(Error::OverQuota), "300 octets are more than 250");
    let refused = house.edit(EmailEdit::Insert(Box::new(email.clone()))).await;
    assert_eq!(refused.unwrap_err().reason, Reason::OverQuota);
    let seen = snapshot(&house).await;
    assert_eq!(seen.emails.len(), 2);

    // What was not delivered may be tried again, once there is place.
    house.edit(EmailEdit::Destroy(first.id)).await.unwrap();
    let outcome = house.deliver("d1", email.clone()).await;
    assert!(matches!(outcome, DeliverOutcome::Delivered(_)));
    let restored = store.restore(account, vec![first.id.storage], NOW_US).await;
    assert_eq!(restored, Err(Error::OverQuota));

    new.quota_octets = 1_000;
    new.quota_count = 2;
    store.put_account(new).await.unwrap();
    let full = store.deliver(house.delivery("d2", email)).await;
    assert_eq!(full, Err(Error::OverQuota), "a third email");
    snapshot(&house).await;
}

/// What is refused leaves everything as it was, and the other edits of the call are done.
async fn refusals(store: &impl Engine) {
    let house = House::open(store, "refusals").await;
    let inbox = house.role("inbox").await;
    let email = house.email(&[inbox], keys("refusals", &[])).await;
    let made = house.insert(email.clone()).await;
    let before = snapshot(&house).await;
    let bad_patch = |change: fn(&mut crate::types::Patch)| {
        let mut patch = patch(made.id);
        change(&mut patch);
        EmailEdit::Update(patch)
    };
    let mut no_blob = email.clone();
    no_blob.blob.0[31] = 9;
    let mut nowhere = email.clone();
    nowhere.mailboxes.clear();
    let mut gone = made.id;
    gone.generation = 7;
    let edits = [
        (EmailEdit::Insert(Box::new(no_blob)), Reason::BlobNotFound),
        (
            EmailEdit::Insert(Box::new(nowhere)),
            Reason::InvalidProperties,
        ),
        (EmailEdit::Destroy(gone), Reason::NotFound),
        (
            bad_patch(|patch| patch.mailboxes = Some(Vec::new())),
            Reason::InvalidProperties,
        ),
        (
            bad_patch(|patch| patch.add_mailboxes = vec![MailboxId(1 << 40)]),
            Reason::InvalidProperties,
        ),
        (
            bad_patch(|patch| patch.add_keywords = vec!["two words".to_owned()]),
            Reason::InvalidProperties,
        ),
        (
            bad_patch(|patch| {
                patch.add_keywords = (0..101).map(|number| format!("k{number}")).collect();
            }),
            Reason::TooManyKeywords,
        ),
    ];
    for (edit, reason) in edits.clone() {
        let refusal = house.edit(edit).await.unwrap_err();
        assert_eq!(refusal.reason, reason, "{}", refusal.description);
    }
    assert_eq!(snapshot(&house).await, before);

    let mut calls: Vec<_> = edits.into_iter().map(|(edit, _)| edit).collect();
    let state = before.states[&DataType::Email];
    let stale = store.edit_emails(house.account, Some(state - 1), calls.clone(), NOW_US);
    assert_eq!(stale.await, Err(Error::StateMismatch));
    calls.push(EmailEdit::Destroy(made.id));
    let done = store.edit_emails(house.account, Some(state), calls, NOW_US);
    let done = done.await.unwrap();
    assert_eq!(done.old_state, state);
    assert_eq!(done.items.last(), Some(&Ok(Done::Destroyed(made.id))));
    assert!(snapshot(&house).await.emails.is_empty());
}

/// What was destroyed is listed and comes back, with its thread, under a new id; the feed tells each of them.
pub(crate) async fn restoring(store: &impl Engine) {
    let house = House::open(store, "restoring").await;
    let inbox = [house.role("inbox").await];
    let shard = store.shard_of(house.account);
    let mut position = 0;
    let mut heard = async || {
        let mut told = Vec::new();
        loop {
            let page = store.email_feed(shard, position, 2).await.unwrap();
            if page.position == position {
                assert!(page.changes.is_empty());
                return told;
            }
            position = page.position;
            let own = |change: &crate::store::EmailChange| change.account == house.account;
            let changes = page.changes.into_iter().filter(own);
            told.extend(changes.map(|change| (change.storage, change.blob)));
        }
    };
    assert!(heard().await.is_empty());
    let first = house.email(&inbox, keys("r1", &[])).await;
    let first = house.insert(first).await;
    let second = house.email(&inbox, keys("r2", &["r1"])).await;
    let second = house.insert(second).await;
    let storages = [first.id.storage, second.id.storage];
    assert_eq!(
        heard().await,
        [
            (storages[0], Some(first.blob)),
            (storages[1], Some(second.blob))
        ]
    );
    let before = snapshot(&house).await;

    for made in [first, second] {
        house.edit(EmailEdit::Destroy(made.id)).await.unwrap();
    }
    assert_eq!(heard().await, [(storages[0], None), (storages[1], None)]);
    assert!(snapshot(&house).await.emails.is_empty());
    let destroyed = store.destroyed(house.account, 10).await.unwrap();
    let listed: Vec<_> = destroyed.iter().map(|email| email.storage).collect();
    assert_eq!(listed, [storages[1], storages[0]], "newest first");
    assert_eq!(
        store.destroyed(house.account, 1).await.unwrap(),
        destroyed[..1]
    );
    assert_eq!(destroyed[0].mailboxes, inbox);

    let unknown = crate::types::StorageId(1 << 40);
    let back = store.restore(
        house.account,
        vec![storages[1], unknown, storages[0]],
        NOW_US,
    );
    let back = back.await.unwrap();
    assert_eq!(heard().await.len(), 2);
    let after = snapshot(&house).await;
    assert_eq!(after.threads.len(), 1);
    assert_eq!(after.emails.len(), 2);
    for (id, made) in back.iter().zip([second, first]) {
        assert_eq!((id.storage, id.generation), (made.id.storage, 1));
        let (now, then) = (&after.emails[id], &before.emails[&made.id]);
        assert_eq!(
            (&now.mailboxes, &now.preview),
            (&then.mailboxes, &then.preview)
        );
    }
    let again = store
        .restore(house.account, storages.to_vec(), NOW_US)
        .await;
    assert_eq!(again, Ok(Vec::new()));
}
