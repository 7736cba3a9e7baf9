//! What makes threads of messages.
//!
//! A thread is a connected component over the ids in Message-ID, References and In-Reply-To. A reply that refers to
//! nothing ([`ThreadKeys::goes_by_subject`]) is moreover connected with all messages that have its base subject: that is
//! the subject step of Jamie Zawinski's algorithm (<https://www.jwz.org/doc/threading.html>), for such replies alone.
//! Messages of equal subject are not connected by it unless there is such a reply. The result is the same for every
//! order in which messages come.

use std::collections::HashSet;

use crate::header::RawField;
use crate::header::{bracketed, without_blanks};
use crate::limits::REFERENCES_MAX;
use crate::subject::BaseSubject;

/// What a message says of its thread.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThreadKeys {
    /// Its own id, without brackets.
    pub message_id: Option<String>,
    /// The ids it refers to, each once, without its own: those of References, then those of In-Reply-To, of all the
    /// last [`REFERENCES_MAX`].
    pub references: Vec<String>,
    /// The base of its subject.
    pub subject: BaseSubject,
}

impl ThreadKeys {
    /// Whether it is found a thread by its subject: it is a reply, and says not of what.
    #[must_use]
    pub fn goes_by_subject(&self) -> bool {
        self.references.is_empty() && self.subject.is_reply && !self.subject.text.is_empty()
    }

    pub(crate) fn of(
        message_id: Option<RawField<'_>>,
        references: Option<RawField<'_>>,
        in_reply_to: Option<RawField<'_>>,
        subject: BaseSubject,
    ) -> Self {
        let message_id = message_id.and_then(|field| own_id(field.value));
        let references = references.map(|field| crate::message_ids(field.value));
        let answered = in_reply_to.map(|field| answered_ids(field.value));
        let mut seen: HashSet<String> = message_id.iter().cloned().collect();
        let ids = references.into_iter().chain(answered).flatten();
        let mut references: Vec<String> = ids.filter(|id| seen.insert(id.clone())).collect();
        let surplus = references.len().saturating_sub(REFERENCES_MAX);
        references.drain(..surplus);
        Self {
            message_id,
            references,
            subject,
        }
    }
}

/// The first id in brackets, or the whole where it is one word.
fn own_id(value: &[u8]) -> Option<String> {
    let first = crate::message_ids(value).into_iter().next();
    let value = value.trim_ascii();
    first.or_else(|| {
        let is_word = !value.iter().any(|byte| b" \t\r\n<>".contains(byte));
        without_blanks(value).filter(|_| is_word)
    })
}

/// The ids in In-Reply-To. Where other words stand in it (RFC 5322 §4.5.4: `Message from A <a@b> of "…" <id>`) what is
/// in brackets may be an address; then only an id counts that begins or else ends the field.
fn answered_ids(value: &[u8]) -> Vec<String> {
    let value = value.trim_ascii();
    let ids = bracketed(value);
    let mut between = 0;
    let is_list = ids.iter().all(|(_, open, close)| {
        let gap = value.get(between..*open).unwrap_or_default();
        between = close + 1;
        gap.iter().all(is_separator)
    });
    let behind = value.get(between..).unwrap_or_default();
    if is_list && behind.iter().all(is_separator) {
        return ids.into_iter().map(|(id, _, _)| id).collect();
    }
    let first = ids.first().filter(|(_, open, _)| *open == 0);
    let last = ids.last().filter(|(_, _, close)| close + 1 == value.len());
    first
        .or(last)
        .map(|(id, _, _)| id.clone())
        .into_iter()
        .collect()
}

fn is_separator(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || *byte == b','
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(value: &str) -> Option<RawField<'_>> {
        Some(RawField {
            name: b"X",
            value: value.as_bytes(),
        })
    }

    #[test]
    fn ids_are_collected_once() {
        let keys = ThreadKeys::of(
            field(" <own@x>"),
            field(" <a@x>\r\n <b@x> <own@x> <a@x>"),
            field(" <c@x>, <b@x>"),
            BaseSubject::default(),
        );
        assert_eq!(keys.message_id.as_deref(), Some("own@x"));
        assert_eq!(keys.references, ["a@x", "b@x", "c@x"]);
    }

    #[test]
    fn addresses_in_prose_are_no_ids() {
        let ids = |value: &str| answered_ids(value.as_bytes());
        assert_eq!(
            ids(" Message from A <a@x> of \"Mon, 7 Oct\" <id@x>"),
            ["id@x"]
        );
        assert_eq!(ids(" <id@x>; from a@x on Thu"), ["id@x"]);
        assert_eq!(ids(" <id@x> from \"A\" <a@x>"), ["id@x"]);
        assert_eq!(ids(" A <a@x> \"Re: b\" (Sep 25)"), [""; 0]);
        assert_eq!(ids(" A's message of \"Fri\""), [""; 0]);
    }

    #[test]
    fn an_id_without_brackets_is_one() {
        assert_eq!(own_id(b" abc@x\r\n").as_deref(), Some("abc@x"));
        assert_eq!(own_id(b" abc def"), None);
        assert_eq!(own_id(b" "), None);
    }

    #[test]
    fn of_many_references_the_last_count() {
        let many: Vec<String> = (0..REFERENCES_MAX + 5)
            .map(|n| format!("<{n}@x>"))
            .collect();
        let keys = ThreadKeys::of(None, field(&many.join(" ")), None, BaseSubject::default());
        assert_eq!(keys.references.len(), REFERENCES_MAX);
        assert_eq!(keys.references[0], "5@x");
    }

    #[test]
    fn only_replies_without_references_go_by_subject() {
        let keys = |references: &str, subject: &str| {
            ThreadKeys::of(None, field(references), None, crate::base_subject(subject))
        };
        assert!(keys("", "Re: a").goes_by_subject());
        assert!(!keys("<a@x>", "Re: a").goes_by_subject());
        assert!(!keys("", "a").goes_by_subject());
        assert!(!keys("", "Re:").goes_by_subject());
    }
}
