//! Transcripts: what clients say, in any pieces, and what they are told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::super::handler::{
    Accepted, Answer, Authenticated, Connection, Credentials, Envelope, Handler, Incoming, Service,
};
use super::super::options::{Limits, ServerOptions};
use super::speak;
use crate::envelope::{Recipient, Sender};
use crate::reply::{EnhancedCode, Reply};

/// What a handler saw.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Taken(Envelope, Vec<u8>),
    Dropped,
    Left,
}

/// Takes all but what addresses say it is to refuse.
#[derive(Default)]
struct Recorder {
    seen: Arc<Mutex<Vec<Seen>>>,
}

struct Taking {
    seen: Arc<Mutex<Vec<Seen>>>,
    envelope: Envelope,
    bytes: Vec<u8>,
    is_finished: bool,
}

fn refusal(what: &str) -> Reply {
    match what.strip_prefix("refused-") {
        Some(code) => {
            let code = code.split('@').next().unwrap().parse().unwrap();
            Reply::new(code, EnhancedCode(4, 7, 1), "as asked for")
        }
        None => Reply::plain(250, ""),
    }
}

fn refuse(what: &str) -> Result<(), Reply> {
    let reply = refusal(what);
    if reply.is_success() {
        Ok(())
    } else {
        Err(reply)
    }
}

impl Handler for Recorder {
    fn connect<'a>(&'a self, connection: &'a Connection) -> Answer<'a, Result<(), Reply>> {
        let port = connection.peer.port();
        Box::pin(async move {
            match port {
                554 | 421 => Err(Reply::new(port, EnhancedCode(5, 7, 1), "not you")),
                _ => Ok(()),
            }
        })
    }

    fn authenticate<'a>(
        &'a self,
        _: &'a Connection,
        credentials: Credentials,
    ) -> Answer<'a, Result<Authenticated, Reply>> {
        Box::pin(async move {
            let is_right = credentials.user == "ann" && credentials.password == "secret";
            let account = Uuid::nil();
            let name = credentials.user;
            match is_right {
                true => Ok(Authenticated { account, name }),
                false => Err(Reply::new(535, EnhancedCode(5, 7, 8), "wrong")),
            }
        })
    }

    fn sender<'a>(
        &'a self,
        _: &'a Connection,
        sender: &'a Sender,
    ) -> Answer<'a, Result<(), Reply>> {
        Box::pin(async { refuse(&sender.address) })
    }

    fn recipient<'a>(
        &'a self,
        _: &'a Connection,
        _: &'a Sender,
        recipient: &'a Recipient,
    ) -> Answer<'a, Result<(), Reply>> {
        Box::pin(async {
            if recipient.address.starts_with("slow") {
                std::future::pending::<()>().await;
            }
            refuse(&recipient.address)
        })
    }

    fn message<'a>(
        &'a self,
        _: &'a Connection,
        envelope: Envelope,
    ) -> Answer<'a, Result<Box<dyn Incoming>, Reply>> {
        Box::pin(async move {
            if envelope.sender.address.starts_with("full") {
                let why = "no room";
                return Err(Reply::new(452, EnhancedCode(4, 3, 1), why));
            }
            let taking = Taking {
                seen: Arc::clone(&self.seen),
                envelope,
                bytes: Vec::new(),
                is_finished: false,
            };
            Ok(Box::new(taking) as Box<dyn Incoming>)
        })
    }

    fn disconnect(&self, _: &Connection) {
        self.seen.lock().unwrap().push(Seen::Left);
    }
}

