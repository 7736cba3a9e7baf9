//! Messages a second that get to another server: from the first one's acceptance to the last one's at `smtp-sink`.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};

use super::session::Session;
use super::side::OURS;
use super::source::{self, Letter, Load, SENDER};
use super::{Case, bytes_name};
use crate::benches::mail::calls::concierge;
use crate::load::Sample;
use crate::options::Options;
use crate::report::{Outcome, Report, rows};
use crate::servers::cpu;
use crate::servers::postfix::{self, ELSEWHERE, Postfix};
use crate::servers::smtp_sink::SmtpSink;

/// How often the sink is asked how much it has.
const POLL: Duration = Duration::from_millis(2);
/// Without a message in this time nothing more is coming.
const STEP_LIMIT: Duration = Duration::from_secs(60);
/// Messages before the first round of a case.
const WARM_UP: u64 = 50;

/// Our server, and who sends from there.
pub struct Ours<'a> {
    pub binary: &'a Path,
    pub dir: &'a Path,
    pub pid: u32,
    /// Where other servers hand in, and programs.
    pub smtp: SocketAddr,
    pub submission: SocketAddr,
    pub name: &'a str,
    pub password: &'a str,
    /// Of the account.
    pub address: &'a str,
    /// Mail for it is sent on to [`recipient`].
    pub forwarded: &'a str,
}

/// Whose mail ends at the sink.
pub fn recipient() -> String {
    format!("bench@{ELSEWHERE}")
}

/// How messages come to who sends them.
#[derive(Clone, Copy)]
enum Way {
    /// From programs that signed in; to postfix, which trusts this machine, without.
    Submitted,
    /// From another server, and on.
    Forwarded,
}

/// Who sends.
enum Sender<'a> {
    Postfix(&'a Postfix),
    Ours(&'a Ours<'a>),
}

/// Measures both ways in rounds.
pub fn measure(
    options: &Options,
    dir: &Path,
    case: &Case,
    (sink, postfix, ours): (&SmtpSink, &Postfix, Option<&Ours<'_>>),
    report: &mut Report,
) -> Result<()> {
    let mut senders = vec![Sender::Postfix(postfix)];
    senders.extend(ours.map(Sender::Ours));
    for (way, what) in [(Way::Submitted, "submitted"), (Way::Forwarded, "forwarded")] {
        let name = format!(
            "sends {} {what} x{}",
            bytes_name(case.bytes),
            case.connections
        );
        eprintln!("{name}");
        let mut outcomes: Vec<Outcome> = senders
            .iter()
            .map(|sender| Outcome {
                server: sender.name().into(),
                samples: Vec::new(),
            })
            .collect();
        for round in 0..=options.rounds(case.connections).rounds {
            for (sender, outcome) in senders.iter().zip(&mut outcomes) {
                let case = Case {
                    messages: match round {
                        0 => WARM_UP.min(case.messages),
                        _ => case.messages,
                    },
                    ..*case
                };
                let sample = run(sender, way, options.seed, dir, sink, &case);
                let sample = sample.with_context(|| format!("{name}, {}", sender.name()))?;
                if round > 0 {
                    outcome.samples.push(sample);
                }
            }
        }
        report.rows.extend(rows(&name, &outcomes));
    }
    Ok(())
}

impl Sender<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Postfix(_) => postfix::NAME,
            Self::Ours(_) => OURS,
        }
    }

    fn cpu(&self) -> Result<Duration> {
        match self {
            Self::Postfix(postfix) => cpu::of_family(postfix.pid()?),
            Self::Ours(ours) => cpu::of_process(ours.pid),
        }
    }

    /// Where messages are handed in, by whom and for whom.
    fn entrance(&self, way: Way) -> (SocketAddr, &str, String) {
        match (self, way) {
            (Self::Postfix(postfix), _) => (postfix.addr, SENDER, recipient()),
            (Self::Ours(ours), Way::Submitted) => (ours.submission, ours.address, recipient()),
            (Self::Ours(ours), Way::Forwarded) => (ours.smtp, SENDER, ours.forwarded.to_owned()),
        }
    }

    /// Waits until it knows that nothing is left to be sent.
    fn rest(&self, done: u64) -> Result<()> {
        match self {
            Self::Postfix(postfix) => super::side::wait_for(self.name(), done, || postfix.done()),
            Self::Ours(ours) => {
                let since = Instant::now();
                loop {
                    let list = ["mail", "queue", "list", "--json"];
                    let left = concierge(ours.binary, ours.dir, &list)?;
                    let left: serde_json::Value = serde_json::from_slice(&left)?;
                    ensure!(left["failed"] == 0, "messages were given up: {left}");
                    if left["waiting"] == 0 {
                        return Ok(());
                    }
                    ensure!(since.elapsed() < STEP_LIMIT, "the queue has {left}");
                }
            }
        }
    }

    fn done(&self) -> Result<u64> {
        match self {
            Self::Postfix(postfix) => postfix.done(),
            Self::Ours(_) => Ok(0),
        }
    }
}

