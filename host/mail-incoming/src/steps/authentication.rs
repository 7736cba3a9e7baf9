//! Who a message is from: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 9989) and ARC (RFC 8617), told in a field of our own
//! (RFC 8601). What a domain asks to be done with what it did not send is done: refused, or put to the junk.

mod resolver;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use concierge_smtp::{EnhancedCode, Reply};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dmarc::Policy;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, AuthenticationResults, DmarcOutput, DmarcResult, MessageAuthenticator,
};

use super::{InFlight, Step, Verdict};
use resolver::{Health, Resolver};

/// How long all questions about one message may take. Whoever is asked was named by the sender: that nobody answers must not
/// let pass what would be refused.
const QUESTIONS_TIMEOUT: Duration = Duration::from_secs(20);
/// Signatures of a message that are looked at: each is a question and a verification.
const SIGNATURES_MAX: usize = 20;
/// Domains of authors that are asked about; RFC 9989 leaves more than one to us.
const AUTHOR_DOMAINS_MAX: usize = 5;
/// Messages above this are hashed where that may take a while.
const HASHED_HERE_MAX_BYTES: usize = 64 << 10;

/// Asks DNS about messages.
pub struct Authentication {
    host_name: String,
    /// `None`: nobody is asked.
    resolver: Option<Resolver>,
}

/// What is done with a message, the mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Judgement {
    Take,
    Junk,
    /// It would be refused or put to the junk by what could not be asked.
    Later,
    Refuse,
}

/// What was found.
struct Found {
    /// The field that tells of it.
    field: String,
    judgement: Judgement,
}

fn no_answer() -> Reply {
    let why = "DNS does not answer who may send this; try again";
    Reply::new(451, EnhancedCode(4, 4, 3), why)
}

impl Authentication {
    /// Asks the resolvers of this machine; where none is known, nobody.
    #[must_use]
    pub fn of_system(host_name: &str) -> Self {
        let authenticator = MessageAuthenticator::new_system_conf();
        if let Err(error) = &authenticator {
            tracing::warn!(%error, "no resolver: mail that comes in is not authenticated");
        }
        Self::new(host_name, authenticator.ok().map(Resolver::new))
    }

    /// Asks these resolvers.
    ///
    /// # Errors
    /// They cannot be asked.
    pub fn asking(host_name: &str, servers: &[SocketAddr]) -> Result<Self, std::io::Error> {
        let resolver = Resolver::of(servers).map_err(std::io::Error::other)?;
        Ok(Self::new(host_name, Some(resolver)))
    }

    /// Asks nobody.
    #[must_use]
    pub fn none(host_name: &str) -> Self {
        Self::new(host_name, None)
    }

    fn new(host_name: &str, resolver: Option<Resolver>) -> Self {
        Self {
            host_name: host_name.to_owned(),
            resolver,
        }
    }

    async fn run(&self, message: &mut InFlight) -> Result<(), Reply> {
        let client = message.client.to_canonical();
        let found = match &self.resolver {
            Some(resolver) if !client.is_loopback() => {
                self.found(resolver, client, message).await?
            }
            _ => None,
        };
        let Some(found) = found else {
            let host_name = &self.host_name;
            let field = format!("Authentication-Results: {host_name}; none\r\n");
            message.fields.push(field);
            return Ok(());
        };
        message.fields.push(found.field);
        match found.judgement {
            Judgement::Take => Ok(()),
            Judgement::Junk => {
                message.is_junk = true;
                Ok(())
            }
            Judgement::Later => Err(no_answer()),
            Judgement::Refuse => {
                let why = "the domain of From asks to refuse what it did not send (DMARC)";
                Err(Reply::new(550, EnhancedCode(5, 7, 26), why))
            }
        }
    }

    /// What a resolver says of a message; `None`: there is none to ask.
    async fn found(
        &self,
        resolver: &Resolver,
        client: IpAddr,
        message: &InFlight,
    ) -> Result<Option<Found>, Reply> {
        match resolver.health().await {
            Health::Up => {}
            Health::Down => return Err(no_answer()),
            Health::Absent => return Ok(None),
        }
        let hashes = hashes(&message.bytes).await;
        let asked = self.ask(resolver.authenticator(), client, message, hashes);
        let asked = tokio::time::timeout(QUESTIONS_TIMEOUT, asked).await;
        match asked {
            Ok(found) if found.judgement != Judgement::Later => Ok(Some(found)),
            // Whether the resolver or those that it asks: the next messages need not wait for it.
            _ => {
                resolver.probe().await;
                Err(no_answer())
            }
        }
    }

