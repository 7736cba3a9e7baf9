//! What goes wrong with a server.

use std::fmt;
use std::io;

use crate::reply::Reply;

/// Where in a session something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// TCP's handshake.
    Connect,
    /// The server's first words.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS, and TLS's handshake.
    Tls,
    /// AUTH.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Recipient,
    /// DATA.
    Data,
    /// The octets of the message.
    Message,
    /// The answer to the final dot.
    Done,
    /// RSET.
    Reset,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Greeting => "the greeting",
            Self::Hello => "EHLO",
            Self::Tls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Mail => "MAIL",
            Self::Recipient => "RCPT",
            Self::Data => "DATA",
            Self::Message => "the message",
            Self::Done => "the end of the message",
            Self::Reset => "RSET",
        })
    }
}

/// Why a connection is of no use any more.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It broke.
    #[error("{0}: {1}")]
    Io(Step, #[source] io::Error),
    /// The server closed it.
    #[error("{0}: the server closed the connection")]
    Closed(Step),
    /// The server took too long.
    #[error("{0}: timed out")]
    TimedOut(Step),
    /// The server said what is no answer, or too much.
    #[error("{0}: {1}")]
    Protocol(Step, &'static str),
    /// The server does not want to speak with us, or not so.
    #[error("{0}: {1}")]
    Refused(Step, Reply),
    /// TLS came to nothing.
    #[error("TLS: {0}")]
    Tls(#[source] io::Error),
    /// The message could not be read: our fault.
    #[error("reading the message: {0}")]
    Message(#[source] io::Error),
}

/// What is known of a message whose transaction broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// The final dot was not sent: the server does not have it, and it may be sent at once by another way.
    Before,
    /// The final dot was sent, or some of it, and not answered: the server may have it (RFC 1047).
    After,
}

/// A transaction that broke, and the connection with it.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Broken {
    /// Why.
    pub error: ClientError,
    /// What is known of the message.
    pub point: Point,
    /// One for each recipient: what refused them before it broke.
    pub refused: Vec<Option<Reply>>,
}
