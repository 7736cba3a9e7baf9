//! Mounts a file system in memory that loses what was not synced, for tests of whole programs.
//!
//! It says `ready` on its standard output when it is mounted, and takes commands from its standard input, one a line, each
//! of which it answers with a line:
//!
//! | command | what | answer |
//! | --- | --- | --- |
//! | `lose SEED` | Loses power: what was not synced is kept, lost or torn, as the seed says. | `lost files=1 pages=2 torn=3 operations=4` |
//! | `sync` | Makes everything durable. | `synced` |
//!
//! The programs that use it are killed before it loses power: what they have open gives errors from then on. It ends with
//! its standard input or on SIGTERM, and unmounts.

mod disk;
mod mount;

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;
use disk::{Disk, Owner};
use mount::Mount;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Commands that wait at most.
const COMMANDS: usize = 1;

/// Mounts a file system in memory that loses what was not synced.
#[derive(Debug, Parser)]
struct Arguments {
    /// An empty directory, on which nothing is mounted
    path: PathBuf,
    /// Room for contents, old and new
    #[arg(long, default_value_t = 4 << 30)]
    size_bytes: u64,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lossy-disk: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let owner = Owner {
        user: rustix::process::geteuid().as_raw(),
        group: rustix::process::getegid().as_raw(),
        permissions: 0o755,
    };
    let mut mount = mounted(&arguments.path, Disk::new(arguments.size_bytes, owner))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut commands = commands();
        say("ready")?;
        loop {
            let command = tokio::select! {
                command = commands.recv() => command,
                _ = terminate.recv() => None,
            };
            let Some(command) = command else {
                return Ok(());
            };
            say(&obey(&command, arguments, &mut mount)?)?;
        }
    })
}

fn mounted(path: &std::path::Path, disk: Disk) -> anyhow::Result<Mount> {
    Mount::new(path, disk).with_context(|| format!("cannot mount on {}", path.display()))
}

/// The lines of the standard input, until its end.
fn commands() -> mpsc::Receiver<String> {
    let (sender, commands) = mpsc::channel(COMMANDS);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    commands
}

/// Does what a command says; gives the answer.
fn obey(command: &str, arguments: &Arguments, mount: &mut Mount) -> anyhow::Result<String> {
    match command.split_once(' ').unwrap_or((command, "")) {
        ("lose", seed) => {
            let seed = seed.parse().context("the seed is a number")?;
            let mut disk = mount.end()?;
            let loss = disk.lose(seed);
            *mount = mounted(&arguments.path, disk)?;
            Ok(format!(
                "lost files={} pages={} torn={} operations={}",
                loss.files, loss.pages, loss.torn, loss.operations
            ))
        }
        ("sync", "") => {
            mount.with(Disk::sync).context("nothing is mounted")?;
            Ok("synced".to_owned())
        }
        _ => bail!("unknown command {command:?}: there are `lose SEED` and `sync`"),
    }
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}
