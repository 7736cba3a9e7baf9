//! Connections that acknowledge at once what they receive.
//!
//! A client that writes a request in two pieces (the head, then the body) and has not set TCP_NODELAY
//! waits with the second for the acknowledgement of the first (RFC 896, Nagle's algorithm), which
//! the receiver delays by 40 ms on Linux once the connection looks like one of questions and answers
//! (RFC 1122 §4.2.3.2). Spin's outbound requests are such: 25 calls a second on a connection. The
//! client is not ours; that the acknowledgement is delayed is.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection whose acknowledgements are not delayed.
pub struct Acknowledging(pub TcpStream);

impl AsyncRead for Acknowledging {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.0).poll_read(cx, buffer);
        // The kernel falls back to delaying by itself (tcp(7), TCP_QUICKACK), so it is told each
        // time; where it has no such option, what it does is left to it.
        #[cfg(target_os = "linux")]
        if poll.is_ready() {
            let _ = rustix::net::sockopt::set_tcp_quickack(&self.0, true);
        }
        poll
    }
}

impl AsyncWrite for Acknowledging {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, pieces)
    }
}
