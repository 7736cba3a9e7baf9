//! What a connection costs on which somebody listens and nothing comes.

use std::path::Path;

use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::calls::Client;
use super::pushing::Connected;
use crate::options::Options;
use crate::report::Report;
use crate::servers::{concierge, memory};

/// Listeners of one account: below what the program admits.
const PER_ACCOUNT: usize = 80;
/// Files that this program needs beside its connections.
const OTHER_FILES: u64 = 200;
const KIB: f64 = 1024.0;

/// What is opened and then left alone.
#[derive(Clone, Copy)]
enum Kind {
    /// The baseline: a connection on which the session was asked for.
    Idle,
    EventSource,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle connection",
            Self::EventSource => "idle EventSource",
        }
    }
}

/// Opens connections up to each of the numbers and says what each costs; each kind before a server of its own.
pub fn measure(
    options: &Options,
    binary: &Path,
    counts: &[usize],
    report: &mut Report,
) -> Result<()> {
    let most = counts.iter().copied().max().unwrap_or(0);
    allow_files(most as u64 + OTHER_FILES)?;
    let mut idle = Vec::new();
    for kind in [Kind::Idle, Kind::EventSource] {
        let dir = options.temporary()?;
        let server = concierge::start(binary, dir.path(), &[])?;
        let addr = server.address("web")?;
        let mut accounts = Vec::new();
        for number in 0..most.div_ceil(PER_ACCOUNT) {
            let name = format!("listener{number}");
            accounts.push(Client::create(binary, dir.path(), addr, &name)?);
        }
        // What the server asks for once is not counted.
        for client in &accounts {
            drop(open(client, kind)?);
        }
        let before = memory::of_process(server.pid())?.resident;
        let mut connections = Vec::new();
        for (number, &count) in counts.iter().enumerate() {
            eprintln!("{count} of {}", kind.name());
            while connections.len() < count {
                let client = &accounts[connections.len() / PER_ACCOUNT];
                connections.push(open(client, kind)?);
            }
            let after = memory::of_process(server.pid())?.resident;
            let each = after.saturating_sub(before) as f64 / count.max(1) as f64;
            let name = format!("memory of each of {count}: {}", kind.name());
            report.fact(&name, each / KIB, "KiB");
            match kind {
                Kind::Idle => idle.push(each),
                Kind::EventSource => {
                    if let Some(baseline) = idle.get(number) {
                        let name = format!("{name} by {}", Kind::Idle.name());
                        report.fact(name, each / baseline, "");
                    }
                }
            }
        }
    }
    Ok(())
}

fn open(client: &Client, kind: Kind) -> Result<Connected> {
    let mut connected = Connected::open(client.addr)?;
    match kind {
        Kind::Idle => {
            connected.ask(&client.session())?;
        }
        Kind::EventSource => {
            let (head, _) = connected.begin(&client.event_source())?;
            ensure!(head.starts_with("HTTP/1.1 200 "), "no event stream: {head}");
        }
    }
    Ok(connected)
}

/// Raises the limit of open files as far as it is needed and may be.
pub fn allow_files(files: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let maximum = limit.maximum.unwrap_or(u64::MAX);
    ensure!(
        files <= maximum,
        "{files} open files are needed, {maximum} allowed"
    );
    if limit.current.is_some_and(|current| current < files) {
        let raised = Rlimit {
            current: Some(files),
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, raised)?;
    }
    Ok(())
}
