//! In which order the edits of a `Mailbox/set` are done.
//!
//! A client may name them in any order: a mailbox in one that the same call makes, a name that another one gives up, a
//! parent whose children the same call moves away (RFC 8620 §5.3). The host takes edits one after the other, and ids of new
//! mailboxes are known only when it has made them. So edits go to the host in rounds: in each those whose references are
//! known, and among these one only when those before it have made it possible.

use std::collections::{BTreeMap, BTreeSet};

use crate::bindings::concierge::mail::mailboxes::{Details, Edit, Mailbox, Patch, Removal};
use crate::jmap::context::CreatedIds;
use crate::jmap::set::{Reference, Subject};

/// An edit, and what it is about.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it is about.
    pub subject: Subject,
    /// What is to be done. A parent in it is as the client names it.
    pub edit: Edit,
}

impl Step {
    /// The parent that it names.
    fn parent(&self) -> Option<&str> {
        match &self.edit {
            Edit::Create(Details { parent, .. }) => parent.as_deref(),
            Edit::Update(Patch { parent, .. }) => parent.as_ref()?.as_deref(),
            Edit::Destroy(_) => None,
        }
    }

    /// With the id of the parent that it names.
    fn with_parent(mut self, id: String) -> Self {
        match &mut self.edit {
            Edit::Create(details) => details.parent = Some(id),
            Edit::Update(patch) => patch.parent = Some(Some(id)),
            Edit::Destroy(_) => {}
        }
        self
    }
}

/// What is done next.
#[derive(Debug, Default)]
pub struct Round {
    /// Edits for the host, in their order.
    pub now: Vec<Step>,
    /// For later rounds.
    pub later: Vec<Step>,
    /// That name a parent that will not be there.
    pub never: Vec<Step>,
}

/// Takes of what is to be done what can be done now. Where a round has no edits there is nothing left to do.
pub fn next_round(mailboxes: &[Mailbox], steps: Vec<Step>, created: &CreatedIds) -> Round {
    let mut round = Round::default();
    let to_come: BTreeSet<String> = steps
        .iter()
        .filter_map(|step| match &step.subject {
            Subject::Create(creation) => Some(creation.clone()),
            _ => None,
        })
        .collect();
    let mut known = Vec::new();
    for step in steps {
        let Some(parent) = step.parent() else {
            known.push(step);
            continue;
        };
        // A creation id stands for what this call makes, rather than for what an earlier one made (RFC 8620 §5.3).
        match Reference::of(parent) {
            Reference::Creation(creation) if to_come.contains(creation) => round.later.push(step),
            _ => match created.resolve(parent).map(str::to_owned) {
                Some(id) => known.push(step.with_parent(id)),
                None => round.never.push(step),
            },
        }
    }
    let misfits = fit(&mut House::of(mailboxes), known, &mut round.now);
    if round.later.is_empty() || round.now.is_empty() {
        // Nothing will make them possible: the host says why they are not.
        round.now.extend(misfits);
    } else {
        round.later.extend(misfits);
    }
    if round.now.is_empty() {
        // They name each other.
        round.never.append(&mut round.later);
    }
    round
}

/// Moves the steps that can be done one after the other to `now`, and gives those that cannot.
fn fit(house: &mut House, mut steps: Vec<Step>, now: &mut Vec<Step>) -> Vec<Step> {
    loop {
        let before = steps.len();
        let mut misfits = Vec::new();
        for step in steps {
            if house.admits(&step) {
                house.apply(&step);
                now.push(step);
            } else {
                misfits.push(step);
            }
        }
        if misfits.is_empty() || misfits.len() == before {
            return misfits;
        }
        steps = misfits;
    }
}

/// Where a mailbox is, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    parent: Option<String>,
    name: String,
    role: Option<String>,
}

/// The mailboxes as they will be after the edits so far, as far as edits can be in each other's way. Only the host's
/// rules count; this is for the order.
#[derive(Debug, Default)]
struct House {
    places: BTreeMap<String, Place>,
    /// Of each parent and name, which has it.
    names: BTreeMap<(Option<String>, String), String>,
    roles: BTreeMap<String, String>,
    /// Of each mailbox, how many are in it.
    children: BTreeMap<String, usize>,
}

impl House {
    fn of(mailboxes: &[Mailbox]) -> Self {
        let mut house = Self::default();
        for one in mailboxes {
            let place = Place {
                parent: one.parent.clone(),
                name: one.name.clone(),
                role: one.role.clone(),
            };
            house.put(one.id.clone(), place);
        }
        house
    }

