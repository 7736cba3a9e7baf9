//! `/get` (RFC 8620 §5.1) and `/changes` (§5.2), as every data type has them.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::{Kind, MethodError};
use super::limits::OBJECTS_IN_GET_MAX;
use super::value::{self, UnsignedInt};
use crate::bindings::concierge::mail::accounts::Changes;
use crate::host::State;

/// The arguments of every `/get`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetArguments {
    /// Of which account.
    pub account_id: String,
    /// Which objects; `None`: all of them.
    pub ids: Option<Vec<String>>,
    /// Which properties; `None`: all, or what the type gives then.
    pub properties: Option<Vec<String>>,
}

impl GetArguments {
    /// The ids, each once.
    ///
    /// # Errors
    ///
    /// `requestTooLarge` where there are too many.
    pub fn distinct_ids(&self) -> Result<Option<Vec<String>>, MethodError> {
        let Some(ids) = &self.ids else {
            return Ok(None);
        };
        distinct(ids).map(Some)
    }

    /// Which properties of those that the type has; the id is always among them.
    ///
    /// # Errors
    ///
    /// `invalidArguments` where one is not known.
    pub fn selected(&self, known: &[&str]) -> Result<Selected, MethodError> {
        let Some(asked) = &self.properties else {
            return Ok(Selected(None));
        };
        if let Some(unknown) = asked.iter().find(|name| !known.contains(&name.as_str())) {
            let why = format!("There is no property {unknown:?}.");
            return Err(MethodError::invalid_arguments(why));
        }
        let mut names: BTreeSet<String> = asked.iter().cloned().collect();
        names.insert("id".to_owned());
        Ok(Selected(Some(names)))
    }
}

/// Ids, each once, in their order.
///
/// # Errors
///
/// `requestTooLarge` where there are too many.
pub fn distinct(ids: &[String]) -> Result<Vec<String>, MethodError> {
    if ids.len() > OBJECTS_IN_GET_MAX {
        let why = format!("At most {OBJECTS_IN_GET_MAX} ids at once.");
        return Err(MethodError::new(Kind::RequestTooLarge, why));
    }
    let mut seen = BTreeSet::new();
    let first = ids.iter().filter(|id| seen.insert(id.as_str()));
    Ok(first.cloned().collect())
}

/// The properties that are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected(Option<BTreeSet<String>>);

impl Selected {
    /// Whether a property is wanted.
    pub fn has(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.contains(name))
    }

    /// Takes away what is not wanted of an object that has all its properties.
    pub fn of(&self, object: Value) -> Value {
        match (object, &self.0) {
            (Value::Object(mut members), Some(names)) => {
                members.retain(|name, _| names.contains(name));
                Value::Object(members)
            }
            (object, _) => object,
        }
    }
}

/// The answer of a `/get`. With `ids` the objects come in their order, and those that are missing are told; without, all
/// come.
pub fn answer(account: &str, state: State, ids: Option<&[String]>, objects: Vec<Value>) -> Value {
    let (list, not_found) = match ids {
        None => (objects, Vec::new()),
        Some(ids) => in_order(ids, objects),
    };
    json!({
        "accountId": account,
        "state": state.to_string(),
        "list": list,
        "notFound": not_found,
    })
}

/// The objects in the order of the ids, and the ids that have none.
pub fn in_order(ids: &[String], objects: Vec<Value>) -> (Vec<Value>, Vec<String>) {
    let mut by_id: Map<String, Value> = Map::new();
    for object in objects {
        if let Some(id) = object.get("id").and_then(Value::as_str) {
            by_id.insert(id.to_owned(), object);
        }
    }
    let mut list = Vec::with_capacity(ids.len());
    let mut not_found = Vec::new();
    for id in ids {
        match by_id.remove(id) {
            Some(object) => list.push(object),
            None => not_found.push(id.clone()),
        }
    }
    (list, not_found)
}

/// The arguments of every `/changes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangesArguments {
    /// Of which account.
    pub account_id: String,
    since_state: String,
    max_changes: Option<UnsignedInt>,
}

impl ChangesArguments {
    /// Since which state.
    ///
    /// # Errors
    ///
    /// `cannotCalculateChanges` for a text that never was a state.
    pub fn since(&self) -> Result<State, MethodError> {
        value::state(&self.since_state).ok_or_else(|| Kind::CannotCalculateChanges.into())
    }

    /// How many ids at most; 0: as many as the host gives.
    ///
    /// # Errors
    ///
    /// `invalidArguments` for 0, which RFC 8620 §5.2 does not allow.
    pub fn max(&self) -> Result<u32, MethodError> {
        match self.max_changes {
            None => Ok(0),
            Some(UnsignedInt(0)) => Err(MethodError::invalid_arguments(
                "maxChanges must be greater than 0.",
            )),
            Some(max) => Ok(max.saturated()),
        }
    }
}

/// The answer of a `/changes`.
pub fn changes_answer(account: &str, changes: &Changes) -> Value {
    json!({
        "accountId": account,
        "oldState": changes.old_state.to_string(),
        "newState": changes.new_state.to_string(),
        "hasMoreChanges": changes.has_more,
        "created": changes.created,
        "updated": changes.updated,
        "destroyed": changes.destroyed,
    })
}
