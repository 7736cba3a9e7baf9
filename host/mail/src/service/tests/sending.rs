//! Submissions, delivery here, answers of who is away, letters of components.

use super::*;
use crate::error::Reason;
use crate::service::{Delivery, DeliveryRequest};
use crate::store::VACATION_PERIOD_US;
use crate::types::calls;
use crate::types::calls::outgoing::{self, Attachment, Category, Letter};
use crate::types::calls::submissions::{Edit as Submit, Request};
use crate::types::{DataType, Delivered, Envelope, Path, SubmissionId, UndoStatus, Vacation};

async fn request(world: &World, email: &Made) -> Request {
    let (senders, _) = world
        .mail
        .senders(world.ann, &world.ann.to_string())
        .await
        .unwrap();
    Request {
        sender_id: senders[0].id.to_string(),
        email_id: email.id.to_string(),
        envelope: None,
        send_at_us: None,
    }
}

async fn submit(world: &World, request: Request) -> Result<SubmissionId, Reason> {
    let text = world.ann.to_string();
    let edits = vec![Submit::Create(request)];
    let outcomes = world.mail.set_submissions(world.ann, &text, None, edits);
    let item = outcomes.await.unwrap().items.remove(0);
    item.map_err(|refusal| refusal.reason)
}

fn envelope(from: &str, to: &[&str]) -> Envelope {
    let path = |email: &str| Path {
        email: email.to_owned(),
        parameters: Vec::new(),
    };
    Envelope {
        mail_from: path(from),
        rcpt_to: to.iter().map(|email| path(email)).collect(),
    }
}

#[tokio::test]
async fn what_is_sent_arrives_once_and_without_bcc() {
    let world = World::new().await;
    let bytes = message(
        "news",
        "1",
        "Bcc: BOB@example.org,\r\n\tcay@example.org\r\n",
    );
    let email = world.import(world.ann, "sent", &bytes).await;
    let id = submit(&world, request(&world, &email).await).await.unwrap();
    assert_eq!(world.mail.send_queued().await, Ok(2));

    let arrived = world.emails_in(world.bob, "inbox").await;
    assert_eq!(arrived.len(), 1);
    let received = world
        .bytes(world.bob, &arrived[0].blob_id.to_string())
        .await
        .unwrap();
    assert_eq!(received, message("news", "1", "").as_bytes());

    let text = world.ann.to_string();
    let (submissions, _) = world
        .mail
        .submissions(world.ann, &text, vec![id.to_string()])
        .await
        .unwrap();
    assert_eq!(submissions[0].undo_status, UndoStatus::Final);
    let outcomes: Vec<_> = submissions[0]
        .deliveries
        .iter()
        .map(|status| (status.recipient.as_str(), status.delivered))
        .collect();
    // The domain is ours, and cay is nobody there.
    assert_eq!(
        outcomes,
        [
            ("bob@example.org", Delivered::Yes),
            ("cay@example.org", Delivered::No)
        ]
    );
    assert_eq!(world.mail.send_queued().await, Ok(0));
}

/// A worker that ends between delivering and noting it leaves the entry to the next, which must not deliver again.
#[tokio::test]
async fn a_crash_between_delivery_and_outcome_doubles_nothing() {
    let world = World::new().await;
    let email = world
        .import(world.ann, "sent", &message("news", "1", ""))
        .await;
    submit(&world, request(&world, &email).await).await.unwrap();
    let now_us = world.mail.now_us();
    let taken = world
        .mail
        .store
        .take_queued(now_us, now_us + US_PER_S, 10)
        .await
        .unwrap();
    assert_eq!(taken.len(), 1);
    let sent = world.mail.transmit(&taken).await.unwrap();
    assert_eq!(sent[0].delivered, Delivered::Yes);
    assert_eq!(world.mail.send_queued().await, Ok(0), "it is taken");

    let World {
        mail,
        clock,
        dir,
        ann,
        bob,
    } = world;
    mail.store.close().await.unwrap();
    drop(mail);
    clock.advance_us(2 * US_PER_S);
    let mail = open(&dir, &clock).await;
    let world = World {
        mail,
        clock,
        dir,
        ann,
        bob,
    };
    assert_eq!(world.mail.send_queued().await, Ok(1));
    assert_eq!(world.emails_in(world.bob, "inbox").await.len(), 1);
}

/// The work behind, as it runs: what is sent arrives, who listens is told, and all of it ends with the service.
#[tokio::test]
async fn the_work_behind_delivers_tells_and_ends() {
    let World {
        mail,
        clock,
        dir,
        ann,
        bob,
    } = World::new().await;
    mail.store.close().await.unwrap();
    drop(mail);
    let mail = Mail::start(setup(&dir, &clock).await);
    let world = World {
        mail,
        clock,
        dir,
        ann,
        bob,
    };
    let subscription = calls::events::Subscription {
        types: vec![DataType::EmailDelivery],
        close_after_state: true,
        ..Default::default()
    };
    let stream = world.mail.listen(bob, subscription).await.unwrap();
    let email = world.import(ann, "sent", &message("news", "1", "")).await;
    submit(&world, request(&world, &email).await).await.unwrap();
    let told = String::from_utf8(collected(stream).await).unwrap();
    assert!(told.contains("EmailDelivery"), "{told}");
    assert_eq!(world.emails_in(bob, "inbox").await.len(), 1);

    let endless = world.mail.listen(bob, Default::default()).await.unwrap();
    world.mail.close().await.unwrap();
    collected(endless).await;
    let late = world
        .mail
        .upload(ann, &ann.to_string(), whole("late"))
        .await;
    assert!(matches!(late, Err(Error::SlowDown(_))), "{late:?}");
}

