//! `edge`: what it costs to answer through a component.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::load::{Body, Request, Workload};
use crate::options::Options;
use crate::report::{Aim, Report, rows};
use crate::rounds::{Contender, compare};
use crate::servers::process::Server;
use crate::servers::{bare_hello, concierge, spin};

/// Options of `edge`.
#[derive(clap::Args)]
pub struct EdgeOptions {
    /// A `spin` binary to measure with the same component.
    #[arg(long, value_name = "PATH")]
    spin: Option<PathBuf>,
    /// Connections.
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// The component to measure, already built; without it, it is built.
    #[arg(long, value_name = "WASM")]
    component: Option<PathBuf>,
    /// Another server that answers as the component does, already running: NAME=ADDRESS[,PID].
    #[arg(long = "also", value_name = "SERVER", value_parser = other)]
    others: Vec<Competitor>,
    /// Measure the baseline and the other servers only.
    #[arg(long)]
    without_concierge: bool,
}

/// A server to measure.
#[derive(Clone)]
struct Competitor {
    name: String,
    addr: SocketAddr,
    pid: Option<u32>,
}

impl Competitor {
    fn of(name: &str, server: &Server, listener: &str) -> Result<Self> {
        Ok(Self {
            name: name.into(),
            addr: server.address(listener)?,
            pid: Some(server.pid()),
        })
    }
}

/// `NAME=ADDRESS[,PID]`
fn other(text: &str) -> Result<Competitor, String> {
    let expected = || "NAME=ADDRESS[,PID] is expected".to_owned();
    let (name, rest) = text.split_once('=').ok_or_else(expected)?;
    let (addr, pid) = match rest.split_once(',') {
        Some((addr, pid)) => (addr, Some(pid.parse().map_err(|_| expected())?)),
        None => (rest, None),
    };
    Ok(Competitor {
        name: name.into(),
        addr: addr.parse().map_err(|_| expected())?,
        pid,
    })
}

/// A request that is sent again and again.
struct Case {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    /// Bytes sent and expected back.
    sent: usize,
    received: usize,
    /// Part of the baseline's rate that we aim at.
    aim: Option<f64>,
}

const CASES: [Case; 3] = [
    Case {
        name: "empty",
        method: "GET",
        path: "/",
        sent: 0,
        received: "hello\n".len(),
        aim: Some(0.45),
    },
    Case {
        name: "body 1MiB",
        method: "GET",
        path: "/body",
        sent: 0,
        received: bare_hello::BODY_BYTES,
        aim: Some(0.90),
    },
    Case {
        name: "echo 1MiB",
        method: "POST",
        path: "/echo",
        sent: 1 << 20,
        received: 1 << 20,
        aim: None,
    },
];

const BARE: &str = "bare hyper";
const OURS: &str = "concierge";

/// Measures, and says what came out.
pub fn run(options: &Options, of_edge: &EdgeOptions) -> Result<Report> {
    let dir = options.temporary()?;
    let bare = super::start_baseline(&["hello"], dir.path(), "bare-hello")?;
    let mut servers = vec![Competitor::of(BARE, &bare, "http")?];
    let manifest = match of_edge.without_concierge && of_edge.spin.is_none() {
        true => None,
        false => Some(lay_out_application(
            dir.path(),
            of_edge.component.as_deref(),
        )?),
    };
    // What is started stays until the figures are there.
    let mut started = Vec::new();
    if let (Some(manifest), false) = (&manifest, of_edge.without_concierge) {
        let binary = concierge::binary(options.bin.as_deref())?;
        let manifest = manifest
            .to_str()
            .context("the directory's name is not UTF-8")?;
        let ours = concierge::start(&binary, dir.path(), &["--manifest", manifest])?;
        servers.push(Competitor::of(OURS, &ours, "web")?);
        started.push(ours);
    }
    if let (Some(manifest), Some(spin)) = (&manifest, &of_edge.spin) {
        let spin = spin::start(spin, manifest, dir.path())?;
        servers.push(Competitor::of("spin", &spin, "http")?);
        started.push(spin);
    }
    servers.extend(of_edge.others.iter().cloned());
    measure(options, of_edge.clients, &servers)
}

fn measure(options: &Options, clients: usize, servers: &[Competitor]) -> Result<Report> {
    let mut report = Report::new("edge");
    for case in &CASES {
        eprintln!("{}", case.name);
        let mut contenders: Vec<Contender<'_>> = servers
            .iter()
            .map(|server| Contender {
                server: server.name.clone(),
                addr: server.addr,
                pid: server.pid,
                workload: Box::new(Same::new(case, &server.addr.to_string())),
            })
            .collect();
        let outcomes = compare(&mut contenders, options.rounds(clients), || Ok(()))?;
        report.rows.extend(rows(case.name, &outcomes));
        if let (Some(aim), Some(ratio)) = (case.aim, report.ratio(case.name, OURS)) {
            report.aims.push(Aim::at_least(
                format!("{} by bare hyper", case.name),
                ratio,
                aim,
            ));
        }
    }
    Ok(report)
}

/// Puts the manifest and the component side by side; gives the manifest's path.
fn lay_out_application(dir: &Path, component: Option<&Path>) -> Result<PathBuf> {
    let built;
    let component = match component {
        Some(path) => path,
        None => {
            built = build_component()?;
            &built
        }
    };
    std::fs::copy(component, dir.join("bench_hello.wasm"))
        .with_context(|| format!("no component at {}", component.display()))?;
    let manifest = dir.join("spin.toml");
    std::fs::write(&manifest, include_str!("../../hello/spin.toml"))?;
    Ok(manifest)
}

/// Builds the component of `hello/`.
fn build_component() -> Result<PathBuf> {
    eprintln!("building the component");
    let output = concierge::cargo()
        .args(["build", "--release", "--locked", "-p", "bench-hello"])
        .args(["--target", "wasm32-wasip2", "--message-format=json"])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        bail!("building the component failed");
    }
    String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "bench_hello")
        .find_map(|message| message["filenames"][0].as_str().map(PathBuf::from))
        .context("the build names no component")
}

/// Sends the same request again and again.
struct Same {
    head: Vec<u8>,
    body: Body,
    received: u64,
}

impl Same {
    fn new(case: &Case, host: &str) -> Self {
        let Case {
            method, path, sent, ..
        } = case;
        let length = match sent {
            0 => String::new(),
            _ => format!("content-length: {sent}\r\n"),
        };
        Self {
            head: format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{length}\r\n").into_bytes(),
            body: Body::repeat(vec![b'e'; *sent].into(), *sent as u64),
            received: case.received as u64,
        }
    }
}

impl Workload for Same {
    fn operations(&self) -> &[&'static str] {
        &["request"]
    }

    fn next(&mut self, _connection: usize, request: &mut Request) -> bool {
        request.reset(0);
        request.head.extend_from_slice(&self.head);
        request.body = self.body.clone();
        request.expect_length = Some(self.received);
        true
    }
}
