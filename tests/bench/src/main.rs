//! Benchmarks, each against a baseline in the same run. `README.md` beside the
//! crate says what each measures and how.

mod benches;
mod load;
mod options;
mod report;
mod rounds;
mod s3;
mod servers;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use options::Options;

/// Measures Concierge beside baselines in the same run.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  concierge-bench edge --bin target/release/concierge
  concierge-bench s3 --size 4KiB --clients 32 --operation put
  concierge-bench s3 --endpoint peer=http://127.0.0.1:3900,KEY,SECRET
  concierge-bench list --keys 1000000
  concierge-bench away --composed router-with-bridge.wasm
  concierge-bench memory --size 5GiB
  concierge-bench reserve --clients 64
  concierge-bench mail --what reading,searching
  concierge-bench smtp --what accepts,sends
  concierge-bench --quick --json all";

#[derive(Subcommand)]
enum Command {
    /// Requests a second of a component through the edge, beside bare hyper.
    Edge(benches::edge::EdgeOptions),
    /// GET, PUT and a mix through S3, beside hyper with one file an object.
    S3(benches::s3::S3Options),
    /// Listing at random places of many keys, beside a range scan in SQLite.
    List(benches::list::ListOptions),
    /// The components in another process than the host, beside the same in one.
    Away(benches::away::AwayOptions),
    /// Growth of the server's memory while a large object goes up and down.
    Memory(benches::memory::MemoryOptions),
    /// The read-heavy mix of a hotel application at a constant rate, and what the cache does.
    Booking(benches::booking::BookingOptions),
    /// Reservations by engine and strategy, beside plain PostgreSQL by pgbench.
    Reserve(benches::reserve::ReserveOptions),
    /// Pages, searches, import and push of mail in a mailbox of 100,000 messages.
    Mail(benches::mail::MailOptions),
    /// Mail by SMTP: taken, sent on, told of, and idle connections; beside postfix.
    Smtp(benches::smtp::SmtpOptions),
    /// All of them with their default options.
    All,
    /// Serves a baseline; the benchmarks start it.
    #[command(hide = true)]
    Serve {
        #[command(subcommand)]
        baseline: Baseline,
    },
}

#[derive(Subcommand)]
enum Baseline {
    /// Bare hyper with fixed answers.
    Hello,
    /// Bare hyper with one file an object.
    Files {
        /// Where the files are.
        #[arg(long)]
        root: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let options = &arguments.options;
    let print = |report: report::Report| report.print(options.json);
    match &arguments.command {
        Command::Edge(of_edge) => print(benches::edge::run(options, of_edge)?),
        Command::S3(of_s3) => print(benches::s3::run(options, of_s3)?),
        Command::List(of_list) => print(benches::list::run(options, of_list)?),
        Command::Away(of_away) => print(benches::away::run(options, of_away)?),
        Command::Memory(of_memory) => print(benches::memory::run(options, of_memory)?),
        Command::Booking(of_booking) => print(benches::booking::run(options, of_booking)?),
        Command::Reserve(of_reserve) => print(benches::reserve::run(options, of_reserve)?),
        Command::Mail(of_mail) => print(benches::mail::run(options, of_mail)?),
        Command::Smtp(of_smtp) => print(benches::smtp::run(options, of_smtp)?),
        Command::All => {
            print(benches::edge::run(options, &benches::default_options()?)?)?;
            print(benches::s3::run(options, &benches::default_options()?)?)?;
            print(benches::list::run(options, &benches::default_options()?)?)?;
            print(benches::away::run(options, &benches::default_options()?)?)?;
            print(benches::memory::run(options, &benches::default_options()?)?)?;
            print(benches::reserve::run(
                options,
                &benches::default_options()?,
            )?)?;
            print(benches::booking::run(
                options,
                &benches::default_options()?,
            )?)?;
            print(benches::mail::run(options, &benches::default_options()?)?)?;
            print(benches::smtp::run(options, &benches::default_options()?)?)
        }
        Command::Serve {
            baseline: Baseline::Hello,
        } => servers::bare_hello::serve(),
        Command::Serve {
            baseline: Baseline::Files { root },
        } => servers::bare_files::serve(root),
    }
}
