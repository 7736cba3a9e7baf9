//! A request of the API (RFC 8620 §3.3).

use serde_json::{Map, Value};

use super::capability::Using;
use super::limits::CALLS_MAX;
use super::strict_json::{self, Unreadable};
use crate::problem::Problem;

/// A request, checked as a whole. Method calls are looked at when it is their turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What the client uses.
    pub using: Using,
    /// The calls, in their order.
    pub calls: Vec<Invocation>,
    /// Creation ids of earlier requests and their ids; `None` where the client does not want them told.
    pub created_ids: Option<Map<String, Value>>,
}

/// A method call or a response (RFC 8620 §3.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The method's name.
    pub name: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// The client's name for the call.
    pub id: String,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// The problems of RFC 8620 §3.6.1.
    pub fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let value = strict_json::read(bytes).map_err(|error| match error {
            Unreadable::NotJson(what) => Problem::not_json(what),
            Unreadable::TooDeep => Problem::limit("maxDepth", "The JSON is nested too deep."),
            Unreadable::TooManyValues => {
                Problem::limit("maxValues", "The JSON has too many values.")
            }
        })?;
        let Value::Object(mut members) = value else {
            return Err(Problem::not_request("A request is an object."));
        };
        let using = Using::read(members.remove("using"))?;
        let Some(Value::Array(calls)) = members.remove("methodCalls") else {
            return Err(Problem::not_request("methodCalls is missing, or no array."));
        };
        if calls.len() > CALLS_MAX {
            let detail = format!("A request has at most {CALLS_MAX} method calls.");
            return Err(Problem::limit("maxCallsInRequest", detail));
        }
        let calls = calls.into_iter().map(invocation).collect::<Option<_>>();
        let calls = calls.ok_or_else(|| {
            Problem::not_request("A method call is an array of name, arguments and id.")
        })?;
        Ok(Self {
            using,
            calls,
            created_ids: created_ids(members.remove("createdIds"))?,
        })
    }
}

fn invocation(call: Value) -> Option<Invocation> {
    let Value::Array(parts) = call else {
        return None;
    };
    match <[Value; 3]>::try_from(parts).ok()? {
        [
            Value::String(name),
            Value::Object(arguments),
            Value::String(id),
        ] => Some(Invocation {
            name,
            arguments,
            id,
        }),
        _ => None,
    }
}

fn created_ids(value: Option<Value>) -> Result<Option<Map<String, Value>>, Problem> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(ids)) if ids.values().all(Value::is_string) => Ok(Some(ids)),
        Some(_) => Err(Problem::not_request("createdIds is not a map of ids.")),
    }
}
