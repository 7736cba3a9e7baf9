//! What the target of JMAP does. Beside the others so that the tests of `components/mail-api` can run it without the rest.

use std::collections::BTreeSet;

use mail_api::bindings::concierge::mail::accounts::{
    Account, Changes, DataType, Error, Outcomes, Quota, Reason, Refusal,
};
use mail_api::bindings::concierge::mail::emails::{
    self, BodyValue, Copied, Detail, Done, Edited, Email, Field, Made, Part, Thread,
};
use mail_api::bindings::concierge::mail::events::{Push, PushPatch, Subscription};
use mail_api::bindings::concierge::mail::mailboxes::{self, Mailbox, Rights};
use mail_api::bindings::concierge::mail::messages::{
    Blob, Content, Digests, Found, Piece, Range, References,
};
use mail_api::bindings::concierge::mail::search::{
    Filter, Page, Query, QueryChanges, Snippet, Window,
};
use mail_api::bindings::concierge::mail::submissions::{
    self, Envelope, Path, Sender, SenderEdit, Submission, UndoStatus, Vacation,
};
use mail_api::host::{AuthenticationError, Credentials, Host, Principal, ReadError, State};
use mail_api::jmap::request::{Invocation, Request};
use mail_api::jmap::run::run;
use mail_api::scripted;
use serde_json::{Map, Value};

/// A request of the API: each call is answered, in their order, and of a `/set` each object.
pub fn jmap(data: &[u8]) {
    let (Ok(request), Some(response)) = (Request::read(data), answer(data)) else {
        return;
    };
    let responses = response["methodResponses"].as_array().expect("responses");
    let mut responses = responses.iter();
    for call in &request.calls {
        let [name, arguments, _] = own_response(call, &mut responses);
        match name.as_str() {
            Some("error") => assert!(arguments["type"].is_string(), "{arguments}"),
            Some(name) if name.ends_with("/set") => each_object(&call.arguments, arguments),
            _ => {}
        }
    }
}

/// The Response, where the bytes are a Request.
pub fn answer(data: &[u8]) -> Option<Value> {
    let request = Request::read(data).ok()?;
    let accounts = [account("a", false), account("r", true)];
    Some(scripted::run(run(&Full, "token", &accounts, "s", request)))
}

/// The response to a call. Those that follow from an earlier call have its id, and come before.
fn own_response<'r>(
    call: &Invocation,
    responses: &mut impl Iterator<Item = &'r Value>,
) -> &'r [Value; 3] {
    loop {
        let response = responses.next().expect("a call is not answered");
        let response = response.as_array().expect("a response is an array");
        let parts: &[Value; 3] = response.as_slice().try_into().expect("of three");
        assert!(parts[1].is_object(), "the arguments of a response");
        if parts[2] == call.id.as_str() && (parts[0] == call.name.as_str() || parts[0] == "error") {
            return parts;
        }
    }
}

/// What is to be created and destroyed is either done or refused (RFC 8620 §5.3).
fn each_object(arguments: &Map<String, Value>, answer: &Value) {
    let keys = |value: &Value| -> BTreeSet<String> {
        let members = value.as_object();
        members.map_or_else(BTreeSet::new, |members| members.keys().cloned().collect())
    };
    if let Some(wanted) = arguments.get("create") {
        let (done, refused) = (keys(&answer["created"]), keys(&answer["notCreated"]));
        assert!(done.is_disjoint(&refused), "{answer}");
        assert_eq!(&done | &refused, keys(wanted), "{answer}");
    }
    let texts = |value: &Value| -> BTreeSet<String> {
        let items = value.as_array().map_or(&[][..], Vec::as_slice);
        let texts = items.iter().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    };
    if let Some(wanted) = arguments.get("destroy") {
        let wanted = texts(wanted);
        if wanted.iter().all(|id| !id.starts_with('#')) {
            let (done, refused) = (texts(&answer["destroyed"]), keys(&answer["notDestroyed"]));
            assert_eq!(&done | &refused, wanted, "{answer}");
        }
    }
}

/// A host that has whatever it is asked for. Of what it is to change it refuses every third thing.
struct Full;

const STATE: State = 7;

fn account(id: &str, read_only: bool) -> Account {
    Account {
        id: id.to_owned(),
        name: id.to_owned(),
        personal: !read_only,
        read_only,
        addresses: vec!["ann@example.org".to_owned()],
    }
}

fn changes(since: State) -> Changes {
    Changes {
        old_state: since,
        new_state: STATE,
        has_more: false,
        created: vec!["c".to_owned()],
        updated: vec!["m1".to_owned()],
        destroyed: vec!["d".to_owned()],
        only_counts: since % 2 == 1,
    }
}

