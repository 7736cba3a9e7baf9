//! Filters and orders of mailboxes (RFC 8621 §2.3), over all mailboxes of an account.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

use crate::bindings::concierge::mail::mailboxes::Mailbox;
use crate::jmap::error::{Kind, MethodError};
use crate::jmap::query::{Comparator, Filter, Operator};

/// A condition: all that is given must hold.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Condition {
    #[serde(deserialize_with = "given")]
    parent_id: Option<Option<String>>,
    name: Option<String>,
    #[serde(deserialize_with = "given")]
    role: Option<Option<String>>,
    has_any_role: Option<bool>,
    is_subscribed: Option<bool>,
}

/// Tells `null`, which is looked for, from nothing.
fn given<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(reader).map(Some)
}

impl Condition {
    /// Names are compared without regard to case, as they are in an order.
    fn holds(&self, mailbox: &Mailbox) -> bool {
        let Self {
            parent_id,
            name,
            role,
            has_any_role,
            is_subscribed,
        } = self;
        parent_id.as_ref().is_none_or(|id| *id == mailbox.parent)
            && name
                .as_ref()
                .is_none_or(|name| mailbox.name.to_lowercase().contains(&name.to_lowercase()))
            && role.as_ref().is_none_or(|role| *role == mailbox.role)
            && has_any_role.is_none_or(|any| any == mailbox.role.is_some())
            && is_subscribed.is_none_or(|subscribed| subscribed == mailbox.subscribed)
    }
}

/// Whether a filter matches. Its depth was bounded when it was read.
fn matches(filter: &Filter<Condition>, mailbox: &Mailbox) -> bool {
    match filter {
        Filter::Condition(condition) => condition.holds(mailbox),
        Filter::Operator(Operator::And, inner) => inner.iter().all(|one| matches(one, mailbox)),
        Filter::Operator(Operator::Or, inner) => inner.iter().any(|one| matches(one, mailbox)),
        Filter::Operator(Operator::Not, inner) => !inner.iter().any(|one| matches(one, mailbox)),
    }
}

/// What mailboxes are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Property {
    SortOrder,
    Name,
    ParentId,
}

/// An order, level by level. Mailboxes that are equal in all levels come by sort order, name and id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order(Vec<(Property, bool)>);

impl Order {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// `unsupportedSort`.
    pub fn of(sort: &[Comparator]) -> Result<Self, MethodError> {
        sort.iter()
            .map(|level| {
                let property = match (level.property.as_str(), &level.keyword) {
                    ("sortOrder", None) => Property::SortOrder,
                    ("name", None) => Property::Name,
                    ("parentId", None) => Property::ParentId,
                    _ => {
                        let why = format!("Not by {:?}.", level.property);
                        return Err(MethodError::new(Kind::UnsupportedSort, why));
                    }
                };
                Ok((property, level.is_ascending))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn compare(&self, one: &Keyed<'_>, other: &Keyed<'_>) -> Ordering {
        let by = |property| match property {
            Property::SortOrder => one.mailbox.sort_order.cmp(&other.mailbox.sort_order),
            Property::Name => one.name.cmp(&other.name),
            Property::ParentId => one.mailbox.parent.cmp(&other.mailbox.parent),
        };
        self.0
            .iter()
            .map(|&(property, ascending)| match ascending {
                true => by(property),
                false => by(property).reverse(),
            })
            .find(|order| order.is_ne())
            .unwrap_or_else(|| by(Property::SortOrder))
            .then_with(|| one.name.cmp(&other.name))
            .then_with(|| one.mailbox.id.cmp(&other.mailbox.id))
    }
}

/// A mailbox, and its name as it is compared: RFC 8620 §5.5 asks for an order that disregards case.
struct Keyed<'m> {
    mailbox: &'m Mailbox,
    name: String,
}

/// What a query asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// `None`: all.
    pub filter: Option<Filter<Condition>>,
    /// In which order.
    pub order: Order,
    /// Each mailbox right before those in it, and the order holds among siblings.
    pub sort_as_tree: bool,
    /// Only those whose ancestors match, too.
    pub filter_as_tree: bool,
}

impl Selection {
    /// The ids of what it selects, in its order.
    pub fn of(&self, mailboxes: &[Mailbox]) -> Vec<String> {
        let mut keyed: Vec<Keyed<'_>> = mailboxes
            .iter()
            .map(|mailbox| Keyed {
                mailbox,
                name: mailbox.name.to_lowercase(),
            })
            .collect();
        keyed.sort_by(|one, other| self.order.compare(one, other));
        let mut sorted: Vec<&Mailbox> = keyed.into_iter().map(|one| one.mailbox).collect();
        // Parents come before their children in the tree, so that one pass filters it, too.
        let tree = preorder(&sorted);
        let selected = self.selected(&tree);
        if self.sort_as_tree {
            sorted = tree;
        }
        sorted
            .into_iter()
            .filter(|one| selected.contains(one.id.as_str()))
            .map(|one| one.id.clone())
            .collect()
    }