impl Incoming for Taking {
    fn write(&mut self, bytes: Bytes) -> Answer<'_, Result<(), Reply>> {
        self.bytes.extend_from_slice(&bytes);
        let is_bad = memchr::memmem::find(&self.bytes, b"break it").is_some();
        Box::pin(async move {
            match is_bad {
                true => Err(Reply::new(451, EnhancedCode(4, 3, 0), "broken")),
                false => Ok(()),
            }
        })
    }

    fn finish(mut self: Box<Self>) -> Answer<'static, Result<Accepted, Reply>> {
        self.is_finished = true;
        let (envelope, bytes) = (self.envelope.clone(), std::mem::take(&mut self.bytes));
        self.seen.lock().unwrap().push(Seen::Taken(envelope, bytes));
        Box::pin(async {
            Ok(Accepted {
                id: "q1".to_owned(),
            })
        })
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        if !self.is_finished {
            self.seen.lock().unwrap().push(Seen::Dropped);
        }
    }
}

fn options(service: Service) -> ServerOptions {
    ServerOptions {
        limits: Limits {
            message_max_bytes: 1_000,
            recipients_max: 3,
            errors_max: 5,
            ..Limits::default()
        },
        ..ServerOptions::new(service, "mx.test")
    }
}

struct Talk {
    client: DuplexStream,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

fn start(options: ServerOptions, port: u16) -> Talk {
    let (client, server) = duplex(1 << 20);
    let recorder = Recorder::default();
    let seen = Arc::clone(&recorder.seen);
    let connection = Connection {
        number: 1,
        service: options.service,
        peer: ([10, 0, 0, 1], port).into(),
        local: ([10, 0, 0, 2], 25).into(),
        hello: String::new(),
        is_extended: false,
        tls: None,
        authenticated: None,
    };
    let task = tokio::spawn(speak(options, Arc::new(recorder), connection, server));
    Talk { client, seen, task }
}

/// All replies to what a client says and then goes, and what the handler saw.
async fn talk(options: ServerOptions, said: &[u8], piece: usize) -> (String, Vec<Seen>) {
    let mut talk = start(options, 4_000);
    for piece in said.chunks(piece) {
        // The server may have ended the connection already.
        let _ = talk.client.write_all(piece).await;
        tokio::task::yield_now().await;
    }
    let _ = talk.client.shutdown().await;
    let mut told = String::new();
    talk.client.read_to_string(&mut told).await.unwrap();
    talk.task.await.unwrap();
    let seen = talk.seen.lock().unwrap().clone();
    (told, seen)
}

/// The codes of the replies, the same in any pieces, and what was taken or dropped.
async fn codes(options: &ServerOptions, said: impl AsRef<[u8]>) -> (Vec<u16>, Vec<Seen>) {
    let said = said.as_ref();
    let mut results = Vec::new();
    for piece in [1, 3, 64, said.len()] {
        let (told, mut seen) = talk(options.clone(), said, piece).await;
        assert_eq!(seen.pop(), Some(Seen::Left));
        let last = told
            .lines()
            .filter(|line| line.as_bytes().get(3) == Some(&b' '));
        let codes: Vec<u16> = last.map(|line| line[..3].parse().unwrap()).collect();
        results.push((codes, seen));
    }
    let first = results.swap_remove(0);
    for other in results {
        assert_eq!(other, first, "{}", String::from_utf8_lossy(said));
    }
    first
}

fn exchange() -> ServerOptions {
    options(Service::Exchange)
}

const BEGIN: &str = "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n";

#[tokio::test]
async fn a_message_is_taken_in_any_pieces() {
    let said = format!("{BEGIN}DATA\r\nA: 1\r\n\r\n..x\r\n.\r\nQUIT\r\n");
    let (codes, seen) = codes(&exchange(), said).await;
    assert_eq!(codes, [220, 250, 250, 250, 354, 250, 221]);
    let [Seen::Taken(envelope, bytes)] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    assert_eq!(bytes, b"A: 1\r\n\r\n.x\r\n");
    assert_eq!(envelope.sender.address, "a@b.example");
    assert_eq!(envelope.recipients[0].address, "c@d.example");
}

#[tokio::test]
async fn chunks_are_one_message() {
    let said = format!("{BEGIN}BDAT 4\r\nA: 1BDAT 2\r\n\r\nBDAT 3 LAST\r\n.\r\nQUIT\r\n");
    let (told, seen) = codes(&exchange(), said).await;
    assert_eq!(told, [220, 250, 250, 250, 250, 250, 250, 221]);
    assert!(matches!(&seen[..], [Seen::Taken(_, bytes)] if bytes == b"A: 1\r\n.\r\n"));
    let said =
        format!("{BEGIN}BDAT 4\r\nA: 1DATA\r\nRCPT TO:<e@f.example>\r\nBDAT 0 LAST\r\nDATA\r\n");
    let (told, _) = codes(&exchange(), said).await;
    assert_eq!(told, [220, 250, 250, 250, 250, 503, 503, 250, 503]);
}

#[tokio::test]
async fn nothing_is_smuggled() {
    let inner = "MAIL FROM:<x@y.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nhidden";
    for end in [
        "\n.\n", "\r\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n", "\r", "\0",
    ] {
        let body = format!("A: 1\r\n\r\nx{end}{inner}");
        let said = format!("{BEGIN}DATA\r\n{body}\r\n.\r\nQUIT\r\n");
        let (told, seen) = codes(&exchange(), said).await;
        assert_eq!(told, [220, 250, 250, 250, 354, 550, 221], "{end:?}");
        assert_eq!(seen, [Seen::Dropped]);
        let said = format!("{BEGIN}BDAT {} LAST\r\n{body}QUIT\r\n", body.len());
        let (told, seen) = codes(&exchange(), said).await;
        assert_eq!(told, [220, 250, 250, 250, 550, 221], "{end:?}");
        assert_eq!(seen, [Seen::Dropped]);
    }
}

#[tokio::test]
async fn commands_have_their_order() {
    for (said, expected) in [
        ("MAIL FROM:<a@b.example>\r\n", &[220, 503][..]),
        (
            "HELO c\r\nRCPT TO:<a@b.example>\r\nDATA\r\n",
            &[220, 250, 503, 503],
        ),
        (
            "EHLO c\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\n",
            &[220, 250, 250, 503, 554],
        ),
        (
            "EHLO c\r\nMAIL FROM:<>\r\nRSET\r\nRCPT TO:<a@b.example>\r\n",
            &[220, 250, 250, 250, 503],
        ),
        (
            "EHLO c\r\nMAIL FROM:<>\r\nEHLO d\r\nRCPT TO:<a@b.example>\r\n",
            &[220, 250, 250, 250, 503],
        ),
        (
            "NOOP\r\nVRFY x\r\nHELP\r\nEXPN x\r\nWHAT\r\nSTARTTLS\r\n",
            &[220, 250, 252, 214, 502, 500, 502],
        ),
        (
            "EHLO c\r\nAUTH PLAIN AGFubgBzZWNyZXQ=\r\n",
            &[220, 250, 502],
        ),
        ("NOOP\nNOOP\r\n", &[220, 500, 250]),
    ] {
        let (told, _) = codes(&exchange(), said).await;
        assert_eq!(told, expected, "{said}");
    }
}

#[tokio::test]
async fn what_is_offered_is_told() {
    let (told, _) = talk(exchange(), b"EHLO c\r\n", 100).await;
    let offered = "250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n\
                   250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250 LIMITS RCPTMAX=3\r\n";
    assert_eq!(told, format!("220 mx.test ESMTP\r\n{offered}"));
}

#[tokio::test]
async fn messages_have_a_size() {
    let said = "EHLO c\r\nMAIL FROM:<a@b.example> SIZE=1001\r\n";
    assert_eq!(codes(&exchange(), said).await.0, [220, 250, 552]);
    let large = "x".repeat(1_001);
    let said = format!("{BEGIN}DATA\r\n{large}\r\n.\r\nNOOP\r\n");
    let (told, seen) = codes(&exchange(), said).await;
    assert_eq!(told, [220, 250, 250, 250, 354, 552, 250]);
    assert_eq!(seen, [Seen::Dropped]);
    let said = format!(
        "{BEGIN}BDAT 500\r\n{}BDAT 501 LAST\r\n{}NOOP\r\n",
        &large[..500],
        &large[..501]
    );
    let (told, seen) = codes(&exchange(), said).await;
    assert_eq!(told, [220, 250, 250, 250, 250, 552, 250]);
    assert_eq!(seen, [Seen::Dropped]);
    // Nobody waits for the end of what has none.
    let endless = format!("{BEGIN}DATA\r\n{}", "x".repeat(100_000));
    let (told, _) = codes(&exchange(), endless).await;
    assert_eq!(told, [220, 250, 250, 250, 354, 552, 421]);
    let said = format!("{BEGIN}BDAT 99999999999 LAST\r\nx");
    assert_eq!(
        codes(&exchange(), said).await.0,
        [220, 250, 250, 250, 552, 421]
    );
}

#[tokio::test]
async fn a_hundred_thousand_recipients_are_refused_and_cost_nothing() {
    let mut said = BEGIN.to_owned();
    said.extend((0..100_000).map(|number| format!("RCPT TO:<r{number}@d.example>\r\n")));
    let options = ServerOptions {
        limits: Limits {
            recipients_max: 100,
            ..Limits::default()
        },
        ..exchange()
    };
    let mut talk = start(options, 4_000);
    let (mut reader, mut writer) = tokio::io::split(talk.client);
    let write = async move {
        writer.write_all(said.as_bytes()).await.unwrap();
        writer.write_all(b"DATA\r\n.\r\n").await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let mut told = String::new();
    let (_, read) = tokio::join!(write, reader.read_to_string(&mut told));
    read.unwrap();
    assert_eq!(told.matches("452 4.5.3").count(), 99_901);
    talk.task.await.unwrap();
    talk.task = tokio::spawn(async {});
    let seen = talk.seen.lock().unwrap();
    assert!(matches!(&seen[0], Seen::Taken(envelope, _) if envelope.recipients.len() == 100));
}

#[tokio::test]
async fn floods_end() {
    let (told, _) = codes(&exchange(), "WHAT\r\n".repeat(100)).await;
    assert_eq!(told, [220, 500, 500, 500, 500, 500, 500, 421]);
    let (told, _) = codes(&exchange(), format!("{}\r\nNOOP\r\n", "x".repeat(5_000))).await;
    assert_eq!(told, [220, 500, 250]);
    let (told, _) = talk(exchange(), &b"x".repeat(3 << 20), 1 << 16).await;
    assert!(
        told.ends_with("421 4.7.0 too much that is no command\r\n"),
        "{told}"
    );
}

#[tokio::test]
async fn the_handler_refuses_at_each_step() {
    for (said, expected) in [
        (
            "EHLO c\r\nMAIL FROM:<refused-550@x.example>\r\nNOOP\r\n".to_owned(),
            &[220, 250, 550, 250][..],
        ),
        (
            "EHLO c\r\nMAIL FROM:<refused-421@x.example>\r\nNOOP\r\n".to_owned(),
            &[220, 250, 421],
        ),
        (
            format!("{BEGIN}RCPT TO:<refused-451@x.example>\r\n"),
            &[220, 250, 250, 250, 451],
        ),
        (
            BEGIN.replace("a@b", "full@b") + "DATA\r\nNOOP\r\n",
            &[220, 250, 250, 250, 452, 250],
        ),
        (
            BEGIN.replace("a@b", "full@b") + "BDAT 4 LAST\r\nNOOPNOOP\r\n",
            &[220, 250, 250, 250, 452, 250],
        ),
        (
            format!("{BEGIN}DATA\r\nbreak it\r\n.\r\nNOOP\r\n"),
            &[220, 250, 250, 250, 354, 451, 250],
        ),
        (
            format!("{BEGIN}BDAT 8\r\nbreak itBDAT 4 LAST\r\nNOOP"),
            &[220, 250, 250, 250, 451, 503],
        ),
    ] {
        let (told, seen) = codes(&exchange(), &said).await;
        assert_eq!(told, expected, "{said}");
        assert!(!seen.iter().any(|seen| matches!(seen, Seen::Taken(..))));
    }
    for port in [554, 421] {
        let mut talk = start(exchange(), port);
        let mut told = String::new();
        talk.client.read_to_string(&mut told).await.unwrap();
        assert!(told.starts_with(&port.to_string()), "{told}");
    }
}

#[tokio::test]
async fn who_goes_in_the_middle_leaves_nothing() {
    for rest in [
        "DATA\r\nA: 1\r\n",
        "BDAT 10\r\nA: 1\r\n",
        "BDAT 4\r\nA: 1BDAT 3\r\nx",
    ] {
        let (_, seen) = codes(&exchange(), format!("{BEGIN}{rest}")).await;
        assert_eq!(seen, [Seen::Dropped], "{rest}");
    }
}

#[tokio::test]
async fn who_is_slow_is_told_so() {
    let mut options = exchange();
    options.limits.idle_timeout = Duration::from_millis(50);
    options.limits.handler_timeout = Duration::from_millis(50);
    for (said, expected) in [
        ("", "421 4.4.2 no command came in time\r\n"),
        ("EHLO", "421 4.4.2 no command came in time\r\n"),
        (
            &format!("{BEGIN}DATA\r\nA"),
            "421 4.4.2 no command came in time\r\n",
        ),
    ] {
        let mut talk = start(options.clone(), 4_000);
        talk.client.write_all(said.as_bytes()).await.unwrap();
        let mut told = String::new();
        talk.client.read_to_string(&mut told).await.unwrap();
        assert!(told.ends_with(expected), "{told}");
    }
    // The handler's time is its own.
    let said = BEGIN.replace("c@d", "slow@d");
    let (told, _) = talk(options, said.as_bytes(), said.len()).await;
    assert!(
        told.ends_with("451 4.3.0 this server is too slow\r\n"),
        "{told}"
    );
}

#[tokio::test]
async fn a_byte_at_a_time_is_too_slow() {
    let mut options = exchange();
    options.limits.slow_grace = Duration::from_millis(20);
    options.limits.rate_min_bytes_per_s = 1 << 20;
    for rest in ["DATA\r\n", "BDAT 900\r\n"] {
        let mut talk = start(options.clone(), 4_000);
        talk.client
            .write_all(format!("{BEGIN}{rest}").as_bytes())
            .await
            .unwrap();
        let (mut reader, mut writer) = tokio::io::split(talk.client);
        let mut told = String::new();
        let write = async move {
            while writer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let read = async {
            reader.read_to_string(&mut told).await.unwrap();
        };
        tokio::select! {
            () = write => {}
            () = read => {}
        }
        talk.task.await.unwrap();
        assert_eq!(talk.seen.lock().unwrap()[0], Seen::Dropped);
    }
}

#[tokio::test]
async fn submission_is_for_who_signs_in() {
    let mut options = options(Service::Submission);
    let plain = "AGFubgBzZWNyZXQ=";
    let said = format!("EHLO c\r\nMAIL FROM:<a@b.example>\r\nAUTH PLAIN {plain}\r\n");
    assert_eq!(codes(&options, said).await.0, [220, 250, 530, 538]);
    options.plain_on_loopback = true;
    let mut talk = start(options, 4_000);
    talk.client
        .write_all(format!("EHLO c\r\nAUTH PLAIN {plain}\r\nQUIT\r\n").as_bytes())
        .await
        .unwrap();
    let mut told = String::new();
    talk.client.read_to_string(&mut told).await.unwrap();
    assert!(told.contains("538"), "10.0.0.1 is not this machine: {told}");
}

/// A certificate of its own, and a client that takes any.
fn tls() -> (Arc<rustls::ServerConfig>, tokio_rustls::TlsConnector) {
    let made = rcgen::generate_simple_self_signed(vec!["mx.test".to_owned()]).unwrap();
    let certificate: CertificateDer<'static> = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client).into())
}

/// Reads up to the end of a reply.
async fn reply(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut told = Vec::new();
    loop {
        told.push(stream.read_u8().await.unwrap());
        let lines: Vec<_> = told.split_inclusive(|byte| *byte == b'\n').collect();
        let last = lines.last().unwrap();
        if last.ends_with(b"\r\n") && last.get(3) == Some(&b' ') {
            return String::from_utf8(told).unwrap();
        }
    }
}

#[tokio::test]
async fn starttls_forgets_what_was_before_and_behind_it() {
    let (server, connector) = tls();
    let options = ServerOptions {
        tls: Some(server),
        ..options(Service::Submission)
    };
    let mut talk = start(options, 4_000);
    assert!(reply(&mut talk.client).await.starts_with("220"));
    talk.client.write_all(b"EHLO c\r\n").await.unwrap();
    let offered = reply(&mut talk.client).await;
    assert!(offered.contains("STARTTLS") && !offered.contains("AUTH"));
    // An attacker between the two adds commands; they are sent with STARTTLS.
    talk.client
        .write_all(b"STARTTLS\r\nEHLO injected\r\nRSET\r\n")
        .await
        .unwrap();
    assert!(reply(&mut talk.client).await.starts_with("220"));
    let name = "mx.test".try_into().unwrap();
    let mut secret = connector.connect(name, talk.client).await.unwrap();
    secret
        .write_all(b"MAIL FROM:<a@b.example>\r\n")
        .await
        .unwrap();
    assert!(
        reply(&mut secret).await.starts_with("503"),
        "EHLO was not said in secret"
    );
    secret.write_all(b"EHLO c\r\n").await.unwrap();
    let offered = reply(&mut secret).await;
    assert!(!offered.contains("STARTTLS") && offered.contains("AUTH PLAIN LOGIN"));
    for (said, code) in [
        ("AUTH PLAIN\r\n", "334 "),
        ("*\r\n", "501 5.7.0"),
        ("AUTH PLAIN AGFubgB3cm9uZw==\r\n", "535 5.7.8"),
        ("AUTH LOGIN\r\n", "334 VXNlcm5hbWU6"),
        ("YW5u\r\n", "334 UGFzc3dvcmQ6"),
        ("c2VjcmV0\r\n", "235 2.7.0"),
        ("AUTH LOGIN\r\n", "503 5.5.1"),
        ("STARTTLS\r\n", "503 5.5.1"),
        ("MAIL FROM:<a@b.example>\r\n", "250 2.1.0"),
    ] {
        secret.write_all(said.as_bytes()).await.unwrap();
        let told = reply(&mut secret).await;
        assert!(told.starts_with(code), "{said} {told}");
    }
}

#[tokio::test]
async fn guessing_passwords_ends() {
    let (server, connector) = tls();
    let options = ServerOptions {
        tls: Some(server),
        ..options(Service::Submissions)
    };
    let talk = start(options, 4_000);
    let name = "mx.test".try_into().unwrap();
    let mut secret = connector.connect(name, talk.client).await.unwrap();
    let said = format!("EHLO c\r\n{}", "AUTH PLAIN AGFubgB3cm9uZw==\r\n".repeat(5));
    secret.write_all(said.as_bytes()).await.unwrap();
    let mut told = String::new();
    secret.read_to_string(&mut told).await.unwrap();
    assert_eq!(told.matches("535 5.7.8").count(), 3);
    assert!(
        told.ends_with("421 4.7.0 too many wrong passwords\r\n"),
        "{told}"
    );
}

#[tokio::test]
async fn tls_that_is_broken_costs_its_connection_alone() {
    let (server, _) = tls();
    let options = ServerOptions {
        tls: Some(server),
        ..exchange()
    };
    let (told, seen) = talk(
        options,
        b"EHLO c\r\nSTARTTLS\r\nthis is no TLS at all\r\n",
        1,
    )
    .await;
    assert!(told.contains("220 2.0.0 go ahead\r\n"), "{told}");
    assert_eq!(seen, [Seen::Left]);
}
