//! Who a message is from: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489) and ARC (RFC 8617), told in a field of our own
//! (RFC 8601). What a domain asks to be done with what it did not send is done: refused, or put to the junk.

use std::net::IpAddr;
use std::time::Duration;

use concierge_smtp::{EnhancedCode, Reply};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dmarc::Policy;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{AuthenticatedMessage, AuthenticationResults, DmarcResult, MessageAuthenticator};

use super::{InFlight, Step, Verdict};

/// How long all questions about one message may take. Whoever is asked was named by the sender: that nobody answers must not
/// let pass what would be refused.
const QUESTIONS_TIMEOUT: Duration = Duration::from_secs(20);

/// Asks DNS about messages.
pub struct Authentication {
    host_name: String,
    /// `None`: nobody is asked.
    authenticator: Option<MessageAuthenticator>,
}

/// What was found.
struct Found {
    /// The fields that tell of it.
    fields: Vec<String>,
    policy: Policy,
}

impl Authentication {
    /// Asks the resolvers of this machine; where none is known, nobody.
    #[must_use]
    pub fn of_system(host_name: &str) -> Self {
        let authenticator = MessageAuthenticator::new_system_conf();
        if let Err(error) = &authenticator {
            tracing::warn!(%error, "no resolver: mail that comes in is not authenticated");
        }
        Self::new(host_name, authenticator.ok())
    }

    /// With a resolver of its own, or with none.
    #[must_use]
    pub fn new(host_name: &str, authenticator: Option<MessageAuthenticator>) -> Self {
        Self {
            host_name: host_name.to_owned(),
            authenticator,
        }
    }

    async fn run(&self, message: &mut InFlight) -> Result<(), Reply> {
        let client = message.client.to_canonical();
        let found = match &self.authenticator {
            Some(authenticator) if !client.is_loopback() => {
                let asked = self.ask(authenticator, client, message);
                let asked = tokio::time::timeout(QUESTIONS_TIMEOUT, asked).await;
                asked.map_err(|_| {
                    let why = "DNS does not answer who may send this; try again";
                    Reply::new(451, EnhancedCode(4, 4, 3), why)
                })?
            }
            _ => None,
        };
        let Some(found) = found else {
            let host_name = &self.host_name;
            let field = format!("Authentication-Results: {host_name}; none\r\n");
            message.fields.push(field);
            return Ok(());
        };
        message.fields.extend(found.fields);
        match found.policy {
            Policy::Reject => {
                let why = "the domain of From asks to refuse what it did not send (DMARC)";
                Err(Reply::new(550, EnhancedCode(5, 7, 26), why))
            }
            Policy::Quarantine => {
                message.is_junk = true;
                Ok(())
            }
            Policy::None | Policy::Unspecified => Ok(()),
        }
    }

    async fn ask(
        &self,
        authenticator: &MessageAuthenticator,
        client: IpAddr,
        message: &InFlight,
    ) -> Option<Found> {
        let parsed = AuthenticatedMessage::parse(&message.bytes)?;
        let sender = message.envelope.sender.address.as_str();
        let (hello, own) = (message.hello.as_str(), self.host_name.as_str());
        let spf = SpfParameters::verify(client, hello, own, sender);
        let (spf, dkim, arc) = futures::join!(
            authenticator.verify_spf(spf),
            authenticator.verify_dkim(&parsed),
            authenticator.verify_arc(&parsed),
        );
        let domain = sender.rsplit_once('@').map_or(hello, |(_, domain)| domain);
        let dmarc = DmarcParameters::new(&parsed, &dkim, domain, &spf);
        let dmarc = authenticator.verify_dmarc(dmarc).await;
        let results = AuthenticationResults::new(own)
            .with_spf_mailfrom_result(&spf, client, sender, hello)
            .with_dkim_results(&dkim, parsed.from())
            .with_arc_result(&arc, client)
            .with_dmarc_result(&dmarc);
        let has_passed = |result: &DmarcResult| *result == DmarcResult::Pass;
        let is_aligned = has_passed(dmarc.spf_result()) || has_passed(dmarc.dkim_result());
        // That nobody could be asked is no reason to refuse.
        let is_temporary = |result: &DmarcResult| matches!(result, DmarcResult::TempError(_));
        let is_unknown = is_temporary(dmarc.spf_result()) || is_temporary(dmarc.dkim_result());
        Some(Found {
            fields: vec![results.to_header()],
            policy: match is_aligned || is_unknown {
                true => Policy::None,
                false => dmarc.policy(),
            },
        })
    }
}

impl Step for Authentication {
    fn name(&self) -> &'static str {
        "authentication"
    }

    fn message<'a>(&'a self, message: &'a mut InFlight) -> Verdict<'a> {
        Box::pin(self.run(message))
    }
}
