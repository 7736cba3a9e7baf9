//! `Mailbox/set` (RFC 8621 §2.5).

use serde_json::{Map, Value};

use super::object;
use super::plan::{self, Step};
use crate::bindings::concierge::mail::accounts::Account;
use crate::bindings::concierge::mail::mailboxes::{Details, Edit, Mailbox, Patch, Removal};
use crate::host::{Host, State};
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::{Kind, MethodError, SetError, SetKind};
use crate::jmap::limits::MAILBOX_NAME_BYTES_MAX;
use crate::jmap::set::{SetAnswer, SetArguments, Subject, Wanted};
use crate::jmap::value::UnsignedInt;
use crate::methods::batch::{self, Batch, expect_state};
use crate::methods::properties::{Properties, Wishes};

/// RFC 8621 §2: below 2³¹.
const SORT_ORDER_MAX: u64 = (1 << 31) - 1;

/// RFC 8621 §2: the names of the registry "IMAP Mailbox Name Attributes", in lower case, of those that say what a mailbox is
/// for.
const ROLES: [&str; 13] = [
    "all",
    "archive",
    "drafts",
    "flagged",
    "important",
    "inbox",
    "junk",
    "memos",
    "scheduled",
    "sent",
    "snoozed",
    "subscribed",
    "trash",
];

/// Makes, changes and destroys mailboxes.
pub async fn set<H: Host>(
    context: &mut Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let remove_emails = arguments.take("onDestroyRemoveEmails")?.unwrap_or(false);
    let arguments: SetArguments = arguments.parse()?;
    let account = context.writable(&arguments.account_id)?.clone();
    let if_in_state = arguments.if_in_state()?;
    let wanted = arguments.wanted()?;
    let (present, state) = context.host.mailboxes(context.token, &account.id).await?;
    expect_state(if_in_state, state)?;
    let mut set = Set {
        account,
        present,
        old_state: None,
        new_state: state,
        wishes: Wishes::default(),
        done: Vec::new(),
        answer: SetAnswer::default(),
    };
    let steps = set.read(context, wanted, remove_emails);
    set.run(context, steps, if_in_state).await?;
    Ok(set.finish(context))
}

/// A call on its way.
struct Set {
    account: Account,
    /// The mailboxes as they are.
    present: Vec<Mailbox>,
    /// `None` before anything was done.
    old_state: Option<State>,
    new_state: State,
    wishes: Wishes,
    done: Vec<(Subject, String)>,
    answer: SetAnswer,
}

impl Set {
    /// Reads what is wanted, and refuses what is not of its form.
    fn read<H: Host>(
        &mut self,
        context: &Context<'_, H>,
        mut wanted: Wanted,
        remove_emails: bool,
    ) -> Vec<Step> {
        batch::refuse_doomed(&mut wanted, &context.created, &mut self.answer);
        let mut steps = Vec::new();
        for (creation, members) in wanted.create {
            self.wishes.of_new(&creation, &members);
            let subject = Subject::Create(creation);
            match details(members) {
                Ok(details) => steps.push(Step {
                    subject,
                    edit: Edit::Create(details),
                }),
                Err(error) => self.answer.refused(&subject, error),
            }
        }
        for (key, members) in wanted.update {
            let subjects = [Subject::Update(key)];
            let found = batch::resolved(subjects, &context.created, &mut self.answer);
            for (subject, id) in found {
                match self.patch(&id, &members) {
                    Ok(Some(edit)) => steps.push(Step { subject, edit }),
                    Ok(None) => self.done.push((subject, id)),
                    Err(error) => self.answer.refused(&subject, error),
                }
            }
        }
        let subjects = wanted.destroy.into_iter().map(Subject::Destroy);
        for (subject, id) in batch::resolved(subjects, &context.created, &mut self.answer) {
            let edit = Edit::Destroy(Removal { id, remove_emails });
            steps.push(Step { subject, edit });
        }
        steps
    }

