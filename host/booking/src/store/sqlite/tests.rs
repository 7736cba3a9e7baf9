//! What only this engine does.

use std::cell::RefCell;
use std::path::Path;
use std::sync::mpsc;

use tempfile::TempDir;

use super::*;
use crate::store::conformance::{
    self, House, NOW, allotment, fresh_key, key, mail, rate, sold_out, stay, today, waiting,
    webhook,
};

fn options(dir: &TempDir, shards: Option<u16>, strategy: Strategy) -> SqliteOptions {
    SqliteOptions {
        directory: dir.path().to_owned(),
        shards,
        strategy,
        group_commit: true,
    }
}

async fn conforms(strategy: Strategy, shards: u16, group_commit: bool) {
    let dirs = RefCell::new(Vec::new());
    conformance::everything(strategy, async |strategy| {
        let dir = TempDir::new().unwrap();
        let options = SqliteOptions {
            group_commit,
            ..options(&dir, Some(shards), strategy)
        };
        dirs.borrow_mut().push(dir);
        Arc::new(SqliteStore::open(options).await.unwrap()) as Arc<dyn Store>
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms_pessimistically() {
    conforms(Strategy::Pessimistic, 1, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms_optimistically() {
    conforms(Strategy::Optimistic, 1, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms_by_constraint() {
    conforms(Strategy::Constraint, 1, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms_with_several_shards() {
    conforms(Strategy::Constraint, 5, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms_without_group_commit() {
    conforms(Strategy::Optimistic, 3, false).await;
}

async fn open(dir: &TempDir, shards: Option<u16>) -> Result<Arc<SqliteStore>, OpenError> {
    SqliteStore::open(options(dir, shards, Strategy::Constraint))
        .await
        .map(Arc::new)
}

async fn house(store: &Arc<SqliteStore>, code: &str) -> House {
    let store: Arc<dyn Store> = Arc::clone(store) as _;
    House::open(&store, code, &[("double", 5)]).await
}

#[tokio::test]
async fn the_number_of_shards_is_checked() {
    let dir = TempDir::new().unwrap();
    drop(open(&dir, Some(3)).await.unwrap());
    assert!(matches!(
        open(&dir, Some(4)).await,
        Err(OpenError::Mismatch { .. })
    ));
    assert_eq!(open(&dir, None).await.unwrap().inner.shards.len(), 3);
    for bad in [0, SHARDS_MAX + 1] {
        let dir = TempDir::new().unwrap();
        assert!(matches!(
            open(&dir, Some(bad)).await,
            Err(OpenError::Shards(_))
        ));
    }
}

#[tokio::test]
async fn one_process_at_a_time() {
    let dir = TempDir::new().unwrap();
    let first = open(&dir, None).await.unwrap();
    assert!(matches!(
        open(&dir, None).await,
        Err(OpenError::Directory(_))
    ));
    drop(first);
    open(&dir, None).await.unwrap();
}

#[tokio::test]
async fn opening_again_finds_everything() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir, Some(2)).await.unwrap();
    let (one, two) = (house(&store, "one").await, house(&store, "two").await);
    let made = one.book(stay(&["double"; 2], 1, 3)).await.unwrap();
    let elsewhere = two.book(stay(&["double"], 1, 2)).await.unwrap();
    let secret = store.secret().await.unwrap();
    let end = store.feed_end().await.unwrap();
    store.close().await.unwrap();
    drop((store, one, two));

    let store = open(&dir, None).await.unwrap();
    let of = |code: &str| House {
        store: Arc::clone(&store) as _,
        code: code.parse().unwrap(),
    };
    let (one, two) = (of("one"), of("two"));
    assert_eq!(one.find(made.id).await, made);
    assert_eq!(two.find(elsewhere.id).await, elsewhere);
    assert_eq!(one.reserved("double", 4).await, [0, 2, 2, 0]);
    assert_eq!(store.secret().await.unwrap(), secret);
    assert_eq!(store.feed_end().await.unwrap(), end);
    let next = one.book(stay(&["double"], 1, 2)).await.unwrap();
    let told = store.feed(&end, 10).await.unwrap();
    assert_eq!(told.entries.len(), 1, "positions go on where they were");
    assert_eq!(told.entries[0].subject, next.id.to_string());
}

/// What a COMMIT that failed has written is not known. Nobody may be told that it succeeded, and nothing may be built
/// on it.
#[tokio::test]
async fn a_failed_commit_stops_the_shard() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir, Some(1)).await.unwrap();
    let house = house(&store, "stopped").await;
    let made = house.book(stay(&["double"], 1, 2)).await.unwrap();
    store.health().unwrap();
    let broken = store.inner.shards[0]
        .writer
        .write("break", |tx| Ok(tx.execute_batch("COMMIT")?))
        .await;
    assert_eq!(broken, Err(Error::Internal));
    let request = house.request(stay(&["double"], 1, 2)).await;
    let refused = store.reserve(request).await;
    assert_eq!(refused, Err(Error::Unavailable));
    let why = store.health().unwrap_err();
    assert!(why.contains("shard 0"), "{why}");
    assert_eq!(house.find(made.id).await, made, "reading goes on");
}

/// A disk that is full refuses, and is not the end: when there is room again, it goes on.
#[tokio::test]
async fn a_full_disk_refuses_and_goes_on_later() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir, Some(1)).await.unwrap();
    let house = house(&store, "full").await;
    let limit = async |pages: &'static str| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        let pragma = move |tx: &WriteTx<'_>| Ok(tx.query_row(&sql, [], |_| Ok(()))?);
        store.inner.shards[0].writer.write("limit", pragma).await
    };
    // No page more than there are.
    limit("1").await.unwrap();
    let mut made = 0;
    let refused = loop {
        let mut request = house.request(stay(&["double"], made, made + 1)).await;
        request.reservation.guest.notes = "x".repeat(2_000);
        match store.reserve(request).await {
            Ok(decided) => {
                decided.unwrap().outcome.unwrap();
                made += 1;
            }
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, Error::Unavailable);
    store.health().unwrap();
    let expected: Vec<u32> = (0..30).map(|night| u32::from(night < made)).collect();
    assert_eq!(house.reserved("double", 30).await, expected);
    limit("1000000").await.unwrap();
    house.book(stay(&["double"], made, made + 1)).await.unwrap();
}

#[tokio::test]
async fn an_operation_that_was_submitted_runs_though_nobody_waits() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir, Some(1)).await.unwrap();
    let house = house(&store, "alone").await;
    let request = house.request(stay(&["double"], 1, 2)).await;
    let (go, wait) = mpsc::channel::<()>();
    let block = move |_: &WriteTx<'_>| {
        wait.recv().unwrap();
        Ok(())
    };
    let mut blocker = Box::pin(store.inner.shards[0].writer.write("block", block));
    assert!(futures::poll!(&mut blocker).is_pending());
    {
        let mut reserving = store.reserve(request.clone());
        assert!(futures::poll!(&mut reserving).is_pending());
    }
    go.send(()).unwrap();
    blocker.await.unwrap();
    store.close().await.unwrap();
    assert_eq!(
        house.find(request.reservation.id).await,
        request.reservation
    );
}

/// Operations that wait are committed together.
#[tokio::test]
async fn what_waits_is_committed_at_once() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir, Some(1)).await.unwrap();
    let house = house(&store, "group").await;
    let (go, wait) = mpsc::channel::<()>();
    let block = move |_: &WriteTx<'_>| {
        wait.recv().unwrap();
        Ok(())
    };
    let writer = &store.inner.shards[0].writer;
    let mut blocker = Box::pin(writer.write("block", block));
    assert!(futures::poll!(&mut blocker).is_pending());
    let mut reserving = Vec::new();
    for night in 0..20 {
        let request = house.request(stay(&["double"], night, night + 1)).await;
        let mut reserve = store.reserve(request);
        assert!(futures::poll!(&mut reserve).is_pending());
        reserving.push(reserve);
    }
    let before = writer.status().commits;
    go.send(()).unwrap();
    blocker.await.unwrap();
    for decided in futures::future::join_all(reserving).await {
        decided.unwrap().unwrap().outcome.unwrap();
    }
    // The blocker's group, which may have taken some of them, and that of the others.
    assert!(writer.status().commits <= before + 2);
}

