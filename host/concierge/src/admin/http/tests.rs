//! Calls cross HTTP as they are.

use concierge_booking::types::Allotment;

use super::*;
use crate::admin::booking::Import;
use crate::admin::mail::{MailAccountChange, MailMessage, MailSharing};
use crate::admin::mail_incoming::RuleChange;
use crate::admin::mail_keys::NewMailKey;
use crate::admin::mail_queue::QueueAction;
use concierge_mail_incoming::rules::RateOf;

fn selector(text: &str) -> AccountSelector {
    text.parse().unwrap()
}

#[test]
fn every_call_crosses_http_and_back() {
    let id = || "CKEXAMPLE".parse::<AccessKeyId>().unwrap();
    let import = ImportedKey {
        id: id(),
        secret: "it's + a/secret%".replace(' ', "~").parse().unwrap(),
    };
    for sent in [
        Call::Status,
        Call::ListAccounts,
        Call::CreateAccount {
            name: "ann".parse().unwrap(),
            role: Role::User,
        },
        Call::SetAccountDisabled {
            account: selector("ann+b@example.org"),
            disabled: true,
        },
        Call::DeleteAccount {
            account: selector("0190b1e7c0de7000800000000000aaaa"),
        },
        Call::SetPassword {
            account: selector("ann+b@example.org"),
            password: "it's \"a/password% é".parse().unwrap(),
        },
        Call::ListAppPasswords { account: None },
        Call::ListAppPasswords {
            account: Some(selector("ann")),
        },
        Call::CreateAppPassword {
            account: selector("ann"),
            name: "mail on the phone".parse().unwrap(),
        },
        Call::DeleteAppPassword {
            id: "0190b1e7c0de70008000000000000001".parse().unwrap(),
        },
        Call::ListKeys { account: None },
        Call::ListKeys {
            account: Some(selector("ann+b@example.org")),
        },
        Call::CreateKey {
            account: selector("ann"),
            import: None,
        },
        Call::CreateKey {
            account: selector("ann"),
            import: Some(import),
        },
        Call::SetKeyDisabled {
            id: id(),
            disabled: false,
        },
        Call::DeleteKey { id: id() },
        Call::ListBuckets {
            account: Some(selector("ann")),
        },
        Call::ListTokens,
        Call::CreateToken {
            name: "a.b".to_owned(),
            grants: vec!["concierge:objects/blobs".to_owned()],
            accounts: vec![selector("ann")],
        },
        Call::DeleteToken {
            name: "a.b".to_owned(),
        },
        Call::ImportBooking {
            imports: vec![Import::Allotments {
                hotel: "inn".parse().unwrap(),
                allotments: vec![Allotment {
                    room_type: "double".parse().unwrap(),
                    first: "2026-12-24".parse().unwrap(),
                    last: "2026-12-26".parse().unwrap(),
                    rooms: Some(2),
                }],
            }],
        },
        Call::RebuildMailIndex,
        Call::ShowMailIndex,
        Call::ListMailRules,
        Call::ChangeMailRules {
            change: RuleChange::Block("spam.example".into()),
        },
        Call::ChangeMailRules {
            change: RuleChange::PerMinute {
                of: RateOf::Messages,
                count: Some(7),
            },
        },
        Call::ChangeMailRules {
            change: RuleChange::Forward {
                address: "a@b.example".into(),
                to: vec!["c@d.example".into()],
            },
        },
        Call::ListIncomingMail,
        Call::ListMailKeys,
        Call::CreateMailKey {
            key: NewMailKey {
                domain: "b.example".into(),
                algorithm: "rsa".into(),
            },
        },
        Call::DeleteMailKey {
            domain: "b.example".into(),
            selector: "s1".into(),
        },
        Call::ShowMailRecords {
            domain: "b.example".into(),
        },
        Call::ListMailQueue { account: None },
        Call::ListMailQueue {
            account: Some(selector("ann")),
        },
        Call::ShowQueuedMail {
            account: selector("ann"),
            id: "0190b1e7c0de7000800000000000aaaa".into(),
        },
        Call::ChangeMailQueue {
            account: selector("ann"),
            id: "S01a/b".to_owned(),
            recipient: Some("x@example.org".to_owned()),
            action: QueueAction::Retry,
        },
        Call::ListMailAccounts,
        Call::PutMailAccount {
            account: selector("ann"),
            change: MailAccountChange {
                addresses: vec!["ann@example.org".to_owned()],
                emails_max: None,
                octets_max: Some(1),
            },
        },
        Call::ShareMail {
            account: selector("ann"),
            with: selector("bob+c@example.org"),
            sharing: MailSharing::Read,
        },
        Call::ImportMail {
            account: selector("ann"),
            messages: vec![MailMessage {
                mailbox: vec!["Lists".to_owned(), "a/b".to_owned()],
                keywords: vec!["$seen".to_owned()],
                received_us: Some(1),
                bytes: b"Subject: \xff\r\n\r\n".to_vec(),
            }],
        },
        Call::ExportMail {
            account: selector("ann"),
            after: None,
        },
        Call::ExportMail {
            account: selector("ann"),
            after: Some("e1-2".to_owned()),
        },
        Call::ListDestroyedMail {
            account: selector("ann"),
        },
        Call::RestoreMail {
            account: selector("ann"),
            ids: vec!["s1".to_owned()],
        },
        Call::ListHotels,
        Call::ChangeHotelStaff {
            hotel: "inn".parse().unwrap(),
            add: vec![selector("ann")],
            remove: vec![selector("bob")],
        },
    ] {
        let request = request(&sent);
        let (path, query) = request
            .target
            .split_once('?')
            .unwrap_or((&request.target, ""));
        let body = request
            .body
            .map(|body| body.to_string())
            .unwrap_or_default();
        assert_eq!(
            call(&request.method, path, query, body.as_bytes()).unwrap(),
            sent
        );
    }
}

#[test]
fn wrong_requests_are_refused() {
    let at = |method: Method, path: &str, query: &str, body: &str| {
        call(&method, &format!("{PREFIX}{path}"), query, body.as_bytes())
            .unwrap_err()
            .code
    };
    assert_eq!(at(Method::GET, "nothing", "", ""), ErrorCode::NotFound);
    assert_eq!(at(Method::DELETE, "accounts", "", ""), ErrorCode::NotFound);
    assert_eq!(at(Method::POST, "accounts", "", ""), ErrorCode::Invalid);
    assert_eq!(
        at(
            Method::POST,
            "accounts",
            "",
            r#"{"name":"A B","role":"user"}"#
        ),
        ErrorCode::Invalid
    );
    assert_eq!(
        at(
            Method::POST,
            "accounts",
            "",
            r#"{"name":"ann","role":"user","x":1}"#
        ),
        ErrorCode::Invalid
    );
    assert_eq!(
        at(
            Method::POST,
            "keys",
            "",
            r#"{"account":"ann","access_key_id":"my-key"}"#
        ),
        ErrorCode::Invalid
    );
    assert_eq!(
        at(
            Method::PUT,
            "accounts/ann/password",
            "",
            r#"{"password":"short"}"#
        ),
        ErrorCode::Invalid
    );
    assert_eq!(
        at(Method::DELETE, "app-passwords/phone", "", ""),
        ErrorCode::Invalid
    );
    assert_eq!(
        at(Method::GET, "keys", "acount=ann", ""),
        ErrorCode::Invalid
    );
    assert_eq!(
        at(Method::GET, "keys", "account=ann&x=1", ""),
        ErrorCode::Invalid
    );
    assert_eq!(at(Method::DELETE, "keys/%ff", "", ""), ErrorCode::Invalid);
}
