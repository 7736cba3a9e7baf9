//! `Core/echo` (RFC 8620 §4).

use serde_json::Value;

use crate::host::Host;
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::MethodError;

/// The methods of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Gives back what it is given.
    Echo,
}

impl Method {
    /// The method of a name.
    pub fn named(verb: &str) -> Option<Self> {
        match verb {
            "echo" => Some(Self::Echo),
            _ => None,
        }
    }
}

/// Runs a method.
///
/// # Errors
///
/// None.
pub async fn run<H: Host>(
    method: Method,
    _context: &mut Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    match method {
        Method::Echo => Ok(Value::Object(arguments.0)),
    }
}
