//! Calls as HTTP requests, and back. See [`super`] for the table.

use concierge_identity::{AccessKeyId, AccountName, AccountSelector, AppPasswordName, Role};
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::call::{Call, ImportedKey};
use super::mail_queue::QueueChange;
use super::{AdminError, ErrorCode};

/// Where the administration is.
pub const PREFIX: &str = "/admin/v1/";
/// Where accounts with mail are.
const MAIL_ACCOUNTS: &str = "mail/accounts";
/// Where the search index of mail is.
const MAIL_INDEX: &str = "mail/index";
/// Where the outgoing queue is.
const MAIL_QUEUE: &str = "mail/queue";
/// The rules for mail that comes in.
const MAIL_RULES: &str = "mail/rules";
/// The keys that mail is signed with.
const MAIL_KEYS: &str = "mail/keys";

/// The body of a request, in bytes. The largest are batches of hotels to be imported.
pub const BODY_MAX_BYTES: usize = 1024 * 1024;
/// The body of a request about an account's mail: a message of the largest size in base64.
pub const MAIL_BODY_MAX_BYTES: usize = 192 * 1024 * 1024;

const _: () = assert!(
    concierge_mail_message::limits::MESSAGE_MAX_BYTES / 3 * 4
        < MAIL_BODY_MAX_BYTES - BODY_MAX_BYTES
);

