//! What is over its time is forgotten, and nothing else.

use super::{Engine, House, NOW_US, keys, snapshot};
use crate::error::Error;
use crate::store::{
    BLOB_CLAIM_US, DELIVERY_KEPT_US, DeliverOutcome, EmailEdit, GRACE_US, LOG_KEPT_US, Store,
    UPLOAD_KEPT_US,
};
use crate::types::{DataType, TimeUs, US_PER_DAY};

async fn sweep(store: &impl Store, now_us: TimeUs) {
    // Little by little.
    while store.sweep(now_us, 2).await.unwrap() > 0 {}
}

pub(crate) async fn sweeping(store: &(impl Engine + Store)) {
    let house = House::open(store, "sweeping").await;
    let inbox = [house.role("inbox").await];
    let email = house.email(&inbox, keys("kept", &[])).await;
    let kept = house.insert(email).await;
    let email = house.email(&inbox, keys("gone", &[])).await;
    let gone = house.insert(email.clone()).await;
    let delivered = house.email(&inbox, keys("delivered", &[])).await;
    house.deliver("d", delivered.clone()).await;
    let upload = house.blob().await;
    store.upload(house.account, upload, NOW_US).await.unwrap();
    let first = snapshot(&house).await.states;
    house.edit(EmailEdit::Destroy(gone.id)).await.unwrap();
    let before = snapshot(&house).await;

    sweep(store, NOW_US + UPLOAD_KEPT_US - 1).await;
    assert!(
        store
            .blob(house.account, upload, NOW_US)
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(store.destroyed(house.account, 9).await.unwrap().len(), 1);
    sweep(store, NOW_US + UPLOAD_KEPT_US).await;
    assert_eq!(store.blob(house.account, upload, NOW_US).await, Ok(None));

    sweep(store, NOW_US + GRACE_US - 1).await;
    assert_eq!(
        house.deliver("d", delivered.clone()).await,
        DeliverOutcome::Before
    );
    assert_eq!(store.destroyed(house.account, 9).await.unwrap().len(), 1);
    let later_us = NOW_US + GRACE_US.max(DELIVERY_KEPT_US);
    sweep(store, later_us).await;
    assert_eq!(store.destroyed(house.account, 9).await, Ok(Vec::new()));
    let back = store
        .restore(house.account, vec![gone.id.storage], later_us)
        .await;
    assert_eq!(back, Ok(Vec::new()));
    let collected = store
        .collect_blobs(later_us + BLOB_CLAIM_US, 99)
        .await
        .unwrap();
    let mut hashes: Vec<_> = collected.iter().map(|key| key.hash).collect();
    hashes.sort_unstable();
    let mut unused = [email.blob, upload];
    unused.sort_unstable();
    assert_eq!(hashes, unused);
    assert_eq!(snapshot(&house).await, before, "what is there is untouched");

    // The log is known for its time, and a day more at most.
    let since = first[&DataType::Email];
    let changes = async || store.email_changes(house.account, since, 9).await;
    assert_eq!(changes().await.unwrap().destroyed, [gone.id]);
    sweep(store, NOW_US + LOG_KEPT_US - 1).await;
    assert_eq!(changes().await.unwrap().destroyed, [gone.id]);
    sweep(store, NOW_US + LOG_KEPT_US + 2 * US_PER_DAY).await;
    assert_eq!(changes().await, Err(Error::CannotCalculateChanges));
    let present = before.states[&DataType::Email];
    let none = store
        .email_changes(house.account, present, 9)
        .await
        .unwrap();
    assert!(none.created.is_empty() && none.updated.is_empty() && none.destroyed.is_empty());
    assert_eq!(snapshot(&house).await, before);

    // The feed still has all that is there from the beginning, until it goes.
    let fed = async || -> Vec<_> {
        let page = store.email_feed(store.shard_of(house.account), 0, 99);
        let changes = page.await.unwrap().changes;
        changes
            .iter()
            .map(|change| (change.storage, change.blob))
            .collect()
    };
    assert_eq!(fed().await.len(), 2);
    assert_eq!(fed().await[0], (kept.id.storage, Some(kept.blob)));
    house.edit(EmailEdit::Destroy(kept.id)).await.unwrap();
    assert_eq!(fed().await[1], (kept.id.storage, None));
    let changes = store
        .email_changes(house.account, present, 9)
        .await
        .unwrap();
    assert_eq!(changes.destroyed, [kept.id]);
}