fn refusal(number: usize) -> Refusal {
    let reasons = [
        Reason::InvalidProperties,
        Reason::BlobNotFound,
        Reason::TooManyRecipients,
        Reason::InvalidRecipients,
        Reason::AlreadyExists,
        Reason::MailboxHasChild,
        Reason::TooLarge,
    ];
    Refusal {
        reason: reasons[number / 3 % reasons.len()],
        description: "No.".to_owned(),
        properties: vec!["name".to_owned()],
        subjects: vec!["m1".to_owned()],
        limit: 1,
    }
}

fn items<T, D>(of: &[T], done: impl Fn(usize) -> D) -> Vec<Result<D, Refusal>> {
    (0..of.len())
        .map(|number| match number % 3 {
            2 => Err(refusal(number)),
            _ => Ok(done(number)),
        })
        .collect()
}

/// `id` is that of what is changed; none: of what is new.
fn outcomes<T>(edits: &[T], id: impl Fn(&T) -> Option<&str>) -> Outcomes {
    let done = |number| id(&edits[number]).map_or(format!("n{number}"), str::to_owned);
    Outcomes {
        old_state: STATE,
        new_state: STATE + 1,
        items: items(edits, done),
    }
}

fn edited<T>(edits: &[T], done: impl Fn(usize) -> Done) -> Edited {
    Edited {
        old_state: STATE,
        new_state: STATE + 1,
        items: items(edits, done),
    }
}

fn made(number: usize) -> Done {
    Done::Made(Made {
        id: format!("n{number}"),
        blob_id: "b".to_owned(),
        thread_id: "t".to_owned(),
        size: 1,
    })
}

fn mailbox(id: &str, parent: Option<&str>) -> Mailbox {
    Mailbox {
        id: id.to_owned(),
        name: format!("Box {id}"),
        parent: parent.map(str::to_owned),
        role: (id == "m1").then(|| "inbox".to_owned()),
        sort_order: 10,
        total_emails: 3,
        unread_emails: 2,
        total_threads: 2,
        unread_threads: 1,
        rights: Rights {
            may_read_items: true,
            may_add_items: true,
            may_remove_items: true,
            may_set_seen: true,
            may_set_keywords: true,
            may_create_child: true,
            may_rename: false,
            may_delete: true,
            may_submit: true,
        },
        subscribed: true,
    }
}

