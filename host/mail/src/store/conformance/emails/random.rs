//! Random operations, beside a model: what the store tells is what was done, and who follows the changes from any earlier
//! state ends with the truth.

use std::collections::{BTreeMap, BTreeSet};

use concierge_identity::AccountId;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::queries::Watched;
use super::threads::{components, random_keys};
use super::{Engine, House, NOW_US, Snapshot, patch, snapshot};
use crate::store::EmailEdit;
use crate::types::{
    Changes, DataType, Done, EmailId, Mailbox, MailboxDetails, MailboxEdit, MailboxId,
    MailboxPatch, NewEmail, Removal, StateNumber, StorageId, ThreadKeys,
};

/// Operations between two looks.
const STEPS: usize = 12;
/// Looks.
const LOOKS: usize = 14;

const KEYWORDS: [&str; 5] = ["$seen", "$flagged", "$draft", "work", "$answered"];

/// An email, as it must be.
struct Expected {
    mailboxes: BTreeSet<MailboxId>,
    keywords: BTreeSet<String>,
}

pub(super) struct Random<'s, S> {
    pub(super) house: House<'s, S>,
    pub(super) rng: StdRng,
    live: BTreeMap<StorageId, Expected>,
    pub(super) made: BTreeMap<StorageId, NewEmail>,
    gone: BTreeSet<StorageId>,
}

/// Does operations of all kinds, looks at the account in between, and at the end replays from each earlier look. Gives
/// the account.
pub(crate) async fn random_operations(store: &impl Engine, seed: u64) -> AccountId {
    println!("seed {seed}");
    let mut random = Random {
        house: House::open(store, &format!("random-{seed}")).await,
        rng: StdRng::seed_from_u64(seed),
        live: BTreeMap::new(),
        made: BTreeMap::new(),
        gone: BTreeSet::new(),
    };
    let mut looks: Vec<(Snapshot, Vec<Watched>)> = Vec::new();
    let watched = random.queries().await;
    for _ in 0..LOOKS {
        for _ in 0..STEPS {
            random.step().await;
        }
        let seen = random.look().await;
        random.check_queries(&seen).await;
        looks.push((seen, random.results(&watched).await));
    }
    let truth = looks.last().unwrap().0.clone();
    for (earlier, watched) in &looks {
        for max in [1, 3, 1_000] {
            replay(&random.house, earlier, &truth, max).await;
        }
        for watched in watched {
            random.replay_query(watched, &earlier.states, &truth).await;
        }
    }
    random.house.account
}

