//! Mailboxes: names, roles, places and what is in them.

use super::{Engine, House, NOW_US, keys, snapshot};
use crate::error::{Error, Reason, Refusal};
use crate::store::EmailEdit;
use crate::types::{
    DataType, MAILBOX_DEPTH_MAX, MailboxDetails, MailboxEdit, MailboxId, MailboxPatch, Removal,
};

fn details(name: &str, parent: Option<MailboxId>) -> MailboxDetails {
    MailboxDetails {
        name: name.to_owned(),
        parent,
        role: None,
        sort_order: 0,
        subscribed: true,
    }
}

fn unchanged(id: MailboxId) -> MailboxPatch {
    MailboxPatch {
        id,
        name: None,
        parent: None,
        role: None,
        sort_order: None,
        subscribed: None,
    }
}

async fn edit<S: Engine>(house: &House<'_, S>, edit: MailboxEdit) -> Result<MailboxId, Refusal> {
    let edits = house
        .store
        .edit_mailboxes(house.account, None, vec![edit], NOW_US);
    edits.await.unwrap().items.remove(0)
}

async fn refused<S: Engine>(house: &House<'_, S>, bad: MailboxEdit) -> (Reason, Vec<String>) {
    let before = snapshot(house).await;
    let refusal = edit(house, bad).await.unwrap_err();
    assert_eq!(snapshot(house).await, before);
    (refusal.reason, refusal.properties)
}

pub(crate) async fn mailboxes(store: &impl Engine) {
    let house = House::open(store, "mailboxes").await;
    let invalid = |property: &str| (Reason::InvalidProperties, vec![property.to_owned()]);
    let new = |name: &str, parent| MailboxEdit::Create(details(name, parent));
    let top = edit(&house, new("Travel", None)).await.unwrap();
    let child = edit(&house, new("Travel", Some(top))).await.unwrap();
    assert_eq!(refused(&house, new("Travel", None)).await, invalid("name"));
    assert_eq!(refused(&house, new("", None)).await, invalid("name"));
    assert_eq!(
        refused(&house, new(&"x".repeat(256), None)).await,
        invalid("name")
    );
    let nowhere = Some(MailboxId(1 << 40));
    assert_eq!(
        refused(&house, new("Lost", nowhere)).await,
        invalid("parentId")
    );

    let within_itself = MailboxEdit::Update(MailboxPatch {
        parent: Some(Some(child)),
        ..unchanged(top)
    });
    assert_eq!(refused(&house, within_itself).await, invalid("parentId"));
    let second_trash = MailboxEdit::Update(MailboxPatch {
        role: Some(Some("trash".to_owned())),
        ..unchanged(top)
    });
    assert_eq!(refused(&house, second_trash).await, invalid("role"));
    let inbox = house.role("inbox").await;
    let no_inbox = MailboxEdit::Update(MailboxPatch {
        role: Some(None),
        ..unchanged(inbox)
    });
    assert_eq!(refused(&house, no_inbox).await, invalid("role"));
    exchanges(&house).await;
    deep(&house).await;
    removal(&house, top, child).await;
    big_removal(&house).await;
    counts_alone(&house, inbox).await;
}

/// Two mailboxes may exchange their names, or roles, in one call; but not where one of them may not.
async fn exchanges<S: Engine>(house: &House<'_, S>) {
    let (junk, trash) = (house.role("junk").await, house.role("trash").await);
    let email = house.email(&[trash], keys("exchanged", &[])).await;
    house.insert(email).await;
    let named = |id, name: &str, role: &str| {
        MailboxEdit::Update(MailboxPatch {
            name: Some(name.to_owned()),
            role: Some(Some(role.to_owned())),
            ..unchanged(id)
        })
    };
    let call = async |edits: Vec<MailboxEdit>| {
        let outcomes = house
            .store
            .edit_mailboxes(house.account, None, edits, NOW_US);
        outcomes.await.unwrap().items
    };
    let before = snapshot(house).await;
    let done = call(vec![
        named(junk, "Trash", "trash"),
        named(trash, "Junk", "junk"),
    ])
    .await;
    assert_eq!(done, [Ok(junk), Ok(trash)]);
    let after = snapshot(house).await;
    for (now, then) in [(junk, trash), (trash, junk)] {
        let (now, then) = (&after.mailboxes[&now], &before.mailboxes[&then]);
        assert_eq!((&now.name, &now.role), (&then.name, &then.role));
    }
    let changes = house
        .store
        .mailbox_changes(house.account, before.states[&DataType::Mailbox], 10);
    assert_eq!(changes.await.unwrap().updated.len(), 2);

    let half = vec![named(junk, "Junk", "junk"), named(trash, "", "trash")];
    let refused = call(half).await;
    for item in &refused {
        assert_eq!(item.as_ref().unwrap_err().reason, Reason::InvalidProperties);
    }
    let same = snapshot(house).await;
    assert_eq!(same.mailboxes, after.mailboxes);
    call(vec![
        named(junk, "Junk", "junk"),
        named(trash, "Trash", "trash"),
    ])
    .await;
    assert_eq!(snapshot(house).await.mailboxes, before.mailboxes);
}

