//! The concierge binary: command line, configuration, start-up and shutdown.
//!
//! [`serve`] joins the other crates into a server; [`admin`] is what can be
//! asked of it, by [`cli`] over the [`internal`] listener or, where no server
//! runs, on the data directory itself ([`backend`]).

mod admin;
mod backend;
mod booking;
mod bridge_tokens;
mod callbacks;
mod cli;
mod client;
mod config;
mod data_dir;
mod exit;
mod health;
mod internal;
mod mail;
mod serve;
mod storage;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::exit::{Exit, Failure};

fn main() -> ExitCode {
    // clap prints help, versions and mistakes by itself, and ends with 0 or 2.
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("concierge: {failure}");
            failure.exit.into()
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("concierge")
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start threads: {error}")))?;
    let outcome = runtime.block_on(cli.run());
    // What still runs on the blocking pool has nothing left to do for anyone.
    runtime.shutdown_background();
    outcome
}