    fn selected<'m>(&self, tree: &[&'m Mailbox]) -> BTreeSet<&'m str> {
        let seen: BTreeSet<&str> = tree.iter().map(|one| one.id.as_str()).collect();
        let mut selected = BTreeSet::new();
        for &mailbox in tree {
            let itself = self.filter.as_ref().is_none_or(|one| matches(one, mailbox));
            let parent = mailbox.parent.as_deref().filter(|id| seen.contains(id));
            let above = parent.is_none_or(|id| selected.contains(id));
            if itself && (above || !self.filter_as_tree) {
                selected.insert(mailbox.id.as_str());
            }
        }
        selected
    }
}

/// Each mailbox right before those in it; siblings keep their order. One whose parent is not there is at the top.
fn preorder<'m>(sorted: &[&'m Mailbox]) -> Vec<&'m Mailbox> {
    let there: BTreeSet<&str> = sorted.iter().map(|one| one.id.as_str()).collect();
    let mut children: BTreeMap<Option<&str>, Vec<&'m Mailbox>> = BTreeMap::new();
    for &one in sorted {
        let parent = one.parent.as_deref().filter(|id| there.contains(id));
        children.entry(parent).or_default().push(one);
    }
    let mut next = children.remove(&None).unwrap_or_default();
    next.reverse();
    let mut tree = Vec::with_capacity(sorted.len());
    while let Some(one) = next.pop() {
        tree.push(one);
        // Taken out, so that no loop is walked twice.
        let inner = children.remove(&Some(one.id.as_str())).unwrap_or_default();
        next.extend(inner.into_iter().rev());
    }
    tree
}

