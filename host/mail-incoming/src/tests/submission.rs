//! Mail of our users.

use concierge_smtp::server::Service;

use super::world::{World, transaction};
use crate::rules::RateOf;

const MESSAGE: &str = "From: Ann <ann@example.org>\r\nSubject: Hi\r\n\r\nHello.\r\n";

#[tokio::test]
async fn a_message_is_completed_and_goes_out() {
    let world = World::new().await;
    let said = format!(
        "EHLO c\r\nMAIL FROM:<ann@example.org> BODY=8BITMIME RET=HDRS ENVID=e1\r\n\
         RCPT TO:<s@far.example> NOTIFY=DELAY ORCPT=rfc822;s@far.example\r\n\
         RCPT TO:<bob@example.org>\r\nDATA\r\n{MESSAGE}.\r\n"
    );
    let told = world.submits(said).await;
    assert!(told.contains("250 2.0.0 taken as "), "{told}");
    let kept = world.emails(world.bob, 1).await;
    let kept = String::from_utf8(kept[0].to_vec()).unwrap();
    let added = kept.strip_suffix(MESSAGE).unwrap();
    assert!(
        added.contains("with ESMTPA id ") && added.contains("\r\nDate: "),
        "{added}"
    );
    assert!(added.contains("\r\nMessage-ID: <"), "{added}");
    let outgoing = world.outgoing().await;
    let far = outgoing
        .iter()
        .find(|entry| entry.recipient.email == "s@far.example")
        .unwrap();
    let told = |name: &str| {
        let all = far
            .mail_from
            .parameters
            .iter()
            .chain(&far.recipient.parameters);
        let mut all = all.filter(|(found, _)| found == name);
        all.next().and_then(|(_, value)| value.clone())
    };
    assert_eq!(told("BODY").as_deref(), Some("8BITMIME"));
    assert_eq!(told("RET").as_deref(), Some("HDRS"));
    assert_eq!(told("ENVID").as_deref(), Some("e1"));
    assert_eq!(told("NOTIFY").as_deref(), Some("DELAY"));
    assert_eq!(told("ORCPT").as_deref(), Some("rfc822;s@far.example"));
}

#[tokio::test]
async fn nobody_writes_as_another() {
    let world = World::new().await;
    let begin = "EHLO c\r\nMAIL FROM:<ann@example.org>\r\n";
    for (said, expected) in [
        (
            "EHLO c\r\nMAIL FROM:<bob@example.org>\r\n".to_owned(),
            "553 5.7.1",
        ),
        ("EHLO c\r\nMAIL FROM:<>\r\n".to_owned(), "250 2.1.0"),
        (
            format!("{begin}RCPT TO:<nobody@example.org>\r\n"),
            "550 5.1.1",
        ),
        (
            format!("{begin}RCPT TO:<anyone@far.example>\r\n"),
            "250 2.1.5",
        ),
        (format!("{begin}RCPT TO:<anyone>\r\n"), "553 5.1.3"),
    ] {
        let told = world.submits(said.clone()).await;
        assert!(
            told.lines().last().unwrap().starts_with(expected),
            "{said} {told}"
        );
    }
    for (message, expected) in [
        (MESSAGE.replace("ann@", "bob@"), "550 5.7.1"),
        (
            MESSAGE.replace("Ann <ann@", "\"Ann\" <ann@example.org>, <bob@"),
            "550 5.7.1",
        ),
        (MESSAGE.replace("From:", "X-From:"), "550 5.6.0"),
        (format!("Sender: bob@example.org\r\n{MESSAGE}"), "550 5.7.1"),
    ] {
        let said = transaction("ann@example.org", &["s@far.example"], &message);
        let told = world.submits(said).await;
        assert!(told.contains(expected), "{message} {told}");
    }
    assert!(world.outgoing().await.is_empty());
}

#[tokio::test]
async fn who_else_gets_it_stays_between_sender_and_server() {
    let world = World::new().await;
    let message = format!(
        "Bcc: bob@example.org,\r\n\tcay@example.org\r\nReturn-Path: <x@y.example>\r\n\
         Sender: ann@example.org\r\nMessage-ID: <1@c>\r\nDate: x\r\n{MESSAGE}"
    );
    let said = transaction("ann@example.org", &["bob@example.org"], &message);
    let told = world.submits(said).await;
    assert!(told.contains("250 2.0.0 taken"), "{told}");
    let kept = world.emails(world.bob, 1).await;
    let kept = String::from_utf8(kept[0].to_vec()).unwrap();
    let expected = format!("Sender: ann@example.org\r\nMessage-ID: <1@c>\r\nDate: x\r\n{MESSAGE}");
    assert!(kept.ends_with(&expected), "{kept}");
    assert!(
        !kept.contains("cay@") && !kept.contains("x@y.example"),
        "{kept}"
    );
}

#[tokio::test]
async fn an_account_sends_so_much_in_a_minute() {
    let world = World::new().await;
    let rules = world.incoming.rules();
    rules
        .set_per_minute(RateOf::AccountMessages, Some(2))
        .unwrap();
    let said = "EHLO c\r\n".to_owned() + &"MAIL FROM:<ann@example.org>\r\nRSET\r\n".repeat(3);
    let told = world.submits(said).await;
    assert_eq!(told.matches("450 4.7.1").count(), 1, "{told}");
}

#[tokio::test]
async fn names_and_addresses_sign_in() {
    use base64::Engine;

    let world = World::new().await;
    let signs_in = async |user: &str, password: &str| {
        let response = format!("\0{user}\0{password}");
        let response = base64::prelude::BASE64_STANDARD.encode(response);
        let said = format!("EHLO c\r\nAUTH PLAIN {response}\r\nMAIL FROM:<ann@example.org>\r\n");
        world
            .session(Service::Submission, "127.0.0.1:4000", None, said)
            .await
    };
    for user in ["ann", "ann@example.org"] {
        let told = signs_in(user, "the password of ann").await;
        assert!(
            told.contains("235 2.7.0") && told.contains("250 2.1.0"),
            "{told}"
        );
    }
    let told = signs_in("ann", "the password of bob").await;
    assert!(
        told.contains("535 5.7.8") && told.contains("530 5.7.0"),
        "{told}"
    );
}
