//! What only this engine does, and the suite.

use tempfile::TempDir;

use super::*;
use crate::store::conformance;
use crate::store::{AccountStore, Store};

#[tokio::test]
async fn accounts_conform() {
    for shards in [1, 5] {
        let dir = TempDir::new().unwrap();
        let store = SqliteStore::open(dir.path(), Some(shards)).await.unwrap();
        conformance::accounts(&store).await;
    }
}

#[tokio::test]
async fn pushes_conform() {
    let dir = TempDir::new().unwrap();
    let store = SqliteStore::open(dir.path(), Some(2)).await.unwrap();
    conformance::pushes(&store).await;
}

#[tokio::test]
async fn sending_conforms() {
    use conformance::sending;
    for shards in [1, 3] {
        let dir = TempDir::new().unwrap();
        let store = SqliteStore::open(dir.path(), Some(shards)).await.unwrap();
        sending::senders(&store).await;
        sending::submissions(&store).await;
        sending::queue(&store).await;
        sending::races(&store).await;
        sending::vacation(&store).await;
        let sweep = async |now_us, max| store.sweep(now_us, max).await.unwrap();
        sending::sweep(&store, sweep).await;
        sending::uses(&store, sweep).await;
    }
}

#[tokio::test]
async fn emails_conform() {
    use conformance::emails;
    for shards in [1, 3] {
        let dir = TempDir::new().unwrap();
        let store = SqliteStore::open(dir.path(), Some(shards)).await.unwrap();
        emails::mailboxes(&store).await;
        emails::delivery(&store).await;
        emails::restoring(&store).await;
        emails::blobs(&store).await;
        emails::uploads_are_bounded(&store).await;
        emails::claims_race_with_collecting(&store).await;
    }
}

#[tokio::test]
async fn sweeping_conforms() {
    let dir = TempDir::new().unwrap();
    let store = SqliteStore::open(dir.path(), None).await.unwrap();
    conformance::emails::sweeping(&store).await;
}

#[tokio::test]
async fn threads_conform() {
    let dir = TempDir::new().unwrap();
    let store = SqliteStore::open(dir.path(), None).await.unwrap();
    for seed in 0..3 {
        conformance::emails::shuffled_arrival(&store, seed).await;
    }
}

#[tokio::test]
async fn random_operations_conform() {
    let dir = TempDir::new().unwrap();
    let store = SqliteStore::open(dir.path(), None).await.unwrap();
    for seed in 0..4 {
        conformance::emails::random_operations(&store, seed).await;
    }
}

#[tokio::test]
async fn after_opening_again_all_is_as_it_was() {
    use conformance::emails::{House, keys, random_operations, snapshot};
    let dir = TempDir::new().unwrap();
    let store = SqliteStore::open(dir.path(), Some(2)).await.unwrap();
    let account = random_operations(&store, 7).await;
    let before = snapshot(&House {
        store: &store,
        account,
    })
    .await;
    drop(store);
    let store = SqliteStore::open(dir.path(), None).await.unwrap();
    let house = House {
        store: &store,
        account,
    };
    assert_eq!(snapshot(&house).await, before);
    // Numbers go on where they were.
    let inbox = [house.role("inbox").await];
    let email = house.email(&inbox, keys("after", &[])).await;
    let made = house.insert(email).await;
    assert!(before.emails.keys().all(|id| id.storage < made.id.storage));
    snapshot(&house).await;
}

#[tokio::test]
async fn new_states_are_told_once_they_are_durable() {
    use crate::store::EmailStore;
    use conformance::emails::{House, keys};
    let dir = TempDir::new().unwrap();
    let store = SqliteStore::open(dir.path(), Some(3)).await.unwrap();
    let house = House::open(&store, "told").await;
    let mut states = store.subscribe();
    let before = store.states(house.account).await.unwrap();
    let inbox = [house.role("inbox").await];
    let email = house.email(&inbox, keys("told", &[])).await;
    house.deliver("d", email.clone()).await;
    let after = store.states(house.account).await.unwrap();
    let told = loop {
        // Claiming a blob takes a number and changes no state.
        let told = states.recv().await.unwrap();
        if told.account == house.account {
            break told;
        }
    };
    let mut changed: Vec<_> = after
        .iter()
        .filter(|state| !before.contains(state))
        .collect();
    let mut heard: Vec<_> = told.states.iter().collect();
    changed.sort_unstable();
    heard.sort_unstable();
    assert_eq!(heard, changed);
    assert_eq!(changed.len(), 5, "all but what is sent");
    // What changes nothing is not told: the next that is heard is the next change.
    house.deliver("d", email.clone()).await;
    house.deliver("e", email).await;
    let told = states.recv().await.unwrap();
    let present = store.states(house.account).await.unwrap();
    assert!(told.states.iter().all(|state| present.contains(state)));
}

/// Else a page of a big mailbox would take as long as the mailbox is big.
#[tokio::test]
async fn a_page_is_one_range_scan() {
    let dir = TempDir::new().unwrap();
    let store = SqliteStore::open(dir.path(), None).await.unwrap();
    let account = conformance::account("ann");
    let id = account.id;
    store.put_account(account).await.unwrap();
    for ascending in [false, true] {
        let plan: Vec<String> = store
            .shard(id)
            .read("test", |c| {
                let sql = emails::scan_sql(ascending);
                let mut select = c.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let steps = select.query_map([1, 2, 3, 4, 0], |row| row.get(3))?;
                Ok(steps.collect::<Result<_, _>>()?)
            })
            .unwrap();
        let expected = "SEARCH listed USING PRIMARY KEY (account=? AND list=? AND received_us>? AND received_us<?)";
        assert_eq!(plan, [expected]);
    }
}

#[tokio::test]
async fn opening_again_finds_everything_and_checks_the_shards() {
    let dir = TempDir::new().unwrap();
    let account = conformance::account("ann");
    let id = account.id;
    let store = SqliteStore::open(dir.path(), Some(3)).await.unwrap();
    store.put_account(account).await.unwrap();
    let before = store.states(id).await.unwrap();
    assert!(matches!(
        SqliteStore::open(dir.path(), None).await,
        Err(OpenError::Directory(_))
    ));
    drop(store);
    assert!(matches!(
        SqliteStore::open(dir.path(), Some(4)).await,
        Err(OpenError::Mismatch { .. })
    ));
    assert!(matches!(
        SqliteStore::open(dir.path(), Some(SHARDS_MAX + 1)).await,
        Err(OpenError::Shards(_))
    ));
    let store = SqliteStore::open(dir.path(), None).await.unwrap();
    assert_eq!(store.shards.len(), 3);
    assert_eq!(store.states(id).await.unwrap(), before);
}

#[tokio::test]
async fn an_account_has_its_mailboxes_and_each_has_its_place_in_the_log() {
    let dir = TempDir::new().unwrap();
    let account = conformance::account("ann");
    let id = account.id;
    let store = SqliteStore::open(dir.path(), None).await.unwrap();
    for _ in 0..2 {
        store.put_account(account.clone()).await.unwrap();
    }
    let logged: Vec<String> = store
        .shard(id)
        .read("test", |c| {
            let mut select = c.prepare(
                "SELECT role FROM log JOIN mailbox ON mailbox.number = log.object
                 WHERE log.type = 1 AND log.kind = 1 ORDER BY log.number",
            )?;
            let rows = select.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .unwrap();
    assert_eq!(
        logged,
        ["inbox", "drafts", "sent", "junk", "trash", "archive"]
    );
}
