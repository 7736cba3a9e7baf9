//! How long a change takes to those who listen: from the request's first byte to the event at the client.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use memchr::memmem;
use serde_json::json;

use super::calls::{Call, Client};
use crate::load::Sample;
use crate::report::{Aim, Outcome, Report, rows};

/// An event that is not there by then never comes.
const EVENT_LIMIT: Duration = Duration::from_secs(10);
const READ_BYTES: usize = 64 << 10;
/// What comes before the state of emails in an event.
const EMAIL_STATE: &str = "\"Email\":\"";
/// Medians that we stay below.
const AIM_PUSH_MS: f64 = 50.0;
/// The case.
const CASE: &str = "change to push";
const ANSWER: &str = "answer to the change";
const EVENT_SOURCE: &str = "EventSource";
const WEB_SOCKET: &str = "WebSocket";

/// Changes a message again and again while an EventSource and a WebSocket listen.
pub fn measure(client: &Client, changes: u32, report: &mut Report) -> Result<()> {
    let page = client.answers(&client.page(0, 1))?;
    let id = page[0]["ids"][0].as_str().context("no message")?;
    let mut listeners = [
        (EVENT_SOURCE, Listener::event_source(client)?),
        (WEB_SOCKET, Listener::web_socket(client)?),
    ];
    let mut samples = [ANSWER, EVENT_SOURCE, WEB_SOCKET].map(|_| Sample::new(&["change"]));
    let mut changing = Connected::open(client.addr)?;
    // The first is not counted: with it the server sees all for the first time.
    for number in 0..=changes {
        let flag = (number % 2 == 0).then_some(true);
        let patch = json!({ id: { "keywords/$flagged": flag } });
        let call = client.request(vec![("Email/set", json!({ "update": patch }))]);
        let begun = Instant::now();
        let answer = changing.ask(&call)?;
        let mut took = vec![begun.elapsed()];
        let state = new_state(&answer)?;
        for (name, listener) in &mut listeners {
            let seen = listener
                .wait_for(&state)
                .with_context(|| format!("{name}: {state}"))?;
            took.push(seen.saturating_duration_since(begun));
        }
        if number > 0 {
            for (sample, took) in samples.iter_mut().zip(took) {
                sample.operations[0].record(took, 0);
                sample.elapsed += took;
            }
        }
    }
    let names = [ANSWER, EVENT_SOURCE, WEB_SOCKET];
    let outcomes: Vec<_> = names
        .into_iter()
        .zip(samples)
        .map(|(name, sample)| Outcome {
            server: name.into(),
            samples: vec![sample],
        })
        .collect();
    report.rows.extend(rows(CASE, &outcomes));
    for name in [EVENT_SOURCE, WEB_SOCKET] {
        if let Some(row) = report.row(CASE, name) {
            let (p50, p99) = (row.p50_us / 1e3, row.p99_us / 1e3);
            let aim = |what, ms| Aim::below(format!("{CASE}, {name}, {what}, ms"), ms, AIM_PUSH_MS);
            report
                .aims
                .extend([aim("median", p50), aim("99th percentile", p99)]);
        }
    }
    Ok(())
}

/// The state that an `Email/set` led to.
fn new_state(answer: &[u8]) -> Result<String> {
    let answer: serde_json::Value = serde_json::from_slice(answer)?;
    let set = &answer["methodResponses"][0][1];
    ensure!(
        set["notUpdated"].is_null(),
        "the change was refused: {answer}"
    );
    let state = set["newState"].as_str();
    Ok(state
        .with_context(|| format!("no new state: {answer}"))?
        .to_owned())
}

/// A connection whose requests are waited for.
pub struct Connected {
    stream: TcpStream,
}

