//! What senders are told of what became of their messages, and what a relay is given.

use std::sync::Mutex;

use futures::TryStreamExt;

use super::*;
use crate::background::{Outbound, Relay, Relayed, lock};
use crate::store::{NewSubmission, QueueFilter, QueueState, Queued};
use crate::types::{Delivered, Envelope, Path, SubmissionId};

const US_PER_HOUR: TimeUs = 3_600 * US_PER_S;

/// A relay that has the same outcome for all, and remembers the recipients it was given, and the message.
struct Told {
    outcome: Mutex<Relayed>,
    given: Mutex<Vec<(Vec<String>, Vec<u8>)>>,
}

impl Told {
    fn says(delivered: Delivered, smtp_reply: &str) -> Arc<Self> {
        let outcome = Relayed {
            remote: Some("mx.elsewhere.example".to_owned()),
            ..Relayed::here(delivered, smtp_reply)
        };
        Arc::new(Self {
            outcome: Mutex::new(outcome),
            given: Mutex::default(),
        })
    }
}

impl Relay for Told {
    fn send(&self, outbound: Outbound) -> Answer<'_, Vec<Relayed>> {
        Box::pin(async move {
            let pieces: Vec<Bytes> = outbound.bytes.try_collect().await.unwrap();
            let to: Vec<_> = outbound
                .queued
                .iter()
                .map(|q| q.recipient.email.clone())
                .collect();
            let outcomes = vec![lock(&self.outcome).clone(); to.len()];
            lock(&self.given).push((to, pieces.concat()));
            Ok(outcomes)
        })
    }
}

async fn world(relay: Arc<Told>) -> World {
    let World {
        mail,
        clock,
        dir,
        ann,
        bob,
    } = World::new().await;
    mail.store.close().await.unwrap();
    drop(mail);
    let mut setup = setup(&dir, &clock).await;
    setup.relay = Some(relay);
    setup.options.host_name = "mail.example.org".to_owned();
    World {
        mail: Arc::new(Mail::new(setup)),
        clock,
        dir,
        ann,
        bob,
    }
}

fn path(email: &str, parameters: &[(&str, &str)]) -> Path {
    let parameters = parameters.iter();
    Path {
        email: email.to_owned(),
        parameters: parameters
            .map(|(n, v)| ((*n).to_owned(), Some((*v).to_owned())))
            .collect(),
    }
}

/// Queues a message of ann's; its header has more than ASCII.
async fn queue(world: &World, mail_from: Path, rcpt_to: Vec<Path>) -> SubmissionId {
    let text = message("Grüße", "1", "");
    let made = world.import(world.ann, "sent", &text).await;
    let ids = vec![made.id];
    let (rows, _) = world.mail.store.emails(world.ann, ids).await.unwrap();
    let now_us = world.mail.now_us();
    let submission = NewSubmission {
        id: SubmissionId::generate(),
        account: world.ann,
        email: None,
        blob: rows[0].blob,
        envelope: Envelope { mail_from, rcpt_to },
        send_at_us: now_us,
        category: 0,
        idempotency_key: None,
        now_us,
    };
    world
        .mail
        .store
        .submit(submission)
        .await
        .unwrap()
        .unwrap()
        .id
}

/// The reports that ann has, as texts, in the order of their arrival.
async fn reports(world: &World) -> Vec<String> {
    let mut reports = Vec::new();
    for email in world.emails_in(world.ann, "inbox").await {
        let bytes = world
            .bytes(world.ann, &email.blob_id.to_string())
            .await
            .unwrap();
        reports.push(String::from_utf8(bytes).unwrap());
    }
    reports
}

async fn take(world: &World) -> Vec<Queued> {
    let now_us = world.mail.now_us();
    let taken = world.mail.store.take_queued(now_us, now_us + US_PER_S, 10);
    taken.await.unwrap()
}

