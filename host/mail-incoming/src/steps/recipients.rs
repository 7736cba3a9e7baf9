//! For whom mail is taken: whoever is here, and nobody else (RFC 5321 §3.6.2).

use std::sync::Arc;

use concierge_identity::AccountId;
use concierge_mail::Mail;
use concierge_smtp::server::Connection;
use concierge_smtp::{EnhancedCode, Recipient, Reply, Sender};

use super::{Step, Verdict};
use crate::IncomingOptions;
use crate::rules::Rules;
use crate::srs::Srs;

/// Takes mail for addresses that are here, are sent on, or are ways back of what was sent on.
pub(super) struct Recipients {
    mail: Arc<Mail>,
    rules: Arc<Rules>,
    domains: Vec<String>,
    postmaster: Option<String>,
}

impl Recipients {
    pub(super) fn new(options: &IncomingOptions, mail: Arc<Mail>, rules: Arc<Rules>) -> Self {
        Self {
            mail,
            rules,
            domains: options.domains.clone(),
            postmaster: options.postmaster.clone(),
        }
    }

    async fn check(&self, sender: &Sender, address: &str) -> Result<(), Reply> {
        if is_postmaster(address, &self.domains) && self.postmaster.is_some() {
            return Ok(());
        }
        let is_sent_on = match Srs::is_way_back(address) {
            true => {
                let srs = Srs::new(self.rules.secret(), "");
                srs.sender_of(address).ok_or_else(unknown)?;
                true
            }
            false => self.rules.forward(address).is_some(),
        };
        if is_sent_on {
            return self.check_sent_on(address).await;
        }
        let here = self.mail.is_here(address).await;
        if !here.map_err(not_now)? {
            let why = "mail for this address is not taken here";
            return Err(Reply::new(550, EnhancedCode(5, 7, 1), why));
        }
        let account = self.mail.account_of(address).await.map_err(not_now)?;
        let Some(account) = account else {
            let rest = self.rules.forward_of_rest(address);
            rest.ok_or_else(unknown)?;
            return self.check_sent_on(address).await;
        };
        let octets = sender.size_bytes.unwrap_or(0);
        match self.mail.has_room(account, octets).await.map_err(not_now)? {
            true => Ok(()),
            false => Err(Reply::new(
                452,
                EnhancedCode(4, 2, 2),
                "the mailbox is full",
            )),
        }
    }

    /// Somebody must answer for what is sent on.
    async fn check_sent_on(&self, address: &str) -> Result<(), Reply> {
        let postmaster = self.postmaster.as_deref();
        let owner = owner(&self.mail, postmaster, &self.domains, address).await;
        owner.map_err(not_now)?.map(drop).ok_or_else(unknown)
    }
}

/// In whose name mail for an address is sent on, and its sender told of it.
pub(crate) struct Owner {
    /// An address of theirs.
    pub(crate) name: String,
    pub(crate) account: AccountId,
}

/// Whose an address is, or the postmaster.
pub(crate) async fn owner(
    mail: &Mail,
    postmaster: Option<&str>,
    domains: &[String],
    address: &str,
) -> Result<Option<Owner>, concierge_mail::Error> {
    let of_domains = domains.iter().map(|domain| format!("postmaster@{domain}"));
    let names = [Some(address.to_owned()), postmaster.map(str::to_owned)];
    for name in names.into_iter().flatten().chain(of_domains) {
        if let Some(account) = mail.account_of(&name).await? {
            return Ok(Some(Owner { name, account }));
        }
    }
    Ok(None)
}

/// `postmaster` of one of the domains, or of none (RFC 5321 §4.5.1).
pub(crate) fn is_postmaster(address: &str, domains: &[String]) -> bool {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let is_ours = |ours: &String| ours.eq_ignore_ascii_case(domain);
    local.eq_ignore_ascii_case("postmaster") && (domain.is_empty() || domains.iter().any(is_ours))
}

fn unknown() -> Reply {
    Reply::new(550, EnhancedCode(5, 1, 1), "there is no such address here")
}

fn not_now(error: concierge_mail::Error) -> Reply {
    tracing::error!(%error, "looking up a recipient");
    Reply::new(
        451,
        EnhancedCode(4, 3, 0),
        "not now; a fault of this server",
    )
}

impl Step for Recipients {
    fn name(&self) -> &'static str {
        "recipients"
    }

    fn recipient<'a>(
        &'a self,
        _: &'a Connection,
        sender: &'a Sender,
        recipient: &'a Recipient,
    ) -> Verdict<'a> {
        Box::pin(self.check(sender, &recipient.address))
    }
}
