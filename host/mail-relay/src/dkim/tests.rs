//! Signatures are checked by another's eyes: mail-auth's verifier, with the records that we say are to be in DNS.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::time::Instant;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::{
    AuthenticatedMessage, DkimResult, MX, MessageAuthenticator, Parameters, RecordSet,
    ResolverCache, Txt,
};

use super::*;
use crate::message::Message;

/// Records that are known: nobody is asked.
#[derive(Default)]
struct Known(Mutex<HashMap<Box<str>, Txt>>);

impl ResolverCache<Box<str>, Txt> for Known {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: std::borrow::Borrow<Q>,
        Q: std::hash::Hash + Eq + ?Sized,
    {
        self.0.lock().unwrap().get(name).cloned()
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: std::borrow::Borrow<Q>,
        Q: std::hash::Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, name: Box<str>, txt: Txt, _: Instant) {
        self.0.lock().unwrap().insert(name, txt);
    }
}

type No<K, V> = mail_auth::common::cache::NoCache<K, V>;

/// What each signature of a message comes to.
async fn verify(message: &[u8], keys: &[PublicKey]) -> Vec<DkimResult> {
    let known = Known::default();
    for key in keys {
        let name = format!("{}.", key.record_name()).into_boxed_str();
        let record = DomainKey::parse(key.record().as_bytes()).unwrap();
        known.insert(name, Txt::DomainKey(record.into()), Instant::now());
    }
    let message = AuthenticatedMessage::parse(message).unwrap();
    let parameters = Parameters {
        params: &message,
        cache_txt: Some(&known),
        cache_mx: None::<&No<Box<str>, RecordSet<MX>>>,
        cache_ptr: None::<&No<IpAddr, RecordSet<Box<str>>>>,
        cache_ipv4: None::<&No<Box<str>, RecordSet<Ipv4Addr>>>,
        cache_ipv6: None::<&No<Box<str>, RecordSet<Ipv6Addr>>>,
    };
    let authenticator = MessageAuthenticator::new_cloudflare().unwrap();
    let outputs = authenticator.verify_dkim(parameters).await;
    outputs
        .iter()
        .map(|output| output.result().clone())
        .collect()
}

const MESSAGE: &str = "From: Ann <ann@A.example>\r\nTo: bob@b.example\r\nSubject: a  long\r\n one\r\nDate: Thu, 26 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@a.example>\r\nX-Other: x\r\n\r\nHello  there \r\n\r\n";

async fn signed(keys: &DkimKeys, message: &str) -> String {
    let pieces: Vec<_> = message
        .as_bytes()
        .chunks(7)
        .map(Bytes::copy_from_slice)
        .collect();
    let bytes = stream::iter(pieces.into_iter().map(Ok)).boxed();
    let spool = tempfile::tempdir().unwrap();
    let loaded = Message::load(bytes, keys, spool.path()).await.unwrap();
    let octets: Vec<Bytes> = loaded.octets().await.unwrap().try_collect().await.unwrap();
    String::from_utf8(octets.concat()).unwrap()
}

#[tokio::test]
async fn signatures_hold_and_what_is_changed_breaks_them() {
    let directory = tempfile::tempdir().unwrap();
    let keys = DkimKeys::open(directory.path()).unwrap();
    for algorithm in [Algorithm::Ed25519, Algorithm::Rsa] {
        keys.create("a.example", algorithm).unwrap();
    }
    let public = keys.list().unwrap();
    let good = signed(&keys, MESSAGE).await;
    assert!(good.ends_with(MESSAGE));
    let results = verify(good.as_bytes(), &public).await;
    assert_eq!(results, [DkimResult::Pass, DkimResult::Pass], "{good}");

    // What servers on the way may do.
    for (from, to) in [
        ("X-Other: x", "X-Other: y"),
        ("Subject: a  long\r\n one", "SUBJECT:  a long one "),
        ("Hello  there \r\n\r\n", "Hello there\r\n"),
        (
            "DKIM-Signature: ",
            "Received: by b.example\r\nDKIM-Signature: ",
        ),
    ] {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good);
        let results = verify(changed.as_bytes(), &public).await;
        assert_eq!(results, [DkimResult::Pass, DkimResult::Pass], "{changed}");
    }
    // What they may not.
    for (from, to) in [
        ("Hello", "Hullo"),
        ("Subject: a", "Subject: b"),
        ("X-Other: x", "Subject: other"),
        ("X-Other: x", "From: eve@e.example"),
        ("X-Other: x", "Cc: eve@e.example"),
        ("X-Other: x", "Content-Type: text/html"),
        ("there \r\n", "there \r\nand here\r\n"),
    ] {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good);
        let results = verify(changed.as_bytes(), &public).await;
        let passes = results.iter().filter(|result| **result == DkimResult::Pass);
        assert_eq!((results.len(), passes.count()), (2, 0), "{changed}");
    }
}

