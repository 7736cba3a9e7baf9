//! Event streams and push subscriptions.

use std::sync::Mutex;

use super::*;
use crate::background::{PushFailure, PushRequest, PushSender, Pushed};
use crate::types::DataType;
use crate::types::calls::events::{NewPush, PushPatch, Subscription};

fn subscription(last_event: &str) -> Subscription {
    Subscription {
        types: vec![DataType::Email],
        last_event: last_event.to_owned(),
        ..Subscription::default()
    }
}

async fn next(stream: &mut ByteStream) -> Option<String> {
    let piece = stream.next().await?.unwrap();
    Some(String::from_utf8(piece.to_vec()).unwrap())
}

fn id_of(event: &str) -> String {
    let id = event.lines().find_map(|line| line.strip_prefix("id: "));
    id.unwrap().to_owned()
}

/// Hands on what the store tells, for the time of a test.
fn tell(world: &World) -> tokio::task::JoinHandle<()> {
    let (mail, changes) = (Arc::clone(&world.mail), world.mail.store.subscribe());
    tokio::spawn(async move {
        let changed = |change: &crate::store::StateChange| mail.outbox.changed(change);
        mail.hub.run(changes, changed).await;
    })
}

#[tokio::test]
async fn a_listener_is_told_and_learns_what_it_missed() {
    let world = World::new().await;
    let telling = tell(&world);
    let mut stream = world
        .mail
        .listen(world.ann, subscription(""))
        .await
        .unwrap();
    let first = next(&mut stream).await.unwrap();
    assert!(first.starts_with(": "), "{first}");
    world
        .import(world.bob, "inbox", &message("other", "0", ""))
        .await;
    world
        .import(world.ann, "inbox", &message("one", "1", ""))
        .await;
    let event = next(&mut stream).await.unwrap();
    assert!(event.starts_with("event: state\nid: "), "{event}");
    assert!(event.contains(&world.ann.to_string()) && !event.contains(&world.bob.to_string()));
    assert!(
        event.contains("\"Email\":") && !event.contains("\"Mailbox\":"),
        "{event}"
    );
    drop(stream);

    // Nothing was missed.
    let last = id_of(&event);
    let mut stream = world
        .mail
        .listen(world.ann, subscription(&last))
        .await
        .unwrap();
    assert!(next(&mut stream).await.unwrap().starts_with(": "));
    drop(stream);
    world
        .import(world.ann, "inbox", &message("two", "2", ""))
        .await;
    let mut missed = subscription(&last);
    missed.close_after_state = true;
    let mut stream = world.mail.listen(world.ann, missed).await.unwrap();
    let event = next(&mut stream).await.unwrap();
    assert!(event.starts_with("event: state\n"), "{event}");
    assert_ne!(id_of(&event), last);
    assert_eq!(next(&mut stream).await, None);

    let mut stream = world
        .mail
        .listen(world.ann, subscription(""))
        .await
        .unwrap();
    next(&mut stream).await.unwrap();
    world.mail.end_listeners();
    assert_eq!(next(&mut stream).await, None);
    assert!(
        world
            .mail
            .listen(world.ann, subscription(""))
            .await
            .is_err()
    );
    telling.abort();
}

/// Notes what it is to post.
#[derive(Default)]
struct Posted {
    requests: Mutex<Vec<PushRequest>>,
    failure: Mutex<Option<PushFailure>>,
}

impl PushSender for Posted {
    fn post(&self, request: PushRequest) -> Pushed<'_> {
        self.requests.lock().unwrap().push(request);
        let failure = self.failure.lock().unwrap().clone();
        Box::pin(async move { failure.map_or(Ok(()), Err) })
    }
}

impl Posted {
    fn take(&self) -> Vec<PushRequest> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

async fn push(world: &World, sender: &Posted) -> Vec<PushRequest> {
    world.mail.look_up_pushes().await.unwrap();
    world.mail.push_due(sender).await;
    sender.take()
}

#[tokio::test]
async fn a_push_target_confirms_and_is_told_then() {
    let world = World::new().await;
    let ann = world.ann;
    let sender = Posted::default();
    let changed = async || {
        let state = crate::store::StateChange {
            account: ann,
            states: vec![(DataType::Email, 7), (DataType::Mailbox, 8)],
        };
        world.mail.outbox.changed(&state);
        push(&world, &sender).await
    };
    let mut new = NewPush {
        device_client_id: "device".to_owned(),
        url: "http://push.example/1".to_owned(),
        keys: Some(("key".to_owned(), "secret".to_owned())),
        expires_us: 0,
        types: vec![DataType::Email],
    };
    let refused = world.mail.create_push(ann, new.clone()).await;
    assert_eq!(refused, Err(Error::InvalidArguments("url".to_owned())));
    new.url = "https://push.example/1".to_owned();
    let made = world.mail.create_push(ann, new).await.unwrap();
    assert_eq!(made.expires_us, NOW_US + crate::service::PUSH_LIFE_MAX_US);

    let asked = changed().await;
    assert_eq!(asked.len(), 1, "the code alone");
    let body: serde_json::Value = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!(body["@type"], "PushVerification");
    assert_eq!(body["pushSubscriptionId"], made.id.to_string());
    let confirm = |code: &str| PushPatch {
        id: made.id.to_string(),
        verification_code: Some(code.to_owned()),
        ..PushPatch::default()
    };
    let wrong = world.mail.update_push(ann, confirm("guess")).await;
    assert!(matches!(wrong, Err(Error::InvalidArguments(_))));
    let other = world.mail.update_push(world.bob, confirm("guess")).await;
    assert_eq!(other, Err(Error::NotFound));
    let code = body["verificationCode"].as_str().unwrap();
    let shown = world.mail.update_push(ann, confirm(code)).await.unwrap();
    assert!(shown.verification_code.is_some() && shown.url.is_empty() && shown.keys.is_none());

    let told = changed().await;
    assert_eq!(told.len(), 1);
    let body: serde_json::Value = serde_json::from_str(&told[0].body).unwrap();
    let expected = serde_json::json!({
        "@type": "StateChange",
        "changed": {ann.to_string(): {"Email": "7"}},
    });
    assert_eq!(body, expected);
    assert_eq!(told[0].keys.as_ref().unwrap().0, "key");

    // A target that is gone ends the subscription.
    *sender.failure.lock().unwrap() = Some(PushFailure::Gone("410".to_owned()));
    assert_eq!(changed().await.len(), 1);
    assert!(world.mail.pushes(ann).await.unwrap().is_empty());
    assert!(changed().await.is_empty());
}

#[tokio::test]
async fn a_push_subscription_ends_with_its_time() {
    let world = World::new().await;
    let new = NewPush {
        device_client_id: "device".to_owned(),
        url: "https://push.example/1".to_owned(),
        expires_us: NOW_US + US_PER_S,
        ..NewPush::default()
    };
    world.mail.create_push(world.ann, new).await.unwrap();
    assert_eq!(world.mail.pushes(world.ann).await.unwrap().len(), 1);
    world.clock.advance_us(2 * US_PER_S);
    assert!(world.mail.pushes(world.ann).await.unwrap().is_empty());
}
