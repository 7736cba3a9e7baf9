//! References to the results of earlier calls (RFC 8620 §3.7).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::{Kind, MethodError};
use super::pointer;
use super::request::Invocation;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResultReference {
    result_of: String,
    name: String,
    path: String,
}

/// Puts what the arguments refer to in their place. Only responses that are there can be referred to, so that no
/// reference leads forward or in a circle. What is copied is taken from `bytes_left`.
///
/// # Errors
///
/// `invalidArguments` where an argument is there both ways, `invalidResultReference` where one leads nowhere or copies
/// too much.
pub fn resolve(
    arguments: Map<String, Value>,
    responses: &[Invocation],
    bytes_left: &mut usize,
) -> Result<Map<String, Value>, MethodError> {
    if !arguments.keys().any(|name| name.starts_with('#')) {
        return Ok(arguments);
    }
    let mut resolved = Map::new();
    for (name, value) in arguments {
        let (name, value) = match name.strip_prefix('#') {
            None => (name, value),
            Some(name) => (name.to_owned(), result(name, value, responses, bytes_left)?),
        };
        if resolved.contains_key(&name) {
            return Err(MethodError::invalid_arguments(format!(
                "{name:?} is there both by itself and as a reference."
            )));
        }
        resolved.insert(name, value);
    }
    Ok(resolved)
}

fn result(
    name: &str,
    reference: Value,
    responses: &[Invocation],
    bytes_left: &mut usize,
) -> Result<Value, MethodError> {
    let fail =
        |why: &str| MethodError::new(Kind::InvalidResultReference, format!("#{name}: {why}"));
    let reference: ResultReference =
        serde_json::from_value(reference).map_err(|_| fail("It is no ResultReference."))?;
    let response = responses
        .iter()
        .find(|response| response.id == reference.result_of)
        .ok_or_else(|| fail("No earlier call has this id."))?;
    if response.name != reference.name {
        return Err(fail("The response has another name."));
    }
    let tokens = pointer::tokens(&reference.path).ok_or_else(|| fail("The path is no pointer."))?;
    let found = match tokens.split_first() {
        None => whole(&response.arguments, bytes_left),
        Some((first, rest)) => response
            .arguments
            .get(first)
            .and_then(|value| pointer::follow(value, rest, bytes_left)),
    };
    found.ok_or_else(|| fail("The path leads nowhere, or too much is referred to."))
}

/// The pointer that is empty means all of it.
fn whole(arguments: &Map<String, Value>, bytes_left: &mut usize) -> Option<Value> {
    let bytes: usize = arguments.values().map(pointer::weight).sum();
    *bytes_left = bytes_left.checked_sub(bytes)?;
    Some(Value::Object(arguments.clone()))
}