    fn put(&mut self, id: String, place: Place) {
        let name = (place.parent.clone(), place.name.clone());
        self.names.insert(name, id.clone());
        if let Some(role) = &place.role {
            self.roles.insert(role.clone(), id.clone());
        }
        if let Some(parent) = &place.parent {
            *self.children.entry(parent.clone()).or_default() += 1;
        }
        self.places.insert(id, place);
    }

    fn take(&mut self, id: &str) -> Option<Place> {
        let place = self.places.remove(id)?;
        self.names
            .remove(&(place.parent.clone(), place.name.clone()));
        if let Some(role) = &place.role {
            self.roles.remove(role);
        }
        if let Some(count) = place
            .parent
            .as_ref()
            .and_then(|id| self.children.get_mut(id))
        {
            *count = count.saturating_sub(1);
        }
        Some(place)
    }

    /// Where a step leads: an id, and the place that it has then.
    fn target(&self, step: &Step) -> Option<(String, Place)> {
        match (&step.edit, &step.subject) {
            (Edit::Create(details), Subject::Create(creation)) => {
                let place = Place {
                    parent: details.parent.clone(),
                    name: details.name.clone(),
                    role: details.role.clone(),
                };
                Some((format!("#{creation}"), place))
            }
            (Edit::Update(patch), _) => {
                let mut place = self.places.get(&patch.id)?.clone();
                if let Some(parent) = &patch.parent {
                    place.parent.clone_from(parent);
                }
                if let Some(name) = &patch.name {
                    place.name.clone_from(name);
                }
                if let Some(role) = &patch.role {
                    place.role.clone_from(role);
                }
                Some((patch.id.clone(), place))
            }
            _ => None,
        }
    }

    fn admits(&self, step: &Step) -> bool {
        if let Edit::Destroy(Removal { id, .. }) = &step.edit {
            let empty = self.children.get(id).is_none_or(|count| *count == 0);
            return empty && self.places.contains_key(id);
        }
        let Some((id, place)) = self.target(step) else {
            return false;
        };
        let own = |holder: Option<&String>| holder.is_none_or(|holder| *holder == id);
        let name = (place.parent.clone(), place.name.clone());
        own(self.names.get(&name))
            && place
                .role
                .as_ref()
                .is_none_or(|role| own(self.roles.get(role)))
            && place
                .parent
                .is_none_or(|parent| self.is_outside(&parent, &id))
    }

    /// Whether a mailbox is there, and not in another one or itself that.
    fn is_outside(&self, id: &str, other: &str) -> bool {
        let mut at = Some(id);
        // No way up is longer than there are mailboxes.
        for _ in 0..=self.places.len() {
            let Some(id) = at else {
                return true;
            };
            if id == other {
                return false;
            }
            let Some(place) = self.places.get(id) else {
                return false;
            };
            at = place.parent.as_deref();
        }
        false
    }