#[tokio::test]
async fn positions_are_of_this_feed() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir, Some(2)).await.unwrap();
    for bad in [
        "1",
        "1,2,3",
        "1,",
        "-1,0",
        "1,99999999999999999999",
        "1,18446744073709551615",
        "a",
    ] {
        let refused = store.feed(bad, 1).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{bad}");
    }
    let house = house(&store, "positions").await;
    house.book(stay(&["double"], 1, 2)).await.unwrap();
    let bad = Some("no position".to_owned());
    let refused = store
        .reservations(&house.code, Filter::Recent, bad, 1)
        .await;
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
}

/// A file as the first release writes it, from `make_fixture`.
const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/store-v1");
const FIXTURE_FILE: &str = "shard-000.db";

/// Run it once for each schema that is released, into a directory of its own.
#[tokio::test]
#[ignore = "writes the fixture"]
async fn make_fixture() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir, Some(1)).await.unwrap();
    let house = house(&store, "fixture").await;
    for edit in [
        Edit::Rates(vec![rate("double", 1, 2, Some(7_000))]),
        Edit::Allotments(vec![allotment("double", 4, 4, Some(1))]),
        Edit::AddWebhook(webhook("a")),
    ] {
        house.edit(edit).await.unwrap();
    }
    let mut request = house.request(stay(&["double"; 2], 1, 3)).await;
    request.key = key("fixture", 1, NOW);
    request.effects.mails = vec![mail("fixture")];
    house
        .reserve(request)
        .await
        .unwrap()
        .unwrap()
        .outcome
        .unwrap();
    house.book(stay(&["double"], 4, 5)).await.unwrap();
    let claim = key("waiting", 1, NOW).claim;
    let place = store.wait(house.code.clone(), waiting(4), claim).await;
    place.unwrap();
    store.close().await.unwrap();
    std::fs::create_dir_all(FIXTURE).unwrap();
    let file = dir.path().join(FIXTURE_FILE);
    std::fs::copy(file, Path::new(FIXTURE).join(FIXTURE_FILE)).unwrap();
}

