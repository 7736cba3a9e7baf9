//! The outgoing queue.

use std::collections::BTreeSet;

use super::{House, NOW_US, SECOND_US};
use crate::error::{Error, Reason};
use crate::store::{
    AccountStore, BlobReferences, QueueEntry, QueueFilter, QueueSize, QueueState, SendingStore,
};
use crate::types::{Delivered, SubmissionId, UndoStatus};

const BOB: &str = "bob@example.net";
const CAY: &str = "cay@example.net";

pub(crate) async fn queue(store: &(impl AccountStore + BlobReferences + SendingStore)) {
    oldest_first_of_all_accounts(store).await;
    a_lease_excludes_others_and_ends(store).await;
    outcomes_are_told(store).await;
    late_outcomes(store).await;
    undo_ends_with_the_first_take(store).await;
    what_was_given_up(store).await;
}

async fn oldest_first_of_all_accounts(store: &(impl AccountStore + BlobReferences + SendingStore)) {
    let mut expected = Vec::new();
    for number in [3, 0, 4, 1, 2] {
        let house = House::open(store, &format!("oldest-{number}")).await;
        let mut new = house.submission(&[BOB, CAY]).await;
        new.send_at_us = NOW_US + number * SECOND_US;
        let id = store.submit(new).await.unwrap().unwrap().id;
        expected.push((number, house, id));
    }
    expected.sort_by_key(|(number, ..)| *number);
    let house = &expected[0].1;
    assert_eq!(house.take(NOW_US - 1, 100).await, [], "nothing is due");
    let now_us = NOW_US + 3 * SECOND_US;
    let mut taken = Vec::new();
    for max in [3, 2, 100] {
        let some = house.take(now_us, max).await;
        assert!(some.len() <= max);
        taken.extend(some);
    }
    let due: Vec<_> = expected[..4]
        .iter()
        .flat_map(|(_, _, id)| [(*id, BOB.to_owned(), 1), (*id, CAY.to_owned(), 1)])
        .collect();
    assert_eq!(taken, due);
    for (number, house, id) in expected {
        match number {
            4 => {
                let cancel = store.cancel_submission(house.account, id, NOW_US);
                cancel.await.unwrap().unwrap();
            }
            _ => {
                house.note(id, BOB, 1, Delivered::Yes).await;
                house.note(id, CAY, 1, Delivered::Unknown).await;
            }
        }
    }
}

async fn a_lease_excludes_others_and_ends(
    store: &(impl AccountStore + BlobReferences + SendingStore),
) {
    let house = House::open(store, "lease").await;
    let id = house.submit(&[BOB]).await;
    let lease_end_us = NOW_US + 10 * SECOND_US;
    let taken = store.take_queued(NOW_US, lease_end_us, 10).await.unwrap();
    assert_eq!(taken.len(), 1);
    let queued = &taken[0];
    let new = house.submission(&[BOB]).await;
    assert_eq!((queued.account, queued.id), (house.account, id));
    assert_eq!(queued.mail_from, new.envelope.mail_from);
    assert_eq!(queued.recipient, new.envelope.rcpt_to[0]);
    assert_eq!((queued.blob.hash, queued.blob.shard < 16), (new.blob, true));
    assert_eq!((queued.tries, queued.since_us), (1, NOW_US));
    assert_eq!(house.take(lease_end_us - 1, 10).await, []);
    assert_eq!(
        house.take(lease_end_us, 10).await,
        [(id, BOB.to_owned(), 2)]
    );

    // To be tried again at a time of the worker's.
    house.note(id, BOB, 2, Delivered::Queued).await;
    let retry_us = NOW_US + 100 * SECOND_US;
    assert_eq!(house.take(retry_us - 1, 10).await, []);
    assert_eq!(house.take(retry_us, 10).await, [(id, BOB.to_owned(), 3)]);
    // Who took it is gone.
    store.release_queued(retry_us).await.unwrap();
    assert_eq!(house.take(retry_us, 10).await, [(id, BOB.to_owned(), 4)]);
    house.note(id, BOB, 4, Delivered::Yes).await;
    store.release_queued(retry_us).await.unwrap();
    assert_eq!(house.take(u64::from(u32::MAX) * SECOND_US, 10).await, []);
}

