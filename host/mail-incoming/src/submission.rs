//! Mail of our users (RFC 6409): who they are, as whom they may write, and into the outgoing queue.

use bytes::Bytes;
use concierge_identity::{AccountId, AccountSelector, SignInError};
use concierge_mail::types::{Envelope, Path};
use concierge_mail_message::make::date;
use concierge_smtp::server::{Accepted, Authenticated, Connection, Credentials};
use concierge_smtp::{BodyKind, EnhancedCode, Recipient, Reply, Sender};
use uuid::Uuid;

use crate::Shared;
use crate::exchange::{notify, ret};
use crate::handler::fault;
use crate::intake::Whole;
use crate::rules::RateOf;
use crate::steps::policy::too_fast;
use crate::trace;

/// Longest name or password, bytes: what is longer is nobody's.
const CREDENTIAL_MAX_BYTES: usize = 8 << 10;

/// Fields that do not go out: to whom else it goes (RFC 5322 §3.6.3), and what is written at the delivery (RFC 5321 §4.4).
const PRIVATE: [&str; 3] = ["Bcc", "Resent-Bcc", "Return-Path"];

fn not_signed_in() -> Reply {
    Reply::new(530, EnhancedCode(5, 7, 0), "sign in first")
}

impl Shared {
    /// Whose name and password these are; the name may be an address too.
    pub(crate) async fn sign_in(
        &self,
        connection: &Connection,
        credentials: Credentials,
    ) -> Result<Authenticated, Reply> {
        let Credentials { user, password } = credentials;
        let wrong = || {
            Reply::new(
                535,
                EnhancedCode(5, 7, 8),
                "the name or the password is wrong",
            )
        };
        if user.len() > CREDENTIAL_MAX_BYTES || password.len() > CREDENTIAL_MAX_BYTES {
            return Err(wrong());
        }
        let name = self.account_name(user).await?;
        let client = connection.peer.ip().to_canonical();
        match self.identity.sign_in(&name, &password, Some(client)).await {
            Ok(signed_in) => Ok(Authenticated {
                account: signed_in.account.0,
                name: signed_in.account_name.to_string(),
            }),
            Err(SignInError::Unauthorized) => Err(wrong()),
            Err(SignInError::SlowDown { retry_s }) => {
                let why = format!("too many wrong passwords; again in {retry_s} seconds");
                Err(Reply::new(454, EnhancedCode(4, 7, 0), why))
            }
            Err(SignInError::Unavailable) => {
                let why = "passwords cannot be looked at now";
                Err(Reply::new(454, EnhancedCode(4, 7, 0), why))
            }
        }
    }

    /// Mail programs know an address: where it is no account's name, the account is the one whose mail it is for.
    async fn account_name(&self, user: String) -> Result<String, Reply> {
        if !user.contains('@') {
            return Ok(user);
        }
        let name = |selector: &AccountSelector| {
            let account = self.identity.account(selector).ok()?;
            Some(account.name.to_string())
        };
        let named = user.parse::<AccountSelector>().ok();
        if let Some(found) = named.and_then(|selector| name(&selector)) {
            return Ok(found);
        }
        let owner = self.mail.store().account_of_address(&user).await;
        let owner = owner.map_err(|error| fault("looking up an account", &error))?;
        Ok(owner.and_then(|owner| name(&owner.into())).unwrap_or(user))
    }

    /// Whether an account may write as an address.
    async fn may_write_as(&self, account: AccountId, address: &str) -> Result<bool, Reply> {
        match self.mail.may_write_as(account, address).await {
            Ok(may) => Ok(may),
            Err(concierge_mail::Error::AccountNotFound) => Ok(false),
            Err(error) => Err(fault("looking up addresses", &error)),
        }
    }

    pub(crate) async fn submission_sender(
        &self,
        connection: &Connection,
        sender: &Sender,
    ) -> Result<(), Reply> {
        let account = account(connection)?;
        // Reports of receipt come from nobody (RFC 8098 §3).
        if !sender.address.is_empty() && !self.may_write_as(account, &sender.address).await? {
            let why = "this is no address of yours";
            return Err(Reply::new(553, EnhancedCode(5, 7, 1), why));
        }
        let rate = RateOf::AccountMessages;
        match self.rules.takes(rate, &account.to_string()) {
            true => Ok(()),
            false => Err(too_fast(rate)),
        }
    }

    pub(crate) async fn submission_recipient(
        &self,
        connection: &Connection,
        recipient: &Recipient,
    ) -> Result<(), Reply> {
        let account = account(connection)?;
        let address = &recipient.address;
        let has_domain = address
            .rsplit_once('@')
            .is_some_and(|(_, domain)| !domain.is_empty());
        if !has_domain {
            return Err(Reply::new(
                553,
                EnhancedCode(5, 1, 3),
                "this is no whole address",
            ));
        }
        let here = self.mail.is_here(address).await;
        let here = here.map_err(|error| fault("looking up a recipient", &error))?;
        if here && self.rules.forward(address).is_none() {
            let owner = self.mail.account_of(address).await;
            let owner = owner.map_err(|error| fault("looking up a recipient", &error))?;
            if owner.is_none() && self.rules.forward_of_rest(address).is_none() {
                let why = "there is no such address here";
                return Err(Reply::new(550, EnhancedCode(5, 1, 1), why));
            }
        }
        match self
            .rules
            .takes(RateOf::AccountRecipients, &account.to_string())
        {
            true => Ok(()),
            false => Err(too_fast(RateOf::AccountRecipients)),
        }
    }

