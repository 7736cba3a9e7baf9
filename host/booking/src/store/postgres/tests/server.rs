//! A server for a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use concierge_test_postgres::Postgres;
use tokio::sync::Mutex;
use tokio_postgres::{Client, NoTls};

use crate::store::postgres::{PostgresOptions, PostgresStore};
use crate::store::{Store, Strategy};

pub(super) struct TestServer {
    server: Mutex<Postgres>,
    /// Where its socket is.
    directory: String,
    databases: AtomicU32,
}

impl TestServer {
    /// Starts a server; none where there is no PostgreSQL.
    pub(super) async fn start() -> Option<Self> {
        let server = Postgres::start().await.unwrap()?;
        let server = Self {
            directory: server.socket().display().to_string(),
            server: Mutex::new(server),
            databases: AtomicU32::new(0),
        };
        // Nothing runs by itself that would hold the feed up for a moment.
        server.set("autovacuum", "off").await;
        Some(server)
    }

    /// Sets a setting of the server, and waits until new connections have it.
    pub(super) async fn set(&self, name: &str, value: &str) {
        let client = self.client("postgres").await;
        let set = format!("alter system set {name} = {value}");
        client.batch_execute(&set).await.unwrap();
        client
            .batch_execute("select pg_reload_conf()")
            .await
            .unwrap();
        let has = async || {
            let client = self.client("postgres").await;
            let row = client
                .query_one("select current_setting($1)", &[&name])
                .await;
            row.unwrap().get::<_, String>(0) == value
        };
        while !has().await {
            tokio::task::yield_now().await;
        }
    }

    /// Kills it where it stands, with all connections.
    pub(super) async fn kill(&self) {
        self.server.lock().await.kill().await.unwrap();
    }

    /// Starts it again after it was killed.
    pub(super) async fn start_again(&self) {
        self.server.lock().await.start_again().await.unwrap();
    }

    pub(super) fn url(&self, database: &str) -> String {
        format!("host={} user=postgres dbname={database}", self.directory)
    }

    /// A connection of the test's own.
    pub(super) async fn client(&self, database: &str) -> Client {
        let connected = tokio_postgres::connect(&self.url(database), NoTls).await;
        let (client, connection) = connected.unwrap();
        // It ends when the client is dropped.
        tokio::spawn(connection);
        client
    }

    /// A new database.
    pub(super) async fn database(&self) -> String {
        let name = format!("b{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let create = format!("create database {name} encoding 'UTF8' template template0");
        let client = self.client("postgres").await;
        client.batch_execute(&create).await.unwrap();
        name
    }

    pub(super) fn options(&self, database: &str, strategy: Strategy) -> PostgresOptions {
        PostgresOptions {
            strategy,
            connections_max: 6,
            ..PostgresOptions::new(vec![self.url(database)])
        }
    }

    /// A host's store on a database.
    pub(super) async fn store(&self, database: &str, strategy: Strategy) -> Arc<dyn Store> {
        let options = self.options(database, strategy);
        Arc::new(PostgresStore::open(options).await.unwrap())
    }
}
