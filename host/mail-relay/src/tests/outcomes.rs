//! What becomes of recipients, and of what was sent.

use super::*;

#[tokio::test]
async fn each_recipient_has_their_outcome() {
    let fake = Fake::start(|line| match line {
        "RCPT TO:<no@b.example>" => say("550 5.1.1 no such user"),
        "RCPT TO:<later@b.example>" => say("450 4.2.1 busy"),
        _ => None,
    });
    let fake = fake.await.unwrap();
    let world = world_to(&fake, |_| {});
    let relayed = world.send(&[
        "yes@b.example",
        "no@b.example",
        "later@B.example",
        "later@b.example",
    ]);
    let relayed = relayed.await;
    let found: Vec<_> = relayed
        .iter()
        .map(|relayed| {
            (
                relayed.delivered,
                relayed.smtp_reply.as_str(),
                relayed.tells,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (Delivered::Unknown, "250 2.0.0 it is kept", true),
            (Delivered::No, "550 5.1.1 no such user", false),
            (Delivered::Unknown, "250 2.0.0 it is kept", true),
            (Delivered::Queued, "450 4.2.1 busy", false),
        ]
    );
    for relayed in relayed {
        assert_eq!(relayed.remote.as_deref(), Some("127.0.0.1"));
        assert_eq!(relayed.wait_us, None);
    }
    assert_eq!(fake.heard().messages, [MESSAGE.as_bytes()]);
}

#[tokio::test]
async fn parameters_of_the_envelope_are_said() {
    let fake = Fake::start(|_| None).await.unwrap();
    let world = world_to(&fake, |_| {});
    let mut entry = queued(path(
        "bob@b.example",
        &[
            ("NOTIFY", "SUCCESS,FAILURE"),
            ("ORCPT", "rfc822;b+b@c.example"),
        ],
    ));
    entry.mail_from = path("ann@us.example", &[("RET", "HDRS"), ("ENVID", "x y")]);
    let outbound = Outbound {
        queued: vec![entry],
        bytes: stream::iter([Ok(Bytes::from_static(MESSAGE.as_bytes()))]).boxed(),
    };
    world.relay.send(outbound).await.unwrap();
    let size = MESSAGE.len();
    assert_eq!(
        fake.heard().lines[2..4],
        [
            format!("1 MAIL FROM:<ann@us.example> SIZE={size} RET=HDRS ENVID=x+20y"),
            "1 RCPT TO:<bob@b.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bb@c.example"
                .to_owned(),
        ]
    );
}

#[tokio::test]
async fn what_a_server_does_not_take_is_this_servers_word() {
    let fake = Fake::start(|line| match line {
        line if line.starts_with("EHLO") => say("250-b.example\r\n250 SIZE 50"),
        _ => None,
    });
    let fake = fake.await.unwrap();
    let world = world_to(&fake, |_| {});
    for (text, code) in [
        ("Subject: x\r\n\r\nbödy", "554 5.6.3 "),
        ("Subject: ä\r\n\r\nbody", "550 5.6.7 "),
        (
            "Subject: x\r\n\r\na body that is longer than that server takes",
            "552 5.3.4 ",
        ),
    ] {
        let relayed = world.send_text(&["bob@b.example"], text).await.remove(0);
        assert_eq!(
            (relayed.delivered, &relayed.remote),
            (Delivered::No, &None),
            "{text}"
        );
        assert!(
            relayed.smtp_reply.starts_with(code),
            "{}",
            relayed.smtp_reply
        );
    }
    let relayed = world
        .send_text(&["bob@b.example"], "a\nbare\r\n.\nline\r")
        .await;
    assert_eq!(relayed[0].delivered, Delivered::Unknown);
    assert_eq!(fake.heard().messages, [b"a\r\nbare\r\n..\r\nline\r\n"]);
    assert_eq!(fake.heard().connections, 1);
}

#[tokio::test]
async fn what_leaves_is_signed_by_its_domain() {
    let fake = Fake::start(|_| None).await.unwrap();
    let world = world_to(&fake, |_| {});
    let algorithm = crate::Algorithm::Ed25519;
    let key = world.dkim.create("us.example", algorithm).unwrap();
    world.send_one().await;
    let message = fake.heard().messages.remove(0);
    let message = String::from_utf8(message).unwrap();
    assert!(
        message.starts_with("DKIM-Signature: v=1; a=ed25519-sha256;"),
        "{message}"
    );
    assert!(
        message.contains(&format!("s={}; d=us.example", key.selector)),
        "{message}"
    );
    assert!(message.ends_with(MESSAGE), "{message}");
    let size = format!("SIZE={}", message.len());
    assert!(
        fake.heard().lines[2].contains(&size),
        "{:?}",
        fake.heard().lines
    );
}

#[tokio::test]
async fn large_messages_and_messages_that_cannot_be_read() {
    let fake = Fake::start(|_| None).await.unwrap();
    let world = world_to(&fake, |_| {});
    let piece = Bytes::from("a line of a large message\r\n".repeat(1_000));
    let pieces: Vec<_> = (0..40).map(|_| Ok(piece.clone())).collect();
    let outbound = Outbound {
        queued: vec![queued(path("bob@b.example", &[]))],
        bytes: stream::iter(pieces).boxed(),
    };
    let relayed = world.relay.send(outbound).await.unwrap();
    assert_eq!(relayed[0].delivered, Delivered::Unknown);
    assert_eq!(fake.heard().messages[0].len(), 40 * piece.len());
    // Nothing of it is left.
    let left = std::fs::read_dir(world.directory.path()).unwrap();
    assert_eq!(left.count(), 1, "the keys");

    let broken = std::io::Error::other("the disk");
    let outbound = Outbound {
        queued: vec![queued(path("bob@b.example", &[]))],
        bytes: stream::iter([Ok(piece), Err(broken)]).boxed(),
    };
    let relayed = world.relay.send(outbound).await.unwrap();
    assert_eq!(
        relayed[0].smtp_reply,
        "451 4.3.0 the message could not be read"
    );
    assert_eq!(fake.heard().messages.len(), 1);
}

/// Gives a server a short time at the steps that are waited for so.
fn short_at(line: &str) -> Timeouts {
    let long = timeouts(LONG);
    match line {
        "" => Timeouts {
            greeting: SHORT,
            ..long
        },
        "EHLO" => Timeouts {
            command: SHORT,
            ..long
        },
        "MAIL" => Timeouts {
            mail: SHORT,
            ..long
        },
        "RCPT" => Timeouts {
            recipient: SHORT,
            ..long
        },
        "DATA" => Timeouts {
            data: SHORT,
            ..long
        },
        _ => Timeouts {
            done: SHORT,
            ..long
        },
    }
}

#[tokio::test]
async fn a_server_that_hangs_at_any_step_is_tried_later() {
    for at in ["", "EHLO", "MAIL", "RCPT", "DATA", "."] {
        let fake = Fake::start(move |line| match line.split(' ').next() {
            Some(verb) if verb == at => Some(Act::Hang),
            _ => None,
        });
        let fake = fake.await.unwrap();
        let world = world_to(&fake, |options| options.timeouts = short_at(at));
        let relayed = world.send_one().await;
        assert_eq!(relayed.delivered, Delivered::Queued, "{at}");
        let reply = relayed.smtp_reply;
        assert!(reply.contains("timed out"), "{at}: {reply}");
    }
}

#[tokio::test]
async fn a_message_is_worked_on_for_so_long_and_no_longer() {
    let fake = Fake::start(|line| match line {
        "." => Some(Act::Hang),
        "RCPT TO:<no@b.example>" => say("550 no"),
        _ => None,
    });
    let fake = fake.await.unwrap();
    let world = world_to(&fake, |options| options.deadline = SHORT);
    let relayed = world.send(&["no@b.example", "bob@b.example"]).await;
    assert!(
        relayed
            .iter()
            .all(|relayed| relayed.delivered == Delivered::Queued)
    );
    assert_eq!(relayed[1].smtp_reply, "451 4.4.2 sending took too long");
}
