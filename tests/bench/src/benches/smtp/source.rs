//! Postfix's `smtp-source`, the load on everyone, and the message that it sends.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::benches::mail::letters::Letters;
use crate::servers::{cpu, postfix};

/// The sender of what comes from elsewhere.
pub const SENDER: &str = "sender@far.example";
/// Messages of one connection that our server takes.
pub const MESSAGES_OF_CONNECTION: u64 = 1_000;

/// A message without Message-ID, so that each is a thread of its own, however often it is sent.
pub struct Letter {
    /// With LF at its lines' ends, as `smtp-source` wants it.
    text: String,
}

impl Letter {
    /// Of so many bytes, lines of words; its sender and receiver are named in it.
    pub fn new(from: &str, to: &str, bytes: usize, seed: u64) -> Self {
        let mut letters = Letters::new(seed, "smtp");
        let head = format!(
            "From: Bench <{from}>\nTo: <{to}>\nSubject: as often as it is sent\n\
             Date: Mon, 01 Jan 2024 00:00:00 +0000\n\n"
        );
        let prose = letters.prose(bytes.saturating_sub(head.len()));
        Self {
            text: head + &prose,
        }
    }

    /// As it is on the wire, but for the dot at its end.
    pub fn on_wire(&self) -> Vec<u8> {
        self.text.replace('\n', "\r\n").into_bytes()
    }

    /// Bytes on the wire.
    pub fn length(&self) -> u64 {
        self.on_wire().len() as u64
    }

    /// The first word of its text.
    pub fn word(&self) -> Result<&str> {
        let text = self.text.split_once("\n\n").map(|(_, text)| text);
        let word = text.and_then(|text| text.split_whitespace().next());
        word.context("a letter without words")
    }

    /// A file that `smtp-source` reads.
    pub fn write(&self, dir: &Path, name: &str) -> Result<PathBuf> {
        let path = dir.join(name);
        std::fs::write(&path, &self.text)?;
        Ok(path)
    }
}

/// What is sent, over how many connections.
pub struct Load<'a> {
    pub letter: &'a Path,
    pub from: &'a str,
    pub to: &'a str,
    pub messages: u64,
    pub connections: usize,
}

/// How long `smtp-source` took, and its processor time.
pub struct Took {
    pub elapsed: Duration,
    pub client_cpu: Duration,
}

/// Sends; every message must be accepted.
pub fn send(load: &Load<'_>, addr: SocketAddr) -> Result<Took> {
    let program = postfix::program("smtp-source").context("there is no smtp-source")?;
    let before = cpu::of_ended_children()?;
    let begun = Instant::now();
    let output = Command::new(program)
        .args(["-d", "-M", "bench.example", "-f", load.from, "-t", load.to])
        .args(["-s", &load.connections.to_string()])
        .args(["-m", &load.messages.to_string()])
        .arg("-F")
        .arg(load.letter)
        .arg(addr.to_string())
        .output()?;
    let elapsed = begun.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "smtp-source to {addr}: {said}");
    Ok(Took {
        elapsed,
        client_cpu: cpu::of_ended_children()?.saturating_sub(before),
    })
}
