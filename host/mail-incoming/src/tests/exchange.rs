//! Mail from other servers.

use concierge_mail::store::QueueState;
use concierge_smtp::server::Service;

use super::world::{QUOTA_OCTETS, World, transaction};
use crate::rules::RateOf;

const MESSAGE: &str = "From: s@far.example\r\nSubject: Hi\r\n\r\n.Hello.\r\n";

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_message_comes_once_to_each_with_its_trace() {
    let world = World::new().await;
    let to = ["ann@example.org", "bob+x@example.org"];
    let told = world.says(transaction("s@far.example", &to, MESSAGE)).await;
    assert!(told.contains("250 2.0.0 taken as "), "{told}");
    for account in [world.ann, world.bob] {
        let emails = world.emails(account, 1).await;
        assert_eq!(emails.len(), 1);
        let email = text(&emails[0]);
        let trace = email.strip_suffix(MESSAGE).unwrap();
        assert!(
            trace.starts_with("Return-Path: <s@far.example>\r\n"),
            "{trace}"
        );
        assert!(
            trace.contains("\r\nAuthentication-Results: mx.test; none\r\n"),
            "{trace}"
        );
        assert!(
            trace.contains("\r\nReceived: from client.test ([192.0.2.1])\r\n"),
            "{trace}"
        );
        assert!(trace.contains("\tby mx.test with ESMTP id "), "{trace}");
        assert!(
            !trace.contains("for <"),
            "nobody is told of the others: {trace}"
        );
    }
    world.idle().await;
    let world = world.again().await;
    assert_eq!(world.emails(world.ann, 1).await.len(), 1);
}

#[tokio::test]
async fn what_others_claim_of_us_is_taken_out() {
    let world = World::new().await;
    let forged = format!("Authentication-Results: mx.test; dkim=pass\r\n{MESSAGE}");
    world
        .says(transaction("s@far.example", &["ann@example.org"], &forged))
        .await;
    let email = text(&world.emails(world.ann, 1).await[0]);
    assert!(!email.contains("dkim=pass") && email.ends_with(MESSAGE));
    assert!(email.contains("\tfor <ann@example.org>;\r\n"));
}

#[tokio::test]
async fn refusals_say_why() {
    let world = World::new().await;
    world.incoming.rules().block("spam.example").unwrap();
    world.incoming.rules().block("198.51.100.7").unwrap();
    let begin = "EHLO c\r\nMAIL FROM:<s@far.example>\r\n";
    for (said, expected) in [
        (
            format!("{begin}RCPT TO:<nobody@example.org>\r\n"),
            "550 5.1.1",
        ),
        (format!("{begin}RCPT TO:<a@far.example>\r\n"), "550 5.7.1"),
        (
            format!("{begin}RCPT TO:<SRS0=AAAA=AA=x.example=y@example.org>\r\n"),
            "550 5.1.1",
        ),
        (
            "EHLO c\r\nMAIL FROM:<x@a.spam.example>\r\n".to_owned(),
            "550 5.7.1",
        ),
        (
            format!(
                "EHLO c\r\nMAIL FROM:<s@far.example> SIZE={}\r\nRCPT TO:<ann@example.org>\r\n",
                40_000_000
            ),
            "250 2.1.5",
        ),
    ] {
        let told = world.says(said.clone()).await;
        assert!(
            told.lines().last().unwrap().starts_with(expected),
            "{said} {told}"
        );
    }
    let told = world
        .session(Service::Exchange, "198.51.100.7:1", None, "EHLO c\r\n")
        .await;
    assert!(told.starts_with("554 5.7.1"), "{told}");
    let circles = "Received: x\r\n".repeat(101) + MESSAGE;
    let told = world
        .says(transaction("s@far.example", &["ann@example.org"], &circles))
        .await;
    assert!(told.contains("554 5.4.6"), "{told}");
}