async fn outcomes_are_told(store: &(impl AccountStore + BlobReferences + SendingStore)) {
    let house = House::open(store, "outcomes").await;
    let id = house.submit(&[BOB, CAY]).await;
    house.take(NOW_US, 10).await;
    let told = async || -> Vec<_> {
        let submission = house.get(id).await;
        let delivery = |delivery: crate::types::DeliveryStatus| {
            (delivery.recipient, delivery.smtp_reply, delivery.delivered)
        };
        submission.deliveries.into_iter().map(delivery).collect()
    };
    let mut state = house.state().await;
    let steps = [
        (BOB, Delivered::Queued, Delivered::Queued, Delivered::Queued),
        (BOB, Delivered::Yes, Delivered::Yes, Delivered::Queued),
        (CAY, Delivered::Unknown, Delivered::Yes, Delivered::Unknown),
    ];
    for (recipient, delivered, bob, cay) in steps {
        house.note(id, recipient, 1, delivered).await;
        let changes = house.changes(state).await;
        assert_eq!(changes.updated, [id], "{delivered:?}");
        state = changes.new_state;
        let now: Vec<_> = told().await;
        assert_eq!((now[0].2, now[1].2), (bob, cay));
        let noted = now.iter().find(|(to, ..)| to == recipient).unwrap();
        assert_eq!(noted.1, format!("250 {delivered:?}"));
    }
    let before = told().await;
    house.note(id, BOB, 1, Delivered::No).await;
    house
        .note(id, "stranger@example.net", 1, Delivered::No)
        .await;
    house
        .note(SubmissionId::generate(), BOB, 1, Delivered::No)
        .await;
    assert_eq!(told().await, before, "what it came to stays");
    assert_eq!(house.state().await, state);
}

/// A worker that comes back after its lease has ended.
async fn late_outcomes(store: &(impl AccountStore + BlobReferences + SendingStore)) {
    let house = House::open(store, "late").await;
    let id = house.submit(&[BOB, CAY]).await;
    house.take(NOW_US, 10).await;
    let second_us = NOW_US + 10 * SECOND_US;
    assert_eq!(house.take(second_us, 10).await.len(), 2);
    house.note(id, BOB, 1, Delivered::Queued).await;
    assert_eq!(
        house.take(second_us + 10 * SECOND_US - 1, 10).await,
        [],
        "the second lease stands"
    );
    house.note(id, CAY, 1, Delivered::Yes).await;
    let bob_alone = house.take(second_us + 10 * SECOND_US, 10).await;
    assert_eq!(bob_alone, [(id, BOB.to_owned(), 3)], "who has it has it");
    house.note(id, BOB, 3, Delivered::Yes).await;
}

async fn undo_ends_with_the_first_take(
    store: &(impl AccountStore + BlobReferences + SendingStore),
) {
    let house = House::open(store, "undo").await;
    let canceled = house.submit(&[BOB, CAY]).await;
    for _ in 0..2 {
        let cancel = store.cancel_submission(house.account, canceled, NOW_US);
        cancel.await.unwrap().unwrap();
    }
    assert_eq!(house.get(canceled).await.undo_status, UndoStatus::Canceled);
    assert_eq!(house.take(NOW_US, 10).await, []);
    house.note(canceled, BOB, 1, Delivered::Yes).await;
    assert_eq!(
        house.get(canceled).await.deliveries[0].delivered,
        Delivered::No
    );

    let sent = house.submit(&[BOB, CAY]).await;
    let state = house.state().await;
    assert_eq!(house.take(NOW_US, 1).await.len(), 1);
    assert_eq!(house.changes(state).await.updated, [sent]);
    assert_eq!(house.get(sent).await.undo_status, UndoStatus::Final);
    let cancel = store
        .cancel_submission(house.account, sent, NOW_US)
        .await
        .unwrap();
    assert_eq!(cancel.unwrap_err().reason, Reason::CannotUnsend);
    assert_eq!(house.take(NOW_US, 10).await.len(), 1, "the other goes on");

    // Delivered here, without the queue.
    let local = house.submit(&[BOB]).await;
    house.note(local, BOB, 0, Delivered::Yes).await;
    assert_eq!(house.get(local).await.undo_status, UndoStatus::Final);
    assert_eq!(house.take(NOW_US, 10).await, []);
    for recipient in [BOB, CAY] {
        house.note(sent, recipient, 1, Delivered::Yes).await;
    }
}

