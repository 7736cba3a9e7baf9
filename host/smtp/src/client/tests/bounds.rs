//! Servers that hang, flood and vanish.

use super::*;
use crate::client::fake::{Act, say};
use crate::client::{Broken, Point, Step};

/// Gives a server a short time at this step, and a long one at the others.
fn short_at(step: Step) -> Timeouts {
    let long = all(LONG);
    match step {
        Step::Greeting => Timeouts {
            greeting: SHORT,
            ..long
        },
        Step::Hello => Timeouts {
            command: SHORT,
            ..long
        },
        Step::Mail => Timeouts {
            mail: SHORT,
            ..long
        },
        Step::Recipient => Timeouts {
            recipient: SHORT,
            ..long
        },
        Step::Data => Timeouts {
            data: SHORT,
            ..long
        },
        _ => Timeouts {
            done: SHORT,
            ..long
        },
    }
}

async fn try_to_send(
    fake: &Fake,
    timeouts: Timeouts,
) -> Result<Vec<Reply>, Result<Broken, ClientError>> {
    let mut client = connect_within(fake, timeouts).await.map_err(Err)?;
    let recipients = to(&["no@b.example", "bob@b.example"]);
    let sent = client.send(&ann(), &recipients, message("hello")).await;
    sent.map_err(Ok)
}

/// At each step a server does this; what is said of it.
async fn at_each_step(act: Act, check: impl Fn(Step, ClientError, &str)) {
    for (at, step, point) in [
        ("", Step::Greeting, None),
        ("EHLO", Step::Hello, None),
        ("MAIL", Step::Mail, Some(Point::Before)),
        ("RCPT", Step::Recipient, Some(Point::Before)),
        ("DATA", Step::Data, Some(Point::Before)),
        (".", Step::Done, Some(Point::After)),
    ] {
        let act = act.clone();
        let fake = Fake::start(move |line| match line.split(' ').next() {
            Some(verb) if verb == at => Some(act.clone()),
            _ if line == "RCPT TO:<no@b.example>" => say("550 no"),
            _ => None,
        });
        let fake = fake.await.unwrap();
        match (try_to_send(&fake, short_at(step)).await, point) {
            (Err(Err(error)), None) => check(step, error, at),
            (Err(Ok(broken)), Some(point)) => {
                assert_eq!(broken.point, point, "{at}");
                let refused = broken.refused.iter().filter(|no| no.is_some()).count();
                let expected = usize::from(matches!(step, Step::Data | Step::Done));
                assert_eq!(refused, expected, "{at}");
                check(step, broken.error, at);
            }
            (other, _) => panic!("{at}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_at_any_step_is_left() {
    at_each_step(Act::Hang, |step, error, at| {
        let ClientError::TimedOut(found) = error else {
            panic!("{at}: {error}");
        };
        assert_eq!(found, step);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_closes_at_any_step_is_left() {
    at_each_step(Act::Close, |step, error, at| match error {
        ClientError::Closed(found) | ClientError::Io(found, _) => assert_eq!(found, step),
        error => panic!("{at}: {error}"),
    })
    .await;
}

#[tokio::test]
async fn an_answer_without_end_is_left() {
    for flood in ["250-and more\r\n", "x"] {
        let flood = flood.repeat(1000);
        let fake = Fake::start(move |line| match line {
            line if line.starts_with("EHLO") => Some(Act::Flood(flood.clone())),
            _ => None,
        });
        let fake = fake.await.unwrap();
        let error = connect_within(&fake, all(LONG)).await.err().unwrap();
        assert!(
            matches!(error, ClientError::Protocol(Step::Hello, _)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_server_that_does_not_want_us_says_why() {
    for (at, answer) in [
        ("", "554 5.7.1 go away"),
        ("EHLO us.example", "421 4.3.2 busy"),
    ] {
        let fake = Fake::start(move |line| match line {
            line if line == at => say(answer),
            _ => None,
        });
        let fake = fake.await.unwrap();
        let error = connect_within(&fake, all(LONG)).await;
        let ClientError::Refused(_, reply) = error.err().unwrap() else {
            panic!("{answer}");
        };
        assert_eq!(reply.to_string(), answer);
    }
}

#[tokio::test]
async fn after_421_the_connection_is_left() {
    let fake = Fake::start(|line| match line {
        "." => say("421 4.3.2 enough"),
        _ => None,
    });
    let fake = fake.await.unwrap();
    let mut client = connect(&fake).await;
    let sent = send(&mut client, &["bob@b.example"], "hello");
    assert_eq!(sent.await.unwrap()[0].code, 421);
    assert!(!client.is_usable());
}

#[tokio::test]
async fn a_server_that_takes_no_octets_is_left() {
    let fake = Fake::start(|line| match line {
        "DATA" => Some(Act::Say("354 go on".to_owned())),
        _ => None,
    });
    let fake = fake.await.unwrap();
    let mut client = connect(&fake).await;
    // The message does not come to its end: what hangs is its reader here, and the caller's limit ends it.
    let endless = futures::stream::pending();
    let (sender, recipients) = (ann(), to(&["bob@b.example"]));
    let sent = client.send(&sender, &recipients, endless);
    assert!(tokio::time::timeout(SHORT, sent).await.is_err());
    drop(client);
    assert!(fake.heard().messages.is_empty());
}
