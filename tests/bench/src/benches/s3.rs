//! `s3`: GET and PUT of several sizes by one and by many clients, and a mix.

use std::path::Path;

use anyhow::Result;

use crate::load::Workload;
use crate::options::{self, Options};
use crate::report::{Aim, Report, rows};
use crate::rounds::{Contender, compare};
use crate::s3::{
    Credentials, Endpoint, Gets, Mixed, Payload, PayloadKind, Puts, check_round_trip,
    create_bucket, put_many,
};
use crate::servers::concierge;
use crate::servers::disk::SyncedWrites;
use crate::servers::process::Server;

/// Options of `s3`.
#[derive(clap::Args)]
pub struct S3Options {
    /// Sizes of the objects.
    #[arg(long = "size", value_parser = options::size, value_delimiter = ',', default_values = ["4KiB", "1MiB", "64MiB"])]
    sizes: Vec<u64>,
    /// Numbers of connections.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32])]
    clients: Vec<usize>,
    /// What to measure.
    #[arg(long = "operation", value_enum, value_delimiter = ',', default_values = ["put", "get", "mixed"])]
    operations: Vec<OperationKind>,
    /// Size of the objects of the mix.
    #[arg(long, value_parser = options::size, default_value = "1MiB")]
    mixed_size: u64,
    /// How bodies are vouched for.
    #[arg(long, value_enum, default_value = "sdk")]
    payload: PayloadKind,
    /// Another S3 endpoint to measure in the same run: NAME=URL,KEY,SECRET[,REGION[,PID]].
    #[arg(long = "endpoint", value_name = "ENDPOINT")]
    endpoints: Vec<Endpoint>,
    /// Measure the baseline and the other endpoints only.
    #[arg(long)]
    without_concierge: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum OperationKind {
    Put,
    Get,
    /// 45% GET, 15% PUT, 10% DELETE, 30% STAT, as `warp mixed`.
    Mixed,
}

const BARE: &str = "bare files";
const OURS: &str = "concierge";
/// Bodies of one size that differ, so that no two neighbours are alike.
const PAYLOADS: u64 = 16;
/// All bodies of a size together take no more memory in the generator than this.
const PAYLOADS_LIMIT_BYTES: u64 = 64 << 20;
/// Objects to get at random take as much of the page cache at most.
const GET_SET_BYTES: u64 = 512 << 20;
/// And are so many at most.
const GET_SET_KEYS: u64 = 10_000;
/// Puts of large objects come back to the same keys after so many bytes, so
/// that a run does not fill the disk.
const PUT_CYCLE_BYTES: u64 = 4 << 30;
/// Objects in the pool of the mix; `warp` takes 2,500.
const MIXED_OBJECTS: u64 = 1_000;
/// Connections that fill the stores before they are measured.
const FILL_CLIENTS: usize = 32;
/// Clients of the puts that have an aim.
const AIM_CLIENTS: usize = 32;
/// Durable puts of 4 KiB by the disk's own rate of single synced writes.
const AIM_PUTS_BY_DISK: f64 = 2.0;
/// Gets of 4 KiB a second.
const AIM_GETS: f64 = 20_000.0;
/// Share of each slice that the disk is measured for in each round.
const DISK_SHARE: f64 = 0.25;

/// Measures, and says what came out.
pub fn run(options: &Options, of_s3: &S3Options) -> Result<Report> {
    let dir = options.temporary()?;
    let bare = start_baseline(dir.path())?;
    let mut endpoints = vec![bare_endpoint(&bare)?];
    let ours = match of_s3.without_concierge {
        true => None,
        false => Some(concierge::start(
            &concierge::binary(options.bin.as_deref())?,
            dir.path(),
            &[],
        )?),
    };
    if let Some(server) = &ours {
        let addr = server.address("s3")?;
        endpoints.push(Endpoint::new(
            OURS,
            addr,
            concierge::credentials(),
            Some(server.pid()),
        ));
    }
    endpoints.extend(of_s3.endpoints.iter().cloned());
    for endpoint in &endpoints {
        create_bucket(endpoint)?;
    }
    let mut bench = Bench {
        options,
        of_s3,
        endpoints,
        disk: SyncedWrites::prepare(dir.path())?,
        report: Report::new("s3"),
    };
    bench.run()?;
    Ok(bench.report)
}

/// Starts the files' baseline with its files under `dir`.
pub fn start_baseline(dir: &Path) -> Result<Server> {
    let root = dir.join("bare-files");
    std::fs::create_dir(&root)?;
    super::start_baseline(
        &["files", "--root", &root.to_string_lossy()],
        dir,
        "bare-files",
    )
}

/// The baseline as an endpoint. It looks at no signature, but is sent one, so
/// that the generator does the same work for all.
pub fn bare_endpoint(server: &Server) -> Result<Endpoint> {
    let credentials: Credentials = concierge::credentials();
    Ok(Endpoint::new(
        BARE,
        server.address("http")?,
        credentials,
        Some(server.pid()),
    ))
}

struct Bench<'a> {
    options: &'a Options,
    of_s3: &'a S3Options,
    endpoints: Vec<Endpoint>,
    disk: SyncedWrites,
    report: Report,
}

