//! Messages of domains that say in DNS what is theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use concierge_smtp::Sender;
use concierge_smtp::server::Envelope;
use mail_auth::common::crypto::Ed25519Key;
use mail_auth::dkim::DkimSigner;
use mail_auth::hickory_resolver::proto::op::{Message, ResponseCode};
use mail_auth::hickory_resolver::proto::rr::rdata::TXT;
use mail_auth::hickory_resolver::proto::rr::{RData, Record};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::*;

/// Keys of RFC 8463 §A.2.
const SECRET_KEY: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const PUBLIC_KEY: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

const CLIENT: &str = "192.0.2.1";
const OTHER_CLIENT: &str = "192.0.2.9";
const MESSAGE: &str = "From: Ann <ann@strict.example>\r\nSubject: Hi\r\n\r\nHello.\r\n";

/// What DNS says; `Err`: that it cannot be said now.
fn record(name: &str) -> Result<Option<String>, ()> {
    let text = match name {
        "strict.example." | "soft.example." | "open.example." => "v=spf1 ip4:192.0.2.1 -all",
        "_dmarc.strict.example." => "v=DMARC1; p=reject",
        "_dmarc.soft.example." => "v=DMARC1; p=quarantine",
        "_dmarc.open.example." => "v=DMARC1; p=none",
        "key._domainkey.strict.example." => {
            return Ok(Some(format!("v=DKIM1; k=ed25519; p={PUBLIC_KEY}")));
        }
        "_dmarc.broken.example." | "later._domainkey.strict.example." => return Err(()),
        _ => return Ok(None),
    };
    Ok(Some(text.to_owned()))
}

/// A resolver, and how often it was asked for keys.
struct Dns {
    authentication: Authentication,
    keys_asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Dns {
    async fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let keys_asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&keys_asked);
        let task = tokio::spawn(async move {
            let mut packet = [0; 4096];
            while let Ok((length, client)) = socket.recv_from(&mut packet).await {
                let query = Message::from_vec(&packet[..length]).unwrap();
                let asked = query.queries[0].clone();
                let name = asked.name().to_ascii().to_lowercase();
                counted.fetch_add(
                    usize::from(name.contains("._domainkey.")),
                    Ordering::Relaxed,
                );
                let mut response = Message::response(query.metadata.id, query.metadata.op_code);
                response.metadata.recursion_available = true;
                response.add_query(asked.clone());
                match record(&name) {
                    Ok(Some(text)) => {
                        let data = RData::TXT(TXT::new(vec![text]));
                        response.add_answer(Record::from_rdata(asked.name().clone(), 60, data));
                    }
                    Ok(None) => response.metadata.response_code = ResponseCode::NXDomain,
                    Err(()) => response.metadata.response_code = ResponseCode::ServFail,
                }
                let packet = response.to_vec().unwrap();
                socket.send_to(&packet, client).await.unwrap();
            }
        });
        Self {
            authentication: Authentication::asking("mx.test", &[address]).unwrap(),
            keys_asked,
            task,
        }
    }

    /// What becomes of a message.
    async fn judge(
        &self,
        client: &str,
        sender: &str,
        message: &str,
    ) -> (Result<(), Reply>, InFlight) {
        let sender = Sender {
            address: sender.to_owned(),
            ..Sender::default()
        };
        let mut message = InFlight {
            client: client.parse().unwrap(),
            hello: "client.example".to_owned(),
            envelope: Envelope {
                sender,
                recipients: Vec::new(),
            },
            bytes: Bytes::copy_from_slice(message.as_bytes()),
            fields: Vec::new(),
            is_junk: false,
        };
        let verdict = self.authentication.message(&mut message).await;
        (verdict, message)
    }

    /// The field that tells of a message which is taken.
    async fn taken(&self, client: &str, sender: &str, message: &str) -> String {
        let (verdict, message) = self.judge(client, sender, message).await;
        verdict.unwrap();
        assert!(!message.is_junk);
        message.fields.concat()
    }

    async fn refused(&self, client: &str, sender: &str, message: &str) -> String {
        let (verdict, _) = self.judge(client, sender, message).await;
        verdict.unwrap_err().to_string()
    }
}

fn signed(selector: &str, message: &str) -> String {
    let bytes = |text: &str| BASE64_STANDARD.decode(text).unwrap();
    let key = Ed25519Key::from_seed_and_public_key(&bytes(SECRET_KEY), &bytes(PUBLIC_KEY));
    let signer = DkimSigner::from_key(key.unwrap())
        .domain("strict.example")
        .selector(selector)
        .headers(["From", "Subject"]);
    signer.sign(message.as_bytes()).unwrap().to_header() + message
}

#[tokio::test]
async fn what_a_domain_sent_is_taken_and_what_it_did_not_is_refused() {
    let dns = Dns::new().await;
    let told = dns.taken(CLIENT, "ann@strict.example", MESSAGE).await;
    assert!(
        told.contains("spf=pass") && told.contains("dmarc=pass"),
        "{told}"
    );
    for (client, sender) in [
        (OTHER_CLIENT, "ann@strict.example"),
        // Theirs to send, and not of the author's domain.
        (CLIENT, "list@open.example"),
        (OTHER_CLIENT, ""),
    ] {
        let told = dns.refused(client, sender, MESSAGE).await;
        assert!(told.contains("550 5.7.26"), "{sender}: {told}");
    }
    // A domain below one with a policy.
    let below = MESSAGE.replace("@strict", "@below.strict");
    let told = dns.refused(CLIENT, "s@open.example", &below).await;
    assert!(told.contains("550 5.7.26"), "{told}");
}