fn run(
    sender: &Sender<'_>,
    way: Way,
    seed: u64,
    dir: &Path,
    sink: &SmtpSink,
    case: &Case,
) -> Result<Sample> {
    let (addr, from, to) = sender.entrance(way);
    let letter = Letter::new(from, &to, case.bytes, seed);
    let path = letter.write(dir, "letter-on")?;
    let sessions = match way {
        Way::Submitted => sessions(sender, addr, case.connections)?,
        Way::Forwarded => Vec::new(),
    };
    let (taken, done) = (sink.taken(), sender.done()?);
    let cpu_before = sender.cpu()?;
    let begun = Instant::now();
    let client_cpu = match way {
        Way::Submitted => submit(sessions, (from, &to), &letter, case.messages)?,
        Way::Forwarded => {
            let load = Load {
                letter: &path,
                from,
                to: &to,
                messages: case.messages,
                connections: case.connections,
            };
            source::send(&load, addr)?.client_cpu
        }
    };
    wait_for(sink, taken + case.messages)?;
    let elapsed = begun.elapsed();
    sender.rest(done + case.messages)?;
    let mut sample = Sample::new(&["message"]);
    sample.operations[0].record_untimed(case.messages, case.messages * letter.length());
    sample.elapsed = elapsed;
    sample.client_cpu = client_cpu;
    sample.server_cpu = Some(sender.cpu()?.saturating_sub(cpu_before));
    Ok(sample)
}

/// Waits until the sink has so many.
fn wait_for(sink: &SmtpSink, count: u64) -> Result<()> {
    let (mut last, mut since) = (sink.taken(), Instant::now());
    while last < count {
        std::thread::sleep(POLL);
        let now = sink.taken();
        if now > last {
            (last, since) = (now, Instant::now());
        }
        ensure!(
            since.elapsed() < STEP_LIMIT,
            "the sink has {last} of {count}"
        );
    }
    ensure!(
        last == count,
        "the sink has {last} messages, {count} were sent"
    );
    Ok(())
}

/// Connections on which programs are signed in.
fn sessions(sender: &Sender<'_>, addr: SocketAddr, count: usize) -> Result<Vec<Session>> {
    (0..count)
        .map(|_| {
            let mut session = Session::open(addr)?;
            if let Sender::Ours(ours) = sender {
                session.sign_in(ours.name, ours.password)?;
            }
            Ok(session)
        })
        .collect()
}

/// Hands messages in over all connections at once; the processor time of that.
fn submit(
    sessions: Vec<Session>,
    (from, to): (&str, &str),
    letter: &Letter,
    messages: u64,
) -> Result<Duration> {
    let wire = letter.on_wire();
    let connections = sessions.len() as u64;
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for (number, mut session) in sessions.into_iter().enumerate() {
            let own = (messages + connections - 1 - number as u64) / connections;
            let wire = &wire;
            threads.push(scope.spawn(move || {
                for _ in 0..own {
                    session.hand_in(from, to, wire)?;
                }
                cpu::this_thread()
            }));
        }
        let times = threads.into_iter().map(|thread| {
            let time = thread.join().map_err(|_| anyhow!("a client panicked"))?;
            time.context("handing in")
        });
        times.sum()
    })
}
