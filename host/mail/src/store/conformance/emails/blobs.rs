//! Blobs: claimed, stored, read by who may, and collected when nothing needs them.

use super::{Engine, House, NOW_US, keys};
use crate::error::Error;
use crate::store::{BLOB_CLAIM_US, EmailEdit, Store, UPLOAD_KEPT_US};
use crate::types::BlobHash;

/// Long after every claim and grace.
const LATER_US: u64 = NOW_US + 3 * BLOB_CLAIM_US;

pub(crate) async fn blobs(store: &impl Engine) {
    let ann = House::open(store, "blobs-ann").await;
    let bob = House::open(store, "blobs-bob").await;
    let hash = BlobHash([0xab; 32]);
    let claim = store
        .claim_blob(ann.account, hash, 5, NOW_US)
        .await
        .unwrap();
    assert!(!claim.stored);
    let early = store.upload(ann.account, hash, NOW_US).await;
    assert_eq!(early, Err(Error::NotFound), "its bytes are not there");
    store.blob_stored(claim.key).await.unwrap();
    let again = store
        .claim_blob(ann.account, hash, 5, NOW_US)
        .await
        .unwrap();
    assert_eq!((again.key, again.stored), (claim.key, true));

    let read = async |house: &House<'_, _>, now_us| {
        let found = store.blob(house.account, hash, now_us).await.unwrap();
        found.map(|(_, size)| size)
    };
    assert_eq!(read(&ann, NOW_US).await, None, "nothing refers to it");
    store.upload(ann.account, hash, NOW_US).await.unwrap();
    assert_eq!(read(&ann, NOW_US).await, Some(5));
    assert_eq!(read(&bob, NOW_US).await, None, "it is another's");
    assert_eq!(read(&ann, NOW_US + UPLOAD_KEPT_US).await, None, "for a day");

    let inbox = ann.role("inbox").await;
    let mut email = ann.email(&[inbox], keys("blob", &[])).await;
    email.blob = hash;
    let made = ann.insert(email).await;
    assert_eq!(read(&ann, LATER_US).await, Some(5));
    let uses = store.blob_uses(ann.account, hash).await.unwrap();
    assert_eq!(uses.len(), 1);
    assert_eq!((uses[0].email, uses[0].thread), (made.id, made.thread));
    assert_eq!(uses[0].mailboxes, [inbox]);
    assert_eq!(store.blob_uses(bob.account, hash).await, Ok(Vec::new()));

    ann.edit(EmailEdit::Destroy(made.id)).await.unwrap();
    assert_eq!(read(&ann, LATER_US).await, None);
    assert_eq!(store.blob_uses(ann.account, hash).await, Ok(Vec::new()));
    let collected = store.collect_blobs(LATER_US, 1_000).await.unwrap();
    assert!(!collected.contains(&claim.key), "the email may be restored");
}

/// Uploads that are kept are bounded by what the account may have.
pub(crate) async fn uploads_are_bounded(store: &(impl Engine + Store)) {
    let house = House::open(store, "uploads").await;
    let kept = async |first: u8| {
        let hash = BlobHash([first; 32]);
        let claim = store.claim_blob(house.account, hash, 60_000_000, NOW_US);
        store.blob_stored(claim.await.unwrap().key).await.unwrap();
        hash
    };
    let (one, two) = (kept(0xe1).await, kept(0xe2).await);
    let upload = async |hash, now_us| store.upload(house.account, hash, now_us).await;
    let fits = async |hash, size| store.upload_fits(house.account, hash, size).await;
    assert_eq!(fits(one, 60_000_000).await, Ok(true));
    assert_eq!(upload(one, NOW_US).await, Ok(()));
    assert_eq!(upload(one, NOW_US).await, Ok(()), "the same once more");
    assert_eq!(fits(one, 60_000_000).await, Ok(true), "it is there");
    assert_eq!(fits(two, 60_000_000).await, Ok(false));
    assert_eq!(fits(two, 1).await, Ok(true));
    assert_eq!(upload(two, NOW_US).await, Err(Error::OverQuota));
    let over_us = NOW_US + UPLOAD_KEPT_US;
    store.sweep(over_us, 1_000).await.unwrap();
    assert_eq!(upload(two, over_us).await, Ok(()));
}

/// A blob that is claimed while it is collected is put again, under another key.
pub(crate) async fn claims_race_with_collecting(store: &impl Engine) {
    let house = House::open(store, "blobs-race").await;
    let hash = BlobHash([0xcd; 32]);
    let claim = async |now_us| {
        let claim = store.claim_blob(house.account, hash, 5, now_us);
        claim.await.unwrap()
    };
    let first = claim(NOW_US).await;
    store.blob_stored(first.key).await.unwrap();
    let collected = async |now_us| {
        let keys = store.collect_blobs(now_us, 1_000).await.unwrap();
        keys.contains(&first.key)
    };
    assert!(!collected(NOW_US).await, "it is claimed");
    assert!(collected(LATER_US).await);
    assert!(collected(LATER_US).await, "until it is deleted");
    assert_eq!(
        store.upload(house.account, hash, LATER_US).await,
        Err(Error::NotFound)
    );

    let second = claim(LATER_US).await;
    assert!(!second.stored);
    assert_ne!(second.key, first.key);
    let late = store.blob_stored(first.key).await;
    assert_eq!(late, Err(Error::NotFound), "the first is being deleted");
    store.blob_stored(second.key).await.unwrap();
    store.blob_deleted(first.key).await.unwrap();
    assert!(!collected(LATER_US).await);
    store.upload(house.account, hash, LATER_US).await.unwrap();
    let found = store.blob(house.account, hash, LATER_US).await.unwrap();
    assert_eq!(found, Some((second.key, 5)));
    // What is not collected is not forgotten.
    store.blob_deleted(second.key).await.unwrap();
    let found = store.blob(house.account, hash, LATER_US).await.unwrap();
    assert_eq!(found, Some((second.key, 5)));

    for round in 0..50_u64 {
        race(&house, round).await;
    }
}

/// Claiming and collecting at once: what is claimed as stored is not collected.
async fn race<S: Engine>(house: &House<'_, S>, round: u64) {
    let mut hash = [0xef; 32];
    hash[..8].copy_from_slice(&round.to_le_bytes());
    let hash = BlobHash(hash);
    let claim = house
        .store
        .claim_blob(house.account, hash, 5, NOW_US)
        .await
        .unwrap();
    house.store.blob_stored(claim.key).await.unwrap();
    let (again, collected) = tokio::join!(
        house.store.claim_blob(house.account, hash, 5, LATER_US),
        house.store.collect_blobs(LATER_US, 1_000),
    );
    let (again, collected) = (again.unwrap(), collected.unwrap());
    assert_eq!(again.stored, again.key == claim.key);
    assert!(!collected.contains(&again.key));
    assert_eq!(collected.contains(&claim.key), !again.stored);
    for key in collected {
        house.store.blob_deleted(key).await.unwrap();
    }
}