fn field(name: &str, value: &str) -> Field {
    Field {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

fn part(id: Option<&str>, depth: u32, content_type: &str) -> Part {
    let text = content_type == "text/plain";
    Part {
        id: id.map(str::to_owned),
        depth,
        blob_id: id.map(|id| format!("p{id}")),
        size: 5,
        headers: vec![
            field("Content-Type", content_type),
            field("X-A", " =?utf-8?q?=C3"),
        ],
        name: id.map(|_| "a/b.txt".to_owned()),
        content_type: content_type.to_owned(),
        charset: text.then(|| "utf-8".to_owned()),
        disposition: None,
        cid: None,
        language: Vec::new(),
        location: None,
        in_text_body: text,
        in_html_body: text,
        in_attachments: id.is_some() && !text,
    }
}

fn email(id: &str, detail: &Detail) -> Email {
    let parts = [
        part(None, 0, "multipart/mixed"),
        part(None, 1, "multipart/alternative"),
        part(Some("1"), 2, "text/plain"),
        part(Some("2"), 1, "message/rfc822"),
    ];
    Email {
        id: id.to_owned(),
        blob_id: format!("b{id}"),
        thread_id: "t".to_owned(),
        mailboxes: vec!["m1".to_owned()],
        keywords: vec!["$seen".to_owned(), "a/b~".to_owned()],
        size: 100,
        received_us: 1_700_000_000_000_000,
        headers: vec![
            field(
                "From",
                " =?utf-8?q?J=C3=BCrgen?= <j@example.org>, g: a@b;\r\n",
            ),
            field("Subject", " Re: \u{fffd}\r\n x"),
            field("Date", " Thu, 26 Nov 2026 03:04:05 +0100"),
            field("Message-ID", " <1@x>"),
            field("References", " <2@x>\r\n <3@x>"),
            field("List-Post", " <mailto:x@y>"),
        ],
        has_attachment: true,
        preview: "Köln".to_owned(),
        parts: if detail.structure {
            parts.to_vec()
        } else {
            Vec::new()
        },
        texts: vec![BodyValue {
            part_id: "1".to_owned(),
            value: "Köln".to_owned(),
            encoding_problem: false,
            truncated: true,
        }],
    }
}

fn sender(id: &str) -> Sender {
    Sender {
        id: id.to_owned(),
        name: "Ann".to_owned(),
        email: "ann@example.org".to_owned(),
        reply_to: Vec::new(),
        bcc: Vec::new(),
        text_signature: String::new(),
        html_signature: String::new(),
        may_delete: true,
    }
}

fn submission(id: &str) -> Submission {
    let path = Path {
        email: "ann@example.org".to_owned(),
        parameters: vec![("HOLDFOR".to_owned(), Some("1".to_owned()))],
    };
    Submission {
        id: id.to_owned(),
        sender_id: "i".to_owned(),
        email_id: "e".to_owned(),
        thread_id: "t".to_owned(),
        envelope: Envelope {
            mail_from: path.clone(),
            rcpt_to: vec![path],
        },
        send_at_us: 1_700_000_000_000_000,
        undo_status: UndoStatus::Pending,
        deliveries: Vec::new(),
        dsn_blobs: Vec::new(),
        mdn_blobs: Vec::new(),
    }
}

fn push(id: &str) -> Push {
    Push {
        id: id.to_owned(),
        device_client_id: "d".to_owned(),
        url: "https://push.example.org/".to_owned(),
        keys: None,
        verification_code: None,
        expires_us: scripted::NOW_US,
        types: vec![DataType::Email],
    }
}

fn blob(number: usize) -> Blob {
    Blob {
        id: format!("b{number}"),
        size: 1,
    }
}

/// Functions that give what they are asked for, and never fail.
macro_rules! full {
    ($($name:ident($($given:ident: $of:ty),*) -> $answer:ty { $value:expr })+) => {
        impl Host for Full {
            type Incoming = Vec<u8>;
            type Outgoing = Vec<u8>;

            async fn read(&self, body: Vec<u8>, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
                match body.len() > bytes_max {
                    true => Err(ReadError::TooLong),
                    false => Ok(body),
                }
            }

            fn now_us(&self) -> u64 {
                scripted::NOW_US
            }

            async fn authenticate(
                &self,
                _credentials: Credentials,
                _client: String,
            ) -> Result<Principal, AuthenticationError> {
                Err(AuthenticationError::Refused)
            }

            $(async fn $name(&self, _token: &str, $($given: $of),*) -> Result<$answer, Error> {
                Ok($value)
            })+
        }
    };
}

full! {
    accounts() -> Vec<Account> { vec![account("a", false)] }
    states(_account: &str) -> Vec<(DataType, State)> {
        [
            DataType::Mailbox,
            DataType::Email,
            DataType::Thread,
            DataType::EmailSubmission,
            DataType::Identity,
            DataType::VacationResponse,
            DataType::Quota,
        ]
        .map(|data_type| (data_type, STATE))
        .to_vec()
    }
    quotas(_account: &str) -> Vec<Quota> {
        vec![Quota {
            id: "q".to_owned(),
            resource: "octets".to_owned(),
            used: 1,
            hard_limit: 3,
            warn_limit: 2,
            name: "Mail".to_owned(),
        }]
    }
    mailboxes(_account: &str) -> (Vec<Mailbox>, State) {
        (vec![mailbox("m1", None), mailbox("m2", Some("m1"))], STATE)
    }
    mailboxes_changed(_account: &str, since: State, _max: u32) -> Changes { changes(since) }
    set_mailboxes(_account: &str, _if: Option<State>, edits: Vec<mailboxes::Edit>) -> Outcomes {
        outcomes(&edits, |edit| match edit {
            mailboxes::Edit::Create(_) => None,
            mailboxes::Edit::Update(patch) => Some(&patch.id),
            mailboxes::Edit::Destroy(removal) => Some(&removal.id),
        })
    }
    emails(_account: &str, ids: Vec<String>, detail: Detail) -> (Vec<Email>, State) {
        (ids.iter().map(|id| email(id, &detail)).collect(), STATE)
    }
    parse_emails(_account: &str, blobs: Vec<String>, detail: Detail) -> Vec<Result<Email, Refusal>> {
        items(&blobs, |_| email("", &detail))
    }
    emails_changed(_account: &str, since: State, _max: u32) -> Changes { changes(since) }
    set_emails(_account: &str, _if: Option<State>, edits: Vec<emails::Edit>) -> Edited {
        edited(&edits, |number| match &edits[number] {
            emails::Edit::Create(_) | emails::Edit::Import(_) => made(number),
            emails::Edit::Update(patch) => Done::Changed(patch.id.clone()),
            emails::Edit::Destroy(id) => Done::Destroyed(id.clone()),
        })
    }
    copy_emails(_from: &str, _to: &str, _if_from: Option<State>, _if: Option<State>, emails: Vec<Copied>) -> Edited {
        edited(&emails, made)
    }
    threads(_account: &str, ids: Vec<String>) -> (Vec<Thread>, State) {
        (ids.into_iter().map(|id| Thread { id, emails: vec!["e".to_owned()] }).collect(), STATE)
    }
    threads_changed(_account: &str, since: State, _max: u32) -> Changes { changes(since) }
    query_emails(_account: &str, _query: Query, window: Window) -> Page {
        Page {
            query_state: STATE,
            can_calculate_changes: true,
            position: window.position.unsigned_abs(),
            ids: vec!["e".to_owned(), "f".to_owned()],
            total: window.calculate_total.then_some(2),
        }
    }
    email_query_changes(_account: &str, _query: Query, since: State, _max: Option<u32>, _up_to: Option<String>, total: bool) -> QueryChanges {
        QueryChanges {
            old_query_state: since,
            new_query_state: STATE,
            total: total.then_some(2),
            removed: vec!["e".to_owned()],
            added: Vec::new(),
        }
    }
    snippets(_account: &str, _filter: Filter, emails: Vec<String>) -> Vec<Snippet> {
        emails.into_iter().map(|email_id| Snippet { email_id, subject: None, preview: Some("<mark>x</mark>".to_owned()) }).collect()
    }
    upload(_account: &str, body: Vec<u8>) -> Blob { blob(body.len()) }
    download(_account: &str, _blob: &str, _range: Range) -> (Content, Vec<u8>) {
        (Content { length: 0, size: 0 }, Vec::new())
    }
    assemble(_account: &str, blobs: Vec<Vec<Piece>>) -> Vec<Result<Blob, Refusal>> { items(&blobs, blob) }
    blobs(_account: &str, blobs: Vec<String>, _range: Range, data: bool, digests: Digests) -> Vec<Found> {
        blobs.into_iter().map(|id| Found {
            id,
            size: 3,
            bytes: if data { vec![b'a', 0xff, 0] } else { Vec::new() },
            truncated: true,
            sha_1: digests.sha_1.then(|| vec![1; 20]),
            sha_256: digests.sha_256.then(|| vec![2; 32]),
        }).collect()
    }
    lookup_blobs(_account: &str, blobs: Vec<String>) -> Vec<References> {
        blobs.into_iter().map(|id| References {
            id,
            emails: vec!["e".to_owned()],
            threads: vec!["t".to_owned()],
            mailboxes: vec!["m1".to_owned()],
        }).collect()
    }
    copy_blobs(_from: &str, _to: &str, blobs: Vec<String>) -> Vec<Result<Blob, Refusal>> { items(&blobs, blob) }
    listen(_subscription: Subscription) -> Vec<u8> { Vec::new() }
    pushes() -> Vec<Push> { vec![push("s")] }
    create_push(given: Push) -> Push { Push { id: "s".to_owned(), ..given } }
    update_push(patch: PushPatch) -> Push { push(&patch.id) }
    delete_push(_id: &str) -> () { () }
    senders(_account: &str) -> (Vec<Sender>, State) { (vec![sender("i")], STATE) }
    senders_changed(_account: &str, since: State, _max: u32) -> Changes { changes(since) }
    set_senders(_account: &str, _if: Option<State>, edits: Vec<SenderEdit>) -> Outcomes {
        outcomes(&edits, |edit| match edit {
            SenderEdit::Create(_) => None,
            SenderEdit::Update(patch) => Some(&patch.id),
            SenderEdit::Destroy(id) => Some(id),
        })
    }
    submissions(_account: &str, ids: Vec<String>) -> (Vec<Submission>, State) {
        (ids.iter().map(|id| submission(id)).collect(), STATE)
    }
    submissions_changed(_account: &str, since: State, _max: u32) -> Changes { changes(since) }
    query_submissions(_account: &str, _filter: submissions::Filter) -> (Vec<String>, State) {
        (vec!["s".to_owned()], STATE)
    }
    set_submissions(_account: &str, _if: Option<State>, edits: Vec<submissions::Edit>) -> Outcomes {
        outcomes(&edits, |edit| match edit {
            submissions::Edit::Create(_) => None,
            submissions::Edit::Cancel(id) | submissions::Edit::Destroy(id) => Some(id),
        })
    }
    vacation(_account: &str) -> (Vacation, State) {
        (Vacation { enabled: true, from_us: Some(1), to_us: None, subject: None, text: Some("Away".to_owned()), html: None }, STATE)
    }
    set_vacation(_account: &str, _if: Option<State>, _vacation: Vacation) -> (State, State) { (STATE, STATE + 1) }
}
