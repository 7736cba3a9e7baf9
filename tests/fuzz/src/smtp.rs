//! What the target of SMTP does. Beside the others so that the tests of `host/smtp` can run it without the rest.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use concierge_smtp::server::{
    Accepted, Answer, Authenticated, Connection, Credentials, Envelope, Handler, Incoming,
    ServerOptions, Service, speak,
};
use concierge_smtp::{EnhancedCode, Recipient, Reply, Sender};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

/// The longest line of a reply, in octets (RFC 5321 §4.5.3.1.5), with room for a character of ours that is not ASCII.
const REPLY_LINE_MAX_BYTES: usize = 512;

/// What happened in a session.
#[derive(Debug, Default, PartialEq, Eq)]
struct Record {
    begun: usize,
    dropped: usize,
    connected: bool,
    disconnected: bool,
    messages: Vec<(Envelope, Vec<u8>)>,
}

type Shared = Arc<Mutex<Record>>;

fn with<T>(record: &Shared, change: impl FnOnce(&mut Record) -> T) -> T {
    change(&mut record.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Takes everything, but for the names that say otherwise.
struct Recorder(Shared);

struct Message {
    record: Shared,
    kept: Option<(Envelope, Vec<u8>)>,
}

impl Drop for Message {
    fn drop(&mut self) {
        if self.kept.is_some() {
            with(&self.record, |record| record.dropped += 1);
        }
    }
}

impl Incoming for Message {
    fn write(&mut self, bytes: Bytes) -> Answer<'_, Result<(), Reply>> {
        if let Some((_, kept)) = &mut self.kept {
            kept.extend_from_slice(&bytes);
        }
        Box::pin(async { Ok(()) })
    }

    fn finish(mut self: Box<Self>) -> Answer<'static, Result<Accepted, Reply>> {
        Box::pin(async move {
            let kept = self.kept.take();
            with(&self.record, |record| record.messages.extend(kept));
            let id = "m".to_owned();
            Ok(Accepted { id })
        })
    }
}

fn unless<'a>(is_bad: bool, code: u16) -> Answer<'a, Result<(), Reply>> {
    Box::pin(async move {
        match is_bad {
            true => Err(Reply::new(code, EnhancedCode(5, 7, 1), "no\r\nand\0no")),
            false => Ok(()),
        }
    })
}

impl Handler for Recorder {
    fn connect<'a>(&'a self, _: &'a Connection) -> Answer<'a, Result<(), Reply>> {
        with(&self.0, |record| record.connected = true);
        unless(false, 554)
    }

    fn authenticate<'a>(
        &'a self,
        _: &'a Connection,
        credentials: Credentials,
    ) -> Answer<'a, Result<Authenticated, Reply>> {
        Box::pin(async move {
            unless(credentials.password != "secret", 535).await?;
            Ok(Authenticated {
                account: Uuid::nil(),
                name: credentials.user,
            })
        })
    }

    fn sender<'a>(
        &'a self,
        _: &'a Connection,
        sender: &'a Sender,
    ) -> Answer<'a, Result<(), Reply>> {
        unless(sender.address.starts_with("no@"), 550)
    }

    fn recipient<'a>(
        &'a self,
        _: &'a Connection,
        _: &'a Sender,
        recipient: &'a Recipient,
    ) -> Answer<'a, Result<(), Reply>> {
        unless(recipient.address.starts_with("no@"), 550)
    }

    fn message<'a>(
        &'a self,
        _: &'a Connection,
        envelope: Envelope,
    ) -> Answer<'a, Result<Box<dyn Incoming>, Reply>> {
        Box::pin(async move {
            unless(envelope.sender.address.starts_with("late@"), 450).await?;
            with(&self.0, |record| record.begun += 1);
            Ok(Box::new(Message {
                record: Arc::clone(&self.0),
                kept: Some((envelope, Vec::new())),
            }) as Box<dyn Incoming>)
        })
    }

    fn disconnect(&self, _: &Connection) {
        with(&self.0, |record| record.disconnected = true);
    }
}

/// What the server says to `input` in pieces of `size` octets, and what happened.
async fn talk(service: Service, input: &[u8], size: usize) -> (Vec<u8>, Record) {
    let mut options = ServerOptions::new(service, "mx.example");
    options.plain_on_loopback = true;
    options.limits.message_max_bytes = 1_000;
    options.limits.recipients_max = 3;
    let record = Shared::default();
    let handler = Arc::new(Recorder(Arc::clone(&record)));
    let address = SocketAddr::from(([127, 0, 0, 1], 25));
    let (client, server) = tokio::io::duplex(64 * 1024);
    let (mut reader, mut writer) = tokio::io::split(client);
    let send = async move {
        for piece in input.chunks(size) {
            if writer.write_all(piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        let _ = writer.shutdown().await;
    };
    let mut said = Vec::new();
    let connection = Connection {
        number: 1,
        service,
        peer: address,
        local: address,
        hello: String::new(),
        is_extended: false,
        tls: None,
        authenticated: None,
    };
    let served = speak(options, handler, connection, server);
    let ((), read, ()) = tokio::join!(send, reader.read_to_end(&mut said), served);
    read.expect("memory is read");
    let record = with(&record, std::mem::take);
    (said, record)
}

/// A session, in pieces as the first octet says and at once: it is answered in the same way, every reply is one, and what
/// is kept has no CR and no LF by itself, which others would take for an end.
pub fn session(data: &[u8]) {
    let Some((&first, input)) = data.split_first() else {
        return;
    };
    let size = usize::from(first % 32) + 1;
    let service = match first & 32 {
        0 => Service::Exchange,
        _ => Service::Submission,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime starts");
    let whole = runtime.block_on(talk(service, input, input.len().max(1)));
    let pieces = runtime.block_on(talk(service, input, size));
    assert_eq!(whole, pieces, "the pieces decide");
    let (said, record) = whole;
    check_replies(&said);
    assert!(record.connected && record.disconnected);
    assert_eq!(record.begun, record.dropped + record.messages.len());
    for (envelope, message) in &record.messages {
        assert!((1..=3).contains(&envelope.recipients.len()));
        assert!(message.len() <= 1_000);
        check_lines(message);
    }
}

fn check_replies(said: &[u8]) {
    let said = std::str::from_utf8(said).expect("replies are text");
    assert!(said.ends_with("\r\n"), "a reply is cut off");
    for line in said.split_terminator("\r\n") {
        assert!(line.len() <= REPLY_LINE_MAX_BYTES && !line.contains(char::is_control));
        let (code, text) = line.split_at(3);
        let code: u16 = code.parse().expect("a reply has a code");
        assert!((200..600).contains(&code) && text.starts_with([' ', '-']));
    }
}

fn check_lines(message: &[u8]) {
    let mut rest = message;
    while let Some(at) = rest.iter().position(|byte| b"\r\n\0".contains(byte)) {
        rest = rest[at..]
            .strip_prefix(b"\r\n")
            .expect("CR and LF come together, and no NUL");
    }
}
