//! Who is blocked, and how much of whom is taken: what the [rules](crate::rules) say.

use std::net::IpAddr;
use std::sync::Arc;

use concierge_smtp::server::Connection;
use concierge_smtp::{EnhancedCode, Recipient, Reply, Sender};

use super::{Step, Verdict};
use crate::rules::{RateOf, Rules};

/// Asks the rules.
pub(super) struct Policy {
    rules: Arc<Rules>,
}

impl Policy {
    pub(super) fn new(rules: Arc<Rules>) -> Self {
        Self { rules }
    }

    /// Clients on this machine are not counted: they are our own programs.
    fn counted(&self, of: RateOf, client: IpAddr) -> Result<(), Reply> {
        match client.to_canonical().is_loopback() || self.rules.takes(of, &key(client)) {
            true => Ok(()),
            false => Err(too_fast(of)),
        }
    }
}

/// What is one client: an IPv4 address, or a /64 of IPv6.
fn key(client: IpAddr) -> String {
    match client.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:016x}", address.to_bits() >> 64),
    }
}

/// The reply to who comes too often.
pub(crate) fn too_fast(of: RateOf) -> Reply {
    let why = format!("too many {} of yours within a short time", of.name());
    let code = match of {
        RateOf::Connections => 421,
        _ => 450,
    };
    Reply::new(code, EnhancedCode(4, 7, 1), why)
}

fn blocked() -> Reply {
    Reply::new(
        550,
        EnhancedCode(5, 7, 1),
        "nothing is taken of this sender",
    )
}

impl Step for Policy {
    fn name(&self) -> &'static str {
        "policy"
    }

    fn connect<'a>(&'a self, connection: &'a Connection) -> Verdict<'a> {
        Box::pin(async {
            let client = connection.peer.ip();
            if self.rules.is_client_blocked(client) {
                return Err(Reply::new(
                    554,
                    EnhancedCode(5, 7, 1),
                    "nothing is taken of this address",
                ));
            }
            self.counted(RateOf::Connections, client)
        })
    }

    fn sender<'a>(&'a self, connection: &'a Connection, sender: &'a Sender) -> Verdict<'a> {
        Box::pin(async {
            if self.rules.is_sender_blocked(&sender.address) {
                return Err(blocked());
            }
            self.counted(RateOf::Messages, connection.peer.ip())?;
            let client = connection.peer.ip().to_canonical();
            if client.is_loopback() || sender.address.is_empty() {
                return Ok(());
            }
            match self
                .rules
                .takes(RateOf::Senders, &sender.address.to_lowercase())
            {
                true => Ok(()),
                false => Err(too_fast(RateOf::Senders)),
            }
        })
    }

    fn recipient<'a>(
        &'a self,
        connection: &'a Connection,
        _: &'a Sender,
        _: &'a Recipient,
    ) -> Verdict<'a> {
        Box::pin(async { self.counted(RateOf::Recipients, connection.peer.ip()) })
    }
}
