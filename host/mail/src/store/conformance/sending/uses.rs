//! The bytes of a message are there as long as something of it may be sent.

use super::{House, NOW_US};
use crate::error::Reason;
use crate::store::{
    AccountStore, BLOB_CLAIM_US, BlobKey, BlobReferences, NewSubmission, SUBMISSION_KEPT_US,
    SendingStore,
};
use crate::types::{BlobHash, Delivered, TimeUs, US_PER_DAY};

const BOB: &str = "bob@example.net";
const CAY: &str = "cay@example.net";

/// With the engine's sweep: how many of at most so many went.
pub(crate) async fn uses<S: AccountStore + BlobReferences + SendingStore>(
    store: &S,
    sweep: impl AsyncFn(TimeUs, usize) -> usize,
) {
    let house = House::open(store, "uses").await;
    let unknown = NewSubmission {
        blob: BlobHash([1; 32]),
        ..house.submission(&[BOB]).await
    };
    let refusal = store.submit(unknown.clone()).await.unwrap().unwrap_err();
    assert_eq!(refusal.reason, Reason::BlobNotFound);
    let claim = store.claim_blob(house.account, unknown.blob, 10, NOW_US);
    claim.await.unwrap();
    let refusal = store.submit(unknown.clone()).await.unwrap().unwrap_err();
    assert_eq!(refusal.reason, Reason::BlobNotFound, "claimed and not put");

    // Each ends in another way. All bytes are collectable but for their use.
    let mut messages = Vec::new();
    for number in 10..15 {
        messages.push(Message::submit(&house, number).await);
    }
    let [delivered, canceled, dropped, swept, destroyed] = messages.as_slice() else {
        panic!("five");
    };
    let end_us = NOW_US + SUBMISSION_KEPT_US.max(BLOB_CLAIM_US) + US_PER_DAY;
    let gone = async |now_us| store.collect_blobs(now_us, 1_000).await.unwrap();
    let all = [delivered, canceled, dropped, swept, destroyed];
    let before = gone(end_us).await;
    for message in all {
        assert!(!before.contains(&message.key), "{message:?}");
    }
    house.note(delivered.id, BOB, 0, Delivered::Yes).await;
    assert!(!gone(end_us).await.contains(&delivered.key), "one is left");
    house.note(delivered.id, CAY, 0, Delivered::Unknown).await;
    let cancel = store.cancel_submission(house.account, canceled.id, NOW_US);
    cancel.await.unwrap().unwrap();
    for message in [dropped, swept] {
        for to in [BOB, CAY] {
            house.note(message.id, to, 0, Delivered::No).await;
        }
    }
    for to in [BOB, CAY] {
        let drop = store.drop_queued(house.account, dropped.id, to.to_owned(), NOW_US);
        drop.await.unwrap();
    }
    let destroy = store.destroy_submission(house.account, destroyed.id, NOW_US);
    destroy.await.unwrap().unwrap();
    let after = gone(end_us).await;
    for (message, is_gone) in [
        (delivered, true),
        (canceled, true),
        (dropped, true),
        (swept, false),
        (destroyed, false),
    ] {
        assert_eq!(after.contains(&message.key), is_gone, "{message:?}");
    }
    while sweep(end_us, 100).await > 0 {}
    let later_us = end_us + US_PER_DAY;
    let after = gone(later_us).await;
    assert!(
        after.contains(&swept.key),
        "what was given up goes after its time"
    );
    assert!(!after.contains(&destroyed.key), "it is sent all the same");
    let taken = store.take_queued(NOW_US, later_us, 100).await.unwrap();
    let keys: Vec<_> = taken
        .iter()
        .map(|queued| (queued.id, queued.blob))
        .collect();
    assert_eq!(keys, [(destroyed.id, destroyed.key); 2]);
    for to in [BOB, CAY] {
        house.note(destroyed.id, to, 1, Delivered::Yes).await;
    }
    assert!(gone(later_us).await.contains(&destroyed.key));
}

#[derive(Debug)]
struct Message {
    id: crate::types::SubmissionId,
    key: BlobKey,
}

impl Message {
    /// With bytes of its own.
    async fn submit<S: AccountStore + BlobReferences + SendingStore>(
        house: &House<'_, S>,
        number: u8,
    ) -> Self {
        let new = NewSubmission {
            blob: BlobHash([number; 32]),
            ..house.submission(&[BOB, CAY]).await
        };
        let claim = house.store.claim_blob(house.account, new.blob, 10, NOW_US);
        let key = claim.await.unwrap().key;
        house.store.blob_stored(key).await.unwrap();
        let accepted = house.store.submit(new).await.unwrap().unwrap();
        Self {
            id: accepted.id,
            key,
        }
    }
}
