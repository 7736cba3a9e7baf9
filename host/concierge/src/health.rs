//! Whether all that must work does.

use concierge_objects::Status;

/// What is wrong, in words; nothing if all is well.
pub fn problems(_status: &Status) -> Vec<String> {
    Vec::new()
}
