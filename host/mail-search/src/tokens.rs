//! Words: what texts are taken apart into, in the index and in what is looked for.
//!
//! A word is a run of letters and digits. Of a run of characters of a script that does not part words each pair is
//! one (`東京都`: `東京`, `京都`), and behind the last pair the last character alone, so that any single character is
//! the beginning of some word wherever it stands.

use std::iter::Peekable;
use std::ops::Range;
use std::str::Lines;

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::fold::{Cluster, Clusters, Kind};
use crate::limits::{FIELD_NAME_MAX_BYTES, WORD_MAX_BYTES};

/// Most words fit into these.
const WORD_USUAL_BYTES: usize = 16;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Folded, at most [`WORD_MAX_BYTES`].
    pub(crate) text: String,
    /// Where it is in the text, in bytes.
    pub(crate) source: Range<usize>,
    /// Where its first character ends.
    pub(crate) first_end: usize,
    pub(crate) form: Form,
}

/// What a word is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Letters and digits.
    Plain,
    /// Two characters of a script that does not part words.
    Pair,
    /// The last of such characters, behind a pair.
    Last,
    /// Such a character between others.
    Single,
}

/// The words of a text.
pub(crate) struct Words<'a> {
    clusters: Peekable<Clusters<'a>>,
    /// The characters before the next one made a pair with it.
    in_run: bool,
}

impl<'a> Words<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self {
            clusters: Clusters::of(text).peekable(),
            in_run: false,
        }
    }

    fn plain(&mut self, first: Cluster) -> Word {
        let first_end = first.end;
        let mut source = first.start..first.end;
        let mut text = String::with_capacity(WORD_USUAL_BYTES);
        first.folded.add_to(&mut text);
        while let Some(next) = self.clusters.next_if(|next| next.kind == Kind::Letter) {
            source.end = next.end;
            if text.len() + next.folded.bytes() <= WORD_MAX_BYTES {
                next.folded.add_to(&mut text);
            }
        }
        Word {
            text,
            source,
            first_end,
            form: Form::Plain,
        }
    }

    fn unspaced(&mut self, first: Cluster) -> Word {
        let next = self.clusters.peek();
        let next = next.filter(|next| next.kind == Kind::Unspaced);
        let form = match (next, self.in_run) {
            (Some(_), _) => Form::Pair,
            (None, true) => Form::Last,
            (None, false) => Form::Single,
        };
        let mut text = String::new();
        first.folded.add_to(&mut text);
        let mut word = Word {
            text,
            source: first.start..first.end,
            first_end: first.end,
            form,
        };
        if let Some(next) = next {
            next.folded.add_to(&mut word.text);
            word.source.end = next.end;
        }
        self.in_run = form == Form::Pair;
        word
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        loop {
            let first = self.clusters.next()?;
            match first.kind {
                Kind::Letter => return Some(self.plain(first)),
                Kind::Unspaced => return Some(self.unspaced(first)),
                Kind::Other => {}
            }
        }
    }
}

/// What stands before the words of a header field, and alone for the field itself; `None`: the name is none. No word has
/// a colon.
pub(crate) fn field_mark(name: &str) -> Option<String> {
    let name = name.trim().to_ascii_lowercase();
    let is_name = (1..=FIELD_NAME_MAX_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|byte| matches!(byte, 33..=126) && byte != b':');
    is_name.then(|| name + ":")
}

/// The words of header fields, each in a line `NAME:VALUE`: of a field its mark, and then its words with the mark before
/// each, so that words follow each other within one field alone.
pub(crate) struct FieldWords<'a> {
    lines: Lines<'a>,
    field: Option<(String, Words<'a>)>,
}

impl<'a> FieldWords<'a> {
    pub(crate) fn of(header: &'a str) -> Self {
        let lines = header.lines();
        Self { lines, field: None }
    }
}

impl Iterator for FieldWords<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if let Some((mark, words)) = &mut self.field
            && let Some(word) = words.next()
        {
            return Some(format!("{mark}{}", word.text));
        }
        loop {
            let (name, value) = self.lines.next()?.split_once(':')?;
            if let Some(mark) = field_mark(name) {
                self.field = Some((mark.clone(), Words::of(value)));
                return Some(mark);
            }
        }
    }
}

/// [`FieldWords`] for the engine.
#[derive(Clone, Default)]
pub(crate) struct HeaderTokenizer;

pub(crate) struct HeaderTokens<'a> {
    words: FieldWords<'a>,
    token: Token,
}

impl Tokenizer for HeaderTokenizer {
    type TokenStream<'a> = HeaderTokens<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> HeaderTokens<'a> {
        HeaderTokens {
            words: FieldWords::of(text),
            token: Token::default(),
        }
    }
}

/// Where a word is in the text is not told: nobody is shown it.
impl TokenStream for HeaderTokens<'_> {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else {
            return false;
        };
        // Begins at `usize::MAX`.
        self.token.position = self.token.position.wrapping_add(1);
        self.token.text = word;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// [`Words`] for the engine.
#[derive(Clone, Default)]
pub(crate) struct MailTokenizer;

pub(crate) struct MailTokens<'a> {
    words: Words<'a>,
    token: Token,
}

impl Tokenizer for MailTokenizer {
    type TokenStream<'a> = MailTokens<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> MailTokens<'a> {
        MailTokens {
            words: Words::of(text),
            token: Token::default(),
        }
    }
}

impl TokenStream for MailTokens<'_> {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else {
            return false;
        };
        // Begins at `usize::MAX`.
        self.token.position = self.token.position.wrapping_add(1);
        self.token.offset_from = word.source.start;
        self.token.offset_to = word.source.end;
        self.token.text = word.text;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Words::of(text).map(|word| word.text).collect()
    }

    #[test]
    fn words_are_parted() {
        assert_eq!(
            words("Don't, a.b@c.org 3½!"),
            ["don", "t", "a", "b", "c", "org", "31⁄2"]
        );
        assert_eq!(words("東京都"), ["東京", "京都", "都"]);
        assert_eq!(words("한국어 나"), ["한국", "국어", "어", "나"]);
        assert_eq!(words("abc漢字def"), ["abc", "漢字", "字", "def"]);
        assert_eq!(words(" \n"), [""; 0]);
    }

    #[test]
    fn words_of_fields_have_their_names() {
        let header = "List-Id:Ann's <list>\nX A:no name\nx:\n:none\nX:東京";
        let words: Vec<_> = FieldWords::of(header).collect();
        let of_list = ["list-id:", "list-id:ann", "list-id:s", "list-id:list"];
        assert_eq!(words[..4], of_list);
        assert_eq!(words[4..], ["x:", "x:", "x:東京", "x:京"]);
    }

    #[test]
    fn forms_are_told() {
        let forms: Vec<_> = Words::of("a 漢 漢字").map(|word| word.form).collect();
        assert_eq!(forms, [Form::Plain, Form::Single, Form::Pair, Form::Last]);
    }

    #[test]
    fn long_words_are_cut() {
        let long = "x".repeat(1 << 20);
        assert_eq!(words(&long), ["x".repeat(WORD_MAX_BYTES)]);
    }

    #[test]
    fn sources_are_places_in_the_text() {
        let text = "É 漢字";
        let found: Vec<_> = Words::of(text)
            .map(|word| (&text[word.source], &text[..word.first_end]))
            .collect();
        assert_eq!(found, [("É", "É"), ("漢字", "É 漢"), ("字", "É 漢字")]);
    }
}
