//! What is over its time.

use super::{House, NOW_US};
use crate::error::Error;
use crate::store::{
    AccountStore, BlobReferences, LOG_KEPT_US, NewSubmission, QueueFilter, SUBMISSION_KEPT_US,
    SendingStore, VACATION_PERIOD_US,
};
use crate::types::{Delivered, TimeUs};

const BOB: &str = "bob@example.net";

/// With the engine's sweep: how many of at most so many went.
pub(crate) async fn sweep<S: AccountStore + BlobReferences + SendingStore>(
    store: &S,
    sweep: impl AsyncFn(TimeUs, usize) -> usize,
) {
    let all = async |now_us| while sweep(now_us, 2).await > 0 {};
    all(NOW_US).await;
    let house = House::open(store, "sweep").await;
    let start = house.state().await;
    let [settled, failed, waits] = [
        house.submit(&[BOB]).await,
        house.submit(&[BOB]).await,
        house.submit(&[BOB]).await,
    ];
    house.note(settled, BOB, 0, Delivered::Yes).await;
    house.note(failed, BOB, 0, Delivered::No).await;
    let letter = NewSubmission {
        email: None,
        idempotency_key: Some("key".to_owned()),
        ..house.submission(&[BOB]).await
    };
    store.submit(letter.clone()).await.unwrap().unwrap();
    house.note(letter.id, BOB, 0, Delivered::Yes).await;
    let answer = store.answer_vacation(house.account, BOB.to_owned(), NOW_US);
    assert!(answer.await.unwrap());
    let shown = async || {
        let (shown, _) = store.submissions(house.account, None, 10).await.unwrap();
        shown.into_iter().map(|shown| shown.id).collect::<Vec<_>>()
    };

    let end_us = NOW_US + SUBMISSION_KEPT_US;
    all(end_us - 1).await;
    assert_eq!(shown().await, [waits, failed, settled]);
    let middle = house.state().await;
    assert!(sweep(end_us, 2).await > 0);
    all(end_us).await;
    assert_eq!(shown().await, [waits], "what waits stays");
    let mut destroyed = house.changes(middle).await.destroyed;
    destroyed.sort_unstable();
    assert_eq!(destroyed, [settled, failed]);
    let of_house = QueueFilter {
        account: Some(house.account),
        ..QueueFilter::default()
    };
    let queued = store.queue(of_house, 10).await.unwrap();
    assert_eq!(queued.len(), 1, "what was given up goes with it");
    assert_eq!(queued[0].id, waits);
    let retry = store.retry_queued(house.account, failed, BOB.to_owned(), end_us);
    assert_eq!(retry.await, Err(Error::NotFound));
    let again = store.submit(letter.clone()).await.unwrap().unwrap();
    assert_eq!(again.accepted_us, NOW_US, "it is queued anew");
    house.note(letter.id, BOB, 0, Delivered::Yes).await;

    // Rows that tell ids go when nobody can ask for them any more; what is sent meanwhile is the last to go.
    let destroy = store.destroy_submission(house.account, waits, end_us);
    destroy.await.unwrap().unwrap();
    all(end_us + LOG_KEPT_US).await;
    house.note(waits, BOB, 0, Delivered::Yes).await;
    all(end_us + LOG_KEPT_US + VACATION_PERIOD_US).await;
    assert_eq!(
        sweep(end_us + LOG_KEPT_US + VACATION_PERIOD_US, 100).await,
        0
    );
    let told = store.submission_changes(house.account, start, 100).await;
    assert_eq!(
        told,
        Err(Error::CannotCalculateChanges),
        "it is too long ago"
    );
}
