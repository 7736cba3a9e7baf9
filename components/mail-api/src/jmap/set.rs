//! `/set` (RFC 8620 §5.3), as every data type has it: its maps become a list of edits in an order that keeps references
//! among them, and what the host made of each becomes the answer's maps.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::context::CreatedIds;
use super::error::{Kind, MethodError, SetError, SetKind};
use super::limits::OBJECTS_IN_SET_MAX;
use super::value;
use crate::host::State;

/// The arguments of every `/set`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetArguments {
    /// Of which account.
    pub account_id: String,
    if_in_state: Option<String>,
    #[serde(default, deserialize_with = "or_empty")]
    create: Map<String, Value>,
    #[serde(default, deserialize_with = "or_empty")]
    update: Map<String, Value>,
    #[serde(default, deserialize_with = "or_empty")]
    destroy: Vec<String>,
}

fn or_empty<'de, D, T>(reader: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(reader)?.unwrap_or_default())
}

/// What a `/set` is to do.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// New objects by creation id.
    pub create: Vec<(String, Map<String, Value>)>,
    /// Patches by id, or by a creation id behind `#`.
    pub update: Vec<(String, Map<String, Value>)>,
    /// Ids, or creation ids behind `#`, each once.
    pub destroy: Vec<String>,
}

impl SetArguments {
    /// In which state it is to be done.
    ///
    /// # Errors
    ///
    /// `stateMismatch` for a text that never was a state.
    pub fn if_in_state(&self) -> Result<Option<State>, MethodError> {
        if_in_state(self.if_in_state.as_deref())
    }

    /// What is to be done.
    ///
    /// # Errors
    ///
    /// `requestTooLarge` where there are too many objects, `invalidArguments` where one is no object.
    pub fn wanted(self) -> Result<Wanted, MethodError> {
        let count = self.create.len() + self.update.len() + self.destroy.len();
        if count > OBJECTS_IN_SET_MAX {
            let why = format!("At most {OBJECTS_IN_SET_MAX} objects at once.");
            return Err(MethodError::new(Kind::RequestTooLarge, why));
        }
        Ok(Wanted {
            create: objects("create", self.create)?,
            update: objects("update", self.update)?,
            destroy: super::get::distinct(&self.destroy)?,
        })
    }
}

/// A state that a client names as a condition.
///
/// # Errors
///
/// `stateMismatch` for a text that never was a state.
pub fn if_in_state(text: Option<&str>) -> Result<Option<State>, MethodError> {
    text.map(|text| value::state(text).ok_or_else(|| Kind::StateMismatch.into()))
        .transpose()
}

/// Objects by their ids or creation ids, in their order.
pub type Objects = Vec<(String, Map<String, Value>)>;

/// The members of a map that must be objects.
///
/// # Errors
///
/// `invalidArguments` where one is not.
pub fn objects(argument: &str, map: Map<String, Value>) -> Result<Objects, MethodError> {
    map.into_iter()
        .map(|(key, value)| match value {
            Value::Object(members) => Ok((key, members)),
            _ => Err(MethodError::invalid_arguments(format!(
                "{argument}/{key} is no object."
            ))),
        })
        .collect()
}

/// An id in an argument (RFC 8620 §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference<'t> {
    /// Of an object that is there.
    Id(&'t str),
    /// The creation id of an object that is created in this request.
    Creation(&'t str),
}

impl<'t> Reference<'t> {
    /// Reads one.
    pub fn of(text: &'t str) -> Self {
        match text.strip_prefix('#') {
            Some(creation) => Self::Creation(creation),
            None => Self::Id(text),
        }
    }
}

/// What an edit is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An object to be created, by its creation id.
    Create(String),
    /// An object to be updated, as the client names it.
    Update(String),
    /// An object to be destroyed, as the client names it.
    Destroy(String),
}

/// What became of a `/set`.
#[derive(Clone, Debug, Default)]
pub struct SetAnswer {
    created: Map<String, Value>,
    updated: Map<String, Value>,
    destroyed: Vec<String>,
    not_created: Map<String, Value>,
    not_updated: Map<String, Value>,
    not_destroyed: Map<String, Value>,
}

impl SetAnswer {
    /// An object was created: its id, and what the client does not know of it.
    pub fn created(&mut self, creation: &str, properties: Value, ids: &mut CreatedIds) {
        if let Some(id) = properties.get("id").and_then(Value::as_str) {
            ids.insert(creation, id);
        }
        self.created.insert(creation.to_owned(), properties);
    }

    /// An object was updated; `properties` are those that changed otherwise than was asked for, or `null`.
    pub fn updated(&mut self, id: &str, properties: Value) {
        self.updated.insert(id.to_owned(), properties);
    }

    /// An object was destroyed.
    pub fn destroyed(&mut self, id: &str) {
        self.destroyed.push(id.to_owned());
    }

    /// Something was not done.
    pub fn refused(&mut self, subject: &Subject, error: impl Into<SetError>) {
        let error = error.into().to_json();
        match subject {
            Subject::Create(key) => self.not_created.insert(key.clone(), error),
            Subject::Update(key) => self.not_updated.insert(key.clone(), error),
            Subject::Destroy(key) => self.not_destroyed.insert(key.clone(), error),
        };
    }

    /// Something that a creation id stands for, which stands for nothing.
    pub fn unresolved(&mut self, subject: &Subject) {
        self.refused(
            subject,
            SetError::new(SetKind::NotFound, "Nothing was created under this id."),
        );
    }

    /// The creation ids and the properties of what was created.
    pub fn created_objects(&self) -> &Map<String, Value> {
        &self.created
    }

    /// The ids of what was updated.
    pub fn updated_ids(&self) -> impl Iterator<Item = &str> {
        self.updated.keys().map(String::as_str)
    }

    /// The ids of what was destroyed.
    pub fn destroyed_ids(&self) -> &[String] {
        &self.destroyed
    }

    /// The answer.
    pub fn finish(self, account: &str, old: State, new: State) -> Value {
        let mut members = self.maps();
        members.insert("accountId".to_owned(), account.into());
        members.insert("oldState".to_owned(), old.to_string().into());
        members.insert("newState".to_owned(), new.to_string().into());
        Value::Object(members)
    }

    /// The answer of a type that belongs to no account and has no states (RFC 8620 §7.2.2).
    pub fn maps(self) -> Map<String, Value> {
        let destroyed = match self.destroyed.is_empty() {
            true => Value::Null,
            false => json!(self.destroyed),
        };
        [
            ("created", or_null(self.created)),
            ("updated", or_null(self.updated)),
            ("destroyed", destroyed),
            ("notCreated", or_null(self.not_created)),
            ("notUpdated", or_null(self.not_updated)),
            ("notDestroyed", or_null(self.not_destroyed)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}

/// RFC 8620 §5.3: a map of nothing is `null`.
pub fn or_null(map: Map<String, Value>) -> Value {
    if map.is_empty() {
        Value::Null
    } else {
        Value::Object(map)
    }
}
