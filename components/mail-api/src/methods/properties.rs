//! Properties of an object that a `/set` makes or changes (RFC 8620 §5.3), taken one by one.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::jmap::context::read;
use crate::jmap::error::{SetError, SetKind};
use crate::jmap::pointer;
use crate::jmap::set::Subject;

/// Properties that are not taken yet. What is left when all that may be given are taken is refused: what the server sets,
/// what cannot be changed, and what is not known.
#[derive(Debug)]
pub struct Properties {
    members: Map<String, Value>,
    /// Of each property that is not of its form, its name and what is wrong.
    faults: Vec<(String, String)>,
}

impl Properties {
    /// Those of an object that is to be made.
    pub fn of_new(members: Map<String, Value>) -> Self {
        Self {
            members,
            faults: Vec::new(),
        }
    }

    /// Those that a patch changes. Properties that are given as they are count as not given, so that a client may send
    /// back what it may not change.
    ///
    /// # Errors
    ///
    /// `invalidPatch` where it is not one.
    pub fn changed(current: &Value, patch: &Map<String, Value>) -> Result<Self, SetError> {
        let before = current.as_object().cloned().unwrap_or_default();
        let mut after = before.clone();
        pointer::apply(&mut after, patch)
            .map_err(|why| SetError::new(SetKind::InvalidPatch, why))?;
        after.retain(|name, value| before.get(name) != Some(value));
        Ok(Self::of_new(after))
    }

    /// The properties as the client wants them.
    pub fn wanted(&self) -> &Map<String, Value> {
        &self.members
    }

    /// Takes a property: `None` where it is not given, `Some(None)` where it is `null`.
    pub fn change<T: DeserializeOwned>(&mut self, name: &str) -> Option<Option<T>> {
        let value = self.members.remove(name)?;
        match read(value) {
            Ok(value) => Some(value),
            Err(why) => {
                self.fault(name, why);
                None
            }
        }
    }

    /// Takes a property for which `null` is as good as nothing.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        self.change(name).flatten()
    }

    /// Takes a property that must be there. Without it the default is given, and [`Self::finish`] fails.
    pub fn require<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        let missing = self.members.get(name).is_none_or(Value::is_null);
        if missing {
            self.members.remove(name);
            self.fault(name, "It is missing.");
        }
        self.take(name).unwrap_or_default()
    }

    /// Notes that a property is not as it must be.
    pub fn fault(&mut self, name: &str, why: impl Into<String>) {
        self.faults.push((name.to_owned(), why.into()));
    }

    /// That all were in order, and none is left.
    ///
    /// # Errors
    ///
    /// `invalidProperties` with all that were not, or are.
    pub fn finish(mut self) -> Result<(), SetError> {
        for name in self.members.keys() {
            let why = "It is not known, or not the client's to set.";
            self.faults.push((name.clone(), why.to_owned()));
        }
        let Some((name, why)) = self.faults.first() else {
            return Ok(());
        };
        let description = format!("{name}: {why}");
        let mut names: Vec<String> = self.faults.into_iter().map(|(name, _)| name).collect();
        names.dedup();
        Err(SetError::invalid(names, description))
    }
}

/// What a client wants of the objects that it makes and changes, by which it is told what it does not know.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    created: BTreeMap<String, Map<String, Value>>,
    updated: BTreeMap<String, Map<String, Value>>,
}

impl Wishes {
    /// Of an object to be made, by its creation id.
    pub fn of_new(&mut self, creation: &str, members: &Map<String, Value>) {
        self.created.insert(creation.to_owned(), members.clone());
    }

    /// Of an object to be changed, by its id.
    pub fn of_changed(&mut self, id: &str, properties: &Properties) {
        self.updated
            .insert(id.to_owned(), properties.wanted().clone());
    }

    /// What the client does not know of an object as it is now; `None` where somebody else destroyed it since.
    pub fn news(&self, subject: &Subject, id: &str, object: Option<Value>) -> Value {
        match (subject, object) {
            (Subject::Create(creation), Some(object)) => {
                news_of_created(object, self.created.get(creation))
            }
            (Subject::Create(_), None) => json!({"id": id}),
            (_, Some(object)) => news_of_updated(object, self.updated.get(id)),
            (_, None) => Value::Null,
        }
    }
}

