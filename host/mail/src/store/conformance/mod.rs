//! The conformance suite: what every engine must do. An engine's tests call each part with an empty store.

pub(crate) mod emails;
mod pushes;
pub(crate) mod sending;

use concierge_identity::AccountId;

pub(crate) use pushes::pushes;

use super::{Access, AccountStore, NewAccount};
use crate::error::Error;
use crate::types::DataType;

/// An account of this name at example.org.
pub(crate) fn account(name: &str) -> NewAccount {
    NewAccount {
        id: AccountId::generate(),
        name: name.to_owned(),
        addresses: vec![format!("{name}@example.org"), format!("{name}@example.com")],
        quota_octets: 1_000_000,
        quota_count: 1_000,
    }
}

/// What [`AccountStore`] promises.
pub(crate) async fn accounts(store: &impl AccountStore) {
    addresses(store).await;
    shares(store).await;
    states(store).await;
}

async fn addresses(store: &impl AccountStore) {
    let (ann, mut bob) = (account("ann"), account("bob"));
    store.put_account(ann.clone()).await.unwrap();
    store.put_account(bob.clone()).await.unwrap();
    let owner = async |address: &str| store.account_of_address(address).await.unwrap();
    assert_eq!(owner("Ann@Example.COM").await, Some(ann.id));
    assert_eq!(owner("nobody@example.org").await, None);

    // An address that is taken leaves both accounts as they were.
    let before = store.states(bob.id).await.unwrap();
    bob.quota_octets = 1;
    bob.addresses = vec!["new@example.org".to_owned(), "ANN@example.org".to_owned()];
    let taken = store.put_account(bob.clone()).await;
    assert!(
        matches!(taken, Err(Error::InvalidArguments(_))),
        "{taken:?}"
    );
    assert_eq!(owner("new@example.org").await, None);
    assert_eq!(owner("bob@example.org").await, Some(bob.id));
    assert_eq!(store.states(bob.id).await.unwrap(), before);

    bob.addresses = vec!["new@example.org".to_owned(), "NEW@example.org".to_owned()];
    store.put_account(bob.clone()).await.unwrap();
    assert_eq!(owner("new@example.org").await, Some(bob.id));
    assert_eq!(owner("bob@example.org").await, None);

    bob.addresses.clear();
    let none = store.put_account(bob).await;
    assert!(matches!(none, Err(Error::InvalidArguments(_))), "{none:?}");
}

async fn shares(store: &impl AccountStore) {
    let (cay, dan) = (account("cay"), account("dan"));
    store.put_account(cay.clone()).await.unwrap();
    store.put_account(dan.clone()).await.unwrap();
    let seen = async || -> Vec<_> {
        let accounts = store.accounts_of(cay.id).await.unwrap();
        accounts
            .into_iter()
            .map(|seen| (seen.id, seen.personal, seen.read_only))
            .collect()
    };
    assert_eq!(seen().await, [(cay.id, true, false)]);
    assert_eq!(store.access(cay.id, dan.id).await, Ok(None));
    for read_only in [true, false] {
        let access = Some(Access { read_only });
        store.share(dan.id, cay.id, access).await.unwrap();
        assert_eq!(store.access(cay.id, dan.id).await, Ok(access));
        assert_eq!(
            seen().await,
            [(cay.id, true, false), (dan.id, false, read_only)]
        );
    }
    assert_eq!(
        store.access(dan.id, cay.id).await,
        Ok(None),
        "shares go one way"
    );
    store.share(dan.id, cay.id, None).await.unwrap();
    assert_eq!(seen().await, [(cay.id, true, false)]);

    let stranger = AccountId::generate();
    let missing = store
        .share(stranger, cay.id, Some(Access { read_only: true }))
        .await;
    assert_eq!(missing, Err(Error::AccountNotFound));
    assert_eq!(store.access(stranger, stranger).await, Ok(None));
    assert_eq!(store.accounts_of(stranger).await, Ok(Vec::new()));
}

async fn states(store: &impl AccountStore) {
    let mut eve = account("eve");
    assert_eq!(store.states(eve.id).await, Err(Error::AccountNotFound));
    assert_eq!(store.quotas(eve.id).await, Err(Error::AccountNotFound));
    store.put_account(eve.clone()).await.unwrap();
    let first = store.states(eve.id).await.unwrap();
    store.put_account(eve.clone()).await.unwrap();
    assert_eq!(
        store.states(eve.id).await.unwrap(),
        first,
        "nothing changed"
    );

    eve.quota_count = 7;
    store.put_account(eve.clone()).await.unwrap();
    let second = store.states(eve.id).await.unwrap();
    for ((data_type, before), (_, after)) in first.into_iter().zip(second) {
        match data_type {
            DataType::Quota => assert!(after > before),
            _ => assert_eq!(after, before, "{data_type:?}"),
        }
    }
    let limits: Vec<_> = store.quotas(eve.id).await.unwrap();
    let limits: Vec<_> = limits
        .iter()
        .map(|quota| (quota.used, quota.hard_limit))
        .collect();
    assert_eq!(limits, [(0, 1_000_000), (0, 7)]);
}
