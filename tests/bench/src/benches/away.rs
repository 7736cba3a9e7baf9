//! `away`: what it costs that a component is not in the host's process.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::options::{self, Options};
use crate::report::{Aim, Report, rows};
use crate::rounds::{Contender, compare};
use crate::s3::{
    Endpoint, Gets, Payload, PayloadKind, Puts, check_round_trip, create_bucket, put_many,
};
use crate::servers::process::Server;
use crate::servers::{concierge, spin};

/// Options of `away`.
#[derive(clap::Args)]
pub struct AwayOptions {
    /// `object-router` composed with the bridge (`compose object-router FILE`, of concierge-tests): measured in
    /// an edge that has no other way to the host.
    #[arg(long, value_name = "WASM")]
    composed: Option<PathBuf>,
    /// A `spin` binary; it runs the repository's own manifest.
    #[arg(long, value_name = "PATH")]
    spin: Option<PathBuf>,
    /// Numbers of connections.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32])]
    clients: Vec<usize>,
}

/// In one process with the host: what the others are compared with.
const AT_HOME: &str = "up";
const EDGE: &str = "edge";
const BRIDGE: &str = "bridge";
const SPIN: &str = "spin";

/// A small object: what a call costs, and nothing else.
const SMALL_BYTES: u64 = 1 << 10;
/// A large one: what its bytes cost.
const LARGE_BYTES: u64 = 1 << 20;
/// Objects of a size.
const OBJECTS: u64 = 100;
/// Calls that one GET makes: `sigv4.verify` and `blobs.get`.
const CALLS_A_GET: f64 = 2.0;
/// The median of a call, by one client.
const AIM_CALL_US: f64 = 300.0;

/// Measures, and says what came out.
pub fn run(options: &Options, of_away: &AwayOptions) -> Result<Report> {
    let dir = options.temporary()?;
    let binary = concierge::binary(options.bin.as_deref())?;
    let host = concierge::start(&binary, dir.path(), &[])?;
    let mut servers = vec![(AT_HOME, host.address("s3")?, host.pid())];
    let url = format!("http://{}", host.address("internal")?);
    let token = make_token(&binary, dir.path())?;

    let edge = Away {
        binary: &binary,
        dir: dir.path(),
        url: &url,
        token: &token,
    };
    // What is started stays until the figures are there.
    let native = edge.native()?;
    servers.push((EDGE, native.address("s3")?, native.pid()));
    let composed = match &of_away.composed {
        Some(file) => Some(edge.composed(file)?),
        None => None,
    };
    if let Some(server) = &composed {
        servers.push((BRIDGE, server.address("s3")?, server.pid()));
    }
    let spin = match &of_away.spin {
        Some(spin) => Some(edge.spin(spin)?),
        None => None,
    };
    if let Some(server) = &spin {
        servers.push((SPIN, server.address("http")?, server.pid()));
    }
    let endpoints: Vec<Endpoint> = servers
        .into_iter()
        .map(|(name, addr, pid)| Endpoint::new(name, addr, concierge::credentials(), Some(pid)))
        .collect();
    measure(options, of_away, &endpoints)
}

fn measure(options: &Options, of_away: &AwayOptions, endpoints: &[Endpoint]) -> Result<Report> {
    let mut report = Report::new("away");
    // All have one store behind them.
    create_bucket(&endpoints[0])?;
    for size in [SMALL_BYTES, LARGE_BYTES] {
        let payload = Payload::random(PayloadKind::Sdk, size, options.seed);
        for endpoint in endpoints {
            check_round_trip(endpoint, &payload)?;
        }
        let payloads = [payload];
        let prefix = format!("away-{}", options::size_name(size));
        put_many(&endpoints[0], &prefix, &payloads, OBJECTS, 8)?;
        for &clients in &of_away.clients {
            for operation in ["GET", "PUT"] {
                let case = format!("{operation} {} x{clients}", options::size_name(size));
                eprintln!("{case}");
                let mut contenders: Vec<_> = endpoints
                    .iter()
                    .map(|endpoint| Contender {
                        server: endpoint.name.clone(),
                        addr: endpoint.addr,
                        pid: endpoint.pid,
                        workload: match operation {
                            "GET" => Box::new(Gets::random(
                                endpoint,
                                &prefix,
                                OBJECTS,
                                size,
                                options.seed,
                            )),
                            _ => Box::new(Puts::new(
                                endpoint,
                                &format!("{prefix}-{}", endpoint.name),
                                payloads.to_vec(),
                                OBJECTS,
                            )) as Box<dyn crate::load::Workload>,
                        },
                    })
                    .collect();
                let outcomes = compare(&mut contenders, options.rounds(clients), || Ok(()))?;
                report.rows.extend(rows(&case, &outcomes));
            }
        }
    }
    cost_of_calls(&mut report);
    Ok(report)
}

/// What a call costs more than one within the process, from the medians of small GETs by one client.
fn cost_of_calls(report: &mut Report) {
    let case = format!("GET {} x1", options::size_name(SMALL_BYTES));
    let Some(at_home) = report.row(&case, AT_HOME).map(|row| row.p50_us) else {
        return;
    };
    for way in [EDGE, BRIDGE, SPIN] {
        if let Some(away) = report.row(&case, way).map(|row| row.p50_us) {
            report.aims.push(Aim::below(
                format!("a call of {way} beyond one within the process, median, us"),
                (away - at_home) / CALLS_A_GET,
                AIM_CALL_US,
            ));
        }
    }
}

/// What it takes to reach a host.
struct Away<'a> {
    binary: &'a Path,
    dir: &'a Path,
    url: &'a str,
    token: &'a str,
}

impl Away<'_> {
    fn native(&self) -> Result<Server> {
        let mut command = self.edge();
        command
            .args(["--host", self.url])
            .env("CONCIERGE_EDGE_TOKEN", self.token);
        Server::start(command, EDGE, self.dir)
    }

    /// An edge whose own way to a host leads nowhere.
    fn composed(&self, file: &Path) -> Result<Server> {
        let file = file
            .canonicalize()
            .with_context(|| format!("no component at {}", file.display()))?;
        let mut command = self.edge();
        command
            .args(["--host", "http://127.0.0.1:1", "--component"])
            .arg(format!("object-router={}", file.display()))
            .env("CONCIERGE_EDGE_TOKEN", "none")
            .env("SPIN_VARIABLE_CONCIERGE_URL", self.url)
            .env("SPIN_VARIABLE_CONCIERGE_TOKEN", self.token);
        Server::start(command, BRIDGE, self.dir)
    }

    fn edge(&self) -> Command {
        let mut command = Command::new(self.binary);
        command
            .args(["edge", "--web", "127.0.0.1:0", "--s3", "127.0.0.1:0"])
            .args(["--log", "warn"])
            .current_dir(self.dir);
        command
    }

    /// Spin with the repository's manifest and what `spin build` made.
    fn spin(&self, spin: &Path) -> Result<Server> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spin.toml");
        spin::start_with(
            spin,
            &manifest,
            self.dir,
            &[
                ("SPIN_VARIABLE_CONCIERGE_URL", self.url),
                ("SPIN_VARIABLE_CONCIERGE_TOKEN", self.token),
            ],
        )
    }
}

fn make_token(binary: &Path, dir: &Path) -> Result<String> {
    let output = Command::new(binary)
        .args(["token", "create", "bench", "--data"])
        .arg(dir.join("concierge-data"))
        .output()?;
    ensure!(output.status.success(), "no token: {output:?}");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