#[tokio::test]
async fn what_is_for_others_waits_for_a_route() {
    let world = World::new().await;
    let email = world
        .import(world.ann, "sent", &message("news", "1", ""))
        .await;
    let mut asked = request(&world, &email).await;
    asked.envelope = Some(envelope("ann+x@example.org", &["dan@elsewhere.example"]));
    let id = submit(&world, asked).await.unwrap();
    assert_eq!(world.mail.send_queued().await, Ok(1));
    assert_eq!(world.mail.send_queued().await, Ok(0));
    let status = async || {
        let ids = vec![id.to_string()];
        let text = world.ann.to_string();
        let (submissions, _) = world.mail.submissions(world.ann, &text, ids).await.unwrap();
        submissions[0].deliveries[0].clone()
    };
    assert_eq!(status().await.delivered, Delivered::Queued);
    assert_eq!(
        status().await.smtp_reply,
        "450 4.4.4 no route configured yet"
    );
    world.clock.advance_us(6 * US_PER_DAY);
    assert_eq!(world.mail.send_queued().await, Ok(1));
    assert_eq!(
        status().await.delivered,
        Delivered::No,
        "it was tried for days"
    );
}

#[tokio::test]
async fn a_submission_is_checked_and_can_be_taken_back() {
    let world = World::new().await;
    let (ann, text) = (world.ann, world.ann.to_string());
    let good = world.import(ann, "sent", &message("news", "1", "")).await;
    let forged = message("news", "2", "").replace("ann@", "bob@");
    let forged = world.import(ann, "sent", &forged).await;
    let anonymous = world
        .import(ann, "sent", "To: bob@example.org\r\n\r\n")
        .await;
    let lonely = world
        .import(ann, "sent", "From: ann@example.org\r\n\r\n")
        .await;
    for (email, reason) in [
        (&forged, Reason::ForbiddenFrom),
        (&anonymous, Reason::InvalidEmail),
        (&lonely, Reason::NoRecipients),
    ] {
        assert_eq!(
            submit(&world, request(&world, email).await).await,
            Err(reason)
        );
    }
    for (envelope, reason) in [
        (
            envelope("bob@example.org", &["bob@example.org"]),
            Reason::ForbiddenMailFrom,
        ),
        (envelope("ann@example.org", &[]), Reason::NoRecipients),
        (
            envelope("ann@example.org", &["bob"]),
            Reason::InvalidRecipients,
        ),
    ] {
        let mut asked = request(&world, &good).await;
        asked.envelope = Some(envelope);
        assert_eq!(submit(&world, asked).await, Err(reason));
    }
    let mut unknown = request(&world, &good).await;
    unknown.sender_id = "i".to_owned();
    assert_eq!(
        submit(&world, unknown).await,
        Err(Reason::InvalidProperties)
    );

    let mut later = request(&world, &good).await;
    later.send_at_us = Some(NOW_US + US_PER_DAY);
    let id = submit(&world, later).await.unwrap();
    assert_eq!(world.mail.send_queued().await, Ok(0));
    let cancel = || {
        vec![
            Submit::Cancel(id.to_string()),
            Submit::Cancel("none".to_owned()),
        ]
    };
    let outcomes = world
        .mail
        .set_submissions(ann, &text, None, cancel())
        .await
        .unwrap();
    assert_eq!(outcomes.items[0], Ok(id));
    assert_eq!(
        outcomes.items[1].as_ref().unwrap_err().reason,
        Reason::NotFound
    );
    assert!(outcomes.new_state > outcomes.old_state);
    world.clock.advance_us(2 * US_PER_DAY);
    assert_eq!(world.mail.send_queued().await, Ok(0));
    let stale = world
        .mail
        .set_submissions(ann, &text, Some(outcomes.old_state), cancel());
    assert_eq!(stale.await.unwrap_err(), Error::StateMismatch);
}

async fn deliver(world: &World, delivery: &str, from: &str, more: &str) -> Delivery {
    let bytes =
        format!("From: {from}\r\nTo: bob@example.org\r\nSubject: hi\r\n{more}\r\nhello\r\n");
    let request = DeliveryRequest {
        recipient: "bob@example.org".to_owned(),
        mail_from: from.to_owned(),
        delivery: delivery.to_owned(),
        bytes: bytes.into(),
        role: None,
    };
    world.mail.deliver(request).await.unwrap()
}

