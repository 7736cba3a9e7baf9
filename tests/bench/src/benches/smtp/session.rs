//! A client of SMTP that waits for each answer, as `smtp-source` does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

/// An answer that is not there by then never comes.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// The end of a message (RFC 5321 §4.1.1.4).
const END: &[u8] = b".\r\n";

/// A connection, after EHLO.
pub struct Session {
    reader: BufReader<TcpStream>,
    answer: String,
}

impl Session {
    /// Connects and says EHLO.
    pub fn open(addr: SocketAddr) -> Result<Self> {
        Self::over(TcpStream::connect(addr)?)
    }

    /// The same from one of this machine's addresses, on a runtime that has no other work.
    pub fn open_from(source: IpAddr, addr: SocketAddr, runtime: &Runtime) -> Result<Self> {
        let stream = runtime.block_on(async {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::new(source, 0))?;
            socket.connect(addr).await?.into_std()
        })?;
        stream.set_nonblocking(false)?;
        Self::over(stream)
    }

    fn over(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        let mut session = Self {
            reader: BufReader::with_capacity(1024, stream),
            answer: String::new(),
        };
        session.expect("220")?;
        session.ask("EHLO bench.example", "250")?;
        Ok(session)
    }

    /// Signs in (RFC 4616).
    pub fn sign_in(&mut self, name: &str, password: &str) -> Result<()> {
        let words = STANDARD.encode(format!("\0{name}\0{password}"));
        self.ask(&format!("AUTH PLAIN {words}"), "235")
    }

    /// Sends a command; the answer must have a code.
    pub fn ask(&mut self, command: &str, code: &str) -> Result<()> {
        self.send(format!("{command}\r\n").as_bytes())?;
        self.expect(code)
    }

    /// Hands a message in, whose lines end in CRLF and begin with no dot. Gives when its end was sent, and when it was
    /// accepted.
    pub fn hand_in(&mut self, from: &str, to: &str, letter: &[u8]) -> Result<(Instant, Instant)> {
        self.ask(&format!("MAIL FROM:<{from}>"), "250")?;
        self.ask(&format!("RCPT TO:<{to}>"), "250")?;
        self.ask("DATA", "354")?;
        self.send(letter)?;
        let ended = Instant::now();
        self.send(END)?;
        self.expect("250")?;
        Ok((ended, Instant::now()))
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.reader.get_mut().write_all(bytes)?)
    }

    /// Reads an answer to its last line (RFC 5321 §4.2.1).
    fn expect(&mut self, code: &str) -> Result<()> {
        loop {
            self.answer.clear();
            let read = self.reader.read_line(&mut self.answer)?;
            ensure!(read > 0, "the connection was closed");
            if !self.answer.starts_with(code) {
                bail!("{code} was expected: {}", self.answer.trim_end());
            }
            if self.answer.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}
