//! What is refused at start-up, and what several hosts find when they start.

use super::server::TestServer;
use crate::store::postgres::{OpenError, PostgresOptions, PostgresStore, place_of};
use crate::store::{Store, Strategy};
use crate::types::HotelCode;

async fn refusal(options: PostgresOptions) -> String {
    match PostgresStore::open(options).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn servers_that_may_forget_are_refused() {
    let Some(server) = TestServer::start().await else {
        return;
    };
    let database = server.database().await;
    for name in ["fsync", "full_page_writes", "synchronous_commit"] {
        server.set(name, "off").await;
        let refused = refusal(server.options(&database, Strategy::Constraint)).await;
        let expected = format!(
            "the server has {name} = off and may lose reservations that it acknowledged; set it to on"
        );
        assert!(refused.ends_with(&expected), "{refused}");
        server.set(name, "on").await;
    }
    let store = server.store(&database, Strategy::Constraint).await;
    store.health().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_stays_where_it_is() {
    let Some(server) = TestServer::start().await else {
        return;
    };
    let (first, second) = (server.database().await, server.database().await);
    let options = |databases: &[&str]| PostgresOptions {
        urls: databases.iter().map(|name| server.url(name)).collect(),
        ..server.options(&first, Strategy::Constraint)
    };
    // Hosts that start at once: one makes the tables, and all are of one store.
    let both = [first.as_str(), second.as_str()];
    let mut hosts = tokio::task::JoinSet::new();
    for _ in 0..3 {
        hosts.spawn(PostgresStore::open(options(&both)));
    }
    let mut secrets = Vec::new();
    for host in hosts.join_all().await {
        secrets.push(host.unwrap().secret().await.unwrap());
    }
    assert!(
        secrets.iter().all(|secret| *secret == secrets[0]),
        "{secrets:?}"
    );

    let refused = refusal(options(&both[..1])).await;
    assert!(
        refused.contains("was made with shards = 2, and now it is 1"),
        "{refused}"
    );
    let refused = refusal(options(&[&second, &first])).await;
    assert!(
        refused.contains("was made with shard = 1, and now it is 0"),
        "{refused}"
    );
    let other = server.database().await;
    let another = server.database().await;
    PostgresStore::open(options(&[&other, &another]))
        .await
        .unwrap();
    let refused = refusal(options(&[&first, &another])).await;
    assert!(refused.contains("belongs to another store"), "{refused}");

    let client = server.client(&first).await;
    let newer = "update booking.meta set value = '999' where name = 'schema_version'";
    client.batch_execute(newer).await.unwrap();
    let refused = refusal(options(&both)).await;
    assert!(refused.contains("newer than this program's"), "{refused}");
    assert_eq!(refusal(options(&[])).await, OpenError::NoServer.to_string());
    let refused = refusal(options(&["nothing-there"])).await;
    assert!(refused.contains("does not exist"), "{refused}");
}

#[test]
fn hotels_stay_on_their_servers() {
    // Written down: where these are is where their tables are.
    let place = |code: &str, shards| place_of(&code.parse::<HotelCode>().unwrap(), shards);
    assert_eq!(place("grand-hotel", 1), 0);
    let places = ["grand-hotel", "h1", "h2", "h3", "h4"].map(|code| place(code, 4));
    assert_eq!(places, [0, 3, 2, 0, 3]);
}
