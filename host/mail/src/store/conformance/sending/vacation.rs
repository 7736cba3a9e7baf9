//! The answer of someone who is away.

use super::{House, NOW_US};
use crate::error::Error;
use crate::store::{AccountStore, BlobReferences, SendingStore, VACATION_PERIOD_US};
use crate::types::{DataType, Vacation};

pub(crate) async fn vacation(store: &(impl AccountStore + BlobReferences + SendingStore)) {
    let house = House::open(store, "vacation").await;
    let account = house.account;
    let (none, start) = store.vacation(account).await.unwrap();
    assert_eq!(none, Vacation::default());
    let away = Vacation {
        enabled: true,
        from_us: Some(1),
        to_us: None,
        subject: Some("Away".to_owned()),
        text: Some("不在".to_owned()),
        html: None,
    };
    let (old, new) = store
        .set_vacation(account, Some(start), away.clone())
        .await
        .unwrap();
    assert_eq!(old, start);
    assert!(new > old);
    assert_eq!(store.vacation(account).await.unwrap(), (away.clone(), new));
    let states = store.states(account).await.unwrap();
    assert!(states.contains(&(DataType::VacationResponse, new)));
    let again = store.set_vacation(account, Some(new), away.clone()).await;
    assert_eq!(again, Ok((new, new)), "nothing changed");
    let stale = store.set_vacation(account, Some(start), Vacation::default());
    assert_eq!(stale.await, Err(Error::StateMismatch));
    assert_eq!(store.vacation(account).await.unwrap().0, away);
    each_sender_is_answered_once(&house).await;
}

async fn each_sender_is_answered_once(
    house: &House<'_, impl AccountStore + BlobReferences + SendingStore>,
) {
    let other = House::open(house.store, "vacation-other").await;
    let answer = async |account, sender: &str, now_us| {
        let answered = house
            .store
            .answer_vacation(account, sender.to_owned(), now_us);
        answered.await.unwrap()
    };
    let end_us = NOW_US + VACATION_PERIOD_US;
    assert!(answer(house.account, "bob@example.net", NOW_US).await);
    assert!(!answer(house.account, "Bob@Example.Net", NOW_US).await);
    assert!(answer(house.account, "cay@example.net", NOW_US).await);
    assert!(answer(other.account, "bob@example.net", NOW_US).await);
    assert!(!answer(house.account, "bob@example.net", end_us - 1).await);
    assert!(answer(house.account, "bob@example.net", end_us).await);
    assert!(!answer(house.account, "bob@example.net", end_us + 1).await);
}
