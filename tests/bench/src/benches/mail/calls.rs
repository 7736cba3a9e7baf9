//! JMAP requests as bytes, and a client that makes one after the other.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::load::{Body, Keep, Plan, Reply, Request, Stop, Workload, drive};

/// What requests use (RFC 8620 §3.3).
const USING: [&str; 2] = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"];
/// The capability of RFC 8887.
const WEB_SOCKET: &str = "urn:ietf:params:jmap:websocket";
/// What a list of mail shows of each.
const SHOWN: [&str; 10] = [
    "id",
    "threadId",
    "mailboxIds",
    "keywords",
    "from",
    "to",
    "subject",
    "receivedAt",
    "preview",
    "hasAttachment",
];

/// An account, and who may use it.
#[derive(Clone)]
pub struct Client {
    pub addr: SocketAddr,
    authorization: String,
    /// Its application password.
    pub password: String,
    account: String,
    /// Paths of the session's URLs.
    api: String,
    upload: String,
    events: String,
    socket: String,
    /// The id of its inbox.
    pub inbox: String,
}

impl Client {
    /// Makes an account with mail, on a server with its data under `dir`.
    pub fn create(binary: &Path, dir: &Path, addr: SocketAddr, name: &str) -> Result<Self> {
        let run = |arguments: &[&str]| concierge(binary, dir, arguments);
        run(&["account", "create", name])?;
        let address = format!("{name}@example.org");
        run(&["mail", "account", name, "--address", &address])?;
        let made = run(&[
            "app-password",
            "create",
            "bench",
            "--account",
            name,
            "--json",
        ])?;
        let made: Value = serde_json::from_slice(&made)?;
        let password = made["password"].as_str().context("no password was made")?;
        let mut client = Self {
            addr,
            authorization: STANDARD.encode(format!("{name}:{password}")),
            password: password.to_owned(),
            account: String::new(),
            api: String::new(),
            upload: String::new(),
            events: String::new(),
            socket: String::new(),
            inbox: String::new(),
        };
        let session: Value = serde_json::from_slice(&client.ask(&client.session())?)?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("no session");
        client.account = text(&session["primaryAccounts"][USING[1]])?;
        client.api = path_of(&text(&session["apiUrl"])?);
        client.upload =
            path_of(&text(&session["uploadUrl"])?).replace("{accountId}", &client.account);
        client.events = path_of(&text(&session["eventSourceUrl"])?)
            .replace("{types}", "*")
            .replace("{closeafter}", "no")
            .replace("{ping}", "0");
        client.socket = path_of(&text(&session["capabilities"][WEB_SOCKET]["url"])?);
        let mailboxes = client.call("Mailbox/get", json!({ "ids": null }))?;
        let mut all = mailboxes["list"].as_array().into_iter().flatten();
        let inbox = all.find(|mailbox| mailbox["role"] == "inbox");
        client.inbox = text(&inbox.context("no inbox")?["id"])?;
        Ok(client)
    }

    /// A request without a body.
    pub fn get(&self, path: &str) -> Call {
        Call {
            head: format!(
                "GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Basic {}\r\n\r\n",
                self.addr, self.authorization
            ),
            body: Arc::from([]),
            expect_status: 200,
        }
    }

    /// The session (RFC 8620 §2): the least that a signed-in request may be.
    pub fn session(&self) -> Call {
        self.get("/.well-known/jmap")
    }

    /// The head of a request for events (RFC 8620 §7.3).
    pub fn event_source(&self) -> String {
        self.get(&self.events).head
    }

    /// The head of a WebSocket's handshake (RFC 8887 §3). Its key is that of RFC 6455 §1.3.
    pub fn web_socket(&self) -> String {
        let Self {
            addr,
            authorization,
            socket,
            ..
        } = self;
        format!(
            "GET {socket} HTTP/1.1\r\nhost: {addr}\r\nauthorization: Basic {authorization}\r\n\
             connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: jmap\r\n\r\n"
        )
    }

    fn post(&self, path: &str, kind: &str, body: Vec<u8>, expect_status: u16) -> Call {
        Call {
            head: format!(
                "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Basic {}\r\ncontent-type: {kind}\r\n\
                 content-length: {}\r\n\r\n",
                self.addr,
                self.authorization,
                body.len()
            ),
            body: Arc::from(body),
            expect_status,
        }
    }

    /// A request of method calls, each a name and arguments; the account is added.
    pub fn request(&self, calls: Vec<(&str, Value)>) -> Call {
        let mut numbered = Vec::new();
        for (number, (method, mut arguments)) in calls.into_iter().enumerate() {
            arguments["accountId"] = json!(self.account);
            numbered.push(json!([method, arguments, number.to_string()]));
        }
        let body = json!({ "using": USING, "methodCalls": numbered });
        self.post(&self.api, "application/json", body.to_string().into(), 200)
    }

    /// The upload of a message (RFC 8620 §6.1).
    pub fn uploaded(&self, letter: Vec<u8>) -> Call {
        self.post(&self.upload, "message/rfc822", letter, 201)
    }

