//! `memory`: how far the server's memory grows while one large object, and as
//! many bytes by many clients at once, go up and come down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};

use crate::load::{Plan, Sample, Stop, Workload, drive};
use crate::options::{self, Options};
use crate::report::{Aim, Outcome, Report, rows};
use crate::s3::{Endpoint, Gets, Payload, PayloadKind, Puts, create_bucket, put_many};
use crate::servers::{concierge, memory};

/// Options of `memory`.
#[derive(clap::Args)]
pub struct MemoryOptions {
    /// Bytes that go up and come down (S3's limit for one PUT is 5GiB).
    #[arg(long, value_parser = options::size, default_value = "5GiB")]
    size: u64,
    /// Numbers of clients among which the bytes are divided, an object each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32])]
    clients: Vec<usize>,
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

const OURS: &str = "concierge";
/// Objects that go up and down before the memory is first looked at, so that
/// what a server asks for once is not counted.
const WARM_UP_OBJECTS: u64 = 32;
const WARM_UP_BYTES: u64 = 4 << 20;
/// Growth that we stay below, MiB.
const AIM_GROWTH_MIB: f64 = 100.0;
const MIB: f64 = 1024.0 * 1024.0;

/// Measures, and says what came out.
pub fn run(options: &Options, of_memory: &MemoryOptions) -> Result<Report> {
    let dir = options.temporary()?;
    let bare = super::s3::start_baseline(dir.path())?;
    let mut endpoints = vec![super::s3::bare_endpoint(&bare)?];
    let ours = match of_memory.without_concierge {
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
    endpoints.extend(of_memory.endpoints.iter().cloned());
    let mut report = Report::new("memory");
    let mut base = Vec::new();
    for endpoint in &endpoints {
        warm_up(endpoint, of_memory.payload)?;
        let before = endpoint.pid.map(memory::of_process).transpose()?;
        if let Some(before) = &before {
            report.fact(
                format!("{} before", endpoint.name),
                before.resident as f64 / MIB,
                "MiB",
            );
        }
        base.push(before);
    }
    let total = options.pick(of_memory.size, of_memory.size.min(64 << 20));
    for &clients in &of_memory.clients {
        let count = clients.max(1) as u64;
        let payload = Payload::random(of_memory.payload, total / count, options.seed);
        for direction in [Direction::Up, Direction::Down] {
            let case = format!(
                "{} {} x{count}",
                direction.name(),
                options::size_name(total)
            );
            eprintln!("{case}");
            let mut outcomes = Vec::new();
            for (endpoint, base) in endpoints.iter().zip(&base) {
                let (sample, peak) = transfer(endpoint, direction, &payload, count)?;
                if let (Some(base), Some(peak)) = (base, peak) {
                    say_growth(&mut report, &case, endpoint, base, &peak);
                }
                outcomes.push(Outcome {
                    server: endpoint.name.clone(),
                    samples: vec![sample],
                });
            }
            report.rows.extend(rows(&case, &outcomes));
        }
    }
    Ok(report)
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

fn warm_up(endpoint: &Endpoint, kind: PayloadKind) -> Result<()> {
    create_bucket(endpoint)?;
    let payload = Payload::random(kind, WARM_UP_BYTES, 0);
    let clients = WARM_UP_OBJECTS as usize;
    put_many(endpoint, "warm-up", &[payload], WARM_UP_OBJECTS, clients)?;
    let mut gets = Gets::once(endpoint, "warm-up", WARM_UP_OBJECTS, WARM_UP_BYTES);
    finish(endpoint, clients, &mut gets)?;
    Ok(())
}

/// Moves `count` objects at once, watching the server's memory where its
/// process is known.
fn transfer(
    endpoint: &Endpoint,
    direction: Direction,
    payload: &Payload,
    count: u64,
) -> Result<(Sample, Option<Peak>)> {
    let prefix = format!("memory-{count}");
    let watch = endpoint.pid.map(Watch::start).transpose()?;
    let length = payload.body.len();
    let mut workload: Box<dyn Workload> = match direction {
        Direction::Up => Box::new(Puts::once(endpoint, &prefix, vec![payload.clone()], count)),
        Direction::Down => Box::new(Gets::once(endpoint, &prefix, count, length)),
    };
    let sample = finish(endpoint, count as usize, workload.as_mut())?;
    let peak = watch.map(Watch::stop).transpose()?;
    Ok((sample, peak))
}

/// Runs a workload to its end; no request may fail.
fn finish(endpoint: &Endpoint, connections: usize, workload: &mut dyn Workload) -> Result<Sample> {
    let plan = Plan {
        addr: endpoint.addr,
        connections,
        stop: Stop::WhenDone,
        pace: None,
    };
    let sample = drive(&plan, workload)?;
    match &sample.first_error {
        Some(error) => bail!("{}: {error}", endpoint.name),
        None => Ok(sample),
    }
}

fn say_growth(
    report: &mut Report,
    case: &str,
    endpoint: &Endpoint,
    base: &memory::Memory,
    peak: &Peak,
) {
    let mib = |peak: u64, base: u64| peak.saturating_sub(base) as f64 / MIB;
    let growth = mib(peak.resident, base.resident);
    let name = format!("{case}: {} grows at most, MiB", endpoint.name);
    if endpoint.name == OURS {
        report.aims.push(Aim::below(name, growth, AIM_GROWTH_MIB));
    } else {
        report.fact(
            format!("{case}: {} grows at most", endpoint.name),
            growth,
            "MiB",
        );
    }
    report.fact(
        format!("{case}: {} before", endpoint.name),
        base.resident as f64 / MIB,
        "MiB",
    );
    let anonymous = mib(peak.anonymous, base.anonymous);
    report.fact(
        format!("{case}: {} grows in memory of no file", endpoint.name),
        anonymous,
        "MiB",
    );
}

/// The most that was resident while a [`Watch`] was on.
struct Peak {
    resident: u64,
    anonymous: u64,
}

/// Looks at a process's memory until it is stopped. The kernel keeps the peak of
/// all resident memory itself; that of anonymous memory is sampled.
struct Watch {
    pid: u32,
    over: Arc<AtomicBool>,
    anonymous: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

/// How often memory is sampled.
const SAMPLE: Duration = Duration::from_millis(20);

impl Watch {
    fn start(pid: u32) -> Result<Self> {
        memory::forget_peak(pid)?;
        let over = Arc::new(AtomicBool::new(false));
        let anonymous = Arc::new(AtomicU64::new(0));
        let thread = {
            let (over, anonymous) = (Arc::clone(&over), Arc::clone(&anonymous));
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    if let Ok(now) = memory::of_process(pid) {
                        anonymous.fetch_max(now.anonymous, Ordering::Relaxed);
                    }
                    std::thread::sleep(SAMPLE);
                }
            })
        };
        Ok(Self {
            pid,
            over,
            anonymous,
            thread,
        })
    }

    fn stop(self) -> Result<Peak> {
        self.over.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .map_err(|_| anyhow!("watching the memory failed"))?;
        Ok(Peak {
            resident: memory::of_process(self.pid)?.peak,
            anonymous: self.anonymous.load(Ordering::Relaxed),
        })
    }
}