    fn apply(&mut self, step: &Step) {
        match &step.edit {
            Edit::Destroy(removal) => {
                self.take(&removal.id);
            }
            _ => {
                if let Some((id, place)) = self.target(step) {
                    self.take(&id);
                    self.put(id, place);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::tests::mailbox;
    use super::*;

    fn create(creation: &str, name: &str, parent: Option<&str>) -> Step {
        Step {
            subject: Subject::Create(creation.to_owned()),
            edit: Edit::Create(Details {
                name: name.to_owned(),
                parent: parent.map(str::to_owned),
                role: None,
                sort_order: 0,
                subscribed: true,
            }),
        }
    }

    fn update(id: &str, name: Option<&str>, parent: Option<Option<&str>>) -> Step {
        Step {
            subject: Subject::Update(id.to_owned()),
            edit: Edit::Update(Patch {
                id: id.to_owned(),
                name: name.map(str::to_owned),
                parent: parent.map(|parent| parent.map(str::to_owned)),
                role: None,
                sort_order: None,
                subscribed: None,
            }),
        }
    }

    fn destroy(id: &str) -> Step {
        Step {
            subject: Subject::Destroy(id.to_owned()),
            edit: Edit::Destroy(Removal {
                id: id.to_owned(),
                remove_emails: false,
            }),
        }
    }

    fn names(steps: &[Step]) -> Vec<String> {
        steps
            .iter()
            .map(|step| match &step.subject {
                Subject::Create(key) => format!("+{key}"),
                Subject::Update(key) => format!("={key}"),
                Subject::Destroy(key) => format!("-{key}"),
            })
            .collect()
    }

    fn rounds(mailboxes: &[Mailbox], steps: Vec<Step>) -> (Vec<Vec<String>>, Vec<String>) {
        let mut mailboxes = mailboxes.to_vec();
        let mut created = CreatedIds::default();
        let (mut rounds, mut never, mut left) = (Vec::new(), Vec::new(), steps);
        loop {
            let round = next_round(&mailboxes, left, &created);
            never.extend(names(&round.never));
            left = round.later;
            if round.now.is_empty() {
                assert!(left.is_empty(), "what is left is said never to be done");
                return (rounds, never);
            }
            rounds.push(names(&round.now));
            // As a host that does all would.
            let mut house = House::of(&mailboxes);
            for step in &round.now {
                house.apply(step);
                if let Subject::Create(creation) = &step.subject {
                    created.insert(creation, &format!("new-{creation}"));
                }
            }
            mailboxes = house
                .places
                .iter()
                .map(|(id, place)| {
                    let id = id.replace('#', "new-");
                    mailbox(&id, &place.name, place.parent.as_deref())
                })
                .collect();
        }
    }

    #[test]
    fn parents_are_made_before_what_is_in_them() {
        let steps = vec![
            create("c", "c", Some("#b")),
            create("x", "x", None),
            create("b", "b", Some("#a")),
            create("a", "a", None),
        ];
        let (done, never) = rounds(&[], steps);
        assert_eq!(done, [vec!["+x", "+a"], vec!["+b"], vec!["+c"]]);
        assert!(never.is_empty());
    }

    #[test]
    fn what_names_each_other_or_nothing_is_never_done() {
        let steps = vec![
            create("a", "a", Some("#b")),
            create("b", "b", Some("#a")),
            create("c", "c", Some("#nothing")),
            create("d", "d", None),
        ];
        let (done, never) = rounds(&[], steps);
        assert_eq!(done, [["+d"]]);
        assert_eq!(never, ["+c", "+a", "+b"]);
    }

    #[test]
    fn a_creation_id_is_that_of_this_call() {
        let mut created = CreatedIds::default();
        created.insert("a", "old");
        let steps = vec![create("b", "b", Some("#a")), create("a", "a", None)];
        let round = next_round(&[mailbox("old", "o", None)], steps, &created);
        assert_eq!(names(&round.now), ["+a"]);
        assert_eq!(names(&round.later), ["+b"]);
    }

    #[test]
    fn names_are_given_up_before_they_are_taken() {
        let there = [mailbox("1", "a", None), mailbox("2", "b", None)];
        let steps = vec![
            create("n", "a", None),
            update("1", Some("b"), None),
            destroy("2"),
        ];
        let (done, _) = rounds(&there, steps);
        assert_eq!(done, [["-2", "=1", "+n"]]);
    }

    #[test]
    fn children_move_or_go_before_their_parent_goes() {
        let there = [
            mailbox("1", "a", None),
            mailbox("2", "b", Some("1")),
            mailbox("3", "c", Some("1")),
        ];
        let steps = vec![
            create("n", "n", None),
            update("2", None, Some(Some("#n"))),
            destroy("1"),
            destroy("3"),
        ];
        let (done, _) = rounds(&there, steps);
        // 1 waits for 2, which waits for the id of n.
        assert_eq!(done, [vec!["+n", "-3"], vec!["=2", "-1"]]);
    }

    #[test]
    fn parents_and_children_change_places() {
        let there = [mailbox("1", "a", None), mailbox("2", "b", Some("1"))];
        let steps = vec![
            update("1", None, Some(Some("2"))),
            update("2", None, Some(None)),
        ];
        let (done, _) = rounds(&there, steps);
        assert_eq!(done, [["=2", "=1"]]);
    }

    #[test]
    fn what_can_never_be_is_left_to_the_host() {
        let there = [mailbox("1", "a", None), mailbox("2", "b", Some("1"))];
        let steps = vec![
            destroy("1"),
            destroy("gone"),
            update("1", None, Some(Some("2"))),
            update("2", Some("c"), None),
        ];
        let (done, never) = rounds(&there, steps);
        assert_eq!(done, [["=2", "-1", "-gone", "=1"]]);
        assert!(never.is_empty());
    }
}
