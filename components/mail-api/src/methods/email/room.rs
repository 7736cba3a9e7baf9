//! How much an answer may take: one email can be larger than the memory of an instance has room for in JSON.

use serde_json::Value;

use crate::jmap::error::{Kind, MethodError};
use crate::jmap::limits::ANSWERED_BYTES_MAX;
use crate::jmap::pointer::weight;

/// Bytes, about, that an answer may still take.
#[derive(Debug)]
pub struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(ANSWERED_BYTES_MAX)
    }
}

impl Room {
    /// Takes the room of a value that goes into the answer.
    ///
    /// # Errors
    ///
    /// `requestTooLarge` where there is not so much left.
    pub fn take(&mut self, value: Value) -> Result<Value, MethodError> {
        match self.0.checked_sub(weight(&value)) {
            Some(left) => {
                self.0 = left;
                Ok(value)
            }
            None => Err(MethodError::new(
                Kind::RequestTooLarge,
                "The answer would be too long: ask for fewer emails, fewer properties, or shorter texts.",
            )),
        }
    }
}
