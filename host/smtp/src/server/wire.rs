//! The octets of a connection: lines and pieces in, replies out.

use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::options::{IDLE_BYTES, OVERLONG_MAX_BYTES, READ_BYTES, REPLIES_MAX_BYTES};
use crate::reply::Reply;

/// What a session is spoken over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Why there is no more to read.
#[derive(Debug)]
pub(super) enum Ended {
    /// The client is gone, or the connection broke.
    Gone,
    /// Nothing came in the time there was.
    Silent,
    /// It came too slowly for too long.
    Slow,
    /// Lines were too long for too long.
    Flooded,
}

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Without its CRLF.
    Whole(Vec<u8>),
    /// It was longer than a line may be, and is passed over.
    TooLong,
    /// It ended with an LF alone.
    BareLineFeed,
}

/// A connection with what was read and not looked at, and the replies that wait.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    input: Vec<u8>,
    /// Where what was not looked at begins.
    at: usize,
    output: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            input: Vec::new(),
            at: 0,
            output: Vec::new(),
        }
    }

    /// What was read and not looked at.
    pub(super) fn pending(&self) -> &[u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    /// Takes so much of it.
    pub(super) fn take(&mut self, count: usize) {
        self.at += count;
        if self.at >= self.input.len() {
            self.input.clear();
            self.at = 0;
        }
    }

    /// Gives the stream to TLS. What the client sent behind STARTTLS is forgotten (RFC 3207 §4.2).
    pub(super) fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }

    /// Puts a reply behind those that wait.
    pub(super) fn reply(&mut self, reply: &Reply) {
        let mut lines = reply.text.lines().peekable();
        if lines.peek().is_none() {
            self.reply_line(reply, "", true);
        }
        while let Some(line) = lines.next() {
            self.reply_line(reply, line, lines.peek().is_none());
        }
    }

    fn reply_line(&mut self, reply: &Reply, text: &str, is_last: bool) {
        let mark = if is_last { ' ' } else { '-' };
        let code = reply.code;
        // Texts have words of clients and of other servers.
        let text: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let line = match reply.enhanced {
            Some(enhanced) => format!("{code}{mark}{enhanced} {text}\r\n"),
            None => format!("{code}{mark}{text}\r\n"),
        };
        self.output.extend_from_slice(line.as_bytes());
    }

    /// Whether replies should not wait any longer.
    pub(super) fn is_full(&self) -> bool {
        self.output.len() >= REPLIES_MAX_BYTES
    }

    /// Sends the replies that wait.
    pub(super) async fn flush(&mut self, limit: Duration) -> Result<(), Ended> {
        if self.output.is_empty() {
            return Ok(());
        }
        let sent = async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        };
        let sent = timeout(limit, sent).await;
        self.output.clear();
        self.output.shrink_to(IDLE_BYTES);
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ended::Gone),
            Err(_) => Err(Ended::Silent),
        }
    }

    /// Sends what waits and says goodbye in the manner of the layer below.
    pub(super) async fn close(mut self, limit: Duration) {
        if self.flush(limit).await.is_ok() {
            // What the client makes of it is its own affair.
            let _ = timeout(limit, self.stream.shutdown()).await;
        }
    }

    /// Reads some more, once replies are sent.
    pub(super) async fn read(&mut self, max_bytes: usize, limit: Duration) -> Result<(), Ended> {
        self.flush(limit).await?;
        if self.at > 0 {
            self.input.drain(..self.at);
            self.at = 0;
        }
        if self.input.is_empty() {
            self.input.shrink_to(max_bytes);
        }
        self.input.reserve(max_bytes);
        let mut bounded = (&mut self.stream).take(max_bytes as u64);
        match timeout(limit, bounded.read_buf(&mut self.input)).await {
            Ok(Ok(0) | Err(_)) => Err(Ended::Gone),
            Ok(Ok(_)) => Ok(()),
            Err(_) => Err(Ended::Silent),
        }
    }

    /// A line that is there already.
    pub(super) fn line_at_hand(&mut self, max_bytes: usize) -> Option<Line> {
        let pending = self.pending();
        let end = memchr::memchr(b'\n', pending)?;
        let line = pending.get(..end).unwrap_or_default();
        let line = match line.strip_suffix(b"\r") {
            _ if end >= max_bytes => Line::TooLong,
            None => Line::BareLineFeed,
            Some(line) => Line::Whole(line.to_vec()),
        };
        self.take(end + 1);
        Some(line)
    }

    /// The next line, within a time for the whole of it.
    pub(super) async fn line(&mut self, max_bytes: usize, limit: Duration) -> Result<Line, Ended> {
        let began = Instant::now();
        let mut passed_over = 0;
        loop {
            if let Some(line) = self.line_at_hand(max_bytes) {
                return Ok(if passed_over > 0 { Line::TooLong } else { line });
            }
            if self.pending().len() >= max_bytes {
                passed_over += self.pending().len();
                self.take(self.pending().len());
            }
            if passed_over > OVERLONG_MAX_BYTES {
                return Err(Ended::Flooded);
            }
            let left = limit.saturating_sub(began.elapsed());
            self.read(IDLE_BYTES, left).await?;
        }
    }
}

/// How fast a message comes. Only the waiting for its octets counts.
#[derive(Debug, Default)]
pub(super) struct Pace {
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// Reads some octets of a message.
    pub(super) async fn read(
        &mut self,
        wire: &mut Wire,
        limits: &super::options::Limits,
    ) -> Result<(), Ended> {
        let began = Instant::now();
        wire.read(READ_BYTES, limits.idle_timeout).await?;
        self.waited += began.elapsed();
        self.bytes += wire.pending().len() as u64;
        let paid_s = self.waited.saturating_sub(limits.slow_grace).as_secs_f64();
        let least = paid_s * limits.rate_min_bytes_per_s as f64;
        match paid_s > 0.0 && (self.bytes as f64) < least {
            true => Err(Ended::Slow),
            false => Ok(()),
        }
    }
}