    /// Hands a message over to be sent.
    pub(crate) async fn submit(&self, whole: Whole) -> Result<Accepted, Reply> {
        let account = account(&whole.connection)?;
        self.check_from(account, &whole.bytes).await?;
        let bytes = self.completed(&whole);
        let envelope = Envelope {
            mail_from: sender_path(whole.envelope.sender),
            rcpt_to: whole
                .envelope
                .recipients
                .into_iter()
                .map(recipient_path)
                .collect(),
        };
        let submitted = self
            .mail
            .submit_message(account, envelope, bytes, None)
            .await;
        match submitted {
            Ok(id) => Ok(Accepted { id: id.to_string() }),
            Err(concierge_mail::Error::InvalidArguments(why)) => {
                Err(Reply::new(554, EnhancedCode(5, 6, 0), why))
            }
            Err(concierge_mail::Error::AccountNotFound) => {
                let why = "this account has no mail";
                Err(Reply::new(550, EnhancedCode(5, 7, 1), why))
            }
            Err(concierge_mail::Error::OverQuota) => {
                let why = "there is no room for this message in your account";
                Err(Reply::new(452, EnhancedCode(4, 2, 2), why))
            }
            Err(error) => Err(fault("submitting a message", &error)),
        }
    }

    /// Every author is the account, and who sends it for them (RFC 6409 §6.1 lets us look).
    async fn check_from(&self, account: AccountId, bytes: &[u8]) -> Result<(), Reply> {
        let named = |name: &str| -> Vec<_> {
            let fields = trace::fields(bytes).filter(|field| field.is(name));
            fields
                .flat_map(|field| concierge_mail_message::addresses(field.value))
                .map(|found| found.address)
                .collect()
        };
        let authors = named("From");
        if authors.is_empty() {
            let why = "the message says of nobody that they wrote it (From)";
            return Err(Reply::new(550, EnhancedCode(5, 6, 0), why));
        }
        for (found, why) in [
            (
                authors,
                "the message says that somebody else wrote it (From)",
            ),
            (
                named("Sender"),
                "the message says that somebody else sends it (Sender)",
            ),
        ] {
            for address in found {
                if !self.may_write_as(account, &address).await? {
                    return Err(Reply::new(550, EnhancedCode(5, 7, 1), why));
                }
            }
        }
        Ok(())
    }

    /// The message with a trace header and the fields that it must have and has not (RFC 6409 §8.1, §8.2), and without those
    /// that are not for others to see.
    fn completed(&self, whole: &Whole) -> Bytes {
        let now_us = self.clock.now_us();
        let host_name = &self.options.host_name;
        let id = Uuid::now_v7().simple().to_string();
        let smtputf8 = whole.envelope.sender.smtputf8;
        let mut added = trace::received(&whole.connection, host_name, &id, smtputf8, None, now_us);
        let has = |name: &str| trace::fields(&whole.bytes).any(|field| field.is(name));
        if !has("Date") {
            added += &format!("Date: {}\r\n", date(now_us));
        }
        if !has("Message-ID") {
            added += &format!("Message-ID: <{id}@{host_name}>\r\n");
        }
        let is_private = |field: &trace::Field<'_>| PRIVATE.iter().any(|name| field.is(name));
        let bytes = trace::without(whole.bytes.clone(), is_private);
        [added.as_bytes(), &bytes].concat().into()
    }
}

fn account(connection: &Connection) -> Result<AccountId, Reply> {
    let authenticated = connection.authenticated.as_ref();
    authenticated
        .map(|authenticated| AccountId(authenticated.account))
        .ok_or_else(not_signed_in)
}

/// The parameters that the outgoing queue keeps and relays know.
fn sender_path(sender: Sender) -> Path {
    let mut parameters = Vec::new();
    if sender.body == BodyKind::EightBitMime {
        parameters.push(("BODY".to_owned(), Some("8BITMIME".to_owned())));
    }
    if sender.smtputf8 {
        parameters.push(("SMTPUTF8".to_owned(), None));
    }
    parameters.extend(sender.ret.map(|it| ("RET".to_owned(), Some(ret(it)))));
    parameters.extend(sender.envid.map(|id| ("ENVID".to_owned(), Some(id))));
    Path {
        email: sender.address,
        parameters,
    }
}

fn recipient_path(recipient: Recipient) -> Path {
    let mut parameters = Vec::new();
    let asked = recipient.notify.map(notify);
    parameters.extend(asked.map(|asked| ("NOTIFY".to_owned(), Some(asked))));
    parameters.extend(
        recipient
            .orcpt
            .map(|orcpt| ("ORCPT".to_owned(), Some(orcpt))),
    );
    Path {
        email: recipient.address,
        parameters,
    }
}
