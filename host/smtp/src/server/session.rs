//! A session: commands in, replies out (RFC 5321 §3).
//!
//! Invariant: a reply that says a message is taken comes after [`Incoming::finish`] said so, and every message that was
//! begun is either finished or dropped.

mod authenticate;
mod message;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::command::{Command, parse};
use super::handler::{Answer, Connection, Handler, Incoming, Service, TlsSession};
use super::options::{LINE_MAX_BYTES, Limits, ServerOptions};
use super::wire::{Ended, Line, Pace, Stream, Wire};
use crate::envelope::{Recipient, Sender};
use crate::reply::{EnhancedCode, Reply};

/// How long is waited for a client to take the last reply.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(5);

/// What sessions of a server share.
pub(super) struct Shared {
    pub(super) options: ServerOptions,
    pub(super) handler: Arc<dyn Handler>,
    /// The server ends: what is under way may end, nothing else begins.
    pub(super) draining: CancellationToken,
}

/// A message on its way.
struct Transaction {
    sender: Sender,
    recipients: Vec<Recipient>,
    /// Chunks that came (RFC 3030).
    chunks: Option<Chunks>,
}

/// A message that comes in chunks.
struct Chunks {
    incoming: Box<dyn Incoming>,
    check: super::data::ChunkCheck,
    pace: Pace,
    bytes: u64,
}

/// What a session does next.
enum Next {
    /// The next command.
    Command,
    /// TLS is agreed on.
    StartTls,
    /// The connection ends.
    End,
}

/// A session.
pub(super) struct Session {
    shared: Arc<Shared>,
    connection: Connection,
    /// Gone only while TLS is agreed on.
    wire: Option<Wire>,
    transaction: Option<Transaction>,
    errors: u32,
    wrong_passwords: u32,
    messages: u32,
}

impl Session {
    /// Speaks with a client until the connection ends.
    pub(super) async fn run(shared: Arc<Shared>, connection: Connection, stream: Box<dyn Stream>) {
        let mut session = Self {
            shared,
            connection,
            wire: Some(Wire::new(stream)),
            transaction: None,
            errors: 0,
            wrong_passwords: 0,
            messages: 0,
        };
        session.serve().await;
        session.shared.handler.disconnect(&session.connection);
    }

    fn limits(&self) -> &Limits {
        &self.shared.options.limits
    }