/// Mailboxes and all that are in them. In a tree these move with them.
pub fn with_descendants(ids: &BTreeSet<String>, mailboxes: &[Mailbox]) -> BTreeSet<String> {
    let sorted: Vec<&Mailbox> = mailboxes.iter().collect();
    let mut all = ids.clone();
    for one in preorder(&sorted) {
        if one
            .parent
            .as_ref()
            .is_some_and(|parent| all.contains(parent))
        {
            all.insert(one.id.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::object::tests::mailbox;
    use super::*;
    use crate::jmap::context::Arguments;
    use crate::jmap::query;
    use serde_json::{Value, json};

    /// Inbox (i), Archive (a) with 2024 (a4) and 2025 (a5), 2025 with May (m), and Ärger (z).
    fn mailboxes() -> Vec<Mailbox> {
        let mut all = vec![
            mailbox("m", "May", Some("a5")),
            mailbox("a5", "2025", Some("a")),
            mailbox("a4", "2024", Some("a")),
            mailbox("z", "ärger", None),
            mailbox("a", "Archive", None),
            mailbox("i", "inbox", None),
        ];
        for one in &mut all {
            match one.id.as_str() {
                "i" => (one.role, one.sort_order) = (Some("inbox".to_owned()), 1),
                "a" => (one.role, one.sort_order) = (Some("archive".to_owned()), 2),
                "a4" => one.subscribed = false,
                _ => one.sort_order = 3,
            }
        }
        all
    }

    fn selected(arguments: Value) -> Vec<String> {
        let mut arguments = Arguments(arguments.as_object().cloned().unwrap());
        let sort = query::take_sort(&mut arguments).unwrap();
        let selection = Selection {
            filter: query::take_filter(&mut arguments).unwrap(),
            order: Order::of(&sort).unwrap(),
            sort_as_tree: arguments.take("sortAsTree").unwrap().unwrap_or(false),
            filter_as_tree: arguments.take("filterAsTree").unwrap().unwrap_or(false),
        };
        arguments.finish().unwrap();
        selection.of(&mailboxes())
    }

    #[test]
    fn conditions() {
        let by_name = json!([{"property": "name"}]);
        for (filter, ids) in [
            (json!({}), vec!["a4", "a5", "a", "i", "m", "z"]),
            (json!({"parentId": null}), vec!["a", "i", "z"]),
            (json!({"parentId": "a"}), vec!["a4", "a5"]),
            (json!({"name": "20"}), vec!["a4", "a5"]),
            (json!({"name": "ÄRGER"}), vec!["z"]),
            (json!({"role": "inbox"}), vec!["i"]),
            (json!({"role": null}), vec!["a4", "a5", "m", "z"]),
            (json!({"hasAnyRole": true}), vec!["a", "i"]),
            (json!({"hasAnyRole": false}), vec!["a4", "a5", "m", "z"]),
            (json!({"isSubscribed": false}), vec!["a4"]),
            (json!({"parentId": "a", "isSubscribed": true}), vec!["a5"]),
            (
                json!({"operator": "OR", "conditions": [{"role": "inbox"}, {"name": "may"}]}),
                vec!["i", "m"],
            ),
            (
                json!({"operator": "AND", "conditions": [{"parentId": null}, {"hasAnyRole": true}]}),
                vec!["a", "i"],
            ),
            (
                json!({"operator": "NOT", "conditions": [{"hasAnyRole": true}, {"name": "20"}]}),
                vec!["m", "z"],
            ),
        ] {
            let found = selected(json!({"filter": filter, "sort": by_name}));
            assert_eq!(found, ids, "{filter}");
        }
    }

    #[test]
    fn what_cannot_be_filtered_or_sorted_by_is_refused() {
        for filter in [
            json!({"totalEmails": 1}),
            json!({"hasAnyRole": null, "x": 1}),
        ] {
            let mut arguments = Arguments(json!({"filter": filter}).as_object().cloned().unwrap());
            let error = query::take_filter::<Condition>(&mut arguments).unwrap_err();
            assert_eq!(error.kind(), Kind::UnsupportedFilter);
        }
        for (property, keyword) in [("totalEmails", None), ("name", Some("k".to_owned()))] {
            let level = Comparator {
                property: property.to_owned(),
                is_ascending: true,
                collation: None,
                keyword,
            };
            assert_eq!(
                Order::of(&[level]).unwrap_err().kind(),
                Kind::UnsupportedSort
            );
        }
    }

    #[test]
    fn orders() {
        assert_eq!(selected(json!({})), ["a4", "i", "a", "a5", "m", "z"]);
        let sort = json!([{"property": "sortOrder", "isAscending": false}, {"property": "name"}]);
        assert_eq!(
            selected(json!({"sort": sort})),
            ["a5", "m", "z", "a", "i", "a4"]
        );
        let sort = json!([{"property": "parentId"}, {"property": "name", "isAscending": false}]);
        assert_eq!(
            selected(json!({"sort": sort})),
            ["z", "i", "a", "a5", "a4", "m"]
        );
    }

    #[test]
    fn trees() {
        let sort = json!([{"property": "name"}]);
        assert_eq!(
            selected(json!({"sort": sort, "sortAsTree": true})),
            ["a", "a4", "a5", "m", "i", "z"]
        );
        // RFC 8621 §2.3: descending, ancestors still come first.
        let down = json!([{"property": "name", "isAscending": false}]);
        assert_eq!(
            selected(json!({"sort": down, "sortAsTree": true})),
            ["z", "i", "a", "a5", "m", "a4"]
        );
        // What is not selected itself still holds what is in it together.
        let filter = json!({"operator": "NOT", "conditions": [{"name": "2025"}]});
        assert_eq!(
            selected(json!({"sort": sort, "sortAsTree": true, "filter": filter})),
            ["a", "a4", "m", "i", "z"]
        );
        assert_eq!(
            selected(json!({"sort": sort, "filterAsTree": true, "filter": filter})),
            ["a4", "a", "i", "z"]
        );
    }

    #[test]
    fn a_mailbox_whose_parent_is_not_seen_is_at_the_top() {
        let selection = Selection {
            filter_as_tree: true,
            sort_as_tree: true,
            ..Selection::default()
        };
        let shared = [
            mailbox("c", "c", Some("b")),
            mailbox("b", "b", Some("hidden")),
        ];
        assert_eq!(selection.of(&shared), ["b", "c"]);
    }

    #[test]
    fn descendants_go_with_their_ancestors() {
        let moved = BTreeSet::from(["a5".to_owned(), "gone".to_owned()]);
        let all = with_descendants(&moved, &mailboxes());
        assert_eq!(all.into_iter().collect::<Vec<_>>(), ["a5", "gone", "m"]);
    }
}
