//! Where something was found (RFC 8621 §5).

use std::ops::Range;

use crate::error::Error;
use crate::limits::PREVIEW_MAX_BYTES;
use crate::terms::{Phrase, Scope, Term, Wanted};
use crate::tokens::{Word, Words};

/// Characters before the first match in a preview.
const CONTEXT_CHARS: usize = 40;

const OPEN: &str = "<mark>";
const CLOSE: &str = "</mark>";

/// Pieces of a message as HTML: text is escaped, and what matches stands in `<mark>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snippet {
    /// The subject, where something matches in it.
    pub subject: Option<String>,
    /// What surrounds the first match in the body, at most [`PREVIEW_MAX_BYTES`].
    pub preview: Option<String>,
}

/// The pieces of a subject and a body in which terms are found. Terms of other scopes are passed over.
///
/// # Errors
/// [`Error::TermTooLong`].
pub fn snippet(subject: &str, body: &str, terms: &[Term]) -> Result<Snippet, Error> {
    let in_subject = phrases(terms, Scope::Subject)?;
    let in_body = phrases(terms, Scope::Body)?;
    let subject_matches = matches(subject, &in_subject);
    let body_matches = matches(body, &in_body);
    Ok(Snippet {
        subject: (!subject_matches.is_empty()).then(|| marked(subject, &subject_matches)),
        preview: body_matches
            .first()
            .map(|first| preview(body, first.start, &body_matches)),
    })
}

fn phrases(terms: &[Term], scope: Scope) -> Result<Vec<Phrase>, Error> {
    let mut all = Vec::new();
    for term in terms {
        if (term.scope == scope || term.scope == Scope::Text)
            && let Wanted::Phrases(phrases) = term.wanted()?
        {
            all.extend(phrases);
        }
    }
    Ok(all)
}

/// Where phrases are in a text, in order, without overlaps.
fn matches(text: &str, phrases: &[Phrase]) -> Vec<Range<usize>> {
    let longest = phrases.iter().map(|phrase| phrase.words.len()).max();
    let Some(longest) = longest else {
        return Vec::new();
    };
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut window: Vec<Word> = Vec::new();
    let mut words = Words::of(text);
    loop {
        while window.len() < longest {
            match words.next() {
                Some(word) => window.push(word),
                None => break,
            }
        }
        if window.is_empty() {
            return merged(found);
        }
        let here = phrases
            .iter()
            .filter_map(|phrase| match_at(&window, phrase));
        found.extend(here);
        window.remove(0);
    }
}

/// Where a phrase is, if the words begin with it.
fn match_at(words: &[Word], phrase: &Phrase) -> Option<Range<usize>> {
    let (last, before) = phrase.words.split_last()?;
    let head = words.get(..before.len())?;
    let end = words.get(before.len())?;
    let is_head = head
        .iter()
        .zip(before)
        .all(|(word, wanted)| word.text == *wanted);
    let is_last = match phrase.is_open {
        true => end.text.starts_with(last.as_str()),
        false => end.text == *last,
    };
    if !(is_head && is_last) {
        return None;
    }
    let start = words.first()?.source.start;
    let end = match phrase.is_open {
        true => end.first_end,
        false => end.source.end,
    };
    Some(start..end)
}

