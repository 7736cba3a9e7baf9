//! A PostgreSQL server of its own for a test or a benchmark.
//!
//! It listens on a socket in its directory alone, so that it needs no port.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// How long a start may take, recovery after a crash included. Only a hang reaches it.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Between two looks whether it answers.
const INTERVAL: Duration = Duration::from_millis(20);

/// Where Debian puts the programs, a directory for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Who runs it where tests run as root, which PostgreSQL refuses to.
const USER: &str = "postgres";

/// A running PostgreSQL server. Killed when dropped; its directory goes too.
#[derive(Debug)]
pub struct Postgres {
    child: Child,
    programs: PathBuf,
    directory: TempDir,
}

impl Postgres {
    /// Starts one. `None` where PostgreSQL is not installed: the test is skipped, and says so.
    ///
    /// # Errors
    /// Where it does not start, or is not installed although `CI` is set: there nothing is skipped.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        let Some(programs) = programs() else {
            let missing = "PostgreSQL is not installed";
            ensure!(std::env::var_os("CI").is_none(), missing);
            eprintln!("skipped: {missing}");
            return Ok(None);
        };
        let directory = tempfile::Builder::new().prefix("concierge-pg-").tempdir()?;
        if rustix::process::geteuid().is_root() {
            give_away(directory.path()).await?;
        }
        let cluster = directory.path().join("cluster");
        let made = command(&programs, "initdb")
            .args([
                "--auth=trust",
                "--username=postgres",
                "--no-sync",
                "--pgdata",
            ])
            .arg(&cluster)
            .output()
            .await?;
        ensure!(made.status.success(), "initdb: {made:?}");
        let child = spawn(&programs, directory.path())?;
        let mut server = Self {
            child,
            programs,
            directory,
        };
        server.wait_until_it_answers().await?;
        Ok(Some(server))
    }

    /// The directory of its programs, `pgbench` among them.
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// The directory of its socket: what `--host` of its programs takes.
    pub fn socket(&self) -> &Path {
        self.directory.path()
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Where clients of a database connect.
    pub fn url_of(&self, database: &str) -> String {
        let socket = self.directory.path().display().to_string();
        format!(
            "postgresql://postgres@{}/{database}",
            socket.replace('/', "%2F")
        )
    }

    /// Kills all of it where it stands (SIGKILL).
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.kill_all();
        self.child.wait().await?;
        Ok(())
    }

    /// Starts it again after it was killed; it recovers first.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            self.child = spawn(&self.programs, self.directory.path())?;
            match self.wait_until_it_answers().await {
                Ok(()) => return Ok(()),
                // Processes of the one before may still be going away with its shared memory.
                Err(_) if began.elapsed() < START_LIMIT => tokio::time::sleep(INTERVAL).await,
                Err(error) => return Err(error),
            }
        }
    }

    async fn wait_until_it_answers(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let mut ready = command(&self.programs, "pg_isready");
            ready
                .arg("--quiet")
                .arg("--host")
                .arg(self.directory.path());
            if ready.status().await?.success() {
                return Ok(());
            }
            let log = log(self.directory.path());
            if let Some(status) = self.child.try_wait()? {
                bail!("postgres ended: {status}\n{}", read(&log));
            }
            ensure!(
                began.elapsed() < START_LIMIT,
                "postgres does not answer\n{}",
                read(&log)
            );
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Kills the postmaster and its children, which are in sessions of their own.
    fn kill_all(&self) {
        let Some(id) = self.child.id() else { return };
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let children = children.unwrap_or_default();
        let ids = children.split_whitespace().filter_map(|id| id.parse().ok());
        for process in i32::try_from(id)
            .into_iter()
            .chain(ids)
            .filter_map(Pid::from_raw)
        {
            // It may be gone already.
            let _ = rustix::process::kill_process(process, Signal::KILL);
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", read(&log(self.directory.path())));
        }
        self.kill_all();
    }
}

/// The directory of the newest version's programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN).ok()?.flatten();
    let newest = versions
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let programs = entry.path().join("bin");
            programs
                .join("postgres")
                .exists()
                .then_some((version, programs))
        })
        .max()?;
    Some(newest.1)
}

async fn give_away(directory: &Path) -> anyhow::Result<()> {
    let owner = Command::new("chown")
        .arg(USER)
        .arg(directory)
        .status()
        .await?;
    ensure!(owner.success(), "there is no user {USER}");
    Ok(())
}

/// A program of PostgreSQL, run by whoever may run it.
fn command(programs: &Path, name: &str) -> Command {
    let program = programs.join(name);
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"])
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

fn spawn(programs: &Path, directory: &Path) -> anyhow::Result<Child> {
    let output = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log(directory))?;
    let mut command = command(programs, "postgres");
    command.arg("-D").arg(directory.join("cluster"));
    command.arg("-k").arg(directory);
    for setting in [
        "listen_addresses=",
        "max_connections=200",
        "logging_collector=off",
    ] {
        command.args([OsStr::new("-c"), OsStr::new(setting)]);
    }
    command.stdout(output.try_clone()?).stderr(output);
    command.spawn().context("starting postgres")
}

fn log(directory: &Path) -> PathBuf {
    directory.join("log")
}

/// A log, for people.
fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}
