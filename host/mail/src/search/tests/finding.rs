//! What is found, and where.

use concierge_mail_search::limits::PENDING_MAX_CHANGES;
use futures::{StreamExt, stream};

use super::world::{NOW_US, World, find, message, text, try_find};
use crate::error::Error;
use crate::service::TextSearch;
use crate::store::EmailStore;
use crate::types::{EmailId, HeaderMatch, StorageId, Term};

/// Words that are in every third message, by language.
const PHRASES: [&str; 3] = ["the quarterly report", "東京都の会議", "отчёт за квартал"];

#[tokio::test]
async fn a_search_sees_what_was_delivered_before() {
    let world = World::new(3).await;
    let search = world.search().await;
    let mut accounts = Vec::new();
    for name in ["ann", "bob", "cay"] {
        accounts.push((world.account(name).await, Vec::new()));
    }
    for number in 0..300_usize {
        let (account, made) = &mut accounts[number % 3];
        let phrase = PHRASES[number / 3 % 3];
        let body = format!("Dear reader {number}, {phrase} is here. word{number}");
        let one = world
            .deliver(*account, &message("Hello", &body))
            .await
            .id
            .storage;
        made.push((phrase, one));
        assert_eq!(
            find(&search, *account, text(&format!("word{number}"))).await,
            [one],
            "{number}"
        );
    }
    for (account, made) in &accounts {
        for (phrase, term) in PHRASES.iter().zip(["Quarterly report", "京都の", "ОТЧЕТ"]) {
            let expected: Vec<StorageId> = made
                .iter()
                .filter(|(of, _)| of == phrase)
                .map(|(_, storage)| *storage)
                .collect();
            assert_eq!(
                find(&search, *account, text(term)).await,
                expected,
                "{term}"
            );
        }
        assert_eq!(find(&search, *account, text("reader")).await.len(), 100);
    }
    search.close().await.unwrap();
}

#[tokio::test]
async fn what_is_destroyed_is_not_found_and_what_is_restored_is() {
    let world = World::new(1).await;
    let search = world.search().await;
    let ann = world.account("ann").await;
    let made = world.deliver(ann, &message("Budget", "first")).await;
    let other = world.deliver(ann, &message("Budget", "second")).await;
    let budget = async || find(&search, ann, Term::Subject("budget".to_owned())).await;
    assert_eq!(budget().await, [made.id.storage, other.id.storage]);
    world.destroy(ann, made).await;
    assert_eq!(budget().await, [other.id.storage]);
    let restored = world
        .store
        .restore(ann, vec![made.id.storage], NOW_US)
        .await
        .unwrap();
    assert_eq!(restored.len(), 1);
    assert_eq!(budget().await, [made.id.storage, other.id.storage]);
    // One that came and went before anybody asked.
    let gone = world.deliver(ann, &message("Budget", "third")).await;
    world.destroy(ann, gone).await;
    assert_eq!(budget().await, [made.id.storage, other.id.storage]);
}

/// More than may wait in memory: the index commits by itself on the way.
#[tokio::test]
async fn much_that_nobody_asked_for_is_fed_at_once() {
    let world = World::new(2).await;
    let ann = world.account("ann").await;
    let count = PENDING_MAX_CHANGES + 100;
    let one = message("Same", "the same bytes in each");
    let made: Vec<_> = stream::iter(0..count)
        .map(|_| world.deliver(ann, &one))
        .buffer_unordered(200)
        .collect()
        .await;
    let search = world.search().await;
    let mut expected: Vec<_> = made.iter().map(|made| made.id.storage).collect();
    expected.sort_unstable();
    assert_eq!(find(&search, ann, text("bytes")).await, expected);
}