    fn name(&self) -> &'static str {
        self.connection.service.name()
    }

    async fn serve(&mut self) {
        if self.connection.service == Service::Submissions && !self.secure().await {
            return;
        }
        match self.greet_and_obey().await {
            Ok(()) | Err(Ended::Gone) => {}
            Err(Ended::Silent) => self.reply(&late("no command came in time")),
            Err(Ended::Slow) => self.reply(&late("the message comes too slowly")),
            Err(Ended::Flooded) => self.reply(&Reply::new(
                421,
                EnhancedCode(4, 7, 0),
                "too much that is no command",
            )),
        }
        // A message that was begun is given up before the client can be told anything else.
        self.transaction = None;
        if let Some(wire) = self.wire.take() {
            wire.close(GOODBYE_TIMEOUT).await;
        }
    }

    async fn greet_and_obey(&mut self) -> Result<(), Ended> {
        let admitted = {
            let asked = self.shared.handler.connect(&self.connection);
            ask(self.limits().handler_timeout, asked).await
        };
        match admitted {
            Ok(()) => {
                let name = &self.shared.options.host_name;
                let greeting = Reply::plain(220, format!("{name} ESMTP"));
                self.reply(&greeting);
            }
            Err(reply) => {
                // RFC 5321 §3.1: 554 in the place of the greeting; 421 where it is not for ever.
                count_refused(self.name(), "policy");
                self.reply(&reply);
                return Ok(());
            }
        }
        loop {
            let Some(line) = self.next_line().await? else {
                return Ok(());
            };
            match self.obey(line).await? {
                Next::Command => {}
                Next::StartTls => {
                    if !self.secure().await {
                        return Ok(());
                    }
                }
                Next::End => return Ok(()),
            }
        }
    }

    /// The next line; `None`: the server ends.
    async fn next_line(&mut self) -> Result<Option<Line>, Ended> {
        let limit = self.limits().idle_timeout;
        let draining = self.shared.draining.clone();
        let is_idle = self.transaction.is_none();
        let wire = self.wire()?;
        if wire.is_full() {
            wire.flush(limit).await?;
        }
        tokio::select! {
            biased;
            line = wire.line(LINE_MAX_BYTES, limit) => line.map(Some),
            () = draining.cancelled(), if is_idle => {
                self.reply(&Reply::new(421, EnhancedCode(4, 3, 2), "this server ends"));
                Ok(None)
            }
        }
    }

    fn wire(&mut self) -> Result<&mut Wire, Ended> {
        self.wire.as_mut().ok_or(Ended::Gone)
    }

    fn reply(&mut self, reply: &Reply) {
        if let Some(wire) = &mut self.wire {
            wire.reply(reply);
        }
    }

    /// Replies, and says whether the session goes on.
    fn answer(&mut self, reply: &Reply) -> Next {
        self.reply(reply);
        if reply.code == 421 {
            return Next::End;
        }
        if reply.is_permanent() {
            self.errors += 1;
        }
        if self.errors > self.limits().errors_max {
            count_refused(self.name(), "errors");
            let why = "too many commands that were refused";
            self.reply(&Reply::new(421, EnhancedCode(4, 7, 0), why));
            return Next::End;
        }
        Next::Command
    }

    async fn obey(&mut self, line: Line) -> Result<Next, Ended> {
        let command = match line {
            Line::Whole(line) => parse(&line),
            Line::TooLong => Err(Reply::new(
                500,
                EnhancedCode(5, 5, 2),
                "a line that is too long",
            )),
            Line::BareLineFeed => Err(Reply::new(
                500,
                EnhancedCode(5, 5, 2),
                "a line that ends without CR (RFC 5321 §2.3.8)",
            )),
        };
        let reply = match command {
            Err(reply) => reply,
            Ok(Command::Ehlo(name)) => self.hello(name, true),
            Ok(Command::Helo(name)) => self.hello(name, false),
            Ok(Command::Mail(sender)) => self.mail(sender).await,
            Ok(Command::Rcpt(recipient)) => self.rcpt(recipient).await,
            Ok(Command::Data) => return self.data().await,
            Ok(Command::Bdat {
                size_bytes,
                is_last,
            }) => return self.bdat(size_bytes, is_last).await,
            Ok(Command::Auth(mechanism, initial)) => self.auth(mechanism, initial).await?,
            Ok(Command::StartTls) => match self.may_start_tls() {
                Ok(()) => {
                    self.reply(&Reply::new(220, EnhancedCode(2, 0, 0), "go ahead"));
                    return Ok(Next::StartTls);
                }
                Err(reply) => reply,
            },
            Ok(Command::Rset) => {
                self.transaction = None;
                Reply::new(250, EnhancedCode(2, 0, 0), "forgotten")
            }
            Ok(Command::Noop) => Reply::new(250, EnhancedCode(2, 0, 0), "done"),
            // RFC 5321 §7.3: who is here is not told.
            Ok(Command::Vrfy) => {
                let why = "send some mail, and it is tried";
                Reply::new(252, EnhancedCode(2, 5, 0), why)
            }
            Ok(Command::Help) => Reply::new(214, EnhancedCode(2, 0, 0), "see RFC 5321"),
            Ok(Command::Quit) => {
                self.reply(&Reply::new(221, EnhancedCode(2, 0, 0), "goodbye"));
                return Ok(Next::End);
            }
        };
        Ok(self.answer(&reply))
    }

    fn hello(&mut self, name: String, is_extended: bool) -> Reply {
        // RFC 5321 §4.1.4: as RSET.
        self.transaction = None;
        self.connection.hello = name;
        self.connection.is_extended = is_extended;
        let own = &self.shared.options.host_name;
        if !is_extended {
            return Reply::plain(250, own.clone());
        }
        let limits = self.limits();
        let mut lines = vec![
            own.clone(),
            "PIPELINING".to_owned(),
            format!("SIZE {}", limits.message_max_bytes),
            "8BITMIME".to_owned(),
            "SMTPUTF8".to_owned(),
            "CHUNKING".to_owned(),
            "DSN".to_owned(),
            "ENHANCEDSTATUSCODES".to_owned(),
            format!("LIMITS RCPTMAX={}", limits.recipients_max),
        ];
        if self.connection.tls.is_none() && self.shared.options.tls.is_some() {
            lines.push("STARTTLS".to_owned());
        }
        if self.may_authenticate().is_ok() {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        Reply::plain(250, lines.join("\n"))
    }

    fn may_start_tls(&self) -> Result<(), Reply> {
        if self.shared.options.tls.is_none() {
            let why = "this server does not speak TLS";
            return Err(Reply::new(502, EnhancedCode(5, 5, 1), why));
        }
        match self.connection.tls {
            Some(_) => Err(sequence("this is TLS already")),
            None => Ok(()),
        }
    }

    /// Agrees on TLS; `false`: that failed, and the connection with it. The client says all anew (RFC 3207 §4.2).
    async fn secure(&mut self) -> bool {
        let (Some(mut wire), Some(tls)) = (self.wire.take(), &self.shared.options.tls) else {
            return false;
        };
        if wire.flush(self.limits().idle_timeout).await.is_err() {
            return false;
        }
        let accepted = TlsAcceptor::from(Arc::clone(tls)).accept(wire.into_stream());
        let accepted = timeout(self.limits().handshake_timeout, accepted).await;
        let Ok(Ok(stream)) = accepted else {
            count_refused(self.name(), "tls");
            return false;
        };
        let (_, session) = stream.get_ref();
        let version = session.protocol_version().and_then(|it| it.as_str());
        let cipher = session.negotiated_cipher_suite();
        self.connection.tls = Some(TlsSession {
            version: version.unwrap_or_default().replace('_', "."),
            cipher: cipher.map_or_else(String::new, |it| format!("{:?}", it.suite())),
        });
        self.connection.hello.clear();
        self.connection.is_extended = false;
        self.transaction = None;
        self.wire = Some(Wire::new(Box::new(stream)));
        true
    }

    async fn mail(&mut self, sender: Sender) -> Reply {
        let limits = *self.limits();
        if self.connection.hello.is_empty() {
            return sequence("EHLO comes first");
        }
        if self.connection.service != Service::Exchange && self.connection.authenticated.is_none() {
            let why = "sign in first";
            return Reply::new(530, EnhancedCode(5, 7, 0), why);
        }
        if self.transaction.is_some() {
            return sequence("a message has been begun already");
        }
        if self.messages >= limits.messages_max {
            let why = "so many messages are enough for one connection";
            return Reply::new(421, EnhancedCode(4, 7, 0), why);
        }
        if sender
            .size_bytes
            .is_some_and(|size| size > limits.message_max_bytes)
        {
            return too_large(limits.message_max_bytes);
        }
        let asked = self.shared.handler.sender(&self.connection, &sender);
        if let Err(reply) = ask(limits.handler_timeout, asked).await {
            return reply;
        }
        self.transaction = Some(Transaction {
            sender,
            recipients: Vec::new(),
            chunks: None,
        });
        Reply::new(250, EnhancedCode(2, 1, 0), "to whom?")
    }

    async fn rcpt(&mut self, recipient: Recipient) -> Reply {
        let limits = self.shared.options.limits;
        let Some(transaction) = &mut self.transaction else {
            return sequence("MAIL comes first");
        };
        if transaction.chunks.is_some() {
            return sequence("the message has been begun");
        }
        if transaction.recipients.len() >= limits.recipients_max {
            // RFC 5321 §4.5.3.1.10: the others may be sent in another transaction.
            let why = "so many recipients are enough for one message";
            return Reply::new(452, EnhancedCode(4, 5, 3), why);
        }
        let sender = &transaction.sender;
        if !recipient.address.is_ascii() && !sender.smtputf8 {
            let why = "an address beyond ASCII needs SMTPUTF8 (RFC 6531 §3.1)";
            return Reply::new(553, EnhancedCode(5, 6, 7), why);
        }
        let handler = &self.shared.handler;
        let asked = handler.recipient(&self.connection, sender, &recipient);
        match ask(limits.handler_timeout, asked).await {
            Ok(()) => {
                transaction.recipients.push(recipient);
                Reply::new(250, EnhancedCode(2, 1, 5), "taken")
            }
            Err(reply) => reply,
        }
    }
}

