//! Transactions.

use super::*;
use crate::client::Point;
use crate::client::fake::say;
use crate::envelope::{BodyKind, Notify, Return};

#[tokio::test]
async fn messages_go_over_one_connection() {
    let fake = Fake::start(|_| None).await.unwrap();
    let mut client = connect(&fake).await;
    for text in ["one\r\n", ".two\n"] {
        let replies = send(&mut client, &["bob@b.example"], text);
        let replies = replies.await.unwrap();
        assert_eq!(replies[0].to_string(), "250 2.0.0 it is kept");
        client.reset().await.unwrap();
    }
    client.quit().await;
    let heard = fake.heard();
    assert_eq!(heard.messages, [b"one\r\n".to_vec(), b"..two\r\n".to_vec()]);
    assert_eq!(
        heard.lines,
        [
            "1 ",
            "1 EHLO us.example",
            "1 MAIL FROM:<ann@us.example>",
            "1 RCPT TO:<bob@b.example>",
            "1 DATA",
            "1 .",
            "1 RSET",
            "1 MAIL FROM:<ann@us.example>",
            "1 RCPT TO:<bob@b.example>",
            "1 DATA",
            "1 .",
            "1 RSET",
            "1 QUIT",
        ]
    );
}

#[tokio::test]
async fn each_recipient_has_their_own_answer_pipelined_or_not() {
    for ehlo in ["250-b.example\r\n250 PIPELINING", "250 b.example"] {
        let fake = Fake::start(move |line| match line {
            line if line.starts_with("EHLO") => say(ehlo),
            "RCPT TO:<no@b.example>" => say("550 5.1.1 no such user"),
            "RCPT TO:<later@b.example>" => say("450-4.2.0 grey\r\n450 4.2.0 list"),
            _ => None,
        });
        let fake = fake.await.unwrap();
        let mut client = connect(&fake).await;
        let recipients = to(&[
            "no@b.example",
            "yes@b.example",
            "later@b.example",
            "b\r\nDATA",
        ]);
        let replies = client.send(&ann(), &recipients, message("hello")).await;
        let codes: Vec<_> = replies.unwrap().iter().map(|reply| reply.code).collect();
        assert_eq!(codes, [550, 250, 450, 553], "{ehlo}");
        assert_eq!(fake.heard().messages, [b"hello\r\n".to_vec()]);
        // Nobody: nothing is sent, and the connection lives.
        let replies = send(&mut client, &["no@b.example"], "hello");
        assert_eq!(replies.await.unwrap()[0].code, 550, "{ehlo}");
        assert!(client.is_usable());
        client.reset().await.unwrap();
        let kept = fake.heard().messages;
        assert!(kept.iter().filter(|message| !message.is_empty()).count() == 1);
    }
}

#[tokio::test]
async fn a_refusal_of_the_sender_or_of_the_message_is_that_of_all() {
    for (refused, answer) in [
        ("MAIL FROM:<ann@us.example>", "550 5.7.1 not you"),
        ("DATA", "451 4.3.0 not now"),
        (".", "554 5.6.0 not this"),
    ] {
        let fake = Fake::start(move |line| match line {
            line if line == refused => say(answer),
            _ => None,
        });
        let fake = fake.await.unwrap();
        let mut client = connect(&fake).await;
        let recipients = to(&["a@b.example", "b@b.example"]);
        let replies = client.send(&ann(), &recipients, message("hello")).await;
        for reply in replies.unwrap() {
            assert_eq!(reply.to_string(), answer);
        }
        assert!(client.is_usable());
    }
}

#[tokio::test]
async fn many_recipients_go_in_groups() {
    let fake = Fake::start(|_| None).await.unwrap();
    let mut client = connect(&fake).await;
    let addresses: Vec<_> = (0..200).map(|n| format!("{n}@b.example")).collect();
    let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
    let replies = send(&mut client, &addresses, "hello");
    let replies = replies.await.unwrap();
    assert_eq!(replies.len(), 200);
    assert!(replies.iter().all(|reply| reply.code == 250));
}

#[tokio::test]
async fn what_is_offered_decides_what_is_said() {
    let sender = Sender {
        size_bytes: Some(5),
        ret: Some(Return::Full),
        body: BodyKind::EightBitMime,
        ..ann()
    };
    let recipients = [Recipient {
        notify: Some(Notify {
            success: true,
            ..Notify::default()
        }),
        ..to(&["bob@b.example"])[0].clone()
    }];
    let fake = Fake::start(|_| None).await.unwrap();
    let mut client = connect(&fake).await;
    let sent = client.send(&sender, &recipients, message("hello")).await;
    assert_eq!(sent.unwrap()[0].code, 250);
    let lines = fake.heard().lines;
    assert_eq!(
        lines[2..4],
        [
            "1 MAIL FROM:<ann@us.example> SIZE=5 BODY=8BITMIME RET=FULL",
            "1 RCPT TO:<bob@b.example> NOTIFY=SUCCESS",
        ]
    );

    let fake = Fake::start(|line| match line {
        line if line.starts_with("EHLO") => say("500 what?"),
        _ => None,
    });
    let fake = fake.await.unwrap();
    let mut client = connect(&fake).await;
    let sent = client.send(&sender, &recipients, message("hello")).await;
    let why = sent.unwrap()[0].to_string();
    assert!(why.starts_with("554 5.6.3 "), "{why}");
    assert_eq!(
        fake.heard().lines,
        ["1 ", "1 EHLO us.example", "1 HELO us.example"]
    );
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_never_ended() {
    let fake = Fake::start(|_| None).await.unwrap();
    let mut client = connect(&fake).await;
    let broken = stream::iter([
        Ok(Bytes::from_static(b"half")),
        Err(io::Error::other("the disk")),
    ]);
    let sent = client.send(&ann(), &to(&["bob@b.example"]), broken).await;
    let broken = sent.unwrap_err();
    assert_eq!(broken.point, Point::Before);
    assert!(matches!(broken.error, ClientError::Message(_)));
    assert!(!client.is_usable());
    drop(client);
    assert!(fake.heard().messages.is_empty());
}
