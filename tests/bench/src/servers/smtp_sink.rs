//! Postfix's `smtp-sink`, which takes messages and throws them away.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};

use super::postfix;
use super::process::Server;

/// Connections at once, and waiting to be accepted: more than anyone opens.
const CONNECTIONS: &str = "500";

/// A running one; stopped when it is dropped.
pub struct SmtpSink {
    _server: Server,
    pub addr: SocketAddr,
    taken: Arc<AtomicU64>,
}

impl SmtpSink {
    /// Starts it on a port that was free a moment ago.
    pub fn start(dir: &Path) -> Result<Self> {
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(postfix::program("smtp-sink").context("no smtp-sink")?);
        command
            .args(["-c", "-u", "nobody", "-m", CONNECTIONS])
            .args([&addr.to_string(), CONNECTIONS]);
        let mut server = Server::start_at(command, "smtp-sink", dir, addr)?;
        let mut output = server.take_output().context("no standard output")?;
        let taken = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&taken);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            let mut rest = Vec::new();
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                rest.extend_from_slice(&buffer[..read]);
                if let Some(count) = last_count(&mut rest) {
                    counted.store(count, Ordering::Relaxed);
                }
            }
        });
        Ok(Self {
            _server: server,
            addr,
            taken,
        })
    }

    /// Messages taken since the start.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

/// The messages in the last whole one of its lines, `sess=1 quit=0 mesg=7` and a carriage return; what comes behind it is
/// left.
fn last_count(said: &mut Vec<u8>) -> Option<u64> {
    let end = memchr::memrchr(b'\r', said)?;
    let rest = said.split_off(end + 1);
    let whole = std::mem::replace(said, rest);
    let text = String::from_utf8_lossy(&whole);
    let (_, count) = text.rsplit_once("mesg=")?;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_line_counts() {
        let mut said =
            b"sess=1 quit=0 mesg=9\rsess=1 quit=0 mesg=10\rsess=1 quit=0 mesg=1".to_vec();
        assert_eq!(last_count(&mut said), Some(10));
        assert_eq!(said, b"sess=1 quit=0 mesg=1");
        assert_eq!(last_count(&mut said), None);
    }
}
