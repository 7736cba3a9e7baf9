//! Threads: the same for every order of arrival, and as a model has them.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

use super::{Engine, House, keys, snapshot};
use crate::types::{NewEmail, StorageId, ThreadKeys};

/// Messages of whom many refer to each other, and some to their subject alone.
pub(super) fn random_keys(rng: &mut impl Rng, ids: usize) -> ThreadKeys {
    let id = |rng: &mut dyn FnMut(usize) -> usize| format!("m{}@example.org", rng(ids));
    let mut below = |limit: usize| rng.random_range(0..limit);
    let message_id = (below(10) > 0).then(|| id(&mut below));
    let references = match below(3) {
        0 => (0..below(3) + 1).map(|_| id(&mut below)).collect(),
        _ => Vec::new(),
    };
    let subject = ["", "tea", "rooms", "invoice", "keys"][below(5)].to_owned();
    ThreadKeys {
        message_id,
        references,
        is_reply: !subject.is_empty() && below(6) == 0,
        subject,
    }
}

/// The components, by the definition: repeated until nothing is connected any more.
pub(super) fn components(all: &BTreeMap<StorageId, ThreadKeys>) -> BTreeSet<BTreeSet<StorageId>> {
    let ids = |keys: &ThreadKeys| -> BTreeSet<String> {
        let ids = keys.message_id.iter().chain(&keys.references);
        ids.cloned().collect()
    };
    let connected = |a: &ThreadKeys, b: &ThreadKeys| {
        let by_subject = a.subject == b.subject && (a.goes_by_subject() || b.goes_by_subject());
        by_subject || !ids(a).is_disjoint(&ids(b))
    };
    let mut left: BTreeSet<_> = all.keys().copied().collect();
    let mut components = BTreeSet::new();
    while let Some(first) = left.pop_first() {
        let (mut component, mut open) = (BTreeSet::from([first]), vec![first]);
        while let Some(at) = open.pop() {
            let near = |other: &&StorageId| connected(&all[&at], &all[other]);
            let near: Vec<_> = left.iter().filter(near).copied().collect();
            for other in near {
                left.remove(&other);
                component.insert(other);
                open.push(other);
            }
        }
        components.insert(component);
    }
    components
}

/// Every order of arrival gives the same threads and counts.
pub(crate) async fn shuffled_arrival(store: &impl Engine, seed: u64) {
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let first = House::open(store, &format!("arrival-{seed}")).await;
    let mut emails: Vec<NewEmail> = Vec::new();
    for number in 0..60 {
        let keys = random_keys(&mut rng, 80);
        let mut email = first.email(&[], keys).await;
        email.received_us += number;
        email.summary.size = 100 + number;
        if rng.random_range(0..2) == 0 {
            email.keywords = vec!["$seen".to_owned()];
        }
        emails.push(email);
    }
    let mut outcomes = BTreeSet::new();
    for round in 0..6 {
        let house = House::open(store, &format!("arrival-{seed}-{round}")).await;
        let mailboxes = [house.role("inbox").await, house.role("trash").await];
        let mut sizes = BTreeMap::new();
        let mut all = BTreeMap::new();
        for email in &emails {
            // The bytes are of the account's own shard.
            let mut email = email.clone();
            email.blob = house.blob().await;
            email.mailboxes = vec![mailboxes[usize::from(email.summary.size % 5 == 0)]];
            let thread = email.summary.thread.clone();
            let size = email.summary.size;
            let made = house.insert(email).await;
            sizes.insert(made.id.storage, size);
            all.insert(made.id.storage, thread);
        }
        let seen = snapshot(&house).await;
        let found: BTreeSet<BTreeSet<StorageId>> = seen
            .threads
            .values()
            .map(|thread| thread.emails.iter().map(|id| id.storage).collect())
            .collect();
        assert_eq!(found, components(&all));
        let by_size = |thread: &BTreeSet<StorageId>| -> BTreeSet<u64> {
            thread.iter().map(|storage| sizes[storage]).collect()
        };
        let threads: BTreeSet<_> = found.iter().map(by_size).collect();
        let counts: Vec<_> = seen
            .mailboxes
            .values()
            .map(|mailbox| {
                (
                    mailbox.name.clone(),
                    mailbox.total_threads,
                    mailbox.unread_threads,
                )
            })
            .collect();
        outcomes.insert((threads, counts));
        emails.shuffle(&mut rng);
    }
    assert_eq!(outcomes.len(), 1);
    merging_gives_new_ids(store, seed).await;
}

/// Two threads become one: the emails of the smaller have new ids, those of the larger keep theirs.
async fn merging_gives_new_ids(store: &impl Engine, seed: u64) {
    let house = House::open(store, &format!("merge-{seed}")).await;
    let inbox = [house.role("inbox").await];
    let mut made = Vec::new();
    for (id, references) in [("a", vec![]), ("b", vec!["a"]), ("c", vec![])] {
        let email = house.email(&inbox, keys(id, &references)).await;
        made.push(house.insert(email).await);
    }
    let before = snapshot(&house).await;
    assert_eq!(made[0].thread, made[1].thread);
    assert_ne!(made[0].thread, made[2].thread);
    let email = house.email(&inbox, keys("d", &["b", "c"])).await;
    let last = house.insert(email).await;
    assert_eq!(last.thread, made[0].thread);
    let after = snapshot(&house).await;
    for kept in &made[..2] {
        assert_eq!(after.emails[&kept.id], before.emails[&kept.id]);
    }
    assert!(!after.emails.contains_key(&made[2].id));
    let storage = made[2].id.storage;
    let new = store.emails_of_storage(house.account, vec![storage]).await;
    let new = new.unwrap()[0];
    assert_eq!(new.storage, storage);
    assert_eq!(after.emails[&new].blob, made[2].blob);
    assert!(!after.threads.contains_key(&made[2].thread));
    let since = before.states[&crate::types::DataType::Email];
    let changes = store.email_changes(house.account, since, 100).await;
    let changes = changes.unwrap();
    assert_eq!(changes.destroyed, [made[2].id]);
    assert_eq!(changes.created, [new, last.id]);
}