/// No deeper than the limit, also where what is moved is deep itself.
async fn deep<S: Engine>(house: &House<'_, S>) {
    let mut parent = None;
    let mut chain = Vec::new();
    for level in 0..MAILBOX_DEPTH_MAX {
        let new = MailboxEdit::Create(details(&format!("level {level}"), parent));
        parent = Some(edit(house, new).await.unwrap());
        chain.extend(parent);
    }
    let too_deep = MailboxEdit::Create(details("below", parent));
    let (reason, _) = refused(house, too_deep).await;
    assert_eq!(reason, Reason::InvalidProperties);
    let other = MailboxEdit::Create(details("other", None));
    let other = edit(house, other).await.unwrap();
    let pushed_down = MailboxEdit::Update(MailboxPatch {
        parent: Some(Some(other)),
        ..unchanged(chain[0])
    });
    let (reason, properties) = refused(house, pushed_down).await;
    assert_eq!(reason, Reason::InvalidProperties);
    assert_eq!(properties, ["parentId"]);
    let moved = MailboxEdit::Update(MailboxPatch {
        parent: Some(Some(other)),
        ..unchanged(chain[1])
    });
    assert_eq!(edit(house, moved).await, Ok(chain[1]));
}

/// What is destroyed is empty, or its mail goes too; the inbox stays.
async fn removal<S: Engine>(house: &House<'_, S>, top: MailboxId, child: MailboxId) {
    let destroy = |id, remove_emails| MailboxEdit::Destroy(Removal { id, remove_emails });
    assert_eq!(
        refused(house, destroy(top, true)).await.0,
        Reason::MailboxHasChild
    );
    let inbox = house.role("inbox").await;
    assert_eq!(
        refused(house, destroy(inbox, true)).await.0,
        Reason::Forbidden
    );
    let email = house.email(&[child], keys("alone", &[])).await;
    let alone = house.insert(email).await;
    let email = house.email(&[child, inbox], keys("both", &[])).await;
    let both = house.insert(email).await;
    assert_eq!(
        refused(house, destroy(child, false)).await.0,
        Reason::MailboxHasEmail
    );
    assert_eq!(edit(house, destroy(child, true)).await, Ok(child));
    let seen = snapshot(house).await;
    assert!(!seen.emails.contains_key(&alone.id));
    assert_eq!(seen.emails[&both.id].mailboxes, [inbox]);
    assert_eq!(
        refused(house, destroy(child, true)).await.0,
        Reason::NotFound
    );
    assert_eq!(edit(house, destroy(top, false)).await, Ok(top));
    let back = house
        .store
        .restore(house.account, vec![alone.id.storage], NOW_US);
    let back = back.await.unwrap();
    assert_eq!(snapshot(house).await.emails[&back[0]].mailboxes, [inbox]);
}

/// However many emails are in it, in the state that was asked for.
async fn big_removal<S: Engine>(house: &House<'_, S>) {
    let (store, account) = (house.store, house.account);
    let new = MailboxEdit::Create(details("Big", None));
    let big = edit(house, new).await.unwrap();
    let before = snapshot(house).await;
    let email = house.email(&[big], keys("big", &[])).await;
    for _ in 0..5 {
        let insert = |_| EmailEdit::Insert(Box::new(email.clone()));
        let edits = (0..500).map(insert).collect();
        store
            .edit_emails(account, None, edits, NOW_US)
            .await
            .unwrap();
    }
    let state = store.mailboxes(account).await.unwrap().1;
    let removal = Removal {
        id: big,
        remove_emails: true,
    };
    let destroy = async |if_in_state| {
        let edits = vec![MailboxEdit::Destroy(removal)];
        store
            .edit_mailboxes(account, Some(if_in_state), edits, NOW_US)
            .await
    };
    assert_eq!(destroy(state - 1).await, Err(Error::StateMismatch));
    let (mailboxes, unchanged) = store.mailboxes(account).await.unwrap();
    assert_eq!(unchanged, state);
    assert!(
        mailboxes
            .iter()
            .any(|mailbox| mailbox.total_emails == 2_500)
    );
    let done = destroy(state).await.unwrap();
    assert_eq!((done.old_state, done.items), (state, vec![Ok(big)]));
    let after = snapshot(house).await;
    assert_eq!(after.emails, before.emails);
    assert_eq!(after.states[&DataType::Mailbox], done.new_state);
}

/// Where only counts changed it is told so (RFC 8621 §2.2), and states are compared before anything is done.
async fn counts_alone<S: Engine>(house: &House<'_, S>, inbox: MailboxId) {
    let (store, account) = (house.store, house.account);
    let state = snapshot(house).await.states[&DataType::Mailbox];
    let email = house.email(&[inbox], keys("counts", &[])).await;
    house.insert(email).await;
    let changes = store.mailbox_changes(account, state, 10).await.unwrap();
    assert_eq!(
        (changes.updated.as_slice(), changes.only_counts),
        ([inbox].as_slice(), true)
    );
    let renamed = MailboxEdit::Update(MailboxPatch {
        sort_order: Some(77),
        ..unchanged(inbox)
    });
    let stale = vec![renamed.clone()];
    let stale = store
        .edit_mailboxes(account, Some(state), stale, NOW_US)
        .await;
    assert_eq!(stale, Err(Error::StateMismatch));
    edit(house, renamed).await.unwrap();
    let changes = store.mailbox_changes(account, state, 10).await.unwrap();
    assert_eq!(
        (changes.updated.as_slice(), changes.only_counts),
        ([inbox].as_slice(), false)
    );
    let never = store
        .mailbox_changes(account, changes.new_state + 1, 10)
        .await;
    assert_eq!(never, Err(Error::CannotCalculateChanges));
}
