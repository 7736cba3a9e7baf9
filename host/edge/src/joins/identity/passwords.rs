//! `concierge:identity/passwords`.

use crate::joins::Services;
use crate::joins::bindings::identity::passwords::{Error, Principal, Role};
use concierge_identity::{Identity, SignInError, SignedIn};
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
