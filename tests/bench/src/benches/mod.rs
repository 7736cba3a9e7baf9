//! The benchmarks, one a file or folder.

pub mod away;
pub mod booking;
pub mod edge;
pub mod list;
pub mod mail;
pub mod memory;
pub mod reserve;
pub mod s3;
pub mod smtp;

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::servers::process::Server;

/// The options of a benchmark as if none were given.
pub fn default_options<T: clap::Args>() -> Result<T> {
    let command = T::augment_args(clap::Command::new("defaults"));
    Ok(T::from_arg_matches(
        &command.try_get_matches_from(["defaults"])?,
    )?)
}

/// Starts one of the baselines that this program serves itself.
fn start_baseline(arguments: &[&str], dir: &Path, name: &str) -> Result<Server> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve").args(arguments);
    Server::start(command, name, dir)
}