impl Connected {
    pub fn open(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(EVENT_LIMIT))?;
        Ok(Self { stream })
    }

    /// Makes a call whose answer says its length.
    pub fn ask(&mut self, call: &Call) -> Result<Vec<u8>> {
        self.stream
            .write_all(&[call.head.as_bytes(), &call.body].concat())?;
        let (head, mut body) = self.head()?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>().ok())?
        });
        let length = length.with_context(|| format!("an answer without a length: {head}"))?;
        let mut buffer = vec![0; READ_BYTES];
        while body.len() < length {
            let read = self.stream.read(&mut buffer)?;
            ensure!(read > 0, "the answer ended early");
            body.extend_from_slice(&buffer[..read]);
        }
        Ok(body)
    }

    /// Sends the head of a request; gives the head of the answer and what came behind it.
    pub fn begin(&mut self, head: &str) -> Result<(String, Vec<u8>)> {
        self.stream.write_all(head.as_bytes())?;
        self.head()
    }

    fn head(&mut self) -> Result<(String, Vec<u8>)> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = self.stream.read(&mut buffer)?;
            ensure!(read > 0, "the connection was closed");
            bytes.extend_from_slice(&buffer[..read]);
            if let Some(end) = memmem::find(&bytes, b"\r\n\r\n") {
                let body = bytes.split_off(end + 4);
                return Ok((String::from_utf8(bytes)?, body));
            }
        }
    }
}

/// What comes on a connection, with the time at which it came.
pub struct Listener {
    stream: TcpStream,
    pieces: Receiver<(Instant, Vec<u8>)>,
    seen: Vec<u8>,
}

impl Listener {
    /// An EventSource, which has begun.
    pub fn event_source(client: &Client) -> Result<Self> {
        let mut connected = Connected::open(client.addr)?;
        let (head, rest) = connected.begin(&client.event_source())?;
        ensure!(head.starts_with("HTTP/1.1 200 "), "no event stream: {head}");
        Self::new(connected.stream, rest)
    }

    fn web_socket(client: &Client) -> Result<Self> {
        let mut connected = Connected::open(client.addr)?;
        let (head, rest) = connected.begin(&client.web_socket())?;
        ensure!(head.starts_with("HTTP/1.1 101 "), "no WebSocket: {head}");
        let enable = json!({ "@type": "WebSocketPushEnable", "dataTypes": ["Email"] });
        connected
            .stream
            .write_all(&text_frame(&enable.to_string())?)?;
        Self::new(connected.stream, rest)
    }

    fn new(stream: TcpStream, rest: Vec<u8>) -> Result<Self> {
        let mut reader = stream.try_clone()?;
        reader.set_read_timeout(None)?;
        let (sender, pieces) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; READ_BYTES];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender
                    .send((Instant::now(), buffer[..read].to_vec()))
                    .is_err()
                {
                    return;
                }
            }
        });
        Ok(Self {
            stream,
            pieces,
            seen: rest,
        })
    }

    /// The next state of emails that it is told of and is not this one, and when it was.
    pub fn wait_for_other_than(&mut self, state: &str) -> Result<(String, Instant)> {
        loop {
            let (at, piece) = self.pieces.recv_timeout(EVENT_LIMIT)?;
            self.seen.extend_from_slice(&piece);
            let text = String::from_utf8_lossy(&self.seen);
            let told = text.rsplit_once(EMAIL_STATE).and_then(|(_, rest)| {
                let (told, _) = rest.split_once('"')?;
                (told != state).then(|| told.to_owned())
            });
            if let Some(told) = told {
                self.seen.clear();
                return Ok((told, at));
            }
        }
    }

    /// When it was told of a state of emails. Both ways tell it in the same words (RFC 8620 §7.1); what frames them
    /// comes before.
    fn wait_for(&mut self, state: &str) -> Result<Instant> {
        let wanted = format!("{EMAIL_STATE}{state}\"");
        loop {
            let (at, piece) = self.pieces.recv_timeout(EVENT_LIMIT)?;
            self.seen.extend_from_slice(&piece);
            if memmem::find(&self.seen, wanted.as_bytes()).is_some() {
                self.seen.clear();
                return Ok(at);
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Its reader ends with the connection.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

/// A text in one frame of a client (RFC 6455 §5.2): masked, with a key that changes nothing.
fn text_frame(text: &str) -> Result<Vec<u8>> {
    let Ok(length @ ..126) = u8::try_from(text.len()) else {
        bail!("a text too long for a short frame");
    };
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    Ok(frame)
}