    /// `None` where nothing changes.
    fn patch(&mut self, id: &str, members: &Map<String, Value>) -> Result<Option<Edit>, SetError> {
        let Some(mailbox) = self.present.iter().find(|one| one.id == id) else {
            let why = "There is no such mailbox.";
            return Err(SetError::new(SetKind::NotFound, why));
        };
        let current = object::json(mailbox, self.account.read_only);
        let changed = Properties::changed(&current, members)?;
        self.wishes.of_changed(id, &changed);
        let nothing = changed.wanted().is_empty();
        let patch = patch(id, changed)?;
        Ok((!nothing).then_some(Edit::Update(patch)))
    }

    /// Has the host do it.
    async fn run<H: Host>(
        &mut self,
        context: &mut Context<'_, H>,
        mut steps: Vec<Step>,
        mut if_in_state: Option<State>,
    ) -> Result<(), MethodError> {
        loop {
            let round = plan::next_round(&self.present, steps, &context.created);
            for step in round.never {
                let why = "Nothing was created under this id.";
                self.answer
                    .refused(&step.subject, SetError::invalid(["parentId"], why));
            }
            if round.now.is_empty() {
                return Ok(());
            }
            steps = round.later;
            let outcome = self.round(context, round.now, if_in_state.take()).await;
            outcome.map_err(|error| match self.old_state {
                None => error,
                // Rounds before this one are done.
                Some(_) => Kind::ServerPartialFail.into(),
            })?;
        }
    }

    async fn round<H: Host>(
        &mut self,
        context: &mut Context<'_, H>,
        steps: Vec<Step>,
        if_in_state: Option<State>,
    ) -> Result<(), MethodError> {
        let mut batch = Batch::default();
        for step in steps {
            batch.push(step.subject, step.edit);
        }
        let (edits, subjects) = batch.split();
        let (host, token) = (context.host, context.token);
        let outcomes = host
            .set_mailboxes(token, &self.account.id, if_in_state, edits)
            .await?;
        self.old_state.get_or_insert(outcomes.old_state);
        self.new_state = outcomes.new_state;
        let done = batch::done(subjects, outcomes.items, &mut self.answer)?;
        for (subject, id) in &done {
            if let Subject::Create(creation) = subject {
                context.created.insert(creation, id);
            }
        }
        self.done.extend(done);
        // What the host made of names and parents, and the rights of what is new.
        (self.present, _) = host.mailboxes(token, &self.account.id).await?;
        Ok(())
    }

    fn finish<H: Host>(self, context: &mut Context<'_, H>) -> Value {
        let Self {
            account,
            present,
            wishes,
            done,
            mut answer,
            ..
        } = self;
        let news = |subject: &Subject, id: &str| {
            let object = present.iter().find(|one| one.id == id);
            let object = object.map(|one| object::json(one, account.read_only));
            wishes.news(subject, id, object)
        };
        batch::tell(done, news, &mut answer, &mut context.created);
        let old_state = self.old_state.unwrap_or(self.new_state);
        answer.finish(&account.id, old_state, self.new_state)
    }
}

/// A mailbox that is to be made.
fn details(members: Map<String, Value>) -> Result<Details, SetError> {
    let mut properties = Properties::of_new(members);
    let details = Details {
        name: properties.require("name"),
        parent: properties.take("parentId"),
        role: properties.take("role"),
        sort_order: sort_order(&mut properties).unwrap_or(0),
        subscribed: properties.take("isSubscribed").unwrap_or(true),
    };
    check_name(&mut properties, &details.name);
    check_role(&mut properties, details.role.as_deref());
    properties.finish()?;
    Ok(details)
}

/// What is to be changed of a mailbox. What is removed becomes its default.
fn patch(id: &str, mut properties: Properties) -> Result<Patch, SetError> {
    let named = properties.wanted().contains_key("name");
    let name: Option<String> = named.then(|| properties.require("name"));
    let patch = Patch {
        id: id.to_owned(),
        name,
        parent: properties.change("parentId"),
        role: properties.change("role"),
        sort_order: sort_order(&mut properties),
        subscribed: properties
            .change("isSubscribed")
            .map(|subscribed| subscribed.unwrap_or(true)),
    };
    if let Some(name) = &patch.name {
        check_name(&mut properties, name);
    }
    if let Some(role) = &patch.role {
        check_role(&mut properties, role.as_deref());
    }
    properties.finish()?;
    Ok(patch)
}

