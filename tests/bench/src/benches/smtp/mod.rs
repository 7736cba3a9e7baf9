//! `smtp`: mail that is taken and delivered, and mail that is sent on, a second, beside postfix; how long a message takes to
//! those who listen; and what idle connections cost.

mod accepts;
mod idle;
mod latency;
mod sends;
mod session;
mod side;
mod source;

use anyhow::Result;

use crate::options::Options;
use crate::report::Report;
use crate::servers::concierge;
use crate::servers::postfix::{self, ELSEWHERE, Postfix};
use crate::servers::process::Server;
use crate::servers::smtp_sink::SmtpSink;
use accepts::Sides;
use sends::Ours;
use side::Side;

use super::mail::calls::{self, Client};

/// Options of `smtp`.
#[derive(clap::Args)]
pub struct SmtpOptions {
    /// Bytes of a message.
    #[arg(long, value_delimiter = ',', default_values_t = [5_000, 100_000])]
    bytes: Vec<usize>,
    /// Numbers of connections that mail comes over.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 50])]
    connections: Vec<usize>,
    /// Messages of each in each round, where one connection takes so many and they are at most 100 MB.
    #[arg(long, default_value_t = 3_000)]
    messages: u64,
    /// Messages of which those who listen are told.
    #[arg(long, default_value_t = 500)]
    pushes: u32,
    /// Idle connections; the server admits 10,000.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// What to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = What::ALL)]
    what: Vec<What>,
    /// Measure postfix only.
    #[arg(long)]
    without_concierge: bool,
}

/// Parts of the benchmark.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq)]
enum What {
    Accepts,
    Sends,
    Latency,
    Idle,
}

impl What {
    const ALL: [Self; 4] = [Self::Accepts, Self::Sends, Self::Latency, Self::Idle];
}

/// What is sent in each round.
#[derive(Clone, Copy)]
struct Case {
    bytes: usize,
    connections: usize,
    messages: u64,
}

/// The account that mail comes to and leaves from, and its addresses.
const NAME: &str = "bench";
const ADDRESS: &str = "bench@example.org";
const FORWARDED: &str = "on@example.org";

/// Measures, and says what came out.
pub fn run(options: &Options, of_smtp: &SmtpOptions) -> Result<Report> {
    let mut report = Report::new("smtp");
    let wants = |what| of_smtp.what.contains(&what);
    let dir = options.temporary()?;
    let baseline = match postfix::missing() {
        None => {
            let sink = SmtpSink::start(dir.path())?;
            let postfix = Postfix::start(dir.path(), sink.addr)?;
            Some((sink, postfix))
        }
        Some(why) => {
            eprintln!("{why}: neither what is accepted nor what is sent is measured");
            None
        }
    };
    let binary = match of_smtp.without_concierge {
        true => None,
        false => Some(concierge::binary(options.bin.as_deref())?),
    };
    let mut server = None;
    if let Some(binary) = &binary {
        let port = baseline.as_ref().map_or(9, |(sink, _)| sink.addr.port());
        server = Some(start(binary, dir.path(), port)?);
    }
    if let (true, Some((_, postfix))) = (wants(What::Accepts), &baseline) {
        let mut sides = vec![Side::Maildir(postfix), Side::Discarding(postfix)];
        if let Some((server, client)) = &server {
            sides.push(Side::Ours {
                client,
                address: ADDRESS,
                smtp: server.address("smtp")?,
                pid: server.pid(),
            });
        }
        let mut sides = Sides::new(sides);
        for case in cases(options, of_smtp) {
            sides.measure(options, dir.path(), &case, &mut report)?;
        }
    }
    if let (true, Some((sink, postfix))) = (wants(What::Sends), &baseline) {
        let ours = match (&server, &binary) {
            (Some((server, client)), Some(binary)) => Some(Ours {
                binary,
                dir: dir.path(),
                pid: server.pid(),
                smtp: server.address("smtp")?,
                submission: server.address("submission")?,
                name: NAME,
                password: &client.password,
                address: ADDRESS,
                forwarded: FORWARDED,
            }),
            _ => None,
        };
        let most = of_smtp.connections.iter().max();
        for case in cases(options, of_smtp).filter(|case| Some(&case.connections) == most) {
            let who = (sink, postfix, ours.as_ref());
            sends::measure(options, dir.path(), &case, who, &mut report)?;
        }
    }
    drop(server);
    if let Some(binary) = &binary {
        if wants(What::Latency) {
            let dir = options.temporary()?;
            let (server, client) = start(binary, dir.path(), 9)?;
            let postfix = baseline.as_ref().map(|(_, postfix)| postfix);
            let ours = (&client, ADDRESS, server.address("smtp")?);
            let messages = options.pick(of_smtp.pushes, of_smtp.pushes.min(20));
            latency::measure(postfix, ours, messages, options.seed, &mut report)?;
        }
        if wants(What::Idle) {
            let count = options.pick(of_smtp.idle, of_smtp.idle.min(200));
            idle::measure(options, binary, count, &mut report)?;
        }
    }
    Ok(report)
}

/// Starts our server with an account; mail for the other domain goes to a port of this machine.
fn start(binary: &std::path::Path, dir: &std::path::Path, port: u16) -> Result<(Server, Client)> {
    let route = format!("{ELSEWHERE}=127.0.0.1:{port}");
    let settings = ["--mail-domain", "example.org", "--mail-route", &route];
    let server = concierge::start(binary, dir, &settings)?;
    let client = Client::create(binary, dir, server.address("web")?, NAME)?;
    let run = |arguments: &[&str]| calls::concierge(binary, dir, arguments);
    let addresses = ["--address", ADDRESS, "--address", FORWARDED];
    run(&[&["mail", "account", NAME], &addresses[..]].concat())?;
    run(&["mail", "forward", "set", FORWARDED, &sends::recipient()])?;
    // Of people, a minute; where a client is on this machine nothing else is counted.
    for rate in ["account-recipients", "account-messages"] {
        run(&["mail", "rate", "set", rate, "0"])?;
    }
    Ok((server, client))
}

fn cases(options: &Options, of_smtp: &SmtpOptions) -> impl Iterator<Item = Case> {
    let wanted = options.pick(of_smtp.messages, of_smtp.messages.min(60));
    of_smtp.bytes.iter().flat_map(move |&bytes| {
        of_smtp.connections.iter().map(move |&connections| Case {
            bytes,
            connections,
            messages: accepts::messages(wanted, connections, bytes),
        })
    })
}

/// As it is called in a report.
fn bytes_name(bytes: usize) -> String {
    match bytes.is_multiple_of(1_000) {
        true => format!("{} KB", bytes / 1_000),
        false => format!("{bytes} B"),
    }
}
