//! Submissions, and what a component is told again.

use super::{House, NOW_US, SECOND_US};
use crate::error::{Error, Reason};
use crate::store::{
    Accepted, AccountStore, BlobReferences, IDEMPOTENCY_KEPT_US, NewSubmission, SendingStore,
    SubmittedEmail,
};
use crate::types::{
    Delivered, EmailId, SenderId, StorageId, SubmissionFilter, SubmissionId, ThreadId, UndoStatus,
};

pub(crate) async fn submissions(store: &(impl AccountStore + BlobReferences + SendingStore)) {
    told_as_given(store).await;
    changes_replay(store).await;
    filters(store).await;
    keys(store).await;
    refusals(store).await;
}

async fn told_as_given(store: &(impl AccountStore + BlobReferences + SendingStore)) {
    let house = House::open(store, "told").await;
    let mut new = house
        .submission(&["bob@example.net", "cay@example.net"])
        .await;
    new.send_at_us = NOW_US + SECOND_US;
    let twice = new.envelope.rcpt_to[0].clone();
    new.envelope.rcpt_to.push(twice);
    let accepted = store.submit(new.clone()).await.unwrap().unwrap();
    let expected = Accepted {
        id: new.id,
        accepted_us: NOW_US,
    };
    assert_eq!(accepted, expected);
    let later = NewSubmission {
        now_us: NOW_US + 1,
        ..new.clone()
    };
    assert_eq!(
        store.submit(later).await,
        Ok(Ok(expected)),
        "it is there already"
    );

    let found = house.get(new.id).await;
    let email = new.email.unwrap();
    assert_eq!((found.id, found.sender_id), (new.id, email.sender_id));
    assert_eq!(
        (found.email_id, found.thread_id),
        (email.email_id, email.thread_id)
    );
    assert_eq!(found.envelope.mail_from, new.envelope.mail_from);
    assert_eq!(
        found.envelope.rcpt_to,
        new.envelope.rcpt_to[..2],
        "each once"
    );
    assert_eq!(
        (found.send_at_us, found.undo_status),
        (NOW_US + SECOND_US, UndoStatus::Pending)
    );
    let deliveries: Vec<_> = found
        .deliveries
        .iter()
        .map(|delivery| (delivery.recipient.as_str(), delivery.delivered))
        .collect();
    assert_eq!(
        deliveries,
        [
            ("bob@example.net", Delivered::Queued),
            ("cay@example.net", Delivered::Queued)
        ]
    );
    let second = house.submit(&["dan@example.net"]).await;
    let newest = async |max| -> Vec<SubmissionId> {
        let (found, _) = store.submissions(house.account, None, max).await.unwrap();
        found.into_iter().map(|submission| submission.id).collect()
    };
    assert_eq!(newest(10).await, [second, new.id]);
    assert_eq!(newest(1).await, [second]);
    house
        .store
        .cancel_submission(house.account, new.id, NOW_US)
        .await
        .unwrap()
        .unwrap();
    house
        .store
        .cancel_submission(house.account, second, NOW_US)
        .await
        .unwrap()
        .unwrap();
}