#[tokio::test]
async fn messages_that_two_readers_read_differently_are_refused() {
    let world = World::new().await;
    let twice = format!("From: a@far.example\r\n{MESSAGE}");
    let long = format!("{}{MESSAGE}", "X: y\r\n".repeat(10_001));
    for (message, expected) in [
        (twice, "550 5.6.0 more than one From"),
        (long, "554 5.6.0 too many"),
    ] {
        let told = world
            .says(transaction("s@far.example", &["ann@example.org"], &message))
            .await;
        assert!(told.contains(expected), "{told}");
    }
    assert_eq!(world.incoming.size().messages, 0);
}

#[tokio::test]
async fn the_postmaster_is_always_there() {
    let world = World::new().await;
    for to in ["Postmaster", "postmaster@example.org"] {
        world.says(transaction("", &[to], MESSAGE)).await;
    }
    assert_eq!(world.emails(world.bob, 2).await.len(), 2);
}

#[tokio::test]
async fn who_comes_too_often_is_told_to_wait() {
    let world = World::new().await;
    world
        .incoming
        .rules()
        .set_per_minute(RateOf::Messages, Some(2))
        .unwrap();
    let said = "EHLO c\r\n".to_owned() + &"MAIL FROM:<s@far.example>\r\nRSET\r\n".repeat(3);
    let told = world.says(&said).await;
    assert_eq!(told.matches("450 4.7.1").count(), 1, "{told}");
    let told = world
        .session(Service::Exchange, "127.0.0.1:1", None, &said)
        .await;
    assert_eq!(
        told.matches("450 4.7.1").count(),
        0,
        "our own programs: {told}"
    );
    world
        .incoming
        .rules()
        .set_per_minute(RateOf::Connections, Some(1))
        .unwrap();
    world.says("QUIT\r\n").await;
    assert!(world.says("QUIT\r\n").await.starts_with("421 4.7.1"));
}

#[tokio::test]
async fn a_full_mailbox_is_said_before_or_reported_after() {
    let world = World::new().await;
    let said = "EHLO c\r\nMAIL FROM:<s@far.example> SIZE=40000000\r\nRCPT TO:<ann@example.org>\r\n";
    let small = concierge_mail::store::NewAccount {
        id: world.ann,
        name: "ann".to_owned(),
        addresses: vec!["ann@example.org".to_owned()],
        quota_octets: 10,
        quota_count: 10,
    };
    world.mail.store().put_account(small.clone()).await.unwrap();
    let told = world.says(said).await;
    assert!(told.contains("452 4.2.2"), "{told}");
    // Who does not say how large it is finds out later, by a report.
    let told = world
        .says(transaction("s@far.example", &["ann@example.org"], MESSAGE))
        .await;
    assert!(told.contains("250 2.0.0 taken"), "{told}");
    world.idle().await;
    let outgoing = world.outgoing().await;
    assert_eq!(outgoing.len(), 1);
    assert_eq!(outgoing[0].recipient.email, "s@far.example");
    assert_eq!(outgoing[0].mail_from.email, "");
    assert!(matches!(
        outgoing[0].state,
        QueueState::Waiting { .. } | QueueState::Taken { .. }
    ));
    let enough = concierge_mail::store::NewAccount {
        quota_octets: QUOTA_OCTETS,
        ..small
    };
    world.mail.store().put_account(enough).await.unwrap();
}

#[tokio::test]
async fn who_asked_is_told_that_it_arrived() {
    let world = World::new().await;
    let said = format!(
        "EHLO c\r\nMAIL FROM:<bob@example.org> ENVID=e7\r\n\
         RCPT TO:<ann@example.org> NOTIFY=SUCCESS\r\nDATA\r\n{MESSAGE}.\r\n"
    );
    world.says(said).await;
    let report = text(&world.emails(world.bob, 1).await[0]);
    assert!(
        report.contains("Action: delivered") && report.contains("Original-Envelope-Id: e7"),
        "{report}"
    );
}

