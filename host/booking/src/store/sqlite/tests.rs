//! What only this engine does.

use std::cell::RefCell;

use tempfile::TempDir;

use super::*;
use crate::store::conformance;

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
