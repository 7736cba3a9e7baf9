//! One connection: what is still to be sent, and the response being read.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::request::{Keep, Request};
use super::response::ResponseReader;

/// A server on this machine accepts at once, or is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes sent in one turn at most, so that one large body does not keep the
/// others waiting.
const SEND_TURN_BYTES: usize = 4 * 1024 * 1024;

/// How far a connection came with its turn.
pub enum Sent {
    /// Everything is in the kernel's hands.
    All,
    /// More is to be sent when the socket has room.
    Partly,
}

/// One connection and its request.
pub struct Connection {
    pub stream: TcpStream,
    pub request: Request,
    pub response: ResponseReader,
    pub started: Instant,
    /// Waits for room in the socket.
    pub wants_write: bool,
    /// A request is under way.
    pub busy: bool,
    head_sent: usize,
    body_sent: u64,
}

impl Connection {
    /// Connects; the socket does not block and sends without delay.
    pub fn open(addr: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            stream: connect(addr)?,
            request: Request::new(),
            response: ResponseReader::new(),
            started: Instant::now(),
            wants_write: false,
            busy: false,
            head_sent: 0,
            body_sent: 0,
        })
    }

    /// Takes a new socket in place of a broken one.
    pub fn reopen(&mut self, addr: SocketAddr) -> io::Result<()> {
        self.stream = connect(addr)?;
        self.wants_write = false;
        Ok(())
    }

    /// Starts the clock of the request that was laid out.
    pub fn begin(&mut self) {
        let request = &self.request;
        let everything = request.keep == Keep::Everything;
        self.response
            .expect(request.expect_status, request.head_only, everything);
        self.head_sent = 0;
        self.body_sent = 0;
        self.busy = true;
        self.started = Instant::now();
    }

    /// Whether the whole request has been given to the kernel.
    pub fn is_sent(&self) -> bool {
        self.head_sent == self.request.head.len() && self.body_sent == self.request.body.len()
    }

    /// Sends what the socket takes.
    pub fn send(&mut self) -> io::Result<Sent> {
        let mut turn = 0;
        while !self.is_sent() {
            if turn >= SEND_TURN_BYTES {
                return Ok(Sent::Partly);
            }
            let head = &self.request.head[self.head_sent..];
            let body = self.request.body.rest(self.body_sent);
            match self
                .stream
                .write_vectored(&[IoSlice::new(head), IoSlice::new(body)])
            {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    let of_head = written.min(head.len());
                    self.head_sent += of_head;
                    self.body_sent += (written - of_head) as u64;
                    turn += written;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Sent::Partly),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Sent::All)
    }

    /// Reads once into `buffer` and feeds the response: true when it is
    /// complete. An error says what went wrong.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<bool, String> {
        match self.stream.read(buffer) {
            Ok(0) if self.response.end() => Ok(true),
            Ok(0) => Err("the server closed the connection".into()),
            Ok(read) => self.response.feed(&buffer[..read]),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(format!("reading failed: {error}")),
        }
    }
}

fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, CONNECT_TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}
