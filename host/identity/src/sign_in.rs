//! Signing in with a password.

use std::net::IpAddr;
use std::sync::Arc;

use crate::access_key::RandomError;
use crate::account::{AccountId, AccountName, AccountSelector, Role};
use crate::app_password::AppPassword;
use crate::database::Used;
use crate::directory::{AccountEntry, KeptPassword};
use crate::gate::{Closed, Gate};
use crate::identity::Identity;
use crate::password::{Password, PasswordDigest};
use crate::successes::Successes;
use crate::token::Credential;
use crate::tries::{Client, TooMany, Tries};

/// When to come back where too many passwords wait to be hashed, in seconds:
/// the queue is worked off in about that time.
const RETRY_WHEN_FULL_S: u32 = 2;

/// An account that has proved itself.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// To be shown with every later call.
    pub token: String,
    /// The account.
    pub account: AccountId,
    /// Its name, for people.
    pub account_name: Arc<str>,
    /// What it may do beyond its own things.
    pub role: Role,
    /// When the token stops being accepted: microseconds since the Unix epoch.
    pub expires_us: u64,
}

/// Why someone was not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// No such account, a wrong password, or an account that is disabled: which
    /// of them is not told.
    #[error("the name or the password is wrong")]
    Unauthorized,
    /// Too many tries.
    #[error("too many tries; the next may be made in {retry_s} s")]
    SlowDown {
        /// Seconds until the next may be made.
        retry_s: u32,
    },
    /// The host cannot verify it now.
    #[error("passwords cannot be verified now")]
    Unavailable,
}

/// What signing in needs beside the accounts.
pub(crate) struct SignIn {
    gate: Gate,
    tries: Tries,
    successes: Successes,
    /// What a password is compared with where there is none.
    nobody: KeptPassword,
}

impl SignIn {
    /// Fails when the system has no randomness.
    pub(crate) fn new() -> Result<Self, RandomError> {
        Ok(Self {
            gate: Gate::default(),
            tries: Tries::default(),
            successes: Successes::new()?,
            nobody: KeptPassword {
                digest: PasswordDigest::of_nobody()?,
                set_us: 0,
            },
        })
    }
}

/// The account that a name claims to be.
struct Claimed {
    /// It, if it is there, may be used and has a password.
    account: Option<Arc<AccountEntry>>,
    /// Its password, or nobody's.
    password: KeptPassword,
}

impl Claimed {
    fn id(&self) -> AccountId {
        let account = self.account.as_ref();
        account.map_or(AccountId(uuid::Uuid::nil()), |account| account.id)
    }
}