#[tokio::test]
async fn mail_is_sent_on_and_finds_the_way_back() {
    let world = World::new().await;
    let targets = [
        "ann@far.example".to_owned(),
        "ann@further.example".to_owned(),
    ];
    world
        .incoming
        .rules()
        .set_forward("ann@example.org", &targets)
        .unwrap();
    world
        .says(transaction("s@far.example", &["ann@example.org"], MESSAGE))
        .await;
    world.idle().await;
    let outgoing = world.outgoing().await;
    assert_eq!(outgoing.len(), 2);
    let sender = outgoing[0].mail_from.email.clone();
    assert!(
        sender.starts_with("SRS0=") && sender.ends_with("=far.example=s@example.org"),
        "{sender}"
    );
    // The other server could not deliver it, and says so.
    let report = "From: <>\r\nSubject: Failed\r\n\r\nx\r\n";
    let told = world.says(transaction("", &[&sender], report)).await;
    assert!(told.contains("250 2.0.0 taken"), "{told}");
    world.idle().await;
    let back: Vec<_> = world.outgoing().await;
    let back = back
        .iter()
        .find(|entry| entry.recipient.email == "s@far.example");
    assert_eq!(back.unwrap().mail_from.email, "");
    assert_eq!(world.emails(world.ann, 0).await.len(), 0);
}

#[tokio::test]
async fn what_its_sender_asked_for_holds_for_what_is_sent_on() {
    let world = World::new().await;
    let targets = ["ann@far.example".to_owned()];
    let rules = world.incoming.rules();
    rules.set_forward("ann@example.org", &targets).unwrap();
    let rest = ["all@far.example".to_owned()];
    rules.set_forward("*@example.org", &rest).unwrap();
    let said = format!(
        "EHLO c\r\nMAIL FROM:<s@far.example> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=e7\r\n\
         RCPT TO:<Ann+shop@example.org> NOTIFY=DELAY ORCPT=rfc822;first@far.example\r\n\
         RCPT TO:<nobody@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n{MESSAGE}.\r\n"
    );
    let told = world.says(said).await;
    assert!(told.contains("250 2.0.0 taken"), "{told}");
    world.idle().await;
    let outgoing = world.outgoing().await;
    assert_eq!(outgoing.len(), 2);
    let of = |address: &str| {
        let found = outgoing
            .iter()
            .find(|entry| entry.recipient.email == address);
        found.unwrap()
    };
    let parameter = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    let first = of("ann@far.example");
    let flags = [
        parameter("BODY", "8BITMIME"),
        ("SMTPUTF8".to_owned(), None),
        parameter("RET", "HDRS"),
        parameter("ENVID", "e7"),
    ];
    assert_eq!(first.mail_from.parameters, flags);
    let asked = [
        parameter("NOTIFY", "DELAY"),
        parameter("ORCPT", "rfc822;first@far.example"),
    ];
    assert_eq!(first.recipient.parameters, asked);
    assert_eq!(of("all@far.example").recipient.parameters, []);
    assert_eq!(world.emails(world.bob, 1).await.len(), 1);
    // The same where one of us writes.
    let ours = MESSAGE.replace("s@far.example", "ann@example.org");
    let said = transaction("ann@example.org", &["who@example.org"], &ours);
    let told = world.submits(said).await;
    assert!(told.contains("250 2.0.0 taken"), "{told}");
    while world.outgoing().await.len() < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_cannot_be_stored_now_is_stored_later() {
    let world = World::patient().await;
    let (blobs, away) = (
        world.dir.path().join("blobs"),
        world.dir.path().join("away"),
    );
    std::fs::rename(&blobs, &away).unwrap();
    std::fs::write(&blobs, "no directory").unwrap();
    let to = ["ann@example.org", "bob@example.org"];
    let told = world.says(transaction("s@far.example", &to, MESSAGE)).await;
    assert!(told.contains("250 2.0.0 taken"), "{told}");
    let world = world.again().await;
    assert_eq!(world.incoming.size().messages, 1);
    std::fs::remove_file(&blobs).unwrap();
    std::fs::rename(&away, &blobs).unwrap();
    world.idle().await;
    for account in [world.ann, world.bob] {
        assert_eq!(world.emails(account, 1).await.len(), 1);
    }
}
