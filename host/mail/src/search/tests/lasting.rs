//! What is left after a crash, and the index made anew.

use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use concierge_identity::AccountId;

use super::super::{MailSearch, Progress};
use super::world::{World, crash, find, message, text, try_find};
use crate::error::Error;
use crate::store::EmailStore;
use crate::types::StorageId;

async fn deliver_many(world: &World, account: AccountId, from: usize) -> Vec<StorageId> {
    let mut made = Vec::new();
    for number in from..from + 20 {
        let one = message("Many", &format!("many of them, word{number}"));
        made.push(world.deliver(account, &one).await.id.storage);
    }
    made
}

async fn fed(search: &MailSearch, shard: u16) -> u64 {
    search.feeder.shelf.fed(shard).await.unwrap().1
}

#[tokio::test]
async fn after_a_crash_it_goes_on_from_what_was_committed() {
    let world = World::new(1).await;
    let ann = world.account("ann").await;
    let search = world.search().await;
    let mut expected = deliver_many(&world, ann, 0).await;
    assert_eq!(find(&search, ann, text("many")).await, expected);
    search.feeder.shelf.commit().await.unwrap();
    let committed = fed(&search, 0).await;
    expected.extend(deliver_many(&world, ann, 20).await);
    assert_eq!(find(&search, ann, text("many")).await, expected);
    assert!(fed(&search, 0).await > committed);
    crash(search).await;

    let search = world.search().await;
    assert_eq!(fed(&search, 0).await, committed);
    assert_eq!(find(&search, ann, text("many")).await, expected);
    let end = fed(&search, 0).await;
    search.close().await.unwrap();
    drop(search);
    let search = world.search().await;
    assert_eq!(fed(&search, 0).await, end, "closing commits");
}

#[tokio::test]
async fn it_follows_the_store_by_itself() {
    let world = World::new(2).await;
    let ann = world.account("ann").await;
    let shard = world.store.shard_of(ann);
    let before = deliver_many(&world, ann, 0).await.len();
    let search = world.following().await;
    for round in 1..3 {
        deliver_many(&world, ann, round * before).await;
        let end = async {
            loop {
                let at = fed(&search, shard).await;
                let page = world.store.email_feed(shard, at, 1).await.unwrap();
                if page.changes.is_empty() && at > 0 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        let fed = tokio::time::timeout(Duration::from_secs(60), end).await;
        fed.unwrap();
    }
    search.close().await.unwrap();
}

#[tokio::test]
async fn it_is_made_anew_from_the_store() {
    let world = World::new(3).await;
    let mut accounts = Vec::new();
    for name in ["ann", "bob", "cay", "dan"] {
        let account = world.account(name).await;
        accounts.push((account, deliver_many(&world, account, 0).await));
    }
    let search = world.search().await;
    let all_found = async |search: &MailSearch| {
        for (account, expected) in &accounts {
            assert_eq!(find(search, *account, text("many")).await, *expected);
        }
    };
    all_found(&search).await;
    let told = Mutex::new(Vec::<Progress>::new());
    search
        .rebuild(&|progress| told.lock().unwrap().push(progress))
        .await
        .unwrap();
    let last = *told.lock().unwrap().last().unwrap();
    assert_eq!(last.changes, 80);
    assert_eq!(fed(&search, last.shard).await, last.position);
    all_found(&search).await;
    crash(search).await;

    // Damaged, and of another form: it is made anew when it is opened.
    for damage in ["{}", ""] {
        std::fs::write(world.directory().join("meta.json"), damage).unwrap();
        let search = world.search().await;
        assert_eq!(fed(&search, 0).await, 0);
        all_found(&search).await;
        search.close().await.unwrap();
    }
}

#[tokio::test]
async fn lost_bytes_keep_nobody_else_from_being_found() {
    let world = World::new(1).await;
    let ann = world.account("ann").await;
    let search = world.search().await;
    deliver_many(&world, ann, 0).await;
    world.blobs.lose();
    let found = deliver_many(&world, ann, 20).await;
    assert_eq!(find(&search, ann, text("many")).await, found);
}

#[tokio::test]
async fn a_search_that_cannot_see_everything_says_so() {
    let world = World::new(1).await;
    let ann = world.account("ann").await;
    let search = world.search().await;
    let mut expected = deliver_many(&world, ann, 0).await;
    assert_eq!(find(&search, ann, text("many")).await, expected);
    expected.extend(deliver_many(&world, ann, 20).await);
    world.blobs.are_away.store(true, Ordering::Release);
    let unavailable = try_find(&search, ann, text("many")).await;
    assert_eq!(unavailable, Err(Error::Unavailable));
    assert!(search.health().is_err());
    world.blobs.are_away.store(false, Ordering::Release);
    assert_eq!(find(&search, ann, text("many")).await, expected);
    assert_eq!(search.health(), Ok(()));
}
