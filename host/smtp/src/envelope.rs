//! Envelopes: who a message is from and for.

/// What a message's body is made of (RFC 6152, RFC 3030 §3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BodyKind {
    /// Octets up to 127 in lines.
    #[default]
    SevenBit,
    /// Any octets in lines.
    EightBitMime,
    /// Any octets, not in lines: only by BDAT.
    BinaryMime,
}

/// How much of the message a report is to have (RFC 3461 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// All of it.
    Full,
    /// Its headers.
    Headers,
}

/// Of what the sender is to be told about one recipient (RFC 3461 §4.1). All `false`: of nothing (`NEVER`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notify {
    /// It arrived.
    pub success: bool,
    /// It did not arrive and will not.
    pub failure: bool,
    /// It did not arrive yet.
    pub delay: bool,
}

/// The reverse path of `MAIL FROM` and its parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    /// The address, without the brackets; empty: the null path (RFC 5321 §4.5.5).
    pub address: String,
    /// How many octets the message has, as the client says (RFC 1870).
    pub size_bytes: Option<u64>,
    /// What it is made of.
    pub body: BodyKind,
    /// Whether addresses or headers have more than ASCII (RFC 6531).
    pub smtputf8: bool,
    /// How much of the message a report is to have.
    pub ret: Option<Return>,
    /// What the sender calls this envelope, decoded from xtext (RFC 3461 §4.4).
    pub envid: Option<String>,
}

/// A forward path of `RCPT TO` and its parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipient {
    /// The address, without the brackets.
    pub address: String,
    /// Of what the sender is to be told; `None`: they did not say, which is of failures.
    pub notify: Option<Notify>,
    /// The recipient as the sender named it, `TYPE;ADDRESS` with the address decoded from xtext (RFC 3461 §4.2).
    pub orcpt: Option<String>,
}
