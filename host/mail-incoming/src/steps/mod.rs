//! What decides about mail that comes from other servers: pieces behind one trait, asked in their order. The first that
//! refuses decides; what others would say is not asked.

pub mod authentication;
mod form;
pub(crate) mod policy;
pub(crate) mod recipients;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use concierge_mail::Mail;
use concierge_smtp::Reply;
use concierge_smtp::server::{Answer, Connection, Envelope};
use concierge_smtp::{Recipient, Sender};

use crate::IncomingOptions;
use crate::rules::Rules;
use authentication::Authentication;

/// What a step says: nothing against it, or the reply for the client.
pub type Verdict<'a> = Answer<'a, Result<(), Reply>>;

/// A message that came whole and is not kept yet.
pub struct InFlight {
    /// The client's address.
    pub client: IpAddr,
    /// What it calls itself.
    pub hello: String,
    /// From whom and for whom.
    pub envelope: Envelope,
    /// The message as it came, less what others claim of us.
    pub bytes: Bytes,
    /// Fields that go before the message, each with its CRLF; the first stands first.
    pub fields: Vec<String>,
    /// It is for the mailbox of junk.
    pub is_junk: bool,
}

/// One of the pieces. All that it does not care for it lets pass.
pub trait Step: Send + Sync {
    /// Its name in metrics.
    fn name(&self) -> &'static str;
    /// A client has connected.
    fn connect<'a>(&'a self, connection: &'a Connection) -> Verdict<'a> {
        let _ = connection;
        Box::pin(async { Ok(()) })
    }
    /// It says whom the message is from.
    fn sender<'a>(&'a self, connection: &'a Connection, sender: &'a Sender) -> Verdict<'a> {
        let _ = (connection, sender);
        Box::pin(async { Ok(()) })
    }
    /// It says whom the message is for.
    fn recipient<'a>(
        &'a self,
        connection: &'a Connection,
        sender: &'a Sender,
        recipient: &'a Recipient,
    ) -> Verdict<'a> {
        let _ = (connection, sender, recipient);
        Box::pin(async { Ok(()) })
    }
    /// The message is there.
    fn message<'a>(&'a self, message: &'a mut InFlight) -> Verdict<'a> {
        let _ = message;
        Box::pin(async { Ok(()) })
    }
}

/// All steps, in their order: the cheap ones first.
pub(crate) fn all(
    options: &IncomingOptions,
    mail: Arc<Mail>,
    rules: Arc<Rules>,
    authentication: Authentication,
) -> Vec<Box<dyn Step>> {
    vec![
        Box::new(policy::Policy::new(Arc::clone(&rules))),
        Box::new(recipients::Recipients::new(options, mail, rules)),
        Box::new(form::Form),
        Box::new(authentication),
    ]
}

/// Counts a refusal and gives it on.
pub(crate) fn refused(step: &'static str, reply: Reply) -> Reply {
    let outcome = if reply.is_permanent() {
        "refused"
    } else {
        "later"
    };
    metrics::counter!("concierge_mail_policy_total", "step" => step, "outcome" => outcome)
        .increment(1);
    reply
}
