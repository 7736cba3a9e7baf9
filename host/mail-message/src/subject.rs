//! Base subjects (RFC 5256 §2.1): what is left of a subject when marks of replies and forwards are gone.

use crate::bytes::truncated;
use crate::limits::SUBJECT_MAX_BYTES;

/// The base of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct BaseSubject {
    /// May be empty.
    pub text: String,
    /// Something said that it is a reply or a forward.
    pub is_reply: bool,
}

impl BaseSubject {
    /// What subjects are compared by: case does not count (RFC 5256 §2.1).
    #[must_use]
    pub fn key(&self) -> String {
        self.text.to_lowercase()
    }
}

/// The base of a decoded subject, of which at most [`SUBJECT_MAX_BYTES`] are looked at.
#[must_use]
pub fn base_subject(subject: &str) -> BaseSubject {
    let subject = collapsed(truncated(subject, SUBJECT_MAX_BYTES));
    let mut rest = subject.as_str();
    let mut is_reply = false;
    loop {
        // The numbers are those of the steps in the RFC.
        let (kept, was_forward) = without_trailers(rest); // 2
        let (kept, was_reply) = without_leaders(kept); // 3 to 5
        is_reply |= was_forward | was_reply;
        match without_forward(kept) {
            Some(inner) => rest = inner, // 6
            None => {
                return BaseSubject {
                    text: kept.to_owned(),
                    is_reply,
                };
            }
        }
        is_reply = true;
    }
}

/// Step 1: runs of blanks are one.
fn collapsed(subject: &str) -> String {
    let mut text = String::with_capacity(subject.len());
    for c in subject.chars() {
        let c = if matches!(c, '\t' | '\r' | '\n') {
            ' '
        } else {
            c
        };
        if c != ' ' || !text.ends_with(' ') {
            text.push(c);
        }
    }
    text
}

/// Step 2: `(fwd)` and blanks at the end.
fn without_trailers(mut text: &str) -> (&str, bool) {
    let mut was_forward = false;
    loop {
        text = text.trim_end_matches(' ');
        match strip_suffix_ignore_case(text, "(fwd)") {
            Some(rest) => text = rest,
            None => return (text, was_forward),
        }
        was_forward = true;
    }
}

/// Steps 3 to 5: `Re:` and the like with what stands in brackets before it, and one `[list]` after the other as
/// long as something is left.
fn without_leaders(mut text: &str) -> (&str, bool) {
    let mut was_reply = false;
    loop {
        text = text.trim_start_matches(' ');
        if let Some(rest) = without_reply_mark(text) {
            text = rest;
            was_reply = true;
        } else if let Some(rest) = without_blob(text).filter(|rest| !rest.is_empty()) {
            text = rest;
        } else {
            return (text, was_reply);
        }
    }
}

/// `*subj-blob subj-refwd`.
fn without_reply_mark(mut text: &str) -> Option<&str> {
    while let Some(rest) = without_blob(text) {
        text = rest;
    }
    let rest = ["fwd", "fw", "re"]
        .iter()
        .find_map(|mark| strip_prefix_ignore_case(text, mark))?;
    let rest = rest.trim_start_matches(' ');
    without_blob(rest).unwrap_or(rest).strip_prefix(':')
}

/// `subj-blob`: something in brackets without brackets in it, and the blanks behind.
fn without_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    let rest = inner.get(end..)?.strip_prefix(']')?;
    Some(rest.trim_start_matches(' '))
}

/// Step 6: `[fwd: …]` around all of it.
fn without_forward(text: &str) -> Option<&str> {
    strip_prefix_ignore_case(text, "[fwd:")?.strip_suffix(']')
}

fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn strip_suffix_ignore_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(suffix.len())?;
    let (rest, tail) = text.split_at_checked(at)?;
    tail.eq_ignore_ascii_case(suffix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go() {
        let cases = [
            ("Hello", "Hello", false),
            ("Re: Hello", "Hello", true),
            ("RE:re: \t Hello (fwd) (FWD) ", "Hello", true),
            ("Fwd: Hello", "Hello", true),
            ("fw : Hello", "Hello", true),
            ("Re [2]: Hello", "Hello", true),
            ("[list] Re: [list] Hello", "Hello", true),
            ("[list] Hello", "Hello", false),
            ("[a] [b]  Hello", "Hello", false),
            ("[list]", "[list]", false),
            ("Re: [list]", "[list]", true),
            ("[fwd: Re: Hello]", "Hello", true),
            ("Hello (fwd)", "Hello", true),
            ("Regards", "Regards", false),
            ("Re Hello", "Re Hello", false),
            ("Re:", "", true),
            ("", "", false),
            ("ä: Ü", "ä: Ü", false),
            ("[a[b] Re: c", "[a[b] Re: c", false),
        ];
        for (subject, text, is_reply) in cases {
            let expected = BaseSubject {
                text: text.to_owned(),
                is_reply,
            };
            assert_eq!(base_subject(subject), expected, "{subject:?}");
        }
    }

    #[test]
    fn floods_of_marks_are_cut() {
        assert_eq!(base_subject(&"[a]".repeat(1 << 20)).text, "[a");
        assert!(base_subject(&"Re: ".repeat(1 << 20)).text.is_empty());
    }
}