#[tokio::test]
async fn conditions_look_where_they_say() {
    let world = World::new(1).await;
    let search = world.search().await;
    let ann = world.account("ann").await;
    let mut signed = b"DKIM-Signature: v=1; d=example.org; b=abcd\r\n".to_vec();
    signed.extend(message("Plan", "a walk"));
    let storage = world.deliver(ann, &signed).await.id.storage;
    let header = |name: &str, value: Option<&str>| {
        Term::Header(HeaderMatch {
            name: name.to_owned(),
            value: value.map(str::to_owned),
        })
    };
    let found = [
        Term::From("ann@example.org".to_owned()),
        Term::To("bob".to_owned()),
        Term::Cc("cay".to_owned()),
        Term::Subject("plan".to_owned()),
        Term::Body("\"a walk\"".to_owned()),
        header("SUBJECT", Some("plan")),
        header("from", Some("Ann")),
        header("Subject", None),
        header("mime-version", None),
        header("Content-Type", Some("text/plain utf-8")),
        header("DKIM-Signature", None),
        text("plan walk bob"),
    ];
    for term in found {
        assert_eq!(
            find(&search, ann, term.clone()).await,
            [storage],
            "{term:?}"
        );
    }
    let missed = [
        Term::From("bob".to_owned()),
        Term::Bcc("cay".to_owned()),
        Term::Body("plan".to_owned()),
        Term::AttachmentName("plan".to_owned()),
        header("To", Some("ann")),
        header("Bcc", None),
        header("X-None", None),
        header("MIME-Version", Some("plan")),
        header("no field", None),
    ];
    for term in missed {
        assert_eq!(find(&search, ann, term.clone()).await, [], "{term:?}");
    }
    let refused = try_find(&search, ann, header("dkim-signature", Some("x"))).await;
    assert!(
        matches!(refused, Err(Error::UnsupportedFilter(_))),
        "{refused:?}"
    );
    let long = try_find(&search, ann, text(&"x ".repeat(5_000))).await;
    assert!(matches!(long, Err(Error::InvalidArguments(_))), "{long:?}");

    // The other terms stay as they are and where they are.
    let filter = vec![
        Term::HasAttachment(false),
        text("walk"),
        text("elephant"),
        Term::Any(2),
        Term::All(2),
    ];
    let resolved = search.resolve(ann, filter.clone()).await.unwrap();
    let found: Vec<_> = resolved
        .iter()
        .map(|term| match term {
            Term::Matches(found) => Some(found.len()),
            _ => None,
        })
        .collect();
    assert_eq!(found, [None, Some(1), Some(0), None, None]);
    for index in [0, 3, 4] {
        assert_eq!(resolved[index], filter[index]);
    }
}

#[tokio::test]
async fn snippets_mark_what_was_looked_for() {
    let world = World::new(1).await;
    let search = world.search().await;
    let ann = world.account("ann").await;
    let bob = world.account("bob").await;
    let first = world
        .deliver(ann, &message("東京 & Rome", "We walk to Rome."))
        .await
        .id;
    let second = world.deliver(ann, &message("Other", "Nothing.")).await.id;
    let snippets = async |filter: Vec<Term>, emails: &[EmailId]| {
        let found = search.snippets(ann, filter, emails.to_vec()).await.unwrap();
        let told = found
            .into_iter()
            .map(|found| (found.email_id, found.subject, found.preview));
        told.collect::<Vec<_>>()
    };
    let filter = vec![text("rome"), text("東京"), Term::Any(2)];
    let marked = (
        first,
        Some("<mark>東京</mark> &amp; <mark>Rome</mark>".to_owned()),
        Some("We walk to <mark>Rome</mark>.".to_owned()),
    );
    let missing = EmailId {
        storage: StorageId(u64::from(u32::MAX)),
        generation: 0,
    };
    let told = snippets(filter.clone(), &[second, missing, first]).await;
    assert_eq!(told[0], (second, None, None));
    assert_eq!(told[1].0, first);
    assert_eq!(told[1].1, marked.1);
    let preview = told[1].2.as_deref().unwrap();
    assert!(
        preview.contains("We walk to <mark>Rome</mark>."),
        "{preview}"
    );
    assert_eq!(told.len(), 2);

    // What an email must not have is not shown, nor what the filter says of other things.
    let without = vec![
        text("rome"),
        Term::None(1),
        Term::HasAttachment(false),
        Term::All(2),
    ];
    assert_eq!(snippets(without, &[first]).await, [(first, None, None)]);
    let of_bob = search.snippets(bob, filter, vec![first]).await.unwrap();
    assert_eq!(of_bob, []);
    let broken = search.snippets(ann, vec![Term::All(1)], vec![first]).await;
    assert!(
        matches!(broken, Err(Error::InvalidArguments(_))),
        "{broken:?}"
    );
}