fn sort_order(properties: &mut Properties) -> Option<u32> {
    let order = properties.change::<UnsignedInt>("sortOrder")?;
    let order = order.map_or(0, |UnsignedInt(order)| order);
    if order > SORT_ORDER_MAX {
        properties.fault("sortOrder", "It is not below 2^31.");
    }
    u32::try_from(order).ok()
}

/// RFC 8621 §2: Net-Unicode (RFC 5198), which has no control characters. The host brings it into NFC.
fn check_name(properties: &mut Properties, name: &str) {
    let bytes = u64::try_from(name.len()).unwrap_or(u64::MAX);
    if !(1..=MAILBOX_NAME_BYTES_MAX).contains(&bytes) {
        let why = format!("A name has 1 to {MAILBOX_NAME_BYTES_MAX} bytes.");
        properties.fault("name", why);
    } else if name.chars().any(char::is_control) {
        properties.fault("name", "A name has no control characters.");
    }
}

fn check_role(properties: &mut Properties, role: Option<&str>) {
    if role.is_some_and(|role| !ROLES.contains(&role)) {
        properties.fault("role", format!("A role is one of {}.", ROLES.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::tests::mailbox;
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn new_mailboxes_have_defaults() {
        let new = details(map(json!({"name": "a"}))).unwrap();
        let expected = Details {
            name: "a".to_owned(),
            parent: None,
            role: None,
            sort_order: 0,
            subscribed: true,
        };
        assert_eq!(new, expected);
        let all = json!({"name": "a", "parentId": "#k", "role": "sent", "sortOrder": 2147483647, "isSubscribed": false});
        let expected = Details {
            name: "a".to_owned(),
            parent: Some("#k".to_owned()),
            role: Some("sent".to_owned()),
            sort_order: 2_147_483_647,
            subscribed: false,
        };
        assert_eq!(details(map(all)).unwrap(), expected);
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        for (members, property) in [
            (json!({}), "name"),
            (json!({"name": ""}), "name"),
            (json!({"name": "é".repeat(128)}), "name"),
            (json!({"name": "a\nb"}), "name"),
            (json!({"name": "a", "role": "Inbox"}), "role"),
            (json!({"name": "a", "role": "haschildren"}), "role"),
            (
                json!({"name": "a", "sortOrder": 2147483648_u64}),
                "sortOrder",
            ),
            (json!({"name": "a", "sortOrder": -1}), "sortOrder"),
            (json!({"name": "a", "id": "x"}), "id"),
            (json!({"name": "a", "totalEmails": 0}), "totalEmails"),
            (json!({"name": "a", "myRights": {}}), "myRights"),
            (json!({"name": "a", "color": "red"}), "color"),
        ] {
            let error = details(map(members.clone())).unwrap_err().to_json();
            assert_eq!(error["type"], "invalidProperties", "{members}");
            assert_eq!(error["properties"], json!([property]), "{members}");
        }
    }

    #[test]
    fn patches_change_what_they_name() {
        let current = object::json(&mailbox("m", "a", Some("p")), false);
        let changed = |patch: Value| {
            let properties = Properties::changed(&current, &map(patch))?;
            super::patch("m", properties)
        };
        let expected = Patch {
            id: "m".to_owned(),
            name: Some("b".to_owned()),
            parent: Some(None),
            role: None,
            sort_order: Some(4),
            subscribed: None,
        };
        let patch = json!({"name": "b", "parentId": null, "sortOrder": 4, "role": null, "totalEmails": 0, "id": "m"});
        assert_eq!(changed(patch).unwrap(), expected);
        for (patch, kind) in [
            (json!({"name": null}), "invalidProperties"),
            (json!({"totalEmails": 1}), "invalidProperties"),
            (json!({"myRights/mayDelete": false}), "invalidProperties"),
            (json!({"id": "other"}), "invalidProperties"),
            (json!({"name/0": "b"}), "invalidPatch"),
            (json!({"nothing/0": "b"}), "invalidPatch"),
        ] {
            let error = changed(patch.clone()).unwrap_err();
            assert_eq!(error.kind().name(), kind, "{patch}");
        }
    }
}