#[tokio::test]
async fn a_failure_is_told_once_with_the_header() {
    let relay = Told::says(Delivered::No, "550 5.1.1 nobody of that name");
    let world = world(Arc::clone(&relay)).await;
    let to = vec![path(
        "dan@elsewhere.example",
        &[("ORCPT", "rfc822;dan+x@first.example")],
    )];
    queue(&world, path("ann@example.org", &[("envid", "order 7")]), to).await;
    let taken = take(&world).await;
    // A worker that ends before it noted the outcome, and the next, which is told the same.
    for queued in [taken.clone(), taken] {
        let relayed = world.mail.transmit(&queued).await.unwrap();
        world
            .mail
            .note(queued[0].clone(), relayed[0].clone())
            .await
            .unwrap();
    }
    let reports = reports(&world).await;
    assert_eq!(reports.len(), 1);
    let report = concierge_mail_message::read(reports[0].as_bytes());
    assert!(report.header("Auto-Submitted").is_some());
    for line in [
        "From: Mail Delivery System <MAILER-DAEMON@mail.example.org>",
        "To: <ann@example.org>",
        "Content-Type: multipart/report; report-type=delivery-status;",
        "Original-Envelope-Id: order 7",
        "Reporting-MTA: dns; mail.example.org",
        "Original-Recipient: rfc822; dan+x@first.example",
        "Final-Recipient: rfc822; dan@elsewhere.example",
        "Action: failed",
        "Status: 5.1.1",
        "Remote-MTA: dns; mx.elsewhere.example",
        "Diagnostic-Code: smtp; 550 5.1.1 nobody of that name",
        "Content-Type: message/global-headers",
        "Subject: Grüße",
    ] {
        let found = reports[0].lines().any(|found| found.trim_end() == line);
        assert!(found, "{line}\n{}", reports[0]);
    }
    assert!(!reports[0].contains("Hello Grüße"), "the header alone");
    let longest = reports[0].lines().map(str::len).max();
    assert!(longest < Some(120), "{longest:?}");
}

/// What an entry came to is told again when somebody had it tried again.
#[tokio::test]
async fn what_is_tried_anew_is_told_anew() {
    let relay = Told::says(Delivered::No, "550 5.7.1 not you");
    let world = world(relay).await;
    let id = queue(
        &world,
        path("ann@example.org", &[]),
        vec![path("dan@elsewhere.example", &[])],
    );
    let id = id.await;
    assert_eq!(world.mail.send_queued().await, Ok(1));
    world.clock.advance_us(US_PER_S);
    let (now_us, recipient) = (world.mail.now_us(), "dan@elsewhere.example".to_owned());
    world
        .mail
        .store
        .retry_queued(world.ann, id, recipient, now_us)
        .await
        .unwrap();
    assert_eq!(world.mail.send_queued().await, Ok(1));
    assert_eq!(reports(&world).await.len(), 2);
}

#[tokio::test]
async fn senders_are_told_what_they_asked_for() {
    let never = [("NOTIFY", "NEVER")];
    let success = [("notify", "success")];
    let yes = (Delivered::Unknown, "250 2.0.0 queued");
    let no = (Delivered::No, "550 5.1.1 nobody");
    for (ann, parameters, (delivered, smtp_reply), expected) in [
        ("ann@example.org", &never[..], no, None),
        ("ann@example.org", &success, no, None),
        ("", &[], no, None),
        ("ann@example.org", &[], yes, None),
        ("ann@example.org", &success, yes, Some("Action: relayed")),
    ] {
        let world = world(Told::says(delivered, smtp_reply)).await;
        let to = vec![path("dan@elsewhere.example", parameters)];
        queue(&world, path(ann, &[]), to).await;
        assert_eq!(world.mail.send_queued().await, Ok(1));
        let reports = reports(&world).await;
        let found = reports
            .first()
            .map(|report| report.lines().any(|l| Some(l) == expected));
        assert_eq!(
            found,
            expected.map(|_| true),
            "{parameters:?} {delivered:?}"
        );
    }
}

/// A server that tells itself is left to do so; who is here is told of by this server.
#[tokio::test]
async fn success_is_told_by_who_delivers() {
    let relay = Told::says(Delivered::Unknown, "250 2.0.0 queued");
    lock(&relay.outcome).tells = true;
    let world = world(relay).await;
    let success = [("NOTIFY", "SUCCESS,FAILURE")];
    let to = ["dan@elsewhere.example", "bob@example.org"];
    let to = to.map(|email| path(email, &success)).to_vec();
    queue(&world, path("ann@example.org", &[("RET", "FULL")]), to).await;
    assert_eq!(world.mail.send_queued().await, Ok(2));
    let reports = reports(&world).await;
    assert_eq!(reports.len(), 1);
    for text in [
        "Final-Recipient: rfc822; bob@example.org\r\n",
        "Action: delivered\r\nStatus: 2.1.5\r\n",
        "Content-Type: message/rfc822\r\n",
        "Hello Grüße.",
    ] {
        assert!(reports[0].contains(text), "{text}\n{}", reports[0]);
    }
}

#[tokio::test]
async fn delay_is_told_once_and_expiry_in_the_end() {
    let relay = Told::says(Delivered::Queued, "451 4.7.1 later");
    let world = world(relay).await;
    let to = vec![path(
        "dan@elsewhere.example",
        &[("NOTIFY", "DELAY,FAILURE")],
    )];
    queue(&world, path("ann@example.org", &[]), to).await;
    assert_eq!(world.mail.send_queued().await, Ok(1));
    assert_eq!(reports(&world).await.len(), 0);
    for _ in 0..3 {
        world.clock.advance_us(5 * US_PER_HOUR);
        assert_eq!(world.mail.send_queued().await, Ok(1));
        let reports = reports(&world).await;
        assert_eq!(reports.len(), 1);
        assert!(reports[0].contains("Action: delayed\r\nStatus: 4.7.1\r\n"));
    }
    world.clock.advance_us(5 * US_PER_DAY);
    assert_eq!(world.mail.send_queued().await, Ok(1));
    let reports = reports(&world).await;
    assert!(reports[1].contains("Action: failed\r\nStatus: 4.4.7\r\n"));
    assert_eq!(world.mail.send_queued().await, Ok(0));
}

