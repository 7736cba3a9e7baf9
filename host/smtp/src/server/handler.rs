//! What the server asks about a session, and to whom it gives messages.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use bytes::Bytes;
use uuid::Uuid;

use crate::envelope::{Recipient, Sender};
use crate::reply::Reply;

/// What a method of a [`Handler`] gives.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Mail from other servers (RFC 5321), without authentication.
    Exchange,
    /// Mail of our users (RFC 6409), who authenticate, after STARTTLS.
    Submission,
    /// The same over TLS from the first octet (RFC 8314 §3.3).
    Submissions,
}

/// The TLS of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSession {
    /// The version, like `TLSv1.3`.
    pub version: String,
    /// The cipher suite, by its IANA name.
    pub cipher: String,
}

/// Who a client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// The account.
    pub account: Uuid,
    /// What it is called, for logs.
    pub name: String,
}

/// What is known of a connection at this point.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Its number, for logs.
    pub number: u64,
    /// What the listener is for.
    pub service: Service,
    /// The client's address.
    pub peer: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
    /// What the client calls itself in EHLO or HELO; empty before.
    pub hello: String,
    /// Whether it said EHLO.
    pub is_extended: bool,
    /// Its TLS.
    pub tls: Option<TlsSession>,
    /// Who it is.
    pub authenticated: Option<Authenticated>,
}

/// What a client says to authenticate. Not shown in logs: it has no `Debug`.
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// The envelope of a message whose octets follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// From whom.
    pub sender: Sender,
    /// For whom; at least one.
    pub recipients: Vec<Recipient>,
}

/// A message that is kept from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its id, which the client is told.
    pub id: String,
}

/// A message that comes in. Dropped before [`Self::finish`]: the client went away or broke a rule, nothing is kept.
pub trait Incoming: Send {
    /// Takes octets: no dot-stuffing, no final dot, lines end in CRLF. An error ends the message: the rest of it is read and
    /// dropped, and the reply is what the client is told in the end.
    fn write(&mut self, bytes: Bytes) -> Answer<'_, Result<(), Reply>>;
    /// All of it was written. The message is durable when this answers `Ok`.
    fn finish(self: Box<Self>) -> Answer<'static, Result<Accepted, Reply>>;
}

/// Decides what is taken, and keeps it. Every error is the reply that the client is given; one with the code 421 ends the
/// connection.
pub trait Handler: Send + Sync + 'static {
    /// A client has connected; before the greeting.
    fn connect<'a>(&'a self, connection: &'a Connection) -> Answer<'a, Result<(), Reply>>;
    /// Who the client is (RFC 4954).
    fn authenticate<'a>(
        &'a self,
        connection: &'a Connection,
        credentials: Credentials,
    ) -> Answer<'a, Result<Authenticated, Reply>>;
    /// `MAIL FROM`.
    fn sender<'a>(
        &'a self,
        connection: &'a Connection,
        sender: &'a Sender,
    ) -> Answer<'a, Result<(), Reply>>;
    /// `RCPT TO`.
    fn recipient<'a>(
        &'a self,
        connection: &'a Connection,
        sender: &'a Sender,
        recipient: &'a Recipient,
    ) -> Answer<'a, Result<(), Reply>>;
    /// The octets of a message follow.
    fn message<'a>(
        &'a self,
        connection: &'a Connection,
        envelope: Envelope,
    ) -> Answer<'a, Result<Box<dyn Incoming>, Reply>>;
    /// The connection has ended.
    fn disconnect(&self, connection: &Connection);
}