#[tokio::test]
async fn files_of_the_first_release_can_be_opened() {
    let dir = TempDir::new().unwrap();
    let file = Path::new(FIXTURE).join(FIXTURE_FILE);
    std::fs::copy(file, dir.path().join(FIXTURE_FILE)).unwrap();
    let store = open(&dir, None).await.unwrap();
    let house = House {
        store: Arc::clone(&store) as _,
        code: "fixture".parse().unwrap(),
    };
    assert_eq!(house.reserved("double", 6).await, [0, 2, 2, 0, 1, 0]);
    let refused = house.book(stay(&["double"], 4, 5)).await;
    assert_eq!(refused, Err(sold_out("double", 4, 0)));
    let mut again = house.request(stay(&["double"; 2], 1, 3)).await;
    again.key = key("fixture", 1, NOW);
    let again = house.reserve(again).await.unwrap().unwrap();
    assert!(!again.now);
    assert_eq!(again.outcome.unwrap().reserved_nights().len(), 2);
    let nights = store.nights(&house.code, today(), 9).await.unwrap();
    assert_eq!(nights.prices.len(), 2);
    let told = store.feed("", 100).await.unwrap();
    assert_eq!(told.entries.len(), 7);
    let outbox = store.outbox(9).await.unwrap();
    assert_eq!(outbox[0].mail.subject, "fixture");
    let deliveries = store.webhook_deliveries(NOW, 9).await.unwrap();
    assert_eq!(deliveries.len(), 1);
    let list = store.waiting_list(&house.code, None, 9).await.unwrap();
    assert_eq!(list.len(), 1);
    let mut request = house.request(stay(&["double"], 5, 6)).await;
    request.key = fresh_key();
    house
        .reserve(request)
        .await
        .unwrap()
        .unwrap()
        .outcome
        .unwrap();
}
