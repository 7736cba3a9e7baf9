//! The feed between hosts.

use std::time::Duration;

use futures::StreamExt;
use tokio_postgres::{AsyncMessage, NoTls};

use super::server::TestServer;
use crate::store::conformance::fixture::{House, stay};
use crate::store::{FeedEntry, Store, Strategy};

/// Far above what any of it takes: only what never comes fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a host reads after a position, when there is something.
async fn next(store: &dyn Store, after: &mut String) -> Vec<FeedEntry> {
    let reading = async {
        loop {
            let page = store.feed(after, 100).await.unwrap();
            *after = page.next;
            if !page.entries.is_empty() {
                return page.entries;
            }
            store.feed_bell().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap()
}

/// A transaction takes its number, and then it takes a while. Others with later numbers commit meanwhile. A reader that
/// went on behind those would never see what the first one did; so it waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_commits_late_is_not_passed_over() {
    let Some(server) = TestServer::start().await else {
        return;
    };
    let database = server.database().await;
    let writer = server.store(&database, Strategy::Constraint).await;
    let reader = server.store(&database, Strategy::Constraint).await;
    let house = House::open(&writer, "late", &[("double", 9)]).await;
    let mut position = reader.feed_end().await.unwrap();

    let mut slow = server.client(&database).await;
    let late = slow.transaction().await.unwrap();
    let insert = "insert into booking.feed (hotel, kind, subject, at_us) \
        values ('late', 'reservation-changed', 'the-late-one', 1)";
    late.batch_execute(insert).await.unwrap();
    let made = house.book(stay(&["double"], 1, 2)).await.unwrap();
    assert_eq!(house.find(made.id).await, made, "it is committed");
    let page = reader.feed(&position, 100).await.unwrap();
    assert_eq!(page.entries, [], "and not read before the late one");
    let end = reader.feed_end().await.unwrap();
    late.commit().await.unwrap();

    let mut subjects = Vec::new();
    while subjects.len() < 2 {
        let entries = next(&*reader, &mut position).await;
        subjects.extend(entries.into_iter().map(|entry| entry.subject));
    }
    assert_eq!(subjects, ["the-late-one".to_owned(), made.id.to_string()]);
    // Who began at the end while it ran has not passed over it either.
    let page = reader.feed(&end, 100).await.unwrap();
    assert_eq!(page.entries.len(), 2);
}

/// What one host commits, another reads, and is woken for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_hear_of_each_other() {
    let Some(server) = TestServer::start().await else {
        return;
    };
    let database = server.database().await;
    let here = server.store(&database, Strategy::Constraint).await;
    let there = server.store(&database, Strategy::Constraint).await;
    let house = House::open(&here, "heard", &[("double", 9)]).await;

    // The bell itself, as any other host hears it.
    let (client, mut connection) = tokio_postgres::connect(&server.url(&database), NoTls)
        .await
        .unwrap();
    let (rang, mut rings) = tokio::sync::mpsc::unbounded_channel();
    let hearing = tokio::spawn(async move {
        let messages = futures::stream::poll_fn(|context| connection.poll_message(context));
        let mut messages = std::pin::pin!(messages);
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notification(ring) = message {
                let _heard = rang.send(ring.channel().to_owned());
            }
        }
    });
    client.batch_execute("listen booking").await.unwrap();

    let mut position = there.feed_end().await.unwrap();
    for _ in 0..3 {
        let made = house.book(stay(&["double"], 1, 2)).await.unwrap();
        let ring = tokio::time::timeout(PATIENCE, rings.recv()).await.unwrap();
        assert_eq!(ring.as_deref(), Some("booking"));
        let entries = next(&*there, &mut position).await;
        let subjects: Vec<_> = entries.iter().map(|entry| entry.subject.as_str()).collect();
        assert_eq!(subjects, [made.id.to_string()]);
    }
    drop(client);
    hearing.await.unwrap();
}
