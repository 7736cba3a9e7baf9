//! Administration: what the command line asks for, whether of a running server
//! over HTTP or of a data directory that nobody has open.
//!
//! A request is a [`Call`]; [`Admin`] answers it; [`http`] writes it as HTTP
//! and reads it back. An answer is JSON.
//!
//! # The HTTP interface
//!
//! On the internal listener, with `Authorization: Bearer TOKEN`, the token being
//! in `internal-token` in the data directory. Bodies and answers are JSON.
//! `ACCOUNT` is a name or an id.
//!
//! | request | body | answer |
//! | --- | --- | --- |
//! | `GET /admin/v1/status` | | a [`views::StatusView`] |
//! | `GET /admin/v1/accounts` | | `{"accounts": [`[`views::AccountView`]`…]}` |
//! | `POST /admin/v1/accounts` | `{"name", "role"}` | an `AccountView` |
//! | `PATCH /admin/v1/accounts/ACCOUNT` | `{"disabled"}` | an `AccountView` |
//! | `DELETE /admin/v1/accounts/ACCOUNT` | | an `AccountView` |
//! | `PUT /admin/v1/accounts/ACCOUNT/password` | `{"password"}` | an `AccountView` |
//! | `GET /admin/v1/app-passwords[?account=ACCOUNT]` | | `{"app_passwords": [`[`views::AppPasswordView`]`…]}` |
//! | `POST /admin/v1/app-passwords` | `{"account", "name"}` | an `AppPasswordView` with the password |
//! | `DELETE /admin/v1/app-passwords/ID` | | an `AppPasswordView` |
//! | `GET /admin/v1/keys[?account=ACCOUNT]` | | `{"keys": [`[`views::KeyView`]`…]}` |
//! | `POST /admin/v1/keys` | `{"account", "access_key_id"?, "secret_access_key"?}` | a `KeyView` with its secret |
//! | `PATCH /admin/v1/keys/ID` | `{"disabled"}` | a `KeyView` |
//! | `DELETE /admin/v1/keys/ID` | | a `KeyView` |
//! | `GET /admin/v1/tokens` | | `{"tokens": [`[`views::TokenView`]`…]}` |
//! | `POST /admin/v1/tokens` | `{"name", "grants"?, "accounts"?}` | a `TokenView` with the token |
//! | `DELETE /admin/v1/tokens/NAME` | | a `TokenView` |
//! | `GET /admin/v1/buckets[?account=ACCOUNT]` | | `{"buckets": [`[`views::BucketView`]`…]}` |
//! | `POST /admin/v1/booking/import` | `[`[`booking::Import`]`…]` | [`booking::Imported`] |
//! | `GET /admin/v1/booking/hotels` | | [`booking::Hotels`] |
//! | `GET /admin/v1/mail/accounts` | | [`mail::MailAccounts`] |
//! | `PATCH /admin/v1/mail/accounts/ACCOUNT` | a [`mail::MailAccountChange`] | a [`mail::MailAccountView`] |
//! | `PUT /admin/v1/mail/accounts/ACCOUNT/shares/ACCOUNT` | a [`mail::MailSharing`] | `{}` |
//! | `POST /admin/v1/mail/accounts/ACCOUNT/messages` | `[`[`mail::MailMessage`]`…]` | [`booking::Imported`] |
//! | `GET /admin/v1/mail/accounts/ACCOUNT/messages[?after=ID]` | | a [`mail::MailPage`] |
//! | `GET /admin/v1/mail/accounts/ACCOUNT/destroyed` | | [`mail::DestroyedMail`] |
//! | `POST /admin/v1/mail/accounts/ACCOUNT/restored` | ids | [`mail::RestoredMail`] |
//! | `GET /admin/v1/mail/index` | | a [`mail_index::MailIndex`] |
//! | `POST /admin/v1/mail/index` | | a [`mail_index::MailIndex`], which is being made anew |
//! | `GET /admin/v1/mail/rules` | | [`mail_incoming::MailRules`] |
//! | `POST /admin/v1/mail/rules` | a [`mail_incoming::RuleChange`] | [`mail_incoming::MailRules`] |
//! | `GET /admin/v1/mail/incoming` | | [`mail_incoming::IncomingList`] |
//! | `GET /admin/v1/mail/keys` | | [`mail_keys::MailKeys`] |
//! | `POST /admin/v1/mail/keys` | a [`mail_keys::NewMailKey`] | a [`mail_keys::MailKey`] |
//! | `DELETE /admin/v1/mail/keys/DOMAIN/SELECTOR` | | `{}` |
//! | `GET /admin/v1/mail/records/DOMAIN` | | [`mail_keys::MailRecords`] |
//! | `GET /admin/v1/mail/accounts/ACCOUNT/queue/ID` | | [`mail_queue::MailQueue`] |
//! | `GET /admin/v1/mail/queue[?account=ACCOUNT]` | | [`mail_queue::MailQueue`] |
//! | `POST /admin/v1/mail/accounts/ACCOUNT/queue/ID` | a [`mail_queue::QueueChange`] | [`mail_queue::QueueChanged`] |
//! | `PATCH /admin/v1/booking/hotels/CODE/staff` | `{"add"?, "remove"?}`: lists of `ACCOUNT` | [`booking::Staff`] |
//!
//! A failure is `{"error": {"code", "message"}}` with status 400 (the request is
//! wrong), 404 (what it names is not there), 409 (it is there already, or must
//! not be changed so), 500 or 503.

pub mod booking;
mod call;
pub mod http;
pub mod mail;
pub mod mail_incoming;
pub mod mail_index;
pub mod mail_keys;
pub mod mail_queue;
mod run;
pub mod views;

pub use call::{Call, ImportedKey, Needs};
pub use run::{Admin, Process};

use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};

/// Why a call was not done, as it crosses HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminError {
    /// What kind of failure.
    pub code: ErrorCode,
    /// One sentence, fit to be shown.
    pub message: String,
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request is wrong.
    Invalid,
    /// What is named is not there.
    NotFound,
    /// It is there already, or must not be changed so.
    Conflict,
    /// The server cannot answer now.
    Unavailable,
    /// The server failed.
    Internal,
}

impl AdminError {
    /// A failure of a kind.
    pub fn new(code: ErrorCode, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }

    /// The request is wrong.
    pub fn invalid(message: impl ToString) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        let exit = match error.code {
            ErrorCode::Invalid => Exit::Usage,
            ErrorCode::NotFound => Exit::NotFound,
            ErrorCode::Conflict => Exit::Conflict,
            ErrorCode::Unavailable => Exit::Unavailable,
            ErrorCode::Internal => Exit::Failed,
        };
        Failure::new(exit, error.message)
    }
}