#[tokio::test]
async fn a_signature_shows_whose_a_message_is() {
    let dns = Dns::new().await;
    let message = signed("key", MESSAGE);
    let told = dns.taken(OTHER_CLIENT, "list@far.example", &message).await;
    assert!(
        told.contains("dkim=pass") && told.contains("dmarc=pass"),
        "{told}"
    );
    let large = format!(
        "{MESSAGE}{}",
        "x ".repeat(70).replace(' ', "x\r\n").repeat(500)
    );
    let large = signed("key", &large);
    assert!(large.len() > HASHED_HERE_MAX_BYTES);
    let told = dns.taken(OTHER_CLIENT, "list@far.example", &large).await;
    assert!(told.contains("dkim=pass"), "{told}");
    for altered in [
        message.replace("Hello", "Hullo"),
        message.replace("Subject: Hi", "Subject: Ho"),
        large.replace("Hello", "Hullo"),
        signed("unknown", MESSAGE),
    ] {
        let told = dns
            .refused(OTHER_CLIENT, "list@far.example", &altered)
            .await;
        assert!(told.contains("550 5.7.26"), "{told}");
    }
}

#[tokio::test]
async fn a_domain_may_ask_for_less() {
    let dns = Dns::new().await;
    let soft = MESSAGE.replace("strict", "soft");
    let (verdict, message) = dns.judge(OTHER_CLIENT, "s@far.example", &soft).await;
    assert!(verdict.is_ok() && message.is_junk);
    assert!(
        message.fields.concat().contains("dmarc="),
        "{:?}",
        message.fields
    );
    for of in ["open", "unheard-of"] {
        let message = MESSAGE.replace("strict", of);
        dns.taken(OTHER_CLIENT, "s@far.example", &message).await;
    }
}

#[tokio::test]
async fn every_author_counts() {
    let dns = Dns::new().await;
    for (from, expected) in [
        ("<a@open.example>, <ann@strict.example>", "550 5.7.26"),
        ("<ann@strict.example>, <a@open.example>", "550 5.7.26"),
        ("x:<a@open.example>, <ann@strict.example>;", "550 5.7.26"),
        ("<a@open.example>, <a@broken.example>", "451 4.4.3"),
    ] {
        let message = MESSAGE.replace("Ann <ann@strict.example>", from);
        let told = dns.refused(OTHER_CLIENT, "s@open.example", &message).await;
        assert!(told.contains(expected), "{from}: {told}");
    }
    let crowd: Vec<_> = (0..50)
        .map(|number| format!("<a@{number}.example>"))
        .collect();
    for from in ["", "nobody", "a@", &crowd.join(", ")] {
        let message = MESSAGE.replace("Ann <ann@strict.example>", from);
        let (verdict, message) = dns.judge(CLIENT, "s@open.example", &message).await;
        assert!(verdict.is_ok() && message.is_junk, "{from}");
    }
}

#[tokio::test]
async fn what_cannot_be_said_now_is_asked_again() {
    let dns = Dns::new().await;
    let broken = MESSAGE.replace("strict", "broken");
    let told = dns.refused(CLIENT, "s@far.example", &broken).await;
    assert!(told.contains("451 4.4.3"), "{told}");
    let later = signed("later", MESSAGE);
    let told = dns.refused(OTHER_CLIENT, "s@far.example", &later).await;
    assert!(told.contains("451 4.4.3"), "{told}");
    // What it says of its clients is enough.
    dns.taken(CLIENT, "ann@strict.example", &later).await;
}

#[tokio::test]
async fn a_resolver_that_is_gone_is_told_from_one_that_never_was() {
    let dns = Dns::new().await;
    dns.taken(CLIENT, "ann@strict.example", MESSAGE).await;
    dns.task.abort();
    while !dns.task.is_finished() {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        let unseen = MESSAGE.replace("strict", "unseen");
        let told = dns.refused(CLIENT, "s@unseen.example", &unseen).await;
        assert!(told.contains("451 4.4.3"), "{told}");
    }
    // Nobody was ever there.
    let free = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let dns = Dns {
        authentication: Authentication::asking("mx.test", &[address]).unwrap(),
        ..dns
    };
    let told = dns.taken(OTHER_CLIENT, "s@far.example", MESSAGE).await;
    assert_eq!(told, "Authentication-Results: mx.test; none\r\n");
}

#[tokio::test]
async fn signatures_are_bounded() {
    let dns = Dns::new().await;
    let one = signed("x", MESSAGE);
    let signature = one.strip_suffix(MESSAGE).unwrap();
    let many: String = (0..1_000)
        .map(|number| signature.replace("s=x;", &format!("s=x{number};")))
        .collect();
    let many = format!("{many}{MESSAGE}");
    let told = dns.refused(OTHER_CLIENT, "s@far.example", &many).await;
    assert!(told.contains("550 5.7.26"), "{told}");
    let asked = dns.keys_asked.load(Ordering::Relaxed);
    assert!((1..=2 * SIGNATURES_MAX).contains(&asked), "{asked}");
    let broken = "DKIM-Signature: v=1; a=x\r\n".repeat(1_000);
    let own = dns
        .taken(CLIENT, "ann@strict.example", &format!("{broken}{MESSAGE}"))
        .await;
    assert!(own.len() < 8_000, "{}", own.len());
}
