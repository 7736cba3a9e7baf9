//! The program itself, from its release binary.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::process::Server;
use crate::s3::Credentials;

/// The flags of all listeners.
const LISTENERS: [&str; 6] = [
    "--web",
    "--s3",
    "--internal",
    "--smtp",
    "--submission",
    "--submissions",
];

/// The access key that the first start makes.
pub fn credentials() -> Credentials {
    Credentials {
        access_key: "BENCHACCESSKEY000000".into(),
        secret_key: "benchSecretKey0000000000000000000000000+".into(),
        region: "us-east-1".into(),
    }
}

/// Gives the binary to measure: `given`, or what a release build makes.
pub fn binary(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = given {
        return path
            .canonicalize()
            .with_context(|| format!("no binary at {}", path.display()));
    }
    eprintln!("building the release binary");
    let output = cargo()
        .args([
            "build",
            "--release",
            "--locked",
            "-p",
            "concierge",
            "--message-format=json",
        ])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        bail!("the release build failed");
    }
    String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "concierge")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("the build names no executable")
}

/// A cargo command in this workspace.
pub fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Starts the program with a new data directory under `dir` and all listeners
/// on free ports. `extra` goes to `concierge up`.
pub fn start(binary: &Path, dir: &Path, extra: &[&str]) -> Result<Server> {
    start_with(binary, dir, extra, &[])
}

/// As [`start`], with environment variables.
pub fn start_with(
    binary: &Path,
    dir: &Path,
    extra: &[&str],
    environment: &[(&str, &str)],
) -> Result<Server> {
    let credentials = credentials();
    let mut command = Command::new(binary);
    command
        .arg("up")
        .arg("--data")
        .arg(dir.join("concierge-data"));
    for listener in LISTENERS {
        command.args([listener, "127.0.0.1:0"]);
    }
    command
        .args(["--log", "warn"])
        .args(extra)
        .envs(environment.iter().copied())
        .env("CONCIERGE_ACCESS_KEY_ID", &credentials.access_key)
        .env("CONCIERGE_SECRET_ACCESS_KEY", &credentials.secret_key)
        .current_dir(dir);
    Server::start(command, "concierge", dir)
}
