//! As whom an account may send.

use super::House;
use crate::error::{Error, Reason};
use crate::store::{AccountStore, BlobReferences, SendingStore};
use crate::types::{Address, SENDERS_MAX, Sender, SenderEdit, SenderId, SenderPatch};

fn sender(name: &str) -> Sender {
    Sender {
        id: SenderId(0),
        name: name.to_owned(),
        email: "ann@example.com".to_owned(),
        reply_to: vec![Address {
            name: Some("Ann 安".to_owned()),
            email: "answers@example.com".to_owned(),
        }],
        bcc: vec![Address {
            name: None,
            email: "all@example.com".to_owned(),
        }],
        text_signature: "-- \nAnn".to_owned(),
        html_signature: "<p>Ann</p>".to_owned(),
        may_delete: true,
    }
}

fn patch(id: SenderId) -> SenderPatch {
    SenderPatch {
        id,
        name: None,
        reply_to: None,
        bcc: None,
        text_signature: None,
        html_signature: None,
    }
}

pub(crate) async fn senders(store: &(impl AccountStore + BlobReferences + SendingStore)) {
    let house = House::open(store, "senders").await;
    let account = house.account;
    let list = async || store.senders(account).await.unwrap();
    let edit = async |state, edits| store.edit_senders(account, state, edits).await;
    let changes = async |since, max| store.sender_changes(account, since, max).await;

    let (first, start) = list().await;
    assert_eq!(first.len(), 1, "the one of its first address");
    assert_eq!(first[0].email, "senders@example.org");
    let made = edit(Some(start), vec![SenderEdit::Create(sender("new"))])
        .await
        .unwrap();
    let id = made.items[0].clone().unwrap();
    let expected = Sender {
        id,
        ..sender("new")
    };
    let (senders, state) = list().await;
    assert_eq!(senders, [first[0].clone(), expected.clone()]);
    assert_eq!((made.old_state, made.new_state), (start, state));
    assert!(state > start);
    assert_eq!(changes(start, 10).await.unwrap().created, [id]);

    // Each edit on its own; what changes nothing makes no new state.
    let stale = edit(Some(start), vec![SenderEdit::Destroy(id)]).await;
    assert_eq!(stale, Err(Error::StateMismatch));
    let none = edit(None, vec![SenderEdit::Update(patch(id))])
        .await
        .unwrap();
    assert_eq!((none.items, none.new_state), (vec![Ok(id)], state));
    let renamed = SenderPatch {
        name: Some("renamed".to_owned()),
        bcc: Some(Vec::new()),
        ..patch(id)
    };
    let edits = vec![
        SenderEdit::Update(patch(SenderId(u64::from(u32::MAX)))),
        SenderEdit::Update(renamed),
        SenderEdit::Destroy(first[0].id),
    ];
    let edited = edit(None, edits).await.unwrap();
    let reasons: Vec<_> = edited
        .items
        .iter()
        .map(|item| item.as_ref().map_err(|refusal| refusal.reason))
        .collect();
    assert_eq!(
        reasons,
        [Err(Reason::NotFound), Ok(&id), Err(Reason::Forbidden)]
    );
    let expected = Sender {
        name: "renamed".to_owned(),
        bcc: Vec::new(),
        ..expected
    };
    assert_eq!(
        list().await,
        (vec![first[0].clone(), expected], edited.new_state)
    );
    let changed = changes(state, 10).await.unwrap();
    assert_eq!((changed.created, changed.updated), (Vec::new(), vec![id]));

    edit(None, vec![SenderEdit::Destroy(id)]).await.unwrap();
    assert_eq!(list().await.0, first);
    assert_eq!(changes(state, 10).await.unwrap().destroyed, [id]);
    let since_start = changes(start, 10).await.unwrap();
    assert_eq!(since_start.created, [], "it came and went");
    assert_eq!(since_start.destroyed, []);
    let future = changes(since_start.new_state + 1, 10).await;
    assert_eq!(future, Err(Error::CannotCalculateChanges));
    of_another_account(store, &house, first[0].id).await;
    no_more_than_the_limit(&house).await;
}

async fn of_another_account<S: AccountStore + BlobReferences + SendingStore>(
    store: &S,
    house: &House<'_, S>,
    id: SenderId,
) {
    let other = House::open(store, "senders-other").await;
    let mine = store.senders(other.account).await.unwrap().0[0].id;
    let edits = vec![
        SenderEdit::Destroy(SenderId(id.0 + 1_000_000)),
        SenderEdit::Update(patch(mine)),
    ];
    let edited = store
        .edit_senders(house.account, None, edits)
        .await
        .unwrap();
    // Numbers are given by a shard: in another one the same number may be a sender of its own.
    let theirs = store.senders(house.account).await.unwrap().0;
    let may = theirs.iter().any(|sender| sender.id == mine);
    assert_eq!(edited.items[1].is_ok(), may);
    assert!(edited.items[0].is_err());
}

async fn no_more_than_the_limit(
    house: &House<'_, impl AccountStore + BlobReferences + SendingStore>,
) {
    let edits = vec![SenderEdit::Create(sender("many")); SENDERS_MAX];
    let edited = house.store.edit_senders(house.account, None, edits);
    let items = edited.await.unwrap().items;
    assert_eq!(
        items.iter().filter(|item| item.is_ok()).count(),
        SENDERS_MAX - 1
    );
    let last = items[SENDERS_MAX - 1].as_ref().unwrap_err();
    assert_eq!(
        (last.reason, last.limit),
        (Reason::OverQuota, SENDERS_MAX as u64)
    );
}