/// Who follows the changes, one at a time or all at once, ends with what is there.
async fn changes_replay(store: &(impl AccountStore + BlobReferences + SendingStore)) {
    let house = House::open(store, "replay").await;
    let start = house.state().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(house.submit(&["bob@example.net"]).await);
    }
    let middle = house.state().await;
    let cancel = store.cancel_submission(house.account, ids[0], NOW_US);
    cancel.await.unwrap().unwrap();
    for id in &ids[1..3] {
        let destroyed = store.destroy_submission(house.account, *id, NOW_US);
        destroyed.await.unwrap().unwrap();
    }
    ids.push(house.submit(&["bob@example.net"]).await);
    let end = house.state().await;

    let since_middle = house.changes(middle).await;
    assert_eq!(
        (since_middle.new_state, since_middle.has_more),
        (end, false)
    );
    assert_eq!(since_middle.created, [ids[4]]);
    assert_eq!(since_middle.updated, [ids[0]]);
    assert_eq!(since_middle.destroyed, ids[1..3]);
    let since_start = house.changes(start).await;
    assert_eq!(since_start.created, [ids[0], ids[3], ids[4]]);
    assert!(since_start.updated.is_empty() && since_start.destroyed.is_empty());

    let (mut state, mut there) = (start, Vec::new());
    loop {
        let page = store
            .submission_changes(house.account, state, 1)
            .await
            .unwrap();
        assert_eq!(page.old_state, state);
        assert!(page.created.len() + page.updated.len() + page.destroyed.len() <= 1);
        there.extend(page.created);
        there.retain(|id| !page.destroyed.contains(id));
        state = page.new_state;
        if !page.has_more {
            break;
        }
    }
    assert_eq!(state, end);
    assert_eq!(there, [ids[0], ids[3], ids[4]]);
    let (left, _) = store
        .submissions(house.account, Some(ids), 10)
        .await
        .unwrap();
    assert_eq!(left.iter().map(|left| left.id).collect::<Vec<_>>(), there);

    // What was destroyed is sent all the same, and is not heard of any more.
    let taken = house.take(NOW_US, 100).await;
    let taken: Vec<_> = taken
        .into_iter()
        .map(|(id, _, tries)| (id, tries))
        .collect();
    assert_eq!(taken.len(), 4);
    for (id, tries) in taken {
        house
            .note(id, "bob@example.net", tries, Delivered::Yes)
            .await;
    }
    let after = house.changes(end).await;
    assert_eq!(after.updated, there[1..]);
    assert!(after.created.is_empty() && after.destroyed.is_empty());
}

async fn filters(store: &(impl AccountStore + BlobReferences + SendingStore)) {
    let house = House::open(store, "filters").await;
    let mut ids = Vec::new();
    for number in 0..3 {
        let mut new = house.submission(&["bob@example.net"]).await;
        let email = new.email.as_mut().unwrap();
        email.email_id.storage = StorageId(10 + number);
        email.thread_id = ThreadId(20 + number);
        new.send_at_us = NOW_US + number * SECOND_US;
        ids.push(store.submit(new).await.unwrap().unwrap().id);
    }
    let cancel = store.cancel_submission(house.account, ids[1], NOW_US);
    cancel.await.unwrap().unwrap();
    let email = |storage| EmailId {
        storage: StorageId(storage),
        generation: 2,
    };
    let all = SubmissionFilter::default;
    let cases = [
        (all(), vec![2, 1, 0]),
        (
            SubmissionFilter {
                emails: Some(vec![email(10), email(12)]),
                ..all()
            },
            vec![2, 0],
        ),
        (
            SubmissionFilter {
                threads: Some(vec![ThreadId(21)]),
                ..all()
            },
            vec![1],
        ),
        (
            SubmissionFilter {
                senders: Some(Vec::new()),
                ..all()
            },
            vec![],
        ),
        (
            SubmissionFilter {
                undo_status: Some(UndoStatus::Pending),
                ..all()
            },
            vec![2, 0],
        ),
        (
            SubmissionFilter {
                undo_status: Some(UndoStatus::Canceled),
                ..all()
            },
            vec![1],
        ),
        (
            SubmissionFilter {
                before_us: Some(NOW_US + SECOND_US),
                ..all()
            },
            vec![0],
        ),
        (
            SubmissionFilter {
                after_us: Some(NOW_US + SECOND_US),
                ..all()
            },
            vec![2, 1],
        ),
    ];
    for (filter, expected) in cases {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|index: usize| ids[index])
            .collect();
        let found = store.query_submissions(house.account, filter.clone(), 10);
        assert_eq!(found.await.unwrap().0, expected, "{filter:?}");
    }
    let (one, state) = store
        .query_submissions(house.account, all(), 1)
        .await
        .unwrap();
    assert_eq!((one, state), (vec![ids[2]], house.state().await));
    for id in [ids[0], ids[2]] {
        let cancel = store.cancel_submission(house.account, id, NOW_US);
        cancel.await.unwrap().unwrap();
    }
}