/// A sender elsewhere, for whom mail is passed on, is told by mail: from nobody, and once.
#[tokio::test]
async fn senders_elsewhere_are_told_by_mail() {
    let relay = Told::says(Delivered::No, "550 5.1.1 nobody");
    let world = world(Arc::clone(&relay)).await;
    queue(
        &world,
        path("eve@elsewhere.example", &[]),
        vec![path("cay@example.org", &[])],
    )
    .await;
    let taken = take(&world).await;
    for _ in 0..2 {
        let relayed = world.mail.transmit(&taken).await.unwrap();
        world
            .mail
            .note(taken[0].clone(), relayed[0].clone())
            .await
            .unwrap();
    }
    let sent = take(&world).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].mail_from.email, "");
    assert_eq!(sent[0].recipient.email, "eve@elsewhere.example");
    let relayed = world.mail.transmit(&sent).await.unwrap();
    world
        .mail
        .note(sent[0].clone(), relayed[0].clone())
        .await
        .unwrap();
    {
        let given = lock(&relay.given);
        assert_eq!(given.len(), 1);
        assert!(String::from_utf8_lossy(&given[0].1).contains("cay@example.org"));
    }
    assert!(
        take(&world).await.is_empty(),
        "a report is not answered by another"
    );
}

#[tokio::test]
async fn a_relay_has_the_recipients_of_a_domain_together() {
    let relay = Told::says(Delivered::Unknown, "250 2.0.0 queued");
    let world = world(Arc::clone(&relay)).await;
    let to = [
        "a@x.example",
        "b@y.example",
        "bob@example.org",
        "c@X.example",
    ];
    let to = to.map(|email| path(email, &[])).to_vec();
    queue(&world, path("ann@example.org", &[]), to).await;
    assert_eq!(world.mail.send_queued().await, Ok(4));
    let mut given: Vec<_> = lock(&relay.given)
        .iter()
        .map(|(to, _)| to.clone())
        .collect();
    given.sort();
    assert_eq!(
        given,
        [vec!["a@x.example", "c@X.example"], vec!["b@y.example"]]
    );
    assert_eq!(world.emails_in(world.bob, "inbox").await.len(), 1);
}

#[tokio::test]
async fn what_is_put_off_for_a_moment_goes_then() {
    let relay = Told::says(Delivered::Queued, "450 4.4.5 others go first");
    lock(&relay.outcome).wait_us = Some(1_000);
    let world = world(Arc::clone(&relay)).await;
    let to = vec![
        path("dan@elsewhere.example", &[]),
        path("eve@elsewhere.example", &[]),
    ];
    queue(&world, path("ann@example.org", &[]), to).await;
    world.mail.background.start(&world.mail);
    let tried = |count: usize| {
        let relay = Arc::clone(&relay);
        async move {
            while lock(&relay.given).len() < count {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
    };
    // The clock stands still: the store would say that nothing is due.
    tried(5).await;
    *lock(&relay.outcome) = Relayed::here(Delivered::Unknown, "250 2.0.0 taken");
    let all = || world.mail.store.queue(QueueFilter::default(), 10);
    while !all().await.unwrap().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let given = lock(&relay.given).clone();
    assert!(
        given.iter().all(|(to, _)| to.len() == 2),
        "they stay together"
    );
    world.mail.close().await.unwrap();
}

#[tokio::test]
async fn what_is_put_off_for_long_waits_in_the_store() {
    let relay = Told::says(Delivered::Queued, "450 4.4.1 not there");
    lock(&relay.outcome).wait_us = Some(30 * US_PER_S);
    let world = world(Arc::clone(&relay)).await;
    let to = vec![path("dan@elsewhere.example", &[])];
    queue(&world, path("ann@example.org", &[]), to).await;
    world.mail.background.start(&world.mail);
    let waits = async || {
        let all = world.mail.store.queue(QueueFilter::default(), 10).await;
        all.unwrap().first().map(|entry| entry.state)
    };
    let expected = Some(QueueState::Waiting {
        due_us: NOW_US + 30 * US_PER_S,
    });
    while waits().await != expected {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(lock(&relay.given).len(), 1);
    world.mail.close().await.unwrap();
}