impl Identity {
    /// Signs an account in by its name and its password or one of its
    /// application passwords, as HTTP's Basic scheme has them (RFC 7617).
    /// `client` is the address that it comes from, if it is known: without it,
    /// one stranger's wrong passwords slow down all whose address is not known.
    ///
    /// A password that was right within the last minute costs one HMAC, an
    /// application password one SHA-256, and every other password a hash of tens
    /// of milliseconds on a thread of the runtime that may block; how many are
    /// hashed at once and wait is limited, and so are wrong passwords by client
    /// and by name. Touches no disk.
    ///
    /// To be called within a Tokio runtime.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        client: Option<IpAddr>,
    ) -> Result<SignedIn, SignInError> {
        let answer = match password.parse::<AppPassword>() {
            Ok(app_password) => self.check_app_password(Some(name), &app_password),
            Err(_) => self.check_password(name, password, client).await,
        };
        count("basic", &answer);
        answer
    }

    /// Signs an account in by one of its application passwords alone, as a
    /// bearer token (RFC 6750). Costs one SHA-256; touches no disk.
    pub fn sign_in_as_app(&self, secret: &str) -> Result<SignedIn, SignInError> {
        let answer = match secret.parse::<AppPassword>() {
            Ok(app_password) => self.check_app_password(None, &app_password),
            Err(_) => Err(SignInError::Unauthorized),
        };
        count("bearer", &answer);
        answer
    }

    fn check_app_password(
        &self,
        name: Option<&str>,
        password: &AppPassword,
    ) -> Result<SignedIn, SignInError> {
        let entry = self
            .read()
            .app_password_by_digest(&password.digest())
            .filter(|app| !app.account.disabled())
            .filter(|app| name.is_none_or(|name| app.account.name.as_str() == name))
            .cloned()
            .ok_or(SignInError::Unauthorized)?;
        let now_us = self.clock.now_us();
        self.note_use(&entry.last_use, || Used::AppPassword(entry.id), now_us);
        Ok(self.signed_in(&entry.account, Credential::AppPassword(entry.id), now_us))
    }

    async fn check_password(
        &self,
        name: &str,
        password: &str,
        client: Option<IpAddr>,
    ) -> Result<SignedIn, SignInError> {
        // What nobody can have is nobody's: this tells no one anything.
        let (Ok(name), Ok(password)) = (name.parse::<AccountName>(), password.parse::<Password>())
        else {
            return Err(SignInError::Unauthorized);
        };
        let claimed = self.claimed(&name);
        let now_us = self.clock.now_us();
        let right = self
            .is_right(&name, password, &claimed, client, now_us)
            .await?;
        let account = claimed
            .account
            .filter(|_| right)
            .ok_or(SignInError::Unauthorized)?;
        let set_us = claimed.password.set_us;
        Ok(self.signed_in(&account, Credential::Password { set_us }, now_us))
    }

    /// What someone who gives this name has to have.
    fn claimed(&self, name: &AccountName) -> Claimed {
        let account = self
            .account_entry(&AccountSelector::Name(name.clone()))
            .ok();
        let usable = account.filter(|account| !account.disabled());
        match usable.and_then(|account| Some((account.password()?, account))) {
            Some((password, account)) => Claimed {
                account: Some(account),
                password,
            },
            None => Claimed {
                account: None,
                password: self.sign_in.nobody.clone(),
            },
        }
    }

    /// Whether the password is right: remembered, or verified once its turn comes.
    async fn is_right(
        &self,
        name: &AccountName,
        password: Password,
        claimed: &Claimed,
        client: Option<IpAddr>,
        now_us: u64,
    ) -> Result<bool, SignInError> {
        let SignIn {
            gate,
            tries,
            successes,
            ..
        } = &self.sign_in;
        let KeptPassword { digest, set_us } = claimed.password.clone();
        let proof = successes.proof(claimed.id(), name, set_us, &password);
        if successes.remembers(&proof, now_us) {
            return Ok(true);
        }
        let client = Client::of(client);
        let name = successes.name_hash(name.as_str());
        let verify = async {
            let place = gate.enter().map_err(closed)?;
            tries.begin(client, name, now_us).map_err(too_many)?;
            let verified = place.pass(move || digest.verifies(&password)).await;
            let right = verified.map_err(closed)?;
            if right {
                tries.succeeded(client, name);
                successes.remember(proof, now_us);
            }
            Ok(right)
        };
        successes.once(proof, verify).await
    }

    fn signed_in(&self, account: &AccountEntry, credential: Credential, now_us: u64) -> SignedIn {
        let (token, expires_us) = self.seal(account, credential, None, now_us);
        SignedIn {
            token,
            account: account.id,
            account_name: account.name.shared(),
            role: account.role,
            expires_us,
        }
    }
}

fn closed(closed: Closed) -> SignInError {
    match closed {
        Closed::Full => SignInError::SlowDown {
            retry_s: RETRY_WHEN_FULL_S,
        },
        Closed::Failed => SignInError::Unavailable,
    }
}

fn too_many(TooMany { retry_s }: TooMany) -> SignInError {
    SignInError::SlowDown { retry_s }
}

fn count(scheme: &'static str, answer: &Result<SignedIn, SignInError>) {
    let outcome = match answer {
        Ok(_) => "accepted",
        Err(SignInError::Unauthorized) => "unauthorized",
        Err(SignInError::SlowDown { .. }) => "slow_down",
        Err(SignInError::Unavailable) => "unavailable",
    };
    metrics::counter!("concierge_identity_sign_ins_total", "scheme" => scheme, "outcome" => outcome)
        .increment(1);
}