async fn keys<S: AccountStore + BlobReferences + SendingStore>(store: &S) {
    let house = House::open(store, "keys").await;
    let other = House::open(store, "keys-other").await;
    let state = house.state().await;
    let letter = async |house: &House<'_, S>, key: &str, now_us| {
        let new = NewSubmission {
            email: None,
            category: 2,
            idempotency_key: Some(key.to_owned()),
            send_at_us: now_us,
            now_us,
            ..house.submission(&["bob@example.net"]).await
        };
        (new.id, house.store.submit(new).await.unwrap().unwrap())
    };
    let (id, first) = letter(&house, "key", NOW_US).await;
    assert_eq!(
        first,
        Accepted {
            id,
            accepted_us: NOW_US
        }
    );
    let end_us = NOW_US + IDEMPOTENCY_KEPT_US;
    for now_us in [NOW_US, end_us - 1] {
        assert_eq!(letter(&house, "key", now_us).await.1, first);
    }
    let (elsewhere, second) = letter(&other, "key", NOW_US).await;
    assert_eq!(second.id, elsewhere, "keys are an account's");
    let (another, third) = letter(&house, "another", NOW_US).await;
    assert_eq!(third.id, another);
    let (again, fourth) = letter(&house, "key", end_us).await;
    assert_eq!(
        fourth,
        Accepted {
            id: again,
            accepted_us: end_us
        }
    );
    assert_eq!(letter(&house, "key", end_us + 1).await.1, fourth);

    // A component's is no submission of JMAP.
    assert_eq!(house.state().await, state);
    let (shown, _) = store.submissions(house.account, None, 10).await.unwrap();
    assert_eq!(shown, []);
    let (by_id, _) = store
        .submissions(house.account, Some(vec![id]), 10)
        .await
        .unwrap();
    assert_eq!(by_id, []);
    let cancel = store
        .cancel_submission(house.account, id, NOW_US)
        .await
        .unwrap();
    assert_eq!(cancel.unwrap_err().reason, Reason::NotFound);
    let taken = house.take(end_us, 100).await;
    let mut taken: Vec<_> = taken.into_iter().map(|(id, ..)| id).collect();
    taken.sort_unstable();
    let mut expected = [id, elsewhere, another, again];
    expected.sort_unstable();
    assert_eq!(taken, expected, "each once");
    for (house, id) in [
        (&house, id),
        (&other, elsewhere),
        (&house, another),
        (&house, again),
    ] {
        house.note(id, "bob@example.net", 1, Delivered::Yes).await;
    }
    assert_eq!(house.state().await, state);
}

async fn refusals(store: &(impl AccountStore + BlobReferences + SendingStore)) {
    let house = House::open(store, "refusals").await;
    let state = house.state().await;
    let nobody = house.submission(&[]).await;
    let refusal = store.submit(nobody).await.unwrap().unwrap_err();
    assert_eq!(refusal.reason, Reason::NoRecipients);
    let mut stranger = house.submission(&["bob@example.net"]).await;
    stranger.email = stranger.email.map(|email| SubmittedEmail {
        sender_id: SenderId(u64::from(u32::MAX)),
        ..email
    });
    let refusal = store.submit(stranger).await.unwrap().unwrap_err();
    assert_eq!(refusal.properties, ["identityId"]);
    let id = SubmissionId::generate();
    let cancel = store
        .cancel_submission(house.account, id, NOW_US)
        .await
        .unwrap();
    assert_eq!(cancel.unwrap_err().reason, Reason::NotFound);
    let destroy = store
        .destroy_submission(house.account, id, NOW_US)
        .await
        .unwrap();
    assert_eq!(destroy.unwrap_err().reason, Reason::NotFound);
    assert_eq!(house.state().await, state);
    assert_eq!(house.take(NOW_US, 10).await, []);

    let mut lost = house.submission(&["bob@example.net"]).await;
    lost.account = concierge_identity::AccountId::generate();
    assert_eq!(store.submit(lost).await, Err(Error::AccountNotFound));
}