impl<S: Engine> Random<'_, S> {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.rng.random_range(0..limit)
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.below(of.len())])
    }

    pub(super) async fn mailboxes(&self) -> Vec<Mailbox> {
        let mailboxes = self.house.store.mailboxes(self.house.account).await;
        mailboxes.unwrap().0
    }

    async fn some_mailboxes(&mut self) -> Vec<MailboxId> {
        let ids: Vec<_> = self
            .mailboxes()
            .await
            .iter()
            .map(|mailbox| mailbox.id)
            .collect();
        let count = self.below(2) + 1;
        (0..count).filter_map(|_| self.pick(&ids)).collect()
    }

    fn some_keywords(&mut self) -> Vec<String> {
        let count = self.below(3);
        let all = (0..count).filter_map(|_| self.pick(&KEYWORDS));
        all.map(str::to_owned).collect()
    }

    async fn step(&mut self) {
        match self.below(20) {
            0..=7 => self.insert().await,
            8..=13 => self.update().await,
            14 | 15 => self.destroy().await,
            16 => self.restore().await,
            _ => self.edit_mailboxes().await,
        }
    }

    async fn insert(&mut self) {
        let mailboxes = self.some_mailboxes().await;
        let keys: ThreadKeys = random_keys(&mut self.rng, 60);
        let mut email = self.house.email(&mailboxes, keys).await;
        email.keywords = self.some_keywords();
        email.received_us += self.rng.random_range(0..20);
        email.summary.size = self.rng.random_range(1..20);
        email.summary.has_attachment = self.below(3) == 0;
        email.summary.sent_us = (self.below(4) > 0).then(|| self.rng.random_range(0..9));
        email.summary.sort_from = ["ann", "bob", "cay"][self.below(3)].to_owned();
        let made = self.house.insert(email.clone()).await;
        self.live.insert(
            made.id.storage,
            Expected {
                mailboxes: email.mailboxes.iter().copied().collect(),
                keywords: email.keywords.iter().cloned().collect(),
            },
        );
        self.made.insert(made.id.storage, email);
    }

    async fn some_email(&mut self) -> Option<EmailId> {
        let live: Vec<_> = self.live.keys().copied().collect();
        let storage = self.pick(&live)?;
        let ids = self
            .house
            .store
            .emails_of_storage(self.house.account, vec![storage]);
        Some(ids.await.unwrap()[0])
    }

    async fn update(&mut self) {
        let Some(id) = self.some_email().await else {
            return;
        };
        let mut patch = patch(id);
        if self.below(3) == 0 {
            patch.mailboxes = Some(self.some_mailboxes().await);
        }
        patch.add_mailboxes = self.some_mailboxes().await;
        patch.remove_keywords = self.some_keywords();
        patch.add_keywords = self.some_keywords();
        let expected = self.live.get_mut(&id.storage).unwrap();
        if let Some(all) = &patch.mailboxes {
            expected.mailboxes = all.iter().copied().collect();
        }
        expected.mailboxes.extend(&patch.add_mailboxes);
        expected.keywords.extend(patch.add_keywords.clone());
        for keyword in &patch.remove_keywords {
            expected.keywords.remove(keyword);
        }
        let done = self.house.edit(EmailEdit::Update(patch)).await;
        assert_eq!(done, Ok(Done::Changed(id)));
    }

    async fn destroy(&mut self) {
        let Some(id) = self.some_email().await else {
            return;
        };
        let done = self.house.edit(EmailEdit::Destroy(id)).await;
        assert_eq!(done, Ok(Done::Destroyed(id)));
        let again = self.house.edit(EmailEdit::Destroy(id)).await;
        assert_eq!(again.unwrap_err().reason, crate::error::Reason::NotFound);
        self.live.remove(&id.storage);
        self.gone.insert(id.storage);
    }

    async fn restore(&mut self) {
        let gone: Vec<_> = self.gone.iter().copied().collect();
        let Some(storage) = self.pick(&gone) else {
            return;
        };
        let destroyed = self.house.store.destroyed(self.house.account, 1_000);
        let destroyed = destroyed.await.unwrap();
        let known: BTreeSet<_> = destroyed.iter().map(|email| email.storage).collect();
        assert_eq!(known, self.gone);
        let back = self
            .house
            .store
            .restore(self.house.account, vec![storage], NOW_US);
        let back = back.await.unwrap();
        assert_eq!(back[0].storage, storage);
        let (rows, _) = self
            .house
            .store
            .emails(self.house.account, back)
            .await
            .unwrap();
        let was = destroyed
            .iter()
            .find(|email| email.storage == storage)
            .unwrap();
        let there: BTreeSet<_> = self
            .mailboxes()
            .await
            .iter()
            .map(|mailbox| mailbox.id)
            .collect();
        let mut mailboxes: BTreeSet<_> = was.mailboxes.iter().copied().collect();
        mailboxes.retain(|mailbox| there.contains(mailbox));
        if mailboxes.is_empty() {
            mailboxes.insert(self.house.role("inbox").await);
        }
        self.gone.remove(&storage);
        let keywords = rows[0].keywords.iter().cloned().collect();
        self.live.insert(
            storage,
            Expected {
                mailboxes,
                keywords,
            },
        );
    }

    async fn edit_mailboxes(&mut self) {
        let mailboxes = self.mailboxes().await;
        let movable: Vec<_> = mailboxes
            .iter()
            .filter(|mailbox| mailbox.role.as_deref() != Some("inbox"))
            .map(|mailbox| mailbox.id)
            .collect();
        let number: u32 = self.rng.random();
        let some = self.pick(&movable);
        let role_free = !mailboxes
            .iter()
            .any(|mailbox| mailbox.role.as_deref() == Some("trash"));
        let edit = match (self.below(4), some) {
            (0, Some(id)) => MailboxEdit::Update(MailboxPatch {
                id,
                name: Some(format!("renamed {number}")),
                parent: None,
                // The trash moves, and the counts with it.
                role: match role_free {
                    true => Some(Some("trash".to_owned())),
                    false => Some(None),
                },
                sort_order: Some(number % 7),
                subscribed: None,
            }),
            (1, Some(id)) => MailboxEdit::Destroy(Removal {
                id,
                remove_emails: true,
            }),
            _ => MailboxEdit::Create(MailboxDetails {
                name: format!("new {number}"),
                parent: None,
                role: None,
                sort_order: 5,
                subscribed: false,
            }),
        };
        let edits = vec![edit.clone()];
        let done = self
            .house
            .store
            .edit_mailboxes(self.house.account, None, edits, NOW_US);
        let done = done.await.unwrap().items.remove(0).unwrap();
        if matches!(edit, MailboxEdit::Destroy(_)) {
            for (storage, expected) in &mut self.live {
                expected.mailboxes.remove(&done);
                if expected.mailboxes.is_empty() {
                    self.gone.insert(*storage);
                }
            }
            self.live
                .retain(|_, expected| !expected.mailboxes.is_empty());
        }
    }

    /// Reads everything, and compares it to what must be there.
    async fn look(&mut self) -> Snapshot {
        let seen = snapshot(&self.house).await;
        assert_eq!(seen.emails.len(), self.live.len());
        for email in seen.emails.values() {
            let expected = &self.live[&email.id.storage];
            let made = &self.made[&email.id.storage];
            assert!(email.mailboxes.iter().eq(&expected.mailboxes));
            assert!(email.keywords.iter().eq(&expected.keywords));
            assert_eq!((email.blob, email.size), (made.blob, made.summary.size));
            assert_eq!(email.headers, made.summary.headers);
        }
        // What once connected stays connected: threads may be larger than components of what is left, not smaller.
        let keys = |storage: &StorageId| (*storage, self.made[storage].summary.thread.clone());
        let thread_of: BTreeMap<_, _> = seen
            .emails
            .values()
            .map(|email| (email.id.storage, email.thread))
            .collect();
        for component in components(&self.live.keys().map(keys).collect()) {
            let threads: BTreeSet<_> = component.iter().map(|email| thread_of[email]).collect();
            assert_eq!(threads.len(), 1);
        }
        seen
    }
}

