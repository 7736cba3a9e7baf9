//! What all of these tests need.

use mail_api::bindings::concierge::mail::accounts::{Account, Changes, Outcomes, Reason, Refusal};
use mail_api::bindings::concierge::mail::mailboxes::{Mailbox, Rights};
use mail_api::bindings::concierge::mail::submissions::{Envelope, Path, Submission, UndoStatus};
use mail_api::host::State;
use mail_api::jmap::request::Request;
use mail_api::jmap::run::run;
use mail_api::scripted::{self, Scripted};
use serde_json::{Value, json};

const USING: [&str; 4] = [
    "urn:ietf:params:jmap:core",
    "urn:ietf:params:jmap:mail",
    "urn:ietf:params:jmap:submission",
    "urn:ietf:params:jmap:vacationresponse",
];

/// The responses to method calls, of someone whose account is `a` and who may read `r`.
pub fn responses(host: &Scripted, calls: Value) -> Vec<Value> {
    let account = |id: &str, read_only: bool| Account {
        id: id.to_owned(),
        name: id.to_owned(),
        personal: !read_only,
        read_only,
        addresses: vec![format!("{id}@example.com")],
    };
    let accounts = [account("a", false), account("r", true)];
    let request = json!({"using": USING, "methodCalls": calls}).to_string();
    let request = Request::read(request.as_bytes()).unwrap();
    let response = scripted::run(run(host, "token", &accounts, "s", request));
    host.finish();
    response["methodResponses"].as_array().cloned().unwrap()
}

/// The answer to one method call, which must be one of the method.
pub fn answer(host: &Scripted, method: &str, arguments: Value) -> Value {
    let responses = responses(host, json!([[method, arguments, "0"]]));
    let [response] = responses.as_slice() else {
        panic!("one response, not {responses:?}");
    };
    assert_eq!(response[0], method, "{response}");
    response[1].clone()
}

/// The type of the error of one method call.
pub fn error(host: &Scripted, method: &str, arguments: Value) -> String {
    let responses = responses(host, json!([[method, arguments, "0"]]));
    assert_eq!(responses[0][0], "error", "{responses:?}");
    responses[0][1]["type"].as_str().unwrap().to_owned()
}

/// Changes of nothing, which a test adds to.
pub fn no_changes(old_state: State, new_state: State) -> Changes {
    Changes {
        old_state,
        new_state,
        has_more: false,
        created: Vec::new(),
        updated: Vec::new(),
        destroyed: Vec::new(),
        only_counts: false,
    }
}

/// What a set-like call of the host answers.
pub fn outcomes(
    old_state: State,
    new_state: State,
    items: impl IntoIterator<Item = Result<&'static str, Refusal>>,
) -> Outcomes {
    Outcomes {
        old_state,
        new_state,
        items: items
            .into_iter()
            .map(|item| item.map(str::to_owned))
            .collect(),
    }
}

/// Why something was not done, without more.
pub fn refusal(reason: Reason) -> Refusal {
    Refusal {
        reason,
        description: String::new(),
        properties: Vec::new(),
        subjects: Vec::new(),
        limit: 0,
    }
}

/// Texts.
pub fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A mailbox in which everything is allowed.
pub fn mailbox(id: &str, name: &str, parent: Option<&str>) -> Mailbox {
    Mailbox {
        id: id.to_owned(),
        name: name.to_owned(),
        parent: parent.map(str::to_owned),
        role: None,
        sort_order: 0,
        total_emails: 4,
        unread_emails: 3,
        total_threads: 2,
        unread_threads: 1,
        rights: Rights {
            may_read_items: true,
            may_add_items: true,
            may_remove_items: true,
            may_set_seen: true,
            may_set_keywords: true,
            may_create_child: true,
            may_rename: true,
            may_delete: true,
            may_submit: true,
        },
        subscribed: true,
    }
}

/// A submission that can still be taken back, to one recipient.
pub fn submission(id: &str) -> Submission {
    let path = |email: &str| Path {
        email: email.to_owned(),
        parameters: Vec::new(),
    };
    Submission {
        id: id.to_owned(),
        sender_id: "i1".to_owned(),
        email_id: "e1".to_owned(),
        thread_id: "t1".to_owned(),
        envelope: Envelope {
            mail_from: path("john@example.com"),
            rcpt_to: vec![path("jane@example.com")],
        },
        send_at_us: 1_414_649_520_000_000,
        undo_status: UndoStatus::Pending,
        deliveries: Vec::new(),
        dsn_blobs: Vec::new(),
        mdn_blobs: Vec::new(),
    }
}
