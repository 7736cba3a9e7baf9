//! Interleaved rounds: A B A B …, so that what changes on the machine with time
//! (other work, a disk that slows down, a processor that warms up) meets all
//! servers alike, and the ratio of one round compares neighbours in time.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::load::{Plan, Sample, Stop, Workload, drive};
use crate::report::Outcome;
use crate::servers::cpu;

/// One server and what it is to do.
pub struct Contender<'a> {
    pub server: String,
    pub addr: SocketAddr,
    /// Its process, where known.
    pub pid: Option<u32>,
    pub workload: Box<dyn Workload + 'a>,
}

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Rounds {
    pub rounds: usize,
    /// Each server's time in each round.
    pub slice: Duration,
    /// Each server's time before the first round; not counted.
    pub warm_up: Duration,
    pub connections: usize,
}

/// Runs all contenders in turn, `rounds.rounds` times. `between` runs before
/// each round. The outcomes stand in the order of the contenders.
pub fn compare(
    contenders: &mut [Contender<'_>],
    rounds: Rounds,
    mut between: impl FnMut() -> Result<()>,
) -> Result<Vec<Outcome>> {
    let mut outcomes: Vec<Outcome> = contenders
        .iter()
        .map(|contender| Outcome {
            server: contender.server.clone(),
            samples: Vec::new(),
        })
        .collect();
    for contender in contenders.iter_mut() {
        slice(contender, rounds.connections, rounds.warm_up)?;
    }
    for _ in 0..rounds.rounds {
        between()?;
        for (contender, outcome) in contenders.iter_mut().zip(&mut outcomes) {
            let sample = slice(contender, rounds.connections, rounds.slice)?;
            if let Some(error) = &sample.first_error {
                eprintln!(
                    "{}: {} requests failed, the first: {error}",
                    outcome.server, sample.errors
                );
            }
            outcome.samples.push(sample);
        }
    }
    Ok(outcomes)
}

/// Loads one contender for a time.
fn slice(contender: &mut Contender<'_>, connections: usize, time: Duration) -> Result<Sample> {
    let plan = Plan {
        addr: contender.addr,
        connections,
        stop: Stop::After(time),
        pace: None,
    };
    let cpu = |pid: Option<u32>| pid.and_then(|pid| cpu::of_process(pid).ok());
    let before = cpu(contender.pid);
    let mut sample = drive(&plan, contender.workload.as_mut())
        .with_context(|| format!("loading {} failed", contender.server))?;
    sample.server_cpu = cpu(contender.pid)
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    Ok(sample)
}