#[tokio::test]
async fn who_is_away_answers_each_sender_once_in_a_while() {
    let world = World::new().await;
    let (ann, bobs) = (world.ann, world.bob.to_string());
    let away = Vacation {
        enabled: true,
        text: Some("I am away.".to_owned()),
        subject: Some("Fort für eine Weile".to_owned()),
        ..Vacation::default()
    };
    world
        .mail
        .set_vacation(world.bob, &bobs, None, away)
        .await
        .unwrap();
    let answers = async || {
        while world.mail.send_queued().await.unwrap() > 0 {}
        world.emails_in(ann, "inbox").await
    };
    let from = "ann@example.org";
    deliver(&world, "1", from, "List-Id: <l.example.org>\r\n").await;
    deliver(&world, "2", from, "Auto-Submitted: auto-generated\r\n").await;
    deliver(&world, "3", "", "").await;
    assert!(answers().await.is_empty());

    deliver(&world, "4", from, "Message-ID: <4@example.org>\r\n").await;
    assert_eq!(deliver(&world, "4", from, "").await, Delivery::Before);
    deliver(&world, "5", from, "").await;
    let answered = answers().await;
    assert_eq!(answered.len(), 1);
    let header = |name: &str| {
        let mut fields = answered[0].headers.iter();
        let field = fields.find(|field| field.name == name).unwrap();
        concierge_mail_message::text(field.value.as_bytes())
    };
    assert_eq!(header("Subject"), "Fort für eine Weile");
    assert_eq!(header("In-Reply-To"), "<4@example.org>");
    assert_eq!(answered[0].preview, "I am away.");

    // An answer is not answered, though ann is away too.
    let away = Vacation {
        enabled: true,
        ..Vacation::default()
    };
    world
        .mail
        .set_vacation(ann, &ann.to_string(), None, away)
        .await
        .unwrap();
    world.clock.advance_us(VACATION_PERIOD_US + US_PER_S);
    deliver(&world, "6", from, "").await;
    assert_eq!(answers().await.len(), 2);
    assert_eq!(world.emails_in(world.bob, "inbox").await.len(), 6);
}

#[tokio::test]
async fn a_delivery_goes_to_its_mailbox_or_tells_why_not() {
    let world = World::new().await;
    let request = |recipient: &str, role: Option<&str>| DeliveryRequest {
        recipient: recipient.to_owned(),
        mail_from: "ann@example.org".to_owned(),
        delivery: recipient.to_owned(),
        bytes: message("one", "1", "").into(),
        role: role.map(str::to_owned),
    };
    let spam = world
        .mail
        .deliver(request("Bob+x@example.org", Some("junk")))
        .await;
    assert!(matches!(spam, Ok(Delivery::Delivered(_))));
    assert_eq!(world.emails_in(world.bob, "junk").await.len(), 1);
    let unknown = world.mail.deliver(request("cay@example.org", None)).await;
    assert_eq!(unknown, Ok(Delivery::UnknownRecipient));

    let full = NewAccount {
        id: world.bob,
        name: "bob".to_owned(),
        addresses: vec!["bob@example.org".to_owned()],
        quota_octets: 10,
        quota_count: 10,
    };
    world.mail.store.put_account(full).await.unwrap();
    let full = world.mail.deliver(request("bob@example.org", None)).await;
    assert_eq!(full, Ok(Delivery::OverQuota));
}

fn letter(key: &str) -> outgoing::Message {
    outgoing::Message {
        from: "ann@example.org".to_owned(),
        from_name: Some("Ännchen".to_owned()),
        to: vec!["bob@example.org".to_owned()],
        reply_to: None,
        category: Category::Transactional,
        content: outgoing::Content::Letter(Letter {
            subject: "Größe".to_owned(),
            text: "plain".to_owned(),
            html: Some("<p>html</p>".to_owned()),
            attachments: vec![Attachment {
                name: "a.ics".to_owned(),
                content_type: "text/calendar".to_owned(),
                bytes: b"BEGIN:VCALENDAR".to_vec(),
            }],
        }),
        idempotency_key: key.to_owned(),
    }
}

#[tokio::test]
async fn a_letter_with_a_key_is_sent_once() {
    let world = World::new().await;
    let (ann, text) = (world.ann, world.ann.to_string());
    let first = world.mail.send(ann, &text, letter("k")).await.unwrap();
    world.clock.advance_us(US_PER_S);
    assert_eq!(world.mail.send(ann, &text, letter("k")).await, Ok(first));
    while world.mail.send_queued().await.unwrap() > 0 {}
    let arrived = world.emails_in(world.bob, "inbox").await;
    assert_eq!(arrived.len(), 1);
    assert!(arrived[0].has_attachment);
    assert_eq!(arrived[0].preview, "plain");

    let mut forged = letter("other");
    forged.from = "bob@example.org".to_owned();
    let refused = world.mail.send(ann, &text, forged).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let mut forged = letter("other");
    forged.content = outgoing::Content::Mime(b"From: bob@example.org\r\n\r\n".to_vec());
    let refused = world.mail.send(ann, &text, forged).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    for wrong in ["", &"k".repeat(256)] {
        let refused = world.mail.send(ann, &text, letter(wrong)).await;
        assert!(matches!(refused, Err(Error::InvalidArguments(_))));
    }
}
