//! How long is waited for a server.

use std::time::Duration;

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// How long is waited at each step. The defaults are those of RFC 5321 §4.5.3.2, and shorter where it names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For TCP's handshake. Not in the RFC: what has not answered by now is down, and there may be other addresses.
    pub connect: Duration,
    /// For the greeting (§4.5.3.2.1).
    pub greeting: Duration,
    /// For the answers to EHLO, HELO, STARTTLS, AUTH and RSET; the RFC gives those it names as long as MAIL.
    pub command: Duration,
    /// For TLS's handshake.
    pub tls: Duration,
    /// For the answer to MAIL (§4.5.3.2.2).
    pub mail: Duration,
    /// For the answer to a RCPT (§4.5.3.2.3).
    pub recipient: Duration,
    /// For the answer to DATA (§4.5.3.2.4).
    pub data: Duration,
    /// For a piece of the message to be taken (§4.5.3.2.5).
    pub block: Duration,
    /// For the answer to the final dot (§4.5.3.2.6). A shorter one makes duplicates of what was taken.
    pub done: Duration,
    /// For the answer to QUIT: nothing depends on it.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            command: minutes(5),
            tls: minutes(1),
            mail: minutes(5),
            recipient: minutes(5),
            data: minutes(2),
            block: minutes(3),
            done: minutes(10),
            quit: Duration::from_secs(2),
        }
    }
}