/// What stands for itself in a path segment or a query (RFC 3986 §2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A call as a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The body, if it has one.
    pub body: Option<serde_json::Value>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    name: AccountName,
    role: Role,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    disabled: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    password: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAppPassword {
    account: String,
    name: AppPasswordName,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    account: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access_key_id: Option<AccessKeyId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    name: String,
    #[serde(default)]
    grants: Vec<String>,
    #[serde(default)]
    accounts: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StaffChange {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

/// The largest body that a path takes, in bytes.
pub fn body_max_bytes(path: &str) -> usize {
    match path.starts_with(&format!("{PREFIX}{MAIL_ACCOUNTS}/")) {
        true => MAIL_BODY_MAX_BYTES,
        false => BODY_MAX_BYTES,
    }
}

/// Writes a call as a request.
pub fn request(call: &Call) -> Request {
    let of = |collection: &str, account: &Option<AccountSelector>| match account {
        Some(account) => format!("{collection}?account={}", encode(&account.to_string())),
        None => collection.to_owned(),
    };
    let (method, path, body) = match call {
        Call::Status => (Method::GET, "status".to_owned(), None),
        Call::ListAccounts => (Method::GET, "accounts".to_owned(), None),
        Call::CreateAccount { name, role } => (
            Method::POST,
            "accounts".to_owned(),
            Some(json!({ "name": name, "role": role })),
        ),
        Call::SetAccountDisabled { account, disabled } => (
            Method::PATCH,
            segment("accounts", account),
            Some(json!({ "disabled": disabled })),
        ),
        Call::DeleteAccount { account } => (Method::DELETE, segment("accounts", account), None),
        Call::SetPassword { account, password } => (
            Method::PUT,
            format!("{}/password", segment("accounts", account)),
            Some(json!({ "password": password.expose() })),
        ),
        Call::ListAppPasswords { account } => (Method::GET, of("app-passwords", account), None),
        Call::CreateAppPassword { account, name } => (
            Method::POST,
            "app-passwords".to_owned(),
            Some(json!({ "account": account.to_string(), "name": name })),
        ),
        Call::DeleteAppPassword { id } => (Method::DELETE, segment("app-passwords", id), None),
        Call::ListKeys { account } => (Method::GET, of("keys", account), None),
        Call::CreateKey { account, import } => {
            let mut body = json!({ "account": account.to_string() });
            if let Some(key) = import {
                body["access_key_id"] = json!(key.id);
                body["secret_access_key"] = json!(key.secret.expose());
            }
            (Method::POST, "keys".to_owned(), Some(body))
        }
        Call::SetKeyDisabled { id, disabled } => (
            Method::PATCH,
            segment("keys", id),
            Some(json!({ "disabled": disabled })),
        ),
        Call::DeleteKey { id } => (Method::DELETE, segment("keys", id), None),
        Call::ListBuckets { account } => (Method::GET, of("buckets", account), None),
        Call::ListTokens => (Method::GET, "tokens".to_owned(), None),
        Call::CreateToken {
            name,
            grants,
            accounts,
        } => {
            let accounts = texts(accounts);
            let body = json!({ "name": name, "grants": grants, "accounts": accounts });
            (Method::POST, "tokens".to_owned(), Some(body))
        }
        Call::DeleteToken { name } => (Method::DELETE, segment("tokens", name), None),
        Call::ImportBooking { imports } => (
            Method::POST,
            "booking/import".to_owned(),
            Some(json!(imports)),
        ),
        Call::ListHotels => (Method::GET, "booking/hotels".to_owned(), None),
        Call::ChangeHotelStaff { hotel, add, remove } => (
            Method::PATCH,
            format!("booking/hotels/{hotel}/staff"),
            Some(json!({ "add": texts(add), "remove": texts(remove) })),
        ),
        Call::ListMailAccounts => (Method::GET, MAIL_ACCOUNTS.to_owned(), None),
        Call::PutMailAccount { account, change } => (
            Method::PATCH,
            segment(MAIL_ACCOUNTS, account),
            Some(json!(change)),
        ),
        Call::ShareMail {
            account,
            with,
            sharing,
        } => (
            Method::PUT,
            segment(&of_mail(account, "shares"), with),
            Some(json!(sharing)),
        ),
        Call::ImportMail { account, messages } => (
            Method::POST,
            of_mail(account, "messages"),
            Some(json!(messages)),
        ),
        Call::ExportMail { account, after } => {
            let query = after
                .as_ref()
                .map(|after| format!("?after={}", encode(after)))
                .unwrap_or_default();
            (Method::GET, of_mail(account, "messages") + &query, None)
        }
        Call::RebuildMailIndex => (Method::POST, MAIL_INDEX.to_owned(), None),
        Call::ShowMailIndex => (Method::GET, MAIL_INDEX.to_owned(), None),
        Call::ListMailQueue { account } => (Method::GET, of(MAIL_QUEUE, account), None),
        Call::ShowQueuedMail { account, id } => {
            (Method::GET, segment(&of_mail(account, "queue"), id), None)
        }
        Call::ChangeMailQueue {
            account,
            id,
            recipient,
            action,
        } => {
            let change = QueueChange {
                recipient: recipient.clone(),
                action: *action,
            };
            (
                Method::POST,
                segment(&of_mail(account, "queue"), id),
                Some(json!(change)),
            )
        }
        Call::ListMailRules => (Method::GET, MAIL_RULES.to_owned(), None),
        Call::ChangeMailRules { change } => {
            (Method::POST, MAIL_RULES.to_owned(), Some(json!(change)))
        }
        Call::ListIncomingMail => (Method::GET, "mail/incoming".to_owned(), None),
        Call::ListMailKeys => (Method::GET, MAIL_KEYS.to_owned(), None),
        Call::CreateMailKey { key } => (Method::POST, MAIL_KEYS.to_owned(), Some(json!(key))),
        Call::DeleteMailKey { domain, selector } => (
            Method::DELETE,
            segment(&segment(MAIL_KEYS, domain), selector),
            None,
        ),
        Call::ShowMailRecords { domain } => (Method::GET, segment("mail/records", domain), None),
        Call::ListDestroyedMail { account } => (Method::GET, of_mail(account, "destroyed"), None),
        Call::RestoreMail { account, ids } => {
            (Method::POST, of_mail(account, "restored"), Some(json!(ids)))
        }
    };
    Request {
        method,
        target: format!("{PREFIX}{path}"),
        body,
    }
}

/// Reads a call from a request.
pub fn call(method: &Method, path: &str, query: &str, body: &[u8]) -> Result<Call, AdminError> {
    let segments: Vec<String> = path
        .strip_prefix(PREFIX)
        .unwrap_or_default()
        .split('/')
        .map(decode)
        .collect::<Result<_, _>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (method.as_str(), segments.as_slice()) {
        ("GET", ["status"]) => Ok(Call::Status),
        ("GET", ["accounts"]) => Ok(Call::ListAccounts),
        ("POST", ["accounts"]) => {
            let NewAccount { name, role } = json_body(body)?;
            Ok(Call::CreateAccount { name, role })
        }
        ("PATCH", ["accounts", account]) => {
            let Change { disabled } = json_body(body)?;
            Ok(Call::SetAccountDisabled {
                account: parse(account)?,
                disabled,
            })
        }
        ("DELETE", ["accounts", account]) => Ok(Call::DeleteAccount {
            account: parse(account)?,
        }),
        ("PUT", ["accounts", account, "password"]) => {
            let NewPassword { password } = json_body(body)?;
            Ok(Call::SetPassword {
                account: parse(account)?,
                password: parse(&password)?,
            })
        }
        ("GET", ["app-passwords"]) => Ok(Call::ListAppPasswords {
            account: account_of(query)?,
        }),
        ("POST", ["app-passwords"]) => {
            let NewAppPassword { account, name } = json_body(body)?;
            Ok(Call::CreateAppPassword {
                account: parse(&account)?,
                name,
            })
        }
        ("DELETE", ["app-passwords", id]) => Ok(Call::DeleteAppPassword { id: parse(id)? }),
        ("GET", ["keys"]) => Ok(Call::ListKeys {
            account: account_of(query)?,
        }),
        ("POST", ["keys"]) => new_key(json_body(body)?),
        ("PATCH", ["keys", id]) => {
            let Change { disabled } = json_body(body)?;
            Ok(Call::SetKeyDisabled {
                id: parse(id)?,
                disabled,
            })
        }
        ("DELETE", ["keys", id]) => Ok(Call::DeleteKey { id: parse(id)? }),
        ("GET", ["tokens"]) => Ok(Call::ListTokens),
        ("POST", ["tokens"]) => {
            let NewToken {
                name,
                grants,
                accounts,
            } = json_body(body)?;
            Ok(Call::CreateToken {
                name,
                grants,
                accounts: selectors(&accounts)?,
            })
        }
        ("DELETE", ["tokens", name]) => Ok(Call::DeleteToken {
            name: (*name).to_owned(),
        }),
        ("POST", ["booking", "import"]) => Ok(Call::ImportBooking {
            imports: json_body(body)?,
        }),
        ("GET", ["booking", "hotels"]) => Ok(Call::ListHotels),
        ("PATCH", ["booking", "hotels", hotel, "staff"]) => {
            let StaffChange { add, remove } = json_body(body)?;
            Ok(Call::ChangeHotelStaff {
                hotel: parse(hotel)?,
                add: selectors(&add)?,
                remove: selectors(&remove)?,
            })
        }
        ("GET", ["mail", "accounts"]) => Ok(Call::ListMailAccounts),
        ("POST", ["mail", "index"]) => Ok(Call::RebuildMailIndex),
        ("GET", ["mail", "index"]) => Ok(Call::ShowMailIndex),
        ("GET", ["mail", "queue"]) => Ok(Call::ListMailQueue {
            account: account_of(query)?,
        }),
        ("GET", ["mail", "rules"]) => Ok(Call::ListMailRules),
        ("POST", ["mail", "rules"]) => Ok(Call::ChangeMailRules {
            change: json_body(body)?,
        }),
        ("GET", ["mail", "incoming"]) => Ok(Call::ListIncomingMail),
        ("GET", ["mail", "keys"]) => Ok(Call::ListMailKeys),
        ("POST", ["mail", "keys"]) => Ok(Call::CreateMailKey {
            key: json_body(body)?,
        }),
        ("DELETE", ["mail", "keys", domain, selector]) => Ok(Call::DeleteMailKey {
            domain: (*domain).to_owned(),
            selector: (*selector).to_owned(),
        }),
        ("GET", ["mail", "records", domain]) => Ok(Call::ShowMailRecords {
            domain: (*domain).to_owned(),
        }),
        (_, ["mail", "accounts", account, rest @ ..]) => {
            let account = parse(account)?;
            match (method.as_str(), rest) {
                ("PATCH", []) => Ok(Call::PutMailAccount {
                    account,
                    change: json_body(body)?,
                }),
                ("PUT", ["shares", with]) => Ok(Call::ShareMail {
                    account,
                    with: parse(with)?,
                    sharing: json_body(body)?,
                }),
                ("POST", ["messages"]) => Ok(Call::ImportMail {
                    account,
                    messages: json_body(body)?,
                }),
                ("GET", ["messages"]) => Ok(Call::ExportMail {
                    account,
                    after: value_of("after", query)?,
                }),
                ("GET", ["queue", id]) => Ok(Call::ShowQueuedMail {
                    account,
                    id: (*id).to_owned(),
                }),
                ("POST", ["queue", id]) => {
                    let QueueChange { recipient, action } = json_body(body)?;
                    Ok(Call::ChangeMailQueue {
                        account,
                        id: (*id).to_owned(),
                        recipient,
                        action,
                    })
                }
                ("GET", ["destroyed"]) => Ok(Call::ListDestroyedMail { account }),
                ("POST", ["restored"]) => Ok(Call::RestoreMail {
                    account,
                    ids: json_body(body)?,
                }),
                _ => Err(nothing_there(method, path)),
            }
        }
        ("GET", ["buckets"]) => Ok(Call::ListBuckets {
            account: account_of(query)?,
        }),
        _ => Err(nothing_there(method, path)),
    }
}

fn nothing_there(method: &Method, path: &str) -> AdminError {
    AdminError::new(ErrorCode::NotFound, format!("there is no {method} {path}"))
}

fn new_key(body: NewKey) -> Result<Call, AdminError> {
    let import = match (body.access_key_id, body.secret_access_key) {
        (Some(id), Some(secret)) => Some(ImportedKey {
            id,
            secret: parse(&secret)?,
        }),
        (None, None) => None,
        _ => {
            return Err(AdminError::invalid(
                "an id and its secret are given together, or neither is",
            ));
        }
    };
    Ok(Call::CreateKey {
        account: parse(&body.account)?,
        import,
    })
}

/// The status that goes with a kind of failure.
pub fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Invalid => StatusCode::BAD_REQUEST,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Conflict => StatusCode::CONFLICT,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn texts(accounts: &[AccountSelector]) -> Vec<String> {
    accounts.iter().map(ToString::to_string).collect()
}

fn selectors(texts: &[String]) -> Result<Vec<AccountSelector>, AdminError> {
    texts.iter().map(|text| parse(text)).collect()
}

fn segment(collection: &str, name: &impl ToString) -> String {
    format!("{collection}/{}", encode(&name.to_string()))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn decode(text: &str) -> Result<String, AdminError> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| AdminError::invalid("the path or query is not UTF-8"))
}

fn parse<T: std::str::FromStr<Err: ToString>>(text: &str) -> Result<T, AdminError> {
    text.parse()
        .map_err(|error: T::Err| AdminError::invalid(error))
}

/// The `account` of a query; anything else in it is refused.
fn account_of(query: &str) -> Result<Option<AccountSelector>, AdminError> {
    let account = value_of("account", query)?;
    account.map(|account| parse(&account)).transpose()
}

/// The one value that a query may have.
fn value_of(name: &str, query: &str) -> Result<Option<String>, AdminError> {
    match query.split_once('=') {
        None if query.is_empty() => Ok(None),
        Some((found, value)) if found == name && !value.contains('&') => decode(value).map(Some),
        _ => Err(AdminError::invalid(format!(
            "the query has something else than {name}="
        ))),
    }
}

/// Something of an account's mail.
fn of_mail(account: &AccountSelector, what: &str) -> String {
    format!("{}/{what}", segment(MAIL_ACCOUNTS, account))
}

fn json_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, AdminError> {
    serde_json::from_slice(body).map_err(AdminError::invalid)
}

#[cfg(test)]
mod tests;
