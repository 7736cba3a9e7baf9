//! `concierge:identity/passwords`.

use crate::joins::Services;
use crate::joins::bindings::identity::passwords::{Error, Principal, Role};
use concierge_identity::{AccountSelector, Identity, SignInError, SignedIn};
use std::net::{IpAddr, SocketAddr};

/// The longest header that browsers and servers let through whole is about
/// this; what is longer is no password of anyone.
const ARGUMENT_MAX_BYTES: usize = 8 * 1024;

pub(in crate::joins) async fn basic(
    services: &Services,
    name: String,
    password: String,
    client: Option<String>,
) -> Result<Principal, Error> {
    let identity = identity(services)?;
    check_length("name", &name)?;
    check_length("password", &password)?;
    let client = address(client)?;
    let name = account_name(services, identity, name).await?;
    let signed_in = identity.sign_in(&name, &password, client).await?;
    admitted(services, signed_in)
}

pub(in crate::joins) async fn bearer(
    services: &Services,
    secret: String,
    client: Option<String>,
) -> Result<Principal, Error> {
    let identity = identity(services)?;
    check_length("secret", &secret)?;
    address(client)?;
    admitted(services, identity.sign_in_as_app(&secret)?)
}

/// The name of the account that signs in. Mail programs know an address: where it is no account's name, the account is
/// the one whose mail it is for.
async fn account_name(
    services: &Services,
    identity: &Identity,
    name: String,
) -> Result<String, Error> {
    let Some(mail) = services.mail.as_deref().filter(|_| name.contains('@')) else {
        return Ok(name);
    };
    let of = |selector: &AccountSelector| Some(identity.account(selector).ok()?.name.to_string());
    let named = name.parse::<AccountSelector>().ok();
    if let Some(found) = named.and_then(|selector| of(&selector)) {
        return Ok(found);
    }
    let owner = mail.store().account_of_address(&name).await;
    let owner = owner.map_err(|_| Error::Unavailable)?;
    Ok(owner.and_then(|owner| of(&owner.into())).unwrap_or(name))
}

fn identity(services: &Services) -> Result<&Identity, Error> {
    services.identity.as_deref().ok_or(Error::Unavailable)
}

fn check_length(what: &str, text: &str) -> Result<(), Error> {
    match text.len() {
        0..=ARGUMENT_MAX_BYTES => Ok(()),
        _ => Err(Error::Malformed(format!("the {what} is too long"))),
    }
}

/// An IP address, with a port (as `spin-client-addr` has it) or without.
fn address(client: Option<String>) -> Result<Option<IpAddr>, Error> {
    let parse = |text: String| match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => text.parse().map(|address: SocketAddr| address.ip()),
    };
    client
        .map(parse)
        .transpose()
        .map_err(|_| Error::Malformed("the client is not an IP address".to_owned()))
}

/// An account that calls here may not be made for is told what a stranger is.
fn admitted(services: &Services, signed_in: SignedIn) -> Result<Principal, Error> {
    match services.admits(signed_in.account) {
        true => Ok(signed_in.into()),
        false => Err(Error::Unauthorized),
    }
}

impl From<SignedIn> for Principal {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            token: signed_in.token,
            account_id: signed_in.account.to_string(),
            account_name: signed_in.account_name.to_string(),
            role: signed_in.role.into(),
            expires_us: signed_in.expires_us,
        }
    }
}

impl From<concierge_identity::Role> for Role {
    fn from(role: concierge_identity::Role) -> Self {
        match role {
            concierge_identity::Role::Administrator => Self::Administrator,
            concierge_identity::Role::Staff => Self::Staff,
            concierge_identity::Role::User => Self::User,
        }
    }
}

impl From<SignInError> for Error {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Unauthorized => Self::Unauthorized,
            SignInError::SlowDown { retry_s } => Self::SlowDown(retry_s),
            SignInError::Unavailable => Self::Unavailable,
        }
    }
}
