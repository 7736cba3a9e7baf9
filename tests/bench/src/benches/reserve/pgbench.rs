//! The baseline: the transaction as anyone would write it, by pgbench: lock the night's row, look, count it up, insert
//! the reservation.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use concierge_test_postgres::Postgres;

use super::house::Case;
use crate::load::Sample;

/// As reported.
pub const NAME: &str = "pgbench, FOR UPDATE";

/// The database of the baseline.
const DATABASE: &str = "plain";

/// Bytes of what is inserted beside the keys: about what a reservation of one room has.
const DOCUMENT_BYTES: usize = 900;

/// The tables, and a row for each hotel.
const TABLES: &str = "
DROP TABLE IF EXISTS inventory, reservations;
CREATE TABLE inventory (
    hotel integer NOT NULL, room_type integer NOT NULL, night integer NOT NULL,
    sellable integer NOT NULL, reserved integer NOT NULL,
    PRIMARY KEY (hotel, room_type, night)
);
CREATE TABLE reservations (
    id uuid PRIMARY KEY, hotel integer NOT NULL, night integer NOT NULL, document text NOT NULL
);
";

/// The transaction.
const SCRIPT: &str = "
\\set hotel random(1, HOTELS)
BEGIN;
SELECT sellable, reserved FROM inventory WHERE hotel = :hotel AND room_type = 1 AND night = 1 FOR UPDATE;
UPDATE inventory SET reserved = reserved + 1 WHERE hotel = :hotel AND room_type = 1 AND night = 1;
INSERT INTO reservations VALUES (gen_random_uuid(), :hotel, 1, 'DOCUMENT');
COMMIT;
";

/// The baseline, ready to run.
pub struct PgBench {
    programs: PathBuf,
    socket: PathBuf,
    script: PathBuf,
    /// Where pgbench writes its logs of transactions.
    logs: PathBuf,
}

impl PgBench {
    /// Makes the tables and the script of a case.
    pub fn prepare(server: &Postgres, case: Case, dir: &Path) -> Result<Self> {
        create_database(server, DATABASE)?;
        let rows = format!(
            "INSERT INTO inventory SELECT hotel, 1, 1, 1000000000, 0 FROM generate_series(1, {}) hotel",
            case.hotels()
        );
        sql(server, DATABASE, TABLES)?;
        sql(server, DATABASE, &rows)?;
        let script = SCRIPT
            .replace("HOTELS", &case.hotels().to_string())
            .replace("DOCUMENT", &"x".repeat(DOCUMENT_BYTES));
        let path = dir.join(format!("{}.sql", case.name()));
        std::fs::write(&path, script)?;
        Ok(Self {
            programs: server.programs().to_owned(),
            socket: server.socket().to_owned(),
            script: path,
            logs: dir.to_owned(),
        })
    }

    /// Runs it for a time.
    pub fn sample(&self, clients: usize, time: Duration) -> Result<Sample> {
        // pgbench knows whole seconds only.
        let seconds = time.as_secs().max(1);
        let prefix = self.logs.join("transactions");
        let output = Command::new(self.programs.join("pgbench"))
            .args([
                "--username=postgres",
                "--no-vacuum",
                "--protocol=prepared",
                "--log",
            ])
            .arg("--log-prefix")
            .arg(&prefix)
            .arg("--host")
            .arg(&self.socket)
            .args([
                "--client",
                &clients.to_string(),
                "--time",
                &seconds.to_string(),
            ])
            .arg("--file")
            .arg(&self.script)
            .arg(DATABASE)
            .output()
            .context("pgbench")?;
        ensure!(output.status.success(), "pgbench: {output:?}");
        let mut sample = Sample::new(&["reserve"]);
        sample.elapsed = Duration::from_secs(seconds);
        self.read_logs(&mut sample)?;
        Ok(sample)
    }

    /// Each line is client, transaction, microseconds, … (PostgreSQL documentation, pgbench, "Per-Transaction Logging").
    fn read_logs(&self, sample: &mut Sample) -> Result<()> {
        for entry in std::fs::read_dir(&self.logs)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if !name.starts_with("transactions.") {
                continue;
            }
            for line in std::fs::read_to_string(&path)?.lines() {
                let taken = line
                    .split(' ')
                    .nth(2)
                    .context("no time in a line of the log")?;
                let taken = Duration::from_micros(taken.parse()?);
                if let Some(operation) = sample.operations.first_mut() {
                    operation.record(taken, 0);
                }
            }
            std::fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// Makes an empty database in place of one that there may be.
pub fn create_database(server: &Postgres, name: &str) -> Result<()> {
    sql(
        server,
        "postgres",
        &format!("DROP DATABASE IF EXISTS {name}"),
    )?;
    sql(server, "postgres", &format!("CREATE DATABASE {name}"))
}

fn sql(server: &Postgres, database: &str, sql: &str) -> Result<()> {
    let output = Command::new(server.programs().join("psql"))
        .args([
            "--username=postgres",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--command",
            sql,
        ])
        .arg("--host")
        .arg(server.socket())
        .arg(database)
        .output()
        .context("psql")?;
    ensure!(output.status.success(), "{sql}: {output:?}");
    Ok(())
}
