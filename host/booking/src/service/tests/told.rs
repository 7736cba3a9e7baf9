//! Who is told what: those who wait, webhooks, and the mail service.

use std::sync::Mutex;

use tokio::sync::mpsc;

use super::*;
use crate::authorize::hmac_sha256;
use crate::background::{Sent, tell_waiting};
use crate::error::Conflict;
use crate::rules::fixture::stay;
use crate::store::QueuedMail;
use crate::types::Action;

impl House {
    async fn wait(&self, name: &str, stay: Stay) -> Result<crate::types::Waiting, Error> {
        let mut request = request(stay);
        request.guest.email = format!("{name}@example.org");
        self.booking.wait(SEA, request, key("wait"), CLIENT).await
    }

    async fn cancel(&self, made: &ReservationView) {
        let id = made.id.to_string();
        let cancelled = self
            .booking
            .act(&self.admin, SEA, &id, Action::Cancel, None, None, CLIENT);
        cancelled.await.unwrap().outcome.unwrap();
    }

    /// Who was told since the last time.
    async fn told(&self) -> Vec<String> {
        tell_waiting(&self.booking, &SEA.parse().unwrap())
            .await
            .unwrap();
        let mut told = Vec::new();
        for queued in self.store.outbox(100).await.unwrap() {
            let name = queued.mail.to.split('@').next().unwrap();
            told.push(name.to_owned());
            self.store
                .mail_sent(queued.hotel, queued.mail.id)
                .await
                .unwrap();
        }
        told
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_told_in_order_and_only_of_rooms_that_are_there() {
    let house = House::open().await;
    let early = house.wait("early", stay("flex", 1, 5, 7)).await;
    assert_eq!(conflict(early), Conflict::Available);
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(house.create(stay("flex", 1, 5, 7)).await.unwrap());
    }
    house.wait("two", stay("flex", 2, 5, 7)).await.unwrap();
    house.wait("a", stay("flex", 1, 5, 6)).await.unwrap();
    house.wait("b", stay("flex", 1, 6, 7)).await.unwrap();
    house.wait("c", stay("flex", 1, 5, 7)).await.unwrap();
    assert!(house.told().await.is_empty());
    // One room: not enough for two, and enough for those who want a night each.
    house.cancel(&held.pop().unwrap()).await;
    assert_eq!(house.told().await, ["a", "b"]);
    assert!(
        house.told().await.is_empty(),
        "c waits for what they were told of"
    );
    house.cancel(&held.pop().unwrap()).await;
    assert_eq!(house.told().await, ["c"], "the other room");
    // None of them came: after their head start it is the turn of who wants both.
    house.after(crate::background::HEAD_START_US);
    assert_eq!(house.told().await, ["two"]);
    assert!(house.told().await.is_empty());
    let list = house
        .booking
        .waiting_list(&house.admin, SEA, None, 10)
        .await
        .unwrap();
    assert_eq!(list.len(), 4);
    assert!(list.iter().all(|waiting| waiting.told_us.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_tells_who_waits_without_being_asked() {
    let (mails, mut sent) = mpsc::unbounded_channel();
    let outbox = Arc::new(Post(mails, Mutex::new(1)));
    let house = House::open_with(With {
        mails: Some(outbox),
        ..With::default()
    })
    .await;
    let made = house.create(stay("flex", 5, 5, 7)).await.unwrap();
    house.wait("waits", stay("flex", 1, 5, 7)).await.unwrap();
    house.cancel(&made).await;
    // The first try fails, and it is tried again when the bell rings.
    let first = sent.recv().await.unwrap();
    house.create(stay("flex", 1, 9, 10)).await.unwrap();
    let again = sent.recv().await.unwrap();
    assert_eq!(
        (&first, first.mail.to.as_str()),
        (&again, "waits@example.org")
    );
    assert_eq!(again.mail.subject, "There is room at Hotel sea");
    while !house.store.outbox(1).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    house.booking.close().await.unwrap();
}

/// A mail service that fails so often before it takes mails.
struct Post(mpsc::UnboundedSender<QueuedMail>, Mutex<u32>);

impl MailOutbox for Post {
    fn send<'a>(&'a self, mail: &'a QueuedMail) -> Sent<'a> {
        Box::pin(async {
            self.0.send(mail.clone()).unwrap();
            let mut fails = self.1.lock().unwrap();
            match *fails {
                0 => Ok(()),
                _ => {
                    *fails -= 1;
                    Err("no".to_owned())
                }
            }
        })
    }
}

type Posted = (String, Vec<(&'static str, String)>, String);

/// A receiver of webhooks that fails so often before it takes them.
struct Hook(mpsc::UnboundedSender<Posted>, Mutex<u32>);

impl WebhookSender for Hook {
    fn post<'a>(
        &'a self,
        url: &'a str,
        headers: Vec<(&'static str, String)>,
        body: String,
    ) -> Sent<'a> {
        Box::pin(async move {
            self.0.send((url.to_owned(), headers, body)).unwrap();
            let mut fails = self.1.lock().unwrap();
            match *fails {
                0 => Ok(()),
                _ => {
                    *fails -= 1;
                    Err("status 500".to_owned())
                }
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_told_in_order_signed_and_again_after_a_failure() {
    let (posts, mut posted) = mpsc::unbounded_channel();
    let hook = Arc::new(Hook(posts, Mutex::new(1)));
    let house = House::open_with(With {
        webhooks: Some(hook),
        ..With::default()
    })
    .await;
    let webhook = house
        .booking
        .create_webhook(&house.admin, SEA, "https://example.org/h")
        .await;
    let webhook = webhook.unwrap();
    let made = house.create(stay("flex", 1, 5, 7)).await.unwrap();
    let failed = posted.recv().await.unwrap();
    loop {
        let listed = house
            .booking
            .list_webhooks(&house.admin, SEA)
            .await
            .unwrap();
        if listed[0].last_failure == "status 500" {
            break;
        }
        tokio::task::yield_now().await;
    }
    // Not before its time, and then the same again; the cancellation after it.
    house.cancel(&made).await;
    house.after(6 * US_PER_S);
    house.booking.bells.webhooks.notify_one();
    let (url, headers, body) = posted.recv().await.unwrap();
    let event: serde_json::Value = serde_json::from_str(&body).unwrap();
    let before: serde_json::Value = serde_json::from_str(&failed.2).unwrap();
    assert_eq!(url, "https://example.org/h");
    assert_eq!(event["id"], before["id"]);
    assert_eq!(event["type"], "reservation.created");
    assert_eq!(event["hotel"], SEA);
    assert_eq!(event["reservation"]["id"], made.id.to_string());
    assert_eq!(event["reservation"]["state"], "cancelled", "as it is now");
    assert_eq!(event["reservation"]["total"]["amount"], made.price.total);
    assert!(
        !body.contains("ana@example.org") && !body.contains("gt_"),
        "{body}"
    );
    let signature = &headers
        .iter()
        .find(|(name, _)| *name == "Concierge-Signature")
        .unwrap()
        .1;
    let now_s = now(&house.clock) / US_PER_S;
    let tag = hmac_sha256(
        webhook.secret.as_bytes(),
        format!("{now_s}.{body}").as_bytes(),
    );
    let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(*signature, format!("t={now_s},v1={hex}"));
    let (_, _, body) = posted.recv().await.unwrap();
    let event: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(event["type"], "reservation.cancelled");
    house.booking.close().await.unwrap();
}
