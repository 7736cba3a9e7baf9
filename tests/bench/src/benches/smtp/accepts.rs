//! Messages accepted, and messages delivered, a second.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::side::{DISCARDING, OURS, Side, TO_MAILDIR};
use super::source::{self, Letter, Load, MESSAGES_OF_CONNECTION, SENDER};
use super::{Case, bytes_name};
use crate::load::Sample;
use crate::options::Options;
use crate::report::{Aim, Outcome, Report, median, rows};

/// Our rate by that of postfix with a Maildir.
const AIM_RATIO: f64 = 4.0;
/// Messages that each takes before the first round of a case.
const WARM_UP: u64 = 100;

/// What a run of a side gave: until all was accepted, and until all was delivered.
struct Run {
    accepted: Sample,
    delivered: Sample,
}

/// Who is measured, and the messages that were sent to each so far.
pub struct Sides<'a> {
    sides: Vec<(Side<'a>, u64)>,
}

impl<'a> Sides<'a> {
    pub fn new(sides: Vec<Side<'a>>) -> Self {
        let counted = sides.into_iter().map(|side| (side, 0));
        Self {
            sides: counted.collect(),
        }
    }

    /// Measures a case in rounds.
    pub fn measure(
        &mut self,
        options: &Options,
        dir: &Path,
        case: &Case,
        report: &mut Report,
    ) -> Result<()> {
        let name = format!("{} x{}", bytes_name(case.bytes), case.connections);
        eprintln!("accepts {name}");
        let mut outcomes: Vec<[Outcome; 2]> = Vec::new();
        let mut letters = Vec::new();
        for (number, (side, _)) in self.sides.iter().enumerate() {
            let letter = Letter::new(SENDER, side.recipient(), case.bytes, options.seed);
            let path = letter.write(dir, &format!("letter-{number}"))?;
            letters.push((letter, path));
            let outcome = || Outcome {
                server: side.name().into(),
                samples: Vec::new(),
            };
            outcomes.push([outcome(), outcome()]);
        }
        let rounds = options.rounds(case.connections).rounds;
        for round in 0..=rounds {
            for (number, (side, sent)) in self.sides.iter_mut().enumerate() {
                let (letter, path) = &letters[number];
                let load = Load {
                    letter: path,
                    from: SENDER,
                    to: side.recipient(),
                    messages: match round {
                        0 => WARM_UP.min(case.messages),
                        _ => case.messages,
                    },
                    connections: case.connections,
                };
                let run = run(side, sent, letter, &load).context(side.name())?;
                if round > 0 {
                    let [accepted, delivered] = &mut outcomes[number];
                    accepted.samples.push(run.accepted);
                    delivered.samples.push(run.delivered);
                }
            }
        }
        let (accepted, delivered): (Vec<_>, Vec<_>) = outcomes
            .into_iter()
            .map(|[accepted, delivered]| (accepted, delivered))
            .unzip();
        for (what, outcomes) in [("accepts", &accepted), ("delivers", &delivered)] {
            report
                .rows
                .extend(rows(&format!("{what} {name}"), outcomes));
            let of = |server: &str| outcomes.iter().find(|outcome| outcome.server == server);
            if let (Some(ours), Some(theirs)) = (of(OURS), of(DISCARDING)) {
                let pairs = ours.samples.iter().zip(&theirs.samples);
                let ratio = median(pairs.map(|(own, base)| own.rate() / base.rate()));
                report.fact(format!("{what} {name}: {OURS} by {DISCARDING}"), ratio, "");
            }
        }
        let case = format!("accepts {name}");
        if let Some(ratio) = report.ratio(&case, OURS) {
            let name = format!("{case}: {OURS} by {TO_MAILDIR}");
            report.aims.push(Aim::at_least(name, ratio, AIM_RATIO));
        }
        Ok(())
    }
}

/// Messages of a run: as many as are wanted, one connection takes and the disk has room for.
pub fn messages(wanted: u64, connections: usize, bytes: usize) -> u64 {
    /// Bytes of a run.
    const RUN_BYTES: u64 = 100_000_000;
    wanted
        .min(MESSAGES_OF_CONNECTION * connections as u64)
        .min(RUN_BYTES / bytes.max(1) as u64)
        .max(1)
}

fn run(side: &Side<'_>, sent: &mut u64, letter: &Letter, load: &Load<'_>) -> Result<Run> {
    let before = side.delivered()?;
    let cpu_before = side.cpu()?;
    let begun = Instant::now();
    let took = source::send(load, side.addr())?;
    let cpu_accepted = side.cpu()?;
    side.wait_for(before + load.messages)?;
    let delivered = begun.elapsed();
    *sent += load.messages;
    side.check(*sent, letter.word()?)?;
    let cpu_delivered = side.cpu()?;
    let sample = |elapsed: Duration, server_cpu: Duration| {
        let mut sample = Sample::new(&["message"]);
        sample.operations[0].record_untimed(load.messages, load.messages * letter.length());
        sample.elapsed = elapsed;
        sample.client_cpu = took.client_cpu;
        sample.server_cpu = Some(server_cpu.saturating_sub(cpu_before));
        sample
    };
    Ok(Run {
        accepted: sample(took.elapsed, cpu_accepted),
        delivered: sample(delivered, cpu_delivered),
    })
}