#[tokio::test]
async fn odd_messages_are_signed_or_left_and_never_lost() {
    let directory = tempfile::tempdir().unwrap();
    let keys = DkimKeys::open(directory.path()).unwrap();
    keys.create("a.example", Algorithm::Ed25519).unwrap();
    let public = keys.list().unwrap();
    for (message, signatures) in [
        ("", 0),
        ("no header\r\n", 0),
        ("From: ann@other.example\r\n\r\nx\r\n", 0),
        ("From: ann@a.example\r\n", 1),
        ("From: ann@a.example\r\n\r\n", 1),
        ("From: ann@a.example\n\nbare\nlines", 1),
        ("Subject: x\r\nFrom: ann@a.example\r\n\r\n\r\n\r\n", 1),
    ] {
        let sent = signed(&keys, message).await;
        assert_eq!(
            sent.matches("DKIM-Signature").count(),
            signatures,
            "{message:?}"
        );
        let tail = message.replace("\r\n", "\n").replace('\n', "\r\n");
        assert!(sent.trim_end().ends_with(tail.trim_end()), "{message:?}");
        if signatures > 0 {
            let results = verify(sent.as_bytes(), &public).await;
            assert_eq!(results, vec![DkimResult::Pass; signatures], "{sent:?}");
        }
    }
}

#[tokio::test]
async fn keys_come_and_go_while_messages_are_signed() {
    let directory = tempfile::tempdir().unwrap();
    let keys = DkimKeys::open(directory.path()).unwrap();
    let count = async || {
        signed(&keys, MESSAGE)
            .await
            .matches("DKIM-Signature")
            .count()
    };
    assert_eq!(count().await, 0);
    let first = keys.create("A.example", Algorithm::Ed25519).unwrap();
    assert_eq!(count().await, 1);
    // Another process makes one.
    let others = DkimKeys::open(directory.path()).unwrap();
    let second = others.create("a.example", Algorithm::Ed25519).unwrap();
    assert_eq!(second.selector, format!("{}-2", first.selector));
    assert_eq!(count().await, 2);
    others.remove("a.example", &first.selector).unwrap();
    assert_eq!(count().await, 1);
    assert_eq!(keys.list().unwrap(), [second]);
    let gone = keys.remove("a.example", &first.selector);
    assert!(matches!(gone, Err(DkimError::NotFound { .. })));
}

#[test]
fn files_are_the_owners_and_names_stay_in_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let keys = DkimKeys::open(directory.path()).unwrap();
    let made = keys.create("a.example", Algorithm::Rsa).unwrap();
    let file = format!("a.example/{}.rsa.pem", made.selector);
    let about = std::fs::metadata(directory.path().join(file)).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    assert!(made.selector.ends_with("-rsa"));
    assert_eq!(
        made.record_name(),
        format!("{}._domainkey.a.example", made.selector)
    );
    // RSA's record does not fit one string.
    let zone = made.zone_text();
    assert_eq!(zone.matches("\" \"").count(), 1, "{zone}");
    assert_eq!(zone.replace("\" \"", "").trim_matches('"'), made.record());
    for bad in ["", "..", "a/b", ".a", "a..b", "a b", "../a", "\u{0}"] {
        let made = keys.create(bad, Algorithm::Ed25519);
        assert!(matches!(made, Err(DkimError::Name(_))), "{bad}");
    }
    let umlaut = keys.create("bücher.example", Algorithm::Ed25519).unwrap();
    assert_eq!(umlaut.domain, "xn--bcher-kva.example");
}
