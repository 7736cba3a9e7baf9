//! What operators do, who need no permission.

use super::*;
use crate::service::Import;

async fn imported(world: &World, bytes: &str, received_us: Option<TimeUs>) -> TimeUs {
    let inbox = world.mailbox(world.ann, "inbox").await;
    let import = Import {
        bytes: bytes.as_bytes().to_vec(),
        mailboxes: vec![inbox.parse().unwrap()],
        keywords: Vec::new(),
        received_us,
    };
    let made = world.mail.import(world.ann, import).await.unwrap().unwrap();
    let (rows, _) = world
        .mail
        .store
        .emails(world.ann, vec![made.id])
        .await
        .unwrap();
    rows[0].received_us
}

#[tokio::test]
async fn a_message_without_a_time_of_its_own_came_when_its_header_says() {
    let world = World::new().await;
    let received = "Received: from a by b; Wed, 25 Nov 2026 03:04:05 +0000\r\n";
    let date = "Date: Tue, 24 Nov 2026 03:04:05 +0000\r\n\r\nx";
    let later = "Date: Fri, 27 Nov 2026 03:04:05 +0000\r\n\r\nx";
    let at = |text: &str| concierge_mail_message::date_us(text.as_bytes()).unwrap();
    let of_received = at("Wed, 25 Nov 2026 03:04:05 +0000");
    let of_date = at("Tue, 24 Nov 2026 03:04:05 +0000");
    for (bytes, given, expected) in [
        (format!("{received}{date}"), None, of_received),
        (date.to_owned(), None, of_date),
        ("Subject: x\r\n\r\nx".to_owned(), None, NOW_US),
        (later.to_owned(), None, NOW_US),
        (format!("{received}{date}"), Some(7), 7),
    ] {
        assert_eq!(imported(&world, &bytes, given).await, expected, "{bytes}");
    }
}

#[tokio::test]
async fn an_account_has_addresses_that_are_some() {
    let world = World::new().await;
    let put = async |address: &str| {
        let account = NewAccount {
            id: world.ann,
            name: "ann".to_owned(),
            addresses: vec!["ann@example.org".to_owned(), address.to_owned()],
            quota_octets: 1,
            quota_count: 1,
        };
        world.mail.put_account(account).await
    };
    for wrong in ["", "ann", "ann@", "two words@example.org"] {
        let refused = put(wrong).await.unwrap_err();
        let expected = Error::InvalidArguments(format!("addresses: {wrong:?} is none"));
        assert_eq!(refused, expected);
    }
    assert!(matches!(
        put("Bob@example.org").await,
        Err(Error::InvalidArguments(_))
    ));
    put("*@ann.example").await.unwrap();
    let owner = world.mail.recipient("anything@ann.example").await;
    assert_eq!(owner, Ok(Some(world.ann)));
}