impl Service {
    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exchange => "smtp",
            Self::Submission => "submission",
            Self::Submissions => "submissions",
        }
    }
}

/// Waits for the handler, so long.
async fn ask<T>(limit: Duration, asked: Answer<'_, Result<T, Reply>>) -> Result<T, Reply> {
    match timeout(limit, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(Reply::new(
            451,
            EnhancedCode(4, 3, 0),
            "this server is too slow",
        )),
    }
}

fn sequence(why: &str) -> Reply {
    Reply::new(503, EnhancedCode(5, 5, 1), why)
}

fn late(why: &str) -> Reply {
    Reply::new(421, EnhancedCode(4, 4, 2), why)
}

fn too_large(max_bytes: u64) -> Reply {
    let why = format!("a message may have {max_bytes} octets");
    Reply::new(552, EnhancedCode(5, 3, 4), why)
}

/// Counts what was turned away.
pub(super) fn count_refused(service: &'static str, why: &'static str) {
    metrics::counter!("concierge_smtp_refused_total", "service" => service, "why" => why)
        .increment(1);
}

/// Speaks with a client over any stream: for fuzzing and tests.
#[doc(hidden)]
pub async fn speak(
    options: ServerOptions,
    handler: Arc<dyn Handler>,
    connection: Connection,
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
) {
    let shared = Arc::new(Shared {
        options,
        handler,
        draining: CancellationToken::new(),
    });
    Session::run(shared, connection, Box::new(stream)).await;
}