/// Follows the changes of all three types from an earlier look to the end.
async fn replay<S: Engine>(house: &House<'_, S>, from: &Snapshot, to: &Snapshot, max: usize) {
    let (store, account) = (house.store, house.account);
    let changes = async |since| store.email_changes(account, since, max).await.unwrap();
    let since = from.states[&DataType::Email];
    let end = to.states[&DataType::Email];
    follow(from.emails.clone(), &to.emails, since, end, max, changes).await;

    let changes = async |since| store.thread_changes(account, since, max).await.unwrap();
    let since = from.states[&DataType::Thread];
    let end = to.states[&DataType::Thread];
    follow(from.threads.clone(), &to.threads, since, end, max, changes).await;

    let changes = async |since| store.mailbox_changes(account, since, max).await.unwrap();
    let since = from.states[&DataType::Mailbox];
    let end = to.states[&DataType::Mailbox];
    follow(
        from.mailboxes.clone(),
        &to.mailboxes,
        since,
        end,
        max,
        changes,
    )
    .await;
}

async fn follow<Id: Ord + Copy + std::fmt::Debug, T: Clone + PartialEq + std::fmt::Debug>(
    mut client: BTreeMap<Id, T>,
    truth: &BTreeMap<Id, T>,
    since: StateNumber,
    end: StateNumber,
    max: usize,
    changes: impl AsyncFn(StateNumber) -> Changes<Id>,
) {
    let mut state = since;
    loop {
        let page = changes(state).await;
        assert_eq!(page.old_state, state);
        let told = page.created.len() + page.updated.len() + page.destroyed.len();
        assert!(told <= max);
        for id in &page.destroyed {
            client.remove(id);
        }
        for id in page.created.iter().chain(&page.updated) {
            // As `get` tells now.
            match truth.get(id) {
                Some(now) => client.insert(*id, now.clone()),
                None => client.remove(id),
            };
        }
        if state == since && !page.has_more {
            // In one page each id is in its own list.
            assert!(page.created.iter().all(|id| truth.contains_key(id)));
            assert!(page.updated.iter().all(|id| truth.contains_key(id)));
            assert!(page.destroyed.iter().all(|id| !truth.contains_key(id)));
        }
        if !page.has_more {
            assert_eq!(page.new_state, end);
            break;
        }
        assert!(page.new_state > state, "it gets on");
        state = page.new_state;
    }
    assert_eq!(&client, truth, "from {since} in pages of {max}");
}