async fn what_was_given_up(store: &(impl AccountStore + BlobReferences + SendingStore)) {
    let house = House::open(store, "given-up").await;
    let account = house.account;
    let id = house.submit(&[BOB, CAY]).await;
    let mut waiting = house.submission(&[BOB]).await;
    waiting.send_at_us = NOW_US + SECOND_US;
    waiting.category = 2;
    let waits = store.submit(waiting).await.unwrap().unwrap().id;
    house.take(NOW_US, 10).await;
    house.note(id, BOB, 1, Delivered::No).await;
    let list = async |filter: QueueFilter| store.queue(filter, 10).await.unwrap();
    let states = |entries: &[QueueEntry]| -> Vec<_> {
        let entries = entries.iter();
        entries
            .map(|entry| (entry.id, entry.recipient.email.clone(), entry.state))
            .collect()
    };
    let of = |failed| QueueFilter {
        failed,
        account: Some(account),
        ..QueueFilter::default()
    };
    let failed = (id, BOB.to_owned(), QueueState::Failed { failed_us: NOW_US });
    let lease_until_us = NOW_US + 10 * SECOND_US;
    let taken = (id, CAY.to_owned(), QueueState::Taken { lease_until_us });
    let due = (
        waits,
        BOB.to_owned(),
        QueueState::Waiting {
            due_us: NOW_US + SECOND_US,
        },
    );
    let all = list(of(None)).await;
    assert_eq!(states(&all), [failed.clone(), due.clone(), taken.clone()]);
    assert_eq!((all[0].tries, all[0].smtp_reply.as_str()), (1, "250 No"));
    assert_eq!(states(&list(of(Some(true))).await), [failed]);
    assert_eq!(states(&list(of(Some(false))).await), [due.clone(), taken]);
    let category = QueueFilter {
        category: Some(2),
        ..QueueFilter::default()
    };
    assert_eq!(states(&list(category).await), std::slice::from_ref(&due));
    let submission = QueueFilter {
        submission: Some(waits),
        ..QueueFilter::default()
    };
    assert_eq!(states(&list(submission).await), [due]);
    assert_eq!(store.queue(of(None), 1).await.unwrap().len(), 1);
    let size = QueueSize {
        waiting: 2,
        failed: 1,
        first_due_us: Some(NOW_US + SECOND_US),
    };
    assert_eq!(store.queue_size().await, Ok(size));

    // Tried again: it is queued as if new, and its time counts from now on.
    let retry =
        async |id, to: &str, now_us| store.retry_queued(account, id, to.to_owned(), now_us).await;
    let now_us = NOW_US + 2 * SECOND_US;
    assert_eq!(retry(id, CAY, now_us).await, Ok(()), "it is being tried");
    retry(id, BOB, now_us).await.unwrap();
    assert_eq!(
        house.get(id).await.deliveries[0].delivered,
        Delivered::Queued
    );
    let again = store
        .take_queued(now_us, now_us + SECOND_US, 10)
        .await
        .unwrap();
    let again: Vec<_> = again.iter().map(|q| (q.id, q.tries, q.since_us)).collect();
    assert_eq!(again, [(waits, 1, NOW_US + SECOND_US), (id, 2, now_us)]);
    assert_eq!(
        retry(SubmissionId::generate(), BOB, now_us).await,
        Err(Error::NotFound)
    );

    // Dropped: it did not arrive, and nobody tries it again.
    house.note(id, BOB, 2, Delivered::No).await;
    let drop = async |id, to: &str| store.drop_queued(account, id, to.to_owned(), now_us).await;
    for (id, to) in [(id, BOB), (id, CAY), (waits, BOB)] {
        drop(id, to).await.unwrap();
        assert_eq!(drop(id, to).await, Err(Error::NotFound));
        assert_eq!(retry(id, to, now_us).await, Err(Error::NotFound));
    }
    assert_eq!(list(of(None)).await, []);
    assert_eq!(store.queue_size().await, Ok(QueueSize::default()));
    let delivered: Vec<_> = house.get(id).await.deliveries;
    assert!(
        delivered
            .iter()
            .all(|delivery| delivery.delivered == Delivered::No)
    );
}

/// Many take and take back at once: each entry is had by one, and none that was taken back is had.
pub(crate) async fn races<S: AccountStore + BlobReferences + SendingStore>(store: &S) {
    let house = House::open(store, "races").await;
    let mut ids = Vec::new();
    for _ in 0..60 {
        ids.push(house.submit(&[BOB]).await);
    }
    let take = async || {
        let mut taken = Vec::new();
        loop {
            let some = house.take(NOW_US, 4).await;
            if some.is_empty() {
                return taken;
            }
            taken.extend(some.into_iter().map(|(id, ..)| id));
        }
    };
    let cancel = async || {
        let mut canceled = Vec::new();
        for id in &ids {
            let cancel = store.cancel_submission(house.account, *id, NOW_US).await;
            match cancel.unwrap() {
                Ok(()) => canceled.push(*id),
                Err(refusal) => assert_eq!(refusal.reason, Reason::CannotUnsend),
            }
        }
        canceled
    };
    let (one, two, canceled) = tokio::join!(take(), take(), cancel());
    let had: BTreeSet<_> = one.iter().chain(&two).chain(&canceled).collect();
    assert_eq!(
        one.len() + two.len() + canceled.len(),
        ids.len(),
        "each once"
    );
    assert_eq!(had.len(), ids.len());
    for id in canceled {
        assert_eq!(house.get(id).await.undo_status, UndoStatus::Canceled);
    }
    for id in one.into_iter().chain(two) {
        assert_eq!(house.get(id).await.undo_status, UndoStatus::Final);
        house.note(id, BOB, 1, Delivered::Yes).await;
    }
}
