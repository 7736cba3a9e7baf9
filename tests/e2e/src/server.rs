//! `concierge up` and `concierge node` as processes.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output};

use anyhow::{Context, ensure};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ClientOptions, RetryConfig};
use tempfile::TempDir;
use tokio::process::Command;

use crate::memory::Growth;
use crate::process::{Process, tail};
use crate::sigv4::Credentials;
use crate::{Request, Response, program, raw};

/// The region that tests sign for.
pub const REGION: &str = "us-east-1";
/// The flags of all listeners.
pub const LISTENERS: [&str; 6] = [
    "--web",
    "--s3",
    "--internal",
    "--smtp",
    "--submission",
    "--submissions",
];
const ACCESS_KEY_ID: &str = "ENDTOENDTESTS0000001";
const SECRET_ACCESS_KEY: &str = "endtoend/tests+secret/0123456789abcdefgh";

/// How to start a server.
#[derive(Debug, Default, Clone)]
pub struct ServerOptions {
    /// Further arguments of `concierge up`.
    pub arguments: Vec<String>,
    /// Further environment variables.
    pub environment: Vec<(String, String)>,
}

impl ServerOptions {
    /// Adds arguments.
    #[must_use]
    pub fn arguments<I: IntoIterator<Item = S>, S: Into<String>>(mut self, more: I) -> Self {
        self.arguments.extend(more.into_iter().map(Into::into));
        self
    }
}

/// A running `concierge up`. Killed when dropped; its directory goes too.
#[derive(Debug)]
pub struct Server {
    // The process goes before its directory.
    process: Process,
    directory: TempDir,
    options: ServerOptions,
}

impl Server {
    /// Starts one in a fresh data directory.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(ServerOptions::default()).await
    }

    /// Starts one in a fresh data directory with `options`.
    pub async fn start_with(options: ServerOptions) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("concierge-e2e-")
            .tempdir()?;
        let process = spawn(directory.path(), &options).await?;
        Ok(Self {
            process,
            directory,
            options,
        })
    }

    /// Kills it where it stands (SIGKILL).
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill().await
    }

    /// Stops it in order (SIGTERM).
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        self.process.terminate().await
    }

    /// Starts it again in the same directory, after it was killed or stopped.
    /// The addresses change.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        self.process = spawn(self.directory.path(), &self.options).await?;
        Ok(())
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        data(self.directory.path())
    }

    /// The address of a listener of the `ready` line.
    pub fn address(&self, listener: &str) -> anyhow::Result<&str> {
        self.process.address(listener)
    }

    /// The address of the S3 listener.
    pub fn s3(&self) -> anyhow::Result<&str> {
        self.address("s3")
    }

    /// Its process id.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Begins to watch how its memory grows.
    pub fn watch_memory(&self) -> anyhow::Result<Growth> {
        Growth::of(self.id().context("the server does not run")?)
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        tail(&log(self.directory.path()))
    }

    /// A client of the object_store crate for one bucket, without retries.
    pub fn object_store(&self, bucket: &str) -> anyhow::Result<AmazonS3> {
        Ok(self.object_store_builder(bucket)?.build()?)
    }

    /// As [`Self::object_store`], to be changed before it is built.
    pub fn object_store_builder(&self, bucket: &str) -> anyhow::Result<AmazonS3Builder> {
        install_tls_provider();
        let retries = RetryConfig {
            max_retries: 0,
            ..RetryConfig::default()
        };
        Ok(AmazonS3Builder::new()
            .with_endpoint(format!("http://{}", self.s3()?))
            .with_region(REGION)
            .with_bucket_name(bucket)
            .with_access_key_id(ACCESS_KEY_ID)
            .with_secret_access_key(SECRET_ACCESS_KEY)
            .with_allow_http(true)
            .with_retry(retries)
            .with_client_options(
                ClientOptions::new()
                    .with_allow_http(true)
                    .with_timeout_disabled(),
            ))
    }

    /// What to sign raw requests with.
    pub fn credentials() -> Credentials {
        Credentials {
            access_key_id: ACCESS_KEY_ID.into(),
            secret_access_key: SECRET_ACCESS_KEY.into(),
            region: REGION.into(),
        }
    }

    /// Signs a request and sends it on a connection of its own.
    pub async fn send(&self, request: Request) -> anyhow::Result<Response> {
        let address = self.s3()?;
        raw::send(address, &Self::credentials().signed(request, address)).await
    }

    /// Sends a request as it is.
    pub async fn send_unsigned(&self, request: Request) -> anyhow::Result<Response> {
        let address = self.s3()?;
        raw::send(address, &request.with_default_header("host", address)).await
    }

    /// Creates a bucket; must succeed.
    pub async fn create_bucket(&self, name: &str) -> anyhow::Result<()> {
        let answer = self.send(Request::new("PUT", format!("/{name}"))).await?;
        ensure!(answer.status == 200, "creating bucket {name}: {answer:?}");
        Ok(())
    }

    /// Runs `concierge ARGUMENTS --data DIR` to its end, whatever its exit code.
    pub async fn command(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        command(arguments, &self.data()).await
    }

    /// As [`Self::command`], which must exit 0 and print JSON.
    pub async fn json(&self, arguments: &[&str]) -> anyhow::Result<serde_json::Value> {
        let output = self.command(arguments).await?;
        ensure!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{arguments:?} prints no JSON: {output:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log_tail());
        }
    }
}

