//! A connection to a server, up to where messages can be sent.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Buf, BytesMut};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::error::{ClientError, Step};
use super::extensions::Extensions;
use super::options::Timeouts;
use super::replies::{Gathered, REPLY_MAX_BYTES};
use super::stream::Stream;
use crate::reply::Reply;

/// Read at once: answers are short.
const READ_BYTES: usize = 4 * 1024;

/// How a server is connected to.
#[derive(Clone)]
pub struct Connect<'a> {
    /// Where it is.
    pub address: SocketAddr,
    /// From which of our addresses; `None`: the system chooses. The port is the system's choice.
    pub source: Option<IpAddr>,
    /// What we call ourselves in EHLO: a name that DNS has, or an address literal (RFC 5321 §4.1.1.1).
    pub hello: &'a str,
    /// How long is waited.
    pub timeouts: Timeouts,
    /// TLS from the first octet (RFC 8314 §3.3), with these settings and this name in the certificate.
    pub tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

/// A name and a password for a server that asks for one. It has no `Debug`, so that no log has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// A connection to a server that has greeted us and knows our name. Dropped: closed without QUIT.
pub struct Client {
    pub(super) stream: Stream,
    /// What was read and is not an answer yet.
    input: BytesMut,
    pub(super) extensions: Extensions,
    pub(super) timeouts: Timeouts,
    hello: String,
    /// What the server calls itself.
    name: String,
    peer: SocketAddr,
    /// The server does not close, and is not in the middle of something.
    pub(super) is_usable: bool,
}

impl Client {
    /// Connects, waits for the greeting, and says EHLO, or HELO to a server that does not know EHLO.
    ///
    /// # Errors
    /// [`ClientError`]; the server's own words in [`ClientError::Refused`].
    pub async fn connect(connect: Connect<'_>) -> Result<Self, ClientError> {
        let stream = timeout(connect.timeouts.connect, open(&connect))
            .await
            .map_err(|_| ClientError::TimedOut(Step::Connect))?
            .map_err(|error| ClientError::Io(Step::Connect, error))?;
        let stream = match &connect.tls {
            None => Stream::Plain(stream),
            Some((config, name)) => {
                let (config, name) = (Arc::clone(config), name.clone());
                shake_hands(stream, config, name, connect.timeouts.tls).await?
            }
        };
        let mut client = Self {
            stream,
            input: BytesMut::new(),
            extensions: Extensions::default(),
            timeouts: connect.timeouts,
            hello: connect.hello.to_owned(),
            name: String::new(),
            peer: connect.address,
            is_usable: true,
        };
        let greeting = client
            .reply(Step::Greeting, client.timeouts.greeting)
            .await?;
        if greeting.code != 220 {
            return Err(ClientError::Refused(Step::Greeting, greeting));
        }
        let words = greeting.text.split_whitespace();
        client.name = words.into_iter().next().unwrap_or_default().to_owned();
        client.say_hello().await?;
        Ok(client)
    }

    /// What the server calls itself in its greeting (RFC 5321 §4.2), which may be anything.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the server offers.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The server's address.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// TLS's version and cipher suite, like `TLSv1_3 TLS13_AES_256_GCM_SHA384`; `None` without TLS.
    #[must_use]
    pub fn tls(&self) -> Option<String> {
        let Stream::Tls(stream) = &self.stream else {
            return None;
        };
        let (_, session) = stream.get_ref();
        let version = session.protocol_version()?.as_str()?;
        let suite = session.negotiated_cipher_suite()?.suite();
        Some(format!("{version} {}", suite.as_str()?))
    }

