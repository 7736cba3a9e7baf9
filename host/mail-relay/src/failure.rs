//! Why a host was not given a message: another may be, or the same one later.

use std::fmt::Display;

use concierge_mail::Relayed;
use concierge_smtp::client::{ClientError, Step};

use crate::outcome::{later, never, of_reply};
use crate::way::{Security, Way};

/// A host that hosts no mail says so at once and for good (RFC 7504 §3).
const NO_MAIL_HERE: u16 = 521;

/// A host that failed.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// What is noted of the recipients, if no other host takes them.
    pub(crate) relayed: Relayed,
    /// Whether there was a server to speak with.
    pub(crate) was_reached: bool,
}

impl Failure {
    /// There is no host to try.
    pub(crate) fn no_way(relayed: Relayed) -> Self {
        Self {
            relayed,
            was_reached: false,
        }
    }

    /// There is nothing to connect to.
    pub(crate) fn no_address(way: &Way, why: impl Display) -> Self {
        Self {
            relayed: later(450, "4.4.1", format!("{}: {why}", way.host)),
            was_reached: false,
        }
    }

    /// The host is this one.
    pub(crate) fn loops(way: &Way) -> Self {
        let why = format!("{} is this host, where the domain is not known", way.host);
        Self {
            relayed: never(554, "5.4.6", why),
            was_reached: true,
        }
    }

    /// A connection came to nothing, or broke.
    pub(crate) fn of(way: &Way, error: &ClientError) -> Self {
        let relayed = match error {
            ClientError::Refused(_, reply) => {
                let relayed = of_reply(reply, Some(way.host.clone()), false);
                match reply.code {
                    NO_MAIL_HERE => relayed,
                    // What a server says of us before it knows of any message may be otherwise tomorrow.
                    _ => Relayed {
                        delivered: concierge_mail::types::Delivered::Queued,
                        ..relayed
                    },
                }
            }
            ClientError::Message(_) => later(451, "4.3.0", "the message could not be read"),
            error => later(450, code(way, error), format!("{}: {error}", way.host)),
        };
        Self {
            relayed,
            was_reached: !matches!(
                error,
                ClientError::Io(Step::Connect | Step::Greeting, _)
                    | ClientError::Closed(Step::Greeting)
                    | ClientError::TimedOut(Step::Connect | Step::Greeting)
            ),
        }
    }
}

/// RFC 3463 §3.5 and §3.8.
fn code(way: &Way, error: &ClientError) -> &'static str {
    match error {
        ClientError::Tls(_) => "4.7.5",
        ClientError::Protocol(Step::Tls, _) if way.security != Security::Opportunistic => "4.7.4",
        ClientError::Protocol(Step::Auth, _) => "4.7.0",
        ClientError::Protocol(..) => "4.5.0",
        ClientError::Io(Step::Connect, _) | ClientError::TimedOut(Step::Connect) => "4.4.1",
        _ => "4.4.2",
    }
}