/// All but what is as the client wanted it. The id is always told.
fn news_of_created(object: Value, wanted: Option<&Map<String, Value>>) -> Value {
    without(object, |name, value| {
        name == "id" || wanted.and_then(|wanted| wanted.get(name)) != Some(value)
    })
}

/// Of what the client changed that which became otherwise than it wanted, or `null`.
fn news_of_updated(object: Value, wanted: Option<&Map<String, Value>>) -> Value {
    let news = without(object, |name, value| {
        let wanted = wanted.and_then(|wanted| wanted.get(name));
        wanted.is_some_and(|wanted| wanted != value)
    });
    match news {
        Value::Object(members) if members.is_empty() => Value::Null,
        news => news,
    }
}

fn without(object: Value, keep: impl Fn(&str, &Value) -> bool) -> Value {
    match object {
        Value::Object(mut members) => {
            members.retain(|name, value| keep(name, value));
            Value::Object(members)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn new_objects_take_what_is_known() {
        let mut properties = Properties::of_new(map(json!({"name": "a", "sortOrder": null})));
        assert_eq!(properties.require::<String>("name"), "a");
        assert_eq!(properties.take::<u32>("sortOrder"), None);
        assert_eq!(properties.finish(), Ok(()));
    }

    #[test]
    fn all_faults_are_told() {
        let mut properties = Properties::of_new(map(json!({"name": 1, "role": null, "id": "x"})));
        assert_eq!(properties.require::<String>("name"), "");
        assert_eq!(properties.require::<String>("role"), "");
        assert_eq!(properties.require::<String>("email"), "");
        let error = properties.finish().unwrap_err().to_json();
        assert_eq!(error["type"], "invalidProperties");
        assert_eq!(error["properties"], json!(["name", "role", "email", "id"]));
    }

    #[test]
    fn what_is_sent_back_as_it_is_changes_nothing() {
        let current = json!({"id": "m", "name": "a", "totalEmails": 3, "keys": {"p": 1}});
        let patch = map(json!({"id": "m", "name": "b", "totalEmails": 3, "keys/p": 1}));
        let mut properties = Properties::changed(&current, &patch).unwrap();
        assert_eq!(properties.wanted(), &map(json!({"name": "b"})));
        assert_eq!(
            properties.change::<String>("name"),
            Some(Some("b".to_owned()))
        );
        assert_eq!(properties.finish(), Ok(()));

        let patch = map(json!({"totalEmails": 4, "what": null}));
        let properties = Properties::changed(&current, &patch).unwrap();
        let error = properties.finish().unwrap_err().to_json();
        assert_eq!(error["properties"], json!(["totalEmails", "what"]));

        let patch = map(json!({"name/x": 4}));
        let error = Properties::changed(&current, &patch).unwrap_err();
        assert_eq!(error.kind(), SetKind::InvalidPatch);
    }

    #[test]
    fn news_are_what_the_client_does_not_know() {
        let object = json!({"id": "m", "name": "é", "role": null, "sortOrder": 0});
        let wanted = map(json!({"name": "e\u{301}", "role": null}));
        let mut wishes = Wishes::default();
        wishes.of_new("k", &wanted);
        wishes.of_changed("m", &Properties::of_new(wanted));
        wishes.of_changed("n", &Properties::of_new(map(json!({"role": null}))));
        let (create, update) = (
            Subject::Create("k".to_owned()),
            Subject::Update(String::new()),
        );
        let told = |subject: &Subject, id: &str| wishes.news(subject, id, Some(object.clone()));
        let expected = json!({"id": "m", "name": "é", "sortOrder": 0});
        assert_eq!(told(&create, "m"), expected);
        assert_eq!(told(&update, "m"), json!({"name": "é"}));
        assert_eq!(told(&update, "n"), Value::Null);
        assert_eq!(wishes.news(&create, "m", None), json!({"id": "m"}));
        assert_eq!(wishes.news(&update, "m", None), Value::Null);
    }
}
