//! An edge in a process of its own, before a host in another.

use std::path::{Path, PathBuf};

use anyhow::Context;
use object_store::aws::AmazonS3;
use tempfile::TempDir;
use tokio::process::Command;

use crate::process::{Process, tail};
use crate::{Request, Response, Server, compose, program, raw};

/// How an edge's components reach the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Their imports are answered by `concierge edge --host`.
    Native,
    /// They are composed with the bridge, as under `spin up`, and the edge has nothing to do with it.
    Bridge,
}

/// A running `concierge edge`. Killed when dropped.
#[derive(Debug)]
pub struct Edge {
    // The process goes before its directory.
    process: Process,
    directory: TempDir,
}

impl Edge {
    /// Starts one before `host`, the address of an internal listener, with `token`.
    pub async fn start(way: Way, host: &str, token: &str) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("concierge-edge-")
            .tempdir()?;
        let command = edge(directory.path(), way, host, token)?;
        let process = Process::start(command, &log(directory.path())).await?;
        Ok(Self { process, directory })
    }

    /// The address of the S3 listener.
    pub fn s3(&self) -> anyhow::Result<&str> {
        self.process.address("s3")
    }

    /// The address of the web listener.
    pub fn web(&self) -> anyhow::Result<&str> {
        self.process.address("web")
    }

    /// Signs a request and sends it on a connection of its own.
    pub async fn send(&self, request: Request) -> anyhow::Result<Response> {
        let address = self.s3()?;
        raw::send(address, &Server::credentials().signed(request, address)).await
    }

    /// A client of the object_store crate for one bucket, without retries.
    pub fn object_store(&self, server: &Server, bucket: &str) -> anyhow::Result<AmazonS3> {
        let endpoint = format!("http://{}", self.s3()?);
        let builder = server.object_store_builder(bucket)?;
        Ok(builder.with_endpoint(endpoint).build()?)
    }

    /// Its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(log(self.directory.path())).unwrap_or_default()
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the edge: {}", tail(&log(self.directory.path())));
        }
    }
}

fn edge(directory: &Path, way: Way, host: &str, token: &str) -> anyhow::Result<Command> {
    let token_file = directory.join("token");
    let mut command = Command::new(program::path()?);
    command.arg("edge");
    for listener in ["--web", "--s3"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    match way {
        Way::Native => {
            std::fs::write(&token_file, token)?;
            command.args(["--host", &format!("http://{host}")]);
        }
        Way::Bridge => {
            // The edge's own way leads nowhere: what is answered came over the bridge.
            std::fs::write(&token_file, "no token")?;
            command.args(["--host", "http://127.0.0.1:1"]);
            for name in ["booking", "mail-api", "object-router", "hello-objects"] {
                let file = directory.join(name).with_extension("wasm");
                std::fs::write(&file, compose::with_bridge(name)?)?;
                command
                    .arg("--component")
                    .arg(format!("{name}={}", file.display()));
            }
            command.env("SPIN_VARIABLE_CONCIERGE_URL", format!("http://{host}"));
            command.env("SPIN_VARIABLE_CONCIERGE_TOKEN", token);
        }
    }
    command.arg("--token-file").arg(&token_file);
    command.arg("--cache").arg(cache()?);
    Ok(command)
}

/// One cache for all edges of a build, beside the program: composed components take seconds to compile.
fn cache() -> anyhow::Result<PathBuf> {
    let program = program::path()?;
    let directory = program.parent().context("the program is in no directory")?;
    let cache = directory.join("edge-test-cache");
    std::fs::create_dir_all(&cache)?;
    Ok(cache)
}

fn log(directory: &Path) -> PathBuf {
    directory.join("log")
}
