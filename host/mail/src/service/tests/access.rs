//! Who may do what.

use super::*;
use crate::store::Access;
use crate::types::Vacation;
use crate::types::calls::mailboxes;

#[tokio::test]
async fn what_one_may_not_see_is_not_there() {
    let world = World::new().await;
    let (ann, bob) = (world.ann, world.bob);
    let made = world.import(ann, "inbox", &message("one", "1", "")).await;
    let anns = ann.to_string();
    let unknown = AccountId::generate().to_string();
    for account in [anns.as_str(), &unknown, "", "none", &anns.to_uppercase()] {
        let ids = vec![made.id.to_string()];
        let emails = world
            .mail
            .emails(bob, account, ids, Detail::default())
            .await;
        assert_eq!(emails.unwrap_err(), Error::AccountNotFound, "{account}");
        let upload = world.mail.upload(bob, account, whole("bytes")).await;
        assert_eq!(upload.unwrap_err(), Error::AccountNotFound, "{account}");
    }
    // The same id in an account of one's own leads nowhere.
    let bobs = bob.to_string();
    let ids = vec![made.id.to_string()];
    let (emails, _) = world
        .mail
        .emails(bob, &bobs, ids, Detail::default())
        .await
        .unwrap();
    assert!(emails.is_empty());
    let blob = made.blob.to_string();
    assert_eq!(world.bytes(bob, &blob).await, Err(Error::NotFound));
    let part = format!("p{}-0-10-7", &blob[1..]);
    assert_eq!(world.bytes(bob, &part).await, Err(Error::NotFound));
    assert_eq!(world.bytes(ann, &part).await.unwrap(), b"From: Ann ");
    let beyond = format!("p{}-0-100000-7", &blob[1..]);
    assert_eq!(world.bytes(ann, &beyond).await, Err(Error::NotFound));
    assert!(
        world
            .mail
            .lookup_blobs(bob, &bobs, vec![blob])
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_read_only_account_is_read_and_refuses_changes() {
    let world = World::new().await;
    let (ann, bob, anns) = (world.ann, world.bob, world.ann.to_string());
    let made = world.import(ann, "inbox", &message("one", "1", "")).await;
    let access = Some(Access { read_only: true });
    world.mail.store.share(ann, bob, access).await.unwrap();

    let ids = vec![made.id.to_string()];
    let (emails, _) = world
        .mail
        .emails(bob, &anns, ids, Detail::default())
        .await
        .unwrap();
    assert_eq!(emails.len(), 1);
    let (mailboxes, _) = world.mail.mailboxes(bob, &anns).await.unwrap();
    assert!(mailboxes[0].rights.may_read_items && !mailboxes[0].rights.may_add_items);

    let before = world.mail.states(ann, &anns).await.unwrap();
    let refused = |error| assert_eq!(error, Error::AccountReadOnly);
    let mail = &world.mail;
    let destroy = vec![Edit::Destroy(made.id.to_string())];
    refused(
        mail.set_emails(bob, &anns, None, destroy)
            .await
            .unwrap_err(),
    );
    let removal = mailboxes::Edit::Destroy(mailboxes::Removal {
        id: mailboxes[0].mailbox.id.to_string(),
        remove_emails: true,
    });
    refused(
        mail.set_mailboxes(bob, &anns, None, vec![removal])
            .await
            .unwrap_err(),
    );
    refused(mail.upload(bob, &anns, whole("x")).await.unwrap_err());
    refused(
        mail.set_senders(bob, &anns, None, Vec::new())
            .await
            .unwrap_err(),
    );
    refused(
        mail.set_submissions(bob, &anns, None, Vec::new())
            .await
            .unwrap_err(),
    );
    let away = Vacation::default();
    refused(mail.set_vacation(bob, &anns, None, away).await.unwrap_err());
    let bobs = bob.to_string();
    refused(
        mail.copy_blobs(bob, &bobs, &anns, Vec::new())
            .await
            .unwrap_err(),
    );
    assert_eq!(mail.states(ann, &anns).await.unwrap(), before);
}

#[tokio::test]
async fn a_part_that_is_copied_does_not_bring_its_message() {
    let world = World::new().await;
    let (ann, bob) = (world.ann, world.bob);
    let made = world.import(ann, "inbox", &message("one", "1", "")).await;
    let access = Some(Access { read_only: true });
    world.mail.store.share(ann, bob, access).await.unwrap();
    let part = format!("p{}-0-10-7", &made.blob.to_string()[1..]);
    let (from, to) = (ann.to_string(), bob.to_string());
    let copied = world
        .mail
        .copy_blobs(bob, &from, &to, vec![part])
        .await
        .unwrap();
    let copied = copied[0].as_ref().unwrap().id.to_string();
    assert_eq!(world.bytes(bob, &copied).await.unwrap(), b"From: Ann ");
    let message = made.blob.to_string();
    assert_eq!(world.bytes(bob, &message).await, Err(Error::NotFound));
}

#[tokio::test]
async fn mailboxes_are_named_in_one_form() {
    let world = World::new().await;
    let (ann, text) = (world.ann, world.ann.to_string());
    let create = |name: &str| {
        mailboxes::Edit::Create(mailboxes::Details {
            name: name.to_owned(),
            parent: None,
            role: None,
            sort_order: 0,
            subscribed: true,
        })
    };
    // The second is the first, with the accent as a character of its own.
    let edits = vec![create("Caf\u{e9}"), create("Cafe\u{301}")];
    let outcomes = world
        .mail
        .set_mailboxes(ann, &text, None, edits)
        .await
        .unwrap();
    assert!(outcomes.items[0].is_ok());
    assert!(outcomes.items[1].is_err());
}
