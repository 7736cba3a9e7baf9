//! A child process that never outlives its owner, and its log.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long a start may take. The first compiles the components; on a loaded
/// machine that takes long. Only a hang reaches it.
const START_LIMIT: Duration = Duration::from_secs(180);

/// How long an orderly stop may take before the test fails.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// Lines of the log that a failed test prints.
const LOG_TAIL_LINES: usize = 60;

/// A running program that has said `ready`.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
    addresses: HashMap<String, String>,
}

impl Process {
    /// Starts `command`, appends its standard error to `log`, and waits for its
    /// `ready NAME=ADDRESS…` line. Fails, with the end of the log, when it ends
    /// before that.
    pub async fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let errors = append(log)?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        let output = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(output).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(words) = line.strip_prefix("ready") {
                    return Ok(parse_addresses(words));
                }
            }
            bail!("the program ended before it was ready")
        };
        let addresses = match tokio::time::timeout(START_LIMIT, ready).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(error)) => bail!("{error:#}\n{}", tail(log)),
            Err(_) => bail!("not ready within {START_LIMIT:?}\n{}", tail(log)),
        };
        // What it prints later must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            child,
            log: log.to_owned(),
            addresses,
        })
    }

    /// The address of a listener by its name in the `ready` line.
    pub fn address(&self, listener: &str) -> anyhow::Result<&str> {
        self.addresses
            .get(listener)
            .map(String::as_str)
            .with_context(|| {
                format!(
                    "no listener {listener} in the ready line, which has {:?}",
                    self.addresses
                )
            })
    }

    /// Kills it at once (SIGKILL) and waits until it is gone.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks it to stop (SIGTERM) and gives its exit status.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        if let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let process = rustix::process::Pid::from_raw(id).context("no process id")?;
            rustix::process::kill_process(process, rustix::process::Signal::TERM)?;
        }
        tokio::time::timeout(STOP_LIMIT, self.child.wait())
            .await
            .with_context(|| {
                format!(
                    "still there {STOP_LIMIT:?} after SIGTERM\n{}",
                    tail(&self.log)
                )
            })?
            .context("waiting for the program")
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }
}

fn append(log: &Path) -> anyhow::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("opening {}", log.display()))
}

fn parse_addresses(words: &str) -> HashMap<String, String> {
    words
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
        .map(|(name, address)| (name.to_owned(), address.to_owned()))
        .collect()
}

/// The end of a log, for people.
pub fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(LOG_TAIL_LINES);
    let shown: Vec<&str> = lines.into_iter().skip(skipped).collect();
    format!(
        "--- log of the program ({skipped} earlier lines)\n{}",
        shown.join("\n")
    )
}
