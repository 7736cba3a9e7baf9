//! The session: what there is, and where (RFC 8620 §2).

use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::bindings::concierge::mail::accounts::Account;
use crate::host::{Host, Principal};
use crate::jmap::capability::Capability;
use crate::jmap::limits::{
    BLOB_SOURCES_MAX, CALLS_MAX, CONCURRENT_REQUESTS_MAX, CONCURRENT_UPLOADS_MAX,
    DELAYED_SEND_MAX_S, MAILBOX_DEPTH_MAX, MAILBOX_NAME_BYTES_MAX, MAILBOXES_PER_EMAIL_MAX,
    OBJECTS_IN_GET_MAX, OBJECTS_IN_SET_MAX, REQUEST_BYTES_MAX, UPLOAD_BYTES_MAX,
};
use crate::problem::Problem;
use crate::reply::{self, Reply};
use crate::route;
use crate::settings::Settings;

/// Bytes of a state: enough that two sessions do not have the same by chance.
const STATE_BYTES: usize = 12;

/// What queries of emails can be sorted by (RFC 8621 §4.4.2).
const SORT_OPTIONS: [&str; 9] = [
    "receivedAt",
    "sentAt",
    "size",
    "from",
    "to",
    "subject",
    "hasKeyword",
    "allInThreadHaveKeyword",
    "someInThreadHaveKeyword",
];

/// Answers with the session.
///
/// # Errors
/// What the host says of the principal.
pub async fn answer<H: Host>(
    host: &H,
    settings: &Settings,
    principal: &Principal,
    head: &Parts,
) -> Result<Reply<H::Outgoing>, Problem> {
    let accounts = host.accounts(&principal.token).await?;
    let base = base(settings, &head.headers);
    let session = session(settings, principal, &accounts, &base);
    Ok(reply::json(StatusCode::OK, &session))
}

/// The state of the session: another where anything in it is (§2, `state`).
pub fn state(principal: &Principal, accounts: &[Account], settings: &Settings) -> String {
    state_of(&content(settings, principal, accounts, ""))
}

fn state_of(content: &Map<String, Value>) -> String {
    let text = serde_json::to_vec(content).unwrap_or_default();
    let digest = Sha256::digest(&text);
    let digits = digest.iter().take(STATE_BYTES);
    digits.map(|byte| format!("{byte:02x}")).collect()
}

fn session(
    settings: &Settings,
    principal: &Principal,
    accounts: &[Account],
    base: &str,
) -> Map<String, Value> {
    let mut session = content(settings, principal, accounts, base);
    // The same however the server was reached.
    let state = state(principal, accounts, settings);
    session.insert("state".to_owned(), state.into());
    session
}