    /// A page of the inbox, newest first: the ids, and what a list shows of them.
    pub fn page(&self, position: u64, limit: u64) -> Call {
        let query = json!({
            "filter": { "inMailbox": self.inbox },
            "sort": [{ "property": "receivedAt", "isAscending": false }],
            "position": position, "limit": limit,
        });
        let get = json!({
            "#ids": { "resultOf": "0", "name": "Email/query", "path": "/ids" },
            "properties": SHOWN,
        });
        self.request(vec![("Email/query", query), ("Email/get", get)])
    }

    /// The newest messages that have a text.
    pub fn search(&self, text: &str, limit: u64, with_total: bool) -> Call {
        let query = json!({
            "filter": { "text": text },
            "sort": [{ "property": "receivedAt", "isAscending": false }],
            "limit": limit, "calculateTotal": with_total,
        });
        self.request(vec![("Email/query", query)])
    }

    /// Makes a call and gives the body of its answer.
    pub fn ask(&self, call: &Call) -> Result<Vec<u8>> {
        let mut once = Once {
            call: Some(call),
            answer: Vec::new(),
        };
        let plan = Plan {
            addr: self.addr,
            connections: 1,
            stop: Stop::WhenDone,
            pace: None,
        };
        let sample = drive(&plan, &mut once)?;
        match sample.first_error {
            Some(error) => bail!("{error}"),
            None => Ok(once.answer),
        }
    }

    /// The answers to the method calls of a request.
    pub fn answers(&self, call: &Call) -> Result<Vec<Value>> {
        let mut answer: Value = serde_json::from_slice(&self.ask(call)?)?;
        let Value::Array(responses) = answer["methodResponses"].take() else {
            bail!("no answer to method calls: {answer}");
        };
        for response in &responses {
            ensure!(response[0] != "error", "a method failed: {response}");
        }
        let answers = responses.into_iter().map(|mut response| response[1].take());
        Ok(answers.collect())
    }

    /// The answer to one method call.
    pub fn call(&self, method: &str, arguments: Value) -> Result<Value> {
        let mut answers = self.answers(&self.request(vec![(method, arguments)]))?;
        answers.pop().context("no answer")
    }
}

/// Runs a command of the program; gives what it printed.
pub fn concierge(binary: &Path, dir: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new(binary)
        .args(arguments)
        .arg("--data")
        .arg(dir.join("concierge-data"))
        .output()?;
    ensure!(
        output.status.success(),
        "{arguments:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}

/// The path of a URL, which may have an origin before it.
fn path_of(url: &str) -> String {
    let path = url
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    path.unwrap_or(url).to_owned()
}

/// A request.
#[derive(Clone)]
pub struct Call {
    pub head: String,
    pub body: Arc<[u8]>,
    expect_status: u16,
}

impl Call {
    /// Lays it out.
    pub fn lay_out(&self, operation: usize, request: &mut Request) {
        request.reset(operation);
        request.expect_status = self.expect_status;
        request.head.extend_from_slice(self.head.as_bytes());
        request.body = Body::repeat(Arc::clone(&self.body), self.body.len() as u64);
    }
}

/// One call.
struct Once<'a> {
    call: Option<&'a Call>,
    answer: Vec<u8>,
}

impl Workload for Once<'_> {
    fn operations(&self) -> &[&'static str] {
        &["call"]
    }

    fn next(&mut self, _connection: usize, request: &mut Request) -> bool {
        let Some(call) = self.call.take() else {
            return false;
        };
        call.lay_out(0, request);
        request.keep = Keep::Everything;
        true
    }

    fn finished(&mut self, _connection: usize, reply: Reply<'_>) -> Result<(), String> {
        self.answer.extend_from_slice(reply.kept);
        Ok(())
    }
}

/// Requests in turn, again and again. The answer to each must have a text as often as it says.
pub struct Repeated {
    calls: Vec<(Call, usize)>,
    next: usize,
    expected: Vec<usize>,
    text: &'static str,
}

impl Repeated {
    /// `calls`: with each how often its answer has `text`.
    pub fn new(calls: Vec<(Call, usize)>, text: &'static str) -> Self {
        Self {
            calls,
            next: 0,
            expected: Vec::new(),
            text,
        }
    }
}

impl Workload for Repeated {
    fn operations(&self) -> &[&'static str] {
        &["call"]
    }

    fn next(&mut self, connection: usize, request: &mut Request) -> bool {
        let (call, expected) = &self.calls[self.next % self.calls.len()];
        self.next += 1;
        call.lay_out(0, request);
        request.keep = Keep::Everything;
        if self.expected.len() <= connection {
            self.expected.resize(connection + 1, 0);
        }
        self.expected[connection] = *expected;
        true
    }

    fn finished(&mut self, connection: usize, reply: Reply<'_>) -> Result<(), String> {
        let (found, expected) = (
            memchr::memmem::find_iter(reply.kept, self.text).count(),
            self.expected[connection],
        );
        match found == expected {
            true => Ok(()),
            false => Err(format!("{found} of {expected} times {}", self.text)),
        }
    }
}
