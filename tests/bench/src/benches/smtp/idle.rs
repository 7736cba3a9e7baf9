//! What a connection costs on which nothing comes.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use anyhow::{Context as _, Result};

use super::session::Session;
use crate::benches::mail::listening::allow_files;
use crate::options::Options;
use crate::report::{Aim, Report};
use crate::servers::{concierge, memory};

/// Connections of one address: as many as the server admits.
const PER_ADDRESS: usize = 100;
/// Files that this program needs beside its connections.
const OTHER_FILES: u64 = 200;
/// All that the server has resident with the connections stays below.
const AIM_RESIDENT_MB: f64 = 300.0;
const MB: f64 = 1e6;
const KIB: f64 = 1024.0;

/// Opens connections before a server of its own, says EHLO on each and leaves them alone.
pub fn measure(options: &Options, binary: &Path, count: usize, report: &mut Report) -> Result<()> {
    eprintln!("{count} idle connections");
    allow_files(count as u64 + OTHER_FILES)?;
    let dir = options.temporary()?;
    let server = concierge::start(binary, dir.path(), &["--mail-domain", "example.org"])?;
    let addr = server.address("smtp")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    // What the server asks for once is not counted.
    for _ in 0..PER_ADDRESS.min(count) {
        Session::open(addr)?.ask("QUIT", "221")?;
    }
    let before = memory::of_process(server.pid())?.resident;
    let mut sessions = Vec::with_capacity(count);
    for number in 0..count {
        let source = source(number / PER_ADDRESS)?;
        let session = Session::open_from(source, addr, &runtime);
        sessions.push(session.with_context(|| format!("connection {number}"))?);
    }
    let after = memory::of_process(server.pid())?.resident;
    for session in &mut sessions {
        session
            .ask("NOOP", "250")
            .context("a connection was let go")?;
    }
    let each = after.saturating_sub(before) as f64 / count.max(1) as f64;
    report.fact(
        "resident before idle SMTP connections",
        before as f64 / MB,
        "MB",
    );
    report.fact(
        format!("resident with {count} of them"),
        after as f64 / MB,
        "MB",
    );
    report.fact("memory of each", each / KIB, "KiB");
    let name = format!("resident with {count} idle SMTP connections, MB");
    report
        .aims
        .push(Aim::below(name, after as f64 / MB, AIM_RESIDENT_MB));
    Ok(())
}

/// An address of this machine, from 127.0.0.2 on.
fn source(number: usize) -> Result<IpAddr> {
    let host = u8::try_from(number + 2).context("more connections than there are addresses for")?;
    Ok(Ipv4Addr::new(127, 0, 0, host).into())
}
