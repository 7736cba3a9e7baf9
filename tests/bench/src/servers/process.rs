//! A server in a process of its own, from its start to its end.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// A server that is not ready by then never will be. The first start of a
/// component compiles it.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// Time to drain and sync after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// How often an ended or a listening server is looked for.
const POLL: Duration = Duration::from_millis(20);
/// Lines of its log shown when a server fails.
const LOG_TAIL_LINES: usize = 20;

/// A running server; stopped when it is dropped.
pub struct Server {
    child: Child,
    log: PathBuf,
    /// What it said in its `ready` line: listener name to address.
    pub addresses: HashMap<String, SocketAddr>,
}

impl Server {
    /// Starts `command` and waits for a line `ready NAME=ADDR …` on its standard
    /// output. Its standard error goes to `NAME.log` in `dir`.
    pub fn start(command: Command, name: &str, dir: &Path) -> Result<Self> {
        let mut server = Self::spawn(command, name, dir)?;
        let stdout = server.child.stdout.take().context("no standard output")?;
        let (sender, lines) = mpsc::channel();
        // Reads on to the end, so that the server never waits for a full pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(addresses) = parse_ready(&line) {
                        server.addresses = addresses;
                        return Ok(server);
                    }
                }
                Err(_) => bail!("{name} did not become ready\n{}", server.log_tail()),
            }
        }
    }

    /// Starts `command`, which prints no `ready` line, and waits until `addr`
    /// accepts a connection. The address is known as `http`.
    pub fn start_at(command: Command, name: &str, dir: &Path, addr: SocketAddr) -> Result<Self> {
        let mut server = Self::spawn(command, name, dir)?;
        let deadline = Instant::now() + READY_LIMIT;
        while std::net::TcpStream::connect(addr).is_err() {
            if Instant::now() > deadline || server.child.try_wait()?.is_some() {
                bail!("{name} does not listen on {addr}\n{}", server.log_tail());
            }
            std::thread::sleep(POLL);
        }
        server.addresses.insert("http".into(), addr);
        Ok(server)
    }

    fn spawn(mut command: Command, name: &str, dir: &Path) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {name}: {command:?}"))?;
        Ok(Self {
            child,
            log,
            addresses: HashMap::new(),
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The address of a listener.
    pub fn address(&self, listener: &str) -> Result<SocketAddr> {
        self.addresses
            .get(listener)
            .copied()
            .with_context(|| format!("the server has no listener `{listener}`"))
    }

    /// What it writes to standard output, once; nothing of a server that says when it is ready.
    pub fn take_output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// The end of what it wrote to standard error.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }

    fn stop(&mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id())?;
        let pid = rustix::process::Pid::from_raw(pid).context("no process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let deadline = Instant::now() + STOP_LIMIT;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                self.child.kill()?;
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait()
            && self.stop().is_err()
        {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// `ready web=127.0.0.1:8080 s3=127.0.0.1:9000` → names and addresses.
fn parse_ready(line: &str) -> Option<HashMap<String, SocketAddr>> {
    line.strip_prefix("ready ")?
        .split_ascii_whitespace()
        .map(|pair| {
            let (name, addr) = pair.split_once('=')?;
            Some((name.to_owned(), addr.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_line_names_the_listeners() {
        let addresses = parse_ready("ready web=127.0.0.1:8080 s3=127.0.0.1:9000").unwrap();
        assert_eq!(addresses["s3"], "127.0.0.1:9000".parse().unwrap());
        assert!(parse_ready("starting").is_none());
    }
}
