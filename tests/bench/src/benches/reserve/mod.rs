//! `reserve`: reservations a second, by engine and strategy. The baseline is plain PostgreSQL that does the same by
//! `SELECT … FOR UPDATE`, driven by pgbench.

mod house;
mod pgbench;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use concierge_booking::store::postgres::{PostgresOptions, PostgresStore};
use concierge_booking::store::sqlite::{SqliteOptions, SqliteStore};
use concierge_booking::store::{Store, Strategy};
use concierge_test_postgres::Postgres;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::load::Sample;
use crate::options::Options;
use crate::report::{Aim, Outcome, Report, Row, rows};
use crate::rounds::Rounds;
use house::{Case, Houses};
use pgbench::PgBench;

/// Options of `reserve`.
#[derive(clap::Args)]
pub struct ReserveOptions {
    /// Reservations that are asked for at once.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Hotels of the spread case.
    #[arg(long, default_value_t = 1_000)]
    hotels: u32,
    /// Files of the SQLite engine.
    #[arg(long, default_value_t = 1)]
    shards: u16,
}

/// An engine that is measured.
struct Engine {
    name: String,
    store: Arc<dyn Store>,
}

const STRATEGIES: [(&str, Strategy); 3] = [
    ("pessimistic", Strategy::Pessimistic),
    ("optimistic", Strategy::Optimistic),
    ("constraint", Strategy::Constraint),
];

/// The strategy that is the default, and that the aims are about.
const DEFAULT: &str = "constraint";

/// Measures, and says what came out.
pub fn run(options: &Options, of_reserve: &ReserveOptions) -> Result<Report> {
    let dir = options.temporary()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let postgres = runtime.block_on(Postgres::start())?;
    let mut report = Report::new("reserve");
    let hotels = options.pick(of_reserve.hotels, of_reserve.hotels.min(20));
    for case in [Case::Hot, Case::Spread(hotels)] {
        let engines = runtime.block_on(engines(
            &dir.path().join(case.name()),
            of_reserve,
            postgres.as_ref(),
        ))?;
        let mut contenders = Vec::new();
        for engine in engines {
            let houses = runtime.block_on(Houses::open(Arc::clone(&engine.store), case))?;
            contenders.push((engine, Arc::new(houses)));
        }
        let plain = postgres
            .as_ref()
            .map(|server| PgBench::prepare(server, case, dir.path()))
            .transpose()?;
        let rounds = options.rounds(of_reserve.clients);
        let measured = measure(&runtime, plain.as_ref(), &contenders, rounds, options.seed)?;
        let measured = rows(case.name(), &measured);
        if matches!(case, Case::Hot) && plain.is_some() {
            say_aims(&measured, &mut report);
        }
        report.rows.extend(measured);
        for (engine, _) in contenders {
            runtime.block_on(engine.store.close())?;
        }
    }
    Ok(report)
}

/// What is aimed at, against plain PostgreSQL on one hot row.
fn say_aims(measured: &[Row], report: &mut Report) {
    for (engine, aim) in [("SQLite", 10.0), ("PostgreSQL", 2.0)] {
        let name = format!("{engine} {DEFAULT}");
        if let Some(ratio) = measured
            .iter()
            .find(|row| row.server == name)
            .and_then(|row| row.ratio)
        {
            report
                .aims
                .push(Aim::at_least(format!("hot: {name}"), ratio, aim));
        }
    }
}

async fn engines(
    dir: &Path,
    of_reserve: &ReserveOptions,
    postgres: Option<&Postgres>,
) -> Result<Vec<Engine>> {
    let mut engines = Vec::new();
    for (name, strategy) in STRATEGIES {
        for (group_commit, more) in [(true, ""), (false, ", no group commit")] {
            let name = format!("SQLite {name}{more}");
            let options = SqliteOptions {
                directory: dir.join(&name),
                shards: Some(of_reserve.shards),
                strategy,
                group_commit,
            };
            let store = Arc::new(SqliteStore::open(options).await?);
            engines.push(Engine { name, store });
        }
    }
    let Some(server) = postgres else {
        return Ok(engines);
    };
    for (name, strategy) in STRATEGIES {
        let database = format!(
            "{}_{name}",
            dir.file_name()
                .and_then(|name| name.to_str())
                .unwrap_or("case")
        );
        pgbench::create_database(server, &database)?;
        let mut options = PostgresOptions::new(vec![server.url_of(&database)]);
        options.strategy = strategy;
        let store = Arc::new(PostgresStore::open(options).await.context("PostgreSQL")?);
        let name = format!("PostgreSQL {name}");
        engines.push(Engine { name, store });
    }
    Ok(engines)
}

/// A B C … in turn, so that what changes on the machine meets all alike.
fn measure(
    runtime: &Runtime,
    plain: Option<&PgBench>,
    contenders: &[(Engine, Arc<Houses>)],
    rounds: Rounds,
    seed: u64,
) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    if plain.is_some() {
        outcomes.push(Outcome {
            server: pgbench::NAME.into(),
            samples: Vec::new(),
        });
    }
    for (engine, _) in contenders {
        outcomes.push(Outcome {
            server: engine.name.clone(),
            samples: Vec::new(),
        });
    }
    // The round before the first is not counted.
    for round in 0..=rounds.rounds {
        let time = if round == 0 {
            rounds.warm_up
        } else {
            rounds.slice
        };
        let mut samples = Vec::new();
        if let Some(plain) = plain {
            samples.push(plain.sample(rounds.connections, time)?);
        }
        for (_, houses) in contenders {
            let seed = seed.wrapping_add(round as u64);
            samples.push(runtime.block_on(slice(houses, rounds.connections, time, seed))?);
        }
        if round > 0 {
            for (outcome, sample) in outcomes.iter_mut().zip(samples) {
                outcome.samples.push(sample);
            }
        }
    }
    Ok(outcomes)
}

/// Loads one engine for a time.
async fn slice(houses: &Arc<Houses>, clients: usize, time: Duration, seed: u64) -> Result<Sample> {
    let began = Instant::now();
    let put_off = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for client in 0..clients {
        let houses = Arc::clone(houses);
        let put_off = Arc::clone(&put_off);
        let mut rng =
            SmallRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(client as u64));
        tasks.spawn(async move {
            let mut sample = Sample::new(&["reserve"]);
            while began.elapsed() < time {
                let reserve = houses.next(&mut rng);
                let asked = Instant::now();
                if houses.reserve(reserve).await? {
                    if let Some(operation) = sample.operations.first_mut() {
                        operation.record(asked.elapsed(), 0);
                    }
                } else {
                    put_off.fetch_add(1, Ordering::Relaxed);
                }
            }
            anyhow::Ok(sample)
        });
    }
    let mut all = Sample::new(&["reserve"]);
    while let Some(sample) = tasks.join_next().await {
        let sample = sample??;
        for (all, one) in all.operations.iter_mut().zip(&sample.operations) {
            all.latency_ns.add(&one.latency_ns)?;
        }
    }
    all.elapsed = began.elapsed();
    // What was given up after its retries: the aborted tries that a guest would see.
    all.errors = put_off.load(Ordering::Relaxed);
    Ok(all)
}
