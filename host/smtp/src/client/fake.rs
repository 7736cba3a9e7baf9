//! A server that plays a part, for tests: it does what it is told at each line.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What the server does at a line.
#[derive(Clone)]
pub enum Act {
    /// Answers this; the end of the line is added.
    Say(String),
    /// Says nothing more.
    Hang,
    /// Closes.
    Close,
    /// Answers this again and again, without end.
    Flood(String),
    /// Answers 220 and goes on over TLS.
    Tls(Arc<ServerConfig>),
    /// Answers 220 and breaks TLS's handshake.
    BreakTls,
    /// Answers 220 and is silent in TLS's handshake.
    HangTls,
}

/// An answer.
#[must_use]
pub fn say(text: &str) -> Option<Act> {
    Some(Act::Say(text.to_owned()))
}

/// What was said to the server.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Every line of every connection, as `NUMBER LINE`, and the message as a line that is `NUMBER .`; numbers from 1.
    pub lines: Vec<String>,
    /// The messages, with their dots doubled and without the final one.
    pub messages: Vec<Vec<u8>>,
    /// How many connections there were.
    pub connections: usize,
    /// Where they came from.
    pub peers: Vec<SocketAddr>,
}

/// The server; it ends when this is dropped.
pub struct Fake {
    /// Where it listens.
    pub address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    _connections: JoinSet<()>,
}

/// Says what is done at a line: `""` is the start of a connection, `"."` the end of a message. `None`: what an honest server
/// would do.
pub type Part = Arc<dyn Fn(&str) -> Option<Act> + Send + Sync>;

impl Fake {
    /// Listens on a port of 127.0.0.1.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start(
        part: impl Fn(&str) -> Option<Act> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), part).await
    }

    /// Listens on this address.
    ///
    /// # Errors
    /// Somebody else does.
    pub async fn start_on(
        address: SocketAddr,
        part: impl Fn(&str) -> Option<Act> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let part: Part = Arc::new(part);
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let heard = Arc::new(Mutex::new(Heard::default()));
        let mut connections = JoinSet::new();
        let shared = Arc::clone(&heard);
        connections.spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, peer)) = listener.accept().await {
                let (part, heard) = (Arc::clone(&part), Arc::clone(&shared));
                let number = with(&heard, |heard| {
                    heard.connections += 1;
                    heard.peers.push(peer);
                    heard.connections
                });
                sessions.spawn(async move {
                    let session = Session {
                        number,
                        part,
                        heard,
                        is_tls: false,
                    };
                    // The client may go whenever it likes.
                    drop(session.connection(stream).await);
                });
            }
        });
        Ok(Self {
            address,
            heard,
            _connections: connections,
        })
    }

    /// What was said so far.
    #[must_use]
    pub fn heard(&self) -> Heard {
        with(&self.heard, |heard| heard.clone())
    }
}

fn with<T>(heard: &Mutex<Heard>, f: impl FnOnce(&mut Heard) -> T) -> T {
    f(&mut heard.lock().unwrap_or_else(PoisonError::into_inner))
}

struct Session {
    number: usize,
    part: Part,
    heard: Arc<Mutex<Heard>>,
    is_tls: bool,
}

/// How a part of a session ends.
enum End {
    Closed,
    Tls(Arc<ServerConfig>),
}

impl Session {
    async fn connection(mut self, mut stream: tokio::net::TcpStream) -> io::Result<()> {
        // Answers are short, and each is waited for.
        stream.set_nodelay(true)?;
        match self.lines(&mut stream).await? {
            End::Closed => Ok(()),
            End::Tls(config) => {
                self.is_tls = true;
                let mut stream = TlsAcceptor::from(config).accept(stream).await?;
                self.lines(&mut stream).await?;
                stream.shutdown().await
            }
        }
    }

    fn act(&self, line: &str) -> Act {
        with(&self.heard, |heard| {
            heard.lines.push(format!("{} {line}", self.number));
        });
        let act = (self.part)(line);
        act.unwrap_or_else(|| Act::Say(honest(line).to_owned()))
    }

    async fn lines<S>(&self, stream: &mut S) -> io::Result<End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut input = Vec::new();
        let mut line = String::new();
        loop {
            // After TLS's handshake the client speaks first.
            let act = match line.is_empty() && self.is_tls {
                true => None,
                false => Some(self.act(&line)),
            };
            let mut is_data = false;
            match act {
                None => {}
                Some(Act::Say(text)) => {
                    stream.write_all(format!("{text}\r\n").as_bytes()).await?;
                    is_data = text.starts_with("354");
                }
                Some(Act::Hang) => std::future::pending().await,
                Some(Act::Close) => return Ok(End::Closed),
                Some(Act::Flood(text)) => loop {
                    stream.write_all(text.as_bytes()).await?;
                },
                Some(Act::Tls(config)) => {
                    stream.write_all(b"220 go on\r\n").await?;
                    return Ok(End::Tls(config));
                }
                Some(Act::HangTls) => {
                    stream.write_all(b"220 go on\r\n").await?;
                    std::future::pending().await
                }
                Some(Act::BreakTls) => {
                    stream.write_all(b"220 go on\r\n").await?;
                    // Its first message, and then no TLS.
                    let _hello = stream.read_buf(&mut input).await?;
                    stream.write_all(b"this is no TLS\r\n").await?;
                    return Ok(End::Closed);
                }
            }
            if line == "QUIT" {
                return Ok(End::Closed);
            }
            line = match is_data {
                true => self.message(stream, &mut input).await?,
                false => {
                    let line = until(stream, &mut input, b"\r\n").await?;
                    String::from_utf8_lossy(&line).into_owned()
                }
            };
        }
    }

    async fn message<S>(&self, stream: &mut S, input: &mut Vec<u8>) -> io::Result<String>
    where
        S: AsyncRead + Unpin,
    {
        // An empty one begins with the dot.
        let mut message = until(stream, input, b".\r\n").await?;
        while !message.is_empty() && !message.ends_with(b"\r\n") {
            message.extend_from_slice(b".\r\n");
            let more = until(stream, input, b".\r\n").await?;
            message.extend_from_slice(&more);
        }
        with(&self.heard, |heard| heard.messages.push(message));
        Ok(".".to_owned())
    }
}

/// What comes before this, which is taken off.
async fn until<S>(stream: &mut S, input: &mut Vec<u8>, end: &[u8]) -> io::Result<Vec<u8>>
where
    S: AsyncRead + Unpin,
{
    loop {
        let mut windows = input.windows(end.len());
        if let Some(at) = windows.position(|window| window == end) {
            let rest = input.split_off(at + end.len());
            let mut found = std::mem::replace(input, rest);
            found.truncate(at);
            return Ok(found);
        }
        if stream.read_buf(input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// What a server says that takes everything.
fn honest(line: &str) -> &'static str {
    let verb = line.split([' ', ':']).next().unwrap_or_default();
    match verb.to_ascii_uppercase().as_str() {
        "" => "220 fake.example ESMTP",
        "EHLO" => "250-fake.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250 SIZE",
        "DATA" => "354 go on",
        "." => "250 2.0.0 it is kept",
        "QUIT" => "221 2.0.0 bye",
        _ => "250 2.1.0 ok",
    }
}
