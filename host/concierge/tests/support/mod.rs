//! Starts the real program, in a directory of its own and on free ports.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails fails the test"
)]
#![allow(dead_code, reason = "each test program uses its part")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// The flags of all listeners.
pub const LISTENERS: [&str; 6] = [
    "--web",
    "--s3",
    "--internal",
    "--smtp",
    "--submission",
    "--submissions",
];

/// The program, without anything of ours in its environment.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_concierge"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CONCIERGE_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// What a command that ended printed.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    /// What it printed; it must have ended well.
    pub fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// The same, as JSON.
    pub fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.good()).unwrap()
    }

    /// Its complaint; it must have ended with this code.
    pub fn bad(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self.err
    }
}

/// A directory in which servers run, one after the other.
pub struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Runs a command to its end, on this home's data.
    pub fn run(&self, arguments: &[&str]) -> Said {
        let mut command = program();
        command
            .args(arguments)
            .arg("--data")
            .arg(self.data())
            .current_dir(self.path());
        command.output().unwrap().into()
    }

    /// `concierge up` on free ports, not started yet.
    pub fn up(&self) -> Command {
        let mut command = program();
        command
            .current_dir(self.path())
            .arg("up")
            .arg("--data")
            .arg(self.data());
        for listener in LISTENERS {
            command.args([listener, "127.0.0.1:0"]);
        }
        command
    }

    /// A server that is ready.
    pub fn start(&self) -> Server {
        Server::start(self.up())
    }

    /// The token of the internal listener.
    pub fn token(&self) -> String {
        std::fs::read_to_string(self.data().join("internal-token"))
            .unwrap()
            .trim()
            .to_owned()
    }
}

/// A server that said `ready`. Killed when dropped.
pub struct Server {
    child: Child,
    err: Option<std::thread::JoinHandle<String>>,
    out: Option<std::thread::JoinHandle<String>>,
    pub ready: String,
    pub listeners: BTreeMap<String, String>,
}

impl Server {
    /// Starts it and waits for its line.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let err = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        let Some(words) = ready.trim_end().strip_prefix("ready ") else {
            let _ = child.kill();
            panic!("not ready: {ready}{}", err.join().unwrap());
        };
        let listeners = words
            .split(' ')
            .map(|word| word.split_once('=').unwrap())
            .map(|(name, address)| (name.to_owned(), address.to_owned()))
            .collect();
        let out = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        Self {
            child,
            err: Some(err),
            out: Some(out),
            ready: ready.clone(),
            listeners,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Waits for its end; gives how it ended and what it wrote since `ready`.
    pub fn wait(mut self) -> (ExitStatus, Said) {
        let status = self.child.wait().unwrap();
        let said = Said {
            code: status.code(),
            out: self.out.take().unwrap().join().unwrap(),
            err: self.err.take().unwrap().join().unwrap(),
        };
        (status, said)
    }

    /// Asks it to end, and sees that it does so well.
    pub fn stop(self) -> Said {
        self.signal(Signal::TERM);
        let (_, said) = self.wait();
        assert_eq!(said.code, Some(0), "{}", said.err);
        said
    }

    /// Sends bytes to a listener; gives everything that comes back.
    pub fn exchange(&self, listener: &str, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.listeners[listener]).unwrap();
        // A server that has heard enough may close before all is sent.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A request to the internal listener; gives status and body.
    pub fn internal(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> (u16, String) {
        let authorization = token
            .map(|token| format!("Authorization: Bearer {token}\r\n"))
            .unwrap_or_default();
        let answer = self.exchange(
            "internal",
            &format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{authorization}Content-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        );
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("{answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking()
            && let Some(err) = self.err.take()
        {
            eprintln!("--- log of the server\n{}", err.join().unwrap_or_default());
        }
    }
}
