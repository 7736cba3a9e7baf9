//! A TCP proxy with an address that stays, and connections that can be cut.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// No cut is asked for.
const NEVER: u64 = u64::MAX;

/// Passes connections on. Ends with all of them when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    to: Mutex<String>,
    /// Bytes, over all connections and both directions, until the connection that moves the last
    /// of them is cut.
    left: AtomicU64,
}

impl Proxy {
    /// Passes connections on to `to`.
    pub async fn start(to: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            to: Mutex::new(to.to_owned()),
            left: AtomicU64::new(NEVER),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Passes new connections on to another address.
    pub fn pass_to(&self, to: &str) {
        let mut target = self
            .shared
            .to
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        to.clone_into(&mut target);
    }

    /// Cuts one connection when so many more bytes have moved.
    pub fn cut_after(&self, bytes: u64) {
        self.shared.left.store(bytes, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Aborted with the proxy: the set aborts its tasks.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move { drop(pass(stream, &shared).await) });
        while connections.try_join_next().is_some() {}
    }
}

async fn pass(near: TcpStream, shared: &Shared) -> anyhow::Result<()> {
    let to = shared
        .to
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let far = TcpStream::connect(&to).await.context("connecting")?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    // The first to fail takes the other with it, and both sockets.
    tokio::try_join!(
        copy(near_read, far_write, shared),
        copy(far_read, near_write, shared)
    )?;
    Ok(())
}

async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
) -> anyhow::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            to.shutdown().await?;
            return Ok(());
        }
        let taken = |left: u64| match left {
            NEVER => None,
            left => Some(left.saturating_sub(length as u64)),
        };
        let before = shared
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, taken);
        if before.is_ok_and(|before| before <= length as u64) {
            shared.left.store(NEVER, Ordering::SeqCst);
            anyhow::bail!("cut");
        }
        to.write_all(buffer.get(..length).context("read too much")?)
            .await?;
    }
}