/// object_store's HTTP client wants one even for plain HTTP.
fn install_tls_provider() {
    // The second time it is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Runs `concierge ARGUMENTS --data DATA` to its end.
pub async fn command(arguments: &[&str], data: &Path) -> anyhow::Result<Output> {
    let mut command = Command::new(program::path()?);
    command
        .args(arguments)
        .arg("--data")
        .arg(data)
        .kill_on_drop(true)
        .stdin(std::process::Stdio::null());
    Ok(command.output().await?)
}

async fn spawn(directory: &Path, options: &ServerOptions) -> anyhow::Result<Process> {
    let mut command = up(&data(directory), options)?;
    command.env("CONCIERGE_ACCESS_KEY_ID", ACCESS_KEY_ID);
    command.env("CONCIERGE_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
    Process::start(command, &log(directory)).await
}

/// `concierge up` on free ports over `data`, not started yet.
pub fn up(data: &Path, options: &ServerOptions) -> anyhow::Result<Command> {
    let mut command = Command::new(program::path()?);
    command.arg("up").arg("--data").arg(data);
    for listener in LISTENERS {
        command.args([listener, "127.0.0.1:0"]);
    }
    command.args(&options.arguments);
    command.envs(
        options
            .environment
            .iter()
            .map(|(name, value)| (name, value)),
    );
    Ok(command)
}

fn data(directory: &Path) -> PathBuf {
    directory.join("data")
}

fn log(directory: &Path) -> PathBuf {
    directory.join("log")
}

/// A running `concierge node`. Killed when dropped; its directory goes too.
#[derive(Debug)]
pub struct NodeServer {
    process: Process,
    directory: TempDir,
    address: String,
}

impl NodeServer {
    /// The token that test nodes ask for.
    pub const TOKEN: &str = "end to end node token, tests only";

    /// Starts a storage node on a free port.
    pub async fn start() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("concierge-node-")
            .tempdir()?;
        let process = spawn_node(directory.path(), "127.0.0.1:0").await?;
        let address = process.address("node")?.to_owned();
        Ok(Self {
            process,
            directory,
            address,
        })
    }

    /// Its address, the same through restarts.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        data(self.directory.path())
    }

    /// Kills it where it stands (SIGKILL).
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill().await
    }

    /// Starts it again in its directory, on the address it had.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        self.process = spawn_node(self.directory.path(), &self.address).await?;
        Ok(())
    }
}

impl Drop for NodeServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", tail(&log(self.directory.path())));
        }
    }
}

async fn spawn_node(directory: &Path, listen: &str) -> anyhow::Result<Process> {
    let mut command = Command::new(program::path()?);
    command
        .arg("node")
        .arg("--data")
        .arg(data(directory))
        .args(["--listen", listen]);
    command.env("CONCIERGE_NODE_TOKEN", NodeServer::TOKEN);
    Process::start(command, &log(directory)).await
}
