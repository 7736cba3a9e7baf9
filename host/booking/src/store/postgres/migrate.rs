//! The tables: made and brought up to date at start-up, by one host at a time.

use rand::TryRng;
use rand::rngs::SysRng;
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

use super::failure::with_sources;

/// What leads from each version of the schema to the next, from nothing on. Only ever appended to.
const MIGRATIONS: [&str; 4] = [
    include_str!("sql/0001_tables.sql"),
    include_str!("sql/0002_inventory.sql"),
    include_str!("sql/0003_keys.sql"),
    include_str!("sql/0004_reservations.sql"),
];

/// How hotels are spread over servers: the first 8 bytes of the SHA-256 of the code, modulo the number of servers.
const HASH: &str = "sha256-mod";

/// What all hosts that start at once wait for. Beside it, functions in the migrations lock a hotel by another first
/// number.
const LOCK_CLASS: i32 = 1_651_470_188;

/// Bytes of the secret of guest tokens.
const SECRET_BYTES: usize = 32;

/// What a database says that it is a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The store.
    pub(super) store: String,
    /// The secret of guest tokens.
    pub(super) secret: [u8; SECRET_BYTES],
}

/// Brings a database up to date and makes sure that it is the server `shard` of `shards`. Without `of`, it may be any
/// store's; a new database becomes a part of `of`, or of a new store.
///
/// # Errors
/// A sentence that says what is wrong.
pub(super) async fn migrate(
    client: &mut Client,
    shard: usize,
    shards: usize,
    of: Option<&Part>,
) -> Result<Part, String> {
    let failed = |error: tokio_postgres::Error| with_sources(&error);
    let transaction = client.transaction().await.map_err(failed)?;
    // Another host may be at it, and large tables take their time.
    let patience = "set local statement_timeout = 0; set local lock_timeout = 0";
    transaction.batch_execute(patience).await.map_err(failed)?;
    let lock = "select pg_advisory_xact_lock($1, 0)";
    transaction
        .execute(lock, &[&LOCK_CLASS])
        .await
        .map_err(failed)?;
    update(&transaction).await?;
    let part = identify(&transaction, shard, shards, of).await?;
    // Rows of a database that was restored elsewhere have numbers of transactions that are yet to come there; nobody
    // would see them.
    let restamp = "update booking.feed set xid = pg_current_xact_id() \
        where xid >= pg_snapshot_xmax(pg_current_snapshot()) and xid <> pg_current_xact_id()";
    transaction.execute(restamp, &[]).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok(part)
}

async fn update(transaction: &Transaction<'_>) -> Result<(), String> {
    let failed = |error: tokio_postgres::Error| with_sources(&error);
    let begin = "create schema if not exists booking; \
        create table if not exists booking.meta (name text primary key, value text not null)";
    transaction.batch_execute(begin).await.map_err(failed)?;
    let version = meta(transaction, "schema_version").await?;
    let version: usize = version.map_or(Ok(0), |text| text.parse()).map_err(|_| {
        "the database's booking.meta has a schema_version that is no number".to_owned()
    })?;
    if version > MIGRATIONS.len() {
        return Err(format!(
            "the database's tables have version {version}, which is newer than this program's {}; update the program",
            MIGRATIONS.len()
        ));
    }
    for (step, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        transaction
            .batch_execute(migration)
            .await
            .map_err(|error| {
                format!(
                    "version {} of the tables cannot be made: {}",
                    step + 1,
                    with_sources(&error)
                )
            })?;
    }
    set_meta(transaction, "schema_version", &MIGRATIONS.len().to_string()).await
}

async fn identify(
    transaction: &Transaction<'_>,
    shard: usize,
    shards: usize,
    of: Option<&Part>,
) -> Result<Part, String> {
    let Some(store) = meta(transaction, "store").await? else {
        let part = match of {
            Some(part) => part.clone(),
            None => Part {
                store: Uuid::new_v4().to_string(),
                secret: new_secret()?,
            },
        };
        set_meta(transaction, "store", &part.store).await?;
        set_meta(transaction, "secret", &hex::encode(part.secret)).await?;
        set_meta(transaction, "hash", HASH).await?;
        set_meta(transaction, "shards", &shards.to_string()).await?;
        set_meta(transaction, "shard", &shard.to_string()).await?;
        return Ok(part);
    };
    for (name, ours) in [
        ("hash", HASH.to_owned()),
        ("shards", shards.to_string()),
        ("shard", shard.to_string()),
    ] {
        let theirs = meta(transaction, name).await?.unwrap_or_default();
        if theirs != ours {
            return Err(format!(
                "the database was made with {name} = {theirs}, and now it is {ours}: \
                 the list of servers and its order must stay as they were when the databases were made"
            ));
        }
    }
    let secret = meta(transaction, "secret").await?.unwrap_or_default();
    let mut bytes = [0; SECRET_BYTES];
    hex::decode_to_slice(&secret, &mut bytes)
        .map_err(|_| "the database's booking.meta has no secret".to_owned())?;
    let part = Part {
        store,
        secret: bytes,
    };
    match of {
        Some(first) if *first != part => Err(
            "the database belongs to another store than the first one's: it was made with other servers".to_owned(),
        ),
        _ => Ok(part),
    }
}

async fn meta(transaction: &Transaction<'_>, name: &str) -> Result<Option<String>, String> {
    let row = transaction
        .query_opt("select value from booking.meta where name = $1", &[&name])
        .await
        .map_err(|error| with_sources(&error))?;
    Ok(row.map(|row| row.get(0)))
}

async fn set_meta(transaction: &Transaction<'_>, name: &str, value: &str) -> Result<(), String> {
    let set = "insert into booking.meta (name, value) values ($1, $2) \
        on conflict (name) do update set value = excluded.value";
    let set = transaction.execute(set, &[&name, &value]).await;
    set.map(|_| ()).map_err(|error| with_sources(&error))
}

fn new_secret() -> Result<[u8; SECRET_BYTES], String> {
    let mut secret = [0; SECRET_BYTES];
    SysRng
        .try_fill_bytes(&mut secret)
        .map_err(|error| format!("the system gives no random bytes: {error}"))?;
    Ok(secret)
}
