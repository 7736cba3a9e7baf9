//! A guest's standard output and standard error, as lines of the log.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// A longer line is cut, so that a guest cannot make the host keep its output.
const LINE_MAX_BYTES: usize = 4 << 10;

/// Logs each line with the component's name.
#[derive(Clone, Debug)]
pub(crate) struct LogOutput {
    component: Arc<str>,
}

impl LogOutput {
    pub(crate) fn new(component: Arc<str>) -> Self {
        Self { component }
    }
}

impl IsTerminal for LogOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(LineLog {
            component: Arc::clone(&self.component),
            line: Vec::new(),
        })
    }
}

struct LineLog {
    component: Arc<str>,
    line: Vec<u8>,
}

impl LineLog {
    fn log(&mut self) {
        if !self.line.is_empty() {
            tracing::info!(
                target: "concierge_edge::guest",
                component = %self.component,
                "{}",
                String::from_utf8_lossy(&self.line)
            );
            self.line.clear();
        }
    }
}

impl AsyncWrite for LineLog {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        for &byte in bytes {
            if byte == b'\n' || self.line.len() == LINE_MAX_BYTES {
                self.log();
            }
            if byte != b'\n' {
                self.line.push(byte);
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.log();
        Poll::Ready(Ok(()))
    }
}

impl Drop for LineLog {
    fn drop(&mut self) {
        self.log();
    }
}