fn merged(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_unstable_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for range in found {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// All of a text, with marks.
fn marked(text: &str, matches: &[Range<usize>]) -> String {
    let mut out = Html::new(usize::MAX);
    out.text(text, 0, matches);
    out.finish()
}

/// What surrounds the match at `first`.
fn preview(text: &str, first: usize, matches: &[Range<usize>]) -> String {
    let start = preview_start(text, first);
    let mut out = Html::new(PREVIEW_MAX_BYTES);
    if start > 0 {
        out.push("…");
    }
    out.text(text, start, matches);
    out.finish()
}

/// Some characters before a match, at the start of a word if there is one.
fn preview_start(text: &str, first: usize) -> usize {
    let before = text.get(..first).unwrap_or_default();
    let mut context = before.char_indices().rev().take(CONTEXT_CHARS);
    let Some((start, _)) = context.by_ref().last() else {
        return first;
    };
    if start == 0 {
        return 0;
    }
    let context = text.get(start..first).unwrap_or_default();
    let blank = context.find(char::is_whitespace);
    let word = blank.and_then(|blank| {
        let behind = context.get(blank..)?;
        Some(blank + behind.len() - behind.trim_start().len())
    });
    word.filter(|word| *word < context.len())
        .map_or(start, |word| start + word)
}

/// HTML of at most so many octets.
struct Html {
    out: String,
    max: usize,
    in_mark: bool,
}

impl Html {
    fn new(max: usize) -> Self {
        Self {
            out: String::new(),
            max,
            in_mark: false,
        }
    }

    /// Adds text from `start` on as far as there is room, blanks collapsed.
    fn text(&mut self, text: &str, start: usize, matches: &[Range<usize>]) {
        let mut matches = matches
            .iter()
            .skip_while(|range| range.end <= start)
            .peekable();
        let mut was_blank = true;
        for (at, c) in text.char_indices().skip_while(|(at, _)| *at < start) {
            if self.in_mark && matches.peek().is_some_and(|range| range.end <= at) {
                matches.next();
                self.close();
            }
            if !self.in_mark && matches.peek().is_some_and(|range| range.start <= at) {
                if !self.has_room(OPEN.len() + CLOSE.len()) {
                    break;
                }
                self.out.push_str(OPEN);
                self.in_mark = true;
            }
            let is_blank = c.is_whitespace() || c.is_control();
            if is_blank && was_blank {
                continue;
            }
            was_blank = is_blank;
            if !self.push_escaped(if is_blank { ' ' } else { c }) {
                break;
            }
        }
        self.close();
    }

    fn push_escaped(&mut self, c: char) -> bool {
        let mut octets = [0; 4];
        let escaped = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&#39;",
            c => c.encode_utf8(&mut octets),
        };
        self.push(escaped)
    }

    /// Adds something if there is room for it and for the end of a mark.
    fn push(&mut self, text: &str) -> bool {
        let closing = if self.in_mark { CLOSE.len() } else { 0 };
        let has_room = self.has_room(text.len() + closing);
        if has_room {
            self.out.push_str(text);
        }
        has_room
    }

    fn has_room(&self, length: usize) -> bool {
        self.out.len().saturating_add(length) <= self.max
    }

    fn close(&mut self) {
        if self.in_mark {
            self.out.push_str(CLOSE);
            self.in_mark = false;
        }
    }

    fn finish(self) -> String {
        let empty = format!("{OPEN}{CLOSE}");
        self.out.replace(&empty, "").trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(subject: &str, body: &str, texts: &[&str]) -> Snippet {
        let terms: Vec<Term> = texts
            .iter()
            .map(|text| Term {
                scope: Scope::Text,
                text: (*text).to_owned(),
            })
            .collect();
        snippet(subject, body, &terms).unwrap()
    }

    #[test]
    fn what_matches_is_marked_and_the_rest_escaped() {
        let found = found("Re: <b> Caf\u{e9} & bar's", "x", &["cafe"]);
        let subject = "Re: &lt;b&gt; <mark>Café</mark> &amp; bar&#39;s";
        assert_eq!(found.subject.as_deref(), Some(subject));
        assert_eq!(found.preview, None);
    }

    #[test]
    fn phrases_are_marked_as_one() {
        let marked = |text, term| found(text, "", &[term]).subject;
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            marked("a b a b c", "\"a b c\""),
            some("a b <mark>a b c</mark>")
        );
        assert_eq!(marked("a b", "\"b a\""), None);
        assert_eq!(marked("x@y.org!", "x@y.org"), some("<mark>x@y.org</mark>!"));
        assert_eq!(marked("東京都に", "京都"), some("東<mark>京都</mark>に"));
        assert_eq!(marked("東京都に", "都"), some("東京<mark>都</mark>に"));
        assert_eq!(marked("한국어를", "한국어"), some("<mark>한국어</mark>를"));
        assert_eq!(marked("aa a", "a"), some("aa <mark>a</mark>"));
    }

    #[test]
    fn a_preview_surrounds_the_first_match() {
        let body = format!(
            "{} needle\r\n\r\n<tag> {}",
            "word ".repeat(100),
            "more ".repeat(100)
        );
        let preview = found("", &body, &["needle"]).preview.unwrap();
        assert!(preview.len() <= PREVIEW_MAX_BYTES, "{}", preview.len());
        assert!(preview.starts_with("…word "), "{preview}");
        assert!(
            preview.contains(" <mark>needle</mark> &lt;tag&gt; more "),
            "{preview}"
        );
    }

    #[test]
    fn a_preview_is_never_too_long() {
        for body in [
            "a ".repeat(1_000),
            "& a ".repeat(1_000),
            "aé漢&<>\"' a".repeat(1_000),
            "漢".repeat(1_000),
        ] {
            for term in ["a", "漢", "漢漢"] {
                let preview = found("", &body, &[term]).preview;
                let preview = preview.unwrap_or_default();
                assert!(preview.len() <= PREVIEW_MAX_BYTES, "{}", preview.len());
                let count = |mark| preview.matches(mark).count();
                assert_eq!(count(OPEN), count(CLOSE), "{preview}");
            }
        }
    }

    #[test]
    fn scopes_are_looked_at() {
        let term = |scope, text: &str| Term {
            scope,
            text: text.to_owned(),
        };
        let terms = [
            term(Scope::Subject, "a"),
            term(Scope::Body, "b"),
            term(Scope::From, "c"),
        ];
        let found = snippet("a b c", "a b c", &terms).unwrap();
        assert_eq!(found.subject.as_deref(), Some("<mark>a</mark> b c"));
        assert_eq!(found.preview.as_deref(), Some("a <mark>b</mark> c"));
    }

    #[test]
    fn marks_do_not_overlap() {
        let marked = found("a b c", "", &["\"a b\"", "\"b c\"", "b"]).subject;
        assert_eq!(marked.as_deref(), Some("<mark>a b c</mark>"));
    }
}
