//! Spin, for the same component.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::process::Server;

/// Starts `spin up` for a manifest on a port that was free a moment ago.
pub fn start(binary: &Path, manifest: &Path, dir: &Path) -> Result<Server> {
    start_with(binary, manifest, dir, &[])
}

/// As [`start`], with further environment variables.
pub fn start_with(
    binary: &Path,
    manifest: &Path,
    dir: &Path,
    environment: &[(&str, &str)],
) -> Result<Server> {
    let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut command = Command::new(binary);
    command
        .args(["up", "--quiet", "--listen"])
        .arg(addr.to_string())
        .arg("--from")
        .arg(manifest)
        .envs(environment.iter().copied())
        .current_dir(dir);
    Server::start_at(command, "spin", dir, addr)
}
