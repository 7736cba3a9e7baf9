//! The server that tests start can be killed and comes back with what was committed.

use anyhow::ensure;
use concierge_test_postgres::Postgres;
use tokio::process::Command;

async fn sql(server: &Postgres, sql: &str) -> anyhow::Result<String> {
    let mut psql = Command::new(server.programs().join("psql"));
    psql.args([
        "--username=postgres",
        "--no-align",
        "--tuples-only",
        "--command",
        sql,
    ]);
    let output = psql.arg("--host").arg(server.socket()).output().await?;
    ensure!(output.status.success(), "{sql}: {output:?}");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[tokio::test]
async fn what_was_committed_survives_a_kill() -> anyhow::Result<()> {
    let Some(mut server) = Postgres::start().await? else {
        return Ok(());
    };
    sql(&server, "CREATE TABLE kept AS SELECT 42 AS number").await?;
    server.kill().await?;
    ensure!(sql(&server, "SELECT 1").await.is_err(), "it still answers");
    server.start_again().await?;
    ensure!(sql(&server, "SELECT number FROM kept").await? == "42");
    Ok(())
}
