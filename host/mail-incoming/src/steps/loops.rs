//! Mail that goes round in circles (RFC 5321 §6.3).

use concierge_smtp::{EnhancedCode, Reply};

use super::{InFlight, Step, Verdict};
use crate::trace;

/// Servers that a message may have passed; RFC 5321 §6.3 asks for 100 at least.
const RECEIVED_MAX: usize = 100;

/// Refuses what has passed too many servers.
pub(super) struct Loops;

impl Step for Loops {
    fn name(&self) -> &'static str {
        "loops"
    }

    fn message<'a>(&'a self, message: &'a mut InFlight) -> Verdict<'a> {
        let fields = trace::fields(&message.bytes);
        let received = fields.filter(|field| field.is("Received")).count();
        Box::pin(async move {
            match received > RECEIVED_MAX {
                true => Err(Reply::new(
                    554,
                    EnhancedCode(5, 4, 6),
                    "this message goes in circles",
                )),
                false => Ok(()),
            }
        })
    }
}