impl Bench<'_> {
    fn run(&mut self) -> Result<()> {
        let wanted = |kind| self.of_s3.operations.contains(&kind);
        let (put, get, mixed) = (
            wanted(OperationKind::Put),
            wanted(OperationKind::Get),
            wanted(OperationKind::Mixed),
        );
        for &size in &self.sizes() {
            let payloads = self.payloads(size);
            for endpoint in &self.endpoints {
                check_round_trip(endpoint, &payloads[0])?;
            }
            for &clients in &self.of_s3.clients {
                if put {
                    self.puts(size, clients, &payloads)?;
                }
            }
            if get {
                self.gets(size, &payloads)?;
            }
        }
        if mixed {
            self.mixed()?;
        }
        self.aims();
        Ok(())
    }

    /// A quick run leaves large objects out.
    fn sizes(&self) -> Vec<u64> {
        let limit = self.options.pick(u64::MAX, 1 << 20);
        self.of_s3
            .sizes
            .iter()
            .copied()
            .filter(|size| *size <= limit)
            .collect()
    }

    fn payloads(&self, size: u64) -> Vec<Payload> {
        let count = (PAYLOADS_LIMIT_BYTES / size.max(1)).clamp(1, PAYLOADS);
        (0..count)
            .map(|index| Payload::random(self.of_s3.payload, size, self.options.seed + index))
            .collect()
    }

    fn contenders<'b>(
        &self,
        make: impl Fn(&Endpoint) -> Box<dyn Workload + 'b>,
    ) -> Vec<Contender<'b>> {
        self.endpoints
            .iter()
            .map(|endpoint| Contender {
                server: endpoint.name.clone(),
                addr: endpoint.addr,
                pid: endpoint.pid,
                workload: make(endpoint),
            })
            .collect()
    }

    fn puts(&mut self, size: u64, clients: usize, payloads: &[Payload]) -> Result<()> {
        let case = case_name("PUT", size, clients);
        eprintln!("{case}");
        let prefix = format!("put-{}-{clients}", options::size_name(size));
        let cycle = match size {
            0..=65_536 => u64::MAX,
            _ => (PUT_CYCLE_BYTES / size).max(1),
        };
        let mut contenders = self.contenders(|endpoint| {
            Box::new(Puts::new(endpoint, &prefix, payloads.to_vec(), cycle))
        });
        let rounds = self.options.rounds(clients);
        let mut disk_rates = Vec::new();
        let disk = &mut self.disk;
        let outcomes = compare(&mut contenders, rounds, || {
            disk_rates.push(disk.measure(rounds.slice.mul_f64(DISK_SHARE))?);
            Ok(())
        })?;
        self.report.rows.extend(rows(&case, &outcomes));
        let disk_rate = crate::report::median(disk_rates.iter().copied());
        self.report.fact(
            format!("disk, single synced 4KiB writes, in the rounds of {case}"),
            disk_rate,
            "1/s",
        );
        if size == 4096 {
            self.puts_by_disk(&case, clients, disk_rate);
        }
        Ok(())
    }

    /// Puts beside the disk's own rate of single synced writes.
    fn puts_by_disk(&mut self, case: &str, clients: usize, disk_rate: f64) {
        for endpoint in &self.endpoints {
            let Some(rate) = self
                .report
                .row(case, &endpoint.name)
                .map(|row| row.per_second)
            else {
                continue;
            };
            let name = format!(
                "{case} of {} by the disk's single synced writes",
                endpoint.name
            );
            if endpoint.name == OURS && clients == AIM_CLIENTS {
                self.report
                    .aims
                    .push(Aim::at_least(name, rate / disk_rate, AIM_PUTS_BY_DISK));
            } else {
                self.report.fact(name, rate / disk_rate, "times");
            }
        }
    }

    fn gets(&mut self, size: u64, payloads: &[Payload]) -> Result<()> {
        let prefix = format!("get-{}", options::size_name(size));
        let most = self.options.pick(GET_SET_KEYS, 100);
        let count = (GET_SET_BYTES / size.max(1)).clamp(1, most);
        for endpoint in &self.endpoints {
            put_many(endpoint, &prefix, payloads, count, FILL_CLIENTS)?;
        }
        for &clients in &self.of_s3.clients {
            let case = case_name("GET", size, clients);
            eprintln!("{case}");
            let seed = self.options.seed;
            let mut contenders = self.contenders(|endpoint| {
                Box::new(Gets::random(endpoint, &prefix, count, size, seed))
            });
            let outcomes = compare(&mut contenders, self.options.rounds(clients), || Ok(()))?;
            self.report.rows.extend(rows(&case, &outcomes));
        }
        Ok(())
    }

    fn mixed(&mut self) -> Result<()> {
        let size = self.of_s3.mixed_size;
        let payloads = self.payloads(size);
        let count = self.options.pick(MIXED_OBJECTS, 50);
        for endpoint in &self.endpoints {
            put_many(endpoint, "mixed", &payloads, count, FILL_CLIENTS)?;
        }
        let clients = self.of_s3.clients.iter().copied().max().unwrap_or(1);
        let case = case_name("mixed", size, clients);
        eprintln!("{case}");
        let seed = self.options.seed;
        let mut contenders = self.contenders(|endpoint| {
            Box::new(Mixed::new(
                endpoint,
                "mixed",
                payloads.clone(),
                count,
                clients,
                seed,
            ))
        });
        let outcomes = compare(&mut contenders, self.options.rounds(clients), || Ok(()))?;
        self.report.rows.extend(rows(&case, &outcomes));
        Ok(())
    }

    fn aims(&mut self) {
        let case = case_name("GET", 4096, AIM_CLIENTS);
        if let Some(rate) = self.report.row(&case, OURS).map(|row| row.per_second) {
            self.report
                .aims
                .push(Aim::at_least(format!("{case} a second"), rate, AIM_GETS));
        }
    }
}

/// `PUT 4KiB x32`
fn case_name(operation: &str, size: u64, clients: usize) -> String {
    format!("{operation} {} x{clients}", options::size_name(size))
}
