//! The form of a message, as far as others who read it depend on it.

use concierge_smtp::{EnhancedCode, Reply};

use super::{InFlight, Step, Verdict};
use crate::trace;

/// Servers that a message may have passed; RFC 5321 §6.3 asks for 100 at least.
const RECEIVED_MAX: usize = 100;
/// Fields that a message may have: no honest one has a tenth of them, and each costs whoever reads it.
const FIELDS_MAX: usize = 10_000;

/// Refuses messages that go round in circles (RFC 5321 §6.3), and those of which two readers would not see the same author
/// (RFC 5322 §3.6: `From` stands there once).
pub(super) struct Form;

#[derive(Default)]
struct Counted {
    fields: usize,
    received: usize,
    from: usize,
}

impl Counted {
    fn verdict(&self) -> Result<(), Reply> {
        let no = |code, detail: EnhancedCode, why: &str| Err(Reply::new(code, detail, why));
        if self.received > RECEIVED_MAX {
            return no(554, EnhancedCode(5, 4, 6), "this message goes in circles");
        }
        if self.fields > FIELDS_MAX {
            return no(554, EnhancedCode(5, 6, 0), "too many header fields");
        }
        match self.from {
            0 | 1 => Ok(()),
            _ => no(550, EnhancedCode(5, 6, 0), "more than one From field"),
        }
    }
}

impl Step for Form {
    fn name(&self) -> &'static str {
        "form"
    }

    fn message<'a>(&'a self, message: &'a mut InFlight) -> Verdict<'a> {
        let mut counted = Counted::default();
        for field in trace::fields(&message.bytes).take(FIELDS_MAX + 1) {
            counted.fields += 1;
            counted.received += usize::from(field.is("Received"));
            counted.from += usize::from(field.is("From"));
        }
        let verdict = counted.verdict();
        Box::pin(async { verdict })
    }
}