    /// Whether another message may be sent over this connection.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.is_usable
    }

    /// STARTTLS (RFC 3207), and EHLO anew: what was offered before counts no more.
    ///
    /// # Errors
    /// [`ClientError`]; whichever it is, the connection is closed.
    pub async fn start_tls(
        mut self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, ClientError> {
        let command = self.timeouts.command;
        let reply = self.ask(Step::Tls, "STARTTLS\r\n", command).await?;
        if reply.code != 220 {
            return Err(ClientError::Refused(Step::Tls, reply));
        }
        if !self.input.is_empty() {
            // RFC 3207 §4.2: nothing said in the clear is believed. Whoever put it here wants it taken for the server's.
            let why = "the server spoke between STARTTLS and TLS";
            return Err(ClientError::Protocol(Step::Tls, why));
        }
        let Stream::Plain(stream) = self.stream else {
            let why = "TLS within TLS";
            return Err(ClientError::Protocol(Step::Tls, why));
        };
        let stream = shake_hands(stream, config, name, self.timeouts.tls).await?;
        let mut client = Self { stream, ..self };
        client.say_hello().await?;
        Ok(client)
    }

    /// AUTH PLAIN or LOGIN (RFC 4954), whichever is offered. Over TLS alone: the caller sees to that.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Refused`] also where neither is offered.
    pub async fn authenticate(&mut self, login: &Login) -> Result<(), ClientError> {
        let command = self.timeouts.command;
        let reply = if self.extensions.auth_plain {
            // RFC 4616: no authorization identity, name, password.
            let plain = BASE64.encode(format!("\0{}\0{}", login.user, login.password));
            let line = format!("AUTH PLAIN {plain}\r\n");
            self.ask(Step::Auth, &line, command).await?
        } else if self.extensions.auth_login {
            let mut reply = self.ask(Step::Auth, "AUTH LOGIN\r\n", command).await?;
            for answer in [&login.user, &login.password] {
                if reply.code != 334 {
                    break;
                }
                let line = format!("{}\r\n", BASE64.encode(answer));
                reply = self.ask(Step::Auth, &line, command).await?;
            }
            reply
        } else {
            Reply::plain(
                503,
                "the server offers no way to sign in that is known here",
            )
        };
        match reply.code {
            235 => Ok(()),
            _ => Err(ClientError::Refused(Step::Auth, reply)),
        }
    }

    /// RSET: ends what transaction there is, and tells whether the server is still there.
    ///
    /// # Errors
    /// [`ClientError`]: the connection is of no use any more.
    pub async fn reset(&mut self) -> Result<(), ClientError> {
        let command = self.timeouts.command;
        let reply = self.ask(Step::Reset, "RSET\r\n", command).await?;
        if reply.code != 250 {
            self.is_usable = false;
            return Err(ClientError::Refused(Step::Reset, reply));
        }
        Ok(())
    }

    /// QUIT. Whatever the server says to that, the connection is closed.
    pub async fn quit(mut self) {
        let within = self.timeouts.quit;
        let quit = async {
            self.write(b"QUIT\r\n").await?;
            self.reply(Step::Reset, within)
                .await
                .map_err(io::Error::other)?;
            self.stream.shutdown().await
        };
        // Nothing depends on it.
        drop(timeout(within, quit).await);
    }

    async fn say_hello(&mut self) -> Result<(), ClientError> {
        let command = self.timeouts.command;
        self.extensions = Extensions::default();
        let line = format!("EHLO {}\r\n", self.hello);
        let reply = self.ask(Step::Hello, &line, command).await?;
        if reply.code == 250 {
            self.extensions = Extensions::parse(&reply.text);
            return Ok(());
        }
        if !reply.is_permanent() {
            return Err(ClientError::Refused(Step::Hello, reply));
        }
        // RFC 5321 §3.2: a server that does not know EHLO.
        let line = format!("HELO {}\r\n", self.hello);
        let reply = self.ask(Step::Hello, &line, command).await?;
        match reply.code {
            250 => Ok(()),
            _ => Err(ClientError::Refused(Step::Hello, reply)),
        }
    }

    /// Says a line and waits for its answer.
    pub(super) async fn ask(
        &mut self,
        step: Step,
        line: &str,
        within: Duration,
    ) -> Result<Reply, ClientError> {
        self.say(step, line.as_bytes(), within).await?;
        self.reply(step, within).await
    }

    /// Writes all of it.
    pub(super) async fn say(
        &mut self,
        step: Step,
        octets: &[u8],
        within: Duration,
    ) -> Result<(), ClientError> {
        let written = timeout(within, self.write(octets)).await;
        written
            .map_err(|_| ClientError::TimedOut(step))
            .and_then(|written| written.map_err(|error| ClientError::Io(step, error)))
            .inspect_err(|_| self.is_usable = false)
    }

    async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets).await?;
        self.stream.flush().await
    }

    /// The next answer, all of it within this time: a server that drips gains nothing by it.
    pub(super) async fn reply(
        &mut self,
        step: Step,
        within: Duration,
    ) -> Result<Reply, ClientError> {
        let reply = match timeout(within, self.read_reply(step)).await {
            Ok(reply) => reply,
            Err(_) => Err(ClientError::TimedOut(step)),
        };
        // RFC 5321 §3.8: after 421 the server closes.
        self.is_usable &= reply.as_ref().is_ok_and(|reply| reply.code != 421);
        reply
    }

    async fn read_reply(&mut self, step: Step) -> Result<Reply, ClientError> {
        let mut gathered = Gathered::default();
        let mut taken = 0;
        loop {
            let line = self.read_line(step, REPLY_MAX_BYTES - taken).await?;
            taken += line.len() + 1;
            if let Some(reply) = gathered.line(&line, step)? {
                return Ok(reply);
            }
        }
    }

    /// A line without its LF, of at most so many octets with it.
    async fn read_line(&mut self, step: Step, max_bytes: usize) -> Result<BytesMut, ClientError> {
        let mut searched = 0;
        loop {
            let unsearched = self.input.get(searched..).unwrap_or_default();
            let end = memchr::memchr(b'\n', unsearched).map(|end| searched + end);
            searched = self.input.len();
            if end.unwrap_or(searched) >= max_bytes {
                let why = "the server's answer is too long";
                return Err(ClientError::Protocol(step, why));
            }
            if let Some(end) = end {
                let line = self.input.split_to(end);
                self.input.advance(1);
                return Ok(line);
            }
            self.input.reserve(READ_BYTES);
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) => return Err(ClientError::Closed(step)),
                Ok(_) => {}
                Err(error) => return Err(ClientError::Io(step, error)),
            }
        }
    }
}

async fn open(connect: &Connect<'_>) -> io::Result<TcpStream> {
    let socket = match connect.address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(source) = connect.source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(connect.address).await?;
    // Commands are short, and each waits for an answer.
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn shake_hands(
    stream: TcpStream,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    within: Duration,
) -> Result<Stream, ClientError> {
    let handshake = TlsConnector::from(config).connect(name, stream);
    let stream = timeout(within, handshake)
        .await
        .map_err(|_| ClientError::TimedOut(Step::Tls))?
        .map_err(ClientError::Tls)?;
    Ok(Stream::Tls(Box::new(stream)))
}
