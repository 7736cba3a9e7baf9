//! Accounts, access keys, passwords, signatures and the tokens that prove a
//! principal.
//!
//! A component says what a client signed, or the password that it sent;
//! [`Identity::verify_sigv4`], [`Identity::sign_in`] or [`Identity::sign_in_as_app`]
//! checks it and answers with a token; every later call shows the token, and
//! [`Identity::principal`] says who it proves. Secrets and signing keys never
//! leave this crate but for the one time that a new key is shown.
//!
//! The crate also has the [`Clock`] that the domain crates take the time from.

#![warn(clippy::indexing_slicing)]

mod access_key;
mod account;
mod app_password;
mod bootstrap;
mod chunks;
mod clock;
mod database;
mod directory;
mod gate;
mod identity;
mod manage_passwords;
mod password;
mod private_file;
mod schema;
mod sign_in;
mod signing;
mod sigv4;
mod successes;
mod token;
mod tries;

pub use access_key::{
    ACCESS_KEY_ID_MAX_BYTES, ACCESS_KEY_ID_MIN_BYTES, AccessKey, AccessKeyId, InvalidAccessKey,
    NewAccessKey, RandomError, SECRET_MAX_BYTES, SECRET_MIN_BYTES, SecretAccessKey,
};
pub use account::{
    ACCOUNT_NAME_MAX_BYTES, Account, AccountId, AccountName, AccountSelector, InvalidAccountName,
    InvalidRole, Role,
};
pub use app_password::{
    APP_PASSWORD_NAME_MAX_CHARS, AppPassword, AppPasswordId, AppPasswordInfo, AppPasswordName,
    InvalidAppPassword, InvalidAppPasswordName, NewAppPassword,
};
pub use bootstrap::{Bootstrap, BootstrapError, DEFAULT_ADMINISTRATOR, FirstCredentials};
pub use chunks::ChunkVerifier;
pub use clock::{Clock, MICROS_PER_SECOND, ManualClock, SystemClock};
pub use database::DatabaseError;
pub use identity::{
    ACCOUNTS_MAX, Identity, KEYS_MAX, KEYS_PER_ACCOUNT_MAX, LAST_USED_GRANULARITY_US, ManageError,
    OpenError,
};
pub use manage_passwords::{APP_PASSWORDS_MAX, APP_PASSWORDS_PER_ACCOUNT_MAX};
pub use password::{HashError, InvalidPassword, PASSWORD_MAX_BYTES, PASSWORD_MIN_BYTES, Password};
pub use private_file::{create_private_directory, write_private_file};
pub use sign_in::{SignInError, SignedIn};
pub use sigv4::{
    CANONICAL_REQUEST_MAX_BYTES, MAX_SKEW_US, PRESIGNED_LIFE_MAX_S, Placement,
    SCOPE_PART_MAX_BYTES, SigV4Error, SignedRequest, Verified,
};
pub use token::{Payload, Principal, TOKEN_LIFE_US, TokenError};