fn content(
    settings: &Settings,
    principal: &Principal,
    accounts: &[Account],
    base: &str,
) -> Map<String, Value> {
    let offered = || offered(settings);
    let capabilities: Map<_, _> = offered()
        .map(|one| (one.uri().to_owned(), of_server(one, settings, base)))
        .collect();
    let of_accounts: Map<_, _> = accounts
        .iter()
        .map(|account| (account.id.clone(), of_account(account)))
        .collect();
    let personal = accounts.iter().find(|account| account.personal);
    let primary: Map<_, _> = offered()
        .filter(|one| has_accounts(*one))
        .filter_map(|one| Some((one.uri().to_owned(), personal?.id.clone().into())))
        .collect();
    let place = |path: &str| format!("{base}{path}");
    let members = json!({
        "capabilities": capabilities,
        "accounts": of_accounts,
        "primaryAccounts": primary,
        "username": principal.name,
        "apiUrl": place(route::API),
        "downloadUrl": place(route::DOWNLOAD) + "{accountId}/{blobId}/{name}?accept={type}",
        "uploadUrl": place(route::UPLOAD) + "{accountId}/",
        "eventSourceUrl": place(route::EVENTS) + "?types={types}&closeafter={closeafter}&ping={ping}",
    });
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn offered(settings: &Settings) -> impl Iterator<Item = Capability> {
    let with_websocket = !settings.websocket_path.is_empty();
    let all = Capability::ALL.into_iter();
    all.filter(move |one| with_websocket || *one != Capability::WebSocket)
}

fn has_accounts(capability: Capability) -> bool {
    !matches!(capability, Capability::Core | Capability::WebSocket)
}

fn of_server(capability: Capability, settings: &Settings, base: &str) -> Value {
    match capability {
        Capability::Core => json!({
            "maxSizeUpload": UPLOAD_BYTES_MAX,
            "maxConcurrentUpload": CONCURRENT_UPLOADS_MAX,
            "maxSizeRequest": REQUEST_BYTES_MAX,
            "maxConcurrentRequests": CONCURRENT_REQUESTS_MAX,
            "maxCallsInRequest": CALLS_MAX,
            "maxObjectsInGet": OBJECTS_IN_GET_MAX,
            "maxObjectsInSet": OBJECTS_IN_SET_MAX,
            "collationAlgorithms": [],
        }),
        Capability::WebSocket => json!({
            // RFC 8887 §3: the scheme is that of WebSocket.
            "url": base.replacen("http", "ws", 1) + &settings.websocket_path,
            "supportsPush": true,
        }),
        _ => json!({}),
    }
}

fn of_account(account: &Account) -> Value {
    let capabilities: Map<_, _> = Capability::ALL
        .into_iter()
        .filter(|one| has_accounts(*one))
        .map(|one| (one.uri().to_owned(), within(one, account)))
        .collect();
    json!({
        "name": account.name,
        "isPersonal": account.personal,
        "isReadOnly": account.read_only,
        "accountCapabilities": capabilities,
    })
}

fn within(capability: Capability, account: &Account) -> Value {
    match capability {
        Capability::Mail => json!({
            "maxMailboxesPerEmail": MAILBOXES_PER_EMAIL_MAX,
            "maxMailboxDepth": MAILBOX_DEPTH_MAX,
            "maxSizeMailboxName": MAILBOX_NAME_BYTES_MAX,
            "maxSizeAttachmentsPerEmail": UPLOAD_BYTES_MAX,
            "emailQuerySortOptions": SORT_OPTIONS,
            "mayCreateTopLevelMailbox": !account.read_only,
        }),
        Capability::Submission => json!({
            "maxDelayedSend": DELAYED_SEND_MAX_S,
            "submissionExtensions": { "FUTURERELEASE": [] },
        }),
        Capability::Blob => json!({
            "maxSizeBlobSet": UPLOAD_BYTES_MAX,
            "maxDataSources": BLOB_SOURCES_MAX,
            "supportedTypeNames": ["Mailbox", "Thread", "Email"],
            "supportedDigestAlgorithms": ["sha", "sha-256"],
        }),
        _ => json!({}),
    }
}

/// Where the client reached this server: scheme and authority.
pub fn base(settings: &Settings, headers: &HeaderMap) -> String {
    if !settings.public_url.is_empty() {
        return settings.public_url.trim_end_matches('/').to_owned();
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // The edge, and Spin, say how the request came; both remove what a client sends under this name.
    if let Some((scheme, rest)) = text("spin-full-url").and_then(|url| url.split_once("://")) {
        let authority = rest.split('/').next().unwrap_or_default();
        return format!("{scheme}://{authority}");
    }
    format!("http://{}", text("host").unwrap_or("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn ann() -> Principal {
        Principal {
            token: "t".to_owned(),
            name: "ann".to_owned(),
        }
    }

    fn accounts() -> Vec<Account> {
        let account = |id: &str, personal: bool| Account {
            id: id.to_owned(),
            name: format!("{id}@example.org"),
            personal,
            read_only: !personal,
            addresses: vec![],
        };
        vec![account("a", true), account("b", false)]
    }

    #[test]
    fn the_session_says_what_there_is_and_where() {
        let session = session(
            &Settings::default(),
            &ann(),
            &accounts(),
            "http://localhost:8080",
        );
        let session = Value::Object(session);
        assert_eq!(session["username"], "ann");
        assert_eq!(session["apiUrl"], "http://localhost:8080/jmap/api");
        assert_eq!(session["accounts"]["b"]["isReadOnly"], true);
        let mail = "urn:ietf:params:jmap:mail";
        assert_eq!(session["primaryAccounts"][mail], "a");
        let within = &session["accounts"]["b"]["accountCapabilities"][mail];
        assert_eq!(within["mayCreateTopLevelMailbox"], false);
        let capabilities = session["capabilities"].as_object().unwrap();
        assert!(!capabilities.contains_key("urn:ietf:params:jmap:websocket"));
        for part in ["{accountId}", "{blobId}", "{type}", "{name}"] {
            assert!(session["downloadUrl"].as_str().unwrap().contains(part));
        }
    }

    #[test]
    fn a_websocket_is_told_of_where_there_is_one() {
        let settings = Settings {
            websocket_path: "/jmap/ws".to_owned(),
            public_url: "https://mail.example.org/".to_owned(),
            ..Settings::default()
        };
        let base = base(&settings, &HeaderMap::new());
        let session = Value::Object(session(&settings, &ann(), &accounts(), &base));
        let websocket = &session["capabilities"]["urn:ietf:params:jmap:websocket"];
        assert_eq!(websocket["url"], "wss://mail.example.org/jmap/ws");
    }

    #[test]
    fn the_state_changes_with_the_accounts_alone() {
        let settings = Settings::default();
        let before = state(&ann(), &accounts(), &settings);
        assert_eq!(before.len(), 2 * STATE_BYTES);
        let here = session(&settings, &ann(), &accounts(), "http://a");
        let there = session(&settings, &ann(), &accounts(), "https://b");
        assert_eq!(here["state"], before.as_str());
        assert_eq!(there["state"], before.as_str());
        let fewer = state(&ann(), &accounts()[..1], &settings);
        assert_ne!(fewer, before);
    }

    #[test]
    fn urls_are_where_the_client_came() {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("here:1"));
        let settings = Settings::default();
        assert_eq!(base(&settings, &headers), "http://here:1");
        let url = HeaderValue::from_static("https://there:2/.well-known/jmap");
        headers.insert("spin-full-url", url);
        assert_eq!(base(&settings, &headers), "https://there:2");
    }
}