    async fn ask(
        &self,
        authenticator: &MessageAuthenticator,
        client: IpAddr,
        message: &InFlight,
        hashes: Option<Hashes>,
    ) -> Found {
        let parsed = parsed(&message.bytes, hashes).unwrap_or_default();
        let sender = message.envelope.sender.address.as_str();
        let (hello, own) = (message.hello.as_str(), self.host_name.as_str());
        let spf = SpfParameters::verify(client, hello, own, sender);
        let (spf, dkim, arc) = futures::join!(
            authenticator.verify_spf(spf),
            authenticator.verify_dkim(&parsed),
            authenticator.verify_arc(&parsed),
        );
        let results = AuthenticationResults::new(own)
            .with_spf_mailfrom_result(&spf, client, sender, hello)
            .with_dkim_results(&dkim, parsed.from())
            .with_arc_result(&arc, client);
        let domain = sender.rsplit_once('@').map_or(hello, |(_, domain)| domain);
        let authors = authors(&parsed.from);
        // Of nobody, or of a crowd, no domain can say that it is not theirs.
        let mut judgement = match authors.len() {
            1..=AUTHOR_DOMAINS_MAX => Judgement::Take,
            _ => Judgement::Junk,
        };
        let mut worst = DmarcOutput::default();
        for author in authors.iter().take(AUTHOR_DOMAINS_MAX) {
            let from = AuthenticatedMessage {
                from: vec![author.clone()],
                ..AuthenticatedMessage::default()
            };
            let dmarc = DmarcParameters::new(&from, &dkim, domain, &spf);
            let dmarc = authenticator.verify_dmarc(dmarc).await;
            let judged = judge(&dmarc);
            if worst.domain().is_empty() || judged > judgement {
                worst = dmarc;
            }
            judgement = judgement.max(judged);
        }
        Found {
            field: results.with_dmarc_result(&worst).to_header(),
            judgement,
        }
    }
}

/// What a domain asks for, where the message is not shown to be its own.
fn judge(dmarc: &DmarcOutput) -> Judgement {
    let results = [dmarc.spf_result(), dmarc.dkim_result()];
    if results.contains(&&DmarcResult::Pass) {
        return Judgement::Take;
    }
    let is_temporary = |result: &&DmarcResult| matches!(result, DmarcResult::TempError(_));
    let is_unknown = results.iter().any(is_temporary);
    match dmarc.policy() {
        // Without a record that is not known either.
        Policy::None | Policy::Unspecified if is_unknown && dmarc.dmarc_record().is_none() => {
            Judgement::Later
        }
        Policy::None | Policy::Unspecified => Judgement::Take,
        Policy::Reject | Policy::Quarantine if is_unknown => Judgement::Later,
        Policy::Quarantine => Judgement::Junk,
        Policy::Reject => Judgement::Refuse,
    }
}

/// An address of each domain that authors are of.
fn authors(from: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let is_new = |address: &&String| {
        let domain = address.rsplit_once('@').map(|(_, domain)| domain);
        domain.is_some_and(|domain| !domain.is_empty() && seen.insert(domain.to_owned()))
    };
    let authors = from.iter().filter(is_new).take(AUTHOR_DOMAINS_MAX + 1);
    authors.cloned().collect()
}

/// The hashes of a message's body, one for each way in which a signature has it.
type Hashes = Vec<(
    mail_auth::dkim::Canonicalization,
    mail_auth::common::crypto::HashAlgorithm,
    u64,
    Vec<u8>,
)>;

/// Those of a large message; `None`: they are made with the rest.
async fn hashes(message: &Bytes) -> Option<Hashes> {
    if message.len() <= HASHED_HERE_MAX_BYTES {
        return None;
    }
    let message = message.clone();
    let hashed = move || AuthenticatedMessage::parse(&message).map(|parsed| parsed.body_hashes);
    tokio::task::spawn_blocking(hashed).await.ok().flatten()
}

/// A message with no more signatures than are looked at.
fn parsed(message: &[u8], hashes: Option<Hashes>) -> Option<AuthenticatedMessage<'_>> {
    let mut parsed = match hashes {
        None => AuthenticatedMessage::parse(message)?,
        Some(hashes) => {
            let header = memchr::memmem::find(message, b"\r\n\r\n")?;
            let mut parsed = AuthenticatedMessage::parse(message.get(..header + 4)?)?;
            parsed.raw_message = message;
            parsed.body_hashes = hashes;
            parsed
        }
    };
    parsed.dkim_headers.truncate(SIGNATURES_MAX);
    parsed.errors.truncate(SIGNATURES_MAX);
    Some(parsed)
}

impl Step for Authentication {
    fn name(&self) -> &'static str {
        "authentication"
    }

    fn message<'a>(&'a self, message: &'a mut InFlight) -> Verdict<'a> {
        Box::pin(self.run(message))
    }
}
